/* SPDX-License-Identifier: ISC */
#include "smtp/body.h"

#include <string.h>

enum {
    OCTET_BITS = 8,
    LINE_END_SIZE = 2,
    GROWTH_MAX = LINE_END_SIZE + 1 /* and a space or a dot */
};

/* ---- words: octets are looked at as many at once as a register has ---- */

static const size_t each_1 = SIZE_MAX / UINT8_MAX; /* 1 in every octet */
static const bool is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

/* 0x80 in each octet that is `byte`, 0 in the others. */
static size_t
match(size_t word, uint8_t byte)
{
    const size_t low = each_1 * 0x7f;
    size_t other = word ^ each_1 * byte;

    return ~(((other & low) + low) | other | low);
}

/* Not 0 if an octet is CR, LF or a control character before them. */
static size_t
match_line_end(size_t word)
{
    return (word - each_1 * ('\r' + 1)) & ~word & each_1 * 0x80;
}

/* Index, in memory, of the first octet that matched. */
static size_t
first(size_t matches)
{
    int bits = is_little ? __builtin_ctzl(matches) : __builtin_clzl(matches);

    return (size_t)bits / OCTET_BITS;
}

_Static_assert(sizeof(size_t) == sizeof(long), "what the built-ins count");

/* Copies what is sent as it is: up to a CR or LF, or `size` octets; returns how
 * many. What is behind them in `out` is spoilt. */
static size_t
copy_run(uint8_t *out, const uint8_t *in, size_t size)
{
    size_t used = 0, word = 0, matches = 0;

    for (; size - used >= sizeof(word); used += sizeof(word)) {
        memcpy(&word, in + used, sizeof(word));
        memcpy(out + used, &word, sizeof(word));
        if (match_line_end(word) == 0)
            continue;
        matches = match(word, '\n') | match(word, '\r');
        if (matches != 0)
            return used + first(matches);
    }
    for (; used < size && in[used] != '\n' && in[used] != '\r'; used++)
        out[used] = in[used];
    return used;
}

/* ---- into DATA ---- */

void
smtp_body_init(struct smtp_body *b)
{
    *b = (struct smtp_body){0};
}

static void
put(struct buf *out, uint8_t byte)
{
    out->data[out->used++] = byte;
}

static void
take(struct slice *in, size_t size)
{
    in->data += size;
    in->size -= size;
}

/* A CR was held back: with the LF it ends the line, else it is a space. */
static void
settle_cr(struct smtp_body *b, uint8_t next, struct buf *out)
{
    b->after_cr = false;
    if (next != '\n') {
        put(out, ' ');
        b->in_line = true;
    }
}

/* What ended a run: a line end, or no more room (nothing is taken then). */
static void
encode_end(struct smtp_body *b, struct slice *in, struct buf *out)
{
    uint8_t byte = in->data[0];

    if (byte == '\n') {
        put(out, '\r');
        put(out, '\n');
        b->in_line = false;
    }
    b->after_cr = byte == '\r';
    if (byte == '\n' || byte == '\r')
        take(in, 1);
}

/* Before each run there is room for it and for a line end. */
void
smtp_body_encode(struct smtp_body *b, struct slice *in, struct buf *out)
{
    while (in->size > 0 && out->size - out->used > GROWTH_MAX) {
        size_t room = 0, run = 0;

        if (b->after_cr)
            settle_cr(b, in->data[0], out);
        if (!b->in_line && in->data[0] == '.')
            put(out, '.');
        room = out->size - out->used - LINE_END_SIZE;
        run = copy_run(out->data + out->used, in->data,
                       in->size < room ? in->size : room);
        out->used += run;
        take(in, run);
        b->in_line |= run > 0;
        if (in->size > 0)
            encode_end(b, in, out);
    }
}

bool
smtp_body_partial(const struct smtp_body *b)
{
    return b->in_line || b->after_cr;
}

/* ---- the survey ---- */

void
smtp_survey_init(struct smtp_survey *s)
{
    *s = (struct smtp_survey){0};
}

/* At most UINT8_MAX words: that many LF one octet of `lines` can count. */
static void
survey_words(struct smtp_survey *s, const uint8_t *at, size_t count)
{
    const int last = (sizeof(size_t) - 1) * OCTET_BITS;
    size_t lines = 0, seen = 0, word = 0;
    size_t carry = s->after_cr ? (is_little ? 0x80 : (size_t)0x80 << last) : 0;

    for (size_t i = 0; i < count; i++) {
        size_t cr = 0, behind = 0;

        memcpy(&word, at + i * sizeof(word), sizeof(word));
        seen |= word;
        if (match_line_end(word) == 0) {
            carry = 0;
            continue;
        }
        cr = match(word, '\r');
        behind = (is_little ? cr << OCTET_BITS : cr >> OCTET_BITS) | carry;
        carry = is_little ? cr >> last : cr << last;
        /* LF alone grows to CRLF; a CR before it counted already. */
        lines += (match(word, '\n') & ~behind) >> (OCTET_BITS - 1);
    }
    s->after_cr = carry != 0;
    s->eight_bit |= (seen & each_1 * 0x80) != 0;
    for (; lines > 0; lines >>= OCTET_BITS)
        s->size += lines & UINT8_MAX;
}

static void
survey_octet(struct smtp_survey *s, uint8_t octet)
{
    s->size += octet == '\n' && !s->after_cr;
    s->after_cr = octet == '\r';
    s->eight_bit |= octet > INT8_MAX;
}

void
smtp_survey_add(struct smtp_survey *s, struct slice in)
{
    s->size += in.size;
    while (in.size >= sizeof(size_t)) {
        size_t count = in.size / sizeof(size_t);

        count = count < UINT8_MAX ? count : UINT8_MAX;
        survey_words(s, in.data, count);
        take(&in, count * sizeof(size_t));
    }
    for (; in.size > 0; take(&in, 1))
        survey_octet(s, in.data[0]);
}
