/* SPDX-License-Identifier: ISC */
/*
 * SHA-1's compression of one block (RFC 3174 section 6.1, method 2), in the
 * place of mbedTLS's, which has the 80 steps written out: 4 KB.
 *
 * in     the state so far, a block of 64 octets
 * out    the state behind that block
 * bound  80 steps
 * fault  none
 * order  mbedTLS calls it, out of mbedtls_sha1
 *
 * It finds the names of certificates in a hashed directory; nothing is proved
 * by SHA-1 here. <mbedtls/sha1.h> declares the function.
 */
#ifndef TLS_SHA1_H
#define TLS_SHA1_H

#include <mbedtls/sha1.h>

#endif
