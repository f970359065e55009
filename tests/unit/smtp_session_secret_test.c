/* SPDX-License-Identifier: ISC */
/* What a session tells of the secret it has sent, and what it keeps of it. */
#include "smtp_server.h"

#define PASSWORD "hunter22-x"
#define PLAIN_64 "AHUAaHVudGVyMjIteA=="
#define PASSWORD_64 "aHVudGVyMjIteA=="
#define OFFER(line) GREETED "> 250-mx.example\n> 250 " line "\n"
#define PLAIN_SENT OFFER("AUTH PLAIN") "< AUTH PLAIN " PLAIN_64 "\n"

static struct smtp_login login;

static void
set(const char *secret)
{
    scene = (struct scene){0};
    login =
        (struct smtp_login){.user = SLICE("u"), .secret = slice_text(secret)};
    scene.config.login = &login;
    scene.config.unproved = true;
}

static bool
is(struct slice got, const char *text)
{
    if (slice_equal(got, slice_text(text)))
        return true;
    printf("wanted <%s>\ngot <%.*s>\n", text, (int)got.size,
           (const char *)got.data);
    return false;
}

/* ---- replies ---- */

TEST(a_refusal_that_quotes_the_command)
{
    set(PASSWORD);
    CHECK(ends(PLAIN_SENT "> 535-5.7.8 bad: AUTH PLAIN " PLAIN_64
                          "\n> 535 (u, " PASSWORD ")\n" QUIT,
               SMTP_END_VERDICT, FAULT_LOGIN, ""));
    CHECK(said("535-5.7.8 bad: AUTH PLAIN ***\n535 (u, ***)\n"));
    CHECK(ends(OFFER("AUTH LOGIN") "< AUTH LOGIN\n> 334 \n< dQ==\n> 334 \n"
                                   "< " PASSWORD_64 "\n> 454 what is "
                                   "ahvudgvymjitea?\n" QUIT,
               SMTP_END_UNFIT, FAULT_LOGIN, ""));
    CHECK(said("454 what is ***?\n"));
    CHECK(ends(PLAIN_SENT "> 421 " PASSWORD "\n", SMTP_END_DIED, FAULT_LOGIN,
               ""));
    CHECK(said("421 ***\n"));
}

/* It knows it for as long as the session lasts. */
TEST(later_replies_that_quote_it)
{
    set(PASSWORD);
    CHECK(ends(PLAIN_SENT "> 235 ok\n" MAIL_SENT "> 550 not with " PASSWORD
                          "\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    CHECK(said("550 not with ***\n"));
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    CHECK(server_play(PLAIN_SENT "> 235 ok\n" MAIL_SENT "> 250 a\n" RCPT_SENT));
    server.config.watched = true;
    smtp_rx_ack(&server.smtp, 0, server.now_ms);
    memcpy(server.smtp.rx_bytes, "550 " PASSWORD "\r\n", 16);
    smtp_rx_ack(&server.smtp, 16, server.now_ms);
    CHECK(smtp_want(&server.smtp) == SMTP_WANT_RECIPIENT);
    CHECK(is(buf_slice(&server.smtp.reply.text), "550 ***\n"));
}

/* Nothing was said of it yet: a word is a word. */
TEST(earlier_replies_are_as_they_came)
{
    set("mx.example");
    CHECK(ends("> 554 mx.example\n" QUIT, SMTP_END_UNFIT, FAULT_GREETING, ""));
    CHECK(said("554 mx.example\n"));
}

/* Begun before the command was there, ended behind it. */
TEST(a_reply_that_began_before)
{
    set(PASSWORD);
    CHECK(ends(OFFER("AUTH PLAIN") "~ 421 hunter\n< AUTH PLAIN " PLAIN_64
                                   "\n> 22-x\n",
               SMTP_END_DIED, FAULT_LOGIN, ""));
    CHECK(said("421 ***\n"));
}

TEST(a_line_that_is_no_reply)
{
    set(PASSWORD);
    CHECK(ends_at_once(PLAIN_SENT "> What? " PASSWORD " " PLAIN_64 "!\n",
                       SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(is(server.smtp.why, "the reply is malformed or too long: "
                              "\"What? *** ***!\""));
    CHECK(ends_at_once(PLAIN_SENT "> 535-" PASSWORD "\n> " PASSWORD "\n",
                       SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(is(server.smtp.why, "the reply is malformed or too long: \"***\""));
    CHECK(is(buf_slice(&server.smtp.reply.text), "535-***\nh"));
}

/* The place where the text ends moves over the secret. */
TEST(a_reply_that_is_cut_inside_it)
{
    static char script[TEXT_SIZE], fill[REPLY_TEXT_SIZE_MAX];

    memset(fill, '.', sizeof(fill));
    for (int before = REPLY_TEXT_SIZE_MAX - 20;
         before < REPLY_TEXT_SIZE_MAX - 4; before++) {
        struct slice text;

        set(PASSWORD);
        snprintf(script, sizeof(script), PLAIN_SENT "> 535 %.*s" PASSWORD "\n",
                 before, fill);
        CHECK(ends_in(script, SIZE_MAX, SIZE_MAX));
        text = server.smtp.said;
        CHECK(text.size > (size_t)before && text.size <= REPLY_TEXT_SIZE_MAX);
        for (size_t i = 4; i + 1 < text.size; i++)
            CHECK(text.data[i] == '.' || text.data[i] == '*');
    }
}

TEST(a_short_secret_leaves_the_code)
{
    set("5");
    CHECK(ends(OFFER("AUTH PLAIN") "< AUTH PLAIN AHUANQ==\n> 535-5.7.8 a\n"
                                   "> 535 b\n" QUIT,
               SMTP_END_VERDICT, FAULT_LOGIN, ""));
    CHECK(said("535 ***\n"));
    CHECK(ends_at_once(OFFER("AUTH PLAIN") "< AUTH PLAIN AHUANQ==\n> 5x\n",
                       SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(is(server.smtp.why, "the reply is malformed or too long: \"***\""));
}

/* ---- what is kept ---- */

static bool
keeps(const char *text)
{
    const struct smtp *s = &server.smtp;
    size_t size = strlen(text);

    for (size_t i = 0; i + size <= sizeof(s->tx_bytes); i++)
        if (memcmp(s->tx_bytes + i, text, size) == 0)
            return true;
    return false;
}

TEST(what_was_sent_is_wiped)
{
    set(PASSWORD);
    memset(server.smtp.tx_bytes, 0, sizeof(server.smtp.tx_bytes));
    CHECK(ends_in(OFFER("AUTH PLAIN") "! send 20\n= AUTH PLAIN AHUAaHVud\n",
                  SIZE_MAX, SIZE_MAX));
    CHECK(keeps(PLAIN_64));
    CHECK(server_play("< GVyMjIteA==\n") && !keeps("GVyMjIt"));
    CHECK(server_play("> 334 \n") && keeps(PLAIN_64));
    CHECK(server_play("< " PLAIN_64 "\n") && !keeps("GVyMjIt"));
    CHECK(server_play("> 235 ok\n" MAIL_SENT) && !keeps("GVyMjIt"));
}

TEST(what_was_not_sent_is_wiped_too)
{
    static const char *const ends_of_it[] = {LOST, TIMEOUT, "> 421 bye\n",
                                             "> 535 no\n", "> what\n"};

    for (size_t i = 0; i < sizeof(ends_of_it) / sizeof(ends_of_it[0]); i++) {
        set(PASSWORD);
        memset(server.smtp.tx_bytes, 0, sizeof(server.smtp.tx_bytes));
        CHECK(ends_in(OFFER("AUTH PLAIN") "! send 20\n= AUTH PLAIN AHUAaHVud\n",
                      SIZE_MAX, SIZE_MAX));
        CHECK(server_play(ends_of_it[i]));
        CHECK(
            server_over(SMTP_END_DIED, i == 2 ? FAULT_LOGIN : FAULT_DIED, ""));
        CHECK(!keeps("GVyMjIt"));
    }
}

/* ---- long ones ---- */

TEST(the_longest_secret)
{
    static char secret[LOGIN_SECRET_SIZE_MAX + 1];

    for (int secure = 0; secure < 2; secure++) {
        size_t sent = 0;

        memset(secret, 's', LOGIN_SECRET_SIZE_MAX);
        set(secret);
        scene.config.tls = secure ? SMTP_TLS_FIRST : SMTP_TLS_OFF;
        server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
        CHECK(!secure || server_play("! secured\n"));
        CHECK(server_play(OFFER("AUTH PLAIN") "< AUTH PLAIN\n> 334 \n"));
        sent = server_hear(&server, SIZE_MAX);
        /* NUL, u, NUL and the secret, four for three, and a line end. */
        CHECK(sent == (LOGIN_SECRET_SIZE_MAX + 3 + 2) / 3 * 4 + 2);
        buf_reset(&server.sent);
        CHECK(server_play("> 535-ssssssssssssss\n> 535 c3Nzc3Nzc3Nz\n" QUIT));
        CHECK(server_over(SMTP_END_VERDICT, FAULT_LOGIN, ""));
        CHECK(said("535-***\n535 ***\n"));
    }
}

#define CASES(X)                         \
    X(a_refusal_that_quotes_the_command) \
    X(later_replies_that_quote_it)       \
    X(earlier_replies_are_as_they_came)  \
    X(a_reply_that_began_before)         \
    X(a_line_that_is_no_reply)           \
    X(a_reply_that_is_cut_inside_it)     \
    X(a_short_secret_leaves_the_code)    \
    X(what_was_sent_is_wiped)            \
    X(what_was_not_sent_is_wiped_too)    \
    X(the_longest_secret)

TEST_MAIN(CASES)
