/* SPDX-License-Identifier: ISC */
#include "smtp/session.h"

#include "smtp_server.h"

#define LISTED GREETED "> 250-mx.example\n> 250 PIPELINING\n"
#define FLIGHT LISTED MAIL_SENT RCPT_SENT "< DATA\n"
#define FLIGHT_2 LISTED MAIL_SENT RCPT_SENT RCPT_2_SENT "< DATA\n"
#define END_SENT BODY_SENT "< QUIT\n"
#define TO_END FLIGHT "> 250 ok\n> 250 ok\n> 354 go\n" END_SENT

static char script[4 * TEXT_SIZE];

static void
add(const char *text)
{
    size_t used = strlen(script);

    snprintf(script + used, sizeof(script) - used, "%s", text);
}

/* The flight to all recipients in scene, up to the first reply. */
static void
begin_flight(void)
{
    script[0] = '\0';
    add(LISTED MAIL_SENT);
    for (uint32_t i = 0; i < scene.recipient_count; i++) {
        char line[NAME_SIZE * 2];

        snprintf(line, sizeof(line), "< RCPT TO:<r%u@b.example>\n",
                 (unsigned)i);
        add(line);
    }
    add("< DATA\n");
}

TEST(delivers)
{
    scene = (struct scene){0};
    CHECK(ends(TO_END "> 250 queued\n", SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
    CHECK(said("250 queued\n"));
    /* QUIT went with the message; its reply is nobody's. */
    CHECK(ends(TO_END "> 250 queued\n> 221 bye\n", SMTP_END_VERDICT,
               FAULT_ACCEPTED, "r"));
    CHECK(said("250 queued\n"));
}

TEST(replies_may_come_one_by_one)
{
    scene = (struct scene){.recipient_count = 2};
    CHECK(ends(FLIGHT_2 "> 250-ok\n> 250 ok\n|\n> 250\n|\n~ 55\n|\n> 0 no\n|\n"
                        "> 354 go\n" END_SENT "> 250 ok\n",
               SMTP_END_VERDICT, FAULT_ACCEPTED, "rh"));
    CHECK(said("250 ok\n"));
}

TEST(a_hundred_recipients_in_one_flight)
{
    char verdicts[RECIPIENT_COUNT_MAX + 1] = "";

    scene = (struct scene){.recipient_count = RECIPIENT_COUNT_MAX};
    begin_flight();
    add("> 250 sender ok\n");
    for (int i = 0; i < RECIPIENT_COUNT_MAX; i++) {
        add(i % 3 == 0   ? "> 250 ok\n"
            : i % 3 == 1 ? "> 550-a\n> 550 no\n"
                         : "> 450 later\n");
        verdicts[i] = "rhs"[i % 3];
    }
    add("> 354 go\n" END_SENT "> 250 ok\n");
    CHECK(ends(script, SMTP_END_VERDICT, FAULT_ACCEPTED, verdicts));
}

/* As many of the longest commands as there may be. */
TEST(a_hundred_long_recipients_fit)
{
    static char names[RECIPIENT_COUNT_MAX][ADDRESS_SIZE_MAX];
    struct server *v = &server;
    size_t size = 0;

    scene = (struct scene){.recipient_count = RECIPIENT_COUNT_MAX};
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    for (int i = 0; i < RECIPIENT_COUNT_MAX; i++) {
        memset(names[i], 'r', ADDRESS_SIZE_MAX);
        names[i][100] = '@';
        v->recipients[i] = slice_of(names[i], ADDRESS_SIZE_MAX);
    }
    CHECK(server_play(LISTED));
    while (server_hear(v, SIZE_MAX) > 0)
        continue;
    size = strlen("MAIL FROM:<s@a.example>\r\nDATA\r\n") +
           RECIPIENT_COUNT_MAX * (ADDRESS_SIZE_MAX + strlen("RCPT TO:<>\r\n"));
    CHECK(v->sent.used == size);
    CHECK(memcmp(v->sent.data + size - 6, "DATA\r\n", 6) == 0);
}

/* How often the server is waited for: greeting, EHLO, the flight, the message;
 * over TLS, STARTTLS and a second EHLO. */
static uint32_t
count_turns(enum smtp_tls tls, uint32_t recipient_count, size_t message_size)
{
    static const char *const kindly[] = {
        [SMTP_STEP_GREETING] = "220 mx\r\n",
        [SMTP_STEP_EHLO] = "250-mx\r\n250-STARTTLS\r\n250 PIPELINING\r\n",
        [SMTP_STEP_STARTTLS] = "220 go\r\n",
        [SMTP_STEP_MAIL] = "250 ok\r\n",
        [SMTP_STEP_RCPT] = "250 ok\r\n",
        [SMTP_STEP_DATA] = "354 go\r\n",
        [SMTP_STEP_MESSAGE] = "250 ok\r\n"};
    static char text[SENT_SIZE];
    const struct smtp *s = &server.smtp;
    uint32_t turns = 0;

    memset(text, '\n', message_size);
    text[message_size] = '\0';
    scene = (struct scene){
        .recipient_count = recipient_count, .message = text, .config.tls = tls};
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    for (; !(smtp_want(s) & SMTP_WANT_END); turns++) {
        uint32_t due = 0;

        while (server_hear(&server, SIZE_MAX) > 0)
            continue;
        due = s->commands_sent - s->commands_answered;
        for (; due > 0 && s->step < SMTP_STEP_SECURE; due--)
            server_say(&server, slice_text(kindly[s->step]));
        if (smtp_want(s) & SMTP_WANT_SECURE)
            smtp_secured(&server.smtp, true, server.now_ms);
    }
    return s->fault == FAULT_ACCEPTED ? turns : 0;
}

TEST(turns_are_few)
{
    static const uint32_t counts[] = {1, 50, RECIPIENT_COUNT_MAX};

    for (size_t i = 0; i < 3; i++) {
        CHECK(count_turns(SMTP_TLS_OFF, counts[i], 10) == 4);
        CHECK(count_turns(SMTP_TLS_OFF, counts[i], SENT_SIZE / 3) == 4);
        CHECK(count_turns(SMTP_TLS_MUST, counts[i], 10) == 6);
        CHECK(count_turns(SMTP_TLS_TRY, counts[i], SENT_SIZE / 3) == 6);
    }
}

TEST(the_server_must_offer_it)
{
    scene = (struct scene){0};
    CHECK(ends(GREETED "> 250-mx\n> 250 XPIPELINING\n" MAIL_SENT
                       "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    CHECK(ends(GREETED "> 250-mx\n> 250 pipelining\n" MAIL_SENT RCPT_SENT
                       "< DATA\n> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
}

TEST(a_careful_session_does_not)
{
    scene = (struct scene){.config.careful = true};
    CHECK(ends(GREETED "> 250-mx\n> 250-PIPELINING\n> 250 CHUNKING\n" MAIL_SENT
                       "> 250 ok\n" RCPT_SENT "> 250 ok\n< DATA\n"
                       "> 354 go\n" BODY_SENT "> 250 ok\n" QUIT,
               SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
}

/* BDAT has no 354 that checks the count of replies. */
TEST(chunking_is_never_used)
{
    scene = (struct scene){0};
    CHECK(
        ends(GREETED
             "> 250-mx\n> 250-CHUNKING\n> 250 PIPELINING\n" MAIL_SENT RCPT_SENT
             "< DATA\n> 250 a\n> 250 b\n> 354 c\n" END_SENT "> 250 ok\n",
             SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
}

TEST(sender_refused)
{
    scene = (struct scene){0};
    CHECK(ends(FLIGHT "> 550 no\n> 503 mail first\n> 503 rcpt first\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    CHECK(said("550 no\n"));
    CHECK(ends(FLIGHT "> 450 no\n> 503 a\n> 503 b\n" QUIT, SMTP_END_VERDICT,
               FAULT_SENDER_TEMP, ""));
    CHECK(ends(FLIGHT "> 421 bye\n", SMTP_END_DIED, FAULT_SENDER_TEMP, ""));
    CHECK(ends(FLIGHT "> 354 go\n", SMTP_END_DIED, FAULT_DIED, ""));
    /* No dot follows: a message to nobody is not finished. */
    CHECK(ends(FLIGHT "> 550 no\n> 503 a\n> 354 go\n" QUIT, SMTP_END_VERDICT,
               FAULT_SENDER_PERM, ""));
}

/* RFC 2920 section 3.1: after 354 the server waits for a message, and must
 * get an empty one. */
TEST(all_recipients_refused)
{
    scene = (struct scene){.recipient_count = 2};
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 550 no\n> 450 no\n> 554 nobody\n" QUIT,
               SMTP_END_VERDICT, FAULT_RECIPIENTS, "hs"));
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 550 no\n> 550 no\n> 451 nobody\n" QUIT,
               SMTP_END_VERDICT, FAULT_RECIPIENTS, "hh"));
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 550 a\n> 550 b\n> 354 go\n< .\n" QUIT,
               SMTP_END_VERDICT, FAULT_RECIPIENTS, "hh"));
    /* Then nothing of the message is on its way. */
    CHECK(ends_in(FLIGHT_2 "> 250 ok\n> 550 a\n> 550 b\n> 354 go\n|\n> 250 x\n"
                           "< .\n" QUIT,
                  SIZE_MAX, SIZE_MAX));
    CHECK(server_over(SMTP_END_VERDICT, FAULT_RECIPIENTS, "hh"));
}

/* Exim's "drop" closes behind its 550; in lock-step DATA would not have been
 * said. */
TEST(all_recipients_refused_then_the_end)
{
    static const char *const ends_of_it[] = {
        "! lost\n",          "! timeout\n", "~ 5\n! lost\n",
        "~ 55\n! timeout\n", "> 421 bye\n", "> 421-a\n> 421 bye\n",
        "> what\n",          "> 600 a\n",   "> 550-a\n> 250 b\n",
        "> 550-a\n! lost\n"};

    scene = (struct scene){.recipient_count = 2};
    for (size_t i = 0; i < sizeof(ends_of_it) / sizeof(ends_of_it[0]); i++) {
        snprintf(script, sizeof(script),
                 FLIGHT_2 "> 250 ok\n> 550 a\n> 450 b\n%s", ends_of_it[i]);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_RECIPIENTS, "hs"));
        CHECK(server.smtp.why.size == 0);
        /* A recipient's own answer is missing, or says that it is none. */
        snprintf(script, sizeof(script), FLIGHT_2 "> 250 ok\n> 550 a\n%s",
                 ends_of_it[i]);
        CHECK(ends(script, SMTP_END_DIED, FAULT_DIED, "h"));
        snprintf(script, sizeof(script),
                 FLIGHT_2 "> 250 ok\n> 550 a\n> 250 b\n%s", ends_of_it[i]);
        CHECK(ends(script, SMTP_END_DIED, FAULT_DIED, "hr"));
    }
}

/* The shell reports a loss when it sees one: the verdicts came before. */
TEST(what_came_before_the_end_counts)
{
    static const char text[] = "250 ok\r\n550 a\r\n450 b\r\n";

    scene = (struct scene){.recipient_count = 2};
    for (int way = 0; way < 2; way++) {
        CHECK(ends_in(FLIGHT_2, SIZE_MAX, SIZE_MAX));
        memcpy(smtp_rx(&server.smtp, &(size_t){0}), text, sizeof(text) - 1);
        smtp_rx_ack(&server.smtp, sizeof(text) - 1, START_MS);
        CHECK(smtp_want(&server.smtp) == SMTP_WANT_RECIPIENT);
        if (way == 0)
            smtp_lost(&server.smtp, SLICE("gone"));
        smtp_tick(&server.smtp, INT64_MAX);
        server_take_verdicts(&server);
        if (way == 1)
            smtp_tick(&server.smtp, INT64_MAX);
        CHECK(server_over(SMTP_END_VERDICT, FAULT_RECIPIENTS, "hs"));
        CHECK(server.smtp.why.size == 0);
    }
}

/* The recipient that was accepted after all: its reply comes where DATA's is
 * due. */
TEST(a_late_acceptance_is_no_refusal)
{
    scene = (struct scene){.recipient_count = 2};
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 550 stray\n> 550 a\n> 250 b\n",
               SMTP_END_DIED, FAULT_DIED, "hh"));
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 550 stray\n> 550 a\n> 299 b\n> 354 go\n",
               SMTP_END_DIED, FAULT_DIED, "hh"));
}

TEST(some_recipients_refused)
{
    scene = (struct scene){.recipient_count = 2};
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 550 no\n> 250 ok\n> 354 go\n" END_SENT
                        "> 250 ok\n",
               SMTP_END_VERDICT, FAULT_ACCEPTED, "hr"));
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 250 ok\n> 450 no\n> 354 go\n" END_SENT
                        "> 550 no\n",
               SMTP_END_VERDICT, FAULT_BODY_PERM, "rs"));
}

TEST(a_421_amid_the_flight)
{
    scene = (struct scene){.recipient_count = 2};
    CHECK(
        ends(FLIGHT_2 "> 250 ok\n> 421 bye\n", SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(said("421 bye\n"));
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 250 ok\n> 421 bye\n", SMTP_END_DIED,
               FAULT_DIED, "r"));
    CHECK(ends(FLIGHT_2 "> 250 ok\n> 250 ok\n> 550 no\n> 421 bye\n",
               SMTP_END_DIED, FAULT_DIED, "rh"));
}

TEST(data_refused)
{
    scene = (struct scene){0};
    CHECK(ends(FLIGHT "> 250 a\n> 250 b\n> 550 no\n" QUIT, SMTP_END_VERDICT,
               FAULT_DATA_PERM, "r"));
    CHECK(said("550 no\n"));
    CHECK(ends(FLIGHT "> 250 a\n> 250 b\n> 451 no\n" QUIT, SMTP_END_VERDICT,
               FAULT_DATA_TEMP, "r"));
    CHECK(ends(FLIGHT "> 250 a\n> 250 b\n> 250 c\n", SMTP_END_DIED, FAULT_DIED,
               "r"));
    CHECK(ends(FLIGHT "> 250 a\n> 354 b\n", SMTP_END_DIED, FAULT_DIED, ""));
}

TEST(the_message_refused)
{
    scene = (struct scene){0};
    CHECK(ends(TO_END "> 550 no\n", SMTP_END_VERDICT, FAULT_BODY_PERM, "r"));
    CHECK(ends(TO_END "> 450 no\n> 221 bye\n", SMTP_END_VERDICT,
               FAULT_BODY_TEMP, "r"));
    CHECK(ends(TO_END "> 421 no\n", SMTP_END_VERDICT, FAULT_BODY_TEMP, "r"));
}

TEST(nobody_knows_whether_the_message_was_taken)
{
    scene = (struct scene){0};
    CHECK(ends(TO_END "! lost\n", SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
    CHECK(ends(TO_END "! timeout\n", SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
    CHECK(ends(TO_END "> 354 go\n", SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
    CHECK(ends(TO_END "> 25\n", SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
    CHECK(ends(TO_END "~ 250 ok\n! lost\n", SMTP_END_DUPLICATE, FAULT_DUPLICATE,
               "r"));
}

/* The end has been sent once its 7 bytes have, with QUIT or without. */
TEST(the_end_counts_not_the_quit_behind_it)
{
    scene = (struct scene){0};
    for (int size = 0; size < 13; size++) {
        snprintf(script, sizeof(script),
                 FLIGHT "> 250 a\n> 250 b\n> 354 c\n! send %d\n! lost\n", size);
        server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
        CHECK(server_play(script));
        CHECK(server_sent(&server, slice_part(SLICE("hi\r\n.\r\nQUIT\r\n"), 0,
                                              (size_t)size)));
        CHECK(size < 7 ? server_over(SMTP_END_DIED, FAULT_DIED, "r")
                       : server_over(SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
    }
}

TEST(a_reply_may_come_before_the_quit_is_out)
{
    scene = (struct scene){0};
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    CHECK(server_play(FLIGHT "> 250 a\n> 250 b\n> 354 c\n! send 9\n"
                             "> 250 ok\n< hi\n< .\n" QUIT));
    CHECK(server_over(SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
}

TEST(dies_at_each_reply)
{
    static const char *const steps[] = {"> 250 a\n", "> 250 b\n", "> 354 c\n"};
    static const char *const ends_of_it[] = {"! lost\n", "! timeout\n",
                                             "> 99 x\n", "~ 25\n! lost\n"};

    scene = (struct scene){0};
    for (int step = 0; step <= 3; step++)
        for (int i = 0; i < 4; i++) {
            snprintf(script, sizeof(script), FLIGHT);
            for (int j = 0; j < step; j++)
                add(steps[j]);
            add(ends_of_it[i]);
            CHECK(ends(script, SMTP_END_DIED, FAULT_DIED, step < 2 ? "" : "r"));
        }
}

/* Replies to what has not been sent: the flight is cut at each byte, and all
 * that could be accepted comes at once. */
TEST(no_reply_before_its_command)
{
    struct slice flight = SLICE("MAIL FROM:<s@a.example>\r\n"
                                "RCPT TO:<r0@b.example>\r\nDATA\r\n");

    scene = (struct scene){0};
    for (size_t size = 0; size < flight.size; size++) {
        snprintf(script, sizeof(script),
                 LISTED "! send %d\n> 250 a\n> 250 b\n> 354 c\n", (int)size);
        server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
        CHECK(server_play(script));
        CHECK(server_sent(&server, slice_part(flight, 0, size)));
        CHECK(server_over(SMTP_END_DIED, FAULT_DIED,
                          size < strlen("MAIL FROM:<s@a.example>\r\n"
                                        "RCPT TO:<r0@b.example>\r\n")
                              ? ""
                              : "r"));
        CHECK(server.smtp.why.size > 0);
    }
}

/* The reply to what was sent counts although the flight is not out yet. */
TEST(a_reply_while_the_flight_goes_out)
{
    scene = (struct scene){.recipient_count = 2};
    for (int size = 25; size < 75; size += 7) {
        snprintf(script, sizeof(script), LISTED "! send %d\n> 550 no\n", size);
        server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
        CHECK(server_play(script));
        while (server_hear(&server, SIZE_MAX) > 0)
            continue;
        buf_reset(&server.sent);
        CHECK(server_over(SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    }
}

TEST(more_replies_than_commands)
{
    scene = (struct scene){0};
    CHECK(ends(FLIGHT "> 250 a\n> 250 b\n> 354 c\n> 250 d\n", SMTP_END_DIED,
               FAULT_DIED, "r"));
    CHECK(ends(FLIGHT "> 250 a\n> 250 b\n> 354 c\n> 550 d\n", SMTP_END_VERDICT,
               FAULT_DATA_PERM, "r"));
    CHECK(ends(FLIGHT "> 250 a\n> 250 b\n> 354 c\n~ 2\n" END_SENT "> 50 d\n",
               SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
    CHECK(ends(LISTED "> 250 a\n", SMTP_END_DIED, FAULT_DIED, ""));
}

/* A full receive buffer: replies of 5000 bytes and thousands of lines. */
TEST(long_replies_in_a_flight)
{
    char line[200];

    scene = (struct scene){.recipient_count = 2};
    memset(line, 'x', sizeof(line) - 1);
    memcpy(line, "> 250-", 6);
    line[sizeof(line) - 2] = '\n';
    line[sizeof(line) - 1] = '\0';
    snprintf(script, sizeof(script), FLIGHT_2 "> 250 ok\n");
    for (int i = 0; i < 100; i++)
        add(line);
    add("> 250 end\n> 550 no\n> 354 go\n" END_SENT "> 250 ok\n");
    CHECK(ends(script, SMTP_END_VERDICT, FAULT_ACCEPTED, "rh"));
}

#define CASES(X)                                  \
    X(delivers)                                   \
    X(replies_may_come_one_by_one)                \
    X(a_hundred_recipients_in_one_flight)         \
    X(a_hundred_long_recipients_fit)              \
    X(turns_are_few)                              \
    X(the_server_must_offer_it)                   \
    X(a_careful_session_does_not)                 \
    X(chunking_is_never_used)                     \
    X(sender_refused)                             \
    X(all_recipients_refused)                     \
    X(all_recipients_refused_then_the_end)        \
    X(what_came_before_the_end_counts)            \
    X(a_late_acceptance_is_no_refusal)            \
    X(some_recipients_refused)                    \
    X(a_421_amid_the_flight)                      \
    X(data_refused)                               \
    X(the_message_refused)                        \
    X(nobody_knows_whether_the_message_was_taken) \
    X(the_end_counts_not_the_quit_behind_it)      \
    X(a_reply_may_come_before_the_quit_is_out)    \
    X(dies_at_each_reply)                         \
    X(no_reply_before_its_command)                \
    X(a_reply_while_the_flight_goes_out)          \
    X(more_replies_than_commands)                 \
    X(long_replies_in_a_flight)

TEST_MAIN(CASES)
