/* SPDX-License-Identifier: ISC */
#include "smtp/session.h"

#include "smtp_server.h"

#define LOST "! lost\n"
#define TIMEOUT "! timeout\n"
#define QUIT "< QUIT\n"

/* Dies at this point like a dropped connection, however it comes about. */
static bool
dies(const char *script, const char *verdicts)
{
    static const char *const ends_of_it[] = {
        LOST,
        TIMEOUT,
        "> 2x0 what\n",
        "> 99 what\n",
        "> 650 what\n",
        "> 250-a\n> 251 b\n",
        "~ 250 ok\n! lost\n",
        "~ 25\n! timeout\n",
    };
    char whole[TEXT_SIZE];

    for (size_t i = 0; i < sizeof(ends_of_it) / sizeof(ends_of_it[0]); i++) {
        snprintf(whole, sizeof(whole), "%s%s", script, ends_of_it[i]);
        if (!ends(whole, FAULT_DIED, false, verdicts) || !said("") ||
            server.smtp.why.size == 0)
            return false;
    }
    return true;
}

/* The codes, one a word, each end the script so with the server's words. */
static bool
codes(const char *script, const char *words, const char *after,
      enum fault fault, bool final)
{
    for (; *words; words += 4) {
        char whole[TEXT_SIZE], reply[NAME_SIZE];

        snprintf(whole, sizeof(whole), "%s> %.3s-no\n> %.3s why\n%s", script,
                 words, words, after);
        snprintf(reply, sizeof(reply), "%.3s-no\n%.3s why\n", words, words);
        if (!ends(whole, fault, final, "") || !said(reply))
            return false;
    }
    return true;
}

/* As codes; `verdicts` are those taken before. */
static bool
codes_after(const char *verdicts, const char *script, const char *words,
            const char *after, enum fault fault)
{
    bool final = fault != FAULT_DIED;

    for (; *words; words += 4) {
        char whole[TEXT_SIZE];

        snprintf(whole, sizeof(whole), "%s> %.3s why\n%s", script, words,
                 after);
        if (!ends(whole, fault, final, verdicts))
            return false;
    }
    return true;
}

TEST(delivers)
{
    scene = (struct scene){0};
    CHECK(ends(AT_END "> 250 queued as 1\n" QUIT, FAULT_ACCEPTED, true, "r"));
    CHECK(said("250 queued as 1\n"));
    CHECK(server.smtp.fault_step == SMTP_STEP_MESSAGE);
}

TEST(delivers_to_several)
{
    scene = (struct scene){.recipient_count = 2};
    CHECK(ends(AT_RCPT "> 250 ok\n" RCPT_2_SENT "> 251 fine\n< DATA\n"
                       "> 354 go\n" BODY_SENT "> 299 x\n" QUIT,
               FAULT_ACCEPTED, true, "rr"));
}

TEST(the_null_sender_is_sent)
{
    scene = (struct scene){.null_sender = true};
    CHECK(ends(GREETED "> 250 mx\n< MAIL FROM:<>\n> 550 no\n" QUIT,
               FAULT_SENDER_PERM, true, ""));
    scene = (struct scene){.sender = SLICE("#@[]")};
    CHECK(ends(GREETED "> 250 mx\n< MAIL FROM:<#@[]>\n> 550 no\n" QUIT,
               FAULT_SENDER_PERM, true, ""));
    scene = (struct scene){.sender = SLICE("a b@c")};
    CHECK(ends(GREETED "> 250 mx\n< MAIL FROM:<\"a b\"@c>\n> 550 no\n" QUIT,
               FAULT_SENDER_PERM, true, ""));
}

TEST(an_empty_message_is_sent)
{
    scene = (struct scene){.message = ""};
    CHECK(ends(IN_BODY "< .\n> 250 ok\n" QUIT, FAULT_ACCEPTED, true, "r"));
}

TEST(a_message_is_encoded)
{
    scene = (struct scene){.message = ".\na\r.\r\n..\n\r\n"};
    CHECK(ends(IN_BODY "< ..\n< a .\n< ...\n< \n< .\n> 250 ok\n" QUIT,
               FAULT_ACCEPTED, true, "r"));
}

TEST(long_and_odd_replies_are_read)
{
    scene = (struct scene){0};
    CHECK(ends("> 220-a\n> 220-b\n> 220\n< EHLO me.example\n> 250-\n> 250\n"
               "< MAIL FROM:<s@a.example>\n> 250\n" RCPT_SENT
               "> 250-2.1.5 a\n> 250 2.1.5 b\n< DATA\n> 354\n" BODY_SENT
               "> 250\n" QUIT,
               FAULT_ACCEPTED, true, "r"));
}

/* ---- greeting ---- */

TEST(any_other_greeting_fails)
{
    scene = (struct scene){0};
    CHECK(codes("", "200 221 250 299 354 450 500 554 599 ", QUIT,
                FAULT_GREETING, false));
    CHECK(ends("> 421 busy\n", FAULT_GREETING, false, ""));
    CHECK(said("421 busy\n"));
}

TEST(dies_before_the_greeting)
{
    scene = (struct scene){0};
    CHECK(dies("", ""));
    CHECK(dies("> 220-mx\n", ""));
    CHECK(ends("> SSH-2.0-x\n", FAULT_DIED, false, ""));
    CHECK(ends("> \n", FAULT_DIED, false, ""));
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
        CHECK(ends(script, FAULT_SENDER_PERM, true, ""));
    }
}

TEST(hello_refused)
{
    scene = (struct scene){0};
    CHECK(codes(GREETED, "400 450 499 ", QUIT, FAULT_HELLO, false));
    CHECK(ends(GREETED "> 421 bye\n", FAULT_HELLO, false, ""));
    CHECK(said("421 bye\n"));
    CHECK(codes(GREETED "> 500 what\n< HELO me.example\n", "450 500 550 ", QUIT,
                FAULT_HELLO, false));
    CHECK(ends(GREETED "> 500 what\n< HELO me.example\n> 421 bye\n",
               FAULT_HELLO, false, ""));
}

TEST(another_positive_reply_to_hello_is_an_error)
{
    scene = (struct scene){0};
    CHECK(
        codes(GREETED, "200 220 251 299 300 354 399 ", "", FAULT_DIED, false));
    CHECK(codes(GREETED "> 500 what\n< HELO me.example\n", "220 251 354 ", "",
                FAULT_DIED, false));
}

TEST(dies_at_hello)
{
    scene = (struct scene){0};
    CHECK(dies(GREETED, ""));
    CHECK(dies(GREETED "> 250-mx\n", ""));
    CHECK(dies(GREETED "> 502 what\n< HELO me.example\n", ""));
}

/* RFC 5321 section 4.1.1.1: the first line is the server's name. */
TEST(a_server_named_like_a_keyword_offers_nothing)
{
    scene = (struct scene){0};
    CHECK(ends(GREETED "> 250 PIPELINING\n" MAIL_SENT "> 550 no\n" QUIT,
               FAULT_SENDER_PERM, true, ""));
    CHECK(ends(GREETED "> 250-PIPELINING\n> 250 HELP\n" MAIL_SENT
                       "> 550 no\n" QUIT,
               FAULT_SENDER_PERM, true, ""));
}

TEST(what_a_refused_ehlo_lists_is_not_offered)
{
    scene = (struct scene){0};
    CHECK(ends(GREETED
               "> 550-mx\n> 550-PIPELINING\n> 550 SIZE 1\n"
               "< HELO me.example\n> 250-mx\n> 250 PIPELINING\n" MAIL_SENT
               "> 550 no\n" QUIT,
               FAULT_SENDER_PERM, true, ""));
}

/* ---- MAIL, RCPT, DATA ---- */

TEST(sender_refused)
{
    scene = (struct scene){0};
    CHECK(codes(AT_MAIL, "500 550 552 599 ", QUIT, FAULT_SENDER_PERM, true));
    CHECK(
        codes(AT_MAIL, "400 420 422 451 499 ", QUIT, FAULT_SENDER_TEMP, true));
    CHECK(ends(AT_MAIL "> 421 bye\n", FAULT_SENDER_TEMP, false, ""));
    CHECK(said("421 bye\n"));
    CHECK(codes(AT_MAIL, "300 354 399 ", "", FAULT_DIED, false));
    CHECK(dies(AT_MAIL, ""));
}

TEST(any_2xx_to_mail_and_rcpt_is_fine)
{
    scene = (struct scene){0};
    CHECK(ends(AT_MAIL "> 200 x\n" RCPT_SENT
                       "> 299 x\n< DATA\n> 354 go\n" BODY_SENT "> 200 x\n" QUIT,
               FAULT_ACCEPTED, true, "r"));
    CHECK(ends(AT_MAIL "> 252 x\n" RCPT_SENT
                       "> 221 x\n< DATA\n> 354 go\n" BODY_SENT "> 220 x\n" QUIT,
               FAULT_ACCEPTED, true, "r"));
}

TEST(the_recipient_refused)
{
    scene = (struct scene){0};
    CHECK(
        codes_after("h", AT_RCPT, "500 550 552 599 ", QUIT, FAULT_RECIPIENTS));
    CHECK(
        codes_after("s", AT_RCPT, "400 420 450 499 ", QUIT, FAULT_RECIPIENTS));
    CHECK(codes_after("", AT_RCPT, "421 300 354 399 ", "", FAULT_DIED));
    CHECK(ends(AT_RCPT "> 421 bye\n", FAULT_DIED, false, ""));
    CHECK(said("421 bye\n") && server.smtp.why.size == 0);
    CHECK(dies(AT_RCPT, ""));
}

TEST(some_recipients_refused)
{
    scene = (struct scene){.recipient_count = 2};
    CHECK(ends(AT_RCPT "> 550 no\n" RCPT_2_SENT
                       "> 250 ok\n< DATA\n> 354 go\n" BODY_SENT
                       "> 250 ok\n" QUIT,
               FAULT_ACCEPTED, true, "hr"));
    CHECK(ends(AT_RCPT "> 250 ok\n" RCPT_2_SENT
                       "> 450 no\n< DATA\n> 354 go\n" BODY_SENT
                       "> 550 spam\n" QUIT,
               FAULT_BODY_PERM, true, "rs"));
    CHECK(ends(AT_RCPT "> 450 no\n" RCPT_2_SENT "> 550 no\n" QUIT,
               FAULT_RECIPIENTS, true, "sh"));
    CHECK(ends(AT_RCPT "> 250 ok\n" RCPT_2_SENT "> 421 bye\n", FAULT_DIED,
               false, "r"));
    CHECK(dies(AT_RCPT "> 550 no\n" RCPT_2_SENT, "h"));
}

TEST(each_recipient_has_its_reply)
{
    scene = (struct scene){0};
    CHECK(ends_in(AT_RCPT, SIZE_MAX, SIZE_MAX));
    memcpy(smtp_rx(&server.smtp, &(size_t){0}), "550-a\r\n550 b\r\n", 14);
    smtp_rx_ack(&server.smtp, 14, START_MS);
    CHECK(smtp_want(&server.smtp) == SMTP_WANT_RECIPIENT);
    CHECK(server.smtp.recipient_verdict == 'h');
    CHECK(slice_equal(buf_slice(&server.smtp.reply.text),
                      SLICE("550-a\n550 b\n")));
    smtp_taken(&server.smtp, START_MS);
    CHECK(smtp_want(&server.smtp) == SMTP_WANT_END);
}

TEST(data_refused)
{
    scene = (struct scene){0};
    CHECK(codes_after("r", AT_DATA, "500 503 550 554 599 ", QUIT,
                      FAULT_DATA_PERM));
    CHECK(codes_after("r", AT_DATA, "400 420 451 499 ", QUIT, FAULT_DATA_TEMP));
    CHECK(said("499 why\n"));
    CHECK(codes_after("r", AT_DATA, "421 200 220 250 299 300 353 355 399 ", "",
                      FAULT_DIED));
    CHECK(dies(AT_DATA, "r"));
}

/* ---- the end of the message ---- */

TEST(the_message_refused)
{
    scene = (struct scene){0};
    CHECK(codes_after("r", AT_END, "500 550 552 554 599 ", QUIT,
                      FAULT_BODY_PERM));
    CHECK(codes_after("r", AT_END, "400 420 451 499 ", QUIT, FAULT_BODY_TEMP));
    /* It was not taken, and the server is about to close. */
    CHECK(codes_after("r", AT_END, "421 ", "", FAULT_BODY_TEMP));
    CHECK(said("421 why\n"));
}

TEST(nobody_knows_whether_the_message_was_taken)
{
    static const char *const ends_of_it[] = {
        LOST,
        TIMEOUT,
        "> 2x0 a\n",
        "> 99 a\n",
        "> 354 go\n",
        "> 399 a\n",
        "> 199 a\n",
        "> 250-a\n> 251 b\n",
        "~ 250 ok\n! lost\n",
        "~ 250-ok\n! timeout\n",
        "> 250-ok\n! lost\n",
        "> 600 a\n",
    };
    char whole[TEXT_SIZE];

    scene = (struct scene){0};
    for (size_t i = 0; i < sizeof(ends_of_it) / sizeof(ends_of_it[0]); i++) {
        snprintf(whole, sizeof(whole), AT_END "%s", ends_of_it[i]);
        CHECK(ends(whole, FAULT_DUPLICATE, true, "r"));
        CHECK(server.smtp.why.size > 0);
    }
}

/* With 6 of the 7 bytes of "hi\\r\\n.\\r\\n" no server has it. */
TEST(dies_at_each_byte_of_the_message)
{
    static const char wire[] = "hi\r\n.\r\n";

    scene = (struct scene){0};
    for (int size = 0; size <= 7; size++)
        for (int way = 0; way < 2; way++) {
            char script[TEXT_SIZE];

            snprintf(script, sizeof(script), IN_BODY "! send %d\n%s", size,
                     way ? LOST : TIMEOUT);
            server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
            CHECK(server_play(script));
            CHECK(server_sent(&server, slice_of(wire, (size_t)size)));
            CHECK(server_over(size < 7 ? FAULT_DIED : FAULT_DUPLICATE,
                              size == 7, "r"));
        }
}

/* ---- early replies ---- */

TEST(a_reply_amid_the_message_stops_it)
{
    scene = (struct scene){0};
    CHECK(ends(IN_BODY "! send 2\n= hi\n> 552 big\n", FAULT_DATA_PERM, true,
               "r"));
    CHECK(said("552 big\n"));
    CHECK(ends(IN_BODY "! send 2\n= hi\n> 452 full\n", FAULT_DATA_TEMP, true,
               "r"));
    CHECK(ends(IN_BODY "! send 2\n= hi\n> 421 bye\n", FAULT_DIED, false, "r"));
    CHECK(said("421 bye\n"));
    CHECK(ends(IN_BODY "> 552 big\n", FAULT_DATA_PERM, true, "r"));
    CHECK(ends(IN_BODY "! send 2\n= hi\n~ 452\n! lost\n", FAULT_DIED, false,
               "r"));
}

TEST(a_message_is_not_accepted_before_its_end)
{
    scene = (struct scene){0};
    CHECK(ends(IN_BODY "! send 2\n= hi\n> 250 ok\n", FAULT_DIED, false, "r"));
    CHECK(ends(IN_BODY "> 250 ok\n", FAULT_DIED, false, "r"));
    CHECK(
        ends(IN_BODY "! send 2\n= hi\n> 354 go on\n", FAULT_DIED, false, "r"));
    CHECK(ends(AT_DATA "> 354 go\n> 250 ok\n", FAULT_DIED, false, "r"));
}

/* Its first byte came before the end was sent: it cannot be the answer. */
TEST(a_reply_begun_before_the_end_accepts_nothing)
{
    scene = (struct scene){0};
    CHECK(ends(IN_BODY "~ 25\n" BODY_SENT "> 0 ok\n", FAULT_DUPLICATE, true,
               "r"));
    CHECK(ends(IN_BODY "> 250-a\n" BODY_SENT "> 250 ok\n", FAULT_DUPLICATE,
               true, "r"));
    CHECK(ends(IN_BODY "~ 5\n" BODY_SENT "> 54 spam\n" QUIT, FAULT_DATA_PERM,
               true, "r"));
}

TEST(a_reply_before_its_command_is_an_error)
{
    scene = (struct scene){0};
    CHECK(ends("> 220 a\n> 250 b\n", FAULT_DIED, false, ""));
    CHECK(ends(GREETED "> 250 a\n> 250 b\n", FAULT_DIED, false, ""));
    CHECK(ends(AT_MAIL "> 250 a\n> 250 b\n", FAULT_DIED, false, ""));
    CHECK(ends(AT_RCPT "> 250 a\n> 354 b\n", FAULT_DIED, false, "r"));
    CHECK(ends(AT_DATA "> 354 a\n> 554 b\n", FAULT_DATA_PERM, true, "r"));
    CHECK(ends(AT_MAIL "> 250 a\n> 550 b\n", FAULT_DIED, false, ""));
    CHECK(server.smtp.why.size > 0);
    /* One byte of it is enough. */
    CHECK(ends(AT_MAIL "> 250 a\n~ 2\n< RCPT TO:<r0@b.example>\n> 50 b\n",
               FAULT_DIED, false, ""));
}

TEST(a_command_half_sent_has_no_reply_yet)
{
    scene = (struct scene){0};
    CHECK(ends(AT_MAIL "> 250 a\n! send 6\n= RCPT T\n> 250 b\n", FAULT_DIED,
               false, ""));
}

/* 421 may come at any time (RFC 5321 section 3.8); each step tells of it in
 * its own way. */
TEST(a_421_before_its_command_is_a_421)
{
    scene = (struct scene){0};
    CHECK(ends("> 220 a\n> 421 b\n", FAULT_HELLO, false, ""));
    CHECK(said("421 b\n"));
    CHECK(ends(GREETED "> 250 a\n> 421 b\n", FAULT_SENDER_TEMP, false, ""));
    CHECK(ends(AT_MAIL "> 250 a\n> 421 b\n", FAULT_DIED, false, ""));
    CHECK(said("421 b\n") && server.smtp.why.size == 0);
    CHECK(ends(AT_RCPT "> 250 a\n> 421 b\n", FAULT_DIED, false, "r"));
    CHECK(ends(AT_DATA "> 354 a\n> 421 b\n", FAULT_DIED, false, "r"));
}

TEST(what_follows_the_end_is_ignored)
{
    scene = (struct scene){0};
    CHECK(ends(AT_END "> 250 ok\n> 550 no\n> 421 bye\n" QUIT, FAULT_ACCEPTED,
               true, "r"));
    CHECK(said("250 ok\n"));
    CHECK(
        ends(AT_MAIL "> 550 no\n> 250 ok\n" QUIT, FAULT_SENDER_PERM, true, ""));
}

/* TLS held the command back: the time for its reply runs from when it went. */
TEST(time_runs_from_when_a_command_went)
{
    scene = (struct scene){0};
    CHECK(ends_in(AT_MAIL, SIZE_MAX, 1));
    server.now_ms = server.smtp.deadline_ms - 1;
    smtp_sent(&server.smtp, server.now_ms);
    smtp_tick(&server.smtp, server.now_ms + TIMEOUT_MS - 1);
    CHECK(smtp_want(&server.smtp) != SMTP_WANT_END);
    smtp_tick(&server.smtp, server.now_ms + TIMEOUT_MS);
    CHECK(server_over(FAULT_DIED, false, ""));
}

#define CASES(X)                                    \
    X(delivers)                                     \
    X(delivers_to_several)                          \
    X(the_null_sender_is_sent)                      \
    X(an_empty_message_is_sent)                     \
    X(a_message_is_encoded)                         \
    X(long_and_odd_replies_are_read)                \
    X(any_other_greeting_fails)                     \
    X(dies_before_the_greeting)                     \
    X(helo_where_ehlo_is_refused)                   \
    X(hello_refused)                                \
    X(another_positive_reply_to_hello_is_an_error)  \
    X(dies_at_hello)                                \
    X(a_server_named_like_a_keyword_offers_nothing) \
    X(what_a_refused_ehlo_lists_is_not_offered)     \
    X(sender_refused)                               \
    X(any_2xx_to_mail_and_rcpt_is_fine)             \
    X(the_recipient_refused)                        \
    X(some_recipients_refused)                      \
    X(each_recipient_has_its_reply)                 \
    X(data_refused)                                 \
    X(the_message_refused)                          \
    X(nobody_knows_whether_the_message_was_taken)   \
    X(dies_at_each_byte_of_the_message)             \
    X(a_reply_amid_the_message_stops_it)            \
    X(a_message_is_not_accepted_before_its_end)     \
    X(a_reply_begun_before_the_end_accepts_nothing) \
    X(a_reply_before_its_command_is_an_error)       \
    X(a_command_half_sent_has_no_reply_yet)         \
    X(a_421_before_its_command_is_a_421)            \
    X(what_follows_the_end_is_ignored)              \
    X(time_runs_from_when_a_command_went)

TEST_MAIN(CASES)
