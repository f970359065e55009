/* SPDX-License-Identifier: ISC */
#include "tls_peer.h"

#include "test.h"

/* Records are made of files NAME.SELECTOR.TYPE, by openssl alone. */
static const char script[] =
    "tlsa() {\n"
    "  openssl x509 -in $1.pem -outform DER -out $1.0.0\n"
    "  openssl x509 -in $1.pem -noout -pubkey |"
    " openssl pkey -pubin -outform DER -out $1.1.0\n"
    "  for s in 0 1; do\n"
    "    openssl dgst -sha256 -binary <$1.$s.0 >$1.$s.1\n"
    "    openssl dgst -sha512 -binary <$1.$s.0 >$1.$s.2\n"
    "  done\n"
    "}\n"
    "key rsa rsa2048\n"
    "key weak rsa1024\n"
    "sign root - /CN=Root \"$ca\"\n"
    "sign int root /CN=Int \"$ca\"\n"
    "sign ec int /CN=x \"$san\"\n"
    "cat int.pem root.pem >ec_chain.pem\n"
    "cat root.pem int.pem >wrong_order.pem\n"
    "sign rsa root /CN=mx.example.net \"$san\"\n"
    "sign self - /CN=mx.example.net \"$san\"\n"
    "sign bare - /CN=x 'basicConstraints=CA:FALSE'\n"
    "sign usage root /CN=x 'keyUsage=keyEncipherment'"
    " 'extendedKeyUsage=clientAuth'\n"
    "sign weak root /CN=x \"$san\"\n"
    "sign cn root /CN=mx.example.net 'basicConstraints=CA:FALSE'\n"
    "sign star root /CN=x 'subjectAltName=DNS:*.example.net'\n"
    "sign noca root /CN=NoCA 'basicConstraints=CA:FALSE'\n"
    "sign under noca /CN=x \"$san\"\n"
    "sign strict root /CN=Strict \"$ca\""
    " 'nameConstraints=critical,permitted;DNS:example.org'\n"
    "sign out strict /CN=x 'subjectAltName=DNS:*.example.net'\n"
    "for i in root int ec rsa self bare usage weak noca strict; do\n"
    "  tlsa $i\n"
    "done\n";

enum { TEXT_SIZE = 512 };

static const int64_t year_2100_s = 4102444800;

static struct peer peer;
static struct tlsa_set set;
static struct tls_dane dane;

static void
begin(void)
{
    tlsa_set_init(&set);
    dane = (struct tls_dane){.records = &set};
    peer_dane = &dane;
}

/* `3 1 1`, of this certificate. */
static bool
add(const char *numbers, const char *name)
{
    static uint8_t data[PEER_TEXT_SIZE];
    uint8_t rdata[3 + TLSA_DATA_SIZE_MAX];
    char file[TEXT_SIZE];
    struct slice bytes;

    snprintf(file, sizeof(file), "%s.%c.%c", name, numbers[2], numbers[4]);
    bytes = peer_file(file, data);
    if (bytes.size == 0 || bytes.size > TLSA_DATA_SIZE_MAX)
        return false;
    for (size_t i = 0; i < 3; i++)
        rdata[i] = (uint8_t)(numbers[2 * i] - '0');
    memcpy(rdata + 3, bytes.data, bytes.size);
    return tlsa_set_add(&set, slice_of(rdata, 3 + bytes.size));
}

static bool
only(const char *numbers, const char *name)
{
    begin();
    return add(numbers, name);
}

static bool
accepts_at(const char *cert, const char *options, int64_t wall_s)
{
    peer_start_for(&peer, cert, options);
    return peer_accepts(&peer, &peer_tls, wall_s) &&
           peer_tls.tlsa_index < set.count;
}

static bool
accepts(const char *cert, const char *options)
{
    return accepts_at(cert, options, time(NULL));
}

static bool
refuses_at(const char *cert, const char *options, int64_t wall_s,
           const char *reason)
{
    peer_start_for(&peer, cert, options);
    return peer_refuses(&peer, &peer_tls, wall_s, reason);
}

static bool
refuses(const char *cert, const char *options, const char *reason)
{
    return refuses_at(cert, options, time(NULL), reason);
}

static const char none_of_one[] = "none of its 1 TLSA records matches";
static const char with_chain[] = "-cert_chain ec_chain.pem";

TEST(its_own_by_every_selector_and_type)
{
    static const char *const numbers[] = {"3 0 0", "3 0 1", "3 0 2",
                                          "3 1 0", "3 1 1", "3 1 2"};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        CHECK(only(numbers[i], "ec") && accepts("ec", "-tls1_3"));
        CHECK(peer_tls.tlsa_index == 0);
        CHECK(accepts("ec", "-tls1_2"));
        CHECK(refuses("rsa", "-tls1_3", none_of_one));
        CHECK(refuses("rsa", "-tls1_2", none_of_one));
    }
}

TEST(every_octet_counts)
{
    static const char *const numbers[] = {"3 0 0", "3 1 1", "3 1 2"};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        CHECK(only(numbers[i], "ec"));
        set.data[0] ^= 1;
        CHECK(refuses("ec", "", none_of_one));
        set.data[0] ^= 1;
        set.data[set.used - 1] ^= 1;
        CHECK(refuses("ec", "", none_of_one));
        set.data[set.used - 1] ^= 1;
        set.list[0].size--;
        CHECK(refuses("ec", "", none_of_one));
    }
}

/* Names, dates, issuers, usage, strength. */
TEST(nothing_else_counts_of_its_own)
{
    static const char *const certs[] = {"self", "bare", "usage", "weak"};

    for (size_t i = 0; i < sizeof(certs) / sizeof(certs[0]); i++) {
        CHECK(only("3 1 1", certs[i]) && accepts(certs[i], "-tls1_3"));
    }
    CHECK(only("3 1 1", "ec") && accepts_at("ec", "", year_2100_s));
    CHECK(accepts_at("ec", "", 0));
}

TEST(an_authority_by_every_selector_and_type)
{
    static const char *const numbers[] = {"2 0 1", "2 0 2", "2 1 1", "2 1 2"};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        CHECK(only(numbers[i], "root") && accepts("ec", with_chain));
        CHECK(accepts("ec", "-tls1_2 -cert_chain wrong_order.pem"));
        CHECK(only(numbers[i], "int") && accepts("ec", with_chain));
        CHECK(accepts("ec", "-cert_chain int.pem"));
        CHECK(only(numbers[i], "rsa") &&
              refuses("ec", with_chain, none_of_one));
    }
}

/* It has to be in the server's message: a digest is nobody's key. */
TEST(an_authority_that_is_not_shown)
{
    CHECK(only("2 1 1", "root"));
    CHECK(refuses("ec", "-cert_chain int.pem", none_of_one));
    CHECK(refuses("ec", "", none_of_one));
    /* Nor does it help to show one that issued nothing here. */
    CHECK(refuses("self", "-cert_chain root.pem", "self-signed certificate"));
}

TEST(usages_are_not_exchanged)
{
    CHECK(only("2 1 1", "ec") && refuses("ec", with_chain, none_of_one));
    CHECK(only("3 1 1", "int") && refuses("ec", with_chain, none_of_one));
    CHECK(only("2 1 1", "self") && refuses("self", "", none_of_one));
}

TEST(below_an_authority_all_else_counts)
{
    CHECK(only("2 0 1", "root"));
    CHECK(refuses_at("ec", with_chain, year_2100_s, "certificate expired on "));
    CHECK(refuses_at("ec", with_chain, 0, "certificate not valid before "));
    CHECK(refuses("usage", "-cert_chain root.pem", "not meant for servers"));
    CHECK(refuses("weak", "-cert_chain root.pem", "key too weak"));
    CHECK(refuses("bare", "-cert_chain root.pem", "not valid for "));
    CHECK(refuses("cn", "-cert_chain root.pem",
                  "not valid for mx.example.net (it has no subjectAltName)"));
    CHECK(only("2 0 1", "noca"));
    CHECK(refuses("under", "-cert_chain noca.pem", "unknown authority"));
    CHECK(only("2 0 1", "strict"));
    CHECK(refuses("out", "-cert_chain strict.pem", "may not"));
}

/* Another name of the set is as good, and only of the set. */
TEST(one_of_the_names)
{
    CHECK(only("2 0 1", "root"));
    for (uint32_t count = 0; count <= TLS_DANE_NAME_COUNT_MAX; count++) {
        dane.names[0] = SLICE("other.example");
        dane.names[1] = SLICE("mx.example.net");
        dane.name_count = count;
        peer_start_for(&peer, "ec", with_chain);
        CHECK(peer_init(&peer_tls, false, NULL, NULL));
        peer_handshake(&peer, &peer_tls, "alias.example", time(NULL));
        CHECK(peer_tls.state == TLS_ANCHORS);
        tls_verify(&peer_tls);
        peer_shake(&peer, &peer_tls);
        CHECK(peer_tls.state == (count == 2 ? TLS_OPEN : TLS_REFUSED));
        if (count < 2)
            CHECK(peer_reason(&peer_tls, "not valid for alias.example"));
        peer_stop(&peer);
    }
}

TEST(one_of_many_is_enough)
{
    begin();
    for (uint32_t i = 1; i < TLSA_COUNT_MAX; i++)
        CHECK(add("3 1 1", "self"));
    CHECK(add("3 1 1", "ec") && accepts("ec", ""));
    CHECK(peer_tls.tlsa_index == TLSA_COUNT_MAX - 1);
    CHECK(refuses("rsa", "", "none of its 16 TLSA records matches"));
    CHECK(only("3 1 1", "self") && add("2 1 1", "root"));
    CHECK(accepts("ec", with_chain) && peer_tls.tlsa_index == 1);
    /* The first that is looked for needs no more than itself. */
    CHECK(only("2 1 1", "root") && add("3 0 1", "ec"));
    CHECK(accepts_at("ec", with_chain, year_2100_s));
    CHECK(peer_tls.tlsa_index == 1);
}

/* RFC 7671 section 9. */
TEST(a_stronger_digest_is_the_one_that_counts)
{
    CHECK(only("3 1 1", "ec") && add("3 1 2", "self"));
    CHECK(refuses("ec", "", "none of its 2 TLSA records matches"));
    CHECK(only("3 1 1", "ec") && add("3 0 2", "self") && accepts("ec", ""));
    CHECK(only("3 1 1", "ec") && add("2 1 2", "self") && accepts("ec", ""));
    CHECK(only("3 1 0", "ec") && add("3 1 2", "self") && accepts("ec", ""));
    CHECK(only("2 1 1", "root") && add("2 1 2", "self"));
    CHECK(refuses("ec", with_chain, "none of its 2 TLSA records matches"));
}

/* Neither those the administrator trusts, nor one that was kept before. */
TEST(no_anchors_come_to_the_rescue)
{
    CHECK(only("3 1 1", "self"));
    peer_start_for(&peer, "ec", with_chain);
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    CHECK(!peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
    CHECK(peer_tls.state == TLS_REFUSED);
    CHECK(peer_reason(&peer_tls, none_of_one));
    CHECK(only("2 1 1", "root"));
    peer_start_for(&peer, "ec", with_chain);
    CHECK(peer_decide(&peer, &peer_tls, time(NULL)) &&
          peer_tls.state == TLS_OPEN);
    /* What was lent for one connection is of no other. */
    peer_dane = NULL;
    peer_start_for(&peer, "ec", with_chain);
    CHECK(!peer_verify(&peer, &peer_tls, "mx.example.net", "self.pem"));
    CHECK(peer_tls.state == TLS_REFUSED);
    CHECK(peer_reason(&peer_tls, "issued by an unknown authority"));
    peer_start_for(&peer, "ec", with_chain);
    CHECK(peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
    peer_stop(&peer);
}

TEST(a_mismatch_is_told)
{
    CHECK(only("3 1 1", "self"));
    peer_tell = true;
    peer_start_for(&peer, "ec", "");
    CHECK(peer_init(&peer_tls, true, NULL, NULL) &&
          peer_decide(&peer, &peer_tls, time(NULL)));
    peer_tell = false;
    CHECK(peer_tls.state == TLS_OPEN);
    CHECK(peer_reason(&peer_tls, none_of_one));
    CHECK(peer_tls.tlsa_index == TLSA_COUNT_MAX);
    CHECK(peer_talk(&peer, &peer_tls, "hello\n"));
    peer_stop(&peer);
}

#define CASES(X)                                \
    X(its_own_by_every_selector_and_type)       \
    X(every_octet_counts)                       \
    X(nothing_else_counts_of_its_own)           \
    X(an_authority_by_every_selector_and_type)  \
    X(an_authority_that_is_not_shown)           \
    X(usages_are_not_exchanged)                 \
    X(below_an_authority_all_else_counts)       \
    X(one_of_the_names)                         \
    X(one_of_many_is_enough)                    \
    X(a_stronger_digest_is_the_one_that_counts) \
    X(no_anchors_come_to_the_rescue)            \
    X(a_mismatch_is_told)

PEER_TEST_MAIN(CASES)
