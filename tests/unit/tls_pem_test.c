/* SPDX-License-Identifier: ISC */
#include "tls/pem.h"

#include "test.h"

static struct tls_pem pem;

#define CERT "-----BEGIN CERTIFICATE-----\n"
#define CERT_END "-----END CERTIFICATE-----\n"

/* Feeds the text in chunks of this size. The blocks must be of these kinds, a
 * letter each; the bytes of the good ones, joined, must be `bytes`. */
static bool
gives_in_steps(size_t step, struct slice text, const char *kinds,
               struct slice bytes)
{
    static const char letters[] = "ctkl-!";
    char seen[32];
    uint8_t joined[TLS_DER_SIZE_MAX];
    struct buf out;
    size_t count = 0;

    buf_init(&out, joined, sizeof(joined));
    memset(&pem, 0xa5, sizeof(pem));
    tls_pem_init(&pem);
    for (size_t at = 0; at < text.size; at += step) {
        struct slice chunk = slice_part(text, at, at + step);
        while (tls_pem_feed(&pem, &chunk) && count < sizeof(seen) - 1) {
            seen[count++] = letters[pem.kind];
            if (pem.kind >= TLS_PEM_LOCKED && pem.der.used > 0)
                return false;
            buf_put(&out, buf_slice(&pem.der));
        }
    }
    seen[count] = '\0';
    if (strcmp(seen, kinds) == 0 && slice_equal(buf_slice(&out), bytes))
        return true;
    printf("    in steps of %zu: %s\n", step, seen);
    return false;
}

static bool
gives(struct slice text, const char *kinds, struct slice bytes)
{
    for (size_t step = 1; step <= text.size; step++)
        if (!gives_in_steps(step, text, kinds, bytes))
            return false;
    return true;
}

TEST(decodes_a_block)
{
    CHECK(gives(SLICE(CERT "Zm9v\n" CERT_END), "c", SLICE("foo")));
    CHECK(gives(SLICE(CERT "Zm8=\n" CERT_END), "c", SLICE("fo")));
    CHECK(gives(SLICE(CERT "Zg==\n" CERT_END), "c", SLICE("f")));
    CHECK(gives(SLICE(CERT "+/+/\n" CERT_END), "c", SLICE("\xfb\xff\xbf")));
    CHECK(gives(SLICE(CERT CERT_END), "c", SLICE("")));
}

TEST(takes_any_line_ends_and_lengths)
{
    CHECK(gives(SLICE("-----BEGIN CERTIFICATE-----\r\nZm\r\n9v\r\n"
                      "-----END CERTIFICATE-----\r\n"),
                "c", SLICE("foo")));
    CHECK(gives(SLICE(CERT "  Z m9v\t\nYmFy  \n\n" CERT_END), "c",
                SLICE("foobar")));
    CHECK(gives(SLICE(CERT "Zm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9v"
                           "Zm9vZm9vZm9vZm9vZm9v\n" CERT_END),
                "c",
                SLICE("foofoofoofoofoofoofoofoofoofoofoofoofoofoofoofoofoo")));
}

TEST(needs_no_line_end_at_the_end)
{
    CHECK(gives(SLICE(CERT "Zm9v\n-----END CERTIFICATE-----"), "c",
                SLICE("foo")));
    CHECK(gives(
        SLICE(CERT "Zm9v\n-----END CERTIFICATE-----" CERT "YmFy\n" CERT_END),
        "cc", SLICE("foobar")));
}

TEST(passes_over_text_between)
{
    CHECK(gives(SLICE("# my roots: \n\n" CERT "Zm9v\n" CERT_END
                      "-----nothing-----\n" CERT "YmFy\n" CERT_END "end"),
                "cc", SLICE("foobar")));
    CHECK(
        gives(SLICE("\xef\xbb\xbf" CERT "Zm9v\n" CERT_END), "c", SLICE("foo")));
    CHECK(gives(SLICE("see " CERT "Zm9v\n" CERT_END), "", SLICE("")));
    CHECK(gives(SLICE("a line that is far too long to be held in the small "
                      "buffer " CERT "Zm9v\n" CERT_END CERT "Zm8=\n" CERT_END),
                "c", SLICE("fo")));
}

TEST(knows_labels)
{
    CHECK(gives(SLICE("-----BEGIN X509 CERTIFICATE-----\nZm9v\n"
                      "-----END X509 CERTIFICATE-----\n"),
                "c", SLICE("foo")));
    CHECK(gives(SLICE("-----BEGIN TRUSTED CERTIFICATE-----\nZm9v\n"
                      "-----END TRUSTED CERTIFICATE-----\n"),
                "t", SLICE("foo")));
    CHECK(gives(SLICE("-----BEGIN RSA PRIVATE KEY-----\nZm9v\n"
                      "-----END RSA PRIVATE KEY-----\n"),
                "k", SLICE("foo")));
    CHECK(gives(SLICE("-----BEGIN X509 CRL-----\nZm9v\n-----END X509 CRL-----"
                      "\n-----BEGIN EC PARAMETERS-----\n!!\n"
                      "-----END EC PARAMETERS-----\n"),
                "--", SLICE("")));
}

TEST(knows_encrypted_keys)
{
    CHECK(gives(SLICE("-----BEGIN ENCRYPTED PRIVATE KEY-----\nZm9v\n"
                      "-----END ENCRYPTED PRIVATE KEY-----\n"),
                "l", SLICE("")));
    CHECK(gives(SLICE("-----BEGIN RSA PRIVATE KEY-----\n"
                      "Proc-Type: 4,ENCRYPTED\n"
                      "DEK-Info: AES-128-CBC,0123456789ABCDEF0123456789ABCDEF"
                      "0123456789ABCDEF0123456789ABCDEF\n\nZm9v\n"
                      "-----END RSA PRIVATE KEY-----\n"),
                "l", SLICE("")));
}

TEST(calls_broken_blocks_bad)
{
    CHECK(gives(SLICE(CERT "Zm9\n" CERT_END), "!", SLICE("")));
    CHECK(gives(SLICE(CERT "Zm9v=\n" CERT_END), "!", SLICE("")));
    CHECK(gives(SLICE(CERT "Z===\n" CERT_END), "!", SLICE("")));
    CHECK(gives(SLICE(CERT "Zg==Zg==\n" CERT_END), "!", SLICE("")));
    CHECK(gives(SLICE(CERT "Zm$v\n" CERT_END), "!", SLICE("")));
    CHECK(gives(SLICE(CERT "Zm\0v\n" CERT_END), "!", SLICE("")));
    CHECK(gives(SLICE(CERT "Zm\x80v\n" CERT_END), "!", SLICE("")));
    CHECK(
        gives(SLICE(CERT "Zm9v\n-----END PRIVATE KEY-----\n"), "!", SLICE("")));
    CHECK(gives(SLICE(CERT "Zm9v\nlate: header\n" CERT_END), "!", SLICE("")));
}

TEST(starts_anew_after_a_cut_block)
{
    CHECK(
        gives(SLICE(CERT "Zm9v\n" CERT "YmFy\n" CERT_END), "!c", SLICE("bar")));
    CHECK(gives(SLICE(CERT "Zm9v\n"), "", SLICE("")));
    CHECK(gives(SLICE(CERT "Zm9v" CERT_END CERT_END CERT "YmFy\n" CERT_END),
                "!c", SLICE("bar")));
}

/* A block of exactly the limit, and of one byte more. */
TEST(bounds_a_block)
{
    static uint8_t text[TLS_DER_SIZE_MAX * 2];
    struct buf out;

    for (size_t extra = 0; extra < 2; extra++) {
        struct slice chunk;
        buf_init(&out, text, sizeof(text));
        buf_put(&out, SLICE(CERT));
        for (size_t i = 0; i < TLS_DER_SIZE_MAX / 3; i++)
            buf_put(&out, SLICE("AAAA"));
        buf_put(&out, SLICE("AAA="));
        buf_put_byte(&out, '\n');
        buf_put(&out, SLICE(CERT_END));
        chunk = buf_slice(&out);
        tls_pem_init(&pem);
        if (extra) {
            size_t start = sizeof(CERT) - 1;
            memmove(text + start + 4, text + start, out.used - start);
            chunk.size += 4;
        }
        CHECK(tls_pem_feed(&pem, &chunk));
        CHECK(pem.kind == (extra ? TLS_PEM_BAD : TLS_PEM_CERTIFICATE));
        CHECK(pem.der.used == (extra ? 0 : TLS_DER_SIZE_MAX));
    }
}

#define CASES(X)                       \
    X(decodes_a_block)                 \
    X(takes_any_line_ends_and_lengths) \
    X(needs_no_line_end_at_the_end)    \
    X(passes_over_text_between)        \
    X(knows_labels)                    \
    X(knows_encrypted_keys)            \
    X(calls_broken_blocks_bad)         \
    X(starts_anew_after_a_cut_block)   \
    X(bounds_a_block)

TEST_MAIN(CASES)
