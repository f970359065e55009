/* SPDX-License-Identifier: ISC */
/*
 * What the peer's certificates say, for a person to read.
 *
 * in     struct tls, from TLS_ANCHORS on
 * out    names and dates; names are bytes of any origin
 * bound  CERTIFICATE_TEXT_SIZE_MAX of a name, TELL_VALUE_SIZE_MAX of the list
 * fault  false: there is no such certificate
 */
#ifndef TLS_SHOW_H
#define TLS_SHOW_H

#include "tls/tls.h"

struct tls_certificate {
    bool anchor;
    struct slice subject, issuer; /* the last part: a common name */
    struct slice from, until;     /* 2026-01-02T03:04:05Z */
    struct slice names;           /* the dNSName entries: a, b */
    uint8_t times[TLS_TIMES_SIZE];
    uint8_t bytes[TELL_VALUE_SIZE_MAX];
};

/* The index-th: the server's own is 0, then the others of its chain, then the
 * anchor they end in. The slices are valid until tls_end. */
bool tls_show(const struct tls *t, uint32_t index, struct tls_certificate *out);

#endif
