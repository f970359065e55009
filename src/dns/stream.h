/* SPDX-License-Identifier: ISC */
/*
 * A message out of a TCP stream (RFC 1035 section 4.2.2, RFC 7766 section 8).
 *
 * in     bytes of the stream
 * out    one message, whole
 * bound  DNS_TCP_SIZE_MAX
 * fault  none: a length is never wrong, a message may be
 * order  init, then rx, rx_ack ... until it says true, message
 */
#ifndef DNS_STREAM_H
#define DNS_STREAM_H

#include "base/slice.h"
#include "limits.h"

struct dns_stream {
    size_t used;
    uint8_t bytes[DNS_TCP_PREFIX_SIZE + DNS_TCP_SIZE_MAX];
};

void dns_stream_init(struct dns_stream *s);
/* Room for no more than the length or the message at hand needs. */
uint8_t *dns_stream_rx(struct dns_stream *s, size_t *size);
/* True: the message is whole. */
bool dns_stream_rx_ack(struct dns_stream *s, size_t size);
struct slice dns_stream_message(const struct dns_stream *s);

#endif
