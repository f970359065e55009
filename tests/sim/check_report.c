/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/check.h"

enum { TEXT_SIZE_LIMIT = 10000, SAID_SIZE_MAX = 5000 + 40 };

/* Size of the well-formed UTF-8 sequence there (Unicode, table 3-7), or 0. */
static size_t
sequence_size(const uint8_t *p, size_t size)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t count = 0;

    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        count = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        count = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        count = 4;
    if (count == 0 || count > size)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    if (p[0] == 0xed)
        high = 0x9f;
    if (p[0] == 0xf0)
        low = 0x90;
    if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < count; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return count;
}

static void
check_text(const uint8_t *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i += count) {
        bool plain = text[i] == '\n' || (text[i] >= ' ' && text[i] < 0x7f);

        count = plain ? 1 : sequence_size(text + i, size - i);
        if (count == 0) {
            violated(CHECK_SAFE_TEXT, "byte 0x%02x in the report: %s", text[i],
                     quoted(text, size));
            return;
        }
    }
}

static bool
end_record(struct report *r, const uint8_t *from, size_t size)
{
    char letter = (char)from[0];

    check_text(from + 1, size - 1);
    if (size > 1 && from[size - 1] != '\n')
        return false;
    if (letter == 'r' || letter == 'h' || letter == 's') {
        if (r->letter != 0 || r->record_count == world.recipient_count)
            return false;
        r->records[r->record_count++] = (uint8_t)letter;
        return letter != 'r' || size == 1;
    }
    if (r->letter != 0 || (letter != 'K' && letter != 'Z' && letter != 'D'))
        return false;
    r->letter = letter;
    r->text = (const char *)from + 1;
    r->text_size = size - 1;
    return size > 2 && size < TEXT_SIZE_LIMIT;
}

bool
report_read(const struct bytes *b, struct report *r)
{
    size_t from = 0;

    *r = (struct report){0};
    while (from < b->size) {
        const uint8_t *end = memchr(b->data + from, 0, b->size - from);
        size_t size = end ? (size_t)(end - b->data) - from : 0;

        if (size == 0 || !end_record(r, b->data + from, size))
            return false;
        from += size + 1;
    }
    return r->letter != 0;
}

bool
report_starts(const struct report *r, const char *text)
{
    size_t size = strlen(text);

    return size <= r->text_size && memcmp(r->text, text, size) == 0;
}

bool
report_has(const struct report *r, const char *text)
{
    size_t size = strlen(text);

    for (size_t i = 0; i + size <= r->text_size; i++)
        if (memcmp(r->text + i, text, size) == 0)
            return true;
    return false;
}
