/* SPDX-License-Identifier: ISC */
/*
 * What the files behind tls.h share: mbedTLS's objects, and how to give up.
 *
 * in     struct tls, after tls_init
 * out    tls_core is allocated in the arena, so that tls.h needs no mbedTLS
 * bound  one connection at a time; TLS_ANCHOR_COUNT_MAX anchors
 * fault  the first one sticks; a half-built reason is closed by tls_give_up
 */
#ifndef TLS_CORE_H
#define TLS_CORE_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "tls/tls.h"

struct tls_core {
    mbedtls_ssl_context ssl; /* of a connection */
    mbedtls_x509_crt anchors;
    uint32_t anchor_count;
    const mbedtls_x509_crt *anchor; /* the one that the chain ends in */
    int anchor_error;               /* why one of them cannot be used */
    struct buf reason;

    mbedtls_ssl_config config; /* of the program's run */
    mbedtls_ctr_drbg_context generator;
    mbedtls_x509_crt client_cert;
    mbedtls_pk_context client_key;
};

/* TLS_FAILED with what an error of mbedTLS means. (A peer's alert is told by
 * tls.c.) */
void tls_fail(struct tls *t, int error);
/* TLS_FAILED or TLS_REFUSED with what core->reason says. */
void tls_give_up(struct tls *t, enum tls_state state);
/* What the peer presented, its own certificate first; NULL: nothing yet. */
mbedtls_x509_crt *tls_chain(const struct tls_core *core);

#endif
