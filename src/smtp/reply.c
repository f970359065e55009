/* SPDX-License-Identifier: ISC */
#include "smtp/reply.h"

#include "base/ascii.h"

enum { CODE_SIZE = 3, CODE_MIN = 200, CODE_REFUSAL = 400, CODE_MAX = 599 };

void
smtp_reply_init(struct smtp_reply *r)
{
    r->state = SMTP_REPLY_MORE;
    r->code = 0;
    r->line_count = 0;
    r->size = 0;
    r->column = 0;
    r->line_code = 0;
    r->continues = false;
    r->after_cr = false;
    buf_init(&r->text, r->text_bytes, sizeof(r->text_bytes));
    buf_init(&r->line, r->line_bytes, sizeof(r->line_bytes));
}

/* What is over the bounds of `text` and `line` is dropped, by design. */
static void
keep(struct buf *b, uint8_t byte)
{
    if (buf_room(b) > 0)
        buf_put_byte(b, byte);
}

/* Of several codes the last counts: a server may greet and then think better
 * of it. A refusal is not taken back. */
static enum smtp_reply_state
end_line(struct smtp_reply *r)
{
    bool continues = r->continues;

    if (r->column < CODE_SIZE)
        return SMTP_REPLY_BAD;
    if (r->line_code < CODE_MIN || r->line_code > CODE_MAX)
        return SMTP_REPLY_BAD;
    if (r->code >= CODE_REFUSAL && r->line_code < CODE_REFUSAL)
        return SMTP_REPLY_BAD;
    if (++r->line_count > REPLY_LINE_COUNT_MAX)
        return SMTP_REPLY_BAD;
    keep(&r->text, '\n');
    r->code = r->line_code;
    r->column = 0;
    r->line_code = 0;
    r->continues = false;
    r->after_cr = false;
    return continues ? SMTP_REPLY_LINE : SMTP_REPLY_END;
}

static enum smtp_reply_state
put_byte(struct smtp_reply *r, uint8_t byte)
{
    uint32_t column = r->column++;

    keep(&r->line, byte);
    keep(&r->text, byte);
    if (column < CODE_SIZE) {
        if (!ascii_digit(byte))
            return SMTP_REPLY_BAD;
        r->line_code = r->line_code * 10 + (byte - (uint32_t)'0');
    } else if (column == CODE_SIZE) {
        if (byte != ' ' && byte != '\t' && byte != '-')
            return SMTP_REPLY_BAD;
        r->continues = byte == '-';
    }
    return SMTP_REPLY_MORE;
}

/* CRs before an LF go with it. One that no LF follows is a byte of the line: it
 * does not end one, and where digits or a separator must stand it is wrong. */
static enum smtp_reply_state
take_byte(struct smtp_reply *r, uint8_t byte)
{
    bool wrong = r->after_cr && r->column <= CODE_SIZE;

    if (byte == '\n')
        return end_line(r);
    if (byte == '\r') {
        r->after_cr = true;
        return SMTP_REPLY_MORE;
    }
    r->after_cr = false;
    return put_byte(r, byte) == SMTP_REPLY_BAD || wrong ? SMTP_REPLY_BAD
                                                        : SMTP_REPLY_MORE;
}

size_t
smtp_reply_rx(struct smtp_reply *r, struct slice bytes)
{
    size_t used = 0;

    if (r->state == SMTP_REPLY_BAD || r->state == SMTP_REPLY_END)
        return 0;
    r->state = SMTP_REPLY_MORE;
    if (r->column == 0)
        buf_reset(&r->line);
    while (used < bytes.size && r->state == SMTP_REPLY_MORE) {
        r->state = take_byte(r, bytes.data[used++]);
        if (++r->size > REPLY_SIZE_MAX)
            r->state = SMTP_REPLY_BAD;
    }
    if (r->state == SMTP_REPLY_BAD && bytes.data[used - 1] != '\n')
        while (used < bytes.size && bytes.data[used] != '\n')
            keep(&r->line, bytes.data[used++]);
    return used;
}

struct slice
smtp_reply_line(const struct smtp_reply *r)
{
    return slice_part(buf_slice(&r->line), CODE_SIZE + 1, r->line.used);
}
