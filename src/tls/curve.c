/* SPDX-License-Identifier: ISC */
#include "tls/curve.h"

#include <mbedtls/platform_util.h>
#include <string.h>

#include "base/assert.h"
#include "tls/glue.h"

enum { X25519_SIZE = 32 };

/* Of Everest; it changes neither the secret nor the point. */
void Hacl_Curve25519_crypto_scalarmult(uint8_t *out, uint8_t *secret,
                                       uint8_t *point);
/* Of bignum.c's own header: unsafe for the power, not for the number. */
int mbedtls_mpi_exp_mod_unsafe(mbedtls_mpi *out, const mbedtls_mpi *number,
                               const mbedtls_mpi *power,
                               const mbedtls_mpi *modulus, mbedtls_mpi *cache);

/* A key has its bits set and cleared already (RFC 7748 section 5): the group
 * accepts no other, and Everest then changes none. */
static int
x25519(mbedtls_ecp_point *out, const mbedtls_mpi *number,
       const mbedtls_ecp_point *point)
{
    static const uint8_t zero[X25519_SIZE];
    uint8_t secret[X25519_SIZE], u[X25519_SIZE], shared[X25519_SIZE];
    int error = mbedtls_mpi_write_binary_le(number, secret, sizeof(secret));

    if (error == 0)
        error = mbedtls_mpi_write_binary_le(&point->MBEDTLS_PRIVATE(X), u,
                                            sizeof(u));
    if (error == 0) {
        Hacl_Curve25519_crypto_scalarmult(shared, secret, u);
        if (memcmp(shared, zero, sizeof(zero)) == 0)
            error = MBEDTLS_ERR_ECP_INVALID_KEY;
    }
    if (error == 0)
        error = mbedtls_mpi_read_binary_le(&out->MBEDTLS_PRIVATE(X), shared,
                                           sizeof(shared));
    if (error == 0)
        error = mbedtls_mpi_lset(&out->MBEDTLS_PRIVATE(Z), 1);
    if (error == 0)
        mbedtls_mpi_free(&out->MBEDTLS_PRIVATE(Y)); /* it has none */
    mbedtls_platform_zeroize(secret, sizeof(secret));
    mbedtls_platform_zeroize(shared, sizeof(shared));
    return error;
}

int
tls_curve_multiply(mbedtls_ecp_group *group, mbedtls_ecp_point *out,
                   const mbedtls_mpi *number, const mbedtls_ecp_point *point)
{
    int error = 0;

    if (group->id != MBEDTLS_ECP_DP_CURVE25519)
        return mbedtls_ecp_mul(group, out, number, point, tls_glue_random,
                               NULL);
    error = mbedtls_ecp_check_privkey(group, number);
    if (error == 0)
        error = mbedtls_ecp_check_pubkey(group, point);
    return error != 0 ? error : x25519(out, number, point);
}

/* Fermat: the inverse of a number modulo a prime is its power of that prime
 * less two, which everybody knows. mbedTLS's algorithm is for any odd modulus,
 * and takes four times as long for the same silence about the number. */
int
tls_curve_invert(mbedtls_mpi *gcd, mbedtls_mpi *out, const mbedtls_mpi *number,
                 const mbedtls_mpi *prime)
{
    mbedtls_mpi power;
    int error = 0;

    assert(gcd == NULL);
    mbedtls_mpi_init(&power);
    error = mbedtls_mpi_sub_int(&power, prime, 2);
    if (error == 0)
        error = mbedtls_mpi_exp_mod_unsafe(out, number, &power, prime, NULL);
    mbedtls_mpi_free(&power);
    return error;
}
