/* SPDX-License-Identifier: ISC */
#include "tls/der.h"

enum { LENGTH_LONG = 0x80, LENGTH_OCTETS_MAX = 3 };

uint8_t
tls_der_peek(const struct cursor *c)
{
    return c->rest.size > 0 ? c->rest.data[0] : 0;
}

static size_t
take_length(struct cursor *c)
{
    uint8_t octets = cursor_u8(c);
    size_t length = 0;

    if (octets < LENGTH_LONG)
        return octets;
    octets &= LENGTH_LONG - 1;
    if (octets == 0 || octets > LENGTH_OCTETS_MAX)
        c->bad = true;
    for (uint8_t i = 0; i < octets && !c->bad; i++)
        length = length << 8 | cursor_u8(c);
    return length;
}

struct slice
tls_der_take(struct cursor *c, uint8_t tag)
{
    size_t length;

    if (cursor_u8(c) != tag)
        c->bad = true;
    length = take_length(c);
    return cursor_take(c, c->bad ? 0 : length);
}

struct slice
tls_der_take_whole(struct cursor *c, uint8_t tag)
{
    struct slice start = c->rest;

    tls_der_take(c, tag);
    return slice_part(start, 0, c->bad ? 0 : start.size - c->rest.size);
}

void
tls_der_put_header(struct buf *out, uint8_t tag, size_t size)
{
    buf_put_byte(out, tag);
    if (size >= LENGTH_LONG) {
        buf_put_byte(out, LENGTH_LONG | (size > 0xff ? 2 : 1));
        if (size > 0xff)
            buf_put_byte(out, (uint8_t)(size >> 8));
    }
    buf_put_byte(out, (uint8_t)size);
}
