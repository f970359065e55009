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
    if (kind == '&' && value->addr->family != ADDR_NONE)
        addr_print(room, value->addr);
    *out = kind == '%'   ? slice_text(value->text)
           : kind == '$' ? *value->slice
                         : buf_slice(room);
    return kind == '%' || out->size > 0;
}

/* ---- pieces ---- */

static void
put_json(struct qmail_tell *t, bool quoted, struct slice key,
         struct slice value)
{
    if (key.size == 0)
        return;
    buf_put_text(t->out, ",\"");
    buf_put(t->out, key);
    buf_put_text(t->out, quoted ? "\":\"" : "\":");
    put(t, value);
    if (quoted)
        buf_put_byte(t->out, '"');
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
        put_json(t, piece.data[at] != '#',
                 slice_part(piece, at + 1, piece.size), text);
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

/* What stands between a bracket, or a brace, and its end. */
static struct slice
inside(const char *at)
{
    char end = *at == '[' ? ']' : '}';
    const char *begin = ++at;

    while (*at != end)
        at++;
    return slice_of(begin, (size_t)(at - begin));
}

void
qmail_tell(struct qmail_tell *t, const char *format, const union tell *values)
{
    for (const char *at = format; *at; at++) {
        if (*at == '[' || *at == '{') {
            struct slice inner = inside(at);

            if (*at == '[')
                tell_event(t, inner);
            else
                tell_piece(t, inner, values++);
            at += inner.size + 1;
        } else if (!t->json) {
            buf_put_byte(t->out, (uint8_t)*at);
        } else if (*at == '\n') {
            buf_put_text(t->out, "}\n");
        }
    }
}
