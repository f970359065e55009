/* SPDX-License-Identifier: ISC */
#include "tls/constraints.h"

#include "test.h"
#include "tls/der.h"

/* What a whole chain makes of them is in tls_verify_names_test.c. */

#define PERMITTED                      \
    "\x30\x0f\xa0\x0d\x30\x0b\x82\x09" \
    "a.example"
#define CONSTRAINTS "\x30\x18\x06\x03\x55\x1d\x1e\x04\x11" PERMITTED
#define CRITICAL "\x30\x1b\x06\x03\x55\x1d\x1e\x01\x01\xff\x04\x11" PERMITTED
#define OTHER "\x30\x07\x06\x03\x55\x1d\x0f\x04\x00"

TEST(finds_the_extension)
{
    struct slice value = slice_of(NULL, 0);

    CHECK(tls_constraints_find(SLICE("\x30\x1a" CONSTRAINTS), &value) ==
          TLS_CONSTRAINTS_ALLOW);
    CHECK(slice_equal(value, SLICE(PERMITTED)));
    CHECK(tls_constraints_find(SLICE("\x30\x1d" CRITICAL), &value) ==
          TLS_CONSTRAINTS_ALLOW);
    CHECK(slice_equal(value, SLICE(PERMITTED)));
    CHECK(tls_constraints_find(SLICE("\x30\x23" OTHER CONSTRAINTS), &value) ==
          TLS_CONSTRAINTS_ALLOW);
    CHECK(slice_equal(value, SLICE(PERMITTED)));
    CHECK(tls_constraints_find(SLICE("\x30\x09" OTHER), &value) ==
          TLS_CONSTRAINTS_NONE);
    CHECK(tls_constraints_find(SLICE(""), &value) == TLS_CONSTRAINTS_NONE);
}

TEST(refuses_more_than_one)
{
    struct slice value;

    CHECK(tls_constraints_find(SLICE("\x30\x34" CONSTRAINTS CONSTRAINTS),
                               &value) == TLS_CONSTRAINTS_BAD);
    CHECK(tls_constraints_find(SLICE("\x30\x37" CRITICAL CONSTRAINTS),
                               &value) == TLS_CONSTRAINTS_BAD);
    CHECK(tls_constraints_find(SLICE("\x30\x09" CONSTRAINTS), &value) ==
          TLS_CONSTRAINTS_BAD);
}

TEST(judges_two_forms_only)
{
    struct slice value = SLICE(PERMITTED);

    CHECK(
        tls_constraints_judge(value, TLS_DER_DNS_NAME, SLICE("mx.A.example")) ==
        TLS_CONSTRAINTS_ALLOW);
    CHECK(tls_constraints_judge(value, TLS_DER_DNS_NAME, SLICE("b.example")) ==
          TLS_CONSTRAINTS_FORBID);
    CHECK(tls_constraints_judge(value, TLS_DER_IP_ADDRESS, SLICE("\1\2\3\4")) ==
          TLS_CONSTRAINTS_ALLOW);
    CHECK(tls_constraints_judge(value, 0x81, SLICE("me@b.example")) ==
          TLS_CONSTRAINTS_ALLOW);
    CHECK(tls_constraints_judge(SLICE("\x30\x80"), TLS_DER_DNS_NAME,
                                SLICE("b.example")) == TLS_CONSTRAINTS_BAD);
}

#define CASES(X)             \
    X(finds_the_extension)   \
    X(refuses_more_than_one) \
    X(judges_two_forms_only)

TEST_MAIN(CASES)
