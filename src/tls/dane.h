/* SPDX-License-Identifier: ISC */
/*
 * Which TLSA record is a certificate's (RFC 6698 section 2.1, RFC 7671).
 *
 * in     records; a certificate, as mbedTLS has it
 * out    the index of a record
 * bound  TLSA_COUNT_MAX digests
 * fault  none: there is none
 */
#ifndef TLS_DANE_H
#define TLS_DANE_H

#include <mbedtls/x509_crt.h>

#include "base/tlsa.h"

/* The first one of this usage that counts and matches; set->count: none. */
uint32_t tls_dane_find(const struct tlsa_set *set, enum tlsa_usage usage,
                       const mbedtls_x509_crt *cert);

#endif
