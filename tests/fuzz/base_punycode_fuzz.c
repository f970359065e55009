/* SPDX-License-Identifier: ISC */
/* A-labels, against a reader of them (RFC 3492 section 6.2). */
#include "base/punycode.h"

#include "base/ascii.h"
#include "base/utf8.h"
#include "fuzz.h"

enum { POINT_COUNT_MAX = 1024, OUT_SIZE = 2048 };

struct points {
    uint32_t count;
    uint32_t list[POINT_COUNT_MAX];
};

static uint32_t
slow_adapt(uint32_t delta, uint32_t count, bool first)
{
    uint32_t k = 0;

    for (delta = first ? delta / 700 : delta / 2, delta += delta / count;
         delta > 455; delta /= 35)
        k += 36;
    return k + 36 * delta / (delta + 38);
}

static uint32_t
slow_number(struct slice *in, uint32_t bias)
{
    uint32_t value = 0, weight = 1;

    for (uint32_t k = 36;; k += 36) {
        uint8_t byte = fuzz_u8(in);
        uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
        uint32_t digit = ascii_digit(byte) ? byte - '0' + 26u : byte - 'a' + 0u;

        MUST(ascii_digit(byte) || (byte >= 'a' && byte <= 'z'));
        value += digit * weight;
        if (digit < t)
            return value;
        weight *= 36 - t;
    }
}

static void
slow_read(struct slice puny, struct points *p)
{
    uint32_t point = 128, bias = 72, at = 0;
    size_t hyphen = puny.size;

    p->count = 0;
    while (hyphen > 0 && puny.data[hyphen - 1] != '-')
        hyphen--;
    for (size_t i = 0; i + 1 < hyphen; i++)
        p->list[p->count++] = puny.data[i];
    puny = slice_part(puny, hyphen, puny.size);
    for (bool first = true; puny.size > 0; first = false) {
        uint32_t delta = slow_number(&puny, bias);

        MUST(p->count < POINT_COUNT_MAX);
        bias = slow_adapt(delta, p->count + 1, first);
        point += (at + delta) / (p->count + 1);
        at = (at + delta) % (p->count + 1);
        memmove(p->list + at + 1, p->list + at,
                (p->count - at) * sizeof(p->list[0]));
        p->list[at++] = point;
        p->count++;
    }
}

/* The label of the result says what was put in. */
static void
compare(struct slice in, struct slice out)
{
    static struct points p;
    uint32_t index = 0;

    if (ascii_is(in)) {
        MUST(slice_equal(in, out));
        return;
    }
    MUST(out.size <= NAME_LABEL_SIZE_MAX && ascii_is(out));
    MUST(slice_equal(slice_part(out, 0, 4), SLICE("xn--")));
    slow_read(slice_part(out, 4, out.size), &p);
    while (in.size > 0) {
        uint32_t point = 0;
        size_t size = utf8_take(in, &point);

        MUST(size > 0 && index < p.count);
        MUST(p.list[index++] == (size > 1 ? point : ascii_lower(in.data[0])));
        (void)fuzz_take(&in, size);
    }
    MUST(index == p.count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[OUT_SIZE];
    struct slice in = slice_of(data, size), out;
    uint8_t *copy = fuzz_copy(in);
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    if (punycode_put_name(&b, slice_of(copy, size))) {
        out = buf_slice(&b);
        while (in.size > 0 || out.size > 0)
            compare(fuzz_until(&in, '.'), fuzz_until(&out, '.'));
    }
    free(copy);
    return 0;
}
