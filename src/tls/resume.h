/* SPDX-License-Identifier: ISC */
/*
 * Sessions that are resumed, as octets (RFC 8446 sections 2.2 and 4.6.1, RFC
 * 5077, RFC 5246 section 7.4.1.2). tls.h has tls_offer, also here.
 *
 * in     what was offered; mbedTLS's session, a ticket behind the handshake
 * out    t->offered, t->resumed; t->sessions
 * bound  TLS_SESSION_SIZE_MAX octets each: a longer one is not kept;
 *        TLS_SESSION_COUNT_MAX of a run
 * fault  what was offered cannot be read: an error of mbedTLS; a ticket that
 *        is wrong is none, nor one that comes while something is to be sent
 */
#ifndef TLS_RESUME_H
#define TLS_RESUME_H

#include "tls/core.h"

void tls_resume_configure(mbedtls_ssl_config *config, bool sessions);
/* Before the handshake's first step. `name`: what the server is told. */
int tls_resume_begin(struct tls *t, const char *name);
/* The peer has shown that it knows the session, and nothing else. */
bool tls_resume_is(const struct tls *t);
/* At the handshake's end. */
void tls_resume_end(struct tls *t);
/* As mbedtls_ssl_read; tickets are kept. */
int tls_resume_read(struct tls *t, uint8_t *out, size_t size);

#endif
