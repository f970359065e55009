/* SPDX-License-Identifier: ISC */
#include "smtp/features.h"

#include "smtp/auth.h"

#include "test.h"

static struct smtp_features
of(const char *line)
{
    struct smtp_features f = {0};

    smtp_features_line(&f, slice_text(line));
    return f;
}

static bool
offers_nothing(const char *line)
{
    struct smtp_features f = of(line);

    return !f.starttls && !f.pipelining && !f.eight_bit && !f.utf8 && !f.size &&
           f.size_max == 0;
}

static bool
has_size(const char *line, uint64_t size_max)
{
    struct smtp_features f = of(line);

    return f.size && f.size_max == size_max && !f.starttls && !f.pipelining;
}

/* RFC 5321 section 2.4: keywords in any case. */
TEST(knows_keywords_in_any_case)
{
    CHECK(of("STARTTLS").starttls);
    CHECK(of("starttls").starttls);
    CHECK(of("StartTLS").starttls);
    CHECK(of("PIPELINING").pipelining);
    CHECK(of("pipelining").pipelining);
    CHECK(of("8BITMIME").eight_bit);
    CHECK(of("8bitmime").eight_bit);
    CHECK(of("SMTPUTF8").utf8);
    CHECK(of("smtputf8").utf8);
    CHECK(of("SIZE").size);
    CHECK(of("size").size);
}

TEST(each_keyword_is_one_feature)
{
    struct smtp_features f = of("STARTTLS");

    CHECK(!f.pipelining && !f.eight_bit && !f.size);
    f = of("PIPELINING");
    CHECK(!f.starttls && !f.eight_bit && !f.size);
    f = of("8BITMIME");
    CHECK(!f.starttls && !f.pipelining && !f.size && !f.utf8);
    f = of("SMTPUTF8");
    CHECK(!f.starttls && !f.pipelining && !f.size && !f.eight_bit);
    f = of("SIZE 1");
    CHECK(!f.starttls && !f.pipelining && !f.eight_bit);
}

TEST(lines_add_up)
{
    struct smtp_features f = {0};

    smtp_features_line(&f, SLICE("SIZE 10"));
    smtp_features_line(&f, SLICE("HELP"));
    smtp_features_line(&f, SLICE("STARTTLS"));
    smtp_features_line(&f, SLICE("PIPELINING"));
    CHECK(f.size && f.size_max == 10 && f.starttls && f.pipelining);
    CHECK(!f.eight_bit);
}

TEST(parameters_do_not_hide_a_keyword)
{
    CHECK(of("STARTTLS REQUIRED").starttls);
    CHECK(of("PIPELINING x y").pipelining);
    CHECK(of("STARTTLS ").starttls);
}

TEST(look_alikes_offer_nothing)
{
    static const char *const lines[] = {
        "",
        " ",
        "XSTARTTLS",
        "STARTTLSX",
        "STARTTLS1",
        "STARTTL",
        "START TLS",
        "START-TLS",
        "X-STARTTLS",
        "XXXXXXXA",
        "XXXXXXXXXXXXXXXXX",
        "STARTTLS=1",
        "STARTTLS,PIPELINING",
        "-STARTTLS",
        " STARTTLS",
        "AUTH STARTTLS",
        "HELP STARTTLS PIPELINING",
        "PIPELININGX",
        "XPIPELINING",
        "PIPELINE",
        "CHUNKING",
        "8BITMIMEX",
        "8BITMIM",
        "88BITMIME",
        "SMTPUTF",
        "SMTPUTF88",
        "UTF8SMTP",
        "BITMIME",
        "SIZES 5",
        "XSIZE 5",
        "SIZ",
        "BINARYMIME",
        "\xd3\xd4\xc1\xd2\xd4\xd4\xcc\xd3",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        CHECK(offers_nothing(lines[i]));
}

TEST(a_nul_hides_no_keyword)
{
    struct smtp_features f = {0};

    smtp_features_line(&f, SLICE("STARTTLS\0"));
    smtp_features_line(&f, SLICE("\0STARTTLS"));
    smtp_features_line(&f, SLICE("X\0 STARTTLS"));
    smtp_features_line(&f, slice_of(NULL, 0));
    CHECK(!f.starttls);
}

/* RFC 1870 section 4: no number, or 0, is no fixed limit. */
TEST(reads_size)
{
    CHECK(has_size("SIZE", 0));
    CHECK(has_size("SIZE ", 0));
    CHECK(has_size("SIZE 0", 0));
    CHECK(has_size("SIZE 1", 1));
    CHECK(has_size("size 52428800", 52428800));
    CHECK(has_size("SIZE  1000 ", 1000));
    CHECK(has_size("SIZE 007", 7));
    CHECK(has_size("SIZE 4294967296", UINT64_C(4294967296)));
    CHECK(has_size("SIZE 18446744073709551615", UINT64_MAX));
    /* RFC 1870: up to 20 digits; beyond 64 bits nothing is too big. */
    CHECK(has_size("SIZE 18446744073709551616", 0));
    CHECK(has_size("SIZE 99999999999999999999", 0));
    CHECK(has_size("SIZE 99999999999999999999999999999999999999", 0));
}

/* A limit that nobody can read must not refuse mail. */
TEST(a_size_that_is_no_number_limits_nothing)
{
    CHECK(has_size("SIZE -1", 0));
    CHECK(has_size("SIZE +1", 0));
    CHECK(has_size("SIZE 10M", 0));
    CHECK(has_size("SIZE 0x10", 0));
    CHECK(has_size("SIZE 1.5", 0));
    CHECK(has_size("SIZE 10 20", 0));
    CHECK(has_size("SIZE unlimited", 0));
}

TEST(the_last_size_counts)
{
    struct smtp_features f = {0};

    smtp_features_line(&f, SLICE("SIZE 10"));
    smtp_features_line(&f, SLICE("SIZE 20"));
    CHECK(f.size && f.size_max == 20);
    smtp_features_line(&f, SLICE("SIZE"));
    CHECK(f.size && f.size_max == 0);
    smtp_features_line(&f, SLICE("SIZE 30"));
    smtp_features_line(&f, SLICE("SIZE x"));
    CHECK(f.size && f.size_max == 0);
}

/* ---- AUTH (RFC 4954 section 3) ---- */

static struct smtp_features offered;

static void
offer(const char *lines)
{
    struct slice rest = slice_text(lines);

    offered = (struct smtp_features){0};
    while (rest.size > 0) {
        size_t lf = slice_find(rest, '\n');

        smtp_features_line(&offered, slice_part(rest, 0, lf));
        rest = slice_part(rest, lf + 1, rest.size);
    }
}

/* The lines, one behind the other, offer these of ours and have those names. */
static bool
has_auth(const char *lines, uint32_t auth, const char *names)
{
    offer(lines);
    if ((offered.auth >> 1 << 1) == auth &&
        slice_equal(smtp_features_names(&offered), slice_text(names)))
        return true;
    printf("%x <%.*s>\n", (unsigned)offered.auth,
           (int)smtp_features_names(&offered).size,
           (const char *)smtp_features_names(&offered).data);
    return false;
}

enum {
    PLAIN = 1 << SMTP_AUTH_PLAIN,
    LOGIN = 1 << SMTP_AUTH_LOGIN,
    XOAUTH2 = 1 << SMTP_AUTH_XOAUTH2,
    OAUTHBEARER = 1 << SMTP_AUTH_OAUTHBEARER
};

TEST(reads_auth)
{
    CHECK(has_auth("", 0, "none"));
    CHECK(has_auth("AUTH", 0, "none"));
    CHECK(has_auth("AUTH ", 0, "none"));
    CHECK(has_auth("AUTH PLAIN", PLAIN, "PLAIN"));
    CHECK(has_auth("AUTH LOGIN PLAIN", PLAIN | LOGIN, "LOGIN PLAIN"));
    CHECK(has_auth("AUTH  LOGIN\tPLAIN ", PLAIN | LOGIN, "LOGIN PLAIN"));
    CHECK(has_auth("auth xoauth2 OAuthBearer", XOAUTH2 | OAUTHBEARER,
                   "xoauth2 OAuthBearer"));
    CHECK(has_auth("AUTH=LOGIN PLAIN", PLAIN | LOGIN, "LOGIN PLAIN"));
    CHECK(has_auth("auth=login", LOGIN, "login"));
    CHECK(has_auth("AUTH= LOGIN", LOGIN, "LOGIN"));
    CHECK(has_auth("AUTH CRAM-MD5 SCRAM-SHA-1 X_1", 0,
                   "CRAM-MD5 SCRAM-SHA-1 X_1"));
}

TEST(auth_lines_add_up)
{
    CHECK(has_auth("AUTH PLAIN\nAUTH=LOGIN", PLAIN | LOGIN, "PLAIN LOGIN"));
    CHECK(has_auth("AUTH NTLM GSSAPI\nAUTH=gssapi NTLM\nAUTH X\nSIZE 5", 0,
                   "NTLM GSSAPI X"));
}

TEST(look_alikes_of_auth_offer_nothing)
{
    static const char *const lines[] = {
        "AUTHX PLAIN", "XAUTH PLAIN",     "AUT PLAIN",
        "AUTH-PLAIN",  "AUTH:PLAIN",      "AUTHPLAIN",
        " AUTH PLAIN", "HELP AUTH PLAIN", "A=AUTH PLAIN"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        CHECK(has_auth(lines[i], 0, "none"));
    CHECK(has_auth("AUTH PLAINX XPLAIN PLAI LOGIN=1", 0,
                   "PLAINX XPLAIN PLAI LOGIN?1"));
}

TEST(names_are_safe_to_report)
{
    CHECK(has_auth("AUTH a\xff\x1b[1m x.y \"q\"", 0, "a???1m x?y ?q?"));
}

/* Cut at a whole name; those of ours count wherever they are. */
TEST(many_names)
{
    char line[REPLY_LINE_SIZE_MAX] = "AUTH";
    size_t size = 0;

    for (int i = 0; i < 60; i++)
        snprintf(line + strlen(line), 8, " N-%04d", i);
    snprintf(line + strlen(line), 8, " PLAIN");
    offer(line);
    CHECK(offered.auth & PLAIN);
    size = smtp_features_names(&offered).size;
    CHECK(size == 28 * 7 - 1 && size <= SMTP_AUTH_NAMES_SIZE_MAX);
    memset(line + 5, 'x', 200);
    memcpy(line + 205, " Y", 3);
    offer(line);
    CHECK(smtp_features_names(&offered).size == 200);
    memset(line + 5, 'x', 201);
    memcpy(line + 206, " Y", 3);
    CHECK(has_auth(line, 0, "none"));
}

#define CASES(X)                               \
    X(knows_keywords_in_any_case)              \
    X(each_keyword_is_one_feature)             \
    X(lines_add_up)                            \
    X(parameters_do_not_hide_a_keyword)        \
    X(look_alikes_offer_nothing)               \
    X(a_nul_hides_no_keyword)                  \
    X(reads_size)                              \
    X(a_size_that_is_no_number_limits_nothing) \
    X(the_last_size_counts)                    \
    X(reads_auth)                              \
    X(auth_lines_add_up)                       \
    X(look_alikes_of_auth_offer_nothing)       \
    X(names_are_safe_to_report)                \
    X(many_names)

TEST_MAIN(CASES)
