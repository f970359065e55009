/* SPDX-License-Identifier: ISC */
/*
 * How an exchanger proves itself: the look-ups of its TLSA records (RFC 7672
 * section 2.2, RFC 7671 section 7).
 *
 * in     the answers that brought its addresses
 * out    its struct target_dane
 * bound  two questions an exchanger: for the end of its alias chain, then for
 *        its own name
 * fault  POLICY_DANE_SKIP, and why
 * order  while it is POLICY_DANE_PENDING and there are addresses
 */
#ifndef PROVE_H
#define PROVE_H

#include "resolve.h"
#include "tls/tls.h"

/* `answers` by family; NULL: none yet. */
void prove(const struct job *job, struct resolve_work *w, struct targets *t,
           uint32_t host,
           const struct dns_query *const answers[static ADDR_FAMILY_COUNT]);
/* What addresses it has is known, and nothing to prove it by yet. */
bool prove_is_holding(const struct resolve_work *w, const struct targets *t,
                      uint32_t host);
/* The name that it is asked by in a session: where it has records the one that
 * they are of (RFC 7672 section 8.1), unless it is a name that it proves: that
 * is the same with DANE and without. Empty: it is known by its address. */
struct slice prove_base(const struct targets *t, uint32_t host,
                        enum policy_proof proof);
/* By which records and other names it proves itself there (section 3.2.2). With
 * POLICY_DANE_AUTH. */
void prove_by(const struct job *job, const struct targets *t, uint32_t host,
              struct tls_dane *out);

#endif
