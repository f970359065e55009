/* SPDX-License-Identifier: ISC */
/*
 * Reads the elements of DER one after the other (X.690 sections 8.1, 10.1).
 *
 * in     a cursor over DER
 * out    the contents of an element, or the element as it stands
 * bound  lengths below 2^24
 * fault  the cursor's sticky `bad`
 */
#ifndef TLS_DER_H
#define TLS_DER_H

#include "base/slice.h"

enum tls_der_tag {
    TLS_DER_BOOLEAN = 0x01,
    TLS_DER_INTEGER = 0x02,
    TLS_DER_OCTETS = 0x04,
    TLS_DER_OID = 0x06,
    TLS_DER_UTF8 = 0x0c,
    TLS_DER_PRINTABLE = 0x13,
    TLS_DER_T61 = 0x14,
    TLS_DER_IA5 = 0x16,
    TLS_DER_VISIBLE = 0x1a,
    TLS_DER_UNIVERSAL = 0x1c,
    TLS_DER_BMP = 0x1e,
    TLS_DER_SEQUENCE = 0x30,
    TLS_DER_SET = 0x31,
    TLS_DER_CONTEXT_0 = 0xa0,
    TLS_DER_CONTEXT_1 = 0xa1,
    /* GeneralName, RFC 5280 section 4.2.1.6: [2] and [7], primitive */
    TLS_DER_DNS_NAME = 0x82,
    TLS_DER_IP_ADDRESS = 0x87
};

/* The tag of the next element, 0 at the end. */
uint8_t tls_der_peek(const struct cursor *c);
/* The contents of the next element, which must have that tag. */
struct slice tls_der_take(struct cursor *c, uint8_t tag);
/* The next element with its header, which must have that tag. */
struct slice tls_der_take_whole(struct cursor *c, uint8_t tag);
/* Tag and length in front of `size` bytes. */
void tls_der_put_header(struct buf *out, uint8_t tag, size_t size);

#endif
