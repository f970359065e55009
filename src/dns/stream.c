/* SPDX-License-Identifier: ISC */
#include "dns/stream.h"

#include "base/assert.h"

enum { NO_HOLDER = DNS_ATTEMPT_COUNT_MAX };

void
dns_stream_init(struct dns_stream *s)
{
    s->holder = NO_HOLDER;
    s->used = 0;
}

bool
dns_stream_is_held(const struct dns_stream *s)
{
    return s->holder != NO_HOLDER;
}

bool
dns_stream_is_for(const struct dns_stream *s, uint32_t attempt)
{
    return s->holder == NO_HOLDER || s->holder == attempt;
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

uint8_t *
dns_stream_rx(struct dns_stream *s, uint32_t attempt, size_t *size)
{
    assert(dns_stream_is_for(s, attempt));
    *size = missing_size(s);
    return s->bytes + s->used;
}

bool
dns_stream_rx_ack(struct dns_stream *s, uint32_t attempt, size_t size,
                  int64_t now_ms)
{
    assert(dns_stream_is_for(s, attempt) && size <= missing_size(s));
    if (s->holder == NO_HOLDER)
        s->since_ms = now_ms;
    s->holder = attempt;
    s->used += size;
    return s->used >= DNS_TCP_PREFIX_SIZE && missing_size(s) == 0;
}

struct slice
dns_stream_message(struct dns_stream *s)
{
    struct slice whole = slice_of(s->bytes, s->used);

    assert(s->used >= DNS_TCP_PREFIX_SIZE && missing_size(s) == 0);
    dns_stream_init(s);
    return slice_part(whole, DNS_TCP_PREFIX_SIZE, whole.size);
}

void
dns_stream_release(struct dns_stream *s, uint32_t attempt)
{
    if (s->holder == attempt)
        dns_stream_init(s);
}
