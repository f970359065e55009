/* SPDX-License-Identifier: ISC */
#include "tls/curve.h"

#include <mbedtls/platform.h>
#include <stdlib.h>

#include "base/mix.h"
#include "test.h"

enum {
    SIZE = 32,         /* of a number or a point of X25519 */
    TEXT_SIZE = 64,    /* the same in hexadecimal */
    RANDOM_COUNT = 20, /* of each comparison */
    TURN_COUNT = 1000, /* RFC 7748 section 5.2 */
};

static const char base[] =
    "0900000000000000000000000000000000000000000000000000000000000000";

/* RFC 7748, first sections 5.2, where the highest bit of the second point is to
 * be ignored, then 6.1: both sides, and the secret they agree on. */
static const struct {
    const char *secret, *point, *product;
} vectors[] = {
    {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
     "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
     "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
    {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
     "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
     "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
    {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", base,
     "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"},
    {"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", base,
     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"},
    {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
     "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
    {"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
     "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
     "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
};

/* Of order 1, 2, 4 and 8, and the same in other words: not reduced, or with the
 * bit that is ignored. */
static const char *const low_orders[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000080",
};

static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_SECP256R1,
                                              MBEDTLS_ECP_DP_SECP384R1};

static mbedtls_ecp_group group;
static mbedtls_ecp_point point, ours, theirs;
static mbedtls_mpi number, inverse, wanted;
static uint64_t state = 1;

static int
random_bytes(void *unused, unsigned char *bytes, size_t size)
{
    (void)unused;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)mix_next(&state);
    return 0;
}

static bool
begin(mbedtls_ecp_group_id id)
{
    (void)mbedtls_platform_set_calloc_free(calloc, free);
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&point);
    mbedtls_ecp_point_init(&ours);
    mbedtls_ecp_point_init(&theirs);
    mbedtls_mpi_init(&number);
    mbedtls_mpi_init(&inverse);
    mbedtls_mpi_init(&wanted);
    return mbedtls_ecp_group_load(&group, id) == 0;
}

static void
end(void)
{
    mbedtls_ecp_group_free(&group);
    mbedtls_ecp_point_free(&point);
    mbedtls_ecp_point_free(&ours);
    mbedtls_ecp_point_free(&theirs);
    mbedtls_mpi_free(&number);
    mbedtls_mpi_free(&inverse);
    mbedtls_mpi_free(&wanted);
}

static void
take(uint8_t bytes[static SIZE], const char text[static TEXT_SIZE])
{
    for (size_t i = 0; i < SIZE; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};

        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
}

static bool
is(const uint8_t bytes[static SIZE], const char *text)
{
    uint8_t wanted_bytes[SIZE];

    take(wanted_bytes, text);
    return memcmp(bytes, wanted_bytes, SIZE) == 0;
}

/* Reads both as RFC 7748 section 5 does. */
static int
read_pair(const uint8_t secret[static SIZE], const uint8_t u[static SIZE])
{
    uint8_t bits[SIZE];
    int error;

    memcpy(bits, secret, SIZE);
    bits[0] &= 248;
    bits[SIZE - 1] = (uint8_t)((bits[SIZE - 1] & 127) | 64);
    error = mbedtls_mpi_read_binary_le(&number, bits, SIZE);
    if (error == 0)
        error = mbedtls_ecp_point_read_binary(&group, &point, u, SIZE);
    return error;
}

static int
x25519(uint8_t product[static SIZE], const uint8_t secret[static SIZE],
       const uint8_t u[static SIZE])
{
    size_t size = 0;
    int error = read_pair(secret, u);

    if (error == 0)
        error = tls_curve_multiply(&group, &ours, &number, &point, NULL, NULL);
    if (error == 0)
        error = mbedtls_ecp_point_write_binary(
            &group, &ours, MBEDTLS_ECP_PF_UNCOMPRESSED, &size, product, SIZE);
    return error != 0 || size == SIZE ? error : -1;
}

TEST(multiplies_as_rfc_7748_says)
{
    uint8_t product[SIZE], secret[SIZE], u[SIZE];

    CHECK(begin(MBEDTLS_ECP_DP_CURVE25519));
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        take(secret, vectors[i].secret);
        take(u, vectors[i].point);
        CHECK(x25519(product, secret, u) == 0);
        CHECK(is(product, vectors[i].product));
    }
    end();
}

TEST(multiplies_again_and_again)
{
    uint8_t secret[SIZE], u[SIZE], product[SIZE];

    CHECK(begin(MBEDTLS_ECP_DP_CURVE25519));
    take(secret, base);
    take(u, base);
    for (int turn = 1; turn <= TURN_COUNT; turn++) {
        CHECK(x25519(product, secret, u) == 0);
        memcpy(u, secret, SIZE);
        memcpy(secret, product, SIZE);
        CHECK(turn != 1 || is(secret, "422c8e7a6227d7bca1350b3e2bb7279f"
                                      "7897b87bb6854b783c60e80311ae3079"));
    }
    CHECK(is(secret, "684cf59ba83309552800ef566f2f4d3c"
                     "1c3887c49360e3875f2eb94d99532c51"));
    end();
}

TEST(refuses_points_of_low_order)
{
    uint8_t secret[SIZE], u[SIZE], product[SIZE];

    CHECK(begin(MBEDTLS_ECP_DP_CURVE25519));
    for (size_t i = 0; i < sizeof(low_orders) / sizeof(low_orders[0]); i++) {
        take(secret, vectors[0].secret);
        take(u, low_orders[i]);
        CHECK(x25519(product, secret, u) == MBEDTLS_ERR_ECP_INVALID_KEY);
    }
    end();
}

TEST(refuses_what_is_no_secret)
{
    CHECK(begin(MBEDTLS_ECP_DP_CURVE25519));
    for (int i = 0; i < 9; i++) {
        CHECK(mbedtls_mpi_lset(&number, i) == 0);
        CHECK(tls_curve_multiply(&group, &ours, &number, &group.G, NULL,
                                 NULL) == MBEDTLS_ERR_ECP_INVALID_KEY);
    }
    CHECK(mbedtls_mpi_set_bit(&number, 255, 1) == 0);
    CHECK(tls_curve_multiply(&group, &ours, &number, &group.G, NULL, NULL) ==
          MBEDTLS_ERR_ECP_INVALID_KEY);
    end();
}

/* Every other point is not reduced: RFC 7748 section 5 accepts it. The product
 * takes the place of the point every third time. */
TEST(agrees_with_mbedtls_about_x25519)
{
    uint8_t secret[SIZE], u[SIZE];

    CHECK(begin(MBEDTLS_ECP_DP_CURVE25519));
    for (int i = 0; i < RANDOM_COUNT; i++) {
        random_bytes(NULL, secret, SIZE);
        random_bytes(NULL, u, SIZE);
        if (i % 2 == 1) {
            memset(u, 0xff, SIZE);
            u[0] = (uint8_t)(0xef + i / 2); /* 2^255 - 17 and above */
        }
        CHECK(read_pair(secret, u) == 0);
        CHECK(mbedtls_ecp_mul(&group, &theirs, &number, &point, random_bytes,
                              NULL) == 0);
        if (i % 3 == 0) {
            CHECK(tls_curve_multiply_part(&group, &point, &number, &point, NULL,
                                          NULL, NULL) == 0);
            CHECK(mbedtls_ecp_point_cmp(&point, &theirs) == 0);
        } else {
            CHECK(tls_curve_multiply_part(&group, &ours, &number, &point, NULL,
                                          NULL, NULL) == 0);
            CHECK(mbedtls_ecp_point_cmp(&ours, &theirs) == 0);
        }
    }
    end();
}

TEST(leaves_other_curves_to_mbedtls)
{
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        CHECK(begin(curves[i]));
        CHECK(mbedtls_ecp_gen_privkey(&group, &number, random_bytes, NULL) ==
              0);
        CHECK(mbedtls_ecp_mul(&group, &theirs, &number, &group.G, random_bytes,
                              NULL) == 0);
        CHECK(tls_curve_multiply(&group, &ours, &number, &group.G, random_bytes,
                                 NULL) == 0);
        CHECK(mbedtls_ecp_point_cmp(&ours, &theirs) == 0);
        CHECK(mbedtls_ecp_check_pubkey(&group, &ours) == 0);
        end();
    }
}

static bool
inverts(const mbedtls_mpi *prime)
{
    bool equal = mbedtls_mpi_inv_mod(&wanted, &number, prime) == 0 &&
                 tls_curve_invert(NULL, &inverse, &number, prime) == 0 &&
                 mbedtls_mpi_cmp_mpi(&inverse, &wanted) == 0;

    /* In place, as mbedTLS does it. */
    return equal && tls_curve_invert(NULL, &number, &number, prime) == 0 &&
           mbedtls_mpi_cmp_mpi(&number, &wanted) == 0;
}

static bool
inverts_modulo(const mbedtls_mpi *prime)
{
    bool equal = mbedtls_mpi_lset(&number, 1) == 0 && inverts(prime) &&
                 mbedtls_mpi_sub_int(&number, prime, 1) == 0 && inverts(prime);

    for (int i = 0; equal && i < RANDOM_COUNT; i++)
        equal =
            mbedtls_mpi_random(&number, 1, prime, random_bytes, NULL) == 0 &&
            inverts(prime);
    return equal;
}

TEST(agrees_with_mbedtls_about_inverses)
{
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        CHECK(begin(curves[i]));
        CHECK(inverts_modulo(&group.P));
        CHECK(inverts_modulo(&group.N));
        end();
    }
    CHECK(begin(MBEDTLS_ECP_DP_CURVE25519));
    CHECK(inverts_modulo(&group.P));
    end();
}

#define CASES(X)                        \
    X(multiplies_as_rfc_7748_says)      \
    X(multiplies_again_and_again)       \
    X(refuses_points_of_low_order)      \
    X(refuses_what_is_no_secret)        \
    X(agrees_with_mbedtls_about_x25519) \
    X(leaves_other_curves_to_mbedtls)   \
    X(agrees_with_mbedtls_about_inverses)

TEST_MAIN(CASES)
