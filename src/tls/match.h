/* SPDX-License-Identifier: ISC */
/*
 * Whether a certificate is for the peer we mean (RFC 9525 section 6).
 *
 * in     one entry of subjectAltName: its tag and bytes; the reference name
 *        without a trailing dot, or the reference address
 * out    a match: dNSName equal, or `*` for the whole left-most label of a
 *        name with at least two more; iPAddress equal
 * bound  none of its own
 * fault  false. Other kinds of entries never match; no subject CN exists here
 */
#ifndef TLS_MATCH_H
#define TLS_MATCH_H

#include "base/addr.h"
#include "base/slice.h"

bool tls_match_name(uint8_t tag, struct slice entry, struct slice name);
bool tls_match_address(uint8_t tag, struct slice entry,
                       const struct addr *address);
/* Labels of letters, digits and hyphens within (RFC 1123 section 2.1). */
bool tls_match_is_host(const char *name);

#endif
