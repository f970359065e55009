/* SPDX-License-Identifier: ISC */
#include "smtp/session.h"

#include "smtp_server.h"

enum { LONG_SIZE = 300000, WIRE_SIZE = 2 * LONG_SIZE };

static char text[LONG_SIZE + 1];

/* Plays the script in one piece, then the session waits. */
static bool
waits(const char *script)
{
    return ends_in(script, SIZE_MAX, SIZE_MAX) &&
           !(smtp_want(&server.smtp) & SMTP_WANT_END);
}

/* At `ms` nothing happens yet, one later it does. */
static bool
ends_after(int64_t ms, enum fault fault)
{
    struct smtp *s = &server.smtp;

    if (s->deadline_ms != ms)
        return false;
    smtp_tick(s, ms - 1);
    if (smtp_want(s) & SMTP_WANT_END)
        return false;
    smtp_tick(s, ms);
    return smtp_want(s) == SMTP_WANT_END && s->fault == fault &&
           slice_equal(s->why, SLICE("timed out"));
}

TEST(each_step_has_its_time)
{
    static const char *const scripts[] = {
        "", GREETED, AT_MAIL, AT_RCPT, AT_DATA, IN_BODY,
    };

    scene = (struct scene){0};
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        CHECK(waits(scripts[i]));
        CHECK(ends_after(START_MS + TIMEOUT_MS, FAULT_DIED));
    }
    CHECK(waits(AT_END));
    CHECK(ends_after(START_MS + TIMEOUT_MS, FAULT_DUPLICATE));
}

/* One byte a second is no progress: the whole reply has its time. */
TEST(a_dripping_reply_gets_no_more_time)
{
    static const char *const steps[] = {"",      GREETED, AT_MAIL,
                                        AT_RCPT, AT_DATA, AT_END};

    scene = (struct scene){0};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        CHECK(waits(steps[i]));
        CHECK(server_play("~ 250 \n"));
        for (int j = 0; j < 200; j++) {
            server.now_ms += 1000;
            CHECK(server_play("~ x\n"));
            CHECK(server.smtp.deadline_ms == START_MS + TIMEOUT_MS);
        }
        CHECK(ends_after(START_MS + TIMEOUT_MS,
                         i == 5 ? FAULT_DUPLICATE : FAULT_DIED));
    }
}

TEST(endless_lines_get_no_more_time)
{
    scene = (struct scene){0};
    CHECK(waits(GREETED));
    for (int i = 0; i < 999; i++) {
        server.now_ms += 1000;
        CHECK(server_play("> 250-x\n"));
        CHECK(server.smtp.deadline_ms == START_MS + TIMEOUT_MS);
    }
    CHECK(ends_after(START_MS + TIMEOUT_MS, FAULT_DIED));
    CHECK(server.smtp.fault_step == SMTP_STEP_EHLO);
}

TEST(a_whole_reply_starts_the_time_anew)
{
    scene = (struct scene){0};
    CHECK(waits("> 220-a\n"));
    server.now_ms += 1000;
    CHECK(server_play("> 220 b\n"));
    CHECK(server.smtp.deadline_ms == START_MS + 1000 + TIMEOUT_MS);
    server.now_ms += 500;
    CHECK(server_play("< EHLO me.example\n"));
    CHECK(ends_after(START_MS + 1500 + TIMEOUT_MS, FAULT_DIED));
}

TEST(each_reply_of_a_flight_has_its_time)
{
    scene = (struct scene){0};
    CHECK(waits(GREETED "> 250-mx\n> 250 PIPELINING\n" MAIL_SENT RCPT_SENT
                        "< DATA\n"));
    for (int i = 1; i <= 2; i++) {
        server.now_ms += 1000;
        CHECK(server_play("> 250 ok\n"));
        CHECK(server.smtp.deadline_ms == START_MS + i * 1000 + TIMEOUT_MS);
    }
    CHECK(ends_after(START_MS + 2000 + TIMEOUT_MS, FAULT_DIED));
}

TEST(the_clear_and_tls_have_their_time)
{
    scene = (struct scene){.config.tls = SMTP_TLS_MUST};
    CHECK(waits(GREETED "> 250-mx\n> 250 STARTTLS\n< STARTTLS\n> 220 go\n"));
    server.now_ms += 7000;
    smtp_secured(&server.smtp, true, server.now_ms);
    CHECK(ends_after(START_MS + 7000 + TIMEOUT_MS, FAULT_TLS_FAILED));
}

TEST(a_server_that_reads_gets_more_time)
{
    memset(text, 'a', 1000);
    text[999] = '\n';
    text[1000] = '\0';
    scene = (struct scene){.message = text};
    CHECK(waits(IN_BODY));
    for (int i = 0; i < 1000; i++) {
        server.now_ms += TIMEOUT_MS - 1;
        smtp_tick(&server.smtp, server.now_ms);
        CHECK(server_hear(&server, 1) == 1);
        CHECK(server.smtp.deadline_ms == server.now_ms + TIMEOUT_MS);
    }
    CHECK(ends_after(server.now_ms + TIMEOUT_MS, FAULT_DIED));
}

TEST(nothing_sent_is_no_progress)
{
    scene = (struct scene){0};
    CHECK(waits(IN_BODY));
    smtp_tx_ack(&server.smtp, 0, START_MS + 1000);
    smtp_rx_ack(&server.smtp, 0, START_MS + 1000);
    CHECK(ends_after(START_MS + TIMEOUT_MS, FAULT_DIED));
}

/* A kernel that takes them after all would only prolong the end. */
TEST(bytes_that_wait_get_no_more_time)
{
    static const char *const scripts[] = {"> 220 mx\n", GREETED "> 250 mx\n",
                                          AT_DATA "> 354 go\n! send 2\n= hi\n"};
    const struct smtp *s = &server.smtp;

    scene = (struct scene){0};
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        CHECK(waits(scripts[i]));
        CHECK(smtp_want(s) & SMTP_WANT_TX);
        CHECK(ends_after(START_MS + TIMEOUT_MS, FAULT_DIED));
        CHECK(smtp_tx(s).size == 0);
    }
}

/* Octets of ours that left are progress, one at a time or late. */
TEST(octets_that_left_are_progress)
{
    scene = (struct scene){0};
    CHECK(waits("> 220 mx\n"));
    for (int i = 0; i < 17; i++) {
        server.now_ms += TIMEOUT_MS - 1;
        CHECK(server_hear(&server, 1) == 1);
        CHECK(server.smtp.deadline_ms == server.now_ms + TIMEOUT_MS);
    }
    CHECK(server_hear(&server, 1) == 0);
    CHECK(ends_after(server.now_ms + TIMEOUT_MS, FAULT_DIED));
}

TEST(no_time_at_all)
{
    scene = (struct scene){0};
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    server.config.timeout_ms = 0;
    smtp_init(&server.smtp, &server.config, START_MS);
    CHECK(ends_after(START_MS, FAULT_DIED));
}

/* ---- the message ---- */

/* Every byte value, lines of all lengths, many of them one dot. */
static void
write_text(size_t size)
{
    uint32_t seed = 7;

    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = "ab..\n\r\xe4\n\t.\n"[(seed >> 16) % 11];
    }
    text[size - 1] = '\n';
    text[size] = '\0';
}

/* What the encoder makes of the message, and the end. */
static struct slice
wire_of(const char *message, uint8_t *bytes, const char *end)
{
    struct slice in = slice_text(message);
    struct smtp_body b;
    struct buf out;

    buf_init(&out, bytes, WIRE_SIZE);
    smtp_body_init(&b);
    smtp_body_encode(&b, &in, &out);
    buf_put_text(&out, end);
    return buf_slice(&out);
}

TEST(a_message_longer_than_the_buffer)
{
    static const size_t pieces[] = {SIZE_MAX, 65536, 4096, 1000, 17};
    static const size_t sizes[] = {SMTP_TX_SIZE - 20, SMTP_TX_SIZE, LONG_SIZE};
    static uint8_t bytes[WIRE_SIZE];

    for (int i = 0; i < 15; i++) {
        write_text(sizes[i / 5]);
        scene = (struct scene){.message = text};
        server_init(SIZE_MAX, SIZE_MAX, pieces[i % 5]);
        CHECK(server_play(IN_BODY));
        server.tx_piece = pieces[(i + 1) % 5];
        while (server_hear(&server, SIZE_MAX) > 0)
            continue;
        CHECK(slice_equal(buf_slice(&server.sent),
                          wire_of(text, bytes, ".\r\n")));
        buf_reset(&server.sent);
        CHECK(server_play("> 250 ok\n< QUIT\n"));
        CHECK(server_over(SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
    }
}

/* The end must fit wherever the message stops in the buffer. */
TEST(a_message_that_just_fills_the_buffer)
{
    static uint8_t bytes[WIRE_SIZE];

    for (size_t size = SMTP_TX_SIZE - 40; size <= SMTP_TX_SIZE; size++) {
        memset(text, 'a', size);
        text[size - 1] = '\n';
        text[size] = '\0';
        scene = (struct scene){.message = text};
        server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
        CHECK(server_play(GREETED
                          "> 250-a\n> 250 PIPELINING\n" MAIL_SENT RCPT_SENT
                          "< DATA\n> 250 a\n> 250 b\n"
                          "> 354 c\n"));
        while (server_hear(&server, SIZE_MAX) > 0)
            continue;
        CHECK(slice_equal(buf_slice(&server.sent),
                          wire_of(text, bytes, ".\r\nQUIT\r\n")));
        buf_reset(&server.sent);
        CHECK(server_play("> 250 ok\n"));
        CHECK(server_over(SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
    }
}

/* Only a pipe brings it this far: what was sent is not ended. */
TEST(a_partial_last_line_is_not_sent)
{
    static const char *const messages[] = {"a",    "a\nb", ".",
                                           "a\n.", "a\r",  "\r"};

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        scene = (struct scene){.message = messages[i]};
        server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
        CHECK(server_play(IN_BODY));
        while (server_hear(&server, SIZE_MAX) > 0)
            continue;
        CHECK(server.sent.used == 0);
        CHECK(server_over(SMTP_END_VERDICT, FAULT_PARTIAL, "r"));
        CHECK(said(""));
        server_init(SIZE_MAX, SIZE_MAX, 1);
        CHECK(server_play(IN_BODY "! send 100\n"));
        buf_put_byte(&server.sent, 0);
        CHECK(!strstr((const char *)server.sent.data, ".\r"));
        buf_reset(&server.sent);
        CHECK(server_over(SMTP_END_VERDICT, FAULT_PARTIAL, "r"));
    }
}

TEST(a_pipe_that_waits_is_waited_for)
{
    struct server *v = &server;

    scene = (struct scene){.message = "a\n", .pipe_waits = true};
    CHECK(waits(IN_BODY "< a\n"));
    CHECK(smtp_want(&v->smtp) == (SMTP_WANT_RX | SMTP_WANT_BODY));
    CHECK(!v->smtp.body_ended);
    v->rest = SLICE("b\n");
    CHECK(server_play("< b\n"));
    v->pipe_waits = false;
    CHECK(server_play("< .\n> 250 ok\n< QUIT\n"));
    CHECK(server_over(SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
}

TEST(a_message_that_cannot_be_read)
{
    scene = (struct scene){.message = "a\n", .pipe_waits = true};
    CHECK(ends(IN_BODY "! abort\n", SMTP_END_VERDICT, FAULT_MESSAGE, "r"));
    CHECK(ends(IN_BODY "< a\n! abort\n", SMTP_END_VERDICT, FAULT_MESSAGE, "r"));
    CHECK(said(""));
}

/* ---- what it wants ---- */

TEST(wants_what_it_can_do)
{
    const struct smtp *s = &server.smtp;

    scene = (struct scene){0};
    CHECK(waits(""));
    CHECK(smtp_want(s) == SMTP_WANT_RX && smtp_tx(s).size == 0);
    CHECK(server_play("> 220 mx\n"));
    CHECK(smtp_want(s) == (SMTP_WANT_RX | SMTP_WANT_TX));
    CHECK(server_play("< EHLO me.example\n"));
    CHECK(smtp_want(s) == SMTP_WANT_RX);
    CHECK(waits(IN_BODY));
    CHECK(smtp_want(s) == (SMTP_WANT_RX | SMTP_WANT_BODY));
    CHECK(server_play(BODY_SENT));
    CHECK(smtp_want(s) == SMTP_WANT_RX);
    CHECK(server_play("> 250 ok\n"));
    CHECK(smtp_want(s) == SMTP_WANT_END);
    CHECK(slice_equal(smtp_tx(s), SLICE("QUIT\r\n")));
}

TEST(steps_have_names)
{
    CHECK(strcmp(smtp_step_text(SMTP_STEP_GREETING), "the greeting") == 0);
    CHECK(strcmp(smtp_step_text(SMTP_STEP_MESSAGE), "the message") == 0);
    CHECK(strcmp(smtp_step_text(SMTP_STEP_SECURE), "TLS") == 0);
    for (int step = 0; step < SMTP_STEP_END; step++)
        CHECK(smtp_step_text((enum smtp_step)step)[0] != '\0');
}

/* The furthest candidate is reported: the step must be the one it failed at. */
TEST(tells_how_far_it_got)
{
    static const struct {
        const char *script;
        enum smtp_step step;
    } rows[] = {
        {"", SMTP_STEP_GREETING},  {GREETED, SMTP_STEP_EHLO},
        {AT_MAIL, SMTP_STEP_MAIL}, {AT_RCPT, SMTP_STEP_RCPT},
        {AT_DATA, SMTP_STEP_DATA}, {AT_END, SMTP_STEP_MESSAGE},
    };

    scene = (struct scene){0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK(waits(rows[i].script));
        CHECK(server_play("> 421 bye\n"));
        CHECK(server.smtp.fault_step == rows[i].step);
        CHECK(waits(rows[i].script));
        CHECK(server_play("! lost\n"));
        CHECK(server.smtp.fault_step == rows[i].step);
        CHECK(slice_equal(server.smtp.why, SLICE("gone")));
    }
}

#define CASES(X)                            \
    X(each_step_has_its_time)               \
    X(a_dripping_reply_gets_no_more_time)   \
    X(endless_lines_get_no_more_time)       \
    X(a_whole_reply_starts_the_time_anew)   \
    X(each_reply_of_a_flight_has_its_time)  \
    X(the_clear_and_tls_have_their_time)    \
    X(a_server_that_reads_gets_more_time)   \
    X(nothing_sent_is_no_progress)          \
    X(bytes_that_wait_get_no_more_time)     \
    X(octets_that_left_are_progress)        \
    X(no_time_at_all)                       \
    X(a_message_longer_than_the_buffer)     \
    X(a_message_that_just_fills_the_buffer) \
    X(a_partial_last_line_is_not_sent)      \
    X(a_pipe_that_waits_is_waited_for)      \
    X(a_message_that_cannot_be_read)        \
    X(wants_what_it_can_do)                 \
    X(steps_have_names)                     \
    X(tells_how_far_it_got)

TEST_MAIN(CASES)
