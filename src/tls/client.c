/* SPDX-License-Identifier: ISC */
#include "tls/client.h"

#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>

#include "tls/glue.h"
#include "tls/pem.h"

/* The chain goes out in one record, with 5 octets a certificate and the header
 * of the message (RFC 8446 section 4.4.2); as text it is a third longer. */
_Static_assert(TLS_PEM_SIZE_MAX <= MBEDTLS_SSL_OUT_CONTENT_LEN,
               "a client certificate's chain fits a record");

static const char *
load_cert(struct tls_core *core, struct tls_pem *pem, struct slice text)
{
    tls_pem_init(pem);
    while (tls_pem_feed(pem, &text)) {
        if (pem->kind == TLS_PEM_BAD)
            return "the client certificate cannot be read";
        if (pem->kind != TLS_PEM_CERTIFICATE)
            continue;
        if (mbedtls_x509_crt_parse_der(&core->client_cert, pem->der.data,
                                       pem->der.used) != 0)
            return "the client certificate cannot be read";
    }
    if (core->client_cert.raw.p == NULL)
        return "there is no client certificate";
    return NULL;
}

static const char *
load_key(struct tls_core *core, struct tls_pem *pem, struct slice text)
{
    int error;

    tls_pem_init(pem);
    while (tls_pem_feed(pem, &text)) {
        if (pem->kind == TLS_PEM_LOCKED)
            return "the client key is encrypted";
        if (pem->kind == TLS_PEM_BAD)
            return "the client key cannot be read";
        if (pem->kind != TLS_PEM_KEY)
            continue;
        error =
            mbedtls_pk_parse_key(&core->client_key, pem->der.data,
                                 pem->der.used, NULL, 0, tls_glue_random, NULL);
        return error == 0 ? NULL : "the client key cannot be read";
    }
    return "there is no client key";
}

static const char *
load_both(struct tls_core *core, const struct tls_config *config)
{
    const char *wrong = "out of TLS memory";
    struct tls_pem *pem = mbedtls_calloc(1, sizeof(*pem));

    if (pem == NULL)
        return wrong;
    wrong = load_cert(core, pem, config->client_cert);
    if (wrong == NULL)
        wrong = load_key(core, pem, config->client_key);
    mbedtls_platform_zeroize(pem, sizeof(*pem));
    mbedtls_free(pem);
    return wrong;
}

bool
tls_client_load(struct tls_core *core, const struct tls_config *config,
                struct buf *why)
{
    const char *wrong = load_both(core, config);

    if (wrong == NULL && !config->checked &&
        mbedtls_pk_check_pair(&core->client_cert.pk, &core->client_key,
                              tls_glue_random, NULL) != 0)
        wrong = "the client key is not the client certificate's";
    if (wrong == NULL &&
        mbedtls_ssl_conf_own_cert(&core->config, &core->client_cert,
                                  &core->client_key) != 0)
        wrong = "out of TLS memory";
    if (wrong != NULL)
        buf_put_text(why, wrong);
    return wrong == NULL;
}
