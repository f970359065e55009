/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L

#include "tls/trust.h"

#include <unistd.h>

#include "test.h"

#define BUNDLE "/etc/ssl/certs/ca-certificates.crt"

enum { TEXT_SIZE = 1 << 20 };

/* The outer structure of a certificate, with nothing in it. */
#define EMPTY                                                              \
    "\x30\x14\x30\x0d\x02\x01\x01\x30\x00\x30\x00\x30\x00\x30\x00\x30\x00" \
    "\x30\x00\x03\x01\x00"
#define SERVER_AUTH "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"
#define EMAIL_AUTH "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04"
#define ANY_AUTH "\x06\x04\x55\x1d\x25\x00"

static struct tls_trust trust;
static uint8_t text_data[TEXT_SIZE];
static struct buf text;

/* Appends a PEM block with these bytes. */
static void
put_block(const char *label, struct slice bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                                 "tuvwxyz0123456789+/";

    buf_put_text(&text, "-----BEGIN ");
    buf_put_text(&text, label);
    buf_put_text(&text, "-----\n");
    for (size_t i = 0; i < bytes.size; i += 3) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (i + k < bytes.size ? bytes.data[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_put_byte(&text,
                         i + k > bytes.size
                             ? '='
                             : (uint8_t)digits[group >> (18 - 6 * k) & 0x3f]);
        buf_put_byte(&text, '\n');
    }
    buf_put_text(&text, "-----END ");
    buf_put_text(&text, label);
    buf_put_text(&text, "-----\n");
}

static uint64_t
count_in(struct slice s, size_t step)
{
    uint64_t count = 0;
    struct slice der;

    tls_trust_init(&trust);
    for (size_t at = 0; at < s.size; at += step) {
        struct slice chunk = slice_part(s, at, at + step);
        while (tls_trust_feed(&trust, &chunk, &der))
            count++;
    }
    return count == trust.found ? count : UINT64_MAX;
}

/* How many of one such block are taken. */
static uint64_t
taken(const char *label, struct slice bytes)
{
    buf_init(&text, text_data, sizeof(text_data));
    put_block(label, bytes);
    return count_in(buf_slice(&text), 5);
}

TEST(takes_certificates)
{
    CHECK(taken("CERTIFICATE", SLICE(EMPTY)) == 1);
    CHECK(taken("X509 CERTIFICATE", SLICE(EMPTY)) == 1);
    CHECK(taken("TRUSTED CERTIFICATE", SLICE(EMPTY)) == 1);
    CHECK(trust.skipped == 0);
}

TEST(passes_over_what_is_none)
{
    CHECK(taken("CERTIFICATE", SLICE("")) == 0);
    CHECK(trust.skipped == 1);
    CHECK(taken("CERTIFICATE", SLICE(EMPTY "\0")) == 0);
    CHECK(taken("CERTIFICATE", SLICE("\x30\x00")) == 0);
    CHECK(taken("CERTIFICATE", SLICE("\x30\x80")) == 0);
    CHECK(taken("CERTIFICATE", SLICE("\x30\x84\xff\xff\xff\xff")) == 0);
    CHECK(taken("PRIVATE KEY", SLICE(EMPTY)) == 0);
    CHECK(taken("X509 CRL", SLICE(EMPTY)) == 0);
    for (size_t size = 0; size < sizeof(EMPTY) - 1; size++)
        CHECK(taken("CERTIFICATE", slice_of(EMPTY, size)) == 0);
}

TEST(obeys_trust_settings)
{
    const char *label = "TRUSTED CERTIFICATE";

    /* a list of trusted purposes */
    CHECK(taken(label, SLICE(EMPTY "\x30\x0c\x30\x0a" SERVER_AUTH)) == 1);
    CHECK(taken(label, SLICE(EMPTY "\x30\x08\x30\x06" ANY_AUTH)) == 1);
    CHECK(taken(label, SLICE(EMPTY "\x30\x0c\x30\x0a" EMAIL_AUTH)) == 0);
    CHECK(taken(label, SLICE(EMPTY "\x30\x02\x30\x00")) == 0);
    CHECK(taken(label,
                SLICE(EMPTY "\x30\x16\x30\x14" EMAIL_AUTH SERVER_AUTH)) == 1);
    /* a list of rejected ones */
    CHECK(taken(label, SLICE(EMPTY "\x30\x0c\xa0\x0a" SERVER_AUTH)) == 0);
    CHECK(taken(label, SLICE(EMPTY "\x30\x0c\xa0\x0a" EMAIL_AUTH)) == 1);
    CHECK(taken(label, SLICE(EMPTY "\x30\x18\x30\x0a" SERVER_AUTH
                                   "\xa0\x0a" SERVER_AUTH)) == 0);
    /* an alias only */
    CHECK(taken(label, SLICE(EMPTY "\x30\x03\x0c\x01x")) == 1);
    CHECK(taken(label, SLICE(EMPTY "\x30\x0c\x30\x0b" SERVER_AUTH)) == 0);
}

TEST(finds_every_root_of_the_system)
{
    FILE *file = fopen(BUNDLE, "r");
    static const size_t steps[] = {1, 7, 4096, TEXT_SIZE};
    size_t size;
    uint64_t expected = 0;

    CHECK(file != NULL);
    size = fread(text_data, 1, sizeof(text_data) - 1, file);
    fclose(file);
    text_data[size] = '\0';
    for (const char *at = (const char *)text_data;
         (at = strstr(at, "-----BEGIN CERT")) != NULL; at++)
        expected++;
    CHECK(expected > 0);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        CHECK(count_in(slice_of(text_data, size), steps[i]) == expected);
        CHECK(trust.skipped == 0);
    }
}

#define CASES(X)                \
    X(takes_certificates)       \
    X(passes_over_what_is_none) \
    X(obeys_trust_settings)

int
main(void)
{
    bool any_failed = false;

    CASES(TEST_RUN)
    if (access(BUNDLE, R_OK) == 0) {
        TEST_RUN(finds_every_root_of_the_system)
    } else {
        puts("skip finds_every_root_of_the_system: no " BUNDLE);
    }
    return any_failed ? 1 : 0;
}
