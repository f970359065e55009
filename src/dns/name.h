/* SPDX-License-Identifier: ISC */
/*
 * Domain names as they travel (RFC 1035 sections 3.1 and 4.1.4).
 *
 * in     text, or a message and a cursor in it
 * out    struct dns_name: uncompressed, with its root label
 * bound  NAME_WIRE_SIZE_MAX octets; pointers only lead backwards, each further
 *        than the last, DNS_POINTER_COUNT_MAX of them
 * fault  parse: false, nothing is written; take: cursor.bad, the name is empty
 */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include "base/slice.h"
#include "limits.h"

struct dns_name {
    uint8_t size; /* with the root label; 0: no name */
    uint8_t wire[NAME_WIRE_SIZE_MAX];
};

/* A name that is_host, its labels between dots; a dot at the end may be there:
 * it prints as no more than its text. */
bool dns_name_parse(struct slice text, struct dns_name *out);
/* The name at the cursor, which must stand in `message` (or in a part of it,
 * that the name then has to keep to until its first pointer). */
void dns_name_take(struct slice message, struct cursor *c,
                   struct dns_name *out);
/* Without a dot at its end, the root as `.`; bytes that no host name has as
 * RFC 1035 5.1 `\DDD`. A host name needs NAME_TEXT_SIZE_MAX at most. */
void dns_name_print(struct buf *out, const struct dns_name *n);
/* It can be said and written as text: not the root, and no dot, backslash,
 * space, control or non-ASCII byte inside a label. */
bool dns_name_is_host(const struct dns_name *n);
bool dns_name_is_root(const struct dns_name *n);
/* The same name (RFC 4343: letters alike in both cases). */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
/* The same bytes. */
bool dns_name_identical(const struct dns_name *a, const struct dns_name *b);
void dns_name_lower(struct dns_name *n);
/* `_PORT._tcp.` in front (RFC 6698 section 3). False: too long; nothing is
 * written. */
bool dns_name_service(const struct dns_name *host, uint16_t port,
                      struct dns_name *out);
/* Letters in upper case where `bits` has a one, in lower case elsewhere. */
void dns_name_mix(struct dns_name *n, const uint8_t bits[static DNS_CASE_SIZE]);

#endif
