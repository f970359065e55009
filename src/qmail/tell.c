/* SPDX-License-Identifier: ISC */
#include "qmail/tell.h"

#include "qmail/report.h"

/* ---- values ---- */

/* A line end of a value must not end the line that is told. */
static void
put_byte(struct qmail_tell *t, uint8_t byte)
{
    if (byte == '\n') {
        buf_put_text(t->out, t->json ? "\\n" : t->lines ? "\n  | " : " / ");
        return;
    }
    if (t->json && (byte == '"' || byte == '\\'))
        buf_put_byte(t->out, '\\');
    buf_put_byte(t->out, byte);
}

static void
put(struct qmail_tell *t, struct slice value)
{
    uint8_t bytes[TELL_VALUE_SIZE_MAX];
    struct buf safe;

    buf_init(&safe, bytes, sizeof(bytes));
    qmail_report_put_safe(&safe, slice_part(value, 0, sizeof(bytes)));
    value = slice_chomp(buf_slice(&safe));
    for (size_t i = 0; i < value.size; i++) {
        /* U+0080 to U+009F: a terminal may obey them. */
        bool control = value.data[i] == 0xc2 && value.data[i + 1] < 0xa0;

        put_byte(t, control ? '?' : value.data[i]);
        i += control;
    }
}

/* The value of a piece as text, perhaps in `room`; false: there is none. */
static bool
take(char kind, const union tell *value, struct buf *room, struct slice *out)
{
    if (kind == '#') {
        buf_put_number(room, value->number, 1);
        *out = buf_slice(room);
        return value->number != TELL_NO_NUMBER;
    }
    if (!value->text)
        return false;
    if (kind == '%') {
        *out = slice_text(value->text);
    } else if (kind == '$') {
        *out = *value->slice;
    } else {
        addr_print(room, value->addr);
        *out = buf_slice(room);
    }
    return true;
}

/* ---- pieces ---- */

static void
put_json(struct qmail_tell *t, char kind, struct slice key, struct slice value)
{
    bool string = kind != '#' && kind != '<';

    if (key.size > 0) {
        buf_put_text(t->out, ",\"");
        buf_put(t->out, key);
        buf_put_text(t->out, "\":");
    } else if (!t->listing) {
        return;
    }
    if (string)
        buf_put_byte(t->out, '"');
    put(t, value);
    if (string)
        buf_put_byte(t->out, '"');
    if (kind == '<')
        buf_put_byte(t->out, '[');
}

static bool
is_kind(char byte)
{
    return byte == '%' || byte == '$' || byte == '@' || byte == '#' ||
           byte == '<';
}

/* `at` is behind its brace; returns where it ends. */
static const char *
tell_piece(struct qmail_tell *t, const char *at, const union tell **values)
{
    uint8_t bytes[ADDR_TEXT_SIZE_MAX];
    struct slice words, key, value = {bytes, 0};
    struct buf room;
    const char *kind = at, *end = NULL;

    while (!is_kind(*kind))
        kind++;
    for (end = kind; *end != '}';)
        end++;
    words = slice_of(at, (size_t)(kind - at));
    key = slice_of(kind + 1, (size_t)(end - kind - 1));
    buf_init(&room, bytes, sizeof(bytes));
    if (*kind != '<' && !take(*kind, (*values)++, &room, &value))
        return end;
    if (t->listing && t->more)
        buf_put_text(t->out, t->json ? "," : ", ");
    t->more = t->listing;
    if (t->json) {
        put_json(t, *kind, key, value);
    } else if (*at != '!') {
        buf_put(t->out, words);
        put(t, value);
    }
    t->listing = t->listing || *kind == '<';
    return end;
}

static const char *
tell_event(struct qmail_tell *t, const char *at)
{
    size_t size = slice_find(slice_text(at), ']');

    if (t->json) {
        buf_put_text(t->out, "{\"event\":\"");
        buf_put(t->out, slice_of(at, size));
        buf_put_byte(t->out, '"');
    }
    return at + size;
}

void
qmail_tell(struct qmail_tell *t, const char *format, const union tell *values)
{
    for (const char *at = format; *at; at++) {
        if (*at == '[') {
            at = tell_event(t, at + 1);
        } else if (*at == '{') {
            at = tell_piece(t, at + 1, &values);
        } else if (*at == '>') {
            t->listing = t->more = false;
            buf_put_text(t->out, t->json ? "]" : "");
        } else if (*at == '\n') {
            buf_put_text(t->out, t->json ? "}\n" : "\n");
        } else if (!t->json) {
            buf_put_byte(t->out, (uint8_t)*at);
        }
    }
}
