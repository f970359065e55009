/* SPDX-License-Identifier: ISC */
#include "base/punycode.h"

#include "base/ascii.h"
#include "base/utf8.h"

/* RFC 3492 section 5. */
enum {
    BASE = 36,
    TMIN = 1,
    TMAX = 26,
    SKEW = 38,
    DAMP = 700,
    BIAS = 72,
    FIRST = 0x80
};

/* A label's characters; one that takes no octet of the A-label is none. */
struct points {
    uint32_t count;
    uint32_t list[NAME_LABEL_SIZE_MAX];
};

static bool
take_points(struct slice label, struct points *p)
{
    p->count = 0;
    while (label.size > 0) {
        uint32_t point = 0;
        size_t size = utf8_take(label, &point);

        if (size == 0 || p->count == NAME_LABEL_SIZE_MAX)
            return false;
        p->list[p->count++] = point;
        label = slice_part(label, size, label.size);
    }
    return true;
}

/* Section 6.1. */
static uint32_t
adapt(uint32_t delta, uint32_t count, bool first)
{
    uint32_t k = 0;

    delta /= first ? DAMP : 2;
    delta += delta / count;
    for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
        delta /= BASE - TMIN;
    return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static void
put_digit(struct buf *out, uint32_t digit)
{
    buf_put_byte(out, (uint8_t)(digit < 26 ? 'a' + digit : '0' + digit - 26));
}

/* Section 3.3: a number whose last digit is seen to be the last. */
static void
put_delta(struct buf *out, uint32_t delta, uint32_t bias)
{
    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = k <= bias ? TMIN : k - bias > TMAX ? TMAX : k - bias;

        if (delta < t)
            break;
        put_digit(out, t + (delta - t) % (BASE - t));
        delta = (delta - t) / (BASE - t);
    }
    put_digit(out, delta);
}

static uint32_t
least_from(const struct points *p, uint32_t from)
{
    uint32_t least = UINT32_MAX;

    for (uint32_t i = 0; i < p->count; i++)
        if (p->list[i] >= from && p->list[i] < least)
            least = p->list[i];
    return least;
}

/* Section 6.3. Nothing overflows: 2^21 characters, times 63. */
static void
put_points(struct buf *out, const struct points *p)
{
    uint32_t next = FIRST, delta = 0, bias = BIAS, done = 0, basic = 0;

    for (uint32_t i = 0; i < p->count; i++) {
        if (p->list[i] >= FIRST)
            continue;
        buf_put_byte(out, ascii_lower((uint8_t)p->list[i]));
        basic++;
    }
    if (basic > 0)
        buf_put_byte(out, '-');
    for (done = basic; done < p->count; next++, delta++) {
        uint32_t least = least_from(p, next);

        delta += (least - next) * (done + 1);
        next = least;
        for (uint32_t i = 0; i < p->count; i++) {
            delta += p->list[i] < next;
            if (p->list[i] != next)
                continue;
            put_delta(out, delta, bias);
            bias = adapt(delta, done + 1, done == basic);
            delta = 0;
            done++;
        }
    }
}

static bool
put_label(struct buf *out, struct slice label)
{
    size_t start = out->used;
    struct points points;

    if (ascii_is(label)) {
        buf_put(out, label);
        return true;
    }
    if (!take_points(label, &points))
        return false;
    buf_put_text(out, "xn--");
    put_points(out, &points);
    return out->used - start <= NAME_LABEL_SIZE_MAX;
}

bool
punycode_put_name(struct buf *out, struct slice name)
{
    for (;;) {
        size_t dot = slice_find(name, '.');

        if (!put_label(out, slice_part(name, 0, dot)))
            return false;
        if (dot == name.size)
            return !out->full;
        buf_put_byte(out, '.');
        name = slice_part(name, dot + 1, name.size);
    }
}
