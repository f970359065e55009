/* SPDX-License-Identifier: ISC */
#include "tls/trust.h"

#include "tls/der.h"
#include "tls/name.h"

void
tls_trust_init(struct tls_trust *t)
{
    t->found = 0;
    t->skipped = 0;
    tls_pem_init(&t->pem);
}

/* A list of purposes names TLS servers, or every purpose. */
static bool
names_servers(struct slice purposes)
{
    /* id-kp-serverAuth, anyExtendedKeyUsage (RFC 5280 section 4.2.1.12) */
    const struct slice server = SLICE("\x2b\x06\x01\x05\x05\x07\x03\x01");
    const struct slice any = SLICE("\x55\x1d\x25\x00");
    struct cursor c;

    cursor_init(&c, purposes);
    while (c.rest.size > 0 && !c.bad) {
        struct slice purpose = tls_der_take(&c, TLS_DER_OID);
        if (slice_equal(purpose, server) || slice_equal(purpose, any))
            return true;
    }
    return false;
}

/* OpenSSL's settings behind a certificate: a list of trusted purposes, then
 * one of rejected ones; no list of trusted ones means all. */
static bool
allows_servers(struct slice settings)
{
    struct cursor outer, c;

    if (settings.size == 0)
        return true;
    cursor_init(&outer, settings);
    cursor_init(&c, tls_der_take(&outer, TLS_DER_SEQUENCE));
    if (outer.bad)
        return false;
    if (tls_der_peek(&c) == TLS_DER_SEQUENCE &&
        !names_servers(tls_der_take(&c, TLS_DER_SEQUENCE)))
        return false;
    if (tls_der_peek(&c) == TLS_DER_CONTEXT_0 &&
        names_servers(tls_der_take(&c, TLS_DER_CONTEXT_0)))
        return false;
    return !c.bad;
}

/* The certificate of a block, if it is one to be used. */
static bool
certificate_take(const struct tls_pem *p, struct slice *out)
{
    struct slice der = buf_slice(&p->der);
    struct slice subject;
    struct cursor c;

    if (p->kind == TLS_PEM_TRUSTED) {
        cursor_init(&c, der);
        der = tls_der_take_whole(&c, TLS_DER_SEQUENCE);
        if (c.bad || !allows_servers(c.rest))
            return false;
    } else if (p->kind != TLS_PEM_CERTIFICATE) {
        return false;
    }
    if (!tls_name_subject(der, &subject))
        return false;
    *out = der;
    return true;
}

bool
tls_trust_feed(struct tls_trust *t, struct slice *chunk, struct slice *der)
{
    while (tls_pem_feed(&t->pem, chunk)) {
        if (certificate_take(&t->pem, der)) {
            t->found++;
            return true;
        }
        t->skipped++;
    }
    return false;
}
