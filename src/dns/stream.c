/* SPDX-License-Identifier: ISC */
#include "dns/stream.h"

#include "base/assert.h"

void
dns_stream_init(struct dns_stream *s)
{
    s->used = 0;
}

/* Bytes missing from the length, then from the message. */
static size_t
missing_size(const struct dns_stream *s)
{
    size_t size = DNS_TCP_PREFIX_SIZE;

    if (s->used >= DNS_TCP_PREFIX_SIZE)
        size += (size_t)(s->bytes[0] << 8 | s->bytes[1]);
    assert(s->used <= size);
    return size - s->used;
}

static bool
is_whole(const struct dns_stream *s)
{
    return s->used >= DNS_TCP_PREFIX_SIZE && missing_size(s) == 0;
}

uint8_t *
dns_stream_rx(struct dns_stream *s, size_t *size)
{
    *size = missing_size(s);
    return s->bytes + s->used;
}

bool
dns_stream_rx_ack(struct dns_stream *s, size_t size)
{
    assert(size <= missing_size(s));
    s->used += size;
    return is_whole(s);
}

struct slice
dns_stream_message(const struct dns_stream *s)
{
    assert(is_whole(s));
    return slice_part(slice_of(s->bytes, s->used), DNS_TCP_PREFIX_SIZE,
                      s->used);
}
