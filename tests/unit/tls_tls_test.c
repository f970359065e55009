/* SPDX-License-Identifier: ISC */
#include "tls_peer.h"

#include <mbedtls/platform.h>

#include "test.h"

static const char script[] =
    "key rsa rsa2048\n"
    "key weak rsa1024\n"
    "key p384 P-384\n"
    "sign root - /CN=Root \"$ca\"\n"
    "sign mid root /CN=Mid \"$ca\"\n"
    "sign leaf mid /CN=mx.example.net \"$san\"\n"
    "sign rsa root /CN=mx.example.net \"$san\"\n"
    "sign p384 root /CN=mx.example.net \"$san\"\n"
    "digest=-sha1; sign weak - /CN=x \"$san\"; digest=\n"
    "sign critical root /CN=x \"$san\" '1.2.3.4.5=critical,DER:0500'\n"
    "sign five root /CN=x 'subjectAltName=DER:300787050102030405'\n"
    "for i in 1 2 3 4 5 6 7 8; do cat mid.pem root.pem; done >16.pem\n"
    "for i in 1 2 3; do cat 16.pem; done >48.pem\n"
    "cat leaf.pem mid.pem >chain.pem\n"
    "for one in md5 sha224; do\n"
    "  cp rsa.key $one.key; digest=-$one; sign $one - /CN=x; digest=\n"
    "done\n"
    "openssl genpkey -algorithm ED25519 -out ed25519.key\n"
    "openssl req -config cnf -x509 -new -key ed25519.key -subj /CN=x"
    " -days 3650 -out ed25519.pem\n"
    "for one in md5 sha224 ed25519; do\n"
    "  cat mid.pem $one.pem >tmp; mv tmp $one.pem\n"
    "done\n";

static struct peer peer;

#define FULL "-rev -cert leaf.pem -key leaf.key -cert_chain chain.pem "
#define WEAK "-rev -cert weak.pem -key weak.key -cipher DEFAULT@SECLEVEL=0 "
#define RSA "-rev -cert rsa.pem -key rsa.key "

static bool
talks(const char *options, bool verify, size_t split)
{
    bool done;

    peer_start(&peer, options);
    peer.split = split;
    done = peer_init(&peer_tls, verify, NULL, NULL);
    if (verify) {
        done =
            done && peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem");
    } else {
        peer_handshake(&peer, &peer_tls, "mx.example.net", time(NULL));
        done = done && peer_tls.state == TLS_OPEN;
    }
    done = done && peer_talk(&peer, &peer_tls, "hello, world\n");
    if (!done)
        peer_reason(&peer_tls, "?");
    peer_stop(&peer);
    return done;
}

static bool
fails(const char *options, const char *reason)
{
    bool done;

    peer_start(&peer, options);
    peer_init(&peer_tls, false, NULL, NULL);
    peer_handshake(&peer, &peer_tls, "mx.example.net", time(NULL));
    done = peer_tls.state == TLS_FAILED && peer_reason(&peer_tls, reason);
    peer_stop(&peer);
    tls_end(&peer_tls);
    return done && peer_tls.state == TLS_IDLE;
}

TEST(speaks_tls13)
{
    CHECK(talks(FULL "-tls1_3", true, PEER_TEXT_SIZE));
    CHECK(slice_equal(peer_tls.proto, SLICE("TLSv1.3")));
    CHECK(slice_equal(slice_part(peer_tls.cipher, 0, 4), SLICE("TLS_")));
    tls_end(&peer_tls);
    CHECK(peer_tls.state == TLS_IDLE);
    CHECK(slice_equal(peer_tls.proto, SLICE("TLSv1.3")));
}

TEST(speaks_tls12)
{
    CHECK(talks(FULL "-tls1_2", true, PEER_TEXT_SIZE));
    CHECK(slice_equal(peer_tls.proto, SLICE("TLSv1.2")));
    CHECK(slice_equal(slice_part(peer_tls.cipher, 0, 21),
                      SLICE("TLS_ECDHE_ECDSA_WITH_")));
    CHECK(slice_find(peer_tls.cipher, '-') == peer_tls.cipher.size);
    tls_end(&peer_tls);
}

TEST(speaks_every_suite)
{
    CHECK(talks(RSA "-ciphersuites TLS_AES_256_GCM_SHA384", true, 4096));
    CHECK(slice_equal(peer_tls.cipher, SLICE("TLS_AES_256_GCM_SHA384")));
    CHECK(talks(RSA "-ciphersuites TLS_AES_128_GCM_SHA256", true, 4096));
    CHECK(slice_equal(peer_tls.cipher, SLICE("TLS_AES_128_GCM_SHA256")));
    CHECK(talks(RSA "-ciphersuites TLS_CHACHA20_POLY1305_SHA256", true, 4096));
    CHECK(slice_equal(peer_tls.cipher, SLICE("TLS_CHACHA20_POLY1305_SHA256")));
    CHECK(talks(RSA "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384", true, 999));
    CHECK(slice_equal(peer_tls.cipher,
                      SLICE("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")));
    CHECK(talks(FULL "-tls1_2 -cipher CHACHA20", true, 999));
    CHECK(slice_equal(peer_tls.cipher,
                      SLICE("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")));
    CHECK(talks(FULL "-tls1_2 -cipher AES128", true, 999));
    CHECK(slice_equal(peer_tls.cipher,
                      SLICE("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")));
}

/* The regression of mbedTLS 3.6.6 that the pin is there for. */
TEST(speaks_tls12_with_an_rsa_key)
{
    CHECK(talks(RSA "-tls1_2", true, PEER_TEXT_SIZE));
    CHECK(talks(RSA "-tls1_2 -sigalgs RSA-PSS+SHA256", true, PEER_TEXT_SIZE));
}

TEST(speaks_p384)
{
    CHECK(talks("-rev -cert p384.pem -key p384.key -tls1_3", true, 4096));
    CHECK(talks("-rev -cert p384.pem -key p384.key -tls1_2", true, 4096));
}

/* HelloRetryRequest: the server wants a group without a key share. */
TEST(follows_hello_retry_request)
{
    CHECK(talks(RSA "-tls1_3 -groups P-384", true, PEER_TEXT_SIZE));
    CHECK(talks(RSA "-tls1_3 -groups P-384", true, 1));
}

/* Superfluous, at the end of the list, signed with what is not built in. */
TEST(passes_over_what_it_cannot_read)
{
    static const char *const kinds[] = {"md5", "sha224", "ed25519"};
    char options[PEER_OPTIONS_SIZE];

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (int version = 2; version <= 3; version++) {
            snprintf(options, sizeof(options),
                     "-rev -cert leaf.pem -key leaf.key -cert_chain %s.pem "
                     "-cipher DEFAULT@SECLEVEL=0 -tls1_%d",
                     kinds[i], version);
            CHECK(talks(options, true, PEER_TEXT_SIZE));
        }
    }
}

TEST(takes_one_byte_at_a_time)
{
    CHECK(talks(FULL "-tls1_3", true, 1));
    CHECK(talks(FULL "-tls1_2", true, 1));
    CHECK(talks(FULL, true, 3));
}

TEST(opens_unverified_when_told)
{
    CHECK(talks(FULL, false, PEER_TEXT_SIZE));
    CHECK(peer_tls.issuer_count == 0);
}

/* Any encryption is better than none, where nobody verifies. */
TEST(speaks_with_weak_keys_unverified)
{
    CHECK(talks(WEAK "-tls1_2", false, PEER_TEXT_SIZE));
    CHECK(talks(WEAK "-tls1_3", false, PEER_TEXT_SIZE));
}

TEST(does_not_open_before_verify)
{
    static uint8_t out[PEER_TEXT_SIZE];

    peer_start(&peer, FULL);
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    peer_handshake(&peer, &peer_tls, "mx.example.net", time(NULL));
    CHECK(peer_tls.state == TLS_ANCHORS);
    CHECK(peer_tls.issuer_count == 3);
    CHECK(tls_write(&peer_tls, SLICE("x")) == 0);
    CHECK(tls_read(&peer_tls, out, sizeof(out)) == 0);
    CHECK(tls_tx(&peer_tls).size == 0);
    tls_close(&peer_tls);
    CHECK(peer_tls.state == TLS_ANCHORS);
    peer_stop(&peer);
}

/* Records of every size, in both directions, filling every buffer. */
TEST(moves_much_text)
{
    static char line[20001];
    static const size_t splits[] = {1, 7, 1000, PEER_TEXT_SIZE};

    for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
        peer_start(&peer, FULL);
        peer.split = splits[i];
        CHECK(peer_init(&peer_tls, true, NULL, NULL));
        CHECK(peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
        for (size_t size = 1; size < 16000; size = size * 5 + 3) {
            memset(line, 'a', size);
            line[0] = 'b';
            line[size] = '\n';
            line[size + 1] = '\0';
            CHECK(peer_talk(&peer, &peer_tls, line));
        }
        peer_stop(&peer);
        tls_end(&peer_tls);
    }
}

TEST(says_goodbye_once)
{
    peer_start(&peer, FULL);
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    CHECK(peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
    CHECK(tls_write(&peer_tls, SLICE("hello\n")) == 6);
    tls_close(&peer_tls); /* behind what is not sent yet */
    CHECK(peer_tls.state == TLS_CLOSED);
    CHECK(tls_write(&peer_tls, SLICE("more\n")) == 0);
    while (tls_tx(&peer_tls).size > 0)
        CHECK(peer_step(&peer, &peer_tls));
    tls_close(&peer_tls);
    CHECK(tls_tx(&peer_tls).size == 0);
    peer_stop(&peer);
    tls_end(&peer_tls);
}

TEST(sees_the_peers_goodbye)
{
    uint8_t out[64];

    peer_start(&peer, FULL);
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    CHECK(peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
    /* In -rev mode this ends the session. */
    CHECK(tls_write(&peer_tls, SLICE("CLOSE\n")) == 6);
    while (peer_tls.state == TLS_OPEN && peer_step(&peer, &peer_tls))
        while (tls_read(&peer_tls, out, sizeof(out)) > 0)
            ;
    CHECK(peer_tls.state == TLS_CLOSED);
    tls_close(&peer_tls);
    CHECK(tls_tx(&peer_tls).size > 0);
    peer_stop(&peer);
    tls_end(&peer_tls);
}

TEST(serves_connection_after_connection)
{
    peer_start(&peer, FULL);
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    for (int i = 0; i < 20; i++) {
        const char *anchors = i % 3 == 1 ? "rsa.pem" : "root.pem";
        bool good = peer_verify(&peer, &peer_tls, "mx.example.net", anchors);
        CHECK(good == (i % 3 != 1));
        if (good)
            CHECK(peer_talk(&peer, &peer_tls, "once more\n"));
        tls_end(&peer_tls);
        close(peer.fd);
    }
    peer.fd = -1;
    peer_stop(&peer);
}

TEST(names_what_failed)
{
    CHECK(fails("-rev -cert critical.pem -key critical.key -tls1_3",
                "certificate has an unknown critical extension"));
    CHECK(fails("-rev -cert critical.pem -key critical.key -tls1_2",
                "certificate has an unknown critical extension"));
    CHECK(fails("-rev -cert five.pem -key five.key -tls1_3",
                "certificate has a malformed subjectAltName"));
    CHECK(fails("-rev -cert five.pem -key five.key -tls1_2",
                "certificate has a malformed subjectAltName"));
    CHECK(fails("-rev -cert rsa.pem -key rsa.key -tls1_2 -cipher AES128-SHA",
                "peer sent alert 40 (handshake_failure)"));
    CHECK(fails("-rev -cert rsa.pem -key rsa.key -tls1 -cipher "
                "DEFAULT@SECLEVEL=0",
                "protocol_version"));
}

TEST(bounds_the_messages)
{
    CHECK(talks("-rev -cert leaf.pem -key leaf.key -cert_chain 16.pem", false,
                PEER_TEXT_SIZE));
    CHECK(fails("-rev -cert leaf.pem -key leaf.key -cert_chain 48.pem -tls1_3",
                "the peer sent a TLS message too long"));
    CHECK(fails("-rev -cert leaf.pem -key leaf.key -cert_chain 48.pem -tls1_2",
                "the peer sent a TLS message too long"));
}

TEST(ignores_many_tickets)
{
    CHECK(talks(FULL "-tls1_3 -num_tickets 300", true, PEER_TEXT_SIZE));
    CHECK(talks(FULL "-tls1_3 -num_tickets 30", true, 1));
}

/* So many bytes are there to be read from the socket. */
static bool
arrives(size_t size)
{
    static uint8_t bytes[PEER_TEXT_SIZE];
    struct timespec pause = {.tv_nsec = 1000000};

    for (int i = 0; i < PEER_WAIT_MS; i++) {
        ssize_t n = recv(peer.fd, bytes, sizeof(bytes), MSG_PEEK);

        if (n == (ssize_t)size)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static bool
types(const char *line)
{
    return write(peer.input, line, strlen(line)) == (ssize_t)strlen(line);
}

enum {
    RECORD_SIZE = 5 + 8 + 16, /* header, nonce, tag: AES-GCM, TLS 1.2 */
    REQUEST_SIZE = RECORD_SIZE + 4,
    QUEUED_SIZE = 11 /* "250 queued\n" */
};

/* A HelloRequest and a line behind it come at once. */
static bool
is_asked_to_renegotiate(void)
{
    peer_start(&peer, "-cert rsa.pem -key rsa.key -tls1_2 -cipher AES128");
    peer_init(&peer_tls, false, NULL, NULL);
    peer_handshake(&peer, &peer_tls, "mx.example.net", time(NULL));
    return peer_tls.state == TLS_OPEN && types("r\n") &&
           arrives(REQUEST_SIZE) && types("250 queued\n") &&
           arrives(REQUEST_SIZE + RECORD_SIZE + QUEUED_SIZE);
}

TEST(reads_on_behind_a_hello_request)
{
    uint8_t out[PEER_TEXT_SIZE];

    CHECK(is_asked_to_renegotiate());
    CHECK(!tls_holds(&peer_tls));
    CHECK(peer_step(&peer, &peer_tls));
    CHECK(tls_holds(&peer_tls));
    CHECK(tls_read(&peer_tls, out, 4) == 4);
    CHECK(memcmp(out, "250 ", 4) == 0);
    CHECK(tls_holds(&peer_tls));
    CHECK(tls_read(&peer_tls, out, sizeof(out)) == QUEUED_SIZE - 4);
    CHECK(!tls_holds(&peer_tls));
    CHECK(tls_read(&peer_tls, out, sizeof(out)) == 0);
    CHECK(peer_tls.state == TLS_OPEN);
    /* no_renegotiation, which the server did not ask in vain for */
    CHECK(tls_tx(&peer_tls).size == RECORD_SIZE + 2);
    CHECK(!tls_tx_is_text(&peer_tls));
    CHECK(tls_write(&peer_tls, SLICE("x")) == 0);
    CHECK(peer_step(&peer, &peer_tls));
    CHECK(tls_tx(&peer_tls).size == 0);
    peer_stop(&peer);
}

/* Text that waits to be sent is what tls_tx offers, and stays it. */
TEST(tells_text_from_its_own_records)
{
    uint8_t out[PEER_TEXT_SIZE];

    CHECK(is_asked_to_renegotiate());
    CHECK(!tls_tx_is_text(&peer_tls));
    CHECK(tls_write(&peer_tls, SLICE("QUIT\r\n")) == 6);
    CHECK(tls_tx_is_text(&peer_tls));
    tls_tx_ack(&peer_tls, 1);
    CHECK(tls_tx_is_text(&peer_tls));
    peer.split = 1; /* the rest: all but what is read here */
    for (size_t i = 0; i < REQUEST_SIZE + RECORD_SIZE + QUEUED_SIZE; i++) {
        size_t room;
        uint8_t *rx = tls_rx(&peer_tls, &room);

        CHECK(recv(peer.fd, rx, 1, 0) == 1);
        tls_rx_ack(&peer_tls, 1);
        if (tls_read(&peer_tls, out, sizeof(out)) > 0)
            break;
        CHECK(!tls_holds(&peer_tls));
    }
    CHECK(memcmp(out, "250 queued\n", QUEUED_SIZE) == 0);
    CHECK(tls_tx_is_text(&peer_tls));
    CHECK(tls_tx(&peer_tls).size == RECORD_SIZE + 6 - 1);
    tls_tx_ack(&peer_tls, RECORD_SIZE + 6 - 1);
    CHECK(tls_tx(&peer_tls).size == 0);
    CHECK(!tls_tx_is_text(&peer_tls));
    CHECK(peer_tls.state == TLS_OPEN);
    tls_close(&peer_tls);
    CHECK(tls_tx(&peer_tls).size == RECORD_SIZE + 2);
    CHECK(!tls_tx_is_text(&peer_tls));
    peer_stop(&peer);
}

/* The end of the stream is something to read, once. */
TEST(holds_the_end)
{
    uint8_t out[PEER_TEXT_SIZE];

    peer_start(&peer, FULL);
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    CHECK(peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
    while (tls_read(&peer_tls, out, sizeof(out)) > 0)
        ;
    CHECK(!tls_holds(&peer_tls));
    tls_rx_ack(&peer_tls, 0);
    CHECK(tls_holds(&peer_tls));
    CHECK(tls_read(&peer_tls, out, sizeof(out)) == 0);
    CHECK(peer_tls.state == TLS_FAILED);
    CHECK(!tls_holds(&peer_tls));
    peer_stop(&peer);
}

/* What a server may send in the place of its hello. */
static bool
fails_on(struct slice answer, bool end, const char *reason)
{
    uint8_t *rx;
    size_t room;
    bool done;

    peer_init(&peer_tls, false, NULL, NULL);
    done = tls_start(&peer_tls, SLICE("mx.example.net"), NULL, time(NULL));
    while (tls_tx(&peer_tls).size > 0)
        tls_tx_ack(&peer_tls, tls_tx(&peer_tls).size);
    while (done && answer.size > 0 && peer_tls.state == TLS_HANDSHAKE) {
        rx = tls_rx(&peer_tls, &room);
        rx[0] = answer.data[0];
        answer = slice_part(answer, 1, answer.size);
        tls_rx_ack(&peer_tls, 1);
    }
    if (end)
        tls_rx_ack(&peer_tls, 0);
    done =
        done && peer_tls.state == TLS_FAILED && peer_reason(&peer_tls, reason);
    tls_end(&peer_tls);
    return done;
}

TEST(survives_what_is_not_a_server)
{
    CHECK(fails_on(SLICE("HTTP/1.1 400 not TLS at all\r\n"), false,
                   "the peer sent what is not TLS"));
    CHECK(fails_on(SLICE(""), true, "connection closed during the handshake"));
    CHECK(fails_on(SLICE("\x16\x03\x03"), true,
                   "connection closed during the handshake"));
    CHECK(fails_on(SLICE("\x15\x03\x01\x00\x02\x02\x46"), false,
                   "peer sent alert 70 (protocol_version)"));
    CHECK(fails_on(SLICE("\x15\x03\x01\x00\x02\x02\xee"), false,
                   "peer sent alert 238"));
    /* a ServerHello of TLS 1.0 */
    CHECK(fails_on(SLICE("\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01"
                         "random random random random ran."
                         "\x00\xc0\x2f\x00"),
                   false, "protocol version not supported by the peer"));
    CHECK(fails_on(SLICE("\x16\x03\x03\xff\xff"), false, ""));
    CHECK(fails_on(SLICE("\x17\x03\x03\x00\x01x"), false, ""));
    CHECK(fails_on(SLICE("\x16\x03\x03\x00\x04\x02\x00\x00\x00"), false, ""));
}

TEST(refuses_names_that_are_none)
{
    static uint8_t name[NAME_TEXT_SIZE_MAX + 2];

    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    CHECK(!tls_start(&peer_tls, SLICE(""), NULL, 0));
    CHECK(peer_tls.state == TLS_FAILED);
    tls_end(&peer_tls);
    CHECK(!tls_start(&peer_tls, SLICE("a\0b"), NULL, 0));
    tls_end(&peer_tls);
    memset(name, 'a', sizeof(name));
    CHECK(!tls_start(&peer_tls, slice_of(name, sizeof(name)), NULL, 0));
    tls_end(&peer_tls);
    name[NAME_TEXT_SIZE_MAX] = '.';
    CHECK(
        tls_start(&peer_tls, slice_of(name, NAME_TEXT_SIZE_MAX + 1), NULL, 0));
    tls_end(&peer_tls);
}

/* Every size of arena up to one that suffices. */
TEST(runs_out_of_memory_cleanly)
{
    static const uint8_t entropy[TLS_ENTROPY_SIZE] = {4};
    struct tls_config config = {.verify = true, .arena = peer_arena};
    size_t least = 0;

    peer_start(&peer, FULL);
    for (size_t size = 0; size <= sizeof(peer_arena); size += 509) {
        config.arena_size = size;
        if (!tls_init(&peer_tls, &config, entropy))
            continue;
        peer_handshake(&peer, &peer_tls, "mx.example.net", time(NULL));
        if (peer_tls.state == TLS_ANCHORS) {
            peer_anchors(&peer_tls, "root.pem");
            tls_verify(&peer_tls);
            peer_shake(&peer, &peer_tls);
        }
        CHECK(peer_tls.state == TLS_OPEN || peer_tls.state == TLS_FAILED ||
              peer_tls.state == TLS_REFUSED);
        if (peer_tls.state == TLS_OPEN && least == 0)
            least = size;
        tls_end(&peer_tls);
        close(peer.fd);
    }
    peer.fd = -1;
    peer_stop(&peer);
    CHECK(least > 0);
    printf("    an arena of %zu bytes suffices\n", least);
}

static size_t allocations_left;

/* Where there is a sanitizer. */
void __lsan_ignore_object(const void *block) __attribute__((weak));

/* mbedTLS forgets a cipher's context where the key that follows it fails: the
 * arena, which is begun anew for each candidate, has it back. */
static void *
allocate(size_t count, size_t size)
{
    void *block = NULL;

    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    block = calloc(count, size);
    if (__lsan_ignore_object)
        __lsan_ignore_object(block);
    return block;
}

/* A connection in which every allocation fails after so many. The allocator
 * is libc's, so that the sanitizer sees what is overrun. */
static void
connect_with(size_t allocation_count)
{
    peer_init(&peer_tls, true, NULL, NULL);
    mbedtls_platform_set_calloc_free(allocate, free);
    allocations_left = allocation_count;
    peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem");
}

/* All of the first ones, where the contexts are made; then, in ever longer
 * steps, those of the arithmetic. */
TEST(survives_failed_allocations)
{
    size_t opened = 0;

    peer_start(&peer, FULL);
    for (size_t count = 0; opened == 0; count += 1 + count / 40) {
        connect_with(count);
        CHECK(peer_tls.state == TLS_OPEN || peer_tls.state == TLS_FAILED ||
              peer_tls.state == TLS_REFUSED);
        if (peer_tls.state == TLS_OPEN)
            opened = count;
        else
            CHECK(peer_tls.reason.size > 0);
        tls_end(&peer_tls);
        close(peer.fd);
    }
    peer.fd = -1;
    peer_stop(&peer);
    printf("    %zu allocations suffice\n", opened);
}

#define CASES(X)                          \
    X(speaks_tls13)                       \
    X(speaks_tls12)                       \
    X(speaks_every_suite)                 \
    X(speaks_tls12_with_an_rsa_key)       \
    X(speaks_p384)                        \
    X(follows_hello_retry_request)        \
    X(passes_over_what_it_cannot_read)    \
    X(takes_one_byte_at_a_time)           \
    X(opens_unverified_when_told)         \
    X(speaks_with_weak_keys_unverified)   \
    X(does_not_open_before_verify)        \
    X(moves_much_text)                    \
    X(says_goodbye_once)                  \
    X(sees_the_peers_goodbye)             \
    X(serves_connection_after_connection) \
    X(names_what_failed)                  \
    X(bounds_the_messages)                \
    X(ignores_many_tickets)               \
    X(reads_on_behind_a_hello_request)    \
    X(tells_text_from_its_own_records)    \
    X(holds_the_end)                      \
    X(survives_what_is_not_a_server)      \
    X(refuses_names_that_are_none)        \
    X(runs_out_of_memory_cleanly)         \
    X(survives_failed_allocations)

PEER_TEST_MAIN(CASES)
