/* SPDX-License-Identifier: ISC */
/*
 * Two functions of mbedTLS's elliptic curves that are slow, done otherwise. The
 * Makefile (SEAM_) has its files call these in their place, by the same rules.
 *
 * in     a point times a number: X25519 (RFC 7748) goes to Everest, verified C
 *        that comes with mbedTLS, any other curve to mbedTLS itself; a number
 *        to be inverted modulo the prime or the order of a curve
 * out    the same numbers as mbedTLS's own. Both take the same time for all
 *        secrets: Everest's ladder, and a power with a public exponent
 * bound  no memory beyond the arena
 * fault  mbedTLS's error codes; a point of low order is an invalid key, as in
 *        RFC 7748 section 6.1
 */
#ifndef TLS_CURVE_H
#define TLS_CURVE_H

#include <mbedtls/ecp.h>

/* As mbedtls_ecp_mul and mbedtls_ecp_mul_restartable. */
int tls_curve_multiply(mbedtls_ecp_group *group, mbedtls_ecp_point *out,
                       const mbedtls_mpi *number,
                       const mbedtls_ecp_point *point,
                       int (*f_rng)(void *, unsigned char *, size_t),
                       void *p_rng);
int tls_curve_multiply_part(mbedtls_ecp_group *group, mbedtls_ecp_point *out,
                            const mbedtls_mpi *number,
                            const mbedtls_ecp_point *point,
                            int (*f_rng)(void *, unsigned char *, size_t),
                            void *p_rng, mbedtls_ecp_restart_ctx *restart);
/* As mbedtls_mpi_gcd_modinv_odd, for a prime modulus; `gcd` is never wanted. */
int tls_curve_invert(mbedtls_mpi *gcd, mbedtls_mpi *out,
                     const mbedtls_mpi *number, const mbedtls_mpi *prime);

#endif
