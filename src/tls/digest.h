/* SPDX-License-Identifier: ISC */
/*
 * What stands for several octet strings in their order (FIPS 180-4: SHA-256).
 *
 * in     parts, each hashed behind its size: none runs into the next
 * out    TLS_DIGEST_SIZE octets
 * bound  none
 * fault  none
 */
#ifndef TLS_DIGEST_H
#define TLS_DIGEST_H

#include "base/slice.h"
#include "limits.h"

void tls_digest(const struct slice *parts, uint32_t count,
                uint8_t out[static TLS_DIGEST_SIZE]);

#endif
