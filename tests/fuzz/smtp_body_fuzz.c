/* SPDX-License-Identifier: ISC */
/* The encoder in any pieces and buffers, against one byte after another. */
#include "smtp/body.h"

#include <strings.h>

#include "fuzz.h"

enum { OUT_SIZE = 1 << 14 };

static uint8_t slow_bytes[OUT_SIZE], fast_bytes[OUT_SIZE];

struct slow {
    struct buf out;
    bool at_start;
    bool partial;
    uint64_t size; /* as SIZE counts */
    bool eight_bit;
    bool no; /* TLS-Required: No */
};

static bool
is_white(uint8_t octet)
{
    return octet == ' ' || octet == '\t' || octet == '\n';
}

/* The value of the field, folded lines and all, is "No". */
static bool
is_no(struct slice value)
{
    struct slice text = value;

    while (text.size > 0 && is_white(text.data[0]))
        text = slice_part(text, 1, text.size);
    while (text.size > 0 && is_white(text.data[text.size - 1]))
        text.size--;
    return text.size == 2 && strncasecmp((const char *)text.data, "no", 2) == 0;
}

/* The header in lines that end in LF. Of a field that goes on behind a "No" no
 * other counts that was before. */
static bool
slow_no(struct slice in)
{
    static const char name[] = "tls-required:";
    enum { NAME_SIZE = sizeof(name) - 1 };
    size_t start = SIZE_MAX; /* of the value */
    bool no = false, was = false;

    for (size_t at = 0, end = 0; at < in.size && in.data[at] != '\n';
         at = end) {
        while (end < in.size && in.data[end] != '\n')
            end++;
        if (end == in.size)
            break;
        end++;
        if (!is_white(in.data[at])) { /* nor empty */
            bool ours =
                end - at > NAME_SIZE &&
                strncasecmp((const char *)in.data + at, name, NAME_SIZE) == 0;

            start = ours ? at + NAME_SIZE : SIZE_MAX;
            was = false;
        }
        if (start == SIZE_MAX)
            continue;
        if (was)
            no = false;
        was = is_no(slice_part(in, start, end));
        no = no || was;
    }
    return no;
}

/* First every line end becomes LF and every other CR a space, then each line
 * is written. */
static void
slow_encode(struct slow *s, struct slice in)
{
    uint8_t *lines = malloc(in.size + 1);
    size_t count = 0;

    *s = (struct slow){.at_start = true};
    buf_init(&s->out, slow_bytes, sizeof(slow_bytes));
    for (size_t i = 0; i < in.size; i++) {
        bool crlf = i + 1 < in.size && in.data[i + 1] == '\n';

        if (in.data[i] >= 0x80)
            s->eight_bit = true;
        if (in.data[i] == '\r' && crlf)
            continue;
        lines[count++] = in.data[i] == '\r' ? ' ' : in.data[i];
    }
    s->no = slow_no(slice_of(lines, count));
    for (size_t i = 0; i < count; i++) {
        if (lines[i] == '\n') {
            buf_put_text(&s->out, "\r\n");
            s->size += 2;
            s->at_start = true;
            continue;
        }
        if (s->at_start && lines[i] == '.')
            buf_put_byte(&s->out, '.');
        buf_put_byte(&s->out, lines[i]);
        s->size++;
        s->at_start = false;
    }
    s->partial = !s->at_start;
    MUST(!s->out.full);
    free(lines);
}

/* What no receiver can take for the end of the message. */
static void
check_safe(struct slice out)
{
    for (size_t i = 0; i < out.size; i++) {
        bool line = i == 0 || out.data[i - 1] == '\n';

        if (out.data[i] == '\r')
            MUST(i + 1 < out.size && out.data[i + 1] == '\n');
        if (out.data[i] == '\n')
            MUST(i > 0 && out.data[i - 1] == '\r');
        if (out.data[i] == '.' && line)
            MUST(i + 1 < out.size && out.data[i + 1] == '.');
    }
}

/* Encodes a piece through buffers of the sizes that `steer` says. */
static void
encode(struct smtp_body *b, struct slice piece, struct slice *steer,
       struct buf *all)
{
    uint8_t *copy = fuzz_copy(piece);
    struct slice in = slice_of(copy, piece.size);

    while (in.size > 0) {
        size_t size = 4 + fuzz_u8(steer) % 32, left = in.size;
        uint8_t *room = malloc(size);
        struct buf out;

        buf_init(&out, room, size);
        smtp_body_encode(b, &in, &out);
        MUST(!out.full && in.size < left);
        buf_put(all, buf_slice(&out));
        free(room);
    }
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    uint8_t flags = fuzz_u8(&in);
    struct slice steer = fuzz_take(&in, fuzz_u8(&in) % 64), message = in;
    struct smtp_body b;
    struct smtp_survey v;
    struct slow s;
    struct buf all;

    smtp_body_init(&b);
    smtp_survey_init(&v);
    buf_init(&all, fast_bytes, sizeof(fast_bytes));
    while (in.size > 0) {
        size_t n = fuzz_u8(&steer);
        struct slice piece = fuzz_take(&in, n ? n : in.size);

        encode(&b, piece, &steer, &all);
        smtp_survey_add(&v, piece);
        if (flags & 2)
            smtp_survey_add(&v, slice_of(NULL, 0));
    }
    slow_encode(&s, message);
    MUST(smtp_body_partial(&b) == s.partial);
    MUST(v.eight_bit == s.eight_bit);
    MUST(all.used <= 2 * message.size + 3);
    /* A CR at the very end is held back: the message is partial. */
    if (message.size > 0 && message.data[message.size - 1] == '\r') {
        MUST(s.partial);
        s.out.used--;
    }
    MUST(v.size == s.size);
    MUST(slice_equal(buf_slice(&all), buf_slice(&s.out)));
    if (!s.partial)
        MUST(v.tls_required_no == s.no);
    if (!s.partial)
        check_safe(buf_slice(&all));
    return 0;
}
