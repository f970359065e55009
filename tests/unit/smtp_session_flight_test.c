/* SPDX-License-Identifier: ISC */
/* What a server makes of a flight, and a reply too many in it. */
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

static void
add_reply(const char *text)
{
    add("> ");
    add(text);
    add("\n");
}

/* ---- commands that are not understood ---- */

static const char *const syntax[] = {"500", "501", "502", "503", "504", "555"};
static const char *const others[] = {"505", "550", "499", "554", "556"};

/* Nothing of the message is sent, and no QUIT that may become a part of it. */
TEST(not_understood)
{
    scene = (struct scene){.recipient_count = 2};
    for (size_t i = 0; i < sizeof(syntax) / sizeof(syntax[0]); i++) {
        snprintf(script, sizeof(script), FLIGHT_2 "> %s no\n", syntax[i]);
        CHECK(ends(script, SMTP_END_SYNTAX, FAULT_SENDER_PERM, ""));
        snprintf(script, sizeof(script),
                 FLIGHT_2 "> 250 a\n> 250 b\n> %s no\n> 354 c\n", syntax[i]);
        CHECK(ends(script, SMTP_END_SYNTAX, FAULT_DIED, "r"));
        CHECK(server.smtp.said.size > 0 && server.smtp.why.size > 0);
        snprintf(script, sizeof(script), FLIGHT_2 "> 250 a\n> %s no\n",
                 syntax[i]);
        CHECK(ends(script, SMTP_END_SYNTAX, FAULT_DIED, ""));
        snprintf(script, sizeof(script),
                 FLIGHT_2 "> 250 a\n> 250 b\n> 550 c\n> %s no\n" QUIT,
                 syntax[i]);
        CHECK(ends(script, SMTP_END_SYNTAX, FAULT_DATA_PERM, "rh"));
        /* Where all are refused, DATA is to be refused so. */
        snprintf(script, sizeof(script),
                 FLIGHT_2 "> 250 a\n> 550 b\n> 550 c\n> %s no\n" QUIT,
                 syntax[i]);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_RECIPIENTS, "hh"));
    }
}

TEST(what_is_understood_is_a_verdict)
{
    scene = (struct scene){0};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        bool later = others[i][0] == '4';

        snprintf(script, sizeof(script), FLIGHT "> %s no\n" QUIT, others[i]);
        CHECK(ends(script, SMTP_END_VERDICT,
                   later ? FAULT_SENDER_TEMP : FAULT_SENDER_PERM, ""));
        snprintf(script, sizeof(script),
                 FLIGHT "> 250 a\n> %s no\n> 503 b\n" QUIT, others[i]);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_RECIPIENTS,
                   later ? "s" : "h"));
        snprintf(script, sizeof(script),
                 FLIGHT "> 250 a\n> 250 b\n> %s no\n" QUIT, others[i]);
        CHECK(ends(script, SMTP_END_VERDICT,
                   later ? FAULT_DATA_TEMP : FAULT_DATA_PERM, "r"));
    }
}

/* Alone and plain, the same codes are the server's word. */
TEST(one_by_one_all_is_understood)
{
    for (size_t i = 0; i < 2 * sizeof(syntax) / sizeof(syntax[0]); i++) {
        const char *hello = i % 2 ? GREETED "> 250-mx\n> 250-PIPELINING\n"
                                            "> 250-8BITMIME\n> 250 SIZE\n"
                                  : GREETED "> 250 mx\n";
        const char *code = syntax[i / 2];

        scene = (struct scene){.config = {.careful = i % 2, .survey = true}};
        scene.config.eight_bit = true;
        snprintf(script, sizeof(script), "%s" MAIL_SENT "> %s no\n" QUIT, hello,
                 code);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
        snprintf(script, sizeof(script),
                 "%s" MAIL_SENT "> 250 a\n" RCPT_SENT "> %s no\n" QUIT, hello,
                 code);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_RECIPIENTS, "h"));
        snprintf(script, sizeof(script),
                 "%s" MAIL_SENT "> 250 a\n" RCPT_SENT
                 "> 250 b\n< DATA\n> %s no\n" QUIT,
                 hello, code);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_DATA_PERM, "r"));
    }
}

/* A parameter is one more thing to trip over. */
TEST(parameters_not_understood)
{
    static const char *const rows[][2] = {{"SIZE", " SIZE=4"},
                                          {"8BITMIME", " BODY=8BITMIME"}};

    scene = (struct scene){
        .config = {.survey = true, .size = 4, .eight_bit = true}};
    for (size_t i = 0; i < 12; i++) {
        const char *const *row = rows[i % 2];

        snprintf(script, sizeof(script),
                 GREETED "> 250-mx\n> 250 %s\n"
                         "< MAIL FROM:<s@a.example>%s\n> %s no\n" QUIT,
                 row[0], row[1], syntax[i / 2]);
        CHECK(ends(script, SMTP_END_SYNTAX, FAULT_SENDER_PERM, ""));
        /* They were taken: the rest is as plain as can be. */
        snprintf(script, sizeof(script),
                 GREETED "> 250-mx\n> 250 %s\n"
                         "< MAIL FROM:<s@a.example>%s\n> 250 a\n" RCPT_SENT
                         "> %s no\n" QUIT,
                 row[0], row[1], syntax[i / 2]);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_RECIPIENTS, "h"));
    }
}

/* The rest of the flight is still here: it stays. */
TEST(not_understood_while_the_flight_goes_out)
{
    scene = (struct scene){.recipient_count = 2};
    for (int size = 25; size < 75; size++) {
        snprintf(script, sizeof(script), LISTED "! send %d\n> 503 no\n", size);
        server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
        CHECK(server_play(script));
        buf_reset(&server.sent);
        CHECK(server_over(SMTP_END_SYNTAX, FAULT_SENDER_PERM, ""));
    }
}

/* ---- a reply too many ---- */

/* The flight and its three replies, a stray one before the one at `place`. */
static void
write_stray(const char *const *replies, const char *stray, int place)
{
    snprintf(script, sizeof(script), FLIGHT);
    for (int i = 0; i < 3; i++) {
        if (i == place)
            add_reply(stray);
        add_reply(replies[i]);
    }
}

/* What stands at a place may be another's, so nothing is final. */
TEST(a_stray_reply_decides_nothing)
{
    static const char *const replies[][3] = {
        {"250 a", "250 b", "354 c"}, {"250 a", "550 b", "554 c"},
        {"250 a", "550 b", "354 c"}, {"550 a", "503 b", "503 c"},
        {"250 a", "250 b", "550 c"}, {"250 a", "450 b", "250 c"}};
    static const char *const strays[] = {"250 x", "550 x", "450-x\n> 450 x",
                                         "299 x"};

    scene = (struct scene){0};
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
        for (int at = 0; at < 3 * 4; at++) {
            write_stray(replies[i], strays[at / 3], at % 3);
            CHECK(ends_in(script, SIZE_MAX, SIZE_MAX));
            CHECK(smtp_want(&server.smtp) == SMTP_WANT_END);
            CHECK(server.smtp.end != SMTP_END_VERDICT);
            CHECK(server.smtp.dead || server.smtp.end == SMTP_END_SYNTAX);
        }
}

/* The one behind the message may be QUIT's; two cannot be. */
TEST(a_stray_reply_accepts_nothing)
{
    scene = (struct scene){0};
    CHECK(ends_at_once(TO_END "> 250 stray\n> 250 queued\n> 221 bye\n",
                       SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
    CHECK(slice_equal(server.smtp.why, SLICE("more replies than commands")));
    CHECK(ends_at_once(TO_END "> 250 stray\n> 550 no\n> 221 bye\n",
                       SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
    CHECK(ends_at_once(TO_END
                       "> 550 stray\n> 250-a\n> 250 b\n> 221-c\n> 221 d\n",
                       SMTP_END_DUPLICATE, FAULT_DUPLICATE, "r"));
    CHECK(ends_at_once(TO_END "> 250 ok\n> 221 bye\n> 421 gone\n",
                       SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
    /* QUIT is still here. */
    CHECK(ends_in(FLIGHT "> 250 a\n> 250 b\n> 354 c\n! send 7\n> 250 ok\n"
                         "> 221 bye\n",
                  SIZE_MAX, SIZE_MAX));
    CHECK(server.smtp.end == SMTP_END_DUPLICATE);
}

/* Two replies to MAIL, one of them late: the recipient's refusal comes where
 * DATA's reply is due, and the message stays here. */
TEST(a_late_stray_reply_accepts_nothing)
{
    scene = (struct scene){0};
    CHECK(ends(FLIGHT "> 250 a\n|\n> 250 a again\n|\n> 550 no such user\n" QUIT,
               SMTP_END_VERDICT, FAULT_DATA_PERM, "r"));
    CHECK(ends_in(FLIGHT "> 250 a\n|\n> 250 a again\n|\n> 550 no such user\n"
                         "> 503 no recipient\n",
                  SIZE_MAX, SIZE_MAX));
    CHECK(server_over(SMTP_END_DIED, FAULT_DIED, "r"));
}

#define CASES(X)                                \
    X(not_understood)                           \
    X(what_is_understood_is_a_verdict)          \
    X(one_by_one_all_is_understood)             \
    X(parameters_not_understood)                \
    X(not_understood_while_the_flight_goes_out) \
    X(a_stray_reply_decides_nothing)            \
    X(a_stray_reply_accepts_nothing)            \
    X(a_late_stray_reply_accepts_nothing)

TEST_MAIN(CASES)
