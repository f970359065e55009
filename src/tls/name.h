/* SPDX-License-Identifier: ISC */
/*
 * The hash by which OpenSSL's hashed directories file a certificate: SHA-1
 * over the distinguished name in a canonical form (RFC 5280 section 7.1, as
 * X509_NAME_hash does it).
 *
 * in     DER of a Name, or of a whole certificate
 * out    the hash; equal for names that differ in case, white space or the
 *        type of a string only
 * bound  TLS_NAME_SIZE_MAX bytes of canonical form, TLS_RDN_COUNT_MAX
 *        attributes in one part
 * fault  false: not such DER, over a bound, or a text that is not Unicode
 */
#ifndef TLS_NAME_H
#define TLS_NAME_H

#include "base/slice.h"
#include "limits.h"

struct tls_name_hash {
    uint8_t sha1[TLS_SHA1_SIZE];
    uint32_t file; /* its first four bytes; %08x.0 is the file's name */
};

bool tls_name_hash(struct slice name, struct tls_name_hash *out);
/* The Name of the subject inside a certificate, header included. */
bool tls_name_subject(struct slice certificate, struct slice *out);

#endif
