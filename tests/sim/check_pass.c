/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/check.h"
#include "sim/mta.h"

/* Who is asked, how often and why: policy.md, "How to connect" and the rows on
 * strictness 1. A try: sessions with one server, one behind the other. */
enum {
    TRY_SESSIONS_MAX = 5, /* a pass, of those that count */
    REPEATS_MAX = 4,      /* the first, in clear, careful, with HELO */
    SLACK_MS = 1000,
    CLOSING_CODE = 421
};

static uint32_t tries_counted; /* of the run that has ended */

static bool
is_searched(void)
{
    return world.strictness == 1 && world.anchors;
}

static uint32_t
pass_count(void)
{
    return is_searched() ? 2 : 1;
}

/* An exchanger is an alias for it. */
static bool
is_real(uint32_t name)
{
    for (uint32_t i = 0; i < world.zone.name_count; i++)
        if (world.zone.names[i].alias == (int)name)
            return true;
    return false;
}

/* How often a server may be tried in a pass: once a name that has its address,
 * where a name is to be proved. */
static uint32_t
name_count(const struct mta *m)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world.zone.name_count; i++) {
        const struct zone_name *n = &world.zone.names[i];
        bool has = false;

        if (is_real(i))
            continue;
        /* Of a chain of more it is not known here: a loop. */
        if (n->alias >= 0)
            n = &world.zone.names[n->alias];
        for (uint32_t k = 0; k < n->address_count; k++) {
            struct place p = place_plain(&n->addresses[k]);

            has = has || place_equal(&p, &m->place);
        }
        count += has;
    }
    return (world.hop.proof == PROOF_NAME || world.dane.on) && count > 1 ? count
                                                                         : 1;
}

static bool
was_opened(const struct place *p)
{
    for (const struct conn *c = conns; c; c = c->next)
        if (!c->ns && c->stream && place_equal(&c->place, p))
            return true;
    return false;
}

/* ---- strictness 1 ---- */

/* It may be of the second pass: it was asked before, and somebody since. */
static bool
may_be_second(const struct session *now)
{
    bool before = false, since = false;

    for (uint32_t i = 0; i < session_count && sessions[i] != now; i++) {
        bool same = sessions[i]->mta == now->mta;

        before = before || (same && sessions[i]->conn->used);
        since = since || (before && !same && sessions[i]->conn->used);
    }
    return since;
}

/* It goes on in clear: in the first pass everybody was asked, and nobody had
 * TLS that worked. */
void
check_second_pass(const struct session *now)
{
    struct truth t;

    for (uint32_t i = 0; i < session_count; i++)
        if (sessions[i]->secure && sessions[i]->mail_asked &&
            !may_be_second(sessions[i]) &&
            !check_is_skipped(&sessions[i]->mta->place))
            violated(CHECK_SECURE, "in clear to %s, though TLS worked with %s",
                     place_text(&now->mta->place),
                     place_text(&sessions[i]->mta->place));
    find_truth(&t);
    if (!check_is_steady() || !truth_is_sure(&t))
        return;
    for (uint32_t i = 0; i < t.count; i++)
        if (!was_opened(&t.list[i].place) &&
            !check_is_skipped(&t.list[i].place))
            violated(CHECK_SECURE, "in clear to %s, and %s was not asked",
                     place_text(&now->mta->place),
                     place_text(&t.list[i].place));
}

/* ---- sessions ---- */

/* The first reply to EHLO, or HELO, behind `from` was what it should be. */
static bool
has_read_offers(const struct session *s, size_t from)
{
    for (uint32_t i = 0; i < s->said_count; i++)
        if ((s->said[i].at == AT_EHLO || s->said[i].at == AT_HELO) &&
            s->said[i].code == 250 && s->said[i].end > from && was_read(s, i))
            return s->mta->mischief == SLOW || s->mta->mischief == TWICE ||
                   s->mta->mischief == TAKEN_OFF ||
                   !has_mischief(s, s->said[i].at);
    return false;
}

/* It ends for want of TLS, and so says nothing of the server. */
static bool
ends_for_tls(const struct session *s)
{
    if (!world.anchors || s->mail_asked ||
        (world.strictness == 0 && !dane_must(s->mta)))
        return false;
    /* There is TLS, whatever follows. */
    if (s->secure && has_read_offers(s, s->tls_from))
        return false;
    /* What stood for the reply to EHLO offered nothing. */
    if (!s->secure && s->mta->mischief == TWICE &&
        (s->dirty || s->conn->taken > s->forged_from))
        return true;
    if (s->starttls || may_have_tried_tls(s))
        return is_searched() && !dane_must(s->mta);
    return has_read_offers(s, 0) && !s->secure &&
           !(s->offers & OFFERS_STARTTLS);
}

bool
is_repeat_due(const struct session *s)
{
    bool clear = world.strictness < 2 || !world.anchors;

    return may_be_disliked(s) ||
           (world_file("run/qmail-remote/tlssessions") &&
            (has_tried_tls(s) || (world.hop.implicit && !s->mail_asked))) ||
           (clear && (may_have_tried_tls(s) || was_mute(s)));
}

static void
check_try(uint32_t from, uint32_t end)
{
    const struct mta *m = sessions[from]->mta;
    uint32_t again = pass_count() * name_count(m), count = 0;
    const struct session *last = NULL;

    for (uint32_t i = from; i < end; i++) {
        const struct session *s = sessions[i];

        if (!s->conn->used)
            continue;
        count++;
        if (last && world.calm && !is_repeat_due(last) && --again == 0)
            violated(CHECK_SESSIONS, "asks %s again for no reason",
                     place_text(&m->place));
        last = s;
    }
    if (count > REPEATS_MAX * pass_count() * name_count(m))
        violated(CHECK_SESSIONS, "%u sessions with %s", count,
                 place_text(&m->place));
}

/* TLS was refused and the session went on in clear, to end for its login: none
 * is offered there, or it was tried. */
static bool
ends_at_login(const struct session *s)
{
    uint32_t ours = world.hop.token ? MECHANISMS_TOKEN : MECHANISMS_PASSWORD;
    bool ends = (s->auth_offered & ours) == 0 || s->auth_tried != 0;

    for (uint32_t i = 0; i < s->said_count; i++)
        if (s->said[i].at == AT_STARTTLS &&
            (was_read(s, i) || s->forged_from > 0))
            return ends && world.hop.login && s->said[i].code >= 400 &&
                   s->said[i].code != CLOSING_CODE;
    return false;
}

/* In clear, careful, or with HELO, where the last session says so. */
static void
check_follow_up(const struct session *s, const struct session *behind)
{
    bool same = behind && behind->mta == s->mta;
    bool too_big =
        s->mta->size_max > 0 && s->mta->size_max < world.expected.size;
    bool fails = s->starttls && !s->secure && !s->mail_asked &&
                 world.strictness == 0 && !too_big && !ends_at_login(s);

    if (same || !world.calm || world.keys_ms > 0 || dane_must(s->mta) ||
        s->mta->busy || s->mta->mischief == TAKEN_OFF)
        return;
    if (fails)
        violated(CHECK_VERDICT, "TLS failed with %s, and clear was not tried",
                 place_text(&s->mta->place));
    if (was_mute(s) && !world.hop.login &&
        (world.strictness == 0 || !world.anchors))
        violated(CHECK_VERDICT, "%s hung up at EHLO, and HELO was not tried",
                 place_text(&s->mta->place));
    if (is_disliked(s) && !check_may_be_careful(s) && !world.message_pipe &&
        !s->dirty)
        violated(CHECK_VERDICT,
                 "%s disliked the manner, and no other was tried",
                 place_text(&s->mta->place));
}

static uint32_t
next_used(uint32_t from)
{
    while (from < session_count && !sessions[from]->conn->used)
        from++;
    return from;
}

/* So many tries of a server as it has names, or passes. */
static void
check_tries(const uint32_t *tries)
{
    for (uint32_t i = 0; i < world.mta_count; i++)
        if (tries[i] > pass_count() * name_count(&world.mtas[i]))
            violated(CHECK_SESSIONS, "tries %s %u times",
                     place_text(&world.mtas[i].place), tries[i]);
}

void
check_passes(void)
{
    uint32_t tries[MTA_COUNT_MAX] = {0};
    uint32_t from = next_used(0);

    tries_counted = 0;
    while (from < session_count) {
        const struct session *last = sessions[from];
        uint32_t end = from;

        for (uint32_t i = from; i < session_count;) {
            uint32_t behind = next_used(i + 1);

            last = sessions[i];
            end = i + 1;
            check_follow_up(last,
                            behind < session_count ? sessions[behind] : NULL);
            if (behind == session_count || sessions[behind]->mta != last->mta)
                break;
            /* Another name of the same address, or the second pass. */
            if (world.calm && !is_repeat_due(last))
                tries_counted += !ends_for_tls(last);
            i = behind;
        }
        check_try(from, end);
        tries[last->mta - world.mtas]++;
        tries_counted += !ends_for_tls(last);
        from = next_used(end);
    }
    check_tries(tries);
    if (tries_counted > TRY_SESSIONS_MAX * pass_count())
        violated(CHECK_SESSIONS, "%u candidates had a session", tries_counted);
}

/* ---- invariant 13 ---- */

static bool
is_open(const struct report *r)
{
    static const char *const texts[] = {
        "wasn't able to establish an SMTP connection",
        " but connection died.",
        " but greeting failed.",
        " but my name was rejected.",
        " but STARTTLS is required",
        " but STARTTLS was refused",
        " but TLS failed: ",
        " but its certificate was refused: ",
        " but it offers no login that I know: ",
        "couldn't find any host by that name"};

    if (r->letter != 'Z' || report_has(r, "Possible duplicate!"))
        return false;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (report_has(r, texts[i]))
            return true;
    return false;
}

/* The time of the pass was over, or its sessions were used up. What may be a
 * repeat may be a try under another name. */
static bool
was_at_a_limit(void)
{
    uint32_t first = next_used(0), used = 0;
    bool names = false;

    for (uint32_t i = first; i < session_count; i = next_used(i + 1)) {
        used++;
        names = names || name_count(sessions[i]->mta) > 1;
    }
    return tries_counted >= TRY_SESSIONS_MAX ||
           ((names || world_file("run/qmail-remote/tlssessions")) &&
            used >= TRY_SESSIONS_MAX) ||
           (first < session_count &&
            sim_now_ms + SLACK_MS >=
                sessions[first]->conn->used_ms + check_pass_ms());
}

void
check_untried(const struct report *r)
{
    struct truth t;

    find_truth(&t);
    if (!is_open(r) || !check_is_steady() || !truth_is_sure(&t) ||
        world.message_pipe || world.bad_control || was_at_a_limit())
        return;
    for (uint32_t i = 0; i < t.count; i++)
        if (!was_opened(&t.list[i].place) &&
            !check_is_skipped(&t.list[i].place))
            violated(CHECK_UNTRIED, "%s was not tried, and it is Z%s",
                     place_text(&t.list[i].place),
                     quoted(r->text, r->text_size));
}
