/* SPDX-License-Identifier: ISC */
/* TLS from the first byte (RFC 8314), and servers that must know EHLO. */
#include "smtp_server.h"

#define SECURED "! secured\n"

static void
set(void)
{
    scene = (struct scene){0};
    scene.config.tls = SMTP_TLS_FIRST;
}

TEST(tls_comes_before_the_greeting)
{
    set();
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    CHECK(smtp_want(&server.smtp) == SMTP_WANT_SECURE);
    CHECK(smtp_tx(&server.smtp).size == 0);
    CHECK(ends(SECURED AT_END "> 250 ok\n" QUIT, SMTP_END_VERDICT,
               FAULT_ACCEPTED, "r"));
    CHECK(server.smtp.secure && server.smtp.proved);
}

/* One EHLO, and no second TLS. */
TEST(starttls_is_not_looked_for)
{
    set();
    CHECK(ends(SECURED GREETED "> 250-mx\n> 250 STARTTLS\n" MAIL_SENT
                               "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    CHECK(!server.smtp.tls_refused);
}

TEST(greeting_and_hello_have_the_same_rules)
{
    set();
    CHECK(ends(SECURED "> 554 no\n" QUIT, SMTP_END_UNFIT, FAULT_GREETING, ""));
    CHECK(ends(SECURED "> 421 no\n", SMTP_END_DIED, FAULT_GREETING, ""));
    CHECK(ends(SECURED GREETED "> 450 no\n" QUIT, SMTP_END_UNFIT, FAULT_HELLO,
               ""));
    CHECK(ends(SECURED GREETED
               "> 500 a\n< HELO me.example\n> 250 mx\n" MAIL_SENT
               "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
}

TEST(dead_before_the_greeting_is_about_tls)
{
    static const char *const ends_of_it[] = {"! lost\n",
                                             "! timeout\n",
                                             SECURED "! lost\n",
                                             SECURED "! timeout\n",
                                             SECURED "~ 2\n! lost\n",
                                             SECURED "> 220-mx\n! lost\n",
                                             SECURED "> what\n"};

    for (size_t i = 0; i < sizeof(ends_of_it) / sizeof(ends_of_it[0]); i++) {
        set();
        CHECK(ends(ends_of_it[i], SMTP_END_TLS_BROKEN, FAULT_TLS_FAILED, ""));
        CHECK(server.smtp.why.size > 0);
    }
}

TEST(dead_behind_the_greeting_is_not)
{
    set();
    CHECK(dies(SECURED GREETED, ""));
    CHECK(dies(SECURED AT_MAIL, ""));
}

TEST(logs_in_inside)
{
    static const struct smtp_login login = {
        .user = {(const uint8_t *)"u", 1},
        .secret = {(const uint8_t *)"word", 4}};

    set();
    scene.config.login = &login;
    scene.config.hello = SMTP_HELLO_ONLY;
    CHECK(ends(SECURED GREETED "> 250-mx\n> 250 AUTH PLAIN\n"
                               "< AUTH PLAIN AHUAd29yZA==\n> 235 ok\n" MAIL_SENT
                               "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    smtp_secured(&server.smtp, false, server.now_ms);
    CHECK(server_play(GREETED "> 250-mx\n> 250 AUTH PLAIN\n" QUIT));
    CHECK(server_over(SMTP_END_UNFIT, FAULT_LOGIN_UNPROVED, ""));
}

/* ---- SMTP_HELLO_ONLY ---- */

TEST(never_helo)
{
    scene = (struct scene){.config = {.hello = SMTP_HELLO_ONLY}};
    CHECK(
        codes(GREETED, "500 502 504 550 ", QUIT, SMTP_END_UNFIT, FAULT_HELLO));
    CHECK(codes(GREETED, "450 ", QUIT, SMTP_END_UNFIT, FAULT_HELLO));
    CHECK(codes(GREETED, "421 ", "", SMTP_END_DIED, FAULT_HELLO));
    CHECK(ends(GREETED LOST, SMTP_END_MUTE, FAULT_DIED, ""));
    CHECK(
        ends(AT_END "> 250 ok\n" QUIT, SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
}

#define CASES(X)                              \
    X(tls_comes_before_the_greeting)          \
    X(starttls_is_not_looked_for)             \
    X(greeting_and_hello_have_the_same_rules) \
    X(dead_before_the_greeting_is_about_tls)  \
    X(dead_behind_the_greeting_is_not)        \
    X(logs_in_inside)                         \
    X(never_helo)

TEST_MAIN(CASES)
