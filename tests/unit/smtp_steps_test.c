/* SPDX-License-Identifier: ISC */
#include "smtp/steps.h"

#include "smtp_server.h"

/* BDAT (RFC 3030), with PIPELINING and without. */

#define QUIT "< QUIT\n"
#define LISTED GREETED "> 250-mx.example\n> 250-CHUNKING\n> 250 PIPELINING\n"
#define CHUNK_SENT "< BDAT 4 LAST\n< hi\n"
#define FLIGHT LISTED MAIL_SENT RCPT_SENT CHUNK_SENT QUIT
#define FLIGHT_2 LISTED MAIL_SENT RCPT_SENT RCPT_2_SENT CHUNK_SENT QUIT
#define ALONE GREETED "> 250-mx.example\n> 250 CHUNKING\n" MAIL_SENT
#define ALONE_TO_END ALONE "> 250 ok\n" RCPT_SENT "> 250 ok\n" CHUNK_SENT

static void
set_scene(const char *message, uint64_t size, uint32_t recipient_count)
{
    scene = (struct scene){.message = message,
                           .recipient_count = recipient_count,
                           .config = {.survey = true, .size = size}};
}

TEST(all_goes_in_one_flight)
{
    set_scene("hi\n", 4, 1);
    CHECK(ends(FLIGHT "> 250 ok\n> 250 ok\n> 250 queued\n", FAULT_ACCEPTED,
               true, "r"));
    CHECK(said("250 queued\n"));
    CHECK(server.smtp.fault_step == SMTP_STEP_BDAT);
}

TEST(without_pipelining_each_step_waits)
{
    set_scene("hi\n", 4, 1);
    CHECK(ends(ALONE_TO_END "> 250 queued\n" QUIT, FAULT_ACCEPTED, true, "r"));
}

TEST(dots_stay_single_and_line_ends_are_mended)
{
    set_scene(".\n..\r\nx\ry\n", 12, 1);
    CHECK(ends(LISTED MAIL_SENT RCPT_SENT
               "< BDAT 12 LAST\n< .\n< ..\n< x y\n" QUIT
               "> 250 a\n> 250 b\n> 250 c\n",
               FAULT_ACCEPTED, true, "r"));
}

TEST(an_empty_message_is_an_empty_chunk)
{
    set_scene("", 0, 1);
    CHECK(ends(LISTED MAIL_SENT RCPT_SENT "< BDAT 0 LAST\n" QUIT
                                          "> 250 a\n> 250 b\n> 250 c\n",
               FAULT_ACCEPTED, true, "r"));
}

TEST(data_is_used_where_a_chunk_cannot_be)
{
    set_scene("hi\n", SMTP_CHUNK_SIZE_MAX + 1, 1);
    CHECK(ends(LISTED MAIL_SENT RCPT_SENT "< DATA\n! lost\n", FAULT_DIED, false,
               ""));
    set_scene("hi\n", 4, 1);
    scene.config.survey = false;
    CHECK(ends(LISTED MAIL_SENT RCPT_SENT "< DATA\n! lost\n", FAULT_DIED, false,
               ""));
    set_scene("hi\n", 4, 1);
    scene.config.careful = true;
    CHECK(ends(LISTED MAIL_SENT "> 250 ok\n" RCPT_SENT
                                "> 250 ok\n< DATA\n! lost\n",
               FAULT_DIED, false, "r"));
}

TEST(a_refused_sender_decides)
{
    set_scene("hi\n", 4, 1);
    CHECK(ends(FLIGHT "> 550 no\n", FAULT_SENDER_PERM, true, ""));
    CHECK(ends(FLIGHT "> 450 no\n", FAULT_SENDER_TEMP, true, ""));
    CHECK(ends(FLIGHT "> 421 bye\n", FAULT_SENDER_TEMP, false, ""));
}

TEST(all_recipients_refused_decides)
{
    set_scene("hi\n", 4, 2);
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 550 no\n> 450 no\n", FAULT_RECIPIENTS,
               true, "hs"));
}

TEST(closing_at_the_last_of_refused_recipients_took_nothing)
{
    set_scene("hi\n", 4, 2);
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 550 no\n> 421 bye\n", FAULT_DIED, false,
               "h"));
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 421 bye\n", FAULT_DUPLICATE, true, ""));
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 250 ok\n> 421 bye\n", FAULT_DUPLICATE,
               true, "r"));
}

/* Everything was sent and no reply proves that nothing was taken. */
TEST(a_lost_connection_may_have_delivered)
{
    set_scene("hi\n", 4, 1);
    CHECK(ends(FLIGHT "! lost\n", FAULT_DUPLICATE, true, ""));
    CHECK(ends(FLIGHT "! timeout\n", FAULT_DUPLICATE, true, ""));
    CHECK(ends(FLIGHT "> 250 ok\n> 2x0\n", FAULT_DUPLICATE, true, ""));
    CHECK(ends(FLIGHT "> 250 ok\n> 250 ok\n! lost\n", FAULT_DUPLICATE, true,
               "r"));
    CHECK(ends(FLIGHT "> 250 ok\n> 250 ok\n> 354 go\n", FAULT_DUPLICATE, true,
               "r"));
}

/* BDAT 4 LAST CRLF hi CR: the last octet of the chunk is missing. */
TEST(a_chunk_that_did_not_go_whole_was_not_taken)
{
    set_scene("hi\n", 4, 1);
    CHECK(ends(ALONE "> 250 ok\n" RCPT_SENT
                     "> 250 ok\n! send 11\n! lost\n= BDAT 4 LAST\n",
               FAULT_DIED, false, "r"));
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    CHECK(server_play(ALONE "> 250 ok\n" RCPT_SENT "> 250 ok\n! send 16\n"));
    CHECK(server.sent.used == 16);
    buf_reset(&server.sent);
    smtp_lost(&server.smtp, SLICE("gone"));
    CHECK(server_over(FAULT_DIED, false, "r"));
}

TEST(a_refused_message_is_reported_as_such)
{
    set_scene("hi\n", 4, 1);
    CHECK(ends(FLIGHT "> 250 ok\n> 250 ok\n> 552 big\n", FAULT_BODY_PERM, true,
               "r"));
    CHECK(ends(FLIGHT "> 250 ok\n> 250 ok\n> 452 full\n", FAULT_BODY_TEMP, true,
               "r"));
    CHECK(ends(FLIGHT "> 250 ok\n> 250 ok\n> 421 bye\n", FAULT_BODY_TEMP, true,
               "r"));
}

TEST(a_server_that_does_not_know_it_is_asked_again_with_care)
{
    static const char *const codes[] = {"500", "501", "502", "503", "504"};

    set_scene("hi\n", 4, 1);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char script[TEXT_SIZE];

        snprintf(script, sizeof(script),
                 FLIGHT "> 250 ok\n> 250 ok\n> %s what\n> 221 bye\n", codes[i]);
        CHECK(ends(script, FAULT_DATA_TEMP, false, "r"));
        CHECK(server.smtp.careful_wanted);
    }
    CHECK(ends(FLIGHT "> 250 ok\n> 250 ok\n> 505 no\n", FAULT_BODY_PERM, true,
               "r"));
    CHECK(!server.smtp.careful_wanted);
    CHECK(ends(ALONE_TO_END "> 502 what\n" QUIT, FAULT_DATA_TEMP, false, "r"));
    CHECK(server.smtp.careful_wanted);
}

#define REFUSED FLIGHT_2 "> 250 ok\n> 250 ok\n> 250 ok\n> 503 no\n"

/* A reply too many came before, the 503 is a recipient's, and BDAT's own reply
 * comes where QUIT's is due. */
TEST(a_refused_chunk_may_be_taken_all_the_same)
{
    set_scene("hi\n", 4, 2);
    CHECK(ends(REFUSED "> 250 taken\n", FAULT_DUPLICATE, true, "rr"));
    CHECK(ends(REFUSED "> 354 go\n", FAULT_DUPLICATE, true, "rr"));
    CHECK(ends(REFUSED "> what\n", FAULT_DUPLICATE, true, "rr"));
}

/* Lines of the message were commands to it; or it says no more. */
TEST(a_refused_chunk_is_refused_whatever_else_is)
{
    static const char *const scripts[] = {
        REFUSED "> 221 bye\n", REFUSED "> 500 hi?\n> 221 bye\n",
        REFUSED "> 421 enough\n", REFUSED "! lost\n", REFUSED "! timeout\n"};

    set_scene("hi\n", 4, 2);
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        CHECK(ends(scripts[i], FAULT_DATA_TEMP, false, "rr"));
        CHECK(server.smtp.careful_wanted);
    }
}

TEST(a_message_that_changed_is_never_whole)
{
    set_scene("hi\n", 5, 1);
    CHECK(ends_in(LISTED MAIL_SENT RCPT_SENT "< BDAT 5 LAST\n", SIZE_MAX, 1));
    CHECK(server_over(FAULT_MESSAGE, true, ""));
    set_scene("hi\n", 3, 1);
    CHECK(ends_in(LISTED MAIL_SENT RCPT_SENT "< BDAT 3 LAST\n", SIZE_MAX, 1));
    CHECK(server_over(FAULT_MESSAGE, true, ""));
}

/* The reply to the message is lost: this is the one to QUIT. */
TEST(a_goodbye_in_the_flight_accepts_nothing)
{
    set_scene("hi\n", 4, 1);
    CHECK(ends(FLIGHT "> 250 ok\n> 250 ok\n> 221 bye\n", FAULT_DUPLICATE, true,
               "r"));
    /* Where nobody said QUIT it is any 2xx. */
    CHECK(ends(ALONE_TO_END "> 221 ok\n" QUIT, FAULT_ACCEPTED, true, "r"));
}

/* All announced octets went out before the file's end was seen. */
TEST(a_chunk_may_be_whole_before_its_end_is_known)
{
    set_scene("hi\n", 4, 1);
    scene.pipe_waits = true;
    CHECK(ends(LISTED MAIL_SENT RCPT_SENT CHUNK_SENT
               "> 250 ok\n> 250 ok\n> 250 taken\n",
               FAULT_DUPLICATE, true, "r"));
    CHECK(ends(LISTED MAIL_SENT RCPT_SENT CHUNK_SENT
               "> 250 ok\n> 250 ok\n! lost\n",
               FAULT_DUPLICATE, true, "r"));
    CHECK(ends(LISTED MAIL_SENT RCPT_SENT CHUNK_SENT "! abort\n",
               FAULT_DUPLICATE, true, ""));
    CHECK(ends(LISTED MAIL_SENT RCPT_SENT CHUNK_SENT
               "> 250 ok\n> 250 ok\n> 550 no\n",
               FAULT_BODY_PERM, true, "r"));
    set_scene("", 0, 1);
    scene.pipe_waits = true;
    CHECK(ends(LISTED MAIL_SENT RCPT_SENT "< BDAT 0 LAST\n! lost\n",
               FAULT_DUPLICATE, true, ""));
}

TEST(a_reply_before_bdat_is_an_error)
{
    set_scene("hi\n", 4, 1);
    CHECK(ends(ALONE "> 250 ok\n" RCPT_SENT "> 250 ok\n> 554 no\n", FAULT_DIED,
               false, "r"));
    CHECK(ends(ALONE "> 250 ok\n" RCPT_SENT "> 250 ok\n> 500 no\n", FAULT_DIED,
               false, "r"));
    CHECK(!server.smtp.careful_wanted);
}

#define CASES(X)                                               \
    X(all_goes_in_one_flight)                                  \
    X(a_refused_chunk_may_be_taken_all_the_same)               \
    X(a_refused_chunk_is_refused_whatever_else_is)             \
    X(without_pipelining_each_step_waits)                      \
    X(dots_stay_single_and_line_ends_are_mended)               \
    X(an_empty_message_is_an_empty_chunk)                      \
    X(data_is_used_where_a_chunk_cannot_be)                    \
    X(a_refused_sender_decides)                                \
    X(all_recipients_refused_decides)                          \
    X(closing_at_the_last_of_refused_recipients_took_nothing)  \
    X(a_lost_connection_may_have_delivered)                    \
    X(a_chunk_that_did_not_go_whole_was_not_taken)             \
    X(a_refused_message_is_reported_as_such)                   \
    X(a_server_that_does_not_know_it_is_asked_again_with_care) \
    X(a_message_that_changed_is_never_whole)                   \
    X(a_goodbye_in_the_flight_accepts_nothing)                 \
    X(a_chunk_may_be_whole_before_its_end_is_known)            \
    X(a_reply_before_bdat_is_an_error)

TEST_MAIN(CASES)
