/* SPDX-License-Identifier: ISC */
/*
 * Whose certificates decide about a peer's, and the decision (RFC 5280
 * section 6, RFC 9525). tls.h has tls_anchor, also here.
 *
 * in     the chain the peer presented, kept by mbedTLS; anchors; the names
 * out    t->issuers; then t->verified and TLS_HANDSHAKE, or TLS_REFUSED
 * bound  TLS_CHAIN_COUNT_MAX certificates presented, TLS_ANCHOR_COUNT_MAX
 *        anchors; mbedTLS follows chains of 8 intermediates
 * fault  TLS_REFUSED with a reason and an alert; TLS_FAILED: out of memory
 */
#ifndef TLS_VERIFY_H
#define TLS_VERIFY_H

#include "tls/core.h"

/* Fills `issuers`, TLS_ANCHORS; or all is decided already. */
void tls_verify_begin(struct tls *t);
/* Fills `pin`, from what the peer has presented. */
void tls_verify_pin(struct tls *t);
/* At TLS_ANCHORS. */
void tls_verify_decide(struct tls *t);

#endif
