/* SPDX-License-Identifier: ISC */
/*
 * Messages out of TCP streams, through one buffer (RFC 1035 section 4.2.2,
 * RFC 7766 section 8).
 *
 * in     bytes of a stream, known by the number of its attempt
 * out    one message, whole
 * bound  DNS_TCP_SIZE_MAX; the first stream to bring a byte holds the buffer
 *        until its message was taken, or it is released
 * fault  none: a length is never wrong, a message may be
 * order  init, then rx, rx_ack ... until it says true, message; or release
 */
#ifndef DNS_STREAM_H
#define DNS_STREAM_H

#include "base/slice.h"
#include "limits.h"

struct dns_stream {
    uint32_t holder;  /* an attempt; DNS_ATTEMPT_COUNT_MAX: none */
    int64_t since_ms; /* its first byte */
    size_t used;
    uint8_t bytes[DNS_TCP_PREFIX_SIZE + DNS_TCP_SIZE_MAX];
};

void dns_stream_init(struct dns_stream *s);
bool dns_stream_is_held(const struct dns_stream *s);
/* Nobody else holds it. */
bool dns_stream_is_for(const struct dns_stream *s, uint32_t attempt);
/* Room for no more than the length or the message at hand needs. */
uint8_t *dns_stream_rx(struct dns_stream *s, uint32_t attempt, size_t *size);
/* True: the message is whole. */
bool dns_stream_rx_ack(struct dns_stream *s, uint32_t attempt, size_t size,
                       int64_t now_ms);
/* Releases the buffer; the message is there until the next rx_ack. */
struct slice dns_stream_message(struct dns_stream *s);
/* That attempt's stream is gone, whether it held the buffer or not. */
void dns_stream_release(struct dns_stream *s, uint32_t attempt);

#endif
