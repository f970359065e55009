/* SPDX-License-Identifier: ISC */
#include "smtp/auth.h"

#include "test.h"

enum { OUT_SIZE = 16384 };

static uint8_t out_bytes[OUT_SIZE], raw_bytes[OUT_SIZE];
static uint8_t secret_bytes[LOGIN_SECRET_SIZE_MAX];
static struct buf out;
static struct smtp_login login;

static void
set(const char *user, const char *secret, bool token)
{
    login = (struct smtp_login){.user = slice_text(user),
                                .secret = slice_text(secret),
                                .token = token,
                                .host = SLICE("server.example.com"),
                                .port = 143};
}

static bool
is(const char *text)
{
    if (!out.full && slice_equal(buf_slice(&out), slice_text(text)))
        return true;
    printf("wanted <%s>\ngot <%.*s>\n", text, (int)out.used,
           (const char *)out.data);
    return false;
}

/* The command is this, with the response or without. */
static bool
command_is(enum smtp_auth_mechanism m, bool initial, const char *text)
{
    buf_init(&out, out_bytes, sizeof(out_bytes));
    return smtp_auth_put_command(&out, m, &login) == initial && is(text);
}

static bool
response_is(enum smtp_auth_mechanism m, uint32_t index, const char *text)
{
    buf_init(&out, out_bytes, sizeof(out_bytes));
    smtp_auth_put_response(&out, m, &login, index);
    return is(text);
}

/* ---- the slow way ---- */

static int
value(uint8_t c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* What the line stands for; its size, or -1: it is no base64 in its only
 * form. */
static int
decode(struct slice line)
{
    uint32_t bits = 0, count = 0;
    size_t pad = 0;
    int used = 0;

    if (line.size < 2 || memcmp(line.data + line.size - 2, "\r\n", 2) != 0)
        return -1;
    line.size -= 2;
    if (line.size % 4 != 0)
        return -1;
    for (; pad < 2 && line.size > 0 && line.data[line.size - 1] == '='; pad++)
        line.size--;
    for (size_t i = 0; i < line.size; i++) {
        if (value(line.data[i]) < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value(line.data[i]);
        count += 6;
        if (count >= 8) {
            count -= 8;
            raw_bytes[used++] = (uint8_t)(bits >> count);
            bits &= (1u << count) - 1;
        }
    }
    return bits == 0 && count == 2 * pad ? used : -1;
}

static bool
decodes_to(struct slice line, const void *raw, size_t size)
{
    return decode(line) == (int)size && memcmp(raw_bytes, raw, size) == 0;
}

/* ---- lines ---- */

/* RFC 4616 section 4. */
TEST(plain)
{
    set("tim", "tanstaaftanstaaf", false);
    CHECK(command_is(SMTP_AUTH_PLAIN, true,
                     "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n"));
    CHECK(response_is(SMTP_AUTH_PLAIN, 0, "AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n"));
}

TEST(login_in_two_lines)
{
    set("tim", "tanstaaftanstaaf", false);
    CHECK(command_is(SMTP_AUTH_LOGIN, false, "AUTH LOGIN\r\n"));
    CHECK(response_is(SMTP_AUTH_LOGIN, 0, "dGlt\r\n"));
    CHECK(response_is(SMTP_AUTH_LOGIN, 1, "dGFuc3RhYWZ0YW5zdGFhZg==\r\n"));
}

TEST(xoauth2)
{
    set("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
        true);
    CHECK(command_is(SMTP_AUTH_XOAUTH2, true,
                     "AUTH XOAUTH2 dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJl"
                     "YXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHR"
                     "XVZMjl0Q2cBAQ==\r\n"));
    CHECK(response_is(SMTP_AUTH_XOAUTH2, 1, "\r\n"));
}

/* RFC 7628 section 4.1. */
TEST(oauthbearer)
{
    set("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", true);
    CHECK(command_is(
        SMTP_AUTH_OAUTHBEARER, true,
        "AUTH OAUTHBEARER bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1w"
        "bGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiS"
        "FJoZG1semRHRXVZMjl0Q2c9PQEB\r\n"));
    CHECK(response_is(SMTP_AUTH_OAUTHBEARER, 1, "AQ==\r\n"));
}

TEST(a_user_of_oauthbearer_is_a_saslname)
{
    static const char raw[] = "n,a=a=2Cb=3D=3Dc,\1host=server.example.com\1"
                              "port=143\1auth=Bearer t\1\1";

    set("a,b==c", "t", true);
    buf_init(&out, out_bytes, sizeof(out_bytes));
    smtp_auth_put_response(&out, SMTP_AUTH_OAUTHBEARER, &login, 0);
    CHECK(decodes_to(buf_slice(&out), raw, sizeof(raw) - 1));
    /* And of no other. */
    CHECK(response_is(SMTP_AUTH_XOAUTH2, 0,
                      "dXNlcj1hLGI9PWMBYXV0aD1CZWFyZXIgdAEB\r\n"));
}

TEST(octets_are_sent_as_they_are)
{
    static const char raw[] = "\0u v|\xff\0p |:<#\"\xff\x80 q";

    set("u v|\xff", "p |:<#\"\xff\x80 q", false);
    buf_init(&out, out_bytes, sizeof(out_bytes));
    smtp_auth_put_response(&out, SMTP_AUTH_PLAIN, &login, 0);
    CHECK(decodes_to(buf_slice(&out), raw, sizeof(raw) - 1));
}

/* Every remainder, every size up to what a command can hold and beyond. */
TEST(a_response_goes_with_the_command_up_to_512_octets)
{
    set("u", "", false);
    login.secret.data = secret_bytes;
    memset(secret_bytes, 'p', sizeof(secret_bytes));
    for (size_t size = 1; size <= 600; size++) {
        size_t raw = size + 3, line = 0;
        bool initial = false;

        login.secret.size = size;
        buf_init(&out, out_bytes, sizeof(out_bytes));
        initial = smtp_auth_put_command(&out, SMTP_AUTH_PLAIN, &login);
        line = strlen("AUTH PLAIN \r\n") + (raw + 2) / 3 * 4;
        CHECK(initial == (line <= 512));
        if (initial) {
            CHECK(out.used == line);
            CHECK(decode(slice_part(buf_slice(&out), 11, out.used)) ==
                  (int)raw);
        } else {
            CHECK(is("AUTH PLAIN\r\n"));
        }
        CHECK(command_is(SMTP_AUTH_LOGIN, false, "AUTH LOGIN\r\n"));
    }
}

/* The longest of all fits, whatever the user. */
TEST(the_longest_lines)
{
    static uint8_t user[LOGIN_USER_SIZE_MAX], host[NAME_TEXT_SIZE_MAX];

    memset(user, ',', sizeof(user));
    memset(host, 'h', sizeof(host));
    memset(secret_bytes, 0xff, sizeof(secret_bytes));
    for (uint32_t m = SMTP_AUTH_PLAIN; m < SMTP_AUTH_COUNT; m++) {
        login = (struct smtp_login){
            .user = slice_of(user, sizeof(user)),
            .secret = slice_of(secret_bytes, sizeof(secret_bytes)),
            .host = slice_of(host, sizeof(host)),
            .port = UINT16_MAX};
        for (uint32_t i = 0; i < smtp_auth_response_count(m); i++) {
            buf_init(&out, out_bytes, SMTP_AUTH_LINE_SIZE_MAX);
            smtp_auth_put_response(&out, (enum smtp_auth_mechanism)m, &login,
                                   i);
            CHECK(!out.full && decode(buf_slice(&out)) >= 0);
        }
        CHECK(m != SMTP_AUTH_PLAIN || out.used == 11268 + 2);
    }
    CHECK(smtp_auth_find(SLICE("OAUTHBEARER")) == SMTP_AUTH_COUNT - 1);
    smtp_auth_put_response(&out, SMTP_AUTH_OAUTHBEARER, &login, 1);
    buf_init(&out, out_bytes, sizeof(out_bytes));
    smtp_auth_put_response(&out, SMTP_AUTH_OAUTHBEARER, &login, 0);
    CHECK(out.used == SMTP_AUTH_LINE_SIZE_MAX);
}

/* ---- which one ---- */

TEST(the_first_that_fits_the_login)
{
    set("u", "secret", false);
    for (uint32_t bits = 0; bits < 1u << SMTP_AUTH_COUNT; bits++) {
        bool plain = bits & 1u << SMTP_AUTH_PLAIN;
        bool two = bits & 1u << SMTP_AUTH_LOGIN;
        bool x = bits & 1u << SMTP_AUTH_XOAUTH2;
        bool bearer = bits & 1u << SMTP_AUTH_OAUTHBEARER;

        login.token = false;
        CHECK(smtp_auth_choose(&login, bits) == (plain ? SMTP_AUTH_PLAIN
                                                 : two ? SMTP_AUTH_LOGIN
                                                       : SMTP_AUTH_NONE));
        login.token = true;
        CHECK(smtp_auth_choose(&login, bits) == (x ? SMTP_AUTH_XOAUTH2
                                                 : bearer
                                                     ? SMTP_AUTH_OAUTHBEARER
                                                     : SMTP_AUTH_NONE));
    }
}

TEST(names_in_any_case)
{
    static const char *const others[] = {"",         "PLAI",     "PLAINX",
                                         "CRAM-MD5", "XOAUTH",   "OAUTH",
                                         "LOGIN ",   "EXTERNAL", "XOAUTH22"};

    for (uint32_t m = SMTP_AUTH_PLAIN; m < SMTP_AUTH_COUNT; m++)
        CHECK(smtp_auth_find(slice_text(smtp_auth_name(m))) == m);
    CHECK(smtp_auth_find(SLICE("plain")) == SMTP_AUTH_PLAIN);
    CHECK(smtp_auth_find(SLICE("OAuthBearer")) == SMTP_AUTH_OAUTHBEARER);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        CHECK(smtp_auth_find(slice_text(others[i])) == SMTP_AUTH_NONE);
}

/* ---- what a reply quotes ---- */

/* What is left of the text; `room`: how much of it is kept. */
static bool
hides(const char *text, size_t room, const char *left)
{
    buf_init(&out, out_bytes, room);
    for (size_t i = 0; text[i] && i < room; i++)
        buf_put_byte(&out, (uint8_t)text[i]);
    return smtp_auth_hide(&out, &login) && is(left);
}

static bool
leaves(const char *text)
{
    return hides(text, OUT_SIZE, text);
}

TEST(all_that_was_said_is_hidden)
{
    set("tim", "tanstaaftanstaaf", false);
    CHECK(hides("535-tanstaaftanstaaf\n535 <tanstaaftanstaaf>\n", OUT_SIZE,
                "535-***\n535 <***>\n"));
    CHECK(hides("501 AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm?\n", OUT_SIZE,
                "501 AUTH PLAIN ***?\n"));
    CHECK(hides("535 dGFuc3RhYWZ0YW5zdGFhZg==\n", OUT_SIZE, "535 ***\n"));
    CHECK(leaves("535 5.7.8 Error: authentication failed: tim\n"));
    CHECK(leaves(""));
    set("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", true);
    CHECK(hides("500 bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUu"
                "Y29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNr"
                "QmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB\n",
                OUT_SIZE, "500 ***\n"));
    CHECK(hides("535 invalid vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==!\n",
                OUT_SIZE, "535 invalid ***!\n"));
    CHECK(leaves("535 5.7.3 Authentication unsuccessful\n"));
}

TEST(without_padding_in_pieces_and_in_another_case)
{
    set("tim", "tanstaaftanstaaf", false);
    CHECK(hides("535 dGFuc3RhYWZ0YW5zdGFhZg\n", OUT_SIZE, "535 ***\n"));
    CHECK(hides("500 AHRpbQB0YW5z...\n", OUT_SIZE, "500 ***...\n"));
    CHECK(
        hides("535-TANSTAAF\n535 tanstaaf\n", OUT_SIZE, "535-***\n535 ***\n"));
    CHECK(hides("500-AHRpbQB0\n500-YW5zdGFhZnRh\n500 bnN0YWFm\n", OUT_SIZE,
                "500-***\n500-***\n500 ***\n"));
    /* Fewer than four octets might be anything. */
    CHECK(hides("535 staff of tans\n", OUT_SIZE, "535 staff of ***\n"));
    CHECK(leaves("535 tan sta aft\n"));
}

/* A text that fills its buffer may have been cut inside a secret. */
TEST(the_end_of_a_text_that_is_cut)
{
    set("tim", "tanstaaftanstaaf", false);
    CHECK(hides("535 of tans", 11, "535 of ***"));
    CHECK(hides("535 of tan", 10, "535 of ***"));
    CHECK(hides("535 of ta", 9, "535 of***"));
    CHECK(hides("535 of t", 8, "535 o***"));
    CHECK(hides("535 of tan", 11, "535 of tan"));
    set("u", "secret", true);
    CHECK(hides("535 of secre", 12, "535 of ***"));
}

TEST(a_secret_that_is_shorter_hides_it_all)
{
    static const char *const secrets[] = {"a", "ab", "abc", "abcd", "abcde"};

    for (size_t i = 0; i < 5; i++) {
        set("u", secrets[i], true);
        CHECK(!hides("535 no\n", OUT_SIZE, ""));
        login.token = false;
        CHECK(hides("535 no\n", OUT_SIZE, "535 no\n") == (i >= 3));
    }
    set("u", "abcd", false);
    CHECK(hides("535 xABCDx\n", OUT_SIZE, "535 x***x\n"));
    set("u", "abcdef", true);
    CHECK(hides("535 xabcdefx abcde\n", OUT_SIZE, "535 x***x abcde\n"));
}

/* A whole text of pieces, with a long secret, by all of its octets. */
TEST(long_secrets)
{
    static char text[REPLY_TEXT_SIZE_MAX + 1];

    set("u", "", false);
    for (size_t i = 0; i < sizeof(secret_bytes); i++)
        secret_bytes[i] = (uint8_t)(1 + (i * 7 + i / 255 * 31) % 255);
    for (size_t i = 0; i < sizeof(secret_bytes); i++)
        if (secret_bytes[i] == '\n' || secret_bytes[i] == '\r')
            secret_bytes[i] = 'n';
    login.secret = slice_of(secret_bytes, sizeof(secret_bytes));
    for (size_t from = 0; from + 1000 < sizeof(secret_bytes); from += 997) {
        snprintf(text, sizeof(text), "535 <%.1000s>\n",
                 (const char *)secret_bytes + from);
        CHECK(hides(text, OUT_SIZE, "535 <***>\n"));
    }
    memset(text, 0, sizeof(text));
    buf_init(&out, out_bytes, sizeof(out_bytes));
    smtp_auth_put_response(&out, SMTP_AUTH_LOGIN, &login, 1);
    memcpy(text, out_bytes + 1234, REPLY_TEXT_SIZE_MAX);
    CHECK(hides(text, REPLY_TEXT_SIZE_MAX, "***"));
}

#define CASES(X)                                         \
    X(plain)                                             \
    X(login_in_two_lines)                                \
    X(xoauth2)                                           \
    X(oauthbearer)                                       \
    X(a_user_of_oauthbearer_is_a_saslname)               \
    X(octets_are_sent_as_they_are)                       \
    X(a_response_goes_with_the_command_up_to_512_octets) \
    X(the_longest_lines)                                 \
    X(the_first_that_fits_the_login)                     \
    X(names_in_any_case)                                 \
    X(all_that_was_said_is_hidden)                       \
    X(without_padding_in_pieces_and_in_another_case)     \
    X(the_end_of_a_text_that_is_cut)                     \
    X(a_secret_that_is_shorter_hides_it_all)             \
    X(long_secrets)

TEST_MAIN(CASES)
