/* SPDX-License-Identifier: ISC */
#include "smtp/body.h"

#include <string.h>

enum { GROWTH_MAX = 3 }; /* a space or a dot, and the line end */

void
smtp_body_init(struct smtp_body *b)
{
    *b = (struct smtp_body){0};
}

/* A CR was held back: with the LF it ends the line, else it is a space. */
static void
settle_cr(struct smtp_body *b, struct slice *in, struct buf *out)
{
    b->after_cr = false;
    if (in->data[0] != '\n') {
        buf_put_byte(out, ' ');
        b->in_line = true;
    }
}

/* The longest run that is sent as it is, without CR and LF. */
static struct slice
plain_run(struct slice in, size_t room)
{
    struct slice run = slice_part(in, 0, room);

    run.size = slice_find(run, '\n');
    run.size = slice_find(run, '\r');
    return run;
}

void
smtp_body_encode(struct smtp_body *b, struct slice *in, struct buf *out)
{
    while (in->size > 0 && buf_room(out) > GROWTH_MAX) {
        struct slice run;

        if (b->after_cr)
            settle_cr(b, in, out);
        if (!b->in_line && !b->plain && in->data[0] == '.')
            buf_put_byte(out, '.');
        run = plain_run(*in, buf_room(out) - 2);
        buf_put(out, run);
        *in = slice_part(*in, run.size, in->size);
        b->in_line |= run.size > 0;
        if (in->size == 0 || buf_room(out) < 2)
            return;
        if (in->data[0] == '\n') {
            buf_put(out, SLICE("\r\n"));
            b->in_line = false;
        } else if (in->data[0] == '\r') {
            b->after_cr = true;
        } else {
            continue; /* out of room in the middle of a line */
        }
        *in = slice_part(*in, 1, in->size);
    }
}

bool
smtp_body_partial(const struct smtp_body *b)
{
    return b->in_line || b->after_cr;
}

void
smtp_survey_init(struct smtp_survey *s)
{
    *s = (struct smtp_survey){0};
}

static bool
has_high_bit(struct slice s)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t seen = 0, word = 0;
    size_t i = 0;

    for (; i + sizeof(word) <= s.size; i += sizeof(word)) {
        memcpy(&word, s.data + i, sizeof(word));
        seen |= word;
    }
    for (; i < s.size; i++)
        seen |= s.data[i];
    return (seen & high) != 0;
}

void
smtp_survey_add(struct smtp_survey *s, struct slice in)
{
    bool after_cr = s->after_cr;

    if (in.size == 0)
        return;
    s->eight_bit = s->eight_bit || has_high_bit(in);
    s->after_cr = in.data[in.size - 1] == '\r';
    s->size += in.size;
    while (in.size > 0) {
        size_t lf = slice_find(in, '\n');

        if (lf == in.size)
            return;
        /* LF alone grows to CRLF; a CR before it counted already. */
        if (lf > 0 ? in.data[lf - 1] != '\r' : !after_cr)
            s->size++;
        after_cr = false;
        in = slice_part(in, lf + 1, in.size);
    }
}
