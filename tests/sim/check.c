/* SPDX-License-Identifier: ISC */
#include "sim/check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sim/mta.h"

enum { TRAP_INDEX = 66, SLACK_MS = 1000, CARELESS_S = 300, CLOSING_CODE = 421 };

struct figures figures;

static uint32_t step;

void
check_reset(void)
{
    step = 0;
    check_time_reset();
}

struct place
check_trap(void)
{
    return place_make(TRAP_INDEX, false);
}

/* ---- connections ---- */

static bool
is_known(const struct place *p)
{
    if (place_equal(p, &world.route_place))
        return true;
    for (uint32_t i = 0; i < world.zone.name_count; i++)
        for (uint32_t k = 0; k < world.zone.names[i].address_count; k++) {
            struct place plain = place_plain(&world.zone.names[i].addresses[k]);

            if (place_equal(p, &plain))
                return true;
        }
    return false;
}

/* No better than an exchanger that is this machine, and that is known. */
static void
check_cut(const struct conn *c)
{
    struct truth t;

    find_truth(&t);
    if (!t.own || !check_is_steady() || !truth_shows_own(&t) ||
        world.route != TO_EXCHANGERS)
        return;
    if (truth_names(&t, &c->place) == 0)
        violated(CHECK_OWN, "connects to %s, and is as good itself",
                 place_text(&c->place));
}

/* A name has it that the policy does not exclude: one who tells lies may have
 * made it an exchanger. */
static bool
may_be_listed(const struct place *given)
{
    for (uint32_t i = 0; i < world.zone.name_count; i++) {
        const struct zone_name *n = &world.zone.names[i];

        for (uint32_t k = 0; k < n->address_count; k++) {
            struct place p = place_plain(&n->addresses[k]);

            if (place_equal(&p, given) && !(world.sts_excluded >> i & 1))
                return !world.dns_true && !world.dane.on;
        }
    }
    return false;
}

/* Not to an exchanger that its policy does not name, or whose TLSA records
 * cannot be looked up. */
static void
check_listed(const struct conn *c)
{
    struct truth t;

    if (world.sts_excluded == 0 && !world.dane.on)
        return;
    find_truth(&t);
    if (!t.own && truth_names(&t, &c->place) == 0 && !may_be_listed(&c->place))
        violated(CHECK_SECURE, "connects to %s, which DANE or the policy bars",
                 place_text(&c->place));
}

void
check_open(struct conn *c)
{
    c->opened_step = ++step;
    trace("connect %u to %s port %u by %s", c->number, place_text(&c->place),
          c->to.port, c->stream ? "TCP" : "UDP");
    /* Without resolv.conf the name server is this machine. */
    if (c->ns || (c->to.port == 53 && !world.calm))
        return;
    if (!c->stream || c->to.port != world.port)
        violated(CHECK_TRAP, "connects to %s, port %u", place_text(&c->place),
                 c->to.port);
    if (place_is_own(&c->place, !world.relayed))
        violated(CHECK_OWN, "connects to own address %s",
                 place_text(&c->place));
    if (!place_is_usable(&c->place) || !is_known(&c->place))
        violated(CHECK_TRAP, "connects to %s, which nobody named",
                 place_text(&c->place));
    check_cut(c);
    check_listed(c);
    check_race(c);
}

/* Whatever is said of it at the end, it is no use to any server now. */
void
check_close(struct conn *c)
{
    /* TLS says goodbye, which is no progress. */
    bool goodbye =
        c->session && c->session->secure && c->progress_ms == sim_now_ms;
    int64_t waited_ms = sim_now_ms - (goodbye ? c->before_ms : c->progress_ms);

    if (c->used && c->session && !c->end_queued && is_undecided(c->session) &&
        waited_ms < world.remote_timeout_ms - SLACK_MS)
        violated(CHECK_TIME, "gives up on %s after %lld ms",
                 place_text(&c->place), (long long)waited_ms);
    if (c->state == CONN_CONNECTING)
        c->expired = sim_now_ms >= c->opened_ms + world.connect_timeout_ms;
    c->closed_step = ++step;
    trace("closes %u (%s)", c->number, place_text(&c->place));
}

/* Forged bytes behind a refused STARTTLS, or a reply that answers nothing. Who
 * has read one of them before the next command went must not go on behind the
 * last, but for QUIT; who had not cannot know, and the forger of a clear
 * session could as well answer for the server. */
void
check_write(const struct conn *c)
{
    struct session *s = c->session;

    check_alone(c);
    for (uint32_t i = 0; i < s->said_count && !s->peer; i++)
        if (s->said[i].code == CLOSING_CODE && was_read(s, i) &&
            !was_over(s, i))
            violated(CHECK_CLIENT, "goes on behind 421 of %s",
                     place_text(&c->place));
    if (s->forged_from == 0 || (s->peer && !s->stale))
        return;
    if (c->written == s->forged_behind)
        s->forged_early = c->taken > s->forged_from;
    s->forged_ignored |= s->forged_early && c->taken >= s->forged_end;
}

/* ---- sessions ---- */

/* A session was refused for its manner, and those since were its repeats. */
static bool
must_be_gentle(const struct session *now)
{
    bool gentle = false;

    for (uint32_t i = 0; i < session_count && sessions[i] != now; i++) {
        const struct session *s = sessions[i];

        if (s->conn->used)
            gentle = s->mta == now->mta &&
                     (is_disliked(s) || (gentle && is_repeat_due(s)));
    }
    return gentle;
}

bool
check_careful(const struct session *s)
{
    if (must_be_gentle(s))
        return true;
    return !world.message_pipe && !world.wall_jumps &&
           world.wall_s - world.message_modified_s > CARELESS_S;
}

bool
check_may_be_careful(const struct session *now)
{
    for (uint32_t i = 0; i < session_count && sessions[i] != now; i++)
        if (sessions[i]->mta == now->mta && may_be_disliked(sessions[i]))
            return true;
    return world.wall_jumps ||
           world.wall_s + sim_now_ms / 1000 - world.message_modified_s >
               CARELESS_S;
}

/* What makes clear text right where TLS was offered. */
static bool
has_excuse(const struct session *now)
{
    for (uint32_t i = 0; i < session_count; i++)
        if (sessions[i]->mta == now->mta && may_have_tried_tls(sessions[i]))
            return true;
    return false;
}

/* Whatever made it so. */
static bool
must_be_secure(const struct mta *m)
{
    (void)m;
    return world.strictness == 2;
}

/* HELO comes first only once EHLO has ended a connection. */
void
check_helo(const struct session *now)
{
    bool mute = false;

    for (uint32_t i = 0; i < session_count; i++)
        mute = mute || (sessions[i] != now && sessions[i]->mta == now->mta &&
                        was_mute(sessions[i]));
    if (!mute && world.calm)
        violated(CHECK_CLIENT, "HELO comes first, to %s",
                 place_text(&now->mta->place));
    if (must_be_secure(now->mta) || (world.dane.on && !dane_is_proven(now)))
        violated(CHECK_SECURE, "HELO to %s, which must have TLS",
                 place_text(&now->mta->place));
    if (world.strictness == 1 && world.anchors)
        check_second_pass(now);
}

void
check_mail(const struct session *s)
{
    check_logged_in(s);
    if (must_be_secure(s->mta) && !s->secure)
        violated(CHECK_STRICT, "MAIL in clear to %s",
                 place_text(&s->mta->place));
    if (must_be_secure(s->mta) && s->secure && !check_is_proven(s))
        violated(CHECK_SECURE, "MAIL to %s, which proved nothing",
                 place_text(&s->mta->place));
    if (world.dane.on && !dane_is_proven(s))
        violated(CHECK_SECURE, "MAIL to %s, which DANE wants more of",
                 place_text(&s->mta->place));
    if (s->secure && s->forged_from > 0 && !s->stale &&
        s->hello_end > s->forged_from)
        violated(CHECK_FORGED, "MAIL under TLS behind forged bytes");
    if (s->secure || !world.anchors)
        return;
    if (s->offers & OFFERS_STARTTLS && !has_excuse(s) && world.calm &&
        !(s->dirty && s->mta->mischief == TWICE))
        violated(CHECK_SECURE, "MAIL in clear though TLS was offered");
    if (world.strictness == 1)
        check_second_pass(s);
}

/* What is asked for is a name of the zone, or none for an address and for what
 * no host can be called. */
static bool
is_named(const struct session *s)
{
    const char *name = peer_name(s->peer);
    bool dressed = false;

    if (world.hop.name[0])
        return strcasecmp(name, world.hop.name) == 0;
    if (world.route == TO_ADDRESS)
        return name[0] == '\0';
    for (uint32_t i = 0; i < world.zone.name_count; i++) {
        const struct zone_name *n = &world.zone.names[i];

        if (!n->dress && strcasecmp(n->text, name) == 0)
            return n->text[0] != '_';
        dressed = dressed || n->dress || n->text[0] == '_';
    }
    return dressed && name[0] == '\0';
}

void
check_secured(const struct session *s)
{
    figures.tls++;
    if (s->forged_from > 0 && s->forged_from < s->tls_from)
        violated(CHECK_FORGED, "the handshake went on behind forged bytes");
    /* A session of before stands for it, where it is resumed. */
    if (!peer_offered(s->peer) && peer_has_client_cert(s->peer) !=
                                      (s->mta->tls_asks && world.client_cert))
        violated(CHECK_VERDICT, "the client certificate is %s",
                 world.client_cert ? "missing" : "there");
    if (!is_named(s))
        violated(CHECK_CLIENT, "asks %s for %s", place_text(&s->mta->place),
                 quoted(peer_name(s->peer), strlen(peer_name(s->peer))));
    if (sim_now_ms < world.keys_ms)
        violated(CHECK_SECURE, "TLS with keys that can be guessed");
}

void
check_commit(const struct session *s)
{
    for (uint32_t i = 0; i < session_count; i++)
        if (sessions[i] != s && sessions[i]->committed)
            violated(CHECK_DUPLICATE, "delivered by %s and by %s",
                     place_text(&sessions[i]->mta->place),
                     place_text(&s->mta->place));
}

/* ---- the end ---- */

static void
check_order(void)
{
    for (uint32_t i = 0; i < session_count; i++) {
        const struct session *s = sessions[i];

        if (was_misled(s) || (!s->committed && (!s->end_seen || s->undone)))
            continue;
        for (const struct conn *c = conns; c; c = c->next)
            if (!c->ns && c->opened_step > s->conn->closed_step)
                violated(CHECK_DUPLICATE,
                         "another connection though %s may have the message",
                         place_text(&s->mta->place));
    }
}

static void
count(const struct report *r)
{
    figures.accepted += r->letter == 'K';
    figures.temporary += r->letter == 'Z';
    figures.permanent += r->letter == 'D';
    figures.duplicates += report_has(r, "Possible duplicate!");
}

void
check_end(const struct bytes *report, bool died)
{
    struct report r;
    int64_t end_ms = sim_now_ms;

    figures.sessions += session_count;
    check_total();
    while (clock_next(INT64_MAX / 2) && sim_now_ms < INT64_MAX / 2)
        continue; /* what is still under way arrives */
    sim_now_ms = end_ms;
    for (uint32_t i = 0; i < session_count; i++)
        check_resume(sessions[i]);
    check_order();
    check_passes();
    for (const struct conn *c = conns; c; c = c->next)
        if (c->expired)
            check_timed_out(c);
    check_secret(report->data, report->size, "is in the report");
    check_login(report->data, report->size, "is in the report");
    check_wires();
    if (died) {
        figures.died++;
        /* A record of a recipient alone says nothing to qmail-rspawn. */
        if (report_read(report, &r))
            violated(CHECK_REPORT, "died behind a whole report");
        if (world.calm)
            violated(CHECK_REPORT, "died for no reason");
        return;
    }
    if (!report_read(report, &r)) {
        violated(CHECK_REPORT, "malformed report: %s",
                 quoted(report->data, report->size));
        return;
    }
    trace("report %c%s", r.letter, quoted(r.text, r.text_size));
    if (report_has(&r, "out of TLS memory"))
        violated(CHECK_MEMORY, "the arena was too small for ordinary servers");
    count(&r);
    check_verdict(&r);
    check_untried(&r);
}
