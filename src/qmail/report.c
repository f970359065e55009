/* SPDX-License-Identifier: ISC */
#include "qmail/report.h"

#include "base/ascii.h"
#include "base/assert.h"
#include "base/utf8.h"

enum {
    RECORD_SIZE_MAX = 128, /* a recipient record without its reply */
    FINAL_SIZE_MAX = 8192  /* the verdict with its reply and lines */
};

_Static_assert(REPORT_SIZE_MAX >
                   FINAL_SIZE_MAX + RECIPIENT_COUNT_MAX * RECORD_SIZE_MAX,
               "every record fits");

void
qmail_report_init(struct qmail_report *r, uint32_t recipient_count)
{
    size_t share = (REPORT_SIZE_MAX - FINAL_SIZE_MAX) /
                       (recipient_count ? recipient_count : 1) -
                   RECORD_SIZE_MAX;

    buf_init(&r->out, r->bytes, sizeof(r->bytes));
    r->text_size_max =
        share < REPLY_TEXT_SIZE_MAX ? share : REPLY_TEXT_SIZE_MAX;
}

void
qmail_report_put_safe(struct buf *out, struct slice s)
{
    while (s.size > 0) {
        uint8_t byte = s.data[0];
        uint32_t point = 0;
        size_t size = utf8_take(s, &point);

        if (byte >= 0x80 && size > 0) {
            buf_put(out, slice_part(s, 0, size));
        } else if (byte >= 0x80) {
            buf_put_byte(out, '?');
            size = 1;
        } else if (byte == '\t') {
            buf_put_byte(out, ' ');
        } else if (byte != '\r') {
            bool fine = byte == '\n' || !ascii_control(byte);

            buf_put_byte(out, fine ? byte : '?');
        }
        s = slice_part(s, size, s.size);
    }
}

/* Safe bytes that end in exactly the line end they have, or get. */
static void
put_lines(struct buf *out, struct slice s, size_t size_max)
{
    if (s.size == 0)
        return;
    qmail_report_put_safe(out, slice_part(s, 0, size_max));
    if (out->data[out->used - 1] != '\n')
        buf_put_byte(out, '\n');
}

/* A reply that is cut has room for the line end it then needs. */
static void
put_said(struct qmail_report *r, struct slice said)
{
    if (said.size == 0)
        return;
    if (said.size >= r->text_size_max &&
        said.data[r->text_size_max - 1] != '\n')
        said = slice_part(said, 0, r->text_size_max - 1);
    buf_put_text(&r->out, "Remote host said: ");
    put_lines(&r->out, said, r->text_size_max);
}

static void
put_field(struct buf *out, struct slice name, const struct qmail_verdict *v)
{
    if (slice_equal(name, SLICE("ip")) && v->ip)
        addr_print(out, v->ip);
    else if (slice_equal(name, SLICE("host")))
        qmail_report_put_safe(out, slice_part(v->host, 0, ADDRESS_SIZE_MAX));
    else if (slice_equal(name, SLICE("why")))
        qmail_report_put_safe(out, slice_part(v->why, 0, TLS_REASON_SIZE_MAX));
}

static void
put_first_line(struct buf *out, const struct qmail_verdict *v)
{
    const struct fault_row *row = fault_row(v->fault);
    struct slice text = slice_text(row->text);

    while (text.size > 0) {
        size_t open = slice_find(text, '{');
        size_t close = slice_find(text, '}');

        buf_put(out, slice_part(text, 0, open));
        put_field(out, slice_part(text, open + 1, close), v);
        text = slice_part(text, close + 1, text.size);
    }
    if (row->code[0] != '\0') {
        buf_put_text(out, " (#");
        buf_put_text(out, row->code);
        buf_put_text(out, ")");
    }
    buf_put_byte(out, '\n');
}

void
qmail_report_recipient(struct qmail_report *r, char verdict,
                       const struct addr *ip, struct slice said)
{
    buf_put_byte(&r->out, (uint8_t)verdict);
    if (verdict != 'r') {
        addr_print(&r->out, ip);
        buf_put_text(&r->out, " does not like recipient.\n");
        put_said(r, said);
    }
    buf_put_byte(&r->out, 0);
    assert(!r->out.full);
}

void
qmail_report_final(struct qmail_report *r, const struct qmail_verdict *v)
{
    buf_put_byte(&r->out, (uint8_t)fault_row(v->fault)->class);
    put_first_line(&r->out, v);
    put_said(r, v->said);
    put_lines(&r->out, v->detail, CONTROL_DETAIL_SIZE_MAX);
    put_lines(&r->out, v->starttls, TLS_LINE_SIZE_MAX);
    buf_put_byte(&r->out, 0);
    assert(!r->out.full);
}
