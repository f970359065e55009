/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "sim/check.h"
#include "sim/mta.h"

enum { EHLO_UNKNOWN = 502 }; /* mta_command.c */

/* ---- K ---- */

/* In clear: whether TLS was tried in vain before, with this server. */
static void
check_failed_line(const struct report *r, const struct session *taker)
{
    bool tried = false, may = taker->helo && world.anchors;

    for (uint32_t i = 0; i < session_count; i++) {
        const struct session *s = sessions[i];

        tried = tried || (s->mta == taker->mta && has_tried_tls(s));
        may = may || (s->mta == taker->mta && may_have_tried_tls(s));
    }
    /* By one name it must have TLS, by another it need not. */
    if (tried && !dane_must(taker->mta) &&
        !report_has(r, "\nSTARTTLS failed: "))
        violated(CHECK_VERDICT, "TLS failed, and no line says so: %s",
                 quoted(r->text, r->text_size));
    if (!may && world.calm && report_has(r, "\nSTARTTLS failed: "))
        violated(CHECK_VERDICT, "TLS was not tried, and a line says it failed");
}

static void
check_starttls_line(const struct report *r, const struct session *s)
{
    static const char *const lines[] = {[PROOF_NONE] = "; verify=unverified;\n",
                                        [PROOF_NAME] = "; verify=verified;\n",
                                        [PROOF_PIN] = "; verify=pinned;\n"};
    const char *line = lines[world.hop.proof];
    char proto[64];

    if (!s->secure) {
        if (report_has(r, "STARTTLS proto="))
            violated(CHECK_VERDICT, "claims TLS for a session in clear");
        check_failed_line(r, s);
        return;
    }
    if (world.dane.on) {
        check_dane_line(r, s);
        return;
    }
    snprintf(proto, sizeof(proto),
             "\nSTARTTLS proto=%s; cipher=", peer_proto(s->peer));
    if (!report_has(r, proto) || !report_has(r, line))
        violated(CHECK_VERDICT, "the STARTTLS line is wrong: %s",
                 quoted(r->text, r->text_size));
}

static bool
records_fit(const struct report *r, const struct session *s)
{
    bool fallen = is_fallen(s);

    if (r->record_count != world.recipient_count)
        return false;
    for (uint32_t i = 0; i < r->record_count; i++) {
        uint8_t wanted = s->rcpt_verdicts[i];

        if (wanted == 'h' && r->records[i] == 's' && may_be_fallen(s))
            continue;
        if (wanted != r->records[i] || (wanted == 'h' && fallen))
            return false;
    }
    return true;
}

/* A reply that lost its end, or whose end is late, makes one line with the one
 * to QUIT. */
static bool
was_joined(const struct session *s)
{
    enum mischief m = s->mta->mischief;

    return s->committed && s->dirty && (m == CUT || m == DRIP) && s->quit;
}

/* A reply too many in a flight is no excuse: 354 stands between it and the end
 * of the message. */
static bool
was_duped(const struct session *s)
{
    return was_misled(s) && !(s->mta->mischief == TWICE && !s->stale);
}

static void
check_accepted(const struct report *r)
{
    const struct session *s = last_session();
    char first[TEXT_SIZE];

    if (!s || was_duped(s) || was_joined(s))
        return;
    if (!s->committed || s->said_count == 0 ||
        s->said[s->said_count - 1].at != AT_END ||
        s->said[s->said_count - 1].code / 100 != 2 ||
        !was_read(s, s->said_count - 1)) {
        violated(CHECK_ACCEPTED, "K, but %s did not say so",
                 place_text(&s->mta->place));
        return;
    }
    snprintf(first, sizeof(first), "%s accepted message.\n",
             place_text(&s->mta->place));
    if (!report_starts(r, first) || !report_has(r, "\nRemote host said: 2"))
        violated(CHECK_VERDICT, "not the text of an acceptance: %s",
                 quoted(r->text, r->text_size));
    if (!records_fit(r, s))
        violated(CHECK_VERDICT, "recipients have other verdicts");
    check_starttls_line(r, s);
}

/* ---- what the last session leads to ---- */

/* Its replies are as they were meant, as far as they were read. */
static bool
is_honest(const struct session *s)
{
    enum mischief m = s->mta->mischief;

    return !s->dirty ||
           ((m == CLOSE || m == RESET || m == CLOSING) && !s->early_done);
}

static void
check_last(const struct report *r)
{
    const struct session *s = last_session();
    struct wanted w = {0, NULL};

    if (!s || !is_honest(s) || s->mta->mischief == TAKEN_OFF || !world.calm)
        return;
    w = judge_session(s);
    if (w.letter == 0 || (world.message_partial && world.message_pipe))
        return;
    if (r->letter != w.letter || !report_has(r, w.text))
        violated(CHECK_VERDICT, "should be %c (%s), is %c%s", w.letter, w.text,
                 r->letter, quoted(r->text, r->text_size));
    if (w.letter != 'K' && w.letter == r->letter && r->record_count > 0 &&
        !records_fit(r, s))
        violated(CHECK_VERDICT, "recipients have other verdicts");
}

/* EHLO and HELO were both in vain: what was said to EHLO is what may help. */
static void
check_hello(const struct report *r)
{
    const struct session *s = last_session();
    bool refused = false, over = false;

    if (!s || session_count > 1 || world.anchors || !world.calm ||
        !is_honest(s) || s->mta->mischief == TAKEN_OFF || s->mail_asked)
        return;
    for (uint32_t i = 0; i < s->said_count; i++) {
        refused = refused || (s->said[i].at == AT_EHLO && was_read(s, i) &&
                              s->said[i].code == EHLO_UNKNOWN);
        over = over || (s->said[i].at == AT_HELO && was_read(s, i) &&
                        s->said[i].code >= 400 && s->said[i].code != 421);
    }
    over = over || (s->last_asked == AT_HELO && s->dirty);
    if (!refused || !over)
        return;
    if (!report_has(r, " but my name was rejected.") || !report_has(r, "502"))
        violated(CHECK_VERDICT, "EHLO was refused, and the report is %c%s",
                 r->letter, quoted(r->text, r->text_size));
}

/* The only server was spoken to, and refused the next connection. */
static void
check_busy(const struct report *r)
{
    const struct conn *c = conns;
    const struct session *s = last_session();

    while (c && (c->ns || !c->stream))
        c = c->next;
    if (!s || !c || !world.calm || world.mta_count > 1 || !c->mta ||
        c->state != CONN_FAILED || c->mta != s->mta || !s->mta->busy)
        return;
    if (!report_has(r, place_text(&c->place)))
        violated(CHECK_VERDICT, "does not say that %s was it: %c%s",
                 place_text(&c->place), r->letter,
                 quoted(r->text, r->text_size));
}

/* ---- all of it ---- */

/* Somebody was sent it all. What TLS took while the socket had no room counts
 * as sent, though its last record may never have gone whole. */
static bool
may_be_duplicate(void)
{
    for (uint32_t i = 0; i < session_count; i++)
        if (sessions[i]->conn->written >= world.expected.size ||
            (sessions[i]->secure && sessions[i]->conn->held_up))
            return true;
    return false;
}

void
check_verdict(const struct report *r)
{
    const struct session *taker = NULL;
    bool bad = world.bad_args || world.not_ascii;

    for (uint32_t i = 0; i < session_count; i++)
        if (sessions[i]->committed)
            taker = sessions[i];
    if (bad && (r->letter != 'D' || session_count > 0))
        violated(CHECK_VERDICT, "bad arguments were used");
    if (world.bad_control && !bad && r->letter != 'Z' &&
        !(world.message_partial && world.hop.login))
        violated(CHECK_VERDICT, "bad control files, and %c", r->letter);
    if (taker && r->letter != 'K' && !report_has(r, "Possible duplicate!") &&
        !was_misled(taker) && !was_shifted(taker) && !was_refused_early(taker))
        violated(CHECK_DUPLICATE, "delivered by %s, and reported as %c%s",
                 place_text(&taker->mta->place), r->letter,
                 quoted(r->text, r->text_size));
    if (report_has(r, "Possible duplicate!") && !may_be_duplicate())
        violated(CHECK_DUPLICATE, "no server had the message, and it is Z%s",
                 quoted(r->text, r->text_size));
    if (r->letter == 'K' && !last_session())
        violated(CHECK_ACCEPTED, "K without a session");
    if (r->letter == 'D')
        check_permanent(r);
    if (r->letter == 'K')
        check_accepted(r);
    if (bad)
        return;
    check_last(r);
    check_hello(r);
    check_busy(r);
    check_known(r);
}
