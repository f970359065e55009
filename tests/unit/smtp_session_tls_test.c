/* SPDX-License-Identifier: ISC */
#include "smtp/session.h"

#include "smtp_server.h"

#define OFFERED GREETED "> 250-mx\n> 250 STARTTLS\n"
#define ASKED OFFERED "< STARTTLS\n"
#define SECURED ASKED "> 220 go\n! secured\n< EHLO me.example\n"

static void
set(enum smtp_tls tls)
{
    scene = (struct scene){.config.tls = tls};
}

static void
set_size(uint64_t size, bool eight_bit)
{
    scene = (struct scene){
        .config = {.survey = true, .size = size, .eight_bit = eight_bit}};
}

/* The client's MAIL after EHLO was answered with the lines. */
static bool
mail_is(const char *lines, const char *mail)
{
    char script[TEXT_SIZE];

    snprintf(script, sizeof(script), GREETED "%s< %s\n> 550 no\n" QUIT, lines,
             mail);
    return ends(script, SMTP_END_VERDICT, FAULT_SENDER_PERM, "");
}

TEST(off_is_never_asked_for)
{
    set(SMTP_TLS_OFF);
    CHECK(ends(OFFERED MAIL_SENT "> 550 no\n" QUIT, SMTP_END_VERDICT,
               FAULT_SENDER_PERM, ""));
    CHECK(!server.smtp.secure && !server.smtp.tls_refused && said("550 no\n"));
}

TEST(delivers_inside_tls)
{
    for (int i = 0; i < 2; i++) {
        set(i ? SMTP_TLS_TRY : SMTP_TLS_MUST);
        CHECK(ends(SECURED "> 250 mx\n" MAIL_SENT "> 250 a\n" RCPT_SENT
                           "> 250 b\n< DATA\n> 354 c\n" BODY_SENT
                           "> 250 ok\n" QUIT,
                   SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
        CHECK(server.smtp.secure && !server.smtp.tls_refused);
    }
}

TEST(nothing_but_tls_is_wanted_then)
{
    set(SMTP_TLS_MUST);
    CHECK(ends_in(ASKED "> 220 go\n", SIZE_MAX, SIZE_MAX));
    CHECK(smtp_want(&server.smtp) == SMTP_WANT_SECURE);
    CHECK(smtp_tx(&server.smtp).size == 0 && !server.smtp.secure);
}

TEST(absent)
{
    static const char *const hellos[] = {
        "> 250 mx\n",
        "> 250 STARTTLS\n",
        "> 250-mx\n> 250 XSTARTTLS\n",
        "> 250-mx\n> 250-STARTTLSX\n> 250 HELP STARTTLS\n",
        "> 500 what\n< HELO me.example\n> 250-mx\n> 250 STARTTLS\n",
        "> 550-mx\n> 550 STARTTLS\n< HELO me.example\n> 250 mx\n",
    };
    char script[TEXT_SIZE];

    for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
        set(SMTP_TLS_MUST);
        snprintf(script, sizeof(script), GREETED "%s" QUIT, hellos[i]);
        CHECK(ends(script, SMTP_END_TLS_ABSENT, FAULT_TLS_ABSENT, ""));
        set(SMTP_TLS_TRY);
        snprintf(script, sizeof(script),
                 GREETED "%s" MAIL_SENT "> 550 no\n" QUIT, hellos[i]);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
        CHECK(!server.smtp.secure && !server.smtp.tls_refused);
    }
}

/* RFC 5321 section 2.4: keywords in any case. */
TEST(offered_in_lower_case)
{
    set(SMTP_TLS_MUST);
    CHECK(ends_in(GREETED "> 250-mx\n> 250 starttls\n< STARTTLS\n> 220 go\n",
                  SIZE_MAX, SIZE_MAX));
    CHECK(smtp_want(&server.smtp) == SMTP_WANT_SECURE);
}

TEST(refused_goes_on_in_clear_unless_it_must)
{
    static const char *const codes[] = {"400", "454", "500",
                                        "501", "503", "554"};
    char script[TEXT_SIZE];

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        set(SMTP_TLS_TRY);
        snprintf(script, sizeof(script),
                 ASKED "> %s no\n" MAIL_SENT "> 550 no\n" QUIT, codes[i]);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
        CHECK(server.smtp.tls_refused && !server.smtp.secure);
        set(SMTP_TLS_MUST);
        snprintf(script, sizeof(script), ASKED "> %s no\n" QUIT, codes[i]);
        CHECK(ends(script, SMTP_END_TLS_REFUSED, FAULT_TLS_REFUSED, ""));
        CHECK(!server.smtp.secure);
    }
}

/* Both ways alike: that TLS does not work there is all that is known. */
static bool
is_broken(const char *script)
{
    static const enum smtp_tls ways[] = {SMTP_TLS_TRY, SMTP_TLS_MUST};

    for (size_t i = 0; i < 2; i++) {
        set(ways[i]);
        if (!ends(script, SMTP_END_TLS_BROKEN, FAULT_TLS_FAILED, "") ||
            server.smtp.why.size == 0 || server.smtp.tls_refused)
            return false;
    }
    return true;
}

TEST(a_421_breaks_it)
{
    CHECK(is_broken(ASKED "> 421 bye\n"));
    CHECK(said("421 bye\n"));
    CHECK(slice_equal(server.smtp.why,
                      SLICE("the server closes the connection (421)")));
    /* It need not wait for the command. */
    CHECK(is_broken(OFFERED "> 421 bye\n"));
}

TEST(any_other_reply_breaks_it)
{
    static const char *const replies[] = {
        "200 a", "221 a", "250 a", "299 a", "300 a",         "354 a",
        "22",    "what",  "",      "600 a", "454-a\n> 220 b"};
    char script[TEXT_SIZE];

    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        snprintf(script, sizeof(script), ASKED "> %s\n", replies[i]);
        CHECK(is_broken(script));
    }
}

TEST(the_end_of_the_connection_breaks_it)
{
    static const char *const starts[] = {"", "~ 2\n", "~ 220 go\n",
                                         "> 220-go\n"};
    char script[TEXT_SIZE];

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        snprintf(script, sizeof(script), ASKED "%s! lost\n", starts[i]);
        CHECK(is_broken(script));
        CHECK(slice_equal(server.smtp.why, SLICE("gone")));
        snprintf(script, sizeof(script), ASKED "%s! timeout\n", starts[i]);
        CHECK(is_broken(script));
        CHECK(slice_equal(server.smtp.why, SLICE("timed out")));
    }
    CHECK(is_broken(OFFERED "! send 4\n= STAR\n! lost\n"));
    CHECK(is_broken(ASKED "> 220 go\n! lost\n"));
    CHECK(is_broken(ASKED "> 220 go\n! timeout\n"));
}

/* CVE-2011-0411 and kin: one segment brings the 220 and more. */
TEST(bytes_behind_the_220_are_an_injection)
{
    static const char *const more[] = {"> 250 mx\n", "~ 2\n", "> \n",
                                       "~ \x16\x03\x03\n", "> 421 bye\n"};
    char script[TEXT_SIZE];

    for (size_t i = 0; i < 2 * sizeof(more) / sizeof(more[0]); i++) {
        set(i % 2 ? SMTP_TLS_TRY : SMTP_TLS_MUST);
        snprintf(script, sizeof(script), ASKED "> 220 go\n%s", more[i / 2]);
        CHECK(ends_at_once(script, SMTP_END_TLS_BROKEN, FAULT_TLS_FAILED, ""));
        CHECK(server.smtp.why.size > 0 && !server.smtp.secure && said(""));
    }
}

TEST(a_220_before_the_command_is_an_error)
{
    CHECK(is_broken(OFFERED "> 220 go\n"));
    CHECK(is_broken(OFFERED "! send 4\n= STAR\n> 220 go\n"));
    CHECK(is_broken(OFFERED "~ 2\n< STARTTLS\n> 20 go\n"));
}

/* CVE-2021-38371: replies sent ahead do not answer what follows a refusal. */
TEST(stale_replies_behind_a_refusal_are_an_error)
{
    set(SMTP_TLS_TRY);
    CHECK(ends(ASKED "> 454 no\n> 250 a\n> 250 b\n> 354 c\n> 250 d\n",
               SMTP_END_TLS_BROKEN, FAULT_TLS_FAILED, ""));
    CHECK(server.smtp.why.size > 0);
    set(SMTP_TLS_MUST);
    CHECK(ends(ASKED "> 454 no\n> 250 a\n> 250 b\n" QUIT, SMTP_END_TLS_REFUSED,
               FAULT_TLS_REFUSED, ""));
}

/* Without the question it might have gone on. */
TEST(a_refusal_may_end_the_connection)
{
    static const char *const ends_of_it[] = {
        "! lost\n", "< MAIL FROM:<s@a.example>\n! lost\n",
        "< MAIL FROM:<s@a.example>\n! timeout\n",
        "< MAIL FROM:<s@a.example>\n> what\n",
        "< MAIL FROM:<s@a.example>\n> 354 go\n"};
    char script[TEXT_SIZE];

    for (size_t i = 0; i < sizeof(ends_of_it) / sizeof(ends_of_it[0]); i++) {
        set(SMTP_TLS_TRY);
        snprintf(script, sizeof(script), ASKED "> 454 no\n%s", ends_of_it[i]);
        CHECK(ends(script, SMTP_END_TLS_BROKEN, FAULT_TLS_FAILED, ""));
        CHECK(server.smtp.tls_refused);
    }
    CHECK(ends(ASKED "> 454 no\n" MAIL_SENT "> 421 bye\n", SMTP_END_DIED,
               FAULT_SENDER_TEMP, ""));
    CHECK(ends(ASKED "> 454 no\n" MAIL_SENT "> 250 ok\n" RCPT_SENT LOST,
               SMTP_END_DIED, FAULT_DIED, ""));
}

TEST(capabilities_of_the_clear_are_forgotten)
{
    set(SMTP_TLS_TRY);
    scene.config.survey = true;
    scene.config.size = 100;
    scene.config.eight_bit = true;
    CHECK(ends(GREETED "> 250-mx\n> 250-STARTTLS\n> 250-PIPELINING\n"
                       "> 250-SIZE 5\n> 250 8BITMIME\n< STARTTLS\n"
                       "> 220 go\n! secured\n< EHLO me.example\n"
                       "> 250 mx\n" MAIL_SENT "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    CHECK(ends(GREETED "> 250-mx\n> 250-STARTTLS\n> 250 SIZE 5\n< STARTTLS\n"
                       "> 220 go\n! secured\n< EHLO me.example\n"
                       "> 500 what\n< HELO me.example\n> 250 mx\n" MAIL_SENT
                       "> 550 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
}

TEST(capabilities_inside_tls_count)
{
    set(SMTP_TLS_MUST);
    CHECK(
        ends(SECURED
             "> 250-mx\n> 250-STARTTLS\n> 250 PIPELINING\n" MAIL_SENT RCPT_SENT
             "< DATA\n> 550 no\n" QUIT,
             SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    CHECK(server.smtp.secure);
}

TEST(hello_inside_tls_has_the_same_rules)
{
    set(SMTP_TLS_MUST);
    CHECK(ends(SECURED "> 450 no\n" QUIT, SMTP_END_UNFIT, FAULT_HELLO, ""));
    CHECK(ends(SECURED "> 421 bye\n", SMTP_END_DIED, FAULT_HELLO, ""));
    CHECK(ends(SECURED "> 550 a\n< HELO me.example\n> 503 b\n" QUIT,
               SMTP_END_UNFIT, FAULT_HELLO, ""));
    CHECK(said("550 a\n"));
    CHECK(ends(SECURED "> 550 a\n< HELO me.example\n" LOST, SMTP_END_UNFIT,
               FAULT_HELLO, ""));
    CHECK(ends(SECURED "> 550 a\n< HELO me.example\n> 250 mx\n" MAIL_SENT LOST,
               SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(server.smtp.secure);
}

/* A server that does not like our side of the handshake hangs up right behind
 * it. */
TEST(dead_inside_tls_before_a_reply)
{
    static const char *const ends_of_it[] = {
        "! lost\n",          "! timeout\n",        "~ 2\n! lost\n",
        "~ 25\n! timeout\n", "> 250-mx\n! lost\n", "> what\n",
        "> 220 mx\n",        "> 354 mx\n"};
    char script[TEXT_SIZE];

    for (size_t i = 0; i < sizeof(ends_of_it) / sizeof(ends_of_it[0]); i++) {
        snprintf(script, sizeof(script), SECURED "%s", ends_of_it[i]);
        CHECK(is_broken(script));
        CHECK(server.smtp.secure);
    }
    CHECK(is_broken(ASKED "> 220 go\n! secured\n! lost\n"));
    CHECK(is_broken(ASKED "> 220 go\n! secured\n> 250 early\n"));
    CHECK(ends(SECURED "> 250 mx\n" MAIL_SENT LOST, SMTP_END_DIED, FAULT_DIED,
               ""));
}

/* In clear the whole buffer, under TLS a full record. */
TEST(what_is_written_at_once)
{
    enum { LEFT_MAX = 4 }; /* a line end that would not fit */
    static char text[SMTP_TX_SIZE + 1];
    size_t size = 0;

    memset(text, 'a', SMTP_TX_SIZE);
    set(SMTP_TLS_MUST);
    scene.message = text;
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    CHECK(server_play(SECURED "> 250 mx\n" MAIL_SENT "> 250 a\n" RCPT_SENT
                              "> 250 b\n< DATA\n> 354 c\n"));
    size = server_hear(&server, SIZE_MAX);
    CHECK(size <= SMTP_SECURE_TX_SIZE && size + LEFT_MAX > SMTP_SECURE_TX_SIZE);
    set(SMTP_TLS_OFF);
    scene.message = text;
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    CHECK(server_play(IN_BODY));
    size = server_hear(&server, SIZE_MAX);
    CHECK(size <= SMTP_TX_SIZE && size + LEFT_MAX > SMTP_TX_SIZE);
}

/* ---- SIZE and 8BITMIME ---- */

TEST(mail_has_the_parameters_that_are_offered)
{
    set_size(12345, true);
    CHECK(mail_is("> 250 mx\n", "MAIL FROM:<s@a.example>"));
    CHECK(mail_is("> 250-mx\n> 250 SIZE\n",
                  "MAIL FROM:<s@a.example> SIZE=12345"));
    CHECK(mail_is("> 250-mx\n> 250 SIZE 12345\n",
                  "MAIL FROM:<s@a.example> SIZE=12345"));
    CHECK(mail_is("> 250-mx\n> 250 8BITMIME\n",
                  "MAIL FROM:<s@a.example> BODY=8BITMIME"));
    CHECK(mail_is("> 250-mx\n> 250-8BITMIME\n> 250 size 0\n",
                  "MAIL FROM:<s@a.example> SIZE=12345 BODY=8BITMIME"));
    set_size(0, false);
    CHECK(mail_is("> 250-mx\n> 250-8BITMIME\n> 250 SIZE 10\n",
                  "MAIL FROM:<s@a.example> SIZE=0"));
}

/* Nothing that could be misunderstood. */
TEST(a_careful_mail_has_no_parameters)
{
    set_size(12345, true);
    scene.config.careful = true;
    CHECK(mail_is("> 250-mx\n> 250-8BITMIME\n> 250 SIZE 99999\n",
                  "MAIL FROM:<s@a.example>"));
    CHECK(ends(GREETED "> 250-mx\n> 250 SIZE 12344\n" QUIT, SMTP_END_VERDICT,
               FAULT_TOO_BIG, ""));
}

/* RFC 6531 section 3.4: asked for where an address needs it, the careful way
 * too, and never elsewhere. */
TEST(mail_of_utf8_says_so)
{
    set_size(1, true);
    CHECK(mail_is("> 250-mx\n> 250 SMTPUTF8\n", "MAIL FROM:<s@a.example>"));
    scene.sender = SLICE("\xc3\xbc@a.example");
    CHECK(mail_is("> 250-mx\n> 250 SMTPUTF8\n",
                  "MAIL FROM:<\xc3\xbc@a.example> SMTPUTF8"));
    CHECK(mail_is("> 250-mx\n> 250-SMTPUTF8\n> 250-8BITMIME\n> 250 SIZE\n",
                  "MAIL FROM:<\xc3\xbc@a.example> SIZE=1 BODY=8BITMIME "
                  "SMTPUTF8"));
    scene.config.careful = true;
    CHECK(mail_is("> 250-mx\n> 250-SMTPUTF8\n> 250-8BITMIME\n> 250 SIZE\n",
                  "MAIL FROM:<\xc3\xbc@a.example> SMTPUTF8"));
    /* The careful way again would be the same. */
    CHECK(ends(GREETED "> 250-mx\n> 250 SMTPUTF8\n"
                       "< MAIL FROM:<\xc3\xbc@a.example> SMTPUTF8\n"
                       "> 555 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    set_size(1, false);
    scene.recipient_count = 3;
    scene.utf8_recipient = 2;
    CHECK(mail_is("> 250-mx\n> 250 SMTPUTF8\n",
                  "MAIL FROM:<s@a.example> SMTPUTF8"));
}

TEST(utf8_that_is_not_offered_ends_before_mail)
{
    static const char *const hellos[] = {
        "> 250 mx\n", "> 250-mx\n> 250-8BITMIME\n> 250 PIPELINING\n",
        "> 250-mx\n> 250 UTF8SMTP\n",
        "> 500 no\n< HELO me.example\n> 250 ok\n"};
    char script[TEXT_SIZE];

    for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
        snprintf(script, sizeof(script), GREETED "%s" QUIT, hellos[i]);
        set_size(1, true);
        scene.sender = SLICE("\xc3\xbc@a.example");
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_UTF8_ABSENT, ""));
        set_size(1, true);
        scene.recipient_count = scene.utf8_recipient = 2;
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_UTF8_ABSENT, ""));
        scene.config.dry = true;
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_UTF8_ABSENT, ""));
    }
}

/* The last EHLO counts. */
TEST(utf8_inside_tls)
{
    set_size(1, true);
    scene.config.tls = SMTP_TLS_TRY;
    scene.sender = SLICE("\xc3\xbc@a.example");
    CHECK(ends(GREETED "> 250-mx\n> 250-SMTPUTF8\n> 250 STARTTLS\n"
                       "< STARTTLS\n> 220 go\n! secured\n< EHLO me.example\n"
                       "> 250 mx\n" QUIT,
               SMTP_END_VERDICT, FAULT_UTF8_ABSENT, ""));
    CHECK(ends_in(GREETED
                  "> 250-mx\n> 250 STARTTLS\n< STARTTLS\n> 220 go\n! secured\n"
                  "< EHLO me.example\n> 250-mx\n> 250 SMTPUTF8\n"
                  "< MAIL FROM:<\xc3\xbc@a.example> SMTPUTF8\n",
                  SIZE_MAX, SIZE_MAX));
}

/* HELO offers nothing (RFC 1870 section 3: an extension of EHLO). */
TEST(helo_has_no_parameters)
{
    set_size(12345, true);
    CHECK(mail_is("> 500-mx\n> 500 SIZE 5\n< HELO me.example\n"
                  "> 250-mx\n> 250-SIZE 5\n> 250 8BITMIME\n",
                  "MAIL FROM:<s@a.example>"));
}

TEST(what_is_not_known_is_not_told)
{
    set_size(12345, true);
    scene.config.survey = false;
    CHECK(mail_is("> 250-mx\n> 250-8BITMIME\n> 250 SIZE 10\n",
                  "MAIL FROM:<s@a.example>"));
}

TEST(too_big_before_mail)
{
    set_size(1001, false);
    CHECK(ends(GREETED "> 250-mx\n> 250 SIZE 1000\n" QUIT, SMTP_END_VERDICT,
               FAULT_TOO_BIG, ""));
    CHECK(server.smtp.features.size_max == 1000);
    set_size(1000, false);
    CHECK(mail_is("> 250-mx\n> 250 SIZE 1000\n",
                  "MAIL FROM:<s@a.example> SIZE=1000"));
    set_size(UINT64_MAX, false);
    CHECK(ends(GREETED "> 250-mx\n> 250 SIZE 1\n" QUIT, SMTP_END_VERDICT,
               FAULT_TOO_BIG, ""));
    CHECK(mail_is("> 250-mx\n> 250 SIZE 18446744073709551616\n",
                  "MAIL FROM:<s@a.example> SIZE=18446744073709551615"));
}

/* What counts is the limit told last, in the context MAIL is sent in. */
TEST(too_big_after_starttls)
{
    set(SMTP_TLS_TRY);
    scene.config.survey = true;
    scene.config.size = 1001;
    CHECK(ends(GREETED "> 250-mx\n> 250-SIZE 1000\n> 250 STARTTLS\n"
                       "< STARTTLS\n> 454 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_TOO_BIG, ""));
    CHECK(ends(SECURED "> 250-mx\n> 250 SIZE 1000\n" QUIT, SMTP_END_VERDICT,
               FAULT_TOO_BIG, ""));
    set(SMTP_TLS_MUST);
    scene.config.survey = true;
    scene.config.size = 1001;
    CHECK(ends(GREETED "> 250-mx\n> 250 SIZE 1000\n" QUIT, SMTP_END_TLS_ABSENT,
               FAULT_TLS_ABSENT, ""));
}

#define CASES(X)                                   \
    X(off_is_never_asked_for)                      \
    X(delivers_inside_tls)                         \
    X(nothing_but_tls_is_wanted_then)              \
    X(absent)                                      \
    X(offered_in_lower_case)                       \
    X(refused_goes_on_in_clear_unless_it_must)     \
    X(a_421_breaks_it)                             \
    X(any_other_reply_breaks_it)                   \
    X(the_end_of_the_connection_breaks_it)         \
    X(bytes_behind_the_220_are_an_injection)       \
    X(a_220_before_the_command_is_an_error)        \
    X(stale_replies_behind_a_refusal_are_an_error) \
    X(capabilities_of_the_clear_are_forgotten)     \
    X(capabilities_inside_tls_count)               \
    X(hello_inside_tls_has_the_same_rules)         \
    X(what_is_written_at_once)                     \
    X(a_refusal_may_end_the_connection)            \
    X(dead_inside_tls_before_a_reply)              \
    X(mail_has_the_parameters_that_are_offered)    \
    X(a_careful_mail_has_no_parameters)            \
    X(mail_of_utf8_says_so)                        \
    X(utf8_that_is_not_offered_ends_before_mail)   \
    X(utf8_inside_tls)                             \
    X(helo_has_no_parameters)                      \
    X(what_is_not_known_is_not_told)               \
    X(too_big_before_mail)                         \
    X(too_big_after_starttls)

TEST_MAIN(CASES)
