/* SPDX-License-Identifier: ISC */
#include "tls_peer.h"

#include <mbedtls/platform.h>

#include "test.h"
#include "tls/core.h"
#include "tls/verify.h"

/* What authorities say of names and purposes, crossed with leaves of every
 * kind, each pair beneath a root and as the root: thousands of chains, judged
 * by the engine and by `openssl verify`. No server runs: the chain is put where
 * a handshake leaves it. */

/* A line a case: how it may differ from OpenSSL, and an extension.
 *   =  in order: the same verdict
 *   <  nothing that can be judged: refused, or at least no more than OpenSSL
 *   >  of no concern to a server's name: accepted
 *   *  as =, but the name that is meant is excluded, and the leaf's own `*`
 *      would stand for it: refused */
static const char authorities[] =
    "= keyUsage=keyCertSign\n"
    "= nameConstraints=permitted;DNS:example.net\n"
    "= nameConstraints=permitted;DNS:mx.example.net\n"
    "= nameConstraints=permitted;DNS:EXAMPLE.Net\n"
    "= nameConstraints=permitted;DNS:.example.net\n"
    "= nameConstraints=permitted;DNS:.mx.example.net\n"
    "= nameConstraints=permitted;DNS:example.org\n"
    "= nameConstraints=permitted;DNS:xample.net\n"
    "= nameConstraints=permitted;DNS:net\n"
    "= nameConstraints=permitted;DNS:a.mx.example.net\n"
    "= nameConstraints=DER:3006a00430028200\n" /* permitted: the empty name */
    "= nameConstraints=DER:3006a10430028200\n" /* excluded: it */
    "= nameConstraints=excluded;DNS:example.net\n"
    "* nameConstraints=excluded;DNS:MX.example.net\n"
    "= nameConstraints=excluded;DNS:.example.net\n"
    "= nameConstraints=excluded;DNS:.mx.example.net\n"
    "= nameConstraints=excluded;DNS:a.example.net\n"
    "= nameConstraints=excluded;DNS:ample.net\n"
    "= nameConstraints=excluded;DNS:example.org\n"
    "= nameConstraints=excluded;DNS:net\n"
    "* nameConstraints=permitted;DNS:example.net,excluded;DNS:mx.example.net\n"
    "= nameConstraints=permitted;DNS:example.net,excluded;DNS:a.example.net\n"
    "= nameConstraints=permitted;DNS:example.org,permitted;DNS:example.net\n"
    "= nameConstraints=permitted;IP:192.0.2.0/255.255.255.0\n"
    "= nameConstraints=permitted;IP:198.51.100.0/255.255.255.0\n"
    "= nameConstraints=permitted;IP:192.0.2.1/255.255.255.255\n"
    "= nameConstraints=permitted;IP:192.0.9.1/255.255.0.255\n"
    "= nameConstraints=permitted;IP:0.0.0.0/0.0.0.0\n"
    "= nameConstraints=excluded;IP:0.0.0.0/0.0.0.0\n"
    "= nameConstraints=excluded;IP:192.0.2.0/255.255.255.0\n"
    "= nameConstraints=excluded;IP:192.0.2.128/255.255.255.128\n"
    "= nameConstraints=permitted;IP:2001:db8::/ffff:ffff::\n"
    "= nameConstraints=permitted;IP:2001:db8:1::/ffff:ffff:ffff::\n"
    "= nameConstraints=excluded;IP:2001:db8::/ffff:ffff::\n"
    "= nameConstraints=excluded;IP:::/::\n"
    "= nameConstraints=permitted;DNS:example.net,"
    "permitted;IP:192.0.2.0/255.255.255.0\n"
    "= nameConstraints=permitted;DNS:example.org,"
    "permitted;IP:192.0.2.0/255.255.255.0\n"
    "= nameConstraints=permitted;DNS:example.net,"
    "excluded;IP:192.0.2.0/255.255.255.0\n"
    "= nameConstraints=permitted;otherName:1.2.3;UTF8:x\n"
    "= nameConstraints=permitted;RID:1.2.3.4\n"
    /* minimum 0, written out */
    "= nameConstraints=DER:3014a0123010820b6578616d706c652e6e6574800100\n"
    "= nameConstraints=DER:3014a1123010820b6578616d706c652e6e6574800100\n"
    "= nameConstraints=critical,permitted;DNS:example.net\n"
    "= nameConstraints=critical,permitted;DNS:example.org\n"
    "= nameConstraints=critical,excluded;DNS:example.net\n"
    "= nameConstraints=critical,permitted;IP:192.0.2.0/255.255.255.0\n"
    "< nameConstraints=critical,permitted;DNS:example.net.\n"
    "= extendedKeyUsage=serverAuth\n"
    "= extendedKeyUsage=clientAuth,serverAuth\n"
    "= extendedKeyUsage=clientAuth\n"
    "= extendedKeyUsage=emailProtection\n"
    "= extendedKeyUsage=codeSigning,OCSPSigning\n"
    "= extendedKeyUsage=1.2.3.4\n"
    "> extendedKeyUsage=anyExtendedKeyUsage\n"
    "> nameConstraints=permitted;email:example.com\n"
    "> nameConstraints=excluded;email:example.org\n"
    "> nameConstraints=permitted;URI:.example.org\n"
    "> nameConstraints=permitted;dirName:other\n"
    "< nameConstraints=permitted;DNS:example.net.\n"
    "< nameConstraints=permitted;DNS:*.example.net\n"
    "< nameConstraints=excluded;DNS:*.example.org\n"
    "< nameConstraints=excluded;DNS:example.org.\n"
    /* minimum 1; maximum 5; both; a mask cut short; an address alone */
    "< nameConstraints=DER:3014a0123010820b6578616d706c652e6e6574800101\n"
    "< nameConstraints=DER:3014a0123010820b6578616d706c652e6e6574810105\n"
    "< nameConstraints=DER:300da00b30098707c0000200ffffff\n"
    "< nameConstraints=DER:300aa00830068704c0000201\n"
    "< nameConstraints=DER:3006a00430028700\n"
    "< nameConstraints=DER:3006a10430028700\n"
    /* nothing in it, or in a list; bytes behind; lists turned; no list; cut */
    "< nameConstraints=DER:3000\n"
    "< nameConstraints=DER:3002a000\n"
    "< nameConstraints=DER:3006a004300282000500\n"
    "< nameConstraints=DER:300ca10430028200a00430028200\n"
    "< nameConstraints=DER:30068004300282000000\n"
    "< nameConstraints=DER:3006a00430028210\n"
    "< nameConstraints=DER:0500\n"
    "< nameConstraints=DER:30\n";

/* A line a leaf: by which reference it is asked for, and its names. */
static const char leaves[] =
    "name DNS:mx.example.net\n"
    "name DNS:MX.EXAMPLE.NET\n"
    "name DNS:*.example.net\n"
    "name DNS:mx.example.net,DNS:a.example.net\n"
    "name DNS:www.example.org,DNS:mx.example.net\n"
    "name DNS:mx.example.net,DNS:xample.net\n"
    "name DNS:mx.example.net,IP:192.0.2.1\n"
    "name IP:192.0.2.200,DNS:mx.example.net\n"
    "name DNS:mx.example.net,IP:2001:db8::1\n"
    "name DNS:mx.example.net,email:a@example.org,URI:http://www.example.com/\n"
    "ipv4 IP:192.0.2.1\n"
    "ipv4 IP:192.0.2.1,DNS:mx.example.net\n"
    "ipv4 IP:198.51.100.1,IP:192.0.2.1\n"
    "ipv6 IP:2001:db8::1\n"
    "ipv6 IP:2001:db8::1,IP:192.0.2.1\n";

/* One key for all, and one name for all authorities of a level: so any leaf
 * goes with any of them. `issue NAME LEVEL EXTENSION...` */
static const char script_head[] =
    "{ cat cnf; printf '[other]\\nCN=Other\\n'; } >cnf2; mv cnf2 cnf\n"
    "for one in Root Issuer Top Leaf; do\n"
    "  [ -f one.key ] || key one P-256\n"
    "  openssl req -config cnf -new -key one.key -subj /CN=$one -out $one.csr\n"
    "done\n"
    "issue() {\n"
    "  name=$1 level=$2; shift 2\n"
    "  case $level in\n"
    "  Root|Top) by='-signkey one.key' ;;\n"
    "  Mid) by='-CA top.pem -CAkey one.key -set_serial 1' level=Issuer ;;\n"
    "  Issuer) by='-CA root.pem -CAkey one.key -set_serial 1' ;;\n"
    "  Leaf) by='-CA issuer.pem -CAkey one.key -set_serial 1' ;;\n"
    "  esac\n"
    "  printf '%s\\n' \"$@\" '[other]' 'CN=Other' >ext\n"
    "  openssl x509 -req -in $level.csr $by -extfile ext -days 3650 -sha256"
    " -out $name.pem\n"
    "}\n"
    "issue root Root \"$ca\"; issue issuer Issuer \"$ca\"\n"
    "issue top Top \"$ca\"; issue mid Mid \"$ca\"\n"
    "i=0; while read -r how names; do\n"
    "  i=$((i + 1)); issue leaf$i Leaf \"subjectAltName=$names\"\n"
    "done <<'LEAVES'\n";
static const char script_middle[] =
    "LEAVES\n"
    "i=0; while read -r how extension; do\n"
    "  i=$((i + 1)); issue issuer$i Issuer \"$ca\" \"$extension\"\n"
    "  issue top$i Top \"$ca\" \"$extension\"\n"
    "done <<'AUTHORITIES'\n";
/* Each leaf has the name that is meant, so nobody needs to tell OpenSSL. */
static const char script_tail[] =
    "AUTHORITIES\n"
    "check() {\n"
    "  openssl verify -purpose sslserver -CAfile $2.pem -untrusted $3.pem"
    " leaf?.pem leaf??.pem | sed \"s/^/$1 /\" || :\n"
    "}\n"
    "while [ $i -gt 0 ]; do\n"
    "  check issuer$i root issuer$i; check top$i top$i mid; i=$((i - 1))\n"
    "done >verdicts\n";

#define STAR "leaf3.pem"

static char script[PEER_TEXT_SIZE];
static char verdicts[4 * PEER_TEXT_SIZE];

/* The chain of a file, where a handshake would have left it. */
static bool
present(const char *leaf, const char *issuer)
{
    const char *files[] = {leaf, issuer};
    mbedtls_x509_crt *chain = mbedtls_calloc(1, sizeof(*chain));

    if (chain == NULL)
        return false;
    mbedtls_x509_crt_init(chain);
    peer_tls.core->ssl.MBEDTLS_PRIVATE(session_negotiate)
        ->MBEDTLS_PRIVATE(peer_cert) = chain;
    for (size_t i = 0; i < 2; i++) {
        static uint8_t text[PEER_TEXT_SIZE];
        struct slice chunk = peer_file(files[i], text);
        struct slice der;

        tls_trust_init(&peer_trust);
        if (!tls_trust_feed(&peer_trust, &chunk, &der) ||
            mbedtls_x509_crt_parse_der(chain, der.data, der.size) != 0)
            return false;
    }
    return true;
}

/* TLS_HANDSHAKE, so that it goes on, or TLS_REFUSED; TLS_FAILED where mbedTLS
 * reads the chain no more than in a handshake. */
static enum tls_state
judge(const char *leaf, const char *issuer, const char *anchor,
      const char *reference)
{
    struct addr literal;
    bool is_literal = addr_parse(slice_text(reference), &literal);

    tls_start(&peer_tls, slice_text(reference), is_literal ? &literal : NULL,
              time(NULL));
    if (!present(leaf, issuer))
        return TLS_FAILED;
    tls_verify_begin(&peer_tls);
    peer_anchors(&peer_tls, anchor);
    tls_verify_decide(&peer_tls);
    return peer_tls.state;
}

static bool
openssl_accepts(const char *authority, const char *leaf)
{
    char line[PEER_PATH_SIZE];

    snprintf(line, sizeof(line), "\n%s %s: OK\n", authority, leaf);
    return strstr(verdicts, line) != NULL;
}

struct count {
    unsigned pairs, accepted, differences;
};

static struct count count;

/* Of a machine that is only played, every so-manyth pair will do. */
enum { SAMPLE = 29 };
static bool is_slow;

/* Of a letter that authorities are marked with, what must be. */
static bool
is_right(char how, bool ours, bool theirs)
{
    switch (how) {
    case '>':
        return ours;
    case '<':
        return theirs || !ours;
    default:
        return ours == theirs;
    }
}

static void
compare(char how, const char *authority, const char *leaf, const char *meant)
{
    char file[PEER_PATH_SIZE];
    bool is_top = authority[0] == 't';
    bool theirs = openssl_accepts(authority, leaf), ours = false;
    enum tls_state state = TLS_IDLE;

    snprintf(file, sizeof(file), "%s.pem", authority);
    state = is_top ? judge(leaf, "mid.pem", file, meant)
                   : judge(leaf, file, "root.pem", meant);
    ours = state == TLS_HANDSHAKE;
    if (how == '*' && strcmp(leaf, STAR) == 0)
        theirs = false;
    count.pairs++;
    count.accepted += ours;
    if (is_right(how, ours, theirs))
        return;
    count.differences++;
    printf("    %c %s %s: openssl %d, state %d, %.*s\n", how, authority, leaf,
           theirs, state, (int)peer_tls.reason.size,
           (const char *)peer_tls.reason.data);
}

static void
compare_leaves(char how, const char *level, int number)
{
    const char *line = leaves;
    char authority[PEER_PATH_SIZE], leaf[PEER_PATH_SIZE];

    snprintf(authority, sizeof(authority), "%s%d", level, number);
    for (int i = 1; *line != '\0'; i++) {
        const char *meant = strncmp(line, "ipv4", 4) == 0   ? "192.0.2.1"
                            : strncmp(line, "ipv6", 4) == 0 ? "2001:db8::1"
                                                            : "mx.example.net";

        snprintf(leaf, sizeof(leaf), "leaf%d.pem", i);
        if (!is_slow || (number + i) % SAMPLE == 0)
            compare(how, authority, leaf, meant);
        line = strchr(line, '\n') + 1;
    }
}

static bool
read_verdicts(void)
{
    struct slice all = peer_file("verdicts", (uint8_t *)verdicts + 1);

    verdicts[0] = '\n';
    verdicts[1 + all.size] = '\0';
    return all.size > 0 && all.size < PEER_TEXT_SIZE;
}

/* No chain is accepted that OpenSSL refuses, and none that is in order is
 * refused. */
TEST(agrees_with_openssl)
{
    const char *line = authorities;

    is_slow = getenv("MOTE_TARGET") != NULL;
    CHECK(read_verdicts());
    CHECK(peer_init(&peer_tls, true, NULL, NULL));
    for (int i = 1; *line != '\0'; i++) {
        compare_leaves(line[0], "issuer", i);
        compare_leaves(line[0], "top", i);
        line = strchr(line, '\n') + 1;
    }
    printf("    %u chains, %u accepted, %u differences\n", count.pairs,
           count.accepted, count.differences);
    CHECK(count.differences == 0);
    CHECK(is_slow || (count.pairs > 2000 && count.accepted > 500));
    tls_end(&peer_tls);
}

#define CASES(X) X(agrees_with_openssl)

int
main(void)
{
    bool any_failed = false;

    snprintf(script, sizeof(script), "%s%s%s%s%s", script_head, leaves,
             script_middle, authorities, script_tail);
    if (system("openssl version >/dev/null 2>&1") != 0) {
        CASES(PEER_TEST_SKIP)
    } else if (!peer_world(script)) {
        any_failed = true;
        puts("not ok peer_world: openssl made no certificates");
    } else {
        CASES(TEST_RUN)
    }
    peer_world_end();
    return any_failed ? 1 : 0;
}
