/* SPDX-License-Identifier: ISC */
#include "tls_peer.h"

#include "test.h"
#include "tls/core.h"
#include "tls/verify.h"

/* `pin NAME` computes a certificate's by openssl alone. */
static const char script[] =
    "pin() {\n"
    "  openssl x509 -in $1.pem -noout -pubkey |"
    " openssl pkey -pubin -outform DER |"
    " openssl dgst -sha256 -binary >$1.pin\n"
    "}\n"
    "key rsa rsa2048\n"
    "key weak rsa1024\n"
    "key p384 P-384\n"
    "sign root - /CN=Root \"$ca\"\n"
    "sign ec root /CN=mx.example.net \"$san\"\n"
    "cp root.pem ec_chain.pem\n"
    "sign rsa root /CN=mx.example.net \"$san\"\n"
    "sign p384 root /CN=mx.example.net \"$san\"\n"
    "sign self - /CN=mx.example.net \"$san\"\n"
    "sign bare - /CN=x 'basicConstraints=CA:FALSE'\n"
    "sign usage root /CN=x 'keyUsage=keyEncipherment'"
    " 'extendedKeyUsage=clientAuth'\n"
    "sign weak - /CN=x\n"
    "cp ec.key again.key; sign again - /CN=renewed.example\n"
    "sign client - /CN=client 'basicConstraints=CA:FALSE'\n"
    "sign c0 - /CN=c0 \"$ca\"; cp c0.pem deep_chain.pem\n"
    "for i in 1 2 3 4 5 6 7 8 9 10; do\n"
    "  sign c$i c$((i - 1)) /CN=c$i \"$ca\"\n"
    "  cat c$i.pem deep_chain.pem >tmp; mv tmp deep_chain.pem\n"
    "done\n"
    "sign deep c10 /CN=mx.example.net \"$san\"\n"
    "for i in root ec rsa p384 self bare usage weak again deep; do\n"
    "  pin $i\n"
    "done\n";

enum { TEXT_SIZE = 512 };

static const int64_t year_2100_s = 4102444800;

static struct peer peer;

/* Pins of these certificates, by their names. */
static bool
pin(const char *const *names, uint32_t count)
{
    static uint8_t data[PEER_TEXT_SIZE];
    char file[TEXT_SIZE];

    peer_pin_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct slice bytes;

        snprintf(file, sizeof(file), "%s.pin", names[i]);
        bytes = peer_file(file, data);
        if (bytes.size != TLS_PIN_SIZE)
            return false;
        memcpy(peer_pins[i], bytes.data, TLS_PIN_SIZE);
    }
    return true;
}

#define PIN(...)                            \
    pin((const char *const[]){__VA_ARGS__}, \
        sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static bool
is_pin_of(const uint8_t *bytes, const char *name)
{
    static uint8_t data[PEER_TEXT_SIZE];
    char file[TEXT_SIZE];
    struct slice want;

    snprintf(file, sizeof(file), "%s.pin", name);
    want = peer_file(file, data);
    return want.size == TLS_PIN_SIZE &&
           memcmp(bytes, want.data, TLS_PIN_SIZE) == 0;
}

static bool
accepts_at(const char *cert, const char *options, int64_t wall_s)
{
    peer_start_for(&peer, cert, options);
    return peer_accepts(&peer, &peer_tls, wall_s) &&
           is_pin_of(peer_tls.pin, cert);
}

static bool
accepts(const char *cert, const char *options)
{
    return accepts_at(cert, options, time(NULL));
}

static bool
refuses(const char *cert, const char *options, const char *reason)
{
    peer_start_for(&peer, cert, options);
    return peer_refuses(&peer, &peer_tls, time(NULL), reason) &&
           slice_equal(peer_tls.reason, slice_text(reason)) &&
           is_pin_of(peer_tls.pin, cert);
}

TEST(the_first_the_last_or_none)
{
    CHECK(PIN("ec", "rsa", "self") && accepts("ec", ""));
    CHECK(PIN("rsa", "self", "ec") && accepts("ec", ""));
    CHECK(PIN("rsa", "ec", "self") && accepts("ec", ""));
    CHECK(PIN("ec") && accepts("ec", ""));
    CHECK(PIN("rsa", "self", "bare") &&
          refuses("ec", "", "its key is none of the 3 pinned ones"));
    CHECK(PIN("rsa") && refuses("ec", "", "its key is not the pinned one"));
    CHECK(PIN("rsa", "rsa", "rsa", "rsa", "rsa", "rsa", "rsa", "ec") &&
          accepts("ec", ""));
}

TEST(every_octet_counts)
{
    for (uint32_t i = 0; i < TLS_PIN_SIZE; i += TLS_PIN_SIZE - 1) {
        CHECK(PIN("ec"));
        peer_pins[0][i] ^= 1;
        CHECK(refuses("ec", "", "its key is not the pinned one"));
    }
}

/* With both versions and every kind of key. */
TEST(any_key)
{
    static const char *const certs[] = {"ec", "rsa", "p384"};

    for (size_t i = 0; i < sizeof(certs) / sizeof(certs[0]); i++) {
        CHECK(PIN(certs[i]) && accepts(certs[i], "-tls1_3"));
        CHECK(accepts(certs[i], "-tls1_2"));
        CHECK(PIN("self") &&
              refuses(certs[i], "-tls1_3", "its key is not the pinned one"));
        CHECK(refuses(certs[i], "-tls1_2", "its key is not the pinned one"));
    }
}

/* Names, dates, issuers, usage, strength, the rest of the chain. */
TEST(nothing_else_counts)
{
    CHECK(PIN("self") && accepts("self", ""));
    CHECK(PIN("bare") && accepts("bare", ""));
    CHECK(PIN("usage") && accepts("usage", "-tls1_3"));
    CHECK(PIN("weak") && accepts("weak", "-tls1_2"));
    CHECK(PIN("ec") && accepts_at("ec", "", year_2100_s));
    CHECK(accepts_at("ec", "", 0));
    CHECK(PIN("deep") && accepts("deep", "-cert_chain deep_chain.pem"));
}

/* It is of the key: a certificate that was renewed has it too. */
TEST(a_new_certificate_with_the_old_key)
{
    CHECK(PIN("ec") && accepts("again", ""));
    CHECK(is_pin_of(peer_tls.pin, "again"));
}

/* Whatever else is sent along. */
TEST(the_key_of_an_issuer_is_not_the_peers)
{
    CHECK(PIN("root") && refuses("ec", "-cert_chain ec_chain.pem",
                                 "its key is not the pinned one"));
}

/* Nor do anchors make up for it. */
TEST(anchors_do_not_help)
{
    CHECK(PIN("rsa"));
    peer_start_for(&peer, "ec", "");
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    CHECK(!peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
    CHECK(peer_tls.state == TLS_REFUSED);
    peer_stop(&peer);
}

static bool
server_saw_certificate(void)
{
    static uint8_t data[PEER_TEXT_SIZE + 1];
    struct slice log = peer_file("server.log", data);

    data[log.size] = '\0';
    /* OpenSSL 3.0 writes the first, 3.5 the second */
    return strstr((const char *)data, "CN = client") ||
           strstr((const char *)data, "CN=client");
}

static bool
shows_ours(const char *version)
{
    bool shown = false;

    peer_start_for(&peer, "ec", version);
    if (peer_init(&peer_tls, false, "client.pem", "client.key") &&
        peer_decide(&peer, &peer_tls, time(NULL))) {
        while (peer_tls.state != TLS_OPEN && tls_tx(&peer_tls).size > 0)
            peer_step(&peer, &peer_tls);
        if (peer_tls.state == TLS_OPEN)
            peer_talk(&peer, &peer_tls, "hello\n");
        else /* it ends once it has read all there is */
            while (recv(peer.fd, (char[1]){0}, 1, 0) > 0)
                ;
        shown = server_saw_certificate();
    }
    peer_stop(&peer);
    return shown;
}

TEST(our_certificate_is_for_the_pinned_one)
{
    CHECK(PIN("ec"));
    CHECK(shows_ours("-tls1_3 -verify 5") && peer_tls.state == TLS_OPEN);
    CHECK(shows_ours("-tls1_2 -verify 5") && peer_tls.state == TLS_OPEN);
    CHECK(PIN("rsa"));
    CHECK(!shows_ours("-tls1_3 -verify 5") && peer_tls.state == TLS_REFUSED);
    CHECK(!shows_ours("-tls1_2 -verify 5") && peer_tls.state == TLS_REFUSED);
}

TEST(a_mismatch_is_told)
{
    CHECK(PIN("rsa", "self"));
    peer_tell = true;
    peer_start_for(&peer, "ec", "");
    CHECK(peer_init(&peer_tls, true, NULL, NULL) &&
          peer_decide(&peer, &peer_tls, time(NULL)));
    CHECK(peer_tls.state == TLS_OPEN);
    CHECK(peer_reason(&peer_tls, "its key is none of the 2 pinned ones"));
    CHECK(is_pin_of(peer_tls.pin, "ec"));
    CHECK(peer_talk(&peer, &peer_tls, "hello\n"));
    CHECK(PIN("ec"));
    peer_start_for(&peer, "ec", "");
    CHECK(peer_init(&peer_tls, true, NULL, NULL) &&
          peer_decide(&peer, &peer_tls, time(NULL)));
    CHECK(peer_tls.state == TLS_OPEN && peer_tls.reason.size == 0);
    peer_stop(&peer);
    peer_tell = false;
}

/* Also where nothing is asked of the certificate. */
TEST(the_pin_is_there_without_any)
{
    peer_pin_count = 0;
    peer_start_for(&peer, "rsa", "");
    CHECK(peer_init(&peer_tls, false, NULL, NULL));
    peer_handshake(&peer, &peer_tls, "mx.example.net", time(NULL));
    CHECK(peer_tls.state == TLS_OPEN && is_pin_of(peer_tls.pin, "rsa"));
    peer_start_for(&peer, "ec", "");
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    CHECK(peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
    CHECK(is_pin_of(peer_tls.pin, "ec"));
    peer_stop(&peer);
}

/* The key may be the right one and the session's beginning another's. */
TEST(secure_renegotiation_is_demanded_all_the_same)
{
    mbedtls_ssl_context *ssl = NULL;

    CHECK(PIN("ec") && peer_init(&peer_tls, false, NULL, NULL));
    CHECK(tls_start(&peer_tls, SLICE("mx.example.net"), NULL, time(NULL)));
    ssl = &peer_tls.core->ssl;
    ssl->MBEDTLS_PRIVATE(tls_version) = MBEDTLS_SSL_VERSION_TLS1_2;
    ssl->MBEDTLS_PRIVATE(secure_renegotiation) =
        MBEDTLS_SSL_LEGACY_RENEGOTIATION;
    tls_verify_begin(&peer_tls);
    CHECK(peer_tls.state == TLS_FAILED);
    CHECK(peer_reason(&peer_tls, "no secure renegotiation (RFC 5746)"));
    tls_end(&peer_tls);
}

#define CASES(X)                             \
    X(the_first_the_last_or_none)            \
    X(every_octet_counts)                    \
    X(any_key)                               \
    X(nothing_else_counts)                   \
    X(a_new_certificate_with_the_old_key)    \
    X(the_key_of_an_issuer_is_not_the_peers) \
    X(anchors_do_not_help)                   \
    X(our_certificate_is_for_the_pinned_one) \
    X(a_mismatch_is_told)                    \
    X(the_pin_is_there_without_any)          \
    X(secure_renegotiation_is_demanded_all_the_same)

PEER_TEST_MAIN(CASES)
