/* SPDX-License-Identifier: ISC */
/*
 * Our own certificate, for servers that ask for one.
 *
 * in     PEM texts of the certificate chain, leaf first, and of its key (RSA
 *        or EC: PKCS #8, PKCS #1, SEC 1)
 * out    both parsed into the arena and told to mbedTLS
 * bound  TLS_PEM_SIZE_MAX of text each, which fits one TLS record as DER
 * fault  false and why: unreadable, encrypted, or not a pair
 */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include "tls/core.h"

bool tls_client_load(struct tls_core *core, const struct tls_config *config,
                     struct buf *why);

#endif
