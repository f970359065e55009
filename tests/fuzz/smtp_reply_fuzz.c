/* SPDX-License-Identifier: ISC */
/* Replies in any pieces, against a reading of whole lines; features. */
#include "smtp/reply.h"

#include "fuzz.h"
#include "smtp/features.h"

enum { BYTES_SIZE = 1 << 13 };

static uint8_t text[BYTES_SIZE];

struct slow {
    enum smtp_reply_state state;
    uint32_t code, line_count;
    size_t used;   /* bytes of the reply, if it is whole */
    size_t before; /* bytes of it that were read earlier */
    struct buf text;
    struct slice line; /* the last one */
    struct smtp_features features;
};

/* ---- features, by whole words ---- */

static bool
word_is(struct slice word, const char *name)
{
    return slice_equal_nocase(word, slice_text(name));
}

static void
slow_size(struct slow *s, struct slice limit)
{
    uint64_t value = 0;

    s->features.size = true;
    for (size_t i = 0; i < limit.size; i++) {
        uint8_t digit = (uint8_t)(limit.data[i] - '0');

        if (digit > 9 || value > UINT64_MAX / 10 ||
            value * 10 > UINT64_MAX - digit) {
            value = 0;
            break;
        }
        value = value * 10 + digit;
    }
    s->features.size_max = value;
}

static void
slow_feature(struct slow *s, struct slice line)
{
    struct slice rest = line;
    struct slice word = slice_chomp(fuzz_until(&rest, ' '));

    s->features.starttls |= word_is(word, "starttls");
    s->features.pipelining |= word_is(word, "PIPELINING");
    s->features.eight_bit |= word_is(word, "8bitmime");
    s->features.utf8 |= word_is(word, "SmtpUtf8");
    if (word_is(word, "SIZE"))
        slow_size(s, slice_trim(rest));
}

/* ---- replies, by whole lines ---- */

/* Without the CRs at its end: in a line that has its LF they go with it, in
 * another they may. */
static struct slice
without_crs(struct slice line)
{
    while (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

/* Its digits and separator; `whole`: it has its LF. */
static bool
start_is_fine(struct slice line, bool whole)
{
    line = without_crs(line);
    for (size_t i = 0; i < 4; i++) {
        if (i == line.size)
            return !whole || i == 3;
        if (i < 3 ? line.data[i] < '0' || line.data[i] > '9'
                  : line.data[i] != ' ' && line.data[i] != '\t' &&
                        line.data[i] != '-')
            return false;
    }
    return true;
}

/* What is kept of a line; behind the code is a feature. */
static void
slow_keep(struct slow *s, struct slice line)
{
    size_t from = s->text.used;
    struct slice kept = slice_of(NULL, 0);

    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] != '\r')
            buf_put_byte(&s->text, line.data[i]);
    kept = slice_part(buf_slice(&s->text), from, from + REPLY_LINE_SIZE_MAX);
    s->line = kept;
    if (s->line_count > 1)
        slow_feature(s, slice_part(kept, 4, kept.size));
}

static enum smtp_reply_state
slow_line(struct slow *s, struct slice line)
{
    uint32_t code = 0;

    if (!start_is_fine(line, true))
        return SMTP_REPLY_BAD;
    line = without_crs(line);
    for (size_t i = 0; i < 3; i++)
        code = code * 10 + (uint32_t)(line.data[i] - '0');
    if (code < 200 || code > 599 || (s->code >= 400 && code < 400))
        return SMTP_REPLY_BAD;
    s->code = code;
    s->line_count++;
    slow_keep(s, line);
    buf_put_byte(&s->text, '\n');
    if (s->line_count > REPLY_LINE_COUNT_MAX)
        return SMTP_REPLY_BAD;
    return line.size > 3 && line.data[3] == '-' ? SMTP_REPLY_LINE
                                                : SMTP_REPLY_END;
}

static void
slow_read(struct slow *s, struct slice in)
{
    struct slice rest = in;

    buf_init(&s->text, text, sizeof(text));
    while (s->state == SMTP_REPLY_LINE) {
        size_t lf = slice_find(rest, '\n');

        if (lf == rest.size) {
            s->state =
                start_is_fine(rest, false) ? SMTP_REPLY_MORE : SMTP_REPLY_BAD;
            s->used = in.size;
            break;
        }
        s->state = slow_line(s, fuzz_until(&rest, '\n'));
        s->used = in.size - rest.size;
    }
    if (s->before + s->used > REPLY_SIZE_MAX)
        s->state = SMTP_REPLY_BAD;
}

/* ---- both ---- */

static void
fast_read(struct smtp_reply *r, struct slice *steer, struct slice in,
          struct smtp_features *f)
{
    while (in.size > 0) {
        size_t n = fuzz_u8(steer);
        struct slice piece = slice_part(in, 0, n ? n : in.size);
        uint8_t *copy = fuzz_copy(piece);
        size_t used = smtp_reply_rx(r, slice_of(copy, piece.size));

        free(copy);
        MUST(used <= piece.size && r->text.used <= REPLY_TEXT_SIZE_MAX);
        MUST(!r->text.full && !r->line.full);
        in = slice_part(in, used, in.size);
        if (r->state == SMTP_REPLY_BAD)
            return;
        if (r->state != SMTP_REPLY_MORE && r->line_count > 1)
            smtp_features_line(f, smtp_reply_line(r));
        if (r->state == SMTP_REPLY_END)
            return;
    }
}

static void
compare(const struct smtp_reply *r, const struct smtp_features *f,
        const struct slow *s)
{
    struct slice kept = slice_part(buf_slice(&s->text), 0, REPLY_TEXT_SIZE_MAX);
    const struct smtp_features *g = &s->features;

    if (s->state == SMTP_REPLY_MORE) {
        MUST(r->state == SMTP_REPLY_MORE || r->state == SMTP_REPLY_LINE);
        return;
    }
    MUST(r->state == s->state);
    if (s->state != SMTP_REPLY_END)
        return;
    MUST(r->code == s->code && r->line_count == s->line_count);
    MUST(r->size == s->before + s->used);
    MUST(slice_equal(buf_slice(&r->text), kept));
    MUST(slice_equal(buf_slice(&r->line), s->line));
    MUST(f->starttls == g->starttls && f->pipelining == g->pipelining);
    MUST(f->eight_bit == g->eight_bit && f->utf8 == g->utf8);
    MUST(f->size == g->size && f->size_max == g->size_max);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct smtp_reply r;
    struct slice in = slice_of(data, size);
    bool late = fuzz_u8(&in) & 1;
    struct slice steer = fuzz_take(&in, fuzz_u8(&in) % 32);
    struct smtp_features f = {0};
    struct slow s;

    smtp_reply_init(&r);
    s = (struct slow){.state = SMTP_REPLY_LINE};
    if (late) { /* as if after many lines */
        r.line_count = s.line_count = REPLY_LINE_COUNT_MAX - 3;
        r.code = s.code = 250;
        r.size = REPLY_SIZE_MAX - 64;
    }
    s.before = r.size;
    fast_read(&r, &steer, in, &f);
    slow_read(&s, in);
    if (r.state == SMTP_REPLY_BAD || r.state == SMTP_REPLY_END)
        MUST(smtp_reply_rx(&r, SLICE("250 x\n")) == 0);
    compare(&r, &f, &s);
    return 0;
}
