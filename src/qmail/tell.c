/* SPDX-License-Identifier: ISC */
#include "qmail/tell.h"

#include "qmail/report.h"

/* ---- values ---- */

static void
put(struct qmail_tell *t, struct slice value)
{
    uint8_t bytes[TELL_VALUE_SIZE_MAX];
    struct buf safe;

    buf_init(&safe, bytes, sizeof(bytes));
    qmail_report_put_safe(&safe, slice_part(value, 0, sizeof(bytes)));
    value = slice_chomp(buf_slice(&safe));
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];

        /* A line end of a value must not end the line that is told. */
        if (byte == '\n') {
            buf_put_text(t->out, t->json ? "\\n" : t->lines ? "\n  | " : " / ");
            continue;
        }
        if (t->json && (byte == '"' || byte == '\\'))
            buf_put_byte(t->out, '\\');
        /* U+0080 to U+009F: a terminal may obey them. */
        if (byte == 0xc2 && value.data[i + 1] < 0xa0) {
            byte = '?';
            i++;
        }
        buf_put_byte(t->out, byte);
    }
}

/* What stands before a value. */
static void
put_before(struct qmail_tell *t, const char *words, const char *key)
{
    if (!t->json) {
        buf_put_text(t->out, words);
        return;
    }
    buf_put_text(t->out, ",\"");
    buf_put_text(t->out, key);
    buf_put_text(t->out, "\":");
}

/* Is there something to be put for this reader? */
static bool
is_read(const struct qmail_tell *t, const char *words, const char *key)
{
    return (t->json ? key : words) != NULL;
}

void
qmail_tell_slice(struct qmail_tell *t, const char *words, const char *key,
                 struct slice value)
{
    if (value.size == 0 || !is_read(t, words, key))
        return;
    put_before(t, words, key);
    if (t->json)
        buf_put_byte(t->out, '"');
    put(t, value);
    if (t->json)
        buf_put_byte(t->out, '"');
}

void
qmail_tell_text(struct qmail_tell *t, const char *words, const char *key,
                const char *value)
{
    if (value)
        qmail_tell_slice(t, words, key, slice_text(value));
}

void
qmail_tell_word(struct qmail_tell *t, const char *words, const char *key,
                struct qmail_tell_word value)
{
    qmail_tell_text(t, words, key, t->json ? value.code : value.words);
}

void
qmail_tell_addr(struct qmail_tell *t, const char *words, const char *key,
                const struct addr *value)
{
    uint8_t bytes[ADDR_TEXT_SIZE_MAX];
    struct buf text;

    buf_init(&text, bytes, sizeof(bytes));
    if (value && value->family != ADDR_NONE)
        addr_print(&text, value);
    qmail_tell_slice(t, words, key, buf_slice(&text));
}

void
qmail_tell_number(struct qmail_tell *t, const char *words, const char *key,
                  uint64_t value)
{
    if (value == TELL_NO_NUMBER || !is_read(t, words, key))
        return;
    put_before(t, words, key);
    buf_put_number(t->out, value, 1);
}

void
qmail_tell_flag(struct qmail_tell *t, const char *words, const char *key,
                bool value)
{
    if (!value || !is_read(t, words, key))
        return;
    put_before(t, words, key);
    if (t->json)
        buf_put_text(t->out, "true");
}

/* ---- lines ---- */

void
qmail_tell_words(struct qmail_tell *t, const char *words)
{
    if (!t->json)
        buf_put_text(t->out, words);
}

void
qmail_tell_begin(struct qmail_tell *t, const char *event)
{
    if (!t->json)
        return;
    buf_put_text(t->out, "{\"event\":\"");
    buf_put_text(t->out, event);
    buf_put_byte(t->out, '"');
}

void
qmail_tell_end(struct qmail_tell *t)
{
    buf_put_text(t->out, t->json ? "}\n" : "\n");
}
