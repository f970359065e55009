/* SPDX-License-Identifier: ISC */
#include "tls_peer.h"

#include "test.h"

static const char script[] =
    "key weak rsa1024\n"
    "sign root - /CN=Root \"$ca\"\n"
    "sign other - /CN=Other \"$ca\"\n"
    "key twin P-256\n"
    "sign twin - /CN=Root \"$ca\"\n"
    "sign mid root /CN=Mid \"$ca\"\n"
    "sign good mid /CN=mx.example.net \"$san\"\n"
    "cp mid.pem good_chain.pem\n"
    "cat twin.pem other.pem root.pem root.pem >bundle.pem\n"
    "sign plain root /CN=mx.example.net 'basicConstraints=CA:FALSE'\n"
    "sign star root /CN=x 'subjectAltName=DNS:*.example.net'\n"
    "sign uri root /CN=x 'subjectAltName=URI:mx.example.net,"
    "email:mx.example.net'\n"
    "sign ip root /CN=x 'subjectAltName=IP:127.0.0.1,IP:::1'\n"
    "sign ipdns root /CN=127.0.0.1 'subjectAltName=DNS:127.0.0.1'\n"
    "sign self - /CN=mx.example.net \"$san\"\n"
    "sign usage root /CN=x \"$san\" 'keyUsage=keyEncipherment'\n"
    "sign client root /CN=x \"$san\" 'extendedKeyUsage=clientAuth'\n"
    "sign any root /CN=x \"$san\" 'extendedKeyUsage=anyExtendedKeyUsage'\n"
    "sign weak root /CN=x \"$san\"\n"
    "digest=-sha1; sign sha1 root /CN=x \"$san\"; digest=\n"
    "sign notca root /CN=NotCA 'basicConstraints=CA:FALSE'\n"
    "sign under notca /CN=x \"$san\"\n"
    "cp notca.pem under_chain.pem\n"
    "sign short root /CN=Short 'basicConstraints=critical,CA:TRUE,pathlen:0'\n"
    "sign below short /CN=Below \"$ca\"\n"
    "sign deep below /CN=x \"$san\"\n"
    "cat below.pem short.pem >deep_chain.pem\n"
    "sign c0 root /CN=c0 \"$ca\"\n"
    ">path.pem\n"
    "for i in 1 2 3 4 5 6 7 8 9; do\n"
    "  sign c$i c$((i - 1)) /CN=c$i \"$ca\"\n"
    "  cat c$((i - 1)).pem path.pem >tmp; mv tmp path.pem\n"
    "  sign leaf$i c$((i - 1)) /CN=x \"$san\"\n"
    "  cp path.pem leaf${i}_chain.pem\n"
    "done\n"
    "sign leaf11 c9 /CN=x \"$san\"\n"
    "cat path.pem c9.pem >leaf11_chain.pem\n"
    "cp leaf4.pem mixed.pem; cp leaf4.key mixed.key\n"
    "cat c1.pem other.pem c0.pem c3.pem c2.pem c0.pem >mixed_chain.pem\n"
    "sign x1 - /CN=X1 \"$ca\"; sign x2 - /CN=X2 \"$ca\"\n"
    "cp x1.key y1.key; sign y1 x2 /CN=X1 \"$ca\"\n"
    "cp x2.key y2.key; sign y2 x1 /CN=X2 \"$ca\"\n"
    "sign loop x1 /CN=x \"$san\"\n"
    "sign ways other /CN=Ways \"$ca\"; cp ways.key way2.key\n"
    "sign way2 root /CN=Ways \"$ca\"\n"
    "sign crossed ways /CN=x \"$san\"\n"
    "cat ways.pem way2.pem >crossed_chain.pem\n"
    "cp crossed.pem turned.pem; cp crossed.key turned.key\n"
    "cat way2.pem ways.pem >turned_chain.pem\n"
    "cat y1.pem y2.pem y1.pem >loop_chain.pem\n"
    "sign mail root /CN=Mail \"$ca\" 'extendedKeyUsage=emailProtection'\n"
    "sign posted mail /CN=x \"$san\"; cp mail.pem posted_chain.pem\n"
    "sign org root /CN=Org \"$ca\" 'nameConstraints=permitted;"
    "DNS:example.org'\n"
    "sign strayed org /CN=x \"$san\"; cp org.pem strayed_chain.pem\n"
    "sign most root /CN=Most \"$ca\" 'nameConstraints=excluded;"
    "IP:1.2.3.4/255.255.255.255,excluded;DNS:example.org.'\n"
    "sign guessed most /CN=x \"$san\"; cp most.pem guessed_chain.pem\n"
    "sign net - /CN=Net \"$ca\" 'nameConstraints=critical,permitted;"
    "DNS:example.net'\n"
    "sign within net /CN=x \"$san\"\n"
    "sign beyond net /CN=x 'subjectAltName=DNS:mx.example.net,"
    "DNS:mx.example.org'\n"
    "sign odd - /CN=Odd \"$ca\" '1.2.3.4.5=critical,DER:0500'\n"
    "sign odder odd /CN=x \"$san\"\n"
    "{ printf 'subjectAltName=DNS:mx.example.net'\n"
    "  i=0; while [ $i -lt 4500 ]; do printf ',DNS:a'; i=$((i + 1)); done\n"
    "} >many; sign many root /CN=x \"$(cat many)\"\n";

static struct peer peer;

/* `options` is empty, or "chain" where NAME_chain.pem goes along. */
static bool
start_for(const char *cert, const char *options)
{
    char chain[PEER_PATH_SIZE] = "";

    if (options[0] != '\0')
        snprintf(chain, sizeof(chain), "-cert_chain %s_chain.pem", cert);
    peer_start_for(&peer, cert, chain);
    return peer_init(&peer_tls, true, NULL, NULL);
}

/* The peer shows this certificate and is known by this name. */
static bool
accepts(const char *cert, const char *options, const char *name,
        const char *anchors)
{
    bool done = start_for(cert, options) &&
                peer_verify(&peer, &peer_tls, name, anchors) &&
                peer_talk(&peer, &peer_tls, "hello\n");

    if (!done)
        peer_reason(&peer_tls, "?");
    peer_stop(&peer);
    return done;
}

static bool
refuses_with(const char *cert, const char *name, const char *anchors,
             const char *reason)
{
    bool done = start_for(cert, "") &&
                !peer_verify(&peer, &peer_tls, name, anchors) &&
                peer_tls.state == TLS_REFUSED && peer_reason(&peer_tls, reason);

    peer_stop(&peer);
    return done;
}

static bool
refuses(const char *cert, const char *options, const char *name,
        const char *reason)
{
    bool done = start_for(cert, options) &&
                !peer_verify(&peer, &peer_tls, name, "root.pem") &&
                peer_tls.state == TLS_REFUSED &&
                peer_reason(&peer_tls, reason) && tls_tx(&peer_tls).size > 0;

    while (done && tls_tx(&peer_tls).size > 0)
        done = peer_step(&peer, &peer_tls);
    peer_stop(&peer);
    return done;
}

static bool
refuses_at(int64_t wall_s, const char *reason)
{
    bool done = start_for("good", "chain");

    peer_handshake(&peer, &peer_tls, "mx.example.net", wall_s);
    done = done && peer_tls.state == TLS_ANCHORS;
    peer_anchors(&peer_tls, "root.pem");
    tls_verify(&peer_tls);
    done =
        done && peer_tls.state == TLS_REFUSED && peer_reason(&peer_tls, reason);
    peer_stop(&peer);
    return done;
}

TEST(accepts_a_chain)
{
    CHECK(accepts("good", "chain", "mx.example.net", "root.pem"));
    CHECK(accepts("good", "chain", "MX.Example.NET.", "root.pem"));
    CHECK(peer_tls.core != NULL && peer_tls.issuer_count == 3);
}

TEST(accepts_a_chain_in_any_order)
{
    CHECK(accepts("leaf4", "chain", "mx.example.net", "root.pem"));
    CHECK(accepts("mixed", "chain", "mx.example.net", "root.pem"));
}

TEST(finds_the_anchor_among_others)
{
    CHECK(accepts("good", "chain", "mx.example.net", "bundle.pem"));
}

/* The anchor may be an intermediate, or the peer's own certificate, whoever
 * issued that; which is asked for its name all the same. */
TEST(accepts_what_is_trusted_itself)
{
    CHECK(accepts("good", "chain", "mx.example.net", "good.pem"));
    CHECK(accepts("good", "", "mx.example.net", "good.pem"));
    CHECK(accepts("deep", "chain", "mx.example.net", "deep.pem"));
    CHECK(refuses_with("good", "mail.example.net", "good.pem",
                       "not valid for mail.example.net"));
    CHECK(refuses_with("client", "mx.example.net", "client.pem",
                       "not meant for servers"));
    CHECK(refuses_with("weak", "mx.example.net", "weak.pem", "key too weak"));
    CHECK(refuses_with("good", "mx.example.net", "plain.pem",
                       "issued by an unknown authority"));
    CHECK(accepts("good", "chain", "mx.example.net", "mid.pem"));
    CHECK(accepts("good", "", "mx.example.net", "mid.pem"));
    CHECK(accepts("self", "", "mx.example.net", "self.pem"));
}

TEST(refuses_unknown_authorities)
{
    CHECK(refuses("good", "", "mx.example.net",
                  "issued by an unknown authority"));
    CHECK(refuses("self", "", "mx.example.net", "self-signed certificate"));
    CHECK(start_for("good", "chain"));
    CHECK(!peer_verify(&peer, &peer_tls, "mx.example.net", "none.pem"));
    CHECK(peer_tls.state == TLS_REFUSED);
    CHECK(peer_reason(&peer_tls, "issued by an unknown authority"));
    peer_stop(&peer);
    CHECK(start_for("good", "chain"));
    CHECK(!peer_verify(&peer, &peer_tls, "mx.example.net", "twin.pem"));
    CHECK(peer_tls.state == TLS_REFUSED);
    CHECK(peer_reason(&peer_tls, "issued by an unknown authority"));
    peer_stop(&peer);
}

TEST(refuses_other_names)
{
    CHECK(refuses("good", "chain", "mail.example.net",
                  "not valid for mail.example.net"));
    CHECK(refuses("plain", "", "mx.example.net",
                  "not valid for mx.example.net (it has no subjectAltName)"));
    CHECK(refuses("uri", "", "mx.example.net", "not valid for mx.example.net"));
    CHECK(refuses("good", "chain", "127.0.0.1", "not valid for 127.0.0.1"));
}

TEST(knows_wildcards)
{
    CHECK(accepts("star", "", "mx.example.net", "root.pem"));
    CHECK(refuses("star", "", "a.mx.example.net", "not valid for a.mx"));
    CHECK(refuses("star", "", "example.net", "not valid for example.net"));
}

TEST(knows_addresses)
{
    CHECK(accepts("ip", "", "127.0.0.1", "root.pem"));
    CHECK(accepts("ip", "", "::1", "root.pem"));
    CHECK(refuses("ip", "", "127.0.0.2", "not valid for 127.0.0.2"));
    CHECK(refuses("ip", "", "::2", "not valid for ::2"));
    CHECK(refuses("ipdns", "", "127.0.0.1", "not valid for 127.0.0.1"));
}

/* An address given as a name is still an address. */
TEST(takes_an_address_in_dress_for_one)
{
    CHECK(start_for("ip", ""));
    CHECK(peer_connect(&peer));
    CHECK(tls_start(&peer_tls, SLICE("127.0.0.1."), NULL, time(NULL)));
    while (peer_tls.state == TLS_HANDSHAKE)
        CHECK(peer_step(&peer, &peer_tls));
    peer_anchors(&peer_tls, "root.pem");
    tls_verify(&peer_tls);
    peer_shake(&peer, &peer_tls);
    CHECK(peer_tls.state == TLS_OPEN);
    peer_stop(&peer);
}

TEST(checks_the_dates)
{
    CHECK(refuses_at(4102444800, "certificate expired on 20"));
    CHECK(refuses_at(1600000000, "certificate not valid before 20"));
    CHECK(refuses_at(0, "the clock of this machine says 1970-01-01"));
    CHECK(refuses_at(-5, "the clock of this machine says 1970-01-01"));
    CHECK(refuses_at(INT64_MAX, "certificate expired on 20"));
}

TEST(checks_what_the_key_is_for)
{
    CHECK(refuses("usage", "", "mx.example.net", "not meant for servers"));
    CHECK(refuses("client", "", "mx.example.net", "not meant for servers"));
    CHECK(accepts("any", "", "mx.example.net", "root.pem"));
}

TEST(checks_what_the_authority_is_for)
{
    CHECK(refuses("posted", "chain", "mx.example.net",
                  "its authority is not meant for servers"));
    CHECK(refuses("strayed", "chain", "mx.example.net",
                  "its authority may not vouch for its names"));
    CHECK(refuses("guessed", "chain", "mx.example.net",
                  "its authority has name constraints that cannot be judged"));
}

/* mbedTLS cannot read critical constraints; of an anchor they are judged. */
TEST(knows_critical_constraints_of_an_anchor)
{
    CHECK(accepts("within", "", "mx.example.net", "net.pem"));
    CHECK(refuses_with("beyond", "mx.example.net", "net.pem",
                       "its authority may not vouch for its names"));
}

TEST(says_that_an_anchor_cannot_be_used)
{
    CHECK(refuses_with("odder", "mx.example.net", "odd.pem",
                       "issued by an unknown authority, a trust anchor cannot "
                       "be used: certificate has an unknown critical "
                       "extension"));
}

TEST(checks_the_strength)
{
    CHECK(refuses("weak", "", "mx.example.net", "key too weak"));
    CHECK(refuses("sha1", "", "mx.example.net", "signed with a weak digest"));
}

TEST(checks_the_chain)
{
    CHECK(refuses("under", "chain", "mx.example.net",
                  "issued by an unknown authority"));
    CHECK(refuses("deep", "chain", "mx.example.net",
                  "issued by an unknown authority"));
}

TEST(bounds_the_chain)
{
    CHECK(accepts("leaf8", "chain", "mx.example.net", "root.pem"));
    CHECK(refuses("leaf9", "chain", "mx.example.net",
                  "chain of certificates too long"));
    CHECK(refuses("leaf11", "chain", "mx.example.net",
                  "more than 10 certificates"));
}

TEST(ends_loops_of_signatures)
{
    CHECK(refuses("loop", "chain", "mx.example.net",
                  "issued by an unknown authority"));
    CHECK(accepts("loop", "chain", "mx.example.net", "x2.pem"));
}

/* One authority with two certificates, one from a root nobody knows. */
TEST(finds_the_way_among_cross_signatures)
{
    CHECK(accepts("crossed", "chain", "mx.example.net", "root.pem"));
    CHECK(accepts("turned", "chain", "mx.example.net", "root.pem"));
    CHECK(accepts("crossed", "chain", "mx.example.net", "other.pem"));
    CHECK(accepts("turned", "chain", "mx.example.net", "other.pem"));
    CHECK(!accepts("crossed", "chain", "mx.example.net", "twin.pem"));
}

TEST(bounds_the_names)
{
    CHECK(start_for("many", ""));
    CHECK(!peer_verify(&peer, &peer_tls, "mx.example.net", "root.pem"));
    CHECK(peer_tls.state == TLS_FAILED);
    CHECK(peer_reason(&peer_tls, "out of TLS memory"));
    peer_stop(&peer);
}

TEST(bounds_the_anchors)
{
    static uint8_t text[PEER_TEXT_SIZE];
    static uint8_t der[TLS_DER_SIZE_MAX];
    struct slice chunk, cert;

    CHECK(start_for("good", ""));
    peer_handshake(&peer, &peer_tls, "mx.example.net", time(NULL));
    CHECK(peer_tls.state == TLS_ANCHORS);
    chunk = peer_file("mid.pem", text);
    tls_trust_init(&peer_trust);
    CHECK(tls_trust_feed(&peer_trust, &chunk, &cert));
    memcpy(der, cert.data, cert.size);
    for (uint32_t i = 0; i < TLS_ANCHOR_COUNT_MAX; i++) {
        der[cert.size - 1] = (uint8_t)i; /* another signature, one name */
        tls_anchor(&peer_tls, slice_of(der, cert.size));
        tls_anchor(&peer_tls, slice_of(der, cert.size));
        CHECK(peer_tls.state == TLS_ANCHORS);
    }
    der[cert.size - 1] = TLS_ANCHOR_COUNT_MAX;
    tls_anchor(&peer_tls, slice_of(der, cert.size));
    tls_verify(&peer_tls);
    CHECK(peer_tls.state == TLS_REFUSED || peer_tls.state == TLS_FAILED);
    peer_stop(&peer);
}

#define CASES(X)                               \
    X(accepts_a_chain)                         \
    X(accepts_a_chain_in_any_order)            \
    X(finds_the_anchor_among_others)           \
    X(accepts_what_is_trusted_itself)          \
    X(refuses_unknown_authorities)             \
    X(refuses_other_names)                     \
    X(knows_wildcards)                         \
    X(knows_addresses)                         \
    X(takes_an_address_in_dress_for_one)       \
    X(checks_the_dates)                        \
    X(checks_what_the_key_is_for)              \
    X(checks_what_the_authority_is_for)        \
    X(knows_critical_constraints_of_an_anchor) \
    X(says_that_an_anchor_cannot_be_used)      \
    X(checks_the_strength)                     \
    X(checks_the_chain)                        \
    X(bounds_the_chain)                        \
    X(ends_loops_of_signatures)                \
    X(finds_the_way_among_cross_signatures)    \
    X(bounds_the_names)                        \
    X(bounds_the_anchors)

PEER_TEST_MAIN(CASES)
