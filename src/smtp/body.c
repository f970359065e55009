/* SPDX-License-Identifier: ISC */
#include "smtp/body.h"

#include <string.h>

#include "base/ascii.h"

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

/* ---- its header ---- */

static const char field[] = "tls-required:";

/* Behind so many octets of the field's name, or ... */
enum place {
    PLACE_LINE,                      /* at a line's beginning; */
    PLACE_VALUE = sizeof(field) - 1, /* before its value, in white space, */
    PLACE_VALUE_LINE,                /* ... or at a line's beginning; */
    PLACE_N,                         /* in the value; */
    PLACE_NO,                        /* behind it, in white space, */
    PLACE_NO_LINE,                   /* ... or at a line's beginning; */
    PLACE_OTHER,                     /* elsewhere in a line; */
    PLACE_BODY                       /* behind the empty line */
};

/* Behind a line's end. */
static enum place
end_line(enum place place)
{
    switch (place) {
    case PLACE_LINE:
    case PLACE_VALUE_LINE:
    case PLACE_NO_LINE:
        return PLACE_BODY;
    case PLACE_VALUE:
        return PLACE_VALUE_LINE;
    case PLACE_NO:
        return PLACE_NO_LINE;
    default:
        return PLACE_LINE;
    }
}

/* Behind any other octet, a letter in lower case. */
static enum place
go_on(enum place place, uint8_t octet)
{
    bool white = octet == ' ' || octet == '\t';

    if (white && (place == PLACE_VALUE || place == PLACE_VALUE_LINE))
        return PLACE_VALUE;
    if (white && (place == PLACE_NO || place == PLACE_NO_LINE))
        return PLACE_NO;
    if (place == PLACE_VALUE)
        return octet == 'n' ? PLACE_N : PLACE_OTHER;
    if (place == PLACE_N)
        return octet == 'o' ? PLACE_NO : PLACE_OTHER;
    if (place == PLACE_VALUE_LINE || place == PLACE_NO_LINE)
        place = PLACE_LINE;
    if (place < PLACE_VALUE && octet == (uint8_t)field[place])
        return place + 1;
    return PLACE_OTHER;
}

static void
move(struct smtp_survey *s, uint8_t octet)
{
    enum place old = s->place;
    enum place place =
        octet == '\n' ? end_line(old) : go_on(old, ascii_lower(octet));

    if (place == PLACE_NO_LINE)
        s->tls_required_no = true;
    /* The next line goes on with it. */
    if (place == PLACE_NO && old == PLACE_NO_LINE)
        s->tls_required_no = false;
    s->place = (uint8_t)place;
}

/* Line ends and CR are what they are sent as. */
static void
survey_header(struct smtp_survey *s, uint8_t octet)
{
    if (s->header_cr && octet != '\n')
        move(s, ' ');
    s->header_cr = octet == '\r';
    if (!s->header_cr)
        move(s, octet);
}

void
smtp_survey_add(struct smtp_survey *s, struct slice in)
{
    for (size_t i = 0; i < in.size && s->place != PLACE_BODY; i++)
        survey_header(s, in.data[i]);
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
