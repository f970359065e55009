/* SPDX-License-Identifier: ISC */
#include "tls_peer.h"

#include <mbedtls/platform.h>

#include "test.h"

static const char script[] =
    "sign root - /CN=Root \"$ca\"\n"
    "sign leaf root /CN=mx.example.net \"$san\"\n"
    /* Its authority ends before it does. */
    "key brief P-256\n"
    "openssl req -config cnf -new -key brief.key -subj /CN=Brief -out b.csr\n"
    "echo \"$ca\" >b.ext\n"
    "openssl x509 -req -in b.csr -CA root.pem -CAkey root.key -CAcreateserial"
    " -extfile b.ext -days 9 -sha256 -out brief.pem\n"
    "sign soon brief /CN=mx.example.net \"$san\"\n";

#define SERVER "-rev -cert leaf.pem -key leaf.key "

enum { DAY_S = 86400, VERSION_AT = 0, SUITE_AT = 2, SECRET_AT = 14 };

static struct peer peer;
static struct tls_sessions got;
static struct tls_session one; /* that is offered */
static int64_t now_s;

/* A server of its own for the case; its sessions are to be kept. */
static bool
begin(const char *options)
{
    peer_sessions = &got;
    got.count = 0;
    now_s = (int64_t)time(NULL);
    peer_start(&peer, options);
    return peer_init(&peer_tls, true, NULL, NULL);
}

static void
end(void)
{
    peer_stop(&peer);
    tls_end(&peer_tls);
    peer_sessions = NULL;
    peer_pin_count = 0;
}

static bool
opens(bool anchors)
{
    got.count = 0;
    peer_handshake(&peer, &peer_tls, "mx.example.net", now_s);
    if (anchors && peer_tls.state == TLS_ANCHORS) {
        peer_anchors(&peer_tls, "root.pem");
        tls_verify(&peer_tls);
        peer_shake(&peer, &peer_tls);
    }
    return peer_tls.state == TLS_OPEN;
}

/* A whole connection: what it leaves in `got` is the peer's. */
static bool
connects(bool anchors)
{
    return opens(anchors) && peer_talk(&peer, &peer_tls, "hello\n");
}

/* OpenSSL forgets the session of who just goes away. */
static void
disconnect(void)
{
    if (peer_tls.state == TLS_OPEN)
        tls_close(&peer_tls);
    while (tls_tx(&peer_tls).size > 0 && peer_step(&peer, &peer_tls)) {
    }
    close(peer.fd);
    peer.fd = -1;
}

/* The same server again; nobody brings anchors for it. */
static bool
resumes(const struct tls_session *s)
{
    one = *s;
    disconnect();
    tls_offer(&peer_tls, slice_of(one.state, one.size), now_s);
    return connects(false) && peer_tls.offered && peer_tls.resumed;
}

TEST(tls13_resumes_by_each_ticket)
{
    static struct tls_sessions first;

    CHECK(begin(SERVER "-tls1_3"));
    CHECK(connects(true));
    CHECK(!peer_tls.offered && !peer_tls.resumed);
    CHECK(got.count == 2 && got.list[0].once && got.list[1].once);
    CHECK(got.list[0].lifetime_s > 0 && got.list[0].lifetime_s <= 7 * DAY_S);
    first = got;
    CHECK(resumes(&first.list[0]));
    CHECK(slice_equal(peer_tls.proto, SLICE("TLSv1.3")));
    CHECK(got.count >= 1);
    CHECK(resumes(&first.list[1]));
    /* What came of a resumed one is as good. */
    CHECK(resumes(&got.list[0]));
    end();
}

TEST(all_tickets_are_kept_while_there_is_room)
{
    CHECK(begin(SERVER "-tls1_3 -num_tickets 4"));
    CHECK(connects(true) && got.count == 4);
    for (uint32_t i = 1; i < 4; i++)
        CHECK(!slice_equal(slice_of(got.list[0].state, got.list[0].size),
                           slice_of(got.list[i].state, got.list[i].size)));
    end();
    CHECK(begin(SERVER "-tls1_3 -num_tickets 9"));
    CHECK(connects(true) && got.count == TLS_SESSION_COUNT_MAX);
    end();
    CHECK(begin(SERVER "-tls1_3 -num_tickets 0"));
    CHECK(connects(true) && got.count == 0);
    end();
}

TEST(tickets_come_byte_by_byte)
{
    CHECK(begin(SERVER "-tls1_3"));
    peer.split = 1;
    CHECK(connects(true) && got.count == 2);
    CHECK(resumes(&got.list[1]));
    end();
}

/* What comes of the peer, whatever is still to be sent to it. */
static size_t
hears(uint8_t *out, size_t size)
{
    struct pollfd poll_fd = {.fd = peer.fd, .events = POLLIN};
    size_t room;
    uint8_t *rx = tls_rx(&peer_tls, &room);
    ssize_t n = -1;

    if (poll(&poll_fd, 1, PEER_WAIT_MS) == 1)
        n = recv(peer.fd, rx, room, 0);
    tls_rx_ack(&peer_tls, n > 0 ? (size_t)n : 0);
    return tls_read(&peer_tls, out, size);
}

TEST(tickets_do_not_wait_for_what_is_to_be_sent)
{
    struct slice text = SLICE("hello\n");
    uint8_t out[16];
    size_t size = 0;

    CHECK(begin(SERVER "-tls1_3") && opens(true));
    CHECK(tls_write(&peer_tls, text) == text.size);
    alarm(PEER_WAIT_MS / 1000); /* it was for ever */
    CHECK(hears(out, sizeof(out)) == 0 && peer_tls.state == TLS_OPEN);
    alarm(0);
    while (tls_tx(&peer_tls).size > 0)
        CHECK(peer_step(&peer, &peer_tls));
    /* Behind its tickets, of which the second may have come by itself. */
    for (uint32_t i = 0; i < 3 && size == 0; i++)
        size = hears(out, sizeof(out));
    CHECK(peer_tls.state == TLS_OPEN && size == text.size);
    CHECK(memcmp(out, "olleh\n", text.size) == 0);
    CHECK(peer_talk(&peer, &peer_tls, "again\n"));
    end();
}

/* By a chain that nearly fills the arena. */
TEST(tickets_without_room_cost_nothing_else)
{
    CHECK(begin(SERVER "-tls1_3") && opens(true));
    while (mbedtls_calloc(1, 32)) {
    }
    CHECK(peer_talk(&peer, &peer_tls, "hello\n") && got.count == 0);
    end();
}

TEST(tls13_resumes_behind_a_hello_retry_request)
{
    CHECK(begin(SERVER "-tls1_3 -groups P-384"));
    CHECK(connects(true) && got.count == 2);
    CHECK(resumes(&got.list[0]));
    end();
}

TEST(tls12_resumes_by_a_ticket)
{
    CHECK(begin(SERVER "-tls1_2"));
    CHECK(connects(true));
    CHECK(got.count == 1 && !got.list[0].once);
    /* Again and again; OpenSSL gives no other while this one lasts. */
    for (int i = 0; i < 3; i++) {
        CHECK(resumes(i == 0 ? &got.list[0] : &one));
        CHECK(slice_equal(peer_tls.proto, SLICE("TLSv1.2")));
        CHECK(got.count == 0);
    }
    end();
}

TEST(tls12_resumes_by_its_number)
{
    CHECK(begin(SERVER "-tls1_2 -no_ticket"));
    CHECK(connects(true));
    CHECK(got.count == 1 && !got.list[0].once && got.list[0].lifetime_s == 0);
    CHECK(resumes(&got.list[0]) && got.count == 0);
    CHECK(resumes(&one));
    end();
}

/* Keys of another server, or of the same one before it began anew. */
TEST(who_refuses_shows_a_certificate)
{
    static const char *const options[] = {SERVER "-tls1_3", SERVER "-tls1_2",
                                          SERVER "-tls1_2 -no_ticket"};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        CHECK(begin(options[i]) && connects(true) && got.count > 0);
        one = got.list[0];
        tls_end(&peer_tls);
        CHECK(begin(options[i]));
        CHECK(!resumes(&one));
        CHECK(peer_tls.state == TLS_ANCHORS && peer_tls.offered);
        peer_anchors(&peer_tls, "leaf.pem");
        tls_verify(&peer_tls);
        peer_shake(&peer, &peer_tls);
        CHECK(peer_tls.state == TLS_OPEN && !peer_tls.resumed);
        CHECK(peer_talk(&peer, &peer_tls, "hello\n"));
        end();
    }
}

/* ... which is looked at as ever. */
TEST(a_refusal_proves_nothing)
{
    CHECK(begin(SERVER "-tls1_3") && connects(true) && got.count > 0);
    one = got.list[0];
    tls_end(&peer_tls);
    CHECK(begin(SERVER "-tls1_3"));
    CHECK(!resumes(&one) && peer_tls.state == TLS_ANCHORS);
    tls_verify(&peer_tls); /* nobody is trusted */
    CHECK(peer_tls.state == TLS_REFUSED);
    end();
}

/* The ticket is what the server gave, but not the secret. */
TEST(who_does_not_know_the_secret_fails)
{
    static const char *const options[] = {SERVER "-tls1_3", SERVER "-tls1_2"};

    for (size_t i = 0; i < 2; i++) {
        CHECK(begin(options[i]) && connects(true) && got.count > 0);
        got.list[0].state[SECRET_AT] ^= 1;
        CHECK(!resumes(&got.list[0]));
        CHECK(peer_tls.state == TLS_FAILED && peer_tls.offered);
        end();
    }
}

TEST(the_version_is_that_of_the_session)
{
    CHECK(begin(SERVER "-tls1_3") && connects(true) && got.count > 0);
    one = got.list[0];
    tls_end(&peer_tls);
    CHECK(begin(SERVER "-tls1_2"));
    CHECK(!resumes(&one));
    CHECK(peer_tls.state == TLS_FAILED && peer_tls.offered);
    end();
}

/* Whatever is offered: no handshake begins, or one that fails or shows a
 * certificate. */
TEST(octets_that_are_no_session_resume_nothing)
{
    CHECK(begin(SERVER) && connects(true) && got.count > 0);
    one = got.list[0];
    for (uint32_t size = 1; size < one.size; size += 7) {
        tls_offer(&peer_tls, slice_of(one.state, size), now_s);
        (void)tls_start(&peer_tls, SLICE("mx.example.net"), NULL, now_s);
        CHECK(peer_tls.offered && !peer_tls.resumed);
        if (size < SECRET_AT)
            CHECK(peer_tls.state == TLS_FAILED);
    }
    for (uint32_t at = 0; at < SECRET_AT; at++) {
        struct tls_session bad = one;

        bad.state[at] ^= 0xff;
        tls_offer(&peer_tls, slice_of(bad.state, bad.size), now_s);
        (void)tls_start(&peer_tls, SLICE("mx.example.net"), NULL, now_s);
        CHECK(!peer_tls.resumed);
        tls_end(&peer_tls);
    }
    end();
}

TEST(an_offer_is_for_one_connection)
{
    CHECK(begin(SERVER) && connects(true) && got.count > 0);
    CHECK(resumes(&got.list[0]));
    disconnect();
    CHECK(connects(true) && !peer_tls.offered && !peer_tls.resumed);
    end();
}

/* A key that is written down is shown each time. */
TEST(pins_are_not_met_by_a_session)
{
    CHECK(begin(SERVER) && connects(true) && got.count > 0);
    one = got.list[0];
    memcpy(peer_pins[0], peer_tls.pin, sizeof(peer_pins[0]));
    peer_pin_count = 1;
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    CHECK(!resumes(&one));
    CHECK(peer_tls.state == TLS_REFUSED);
    CHECK(peer_reason(&peer_tls, "no certificate"));
    end();
}

TEST(records_are_not_met_by_a_session)
{
    static struct tlsa_set set;
    static const struct tls_dane dane = {.records = &set};

    tlsa_set_init(&set);
    for (uint32_t i = 0; i < 2; i++) {
        CHECK(begin(i == 0 ? SERVER "-tls1_2" : SERVER "-tls1_3"));
        CHECK(connects(true) && got.count > 0);
        one = got.list[0];
        peer_dane = &dane;
        CHECK(!resumes(&one));
        CHECK(peer_tls.state == TLS_REFUSED);
        CHECK(peer_reason(&peer_tls, "no certificate"));
        peer_dane = NULL;
        end();
    }
}

TEST(nothing_is_given_where_nothing_is_asked_for)
{
    CHECK(begin(SERVER "-tls1_2"));
    peer_sessions = NULL;
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    CHECK(connects(true) && got.count == 0);
    end();
}

TEST(what_is_too_old_is_not_offered)
{
    CHECK(begin(SERVER "-tls1_3") && connects(true) && got.count > 0);
    now_s += got.list[0].lifetime_s + 1;
    one = got.list[0];
    disconnect();
    tls_offer(&peer_tls, slice_of(one.state, one.size), now_s - 8 * DAY_S);
    CHECK(!connects(false) && peer_tls.state == TLS_ANCHORS);
    end();
}

TEST(what_proves_a_peer_ends_with_its_first_certificate)
{
    CHECK(begin(SERVER) && connects(true));
    CHECK(peer_tls.until_s >= now_s + 3650LL * DAY_S - 600 &&
          peer_tls.until_s <= now_s + 3650LL * DAY_S + 600);
    end();
    CHECK(begin("-rev -cert soon.pem -key soon.key -cert_chain brief.pem"));
    CHECK(connects(true));
    CHECK(peer_tls.until_s >= now_s + 9LL * DAY_S - 600 &&
          peer_tls.until_s <= now_s + 9LL * DAY_S + 600);
    end();
}

#define CASES(X)                                   \
    X(tls13_resumes_by_each_ticket)                \
    X(all_tickets_are_kept_while_there_is_room)    \
    X(tickets_come_byte_by_byte)                   \
    X(tickets_do_not_wait_for_what_is_to_be_sent)  \
    X(tickets_without_room_cost_nothing_else)      \
    X(tls13_resumes_behind_a_hello_retry_request)  \
    X(tls12_resumes_by_a_ticket)                   \
    X(tls12_resumes_by_its_number)                 \
    X(who_refuses_shows_a_certificate)             \
    X(a_refusal_proves_nothing)                    \
    X(who_does_not_know_the_secret_fails)          \
    X(the_version_is_that_of_the_session)          \
    X(octets_that_are_no_session_resume_nothing)   \
    X(an_offer_is_for_one_connection)              \
    X(pins_are_not_met_by_a_session)               \
    X(records_are_not_met_by_a_session)            \
    X(nothing_is_given_where_nothing_is_asked_for) \
    X(what_is_too_old_is_not_offered)              \
    X(what_proves_a_peer_ends_with_its_first_certificate)

PEER_TEST_MAIN(CASES)
