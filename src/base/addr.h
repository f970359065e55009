/* SPDX-License-Identifier: ISC */
/*
 * IP addresses: parse, print, compare (RFC 4291 section 2.2, RFC 5952).
 *
 * in     text, or 4 or 16 bytes in network order
 * out    struct addr. An IPv4-mapped IPv6 address becomes plain IPv4, so that
 *        one machine has one spelling in every comparison
 * bound  text at most ADDR_TEXT_SIZE_MAX bytes
 * fault  false: not an address (nothing is written then)
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include "base/slice.h"
#include "limits.h"

enum addr_family { ADDR_NONE, ADDR_IPV4, ADDR_IPV6 };

struct addr {
    enum addr_family family;
    uint8_t bytes[ADDR_SIZE_MAX]; /* 4 or 16, network order; the rest is 0 */
};

struct endpoint {
    struct addr addr;
    uint16_t port;  /* host order */
    uint32_t scope; /* link-local: index of the interface; else 0 */
};

void addr_from_ipv4(struct addr *a, const uint8_t bytes[static ADDR_IPV4_SIZE]);
void addr_from_ipv6(struct addr *a, const uint8_t bytes[static ADDR_SIZE_MAX]);
/* Dotted quad or IPv6 text, whole; no brackets, no scope. */
bool addr_parse(struct slice text, struct addr *out);
/* As addr_parse; also `[...]`, and in brackets with RFC 5321's `IPv6:`. */
bool addr_parse_literal(struct slice text, struct addr *out);
/* `address`, or `[address]:port`; without a port `port` is the default. No
 * scope. */
bool addr_parse_endpoint(struct slice text, uint16_t port,
                         struct endpoint *out);
void addr_print(struct buf *out, const struct addr *a);
size_t addr_size(const struct addr *a); /* 4 or 16 */
bool addr_equal(const struct addr *a, const struct addr *b);
/* 0.0.0.0 or ::, which connect takes for this machine. */
bool addr_is_unspecified(const struct addr *a);
bool addr_is_loopback(const struct addr *a); /* 127.0.0.0/8, ::1: RFC 6890 */
/* This machine whoever asks: unspecified or loopback. */
bool addr_is_local(const struct addr *a);
bool addr_is_link_local(const struct addr *a); /* fe80::/10 */
/* No mail server can have it: multicast, broadcast, IPv6 link-local (it would
 * need a scope no DNS record carries). */
bool addr_is_unusable(const struct addr *a);

#endif
