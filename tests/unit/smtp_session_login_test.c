/* SPDX-License-Identifier: ISC */
/* Logging in: what is said, and what each reply to it leads to. */
#include "smtp_server.h"

#define PASSWORD "hunter22-x"
/* NUL u NUL hunter22-x */
#define PLAIN_64 "AHUAaHVudGVyMjIteA=="
#define PASSWORD_64 "aHVudGVyMjIteA=="
#define TOKEN "ya29.token/of=it"
#define XOAUTH2_64 "dXNlcj11AWF1dGg9QmVhcmVyIHlhMjkudG9rZW4vb2Y9aXQBAQ=="
#define BEARER_64                                                    \
    "bixhPXUsAWhvc3Q9ci5leGFtcGxlAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHlhMj" \
    "kudG9rZW4vb2Y9aXQBAQ=="
#define OFFER(line) GREETED "> 250-mx.example\n> 250 " line "\n"
#define MAIL_REFUSED MAIL_SENT "> 550 no\n" QUIT

static struct smtp_login login;

static void
set(bool token)
{
    scene = (struct scene){0};
    login =
        (struct smtp_login){.user = SLICE("u"),
                            .secret = token ? SLICE(TOKEN) : SLICE(PASSWORD),
                            .token = token,
                            .host = SLICE("r.example"),
                            .port = 587};
    scene.config.login = &login;
    scene.config.unproved = true;
    scene.config.hello = SMTP_HELLO_ONLY;
}

/* ---- the ways there ---- */

struct way {
    const char *offer; /* which leads there */
    const char *lines; /* up to where its last reply is due */
    enum smtp_auth_mechanism m;
};

static const struct way ways[] = {
    {"AUTH PLAIN", "< AUTH PLAIN " PLAIN_64 "\n", SMTP_AUTH_PLAIN},
    {"AUTH LOGIN",
     "< AUTH LOGIN\n> 334 VXNlcm5hbWU6\n< dQ==\n> 334 UGFzc3dvcmQ6\n"
     "< " PASSWORD_64 "\n",
     SMTP_AUTH_LOGIN},
    {"AUTH XOAUTH2", "< AUTH XOAUTH2 " XOAUTH2_64 "\n", SMTP_AUTH_XOAUTH2},
    {"AUTH OAUTHBEARER", "< AUTH OAUTHBEARER " BEARER_64 "\n",
     SMTP_AUTH_OAUTHBEARER},
};

enum { WAY_COUNT = sizeof(ways) / sizeof(ways[0]) };

static void
set_way(const struct way *w)
{
    set(w->m >= SMTP_AUTH_XOAUTH2);
}

static const char *
script_of(const struct way *w, const char *rest)
{
    static char script[TEXT_SIZE];

    snprintf(script, sizeof(script), GREETED "> 250-mx\n> 250 %s\n%s%s",
             w->offer, w->lines, rest);
    return script;
}

/* Whatever the server offers, this is how the login begins. */
static bool
begins(const char *offers, const char *line)
{
    char script[TEXT_SIZE];

    snprintf(script, sizeof(script),
             GREETED "> 250-mx\n%s< %s\n> 535 no\n" QUIT, offers, line);
    return ends(script, SMTP_END_VERDICT, FAULT_LOGIN, "") && said("535 no\n");
}

TEST(each_mechanism_logs_in)
{
    for (size_t i = 0; i < WAY_COUNT; i++) {
        set_way(&ways[i]);
        CHECK(ends(script_of(&ways[i], "> 235 2.7.0 ok\n" MAIL_REFUSED),
                   SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
        CHECK(server.smtp.logged_in && server.smtp.auth == ways[i].m);
        CHECK(ends(script_of(&ways[i], "> 250-a\n> 250 b\n" MAIL_REFUSED),
                   SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    }
}

TEST(the_best_of_those_offered)
{
    set(false);
    CHECK(begins("> 250 AUTH CRAM-MD5 LOGIN PLAIN XOAUTH2\n",
                 "AUTH PLAIN " PLAIN_64));
    CHECK(
        begins("> 250-AUTH LOGIN\n> 250 AUTH=PLAIN\n", "AUTH PLAIN " PLAIN_64));
    CHECK(begins("> 250-auth=login\n> 250 HELP\n", "AUTH LOGIN"));
    CHECK(begins("> 250 auth plain\n", "AUTH PLAIN " PLAIN_64));
    CHECK(begins("> 250 AUTH=PLAIN LOGIN\n", "AUTH PLAIN " PLAIN_64));
    set(true);
    CHECK(begins("> 250 AUTH PLAIN OAUTHBEARER LOGIN XOAUTH2\n",
                 "AUTH XOAUTH2 " XOAUTH2_64));
    CHECK(begins("> 250 AUTH PLAIN OAUTHBEARER\n",
                 "AUTH OAUTHBEARER " BEARER_64));
}

static bool
is_absent(const char *offers, const char *names)
{
    char script[TEXT_SIZE];

    snprintf(script, sizeof(script), GREETED "> 250-mx\n%s" QUIT, offers);
    return ends(script, SMTP_END_UNFIT, FAULT_LOGIN_ABSENT, "") && said("") &&
           slice_equal(smtp_features_names(&server.smtp.features),
                       slice_text(names)) &&
           server.smtp.auth == SMTP_AUTH_NONE;
}

TEST(none_of_ours)
{
    set(false);
    CHECK(is_absent("> 250 HELP\n", "none"));
    CHECK(is_absent("> 250 AUTH\n", "none"));
    CHECK(is_absent("> 250-AUTH CRAM-MD5 NTLM\n> 250 AUTH=NTLM CRAM-MD5 X\n",
                    "CRAM-MD5 NTLM X"));
    CHECK(is_absent("> 250 AUTH XOAUTH2 OAUTHBEARER\n", "XOAUTH2 OAUTHBEARER"));
    set(true);
    CHECK(is_absent("> 250 AUTH PLAIN LOGIN\n", "PLAIN LOGIN"));
    scene.config.dry = true;
    CHECK(is_absent("> 250 AUTH PLAIN LOGIN\n", "PLAIN LOGIN"));
    /* HELO offers nothing. */
    scene.config.hello = SMTP_HELLO_HELO;
    CHECK(
        ends("> 220 mx\n< HELO me.example\n> 250-mx\n> 250 AUTH XOAUTH2\n" QUIT,
             SMTP_END_UNFIT, FAULT_LOGIN_ABSENT, ""));
}

/* ---- to whom ---- */

#define STARTED                                                        \
    GREETED "> 250-mx\n> 250-AUTH PLAIN\n> 250 STARTTLS\n< STARTTLS\n" \
            "> 220 go\n! secured\n< EHLO me.example\n"

TEST(only_to_who_has_proved_it)
{
    set(false);
    scene.config.unproved = false;
    CHECK(ends(OFFER("AUTH PLAIN") QUIT, SMTP_END_UNFIT, FAULT_LOGIN_UNPROVED,
               ""));
    CHECK(said(""));
    scene.config.tls = SMTP_TLS_TRY;
    CHECK(ends(STARTED "> 250-mx\n> 250 AUTH PLAIN\n< AUTH PLAIN " PLAIN_64
                       "\n> 235 ok\n" MAIL_REFUSED,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    CHECK(ends(GREETED
               "> 250-mx\n> 250-AUTH PLAIN\n> 250 STARTTLS\n< STARTTLS\n"
               "> 454 no\n" QUIT,
               SMTP_END_UNFIT, FAULT_LOGIN_UNPROVED, ""));
    scene.config.dry = true;
    CHECK(ends(OFFER("AUTH PLAIN") QUIT, SMTP_END_UNFIT, FAULT_LOGIN_UNPROVED,
               ""));
}

/* The shell found no proof. */
TEST(tls_alone_is_no_proof)
{
    for (int unproved = 0; unproved < 2; unproved++) {
        set(false);
        scene.config.tls = SMTP_TLS_MUST;
        scene.config.unproved = unproved;
        server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
        CHECK(server_play(GREETED "> 250-mx\n> 250 STARTTLS\n< STARTTLS\n"
                                  "> 220 go\n"));
        smtp_secured(&server.smtp, false, server.now_ms);
        CHECK(server_play("< EHLO me.example\n> 250-mx\n> 250 AUTH PLAIN\n"));
        CHECK(server_play(unproved ? "< AUTH PLAIN " PLAIN_64 "\n" : QUIT));
        CHECK(server.smtp.fault ==
              (unproved ? FAULT_OK : FAULT_LOGIN_UNPROVED));
    }
}

/* What is offered in the last EHLO counts. */
TEST(offered_only_outside_or_only_inside)
{
    set(false);
    scene.config.tls = SMTP_TLS_MUST;
    CHECK(ends(STARTED "> 250 mx\n" QUIT, SMTP_END_UNFIT, FAULT_LOGIN_ABSENT,
               ""));
    CHECK(
        slice_equal(smtp_features_names(&server.smtp.features), SLICE("none")));
    CHECK(ends(STARTED "> 250-mx\n> 250 AUTH NTLM\n" QUIT, SMTP_END_UNFIT,
               FAULT_LOGIN_ABSENT, ""));
    CHECK(ends(GREETED "> 250-mx\n> 250 STARTTLS\n< STARTTLS\n> 220 go\n"
                       "! secured\n< EHLO me.example\n> 250-mx\n"
                       "> 250 AUTH LOGIN\n< AUTH LOGIN\n> 421 bye\n",
               SMTP_END_DIED, FAULT_LOGIN, ""));
}

/* ---- where it stands ---- */

TEST(too_big_comes_first_and_a_dry_run_logs_in)
{
    set(false);
    scene.config.survey = true;
    scene.config.size = 1001;
    CHECK(ends(GREETED "> 250-mx\n> 250-AUTH PLAIN\n> 250 SIZE 1000\n" QUIT,
               SMTP_END_VERDICT, FAULT_TOO_BIG, ""));
    set(false);
    scene.config.dry = true;
    CHECK(ends(OFFER("AUTH PLAIN") "< AUTH PLAIN " PLAIN_64 "\n> 235 ok\n" QUIT,
               SMTP_END_VERDICT, FAULT_OK, ""));
    CHECK(server.smtp.logged_in);
    CHECK(ends(OFFER("AUTH PLAIN") "< AUTH PLAIN " PLAIN_64 "\n> 535 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_LOGIN, ""));
    CHECK(!server.smtp.logged_in);
}

/* Nothing goes with it, and the flight comes behind. */
TEST(never_in_a_flight)
{
    set(false);
    CHECK(ends(GREETED
               "> 250-mx\n> 250-PIPELINING\n> 250 AUTH PLAIN\n"
               "< AUTH PLAIN " PLAIN_64 "\n> 235 ok\n" MAIL_SENT RCPT_SENT
               "< DATA\n> 250 a\n> 250 b\n> 354 c\n" BODY_SENT QUIT "> 250 d\n",
               SMTP_END_VERDICT, FAULT_ACCEPTED, "r"));
}

/* A reply that was there before its command is none. */
TEST(a_reply_before_its_command)
{
    set(false);
    CHECK(ends_at_once(GREETED "> 250-mx\n> 250 AUTH PLAIN\n> 235 ok\n",
                       SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(ends_at_once(OFFER("AUTH LOGIN") "< AUTH LOGIN\n> 334 \n> 334 \n",
                       SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(ends_at_once(OFFER("AUTH PLAIN") "< AUTH PLAIN " PLAIN_64
                                           "\n> 535 no\n> 250 more\n",
                       SMTP_END_DIED, FAULT_DIED, ""));
    CHECK(!server.smtp.logged_in);
}

/* ---- replies ---- */

/* Each code at the last reply of each mechanism, and at every one before. */
static bool
codes_end(const char *words, const char *after, enum smtp_end end,
          enum fault fault)
{
    for (size_t i = 0; i < WAY_COUNT; i++) {
        set_way(&ways[i]);
        if (!codes(script_of(&ways[i], ""), words, after, end, fault) ||
            server.smtp.auth != ways[i].m || server.smtp.logged_in)
            return false;
    }
    set(false);
    return codes(OFFER("AUTH LOGIN") "< AUTH LOGIN\n", words, after, end,
                 fault) &&
           codes(OFFER("AUTH LOGIN") "< AUTH LOGIN\n> 334 \n< dQ==\n", words,
                 after, end, fault);
}

TEST(refused_now_for_good_or_not_at_all)
{
    CHECK(codes_end("432 454 400 450 451 499 ", QUIT, SMTP_END_UNFIT,
                    FAULT_LOGIN));
    CHECK(codes_end("530 534 535 538 550 501 505 554 599 ", QUIT,
                    SMTP_END_VERDICT, FAULT_LOGIN));
    /* No other of ours is offered. */
    CHECK(codes_end("500 502 503 504 ", QUIT, SMTP_END_VERDICT, FAULT_LOGIN));
    CHECK(codes_end("421 ", "", SMTP_END_DIED, FAULT_LOGIN));
    CHECK(codes_end("300 333 335 354 399 ", "", SMTP_END_DIED, FAULT_DIED));
}

TEST(a_drop_at_each_step)
{
    for (size_t i = 0; i < WAY_COUNT; i++) {
        set_way(&ways[i]);
        CHECK(dies(script_of(&ways[i], ""), ""));
    }
    set(false);
    CHECK(dies(OFFER("AUTH LOGIN") "< AUTH LOGIN\n", ""));
    CHECK(dies(OFFER("AUTH LOGIN") "< AUTH LOGIN\n> 334 \n< dQ==\n", ""));
    CHECK(dies(OFFER("AUTH LOGIN") "! send 5\n= AUTH \n", ""));
    CHECK(strcmp(smtp_step_text(server.smtp.fault_step), "AUTH") == 0);
}

/* ---- 334 ---- */

#define PLAIN_TWICE     \
    OFFER("AUTH PLAIN") \
    "< AUTH PLAIN " PLAIN_64 "\n> 334 \n< " PLAIN_64 "\n"

TEST(plain_is_said_once_more)
{
    set(false);
    CHECK(ends(PLAIN_TWICE "> 235 ok\n" MAIL_REFUSED, SMTP_END_VERDICT,
               FAULT_SENDER_PERM, ""));
    CHECK(
        ends(PLAIN_TWICE "> 535 no\n" QUIT, SMTP_END_VERDICT, FAULT_LOGIN, ""));
    CHECK(ends(PLAIN_TWICE "> 454 no\n" QUIT, SMTP_END_UNFIT, FAULT_LOGIN, ""));
    CHECK(ends(PLAIN_TWICE "> 421 no\n", SMTP_END_DIED, FAULT_LOGIN, ""));
    CHECK(dies(PLAIN_TWICE, ""));
}

/* The reply to `*` is the refusal, whatever it is. */
static bool
cancels(const char *script)
{
    static const struct {
        const char *reply;
        enum smtp_end end;
        enum fault fault;
    } rows[] = {{"> 501 no\n" QUIT, SMTP_END_VERDICT, FAULT_LOGIN},
                {"> 504 no\n" QUIT, SMTP_END_VERDICT, FAULT_LOGIN},
                {"> 535 no\n" QUIT, SMTP_END_VERDICT, FAULT_LOGIN},
                {"> 235 ok\n" QUIT, SMTP_END_VERDICT, FAULT_LOGIN},
                {"> 250 ok\n" QUIT, SMTP_END_VERDICT, FAULT_LOGIN},
                {"> 454 no\n" QUIT, SMTP_END_UNFIT, FAULT_LOGIN},
                {"> 421 no\n", SMTP_END_DIED, FAULT_LOGIN},
                {"> 334 \n", SMTP_END_DIED, FAULT_DIED}};
    char whole[TEXT_SIZE];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(whole, sizeof(whole), "%s> 334 more\n< *\n%s", script,
                 rows[i].reply);
        if (!ends(whole, rows[i].end, rows[i].fault, "") ||
            server.smtp.logged_in)
            return false;
    }
    snprintf(whole, sizeof(whole), "%s> 334 more\n< *\n", script);
    return dies(whole, "");
}

TEST(more_than_the_mechanism_has_is_cancelled)
{
    set(false);
    CHECK(cancels(PLAIN_TWICE));
    CHECK(cancels(script_of(&ways[1], "")));
    /* Another of ours changes nothing. */
    CHECK(cancels(OFFER("AUTH PLAIN LOGIN") "< AUTH PLAIN " PLAIN_64
                                            "\n> 334 \n< " PLAIN_64 "\n"));
    set(true);
    CHECK(cancels(script_of(&ways[2], "> 334 e30=\n< \n")));
    CHECK(cancels(script_of(&ways[3], "> 334 e30=\n< AQ==\n")));
}

TEST(the_reason_of_a_token_s_refusal_is_answered)
{
    static const char *const answers[] = {"", "AQ=="};
    char rest[TEXT_SIZE];

    for (size_t i = 2; i < WAY_COUNT; i++) {
        set(true);
        snprintf(rest, sizeof(rest), "> 334 eyJzdGF0dXMiOiI0MDEifQ==\n< %s\n",
                 answers[i - 2]);
        CHECK(dies(script_of(&ways[i], rest), ""));
        CHECK(codes(script_of(&ways[i], rest), "535 501 504 500 550 ", QUIT,
                    SMTP_END_VERDICT, FAULT_LOGIN));
        CHECK(codes(script_of(&ways[i], rest), "454 432 ", QUIT, SMTP_END_UNFIT,
                    FAULT_LOGIN));
        CHECK(codes(script_of(&ways[i], rest), "421 ", "", SMTP_END_DIED,
                    FAULT_LOGIN));
    }
    /* It was looked at: the other would fare no better. */
    CHECK(ends(OFFER("AUTH XOAUTH2 OAUTHBEARER") "< AUTH XOAUTH2 " XOAUTH2_64
                                                 "\n> 334 e30=\n< \n"
                                                 "> 504 no\n" QUIT,
               SMTP_END_VERDICT, FAULT_LOGIN, ""));
}

TEST(a_long_challenge_is_not_read)
{
    static char script[TEXT_SIZE];
    char challenge[12288 + 1] = "";

    set(false);
    memset(challenge, 'A', sizeof(challenge) - 1);
    snprintf(script, sizeof(script),
             OFFER("AUTH LOGIN") "< AUTH LOGIN\n> 334 %s\n< dQ==\n> 334 %s\n"
                                 "< " PASSWORD_64 "\n> 235 ok\n" MAIL_REFUSED,
             challenge, challenge);
    CHECK(ends(script, SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
    CHECK(ends(OFFER("AUTH LOGIN") "< AUTH LOGIN\n> 334\n< dQ==\n> 334-a\n"
                                   "> 334 b\n< " PASSWORD_64
                                   "\n> 235 ok\n" MAIL_REFUSED,
               SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
}

/* ---- another mechanism ---- */

#define BOTH OFFER("AUTH LOGIN PLAIN")

TEST(the_other_one_once_on_the_same_connection)
{
    static const char *const words[] = {"500", "502", "503", "504"};
    char script[TEXT_SIZE];

    for (size_t i = 0; i < 4; i++) {
        set(false);
        snprintf(script, sizeof(script),
                 BOTH "< AUTH PLAIN " PLAIN_64 "\n> %s no\n< AUTH LOGIN\n"
                      "> 334 \n< dQ==\n> 334 \n< " PASSWORD_64
                      "\n> 235 ok\n" MAIL_REFUSED,
                 words[i]);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_SENDER_PERM, ""));
        CHECK(server.smtp.auth == SMTP_AUTH_LOGIN && server.smtp.logged_in);
        snprintf(script, sizeof(script),
                 BOTH "< AUTH PLAIN " PLAIN_64 "\n> %s no\n< AUTH LOGIN\n"
                      "> %s what\n" QUIT,
                 words[i], words[i]);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_LOGIN, ""));
        CHECK(server.smtp.auth == SMTP_AUTH_LOGIN);
        /* Of the response, likewise. */
        snprintf(script, sizeof(script),
                 BOTH
                 "< AUTH PLAIN " PLAIN_64 "\n> 334 \n< " PLAIN_64
                 "\n> %s no\n< AUTH LOGIN\n> 334 \n< dQ==\n> 535 no\n" QUIT,
                 words[i]);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_LOGIN, ""));
        set(true);
        snprintf(
            script, sizeof(script),
            OFFER("AUTH OAUTHBEARER XOAUTH2") "< AUTH XOAUTH2 " XOAUTH2_64
                                              "\n> %s no\n"
                                              "< AUTH OAUTHBEARER " BEARER_64
                                              "\n> 535 no\n" QUIT,
            words[i]);
        CHECK(ends(script, SMTP_END_VERDICT, FAULT_LOGIN, ""));
        CHECK(server.smtp.auth == SMTP_AUTH_OAUTHBEARER);
    }
}

TEST(no_other_after_any_other_refusal)
{
    set(false);
    CHECK(codes(BOTH "< AUTH PLAIN " PLAIN_64 "\n",
                "501 505 530 534 535 538 550 ", QUIT, SMTP_END_VERDICT,
                FAULT_LOGIN));
    CHECK(codes(BOTH "< AUTH PLAIN " PLAIN_64 "\n", "432 454 ", QUIT,
                SMTP_END_UNFIT, FAULT_LOGIN));
}

#define CASES(X)                                   \
    X(each_mechanism_logs_in)                      \
    X(the_best_of_those_offered)                   \
    X(none_of_ours)                                \
    X(only_to_who_has_proved_it)                   \
    X(tls_alone_is_no_proof)                       \
    X(offered_only_outside_or_only_inside)         \
    X(too_big_comes_first_and_a_dry_run_logs_in)   \
    X(never_in_a_flight)                           \
    X(a_reply_before_its_command)                  \
    X(refused_now_for_good_or_not_at_all)          \
    X(a_drop_at_each_step)                         \
    X(plain_is_said_once_more)                     \
    X(more_than_the_mechanism_has_is_cancelled)    \
    X(the_reason_of_a_token_s_refusal_is_answered) \
    X(a_long_challenge_is_not_read)                \
    X(the_other_one_once_on_the_same_connection)   \
    X(no_other_after_any_other_refusal)

TEST_MAIN(CASES)
