/* SPDX-License-Identifier: ISC */
#include "tls_peer.h"

#include "test.h"

static const char script[] =
    "key rsa rsa2048\n"
    "key big rsa4096\n"
    "key p384 P-384\n"
    "key p521 P-521\n"
    "sign root - /CN=Root \"$ca\"\n"
    "sign leaf root /CN=mx.example.net \"$san\"\n"
    "sign ec root /CN=client \"$san\"\n"
    "sign rsa root /CN=client \"$san\"\n"
    "sign p384 root /CN=client \"$san\"\n"
    "sign p521 root /CN=client \"$san\"\n"
    "sign mid root /CN=mid \"$ca\"\n"
    "sign far mid /CN=client \"$san\"\n"
    "sign big root /CN=client \"$san\"\n"
    "cat far.pem mid.pem >far_chain.pem\n"
    "cat big.pem big.pem big.pem big.pem big.pem big.pem >long.pem\n"
    "openssl rsa -in rsa.key -traditional -out rsa_pkcs1.key\n"
    "openssl ec -in ec.key -out ec_sec1.key\n"
    "openssl ecparam -name P-256 -genkey -out tmp.key\n"
    "{ echo 'a note'; openssl ecparam -name P-256; cat ec_sec1.key; } "
    "| sed 's/$/\\r/' >ec_notes.key\n"
    "openssl pkcs8 -topk8 -in ec.key -passout pass:x -out ec_locked.key\n"
    "openssl rsa -aes128 -in rsa.key -traditional -passout pass:x "
    "-out rsa_locked.key\n"
    "sed '3d' rsa.key >cut.key\n"
    "sed 's/^M/!/' ec.pem >broken.pem\n"
    ">empty.pem\n";

static struct peer peer;

#define ASKING "-rev -cert leaf.pem -key leaf.key -CAfile root.pem "

static bool
offers(const char *options, const char *cert, const char *key)
{
    char text[PEER_OPTIONS_SIZE];
    bool done;

    snprintf(text, sizeof(text), ASKING "-Verify 5 -verify_return_error %s",
             options);
    peer_start(&peer, text);
    done = peer_init(&peer_tls, true, cert, key) &&
           peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem") &&
           peer_talk(&peer, &peer_tls, "it is me\n");
    if (!done)
        peer_reason(&peer_tls, "?");
    peer_stop(&peer);
    return done;
}

static bool
faults(const char *cert, const char *key, const char *reason)
{
    return !peer_init(&peer_tls, true, cert, key) &&
           peer_tls.state == TLS_IDLE && peer_reason(&peer_tls, reason);
}

TEST(proves_itself_with_every_kind_of_key)
{
    CHECK(offers("-tls1_3", "ec.pem", "ec.key"));
    CHECK(offers("-tls1_2", "ec.pem", "ec.key"));
    CHECK(offers("-tls1_3", "rsa.pem", "rsa.key"));
    CHECK(offers("-tls1_2", "rsa.pem", "rsa.key"));
    CHECK(offers("-tls1_3", "p384.pem", "p384.key"));
    CHECK(offers("-tls1_2", "p384.pem", "p384.key"));
    CHECK(offers("-tls1_3", "big.pem", "big.key"));
}

TEST(shows_its_chain)
{
    CHECK(offers("-tls1_3", "far_chain.pem", "far.key"));
    CHECK(offers("-tls1_2", "far_chain.pem", "far.key"));
    CHECK(offers("-tls1_3", "long.pem", "big.key"));
    CHECK(offers("-tls1_2", "long.pem", "big.key"));
}

TEST(reads_every_form_of_key)
{
    CHECK(offers("", "rsa.pem", "rsa_pkcs1.key"));
    CHECK(offers("", "ec.pem", "ec_sec1.key"));
    CHECK(offers("", "ec.pem", "ec_notes.key"));
}

TEST(keeps_quiet_when_not_asked)
{
    peer_start(&peer, ASKING);
    CHECK(peer_init(&peer_tls, true, "ec.pem", "ec.key"));
    CHECK(peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
    CHECK(peer_talk(&peer, &peer_tls, "who is there\n"));
    peer_stop(&peer);
}

/* A server that insists, and a client that has none. TLS 1.3 says so after
 * the handshake. */
TEST(fails_without_a_certificate)
{
    uint8_t out[64];

    peer_start(&peer, ASKING "-Verify 5 -verify_return_error -tls1_3");
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    CHECK(peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
    while (peer_tls.state == TLS_OPEN && peer_step(&peer, &peer_tls))
        tls_read(&peer_tls, out, sizeof(out));
    CHECK(peer_tls.state == TLS_FAILED);
    CHECK(peer_reason(&peer_tls, "peer sent alert 116"));
    peer_stop(&peer);
    peer_start(&peer, ASKING "-Verify 5 -verify_return_error -tls1_2");
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    CHECK(!peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
    CHECK(peer_tls.state == TLS_FAILED);
    CHECK(peer_reason(&peer_tls, "peer sent alert 40"));
    peer_stop(&peer);
}

TEST(tells_what_is_wrong_with_the_files)
{
    CHECK(faults("empty.pem", "ec.key", "there is no client certificate"));
    CHECK(faults("ec.pem", "empty.pem", "there is no client key"));
    CHECK(faults("ec.pem", NULL, "there is no client key"));
    CHECK(faults("ec.pem", "ec_locked.key", "the client key is encrypted"));
    CHECK(faults("rsa.pem", "rsa_locked.key", "the client key is encrypted"));
    CHECK(faults("rsa.pem", "cut.key", "the client key cannot be read"));
    CHECK(faults("p521.pem", "p521.key", "cannot be read"));
    CHECK(faults("broken.pem", "ec.key",
                 "the client certificate cannot be read"));
    CHECK(faults("ec.pem", "rsa.key",
                 "the client key is not the client certificate's"));
    CHECK(faults("ec.pem", "leaf.key",
                 "the client key is not the client certificate's"));
}

#define CASES(X)                            \
    X(proves_itself_with_every_kind_of_key) \
    X(shows_its_chain)                      \
    X(reads_every_form_of_key)              \
    X(keeps_quiet_when_not_asked)           \
    X(fails_without_a_certificate)          \
    X(tells_what_is_wrong_with_the_files)

PEER_TEST_MAIN(CASES)
