/* SPDX-License-Identifier: ISC */
/* Greeting, EHLO and HELO. */
#include "smtp/session.h"

#include "smtp_server.h"

/* ---- greeting ---- */

TEST(any_other_greeting_fails)
{
    scene = (struct scene){0};
    CHECK(codes("", "200 221 250 299 354 450 500 554 599 ", QUIT,
                SMTP_END_UNFIT, FAULT_GREETING));
    CHECK(ends("> 421 busy\n", SMTP_END_DIED, FAULT_GREETING, ""));
    CHECK(said("421 busy\n"));
}

TEST(dies_before_the_greeting)
{
    scene = (struct scene){0};
    CHECK(dies("", ""));
    CHECK(dies("> 220-mx\n", ""));
    CHECK(ends("> SSH-2.0-x\n", SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(ends("> \n", SMTP_END_DIED, FAULT_DIED, ""));
}

/* ---- hello ---- */

TEST(helo_where_ehlo_is_refused)
{
    static const char *const refusals[] = {"500", "502", "504", "550", "554"};

    scene = (struct scene){0};
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        char script[TEXT_SIZE];

        snprintf(script, sizeof(script),
                 GREETED "> %s what?\n< HELO me.example\n> 250 mx\n" MAIL_SENT
                         "> 550 no\n" QUIT,
                 refusals[i]);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    }
}

#define AT_HELO GREETED "> 550-no\n> 550 never\n< HELO me.example\n"

TEST(hello_refused)
{
    scene = (struct scene){0};
    CHECK(codes(GREETED, "400 450 499 ", QUIT, SMTP_END_UNFIT, FAULT_HELLO));
    CHECK(ends(GREETED "> 421 bye\n", SMTP_END_DIED, FAULT_HELLO, ""));
    CHECK(said("421 bye\n"));
}

/* The reply to EHLO tells why there is no mail; that to HELO, if there is one,
 * is mostly about the order of commands. */
TEST(both_hellos_refused)
{
    static const char *const refusals[] = {
        "> 450 no\n" QUIT, "> 503 no\n" QUIT, "> 599 no\n" QUIT, "> 421 bye\n",
        "! lost\n",        "> 220 mx\n",      "> 354 mx\n"};

    scene = (struct scene){0};
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        char script[TEXT_SIZE];

        snprintf(script, sizeof(script), AT_HELO "%s", refusals[i]);
        CHECK(ends(script, SMTP_END_UNFIT, FAULT_HELLO, ""));
        CHECK(said("550-no\n550 never\n"));
        CHECK(server.smtp.fault_step == SMTP_STEP_HELO);
        CHECK((server.smtp.why.size > 0) == (i > 2));
    }
    CHECK(dies_so(AT_HELO, SMTP_END_UNFIT, FAULT_HELLO, ""));
    CHECK(said("550-no\n550 never\n"));
    CHECK(slice_equal(server.smtp.why, SLICE("timed out")));
}

TEST(helo_at_once)
{
    scene = (struct scene){.config.hello = SMTP_HELLO_HELO};
    scene.config.survey = true;
    CHECK(ends("> 220 mx\n< HELO me.example\n> 250-mx\n> 250-PIPELINING\n"
               "> 250 SIZE 1\n" MAIL_SENT "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    CHECK(codes("> 220 mx\n< HELO me.example\n", "450 550 503 ", QUIT,
                SMTP_END_UNFIT, FAULT_HELLO));
    CHECK(ends("> 220 mx\n< HELO me.example\n> 421 bye\n", SMTP_END_DIED,
               FAULT_HELLO, ""));
    CHECK(said("421 bye\n"));
    CHECK(dies("> 220 mx\n< HELO me.example\n", ""));
    CHECK(codes("> 220 mx\n< HELO me.example\n", "220 251 354 ", "",
                SMTP_END_DIED, FAULT_DIED));
}

TEST(helo_at_once_has_no_tls)
{
    scene = (struct scene){
        .config = {.hello = SMTP_HELLO_HELO, .tls = SMTP_TLS_TRY}};
    CHECK(
        ends("> 220 mx\n< HELO me.example\n> 250-mx\n> 250 STARTTLS\n" MAIL_SENT
             "> 550 no\n" QUIT,
             SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    scene.config.tls = SMTP_TLS_MUST;
    CHECK(ends("> 220 mx\n< HELO me.example\n> 250-mx\n> 250 STARTTLS\n" QUIT,
               SMTP_END_TLS_ABSENT, FAULT_TLS_ABSENT, ""));
}

TEST(another_positive_reply_to_hello_is_an_error)
{
    scene = (struct scene){0};
    CHECK(codes(GREETED, "200 220 251 299 300 354 399 ", "", SMTP_END_DIED,
                FAULT_DIED));
}

TEST(dies_at_hello)
{
    scene = (struct scene){0};
    CHECK(dies_so(GREETED, SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(dies(GREETED "> 250-mx\n", ""));
}

/* An old server, or a box before it, hangs up at a word it does not know. One
 * byte of a reply is too much, and so is silence. */
TEST(mute_at_ehlo)
{
    static const char *const others[] = {"~ 2\n! lost\n",      "~ \r\n! lost\n",
                                         "> 250-mx\n! lost\n", "! timeout\n",
                                         "> 421 bye\n",        "> what\n"};

    scene = (struct scene){0};
    CHECK(ends(GREETED LOST, SMTP_END_MUTE, FAULT_DIED, ""));
    CHECK(slice_equal(server.smtp.why, SLICE("gone")) && said(""));
    CHECK(server.smtp.fault_step == SMTP_STEP_EHLO);
    CHECK(ends("> 220 mx\n! send 7\n= EHLO me\n! lost\n", SMTP_END_MUTE,
               FAULT_DIED, ""));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char script[TEXT_SIZE];

        snprintf(script, sizeof(script), GREETED "%s", others[i]);
        CHECK(ends_in(script, SIZE_MAX, 1));
        CHECK(smtp_want(&server.smtp) == SMTP_WANT_END);
        CHECK(server.smtp.end == SMTP_END_DIED);
    }
    CHECK(ends("> 220-mx\n" LOST, SMTP_END_DIED, FAULT_DIED, ""));
}

/* RFC 5321 section 4.1.1.1: the first line is the server's name. */
TEST(a_server_named_like_a_keyword_offers_nothing)
{
    scene = (struct scene){0};
    CHECK(ends(GREETED "> 250 PIPELINING\n" MAIL_SENT "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    CHECK(ends(GREETED "> 250-PIPELINING\n> 250 HELP\n" MAIL_SENT
                       "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
}

TEST(what_a_refused_ehlo_lists_is_not_offered)
{
    scene = (struct scene){0};
    CHECK(ends(GREETED
               "> 550-mx\n> 550-PIPELINING\n> 550 SIZE 1\n"
               "< HELO me.example\n> 250-mx\n> 250 PIPELINING\n" MAIL_SENT
               "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
}

#define CASES(X)                                    \
    X(any_other_greeting_fails)                     \
    X(dies_before_the_greeting)                     \
    X(helo_where_ehlo_is_refused)                   \
    X(hello_refused)                                \
    X(both_hellos_refused)                          \
    X(helo_at_once)                                 \
    X(helo_at_once_has_no_tls)                      \
    X(another_positive_reply_to_hello_is_an_error)  \
    X(dies_at_hello)                                \
    X(mute_at_ehlo)                                 \
    X(a_server_named_like_a_keyword_offers_nothing) \
    X(what_a_refused_ehlo_lists_is_not_offered)

TEST_MAIN(CASES)
