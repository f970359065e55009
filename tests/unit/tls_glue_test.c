/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L

#include "tls/glue.h"

#include <mbedtls/platform_time.h>
#include <mbedtls/platform_util.h>
#include <psa/crypto.h>
#include <time.h>

#include "test.h"

static mbedtls_ctr_drbg_context generator;

TEST(has_no_randomness_before_the_seed)
{
    uint8_t out[16];

    CHECK(tls_glue_random(NULL, out, sizeof(out)) != 0);
}

TEST(depends_on_the_seed_alone)
{
    static const uint8_t one[TLS_ENTROPY_SIZE] = {1};
    static const uint8_t two[TLS_ENTROPY_SIZE] = {2};
    static uint8_t first[3000], again[3000], other[3000];

    CHECK(tls_glue_seed(&generator, one));
    CHECK(tls_glue_random(NULL, first, sizeof(first)) == 0);
    CHECK(tls_glue_seed(&generator, one));
    CHECK(tls_glue_random(NULL, again, sizeof(again)) == 0);
    CHECK(tls_glue_seed(&generator, two));
    CHECK(tls_glue_random(NULL, other, sizeof(other)) == 0);
    CHECK(memcmp(first, again, sizeof(first)) == 0);
    CHECK(memcmp(first, other, sizeof(first)) != 0);
    CHECK(memcmp(first, first + 1024, 1024) != 0);
}

/* SP 800-90A allows so many requests on one seed; then it fails, for good. */
TEST(fails_rather_than_ask_for_more)
{
    static const uint8_t seed[TLS_ENTROPY_SIZE] = {3};
    uint8_t out[16];
    int count = 0;

    CHECK(tls_glue_seed(&generator, seed));
    while (tls_glue_random(NULL, out, sizeof(out)) == 0)
        CHECK(++count <= MBEDTLS_CTR_DRBG_RESEED_INTERVAL);
    CHECK(count == MBEDTLS_CTR_DRBG_RESEED_INTERVAL);
    CHECK(tls_glue_random(NULL, out, sizeof(out)) != 0);
}

TEST(agrees_with_the_system_about_dates)
{
    static const int64_t edges[] = {
        0,          1,          86399,      86400,       68255999,
        68256000,   951782399,  951782400,  951868800,   978307199,
        1582934400, 1609459199, 1609459200, 2147483647,  2147483648,
        4107542399, 4107542400, 4133980799, 253402300799};
    struct tm ours, system;

    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        time_t at = (time_t)edges[i];
        CHECK(gmtime_r(&at, &system) != NULL);
        CHECK(mbedtls_platform_gmtime_r(&edges[i], &ours) == &ours);
        CHECK(ours.tm_year == system.tm_year && ours.tm_mon == system.tm_mon);
        CHECK(ours.tm_mday == system.tm_mday && ours.tm_yday == system.tm_yday);
        CHECK(ours.tm_hour == system.tm_hour && ours.tm_min == system.tm_min);
        CHECK(ours.tm_sec == system.tm_sec && ours.tm_wday == system.tm_wday);
    }
}

TEST(keeps_the_clock_it_was_given)
{
    int64_t now = 0;

    tls_glue_clock(1767312000);
    CHECK(tls_glue_time(&now) == 1767312000 && now == 1767312000);
    CHECK(tls_glue_time(NULL) == 1767312000);
    CHECK(mbedtls_ms_time() == 1767312000000);
    tls_glue_clock(-1);
    CHECK(tls_glue_time(NULL) == 0);
    tls_glue_clock(INT64_MAX);
    CHECK(tls_glue_time(NULL) == 253402300799);
}

#define CASES(X)                          \
    X(has_no_randomness_before_the_seed)  \
    X(depends_on_the_seed_alone)          \
    X(fails_rather_than_ask_for_more)     \
    X(agrees_with_the_system_about_dates) \
    X(keeps_the_clock_it_was_given)

TEST_MAIN(CASES)
