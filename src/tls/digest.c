/* SPDX-License-Identifier: ISC */
#include "tls/digest.h"

#include <mbedtls/sha256.h>

/* It has no hardware that could fail, and no heap. */
void
tls_digest(const struct slice *parts, uint32_t count,
           uint8_t out[static TLS_DIGEST_SIZE])
{
    mbedtls_sha256_context sha256;

    mbedtls_sha256_init(&sha256);
    (void)mbedtls_sha256_starts(&sha256, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t size = parts[i].size;

        (void)mbedtls_sha256_update(&sha256, (const uint8_t *)&size,
                                    sizeof(size));
        (void)mbedtls_sha256_update(&sha256, parts[i].data, parts[i].size);
    }
    (void)mbedtls_sha256_finish(&sha256, out);
    mbedtls_sha256_free(&sha256);
}
