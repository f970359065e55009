/* SPDX-License-Identifier: ISC */
#include "tls/reason.h"

#include "test.h"

static uint8_t data[TLS_REASON_SIZE_MAX];
static struct buf out;

static bool
says(const char *text)
{
    bool same = slice_equal(buf_slice(&out), slice_text(text));

    buf_init(&out, data, sizeof(data));
    return same;
}

TEST(words_errors)
{
    buf_init(&out, data, sizeof(data));
    tls_reason_error(&out, -0x6e80);
    CHECK(says("protocol version not supported by the peer"));
    tls_reason_error(&out, -0x2562);
    CHECK(says("certificate has an unknown critical extension"));
    tls_reason_error(&out, -0x2560);
    CHECK(says("certificate has a malformed extension"));
    tls_reason_error(&out, -0x7280);
    CHECK(says("connection closed during the handshake"));
}

TEST(words_lack_of_memory_at_any_depth)
{
    static const int codes[] = {-0x7f00, -0x2880, -0x3f80, -0x256a,
                                -0x4290, -0x4d80, -141};

    buf_init(&out, data, sizeof(data));
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        tls_reason_error(&out, codes[i]);
        CHECK(says("out of TLS memory"));
        CHECK(tls_reason_is_memory(codes[i]));
    }
    CHECK(!tls_reason_is_memory(-0x6e80));
    CHECK(!tls_reason_is_memory(-0x2562));
}

TEST(numbers_what_it_has_no_words_for)
{
    buf_init(&out, data, sizeof(data));
    tls_reason_error(&out, -0x5e80);
    CHECK(says("TLS error -0x5e80"));
    tls_reason_error(&out, -1);
    CHECK(says("TLS error -0x0001"));
}

TEST(names_alerts)
{
    buf_init(&out, data, sizeof(data));
    tls_reason_alert(&out, 40);
    CHECK(says("peer sent alert 40 (handshake_failure)"));
    tls_reason_alert(&out, 0);
    CHECK(says("peer sent alert 0 (close_notify)"));
    tls_reason_alert(&out, 255);
    CHECK(says("peer sent alert 255"));
}

TEST(cleans_names)
{
    buf_init(&out, data, sizeof(data));
    tls_reason_name(&out, SLICE("mx.\x1b[31m\r\n\0\xff\x7f x"));
    CHECK(says("mx.?[31m??????x"));
}

TEST(prints_days)
{
    buf_init(&out, data, sizeof(data));
    tls_reason_day(&out, (struct tls_reason_day){2026, 1, 2});
    CHECK(says("2026-01-02"));
}

#define CASES(X)                         \
    X(words_errors)                      \
    X(words_lack_of_memory_at_any_depth) \
    X(numbers_what_it_has_no_words_for)  \
    X(names_alerts)                      \
    X(cleans_names)                      \
    X(prints_days)

TEST_MAIN(CASES)
