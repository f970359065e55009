/* SPDX-License-Identifier: ISC */
/*
 * Trust anchors, fetched when TLS asks: from the bundle by one pass, from the
 * hashed directory by name. Never all at once, in constant memory.
 *
 * in     job's anchors and their descriptor; the issuers that TLS wants
 * out    certificates for tls_anchor
 * bound  one file at a time; ANCHORS_LINK_COUNT_MAX names of one hash
 * fault  a reason in words, or NULL
 */
#ifndef ANCHORS_H
#define ANCHORS_H

#include "job.h"
#include "limits.h"
#include "tls/tls.h"
#include "tls/trust.h"

struct anchors_work {
    struct tls_trust trust;
    uint8_t bytes[CONTROL_CHUNK_SIZE];
};

/* Whether there is a single certificate. */
const char *anchors_check(struct anchors_work *w, const struct job *job);
/* Gives TLS what it wants of them. */
const char *anchors_supply(struct anchors_work *w, const struct job *job,
                           struct tls *tls);

#endif
