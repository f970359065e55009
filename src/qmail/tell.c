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
        return true;
    }
    if (kind == '$') {
        *out = *value->slice;
        return out->size > 0;
    }
    addr_print(room, value->addr);
    *out = buf_slice(room);
    return value->addr->family != ADDR_NONE;
}

/* ---- pieces ---- */

static void
put_json(struct qmail_tell *t, char kind, struct slice key, struct slice value)
{
    const char *quote = kind == '#' ? "" : "\"";

    if (key.size == 0)
        return;
    buf_put_text(t->out, ",\"");
    buf_put(t->out, key);
    buf_put_text(t->out, "\":");
    buf_put_text(t->out, quote);
    put(t, value);
    buf_put_text(t->out, quote);
}

/* What stands in braces. */
static void
tell_piece(struct qmail_tell *t, struct slice piece, const union tell *value)
{
    uint8_t bytes[ADDR_TEXT_SIZE_MAX];
    struct slice text;
    struct buf room;
    size_t at = 0;

    while (piece.data[at] < '#' || piece.data[at] > '&')
        at++;
    buf_init(&room, bytes, sizeof(bytes));
    if (!take((char)piece.data[at], value, &room, &text))
        return;
    if (t->json) {
        put_json(t, (char)piece.data[at], slice_part(piece, at + 1, piece.size),
                 text);
    } else if (piece.data[0] != '!') {
        buf_put(t->out, slice_part(piece, 0, at));
        put(t, text);
    }
}

static void
tell_event(struct qmail_tell *t, struct slice event)
{
    if (!t->json)
        return;
    buf_put_text(t->out, "{\"event\":\"");
    buf_put(t->out, event);
    buf_put_byte(t->out, '"');
}

void
qmail_tell(struct qmail_tell *t, const char *format, const union tell *values)
{
    struct slice rest = slice_text(format);

    while (rest.size > 0) {
        uint8_t byte = rest.data[0];
        size_t end = 0;

        if (byte == '[') {
            end = slice_find(rest, ']');
            tell_event(t, slice_part(rest, 1, end));
        } else if (byte == '{') {
            end = slice_find(rest, '}');
            tell_piece(t, slice_part(rest, 1, end), values++);
        } else if (!t->json) {
            buf_put_byte(t->out, byte);
        } else if (byte == '\n') {
            buf_put_text(t->out, "}\n");
        }
        rest = slice_part(rest, end + 1, rest.size);
    }
}
