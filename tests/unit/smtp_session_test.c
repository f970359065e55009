/* SPDX-License-Identifier: ISC */
#include "smtp/session.h"

#include "smtp_server.h"

/* As codes; `verdicts` are those taken before. */
static bool
codes_after(const char *verdicts, const char *script, const char *words,
            const char *after, enum fault fault)
{
    enum smtp_end end = fault == FAULT_DIED ? SMTP_END_DIED : SMTP_END_VERDICT;

    for (; *words; words += 4) {
        char whole[TEXT_SIZE];

        snprintf(whole, sizeof(whole), "%s> %.3s why\n%s", script, words,
                 after);
        if (!ends(whole, end, fault, verdicts))
            return false;
    }
    return true;
}

TEST(delivers)
{
    scene = (struct scene){0};
    CHECK(ends(AT_END "> 250 queued as 1\n" QUIT, SMTP_END_VERDICT,
               FAULT_ACCEPTED, "r"));
    CHECK(said("250 queued as 1\n"));
    CHECK(server.smtp.fault_step == SMTP_STEP_MESSAGE);
}

TEST(delivers_to_several)
{
    scene = (struct scene){.recipient_count = 2};
    CHECK(ends(AT_RCPT "> 250 ok\n" RCPT_2_SENT "> 251 fine\n< DATA\n"
                       "> 354 go\n" BODY_SENT "> 299 x\n" QUIT,
               SMTP_END_VERDICT, FAULT_ACCEPTED, "rr"));
}

TEST(the_null_sender_is_sent)
{
    scene = (struct scene){.null_sender = true};
    CHECK(ends(GREETED "> 250 mx\n< MAIL FROM:<>\n> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    scene = (struct scene){.sender = SLICE("#@[]")};
    CHECK(ends(GREETED "> 250 mx\n< MAIL FROM:<#@[]>\n> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    scene = (struct scene){.sender = SLICE("a b@c")};
    CHECK(ends(GREETED "> 250 mx\n< MAIL FROM:<\"a b\"@c>\n> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
}

TEST(an_empty_message_is_sent)
{
    scene = (struct scene){.message = ""};
    CHECK(ends(IN_BODY "< .\n> 250 ok\n" QUIT, SMTP_END_VERDICT, FAULT_ACCEPTED,
               "r"));
}

TEST(a_message_is_encoded)
{
    scene = (struct scene){.message = ".\na\r.\r\n..\n\r\n"};
    CHECK(ends(IN_BODY "< ..\n< a .\n< ...\n< \n< .\n> 250 ok\n" QUIT,
               SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
}

TEST(long_and_odd_replies_are_read)
{
    scene = (struct scene){0};
    CHECK(ends("> 220-a\n> 220-b\n> 220\n< EHLO me.example\n> 250-\n> 250\n"
               "< MAIL FROM:<s@a.example>\n> 250\n" RCPT_SENT
               "> 250-2.1.5 a\n> 250 2.1.5 b\n< DATA\n> 354\n" BODY_SENT
               "> 250\n" QUIT,
               SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
}

/* Of several codes the last counts: postscreen greets with 220- and then thinks
 * better of it. A refusal is not taken back. */
TEST(the_last_code_counts)
{
    scene = (struct scene){0};
    CHECK(ends("> 220-mx\n> 521 blocked\n" QUIT, SMTP_END_UNFIT, FAULT_GREETING,
               ""));
    CHECK(said("220-mx\n521 blocked\n"));
    CHECK(ends("> 220-mx\n> 421 busy\n", SMTP_END_DIED, FAULT_GREETING, ""));
    CHECK(ends(AT_RCPT "> 250-a\n> 450-b\n> 550 c\n" QUIT, SMTP_END_VERDICT,
               FAULT_RECIPIENTS, "h"));
    CHECK(ends(AT_RCPT "> 550-a\n> 450 b\n" QUIT, SMTP_END_VERDICT,
               FAULT_RECIPIENTS, "s"));
    CHECK(ends(AT_DATA "> 250-a\n> 354 b\n" BODY_SENT "> 354-a\n> 250 b\n" QUIT,
               SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
    CHECK(ends(AT_END "> 550-a\n> 250 b\n", SMTP_END_DUPLICATE, FAULT_DUPLICATE,
               "r"));
    CHECK(ends(AT_RCPT "> 450-a\n> 354 b\n", SMTP_END_DIED, FAULT_DIED, ""));
}

/* A line of 250 counts where EHLO's do, whatever else was there. */
TEST(features_are_lines_of_250)
{
    scene = (struct scene){0};
    CHECK(ends(GREETED "> 250-mx\n> 220-PIPELINING\n> 250 HELP\n" MAIL_SENT
                       "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    CHECK(ends(GREETED "> 250-mx\n> 250\tPIPELINING\n" MAIL_SENT RCPT_SENT
                       "< DATA\n> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
}

static bool
why(const char *text)
{
    struct slice prefix = SLICE("the reply is malformed or too long: ");
    struct slice w = server.smtp.why;

    return slice_equal(slice_part(w, 0, prefix.size), prefix) &&
           slice_equal(slice_part(w, prefix.size, w.size), slice_text(text));
}

/* The report shows what nobody understood, as far as it came. */
TEST(a_line_that_is_no_reply_is_kept)
{
    static const struct {
        const char *script, *why;
    } rows[] = {
        {"> SSH-2.0-x y\n", "\"SSH-2.0-x y\""},
        {"~ what\n", "\"what\""},
        {"> what\r\n> 220 mx\n", "\"what\""},
        {"> 220-mx\n> what\n> 220 mx\n", "\"what\""},
        {"> 220-mx\n> \n> 220 mx\n", "\"\""},
        {"> \n", "\"\""},
        {"> 22\n", "\"22\""},
        {"> 600 a\n> 220 b\n", "\"600 a\""},
        {"> 550-no\n> 220 mx \t\"x\"\n", "\"220 mx \t\"x\"\""},
        {"> 2\r20 \x1b\xff\n", "\"220 \x1b\xff\""},
    };

    scene = (struct scene){0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK(ends_at_once(rows[i].script, SMTP_END_DIED, FAULT_DIED, ""));
        CHECK(why(rows[i].why) && said(""));
        CHECK(ends_in(rows[i].script, 1, 1));
        CHECK(server.smtp.end == SMTP_END_DIED && server.smtp.why.size > 0);
    }
}

/* The first 200 octets of it, in one piece or in two. */
TEST(a_long_line_that_is_no_reply_is_cut)
{
    char line[2 * SMTP_QUOTE_SIZE_MAX + 8] = "> ",
                                        shown[SMTP_QUOTE_SIZE_MAX + 3];

    scene = (struct scene){0};
    for (int i = 0; i < 3; i++) {
        static const char *const starts[] = {"x", "220+", "600 "};
        size_t size = SMTP_QUOTE_SIZE_MAX;

        memset(line + 2, 'y', 2 * size);
        memcpy(line + 2, starts[i], strlen(starts[i]));
        line[2 + 2 * size] = '\n';
        snprintf(shown, sizeof(shown), "\"%.200s\"", line + 2);
        CHECK(ends_at_once(line, SMTP_END_DIED, FAULT_DIED, ""));
        CHECK(why(shown));
        CHECK(ends_in(line, 1, 150) && server.smtp.why.size > 0);
    }
}

/* ---- MAIL, RCPT, DATA ---- */

TEST(sender_refused)
{
    scene = (struct scene){0};
    CHECK(codes(AT_MAIL, "500 550 552 599 ", QUIT, SMTP_END_VERDICT,
                FAULT_SENDER_PERM));
    CHECK(codes(AT_MAIL, "400 420 422 451 499 ", QUIT, SMTP_END_VERDICT,
                FAULT_SENDER_TEMP));
    CHECK(ends(AT_MAIL "> 421 bye\n", SMTP_END_DIED, FAULT_SENDER_TEMP, ""));
    CHECK(said("421 bye\n"));
    CHECK(codes(AT_MAIL, "300 354 399 ", "", SMTP_END_DIED, FAULT_DIED));
    CHECK(dies(AT_MAIL, ""));
}

TEST(any_2xx_to_mail_and_rcpt_is_fine)
{
    scene = (struct scene){0};
    CHECK(ends(AT_MAIL "> 200 x\n" RCPT_SENT
                       "> 299 x\n< DATA\n> 354 go\n" BODY_SENT "> 200 x\n" QUIT,
               SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
    CHECK(ends(AT_MAIL "> 252 x\n" RCPT_SENT
                       "> 221 x\n< DATA\n> 354 go\n" BODY_SENT "> 220 x\n" QUIT,
               SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
}

TEST(the_recipient_refused)
{
    scene = (struct scene){0};
    CHECK(
        codes_after("h", AT_RCPT, "500 550 552 599 ", QUIT, FAULT_RECIPIENTS));
    CHECK(
        codes_after("s", AT_RCPT, "400 420 450 499 ", QUIT, FAULT_RECIPIENTS));
    CHECK(codes_after("", AT_RCPT, "421 300 354 399 ", "", FAULT_DIED));
    CHECK(ends(AT_RCPT "> 421 bye\n", SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(said("421 bye\n") && server.smtp.why.size == 0);
    CHECK(dies(AT_RCPT, ""));
}

TEST(some_recipients_refused)
{
    scene = (struct scene){.recipient_count = 2};
    CHECK(ends(AT_RCPT "> 550 no\n" RCPT_2_SENT
                       "> 250 ok\n< DATA\n> 354 go\n" BODY_SENT
                       "> 250 ok\n" QUIT,
               SMTP_END_VERDICT, FAULT_ACCEPTED, "hr"));
    CHECK(ends(AT_RCPT "> 250 ok\n" RCPT_2_SENT
                       "> 450 no\n< DATA\n> 354 go\n" BODY_SENT
                       "> 550 spam\n" QUIT,
               SMTP_END_VERDICT, FAULT_BODY_PERM, "rs"));
    CHECK(ends(AT_RCPT "> 450 no\n" RCPT_2_SENT "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_RECIPIENTS, "sh"));
    CHECK(ends(AT_RCPT "> 250 ok\n" RCPT_2_SENT "> 421 bye\n", SMTP_END_DIED,
               FAULT_DIED, "r"));
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
        "> 550-a\n> 250 b\n",
        "~ 250 ok\n! lost\n",
        "~ 250-ok\n! timeout\n",
        "> 250-ok\n! lost\n",
        "> 600 a\n",
    };
    char whole[TEXT_SIZE];

    scene = (struct scene){0};
    for (size_t i = 0; i < sizeof(ends_of_it) / sizeof(ends_of_it[0]); i++) {
        snprintf(whole, sizeof(whole), AT_END "%s", ends_of_it[i]);
        CHECK(ends(whole, SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
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
            CHECK(size < 7
                      ? server_over(SMTP_END_DIED, FAULT_DIED, "r")
                      : server_over(SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
        }
}

/* ---- early replies ---- */

TEST(a_reply_amid_the_message_stops_it)
{
    scene = (struct scene){0};
    CHECK(ends(IN_BODY "! send 2\n= hi\n> 552 big\n", SMTP_END_VERDICT,
               FAULT_DATA_PERM, "r"));
    CHECK(said("552 big\n"));
    CHECK(ends(IN_BODY "! send 2\n= hi\n> 452 full\n", SMTP_END_VERDICT,
               FAULT_DATA_TEMP, "r"));
    CHECK(ends(IN_BODY "! send 2\n= hi\n> 421 bye\n", SMTP_END_DIED, FAULT_DIED,
               "r"));
    CHECK(said("421 bye\n"));
    CHECK(ends(IN_BODY "> 552 big\n", SMTP_END_VERDICT, FAULT_DATA_PERM, "r"));
    CHECK(ends(IN_BODY "! send 2\n= hi\n~ 452\n! lost\n", SMTP_END_DIED,
               FAULT_DIED, "r"));
}

TEST(a_message_is_not_accepted_before_its_end)
{
    scene = (struct scene){0};
    CHECK(ends(IN_BODY "! send 2\n= hi\n> 250 ok\n", SMTP_END_DIED, FAULT_DIED,
               "r"));
    CHECK(ends(IN_BODY "> 250 ok\n", SMTP_END_DIED, FAULT_DIED, "r"));
    CHECK(ends(IN_BODY "! send 2\n= hi\n> 354 go on\n", SMTP_END_DIED,
               FAULT_DIED, "r"));
    CHECK(ends(AT_DATA "> 354 go\n> 250 ok\n", SMTP_END_DIED, FAULT_DIED, "r"));
}

/* Its first byte came before the end was sent: it cannot be the answer. */
TEST(a_reply_begun_before_the_end_accepts_nothing)
{
    scene = (struct scene){0};
    CHECK(ends(IN_BODY "~ 25\n" BODY_SENT "> 0 ok\n", SMTP_END_DUPLICATE,
               FAULT_DUPLICATE, "r"));
    CHECK(ends(IN_BODY "> 250-a\n" BODY_SENT "> 250 ok\n", SMTP_END_DUPLICATE,
               FAULT_DUPLICATE, "r"));
    CHECK(ends(IN_BODY "~ 5\n" BODY_SENT "> 54 spam\n" QUIT, SMTP_END_VERDICT,
               FAULT_DATA_PERM, "r"));
}

TEST(a_reply_before_its_command_is_an_error)
{
    scene = (struct scene){0};
    CHECK(ends("> 220 a\n> 250 b\n", SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(ends(GREETED "> 250 a\n> 250 b\n", SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(ends(AT_MAIL "> 250 a\n> 250 b\n", SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(ends(AT_RCPT "> 250 a\n> 354 b\n", SMTP_END_DIED, FAULT_DIED, "r"));
    CHECK(ends(AT_DATA "> 354 a\n> 554 b\n", SMTP_END_VERDICT, FAULT_DATA_PERM,
               "r"));
    CHECK(ends(AT_MAIL "> 250 a\n> 550 b\n", SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(server.smtp.why.size > 0);
    /* One byte of it is enough. */
    CHECK(ends(AT_MAIL "> 250 a\n~ 2\n< RCPT TO:<r0@b.example>\n> 50 b\n",
               SMTP_END_DIED, FAULT_DIED, ""));
}

TEST(a_command_half_sent_has_no_reply_yet)
{
    scene = (struct scene){0};
    CHECK(ends(AT_MAIL "> 250 a\n! send 6\n= RCPT T\n> 250 b\n", SMTP_END_DIED,
               FAULT_DIED, ""));
}

/* 421 may come at any time (RFC 5321 section 3.8); each step tells of it in
 * its own way. */
TEST(a_421_before_its_command_is_a_421)
{
    scene = (struct scene){0};
    CHECK(ends("> 220 a\n> 421 b\n", SMTP_END_DIED, FAULT_HELLO, ""));
    CHECK(said("421 b\n"));
    CHECK(ends(GREETED "> 250 a\n> 421 b\n", SMTP_END_DIED, FAULT_SENDER_TEMP,
               ""));
    CHECK(ends(AT_MAIL "> 250 a\n> 421 b\n", SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(said("421 b\n") && server.smtp.why.size == 0);
    CHECK(ends(AT_RCPT "> 250 a\n> 421 b\n", SMTP_END_DIED, FAULT_DIED, "r"));
    CHECK(ends(AT_DATA "> 354 a\n> 421 b\n", SMTP_END_DIED, FAULT_DIED, "r"));
}

/* Whatever came last may be the answer to something else. */
TEST(more_replies_than_commands)
{
    scene = (struct scene){0};
    CHECK(ends_at_once(AT_END "> 250 ok\n> 550 no\n", SMTP_END_DUPLICATE,
                       FAULT_DUPLICATE, "r"));
    CHECK(slice_equal(server.smtp.why, SLICE("more replies than commands")));
    CHECK(ends_at_once(AT_END "> 550 no\n> 250-a\n> 250 ok\n",
                       SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
    CHECK(ends_at_once(AT_MAIL "> 550 no\n> 250\n", SMTP_END_DIED, FAULT_DIED,
                       ""));
    CHECK(ends_at_once(AT_RCPT "> 550 no\n> 250 ok\n", SMTP_END_DIED,
                       FAULT_DIED, "h"));
    CHECK(ends_at_once(AT_DATA "> 451 no\n> 354 ok\n", SMTP_END_DIED,
                       FAULT_DIED, "r"));
}

/* A server that closes may say so at any time; what is no whole reply is not
 * counted. */
TEST(what_follows_the_end_is_ignored)
{
    scene = (struct scene){0};
    CHECK(ends_at_once(AT_END "> 250 ok\n> 421-idle\n> 421 bye\n" QUIT,
                       SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
    CHECK(said("250 ok\n"));
    CHECK(ends_at_once(AT_END
                       "> 250 ok\n> \n> 25\n> what\n> 250-a\n~ 250 b\n" QUIT,
                       SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
    /* Of a server that will not talk, nothing is taken. */
    CHECK(ends_at_once("> 554 no\n> 221 bye\n" QUIT, SMTP_END_UNFIT,
                       FAULT_GREETING, ""));
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
    CHECK(server_over(SMTP_END_DIED, FAULT_DIED, ""));
}

#define CASES(X)                                    \
    X(delivers)                                     \
    X(delivers_to_several)                          \
    X(the_null_sender_is_sent)                      \
    X(an_empty_message_is_sent)                     \
    X(a_message_is_encoded)                         \
    X(long_and_odd_replies_are_read)                \
    X(the_last_code_counts)                         \
    X(features_are_lines_of_250)                    \
    X(a_line_that_is_no_reply_is_kept)              \
    X(a_long_line_that_is_no_reply_is_cut)          \
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
    X(more_replies_than_commands)                   \
    X(time_runs_from_when_a_command_went)

TEST_MAIN(CASES)
