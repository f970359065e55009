/* SPDX-License-Identifier: ISC */
/*
 * The certificates of a PEM text, one after the other (RFC 7468).
 *
 * in     a bundle or a file of a hashed directory, in chunks of any size
 * out    the DER of each certificate whose outer structure can be read
 * bound  one certificate of TLS_DER_SIZE_MAX bytes; nothing else is kept
 * fault  what is not a certificate is passed over and counted in `skipped`
 * order  tls_trust_init, then per chunk tls_trust_feed until it says false;
 *        at the end `found` tells whether there was any
 *
 * OpenSSL's "TRUSTED CERTIFICATE" counts if its trust settings allow TLS
 * servers, "X509 CERTIFICATE" is an older spelling.
 */
#ifndef TLS_TRUST_H
#define TLS_TRUST_H

#include "base/slice.h"
#include "limits.h"
#include "tls/pem.h"

struct tls_trust {
    uint64_t found;
    uint64_t skipped;
    struct tls_pem pem;
};

void tls_trust_init(struct tls_trust *t);
/* True: `der` is the next certificate, valid until the next call; `chunk` is
 * what is left. False: the chunk is used up. */
bool tls_trust_feed(struct tls_trust *t, struct slice *chunk,
                    struct slice *der);

#endif
