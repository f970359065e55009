/* SPDX-License-Identifier: ISC */
#include "base/slice.h"

#include <string.h>

#include "base/ascii.h"
#include "base/assert.h"

struct slice
slice_of(const void *data, size_t size)
{
    return (struct slice){data, size};
}

struct slice
slice_text(const char *text)
{
    return slice_of(text, strlen(text));
}

struct slice
slice_part(struct slice s, size_t from, size_t to)
{
    if (to > s.size)
        to = s.size;
    if (from > to)
        from = to;
    return slice_of(from ? s.data + from : s.data, to - from);
}

bool
slice_equal(struct slice a, struct slice b)
{
    if (a.size != b.size)
        return false;
    return a.size == 0 || memcmp(a.data, b.data, a.size) == 0;
}

bool
slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    return true;
}

size_t
slice_find(struct slice s, uint8_t byte)
{
    const uint8_t *at = s.size ? memchr(s.data, byte, s.size) : NULL;

    return at ? (size_t)(at - s.data) : s.size;
}

struct slice
slice_chomp(struct slice s)
{
    while (s.size > 0 && ascii_space(s.data[s.size - 1]))
        s.size--;
    return s;
}

struct slice
slice_trim(struct slice s)
{
    s = slice_chomp(s);
    while (s.size > 0 && ascii_space(s.data[0]))
        s = slice_part(s, 1, s.size);
    return s;
}

void
buf_init(struct buf *b, void *data, size_t size)
{
    *b = (struct buf){.data = data, .size = size};
}

void
buf_reset(struct buf *b)
{
    b->used = 0;
    b->full = false;
}

void
buf_put(struct buf *b, struct slice s)
{
    if (s.size > b->size - b->used) {
        b->full = true;
        return;
    }
    if (s.size == 0)
        return;
    memcpy(b->data + b->used, s.data, s.size);
    b->used += s.size;
}

void
buf_put_text(struct buf *b, const char *text)
{
    buf_put(b, slice_text(text));
}

void
buf_put_byte(struct buf *b, uint8_t byte)
{
    buf_put(b, slice_of(&byte, 1));
}

static void
put_digits(struct buf *b, uint64_t number, uint32_t base, uint32_t width)
{
    uint8_t digits[ASCII_NUMBER_SIZE_MAX];
    uint32_t count = 0;

    do {
        digits[sizeof(digits) - ++count] =
            (uint8_t) "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0 || (count < width && count < sizeof(digits)));
    buf_put(b, slice_of(digits + sizeof(digits) - count, count));
}

void
buf_put_number(struct buf *b, uint64_t number, uint32_t width)
{
    put_digits(b, number, 10, width);
}

void
buf_put_hex(struct buf *b, uint64_t number, uint32_t width)
{
    put_digits(b, number, 16, width);
}

void
buf_put_network(struct buf *b, uint32_t number, uint32_t width)
{
    uint8_t octets[sizeof(number)];

    assert(width <= sizeof(octets));
    for (uint32_t i = width; i-- > 0; number >>= 8)
        octets[i] = (uint8_t)number;
    buf_put(b, slice_of(octets, width));
}

struct slice
buf_slice(const struct buf *b)
{
    return slice_of(b->data, b->used);
}

size_t
buf_room(const struct buf *b)
{
    return b->size - b->used;
}

void
cursor_init(struct cursor *c, struct slice s)
{
    *c = (struct cursor){.rest = s};
}

uint8_t
cursor_u8(struct cursor *c)
{
    struct slice s = cursor_take(c, 1);

    return s.size ? s.data[0] : 0;
}

uint16_t
cursor_u16(struct cursor *c)
{
    struct slice s = cursor_take(c, 2);

    return s.size ? (uint16_t)(s.data[0] * 256U + s.data[1]) : 0;
}

uint32_t
cursor_u32(struct cursor *c)
{
    struct slice s = cursor_take(c, 4);

    return s.size ? (uint32_t)s.data[0] << 24 | (uint32_t)s.data[1] << 16 |
                        (uint32_t)s.data[2] << 8 | s.data[3]
                  : 0;
}

struct slice
cursor_take(struct cursor *c, size_t size)
{
    struct slice taken = slice_of(c->rest.data, size);

    if (c->bad || size > c->rest.size) {
        c->bad = true;
        return slice_of(c->rest.data, 0);
    }
    c->rest = slice_part(c->rest, size, c->rest.size);
    return taken;
}
