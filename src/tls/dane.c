/* SPDX-License-Identifier: ISC */
#include "tls/dane.h"

#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>

static bool
matches(const struct tlsa_set *set, uint32_t index,
        const mbedtls_x509_crt *cert)
{
    const struct tlsa *r = &set->list[index];
    const mbedtls_x509_buf *part =
        r->selector == TLSA_SPKI ? &cert->pk_raw : &cert->raw;
    uint8_t digest[TLSA_SHA512_SIZE];
    struct slice data = slice_of(part->p, part->len);

    /* They have no hardware that could fail, and no heap. */
    if (r->type == TLSA_SHA256) {
        (void)mbedtls_sha256(part->p, part->len, digest, 0);
        data = slice_of(digest, TLSA_SHA256_SIZE);
    } else if (r->type == TLSA_SHA512) {
        (void)mbedtls_sha512(part->p, part->len, digest, 0);
        data = slice_of(digest, TLSA_SHA512_SIZE);
    }
    return slice_equal(data, tlsa_data(set, index));
}

uint32_t
tls_dane_find(const struct tlsa_set *set, enum tlsa_usage usage,
              const mbedtls_x509_crt *cert)
{
    uint32_t i = 0;

    while (i < set->count && (set->list[i].usage != usage ||
                              !tlsa_counts(set, i) || !matches(set, i, cert)))
        i++;
    return i;
}
