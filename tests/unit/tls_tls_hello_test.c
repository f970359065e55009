/* SPDX-License-Identifier: ISC */
#include "test.h"

#include <stdalign.h>

#include "tls/tls.h"

/* The first words of a server, made byte by byte: what a handshake must not
 * be talked into (RFC 8446 section 4.1.3). No server runs here. */

enum {
    SAID_SIZE = 4096,
    HELLO_SIZE_MAX = 512,
    CLIENT_ID_AT = 5 + 4 + 2 + 32, /* of a ClientHello's record */
    TLS12 = 0x0303,
    TLS13 = 0x0304
};

enum session_id { ID_NONE, ID_ECHO, ID_OTHER };

struct hello {
    unsigned version, suite;
    enum session_id id;
    bool retry;
    struct slice extensions; /* their length included */
};

static const uint8_t retry_random[] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
    0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static alignas(max_align_t) uint8_t arena[TLS_ARENA_SIZE];
static struct tls tls;
static uint8_t client_id[1 + 32];
static uint8_t said_data[SAID_SIZE];
static struct buf said; /* what the client sent last */

static void
put_u16(struct buf *b, size_t number)
{
    buf_put_byte(b, (uint8_t)(number >> 8));
    buf_put_byte(b, (uint8_t)number);
}

static void
put_id(struct buf *b, enum session_id id)
{
    uint8_t other[1 + 32] = {32};

    if (id == ID_NONE)
        buf_put_byte(b, 0);
    else
        buf_put(b, slice_of(id == ID_ECHO ? client_id : other, 1 + 32));
}

static void
put_hello(struct buf *record, const struct hello *h)
{
    uint8_t body_data[HELLO_SIZE_MAX], random[32] = {7};
    struct buf b;

    buf_init(&b, body_data, sizeof(body_data));
    put_u16(&b, h->version);
    buf_put(&b, slice_of(h->retry ? retry_random : random, 32));
    put_id(&b, h->id);
    put_u16(&b, h->suite);
    buf_put_byte(&b, 0);
    buf_put(&b, h->extensions);
    buf_put(record, SLICE("\x16\x03\x03"));
    put_u16(record, b.used + 4);
    buf_put(record, SLICE("\x02\x00"));
    put_u16(record, b.used);
    buf_put(record, buf_slice(&b));
}

/* All that is due, kept in `said`. */
static void
hear(void)
{
    buf_init(&said, said_data, sizeof(said_data));
    while (tls_tx(&tls).size > 0) {
        buf_put(&said, tls_tx(&tls));
        tls_tx_ack(&tls, tls_tx(&tls).size);
    }
}

static bool first; /* there was no STARTTLS */

static bool
start_for(struct slice name)
{
    static const uint8_t entropy[TLS_ENTROPY_SIZE] = {1, 2, 3};
    struct tls_config config = {
        .first = first, .arena = arena, .arena_size = sizeof(arena)};

    tls_end(&tls); /* PSA's table of keys outlives the arena */
    if (!tls_init(&tls, &config, entropy) || !tls_start(&tls, name, NULL, 0))
        return false;
    hear();
    memcpy(client_id, said_data + CLIENT_ID_AT, sizeof(client_id));
    return client_id[0] == 32;
}

static bool
start(void)
{
    return start_for(SLICE("mx.example.net"));
}

static void
answer(const struct hello *h)
{
    uint8_t record_data[HELLO_SIZE_MAX];
    struct buf record;
    uint8_t *rx;
    size_t room;

    buf_init(&record, record_data, sizeof(record_data));
    put_hello(&record, h);
    rx = tls_rx(&tls, &room);
    memcpy(rx, record.data, record.used);
    tls_rx_ack(&tls, record.used);
}

/* It ends here, and the server is told by an alert. */
static bool
ends(const struct hello *h)
{
    bool done;

    answer(h);
    done = tls.state == TLS_FAILED && tls_tx(&tls).size > 0 &&
           tls_tx(&tls).data[0] == 0x15;
    if (!done)
        printf("    version %x, suite %x, id %d: state %d\n", h->version,
               h->suite, h->id, tls.state);
    return done;
}

static const struct slice extension_lists[] = {
    {(const uint8_t *)"", 0},
    {(const uint8_t *)"\x00\x00", 2},
    {(const uint8_t *)"\x00\x04\x00\x17\x00\x00", 6},     /* master secret */
    {(const uint8_t *)"\x00\x05\xff\x01\x00\x01\x00", 7}, /* RFC 5746 */
    {(const uint8_t *)"\x00\x08\x00\x33\x00\x04\x00\x1d\x00\x00", 10}};

enum { LIST_COUNT = sizeof(extension_lists) / sizeof(extension_lists[0]) };

/* mbedTLS would go on with keys made of nothing but zeros. */
TEST(never_goes_back_to_tls13)
{
    static const unsigned suites[] = {0x1301, 0x1302, 0x1303};
    unsigned count = 0;

    for (int i = 0; i < 3 * 3 * LIST_COUNT; i++) {
        struct hello h = {.version = TLS13,
                          .suite = suites[i % 3],
                          .id = (enum session_id)(i / 3 % 3),
                          .extensions = extension_lists[i / 9]};
        CHECK(start());
        CHECK(ends(&h));
        CHECK(slice_equal(
            tls.reason,
            SLICE("the peer sent a TLS message with an illegal value")));
        count++;
    }
    CHECK(count == 45);
}

/* A HelloRetryRequest for secp384r1 that is in order. */
static const struct hello retry = {
    .version = TLS12,
    .suite = 0x1301,
    .id = ID_ECHO,
    .retry = true,
    .extensions = {(const uint8_t *)"\x00\x0c\x00\x2b\x00\x02\x03\x04"
                                    "\x00\x33\x00\x02\x00\x18",
                   14}};

TEST(never_goes_back_to_tls13_after_a_retry)
{
    for (int i = 0; i < 3 * LIST_COUNT; i++) {
        struct hello h = {.version = TLS13,
                          .suite = 0x1301,
                          .id = (enum session_id)(i % 3),
                          .extensions = extension_lists[i / 3]};
        CHECK(start());
        answer(&retry);
        CHECK(tls.state == TLS_HANDSHAKE);
        hear();
        CHECK(said.used > CLIENT_ID_AT);
        CHECK(ends(&h));
    }
}

TEST(keeps_the_version_of_a_retry)
{
    struct hello h = {.version = TLS12, .suite = 0xc02f};

    for (int i = 0; i < 3 * LIST_COUNT; i++) {
        h.id = (enum session_id)(i % 3);
        h.extensions = extension_lists[i / 3];
        CHECK(start());
        answer(&retry);
        hear();
        CHECK(ends(&h));
    }
}

/* The version, and a suite that is not of it. */
TEST(never_mixes_versions_and_suites)
{
    static const struct hello hellos[] = {
        {.version = TLS13, .suite = 0xc02f},
        {.version = TLS12, .suite = 0x1301},
        {.version = TLS12, .suite = 0x1303, .id = ID_ECHO},
        {.version = 0x0305, .suite = 0x1301},
        {.version = 0x0302, .suite = 0xc02f},
        {.version = 0x0404, .suite = 0x1301},
        {.version = TLS12, .suite = 0x1301, .retry = true},
        {.version = TLS13, .suite = 0x1301, .retry = true}};

    for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
        CHECK(start());
        CHECK(ends(&hellos[i]));
    }
}

static bool
has(const char *text)
{
    struct slice wanted = slice_text(text);

    for (size_t i = 0; i < said.used; i++)
        if (slice_equal(slice_part(buf_slice(&said), i, i + wanted.size),
                        wanted))
            return true;
    return false;
}

/* The one extension that a HelloRetryRequest may begin with (RFC 8446 section
 * 4.2.2); others that were not asked for end the handshake as ever. */
TEST(sends_the_cookie_back)
{
    static const struct slice lists[] = {
        {(const uint8_t *)"\x00\x14\x00\x2b\x00\x02\x03\x04"
                          "\x00\x2c\x00\x0a\x00\x08"
                          "a cookie",
         22},
        {(const uint8_t *)"\x00\x1a\x00\x2b\x00\x02\x03\x04"
                          "\x00\x33\x00\x02\x00\x18"
                          "\x00\x2c\x00\x0a\x00\x08"
                          "a cookie",
         28}};
    struct hello h = retry;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        h.extensions = lists[i];
        CHECK(start());
        CHECK(!has("a cookie"));
        answer(&h);
        CHECK(tls.state == TLS_HANDSHAKE);
        hear();
        CHECK(has("a cookie"));
    }
    h.extensions = slice_of("\x00\x12\x00\x2b\x00\x02\x03\x04"
                            "\x00\x33\x00\x02\x00\x18"
                            "\x00\x10\x00\x02\x00\x00",
                            20);
    CHECK(start());
    CHECK(ends(&h));
    h.retry = false; /* in a ServerHello it is no answer */
    h.extensions = lists[0];
    CHECK(start());
    CHECK(ends(&h));
}

/* So that the others end for what they are said to. */
TEST(goes_on_with_tls12)
{
    struct hello h = {.version = TLS12, .suite = 0xc02f};

    for (int i = 0; i < LIST_COUNT; i++) {
        h.id = (enum session_id)(i % 3);
        h.extensions = extension_lists[i];
        CHECK(start());
        answer(&h);
        CHECK(tls.state == TLS_HANDSHAKE);
        CHECK(tls_tx(&tls).size == 0);
    }
}

/* The ClientHello has the name in it: only server_name could. */
static bool
says(const char *name)
{
    return start_for(slice_text(name)) && has(name);
}

TEST(names_the_host)
{
    CHECK(says("mx.example.net"));
    CHECK(says("MX-1.Example.NET"));
    CHECK(says("localhost"));
    CHECK(says("1.2.example"));
    CHECK(says("a-.example") == false);
    CHECK(says("-a.example") == false);
    CHECK(says("mx..example") == false);
    CHECK(says(".example") == false);
    CHECK(says("_dc-mx.x.example") == false);
    CHECK(says("mx.ex_ample.net") == false);
    CHECK(says("*.example.net") == false);
    CHECK(says("192.0.2.1") == false);
}

/* Instead of a hello, so many octets at a time. */
static bool
fails_on(struct slice words, size_t split, const char *reason)
{
    if (!start())
        return false;
    while (words.size > 0 && tls.state == TLS_HANDSHAKE) {
        struct slice some = slice_part(words, 0, split);
        size_t room;

        memcpy(tls_rx(&tls, &room), some.data, some.size);
        tls_rx_ack(&tls, some.size);
        words = slice_part(words, some.size, words.size);
    }
    return tls.state == TLS_FAILED &&
           slice_equal(tls.reason, slice_text(reason));
}

TEST(says_that_a_server_speaks_in_clear)
{
    static const char *const replies[] = {
        "220 mx.example.net ESMTP\r\n", "421 busy\r\n", "554-no\r\n554 no\r\n",
        "220\r\n", "500 what?\r\n"};

    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
        for (size_t split = 1; split < 8; split += 2) {
            first = true;
            CHECK(fails_on(slice_text(replies[i]), split,
                           "the server speaks first, in clear: there is no TLS "
                           "on this port"));
            first = false;
            CHECK(fails_on(slice_text(replies[i]), split,
                           "the server goes on in clear after STARTTLS"));
        }
}

/* Only of what begins as a reply does. */
TEST(takes_nothing_else_for_a_reply)
{
    static const char *const others[] = {"SSH-2.0-x\r\n", "* OK IMAP\r\n",
                                         "22 x 220\r\n", "\r\n220 x\r\n",
                                         "HTTP/1.1 400 Bad\r\n"};
    struct slice alert = SLICE("\x15\x03\x03\x00\x02\x01\x5a"
                               "220 mx.example.net\r\n");

    first = true;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        CHECK(fails_on(slice_text(others[i]), HELLO_SIZE_MAX,
                       "the peer sent what is not TLS"));
    CHECK(fails_on(alert, HELLO_SIZE_MAX, "the peer sent what is not TLS"));
    CHECK(fails_on(alert, 1, "the peer sent what is not TLS"));
    first = false;
}

#define CASES(X)                              \
    X(never_goes_back_to_tls13)               \
    X(never_goes_back_to_tls13_after_a_retry) \
    X(keeps_the_version_of_a_retry)           \
    X(never_mixes_versions_and_suites)        \
    X(sends_the_cookie_back)                  \
    X(goes_on_with_tls12)                     \
    X(names_the_host)                         \
    X(says_that_a_server_speaks_in_clear)     \
    X(takes_nothing_else_for_a_reply)

TEST_MAIN(CASES)
