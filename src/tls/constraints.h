/* SPDX-License-Identifier: ISC */
/*
 * For which names an authority may vouch: nameConstraints of its certificate
 * (RFC 5280 section 4.2.1.10).
 *
 * in     a certificate's extensions; a name as in subjectAltName
 * out    what they say of it; only of dNSName and iPAddress, for subtrees of
 *        other forms do not concern a server's name
 * bound  none of its own
 * fault  TLS_CONSTRAINTS_BAD: malformed, or nothing that can be judged
 * order  tls_constraints_find once a certificate, then tls_constraints_judge
 */
#ifndef TLS_CONSTRAINTS_H
#define TLS_CONSTRAINTS_H

#include "base/slice.h"

enum tls_constraints {
    TLS_CONSTRAINTS_NONE,
    TLS_CONSTRAINTS_ALLOW,
    TLS_CONSTRAINTS_FORBID,
    TLS_CONSTRAINTS_BAD
};

/* NONE, BAD (more than one is), or ALLOW and the value of the extension. */
enum tls_constraints tls_constraints_find(struct slice extensions,
                                          struct slice *value);
/* ALLOW, FORBID or BAD. */
enum tls_constraints tls_constraints_judge(struct slice value, uint8_t tag,
                                           struct slice name);

#endif
