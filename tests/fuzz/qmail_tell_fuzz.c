/* SPDX-License-Identifier: ISC */
/* Lines of the probe, from values of any bytes: one line each for a person, and
 * for a program one object, as a slow reader of RFC 8259 takes it. */
#include "qmail/tell.h"

#include "fuzz.h"

enum { OUT_SIZE = TELL_SIZE * 8 };

/* Nothing that moves a cursor or ends a line. */
static void
check_bytes(struct slice s, uint32_t line_count)
{
    uint32_t lines = 0;

    MUST(s.size > 0 && s.data[s.size - 1] == '\n');
    for (size_t i = 0; i < s.size; i++) {
        lines += s.data[i] == '\n';
        MUST(s.data[i] >= ' ' || s.data[i] == '\n');
        MUST(s.data[i] != 0x7f);
        if (s.data[i] == 0xc2)
            MUST(s.data[i + 1] >= 0xa0);
    }
    MUST(line_count == 0 || lines == line_count);
}

static char
next(struct slice *s)
{
    MUST(s->size > 0);
    return (char)fuzz_u8(s);
}

/* Behind its first quotation mark. */
static void
read_string(struct slice *s)
{
    for (char c = next(s); c != '"'; c = next(s)) {
        MUST((uint8_t)c >= ' ');
        if (c == '\\') {
            char escape = next(s);

            MUST(escape == '"' || escape == '\\' || escape == 'n');
        }
    }
}

static void
read_value(struct slice *s)
{
    bool digit = false;

    if (s->size >= 4 && memcmp(s->data, "true", 4) == 0) {
        (void)fuzz_take(s, 4);
        return;
    }
    if (s->size > 0 && s->data[0] == '"') {
        (void)next(s);
        read_string(s);
        return;
    }
    while (s->size > 0 && s->data[0] >= '0' && s->data[0] <= '9') {
        digit = true;
        (void)next(s);
    }
    MUST(digit);
}

static void
read_object(struct slice s)
{
    char c = next(&s);

    MUST(c == '{');
    do {
        c = next(&s);
        MUST(c == '"');
        read_string(&s);
        c = next(&s);
        MUST(c == ':');
        read_value(&s);
        c = next(&s);
    } while (c == ',');
    MUST(c == '}');
    c = next(&s);
    MUST(c == '\n' && s.size == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[OUT_SIZE];
    struct slice in = slice_of(data, size);
    uint8_t flags = fuzz_u8(&in);
    struct addr address = {.family = flags & 1   ? ADDR_IPV4
                                     : flags & 2 ? ADDR_IPV6
                                                 : ADDR_NONE};
    struct slice name = fuzz_take(&in, fuzz_u8(&in));
    uint32_t ms = fuzz_u32(&in);
    struct qmail_tell t = {.json = flags & 4, .lines = flags & 8};
    char text[64] = {0};
    uint8_t *copy;
    struct slice rest;
    struct buf out;

    rest = fuzz_take(&in, fuzz_u8(&in) % (sizeof(text) - 1));
    if (rest.size > 0)
        memcpy(text, rest.data, rest.size);
    copy = fuzz_copy(in);
    in = slice_of(copy, in.size);
    buf_init(&out, bytes, sizeof(bytes));
    t.out = &out;
    qmail_tell_begin(&t, "reply");
    qmail_tell_text(&t, "  ", "to", flags & 16 ? NULL : text);
    qmail_tell_slice(&t, " ", "name", flags & 32 ? SLICE("") : name);
    qmail_tell_addr(&t, " at ", "address", flags & 64 ? NULL : &address);
    qmail_tell_number(&t, ", ", "ms", ms);
    qmail_tell_flag(&t, " late", "late", flags & 128);
    qmail_tell_word(&t, ": ", "word", TELL_WORD(text, "code"));
    qmail_tell_slice(&t, ": ", "text", in);
    qmail_tell_end(&t);
    MUST(!out.full);
    check_bytes(buf_slice(&out), t.lines && !t.json ? 0 : 1);
    if (t.json)
        read_object(buf_slice(&out));
    free(copy);
    return 0;
}
