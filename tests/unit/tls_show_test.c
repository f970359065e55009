/* SPDX-License-Identifier: ISC */
#include "tls_peer.h"

#include "test.h"
#include "tls/show.h"

static const char script[] =
    "sign root - '/O=Roots/CN=Root' \"$ca\"\n"
    "sign other - /CN=Other \"$ca\"\n"
    "sign mid root /CN=Mid \"$ca\"\n"
    "sign good mid '/O=Org/CN=mx.example.net' "
    "'subjectAltName=DNS:mx.example.net,URI:x:y,IP:192.0.2.1,DNS:*.b.example'\n"
    "cp mid.pem good_chain.pem\n"
    "sign bare root /O=Nobody 'basicConstraints=CA:FALSE'\n"
    "cp root.pem bare_chain.pem\n"
    "sign self - /CN=mx.example.net \"$san\"\n"
    "cp other.pem self_chain.pem\n"
    "{ printf 'subjectAltName=DNS:mx.example.net'\n"
    "  i=0; while [ $i -lt 500 ]; do printf ',DNS:a'; i=$((i + 1)); done\n"
    "} >many; sign many root /CN=x \"$(cat many)\"\n"
    "cp root.pem many_chain.pem\n";

static struct peer peer;
static struct tls_certificate shown;

/* A connection whose certificate is told of, not judged. */
static bool
told(const char *cert, const char *name, const char *anchors)
{
    char text[PEER_OPTIONS_SIZE];

    snprintf(text, sizeof(text),
             "-rev -cert %s.pem -key %s.key -cert_chain %s_chain.pem", cert,
             cert, cert);
    peer_start(&peer, text);
    peer_tell = true;
    return peer_init(&peer_tls, true, NULL, NULL) &&
           peer_verify(&peer, &peer_tls, name, anchors);
}

static bool
shows(uint32_t index, const char *subject, const char *issuer,
      const char *names)
{
    return tls_show(&peer_tls, index, &shown) &&
           slice_equal(shown.subject, slice_text(subject)) &&
           slice_equal(shown.issuer, slice_text(issuer)) &&
           slice_equal(shown.names, slice_text(names));
}

TEST(a_chain_and_its_anchor)
{
    CHECK(told("good", "mx.example.net", "root.pem"));
    CHECK(peer_tls.reason.size == 0);
    CHECK(shows(0, "mx.example.net", "Mid", "mx.example.net, *.b.example"));
    CHECK(!shown.anchor && shown.from.size == 20 && shown.until.size == 20);
    CHECK(shown.from.data[4] == '-' && shown.until.data[7] == '-');
    CHECK(shown.from.data[10] == 'T' && shown.until.data[19] == 'Z');
    CHECK(shown.until.data[2] > shown.from.data[2]);
    CHECK(shows(1, "Mid", "Root", "") && !shown.anchor);
    CHECK(shows(2, "Root", "Root", "") && shown.anchor);
    CHECK(!tls_show(&peer_tls, 3, &shown));
    CHECK(peer_talk(&peer, &peer_tls, "EHLO\n"));
    peer_stop(&peer);
}

TEST(a_bad_one_is_told_and_used)
{
    CHECK(told("good", "other.example", "root.pem"));
    CHECK(peer_reason(&peer_tls, "not valid for other.example"));
    CHECK(shows(2, "Root", "Root", "") && shown.anchor);
    CHECK(peer_talk(&peer, &peer_tls, "EHLO\n"));
    peer_stop(&peer);
    CHECK(told("good", "mx.example.net", "other.pem"));
    CHECK(peer_reason(&peer_tls, "issued by an unknown authority"));
    CHECK(!tls_show(&peer_tls, 2, &shown));
    CHECK(peer_talk(&peer, &peer_tls, "EHLO\n"));
    peer_stop(&peer);
}

/* What is told of one connection is not told of the next. */
TEST(nothing_is_left_of_it)
{
    CHECK(told("good", "other.example", "root.pem"));
    peer_stop(&peer);
    CHECK(told("good", "mx.example.net", "root.pem"));
    CHECK(peer_tls.reason.size == 0);
    peer_stop(&peer);
}

TEST(names_of_other_kinds)
{
    CHECK(told("bare", "mx.example.net", "root.pem"));
    CHECK(peer_reason(&peer_tls, "no subjectAltName"));
    CHECK(shows(0, "Nobody", "Root", ""));
    peer_stop(&peer);
    CHECK(told("self", "mx.example.net", "self.pem"));
    CHECK(peer_tls.reason.size == 0);
    CHECK(shows(0, "mx.example.net", "mx.example.net", "mx.example.net"));
    peer_stop(&peer);
}

TEST(many_names_are_cut)
{
    CHECK(told("many", "mx.example.net", "root.pem"));
    CHECK(tls_show(&peer_tls, 0, &shown));
    CHECK(shown.names.size > TELL_VALUE_SIZE_MAX - 3 &&
          shown.names.size <= TELL_VALUE_SIZE_MAX);
    peer_stop(&peer);
}

#define CASES(X)                  \
    X(a_chain_and_its_anchor)     \
    X(a_bad_one_is_told_and_used) \
    X(nothing_is_left_of_it)      \
    X(names_of_other_kinds)       \
    X(many_names_are_cut)

PEER_TEST_MAIN(CASES)
