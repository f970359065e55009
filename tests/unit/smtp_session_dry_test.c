/* SPDX-License-Identifier: ISC */
#include "smtp/session.h"

#include "smtp_server.h"

#define OFFERED GREETED "> 250-mx\n> 250 STARTTLS\n"
#define ASKED OFFERED "< STARTTLS\n"
#define SECURED ASKED "> 220 go\n! secured\n< EHLO me.example\n"

static void
set(enum smtp_tls tls, bool watched)
{
    scene =
        (struct scene){.config = {.tls = tls, .dry = true, .watched = watched}};
}

static bool
seen(const char *codes)
{
    return slice_equal(buf_slice(&server.seen), slice_text(codes));
}

TEST(ends_where_mail_would_be_said)
{
    for (int i = 0; i < 2; i++) {
        set(SMTP_TLS_OFF, i);
        CHECK(ends(GREETED "> 250-mx\n> 250 PIPELINING\n" QUIT,
                   SMTP_END_VERDICT, FAULT_OK, ""));
        CHECK(seen(i ? "220 250 " : ""));
    }
}

/* MAIL would be said, and the stray line taken for its reply. */
TEST(a_reply_too_many_ends_it)
{
    for (int i = 0; i < 2; i++) {
        set(SMTP_TLS_OFF, i);
        CHECK(ends_at_once(GREETED "> 250 mx\n> 250 x\n", SMTP_END_DIED,
                           FAULT_DIED, ""));
    }
}

/* Taken in its turn: what the shell was told first still counts. */
TEST(a_look_comes_before_a_loss)
{
    set(SMTP_TLS_OFF, true);
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    memcpy(smtp_rx(&server.smtp, &(size_t){0}), "554 a\r\n", 7);
    smtp_rx_ack(&server.smtp, 7, START_MS);
    smtp_lost(&server.smtp, SLICE("gone"));
    smtp_tick(&server.smtp, INT64_MAX);
    CHECK(smtp_want(&server.smtp) == SMTP_WANT_LOOK);
    smtp_taken(&server.smtp, START_MS);
    CHECK(server.smtp.end == SMTP_END_UNFIT && said("554 a\n"));
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    memcpy(smtp_rx(&server.smtp, &(size_t){0}), "220 a\r\n", 7);
    smtp_rx_ack(&server.smtp, 7, START_MS);
    smtp_tick(&server.smtp, INT64_MAX);
    smtp_lost(&server.smtp, SLICE("gone"));
    smtp_lost(&server.smtp, SLICE("gone again"));
    CHECK(smtp_want(&server.smtp) == SMTP_WANT_LOOK);
    smtp_taken(&server.smtp, START_MS);
    CHECK(server_over(SMTP_END_MUTE, FAULT_DIED, ""));
    CHECK(slice_equal(server.smtp.why, SLICE("gone")));
}

TEST(ends_so_over_tls)
{
    for (int i = 0; i < 2; i++) {
        set(i ? SMTP_TLS_TRY : SMTP_TLS_MUST, true);
        CHECK(ends(SECURED "> 250-mx\n> 250 HELP\n" QUIT, SMTP_END_VERDICT,
                   FAULT_OK, ""));
        CHECK(server.smtp.secure && seen("220 250 220 250+"));
    }
}

TEST(ends_so_after_a_refusal)
{
    set(SMTP_TLS_TRY, true);
    CHECK(ends(ASKED "> 454 no\n" QUIT, SMTP_END_VERDICT, FAULT_OK, ""));
    CHECK(server.smtp.tls_refused && seen("220 250 454 "));
    set(SMTP_TLS_MUST, true);
    CHECK(ends(ASKED "> 454 no\n" QUIT, SMTP_END_TLS_REFUSED, FAULT_TLS_REFUSED,
               ""));
    CHECK(said("454 no\n"));
}

TEST(ends_so_after_helo)
{
    set(SMTP_TLS_TRY, true);
    CHECK(ends(GREETED "> 502 what\n< HELO me.example\n> 250 mx\n" QUIT,
               SMTP_END_VERDICT, FAULT_OK, ""));
    CHECK(seen("220 502 250 "));
}

TEST(failures_are_what_they_are)
{
    for (int i = 0; i < 2; i++) {
        set(SMTP_TLS_MUST, i);
        CHECK(ends("> 554 no\n" QUIT, SMTP_END_UNFIT, FAULT_GREETING, ""));
        CHECK(ends("> 421 no\n", SMTP_END_DIED, FAULT_GREETING, ""));
        CHECK(ends(GREETED "> 451 no\n" QUIT, SMTP_END_UNFIT, FAULT_HELLO, ""));
        CHECK(ends(GREETED "> 250 mx\n" QUIT, SMTP_END_TLS_ABSENT,
                   FAULT_TLS_ABSENT, ""));
        CHECK(ends(GREETED "! lost\n", SMTP_END_MUTE, FAULT_DIED, ""));
        CHECK(ends(GREETED "> what\n", SMTP_END_DIED, FAULT_DIED, ""));
        CHECK(ends_in(ASKED "> 220 go\n> 250 injected\n", SIZE_MAX, SIZE_MAX));
        CHECK(server_over(SMTP_END_TLS_BROKEN, FAULT_TLS_FAILED, ""));
    }
}

TEST(a_look_delays_what_follows)
{
    size_t room = 0;

    set(SMTP_TLS_OFF, true);
    server_init(SIZE_MAX, SIZE_MAX, SIZE_MAX);
    memcpy(smtp_rx(&server.smtp, &room), "220 a\r\n250 b\r\n", 14);
    smtp_rx_ack(&server.smtp, 14, START_MS);
    CHECK(smtp_want(&server.smtp) == SMTP_WANT_LOOK);
    CHECK(slice_equal(buf_slice(&server.smtp.reply.text), SLICE("220 a\n")));
    smtp_taken(&server.smtp, START_MS);
    /* The second came before its command. */
    CHECK(smtp_want(&server.smtp) == SMTP_WANT_LOOK);
    smtp_taken(&server.smtp, START_MS);
    CHECK(smtp_want(&server.smtp) == SMTP_WANT_END);
    CHECK(server.smtp.fault == FAULT_DIED);
}

#define CASES(X)                     \
    X(ends_where_mail_would_be_said) \
    X(ends_so_over_tls)              \
    X(a_reply_too_many_ends_it)      \
    X(a_look_comes_before_a_loss)    \
    X(ends_so_after_a_refusal)       \
    X(ends_so_after_helo)            \
    X(failures_are_what_they_are)    \
    X(a_look_delays_what_follows)

TEST_MAIN(CASES)
