/* SPDX-License-Identifier: ISC */
#include "sim/check.h"

#include <stdio.h>
#include <string.h>

#include "sim/mta.h"

enum {
    TRAP_INDEX = 66,
    SLACK_MS = 1000,
    DNS_BOUND_MS = 66000, /* 1, 3, 11, 45 s, pauses, one look-up */
    DNS_STAGES = 2,       /* exchangers, then addresses */
    CARELESS_S = 300,
    PASS_SESSIONS_MAX = 5,
    REPEATS_MAX = 3, /* with TLS, in clear, careful */
    CANDIDATES_MAX = 32,
    RACE_MS = 3000
};

struct figures figures;

static uint32_t step;
static int64_t excuse_ms;
static int64_t dns_first_ms, dns_last_ms;

void
check_reset(void)
{
    step = 0;
    excuse_ms = 0;
    dns_first_ms = -1;
}

void
check_excuse(int64_t ms)
{
    excuse_ms += ms;
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

void
check_open(struct conn *c)
{
    c->opened_step = ++step;
    trace("connect %u to %s port %u by %s", c->number, place_text(&c->place),
          c->to.port, c->stream ? "TCP" : "UDP");
    /* Without resolv.conf the name server is this machine. */
    if (c->ns || (c->to.port == 53 && !world.calm)) {
        if (dns_first_ms < 0)
            dns_first_ms = sim_now_ms;
        dns_last_ms = sim_now_ms;
        return;
    }
    if (!c->stream || c->to.port != world.port)
        violated(CHECK_TRAP, "connects to %s, port %u", place_text(&c->place),
                 c->to.port);
    if (place_is_own(&c->place, world.route == TO_EXCHANGERS))
        violated(CHECK_OWN, "connects to own address %s",
                 place_text(&c->place));
    if (!place_is_usable(&c->place) || !is_known(&c->place))
        violated(CHECK_TRAP, "connects to %s, which nobody named",
                 place_text(&c->place));
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
    if (s->forged_from == 0 || s->peer)
        return;
    if (c->written == s->forged_behind)
        s->forged_early = c->taken > s->forged_from;
    s->forged_ignored |= s->forged_early && c->taken >= s->forged_end;
}

static void
check_patience(const struct conn *c)
{
    int64_t limit_ms = SLACK_MS + excuse_ms;

    if (c->closed || !c->mta)
        return;
    if (c->state == CONN_CONNECTING &&
        sim_now_ms > c->opened_ms + world.connect_timeout_ms + limit_ms)
        violated(CHECK_TIME, "waits for a connection to %s since %lld ms",
                 place_text(&c->place), (long long)(sim_now_ms - c->opened_ms));
    if (c->used &&
        sim_now_ms > c->progress_ms + world.remote_timeout_ms + limit_ms)
        violated(CHECK_TIME, "waits for %s since %lld ms",
                 place_text(&c->place),
                 (long long)(sim_now_ms - c->progress_ms));
}

void
check_time(void)
{
    int64_t dns_ms =
        world.dns_timeout_ms > 0 && world.dns_timeout_ms < DNS_BOUND_MS
            ? world.dns_timeout_ms
            : DNS_BOUND_MS;

    for (const struct conn *c = conns; c; c = c->next)
        check_patience(c);
    for (const struct conn *c = conns; c; c = c->next)
        if (c->ns && !c->closed &&
            sim_now_ms >
                dns_first_ms + DNS_STAGES * dns_ms + SLACK_MS + excuse_ms) {
            violated(CHECK_TIME, "asks the DNS for more than %lld ms",
                     (long long)(sim_now_ms - dns_first_ms));
            return;
        }
}

/* ---- sessions ---- */

static bool
bdat_refused_before(const struct session *now)
{
    for (uint32_t i = 0; i < session_count; i++) {
        const struct session *s = sessions[i];

        if (s == now || s->mta != now->mta || !s->bdat || s->said_count == 0)
            continue;
        if (s->said[s->said_count - 1].at == AT_END &&
            s->said[s->said_count - 1].code / 10 == 50 &&
            s->said[s->said_count - 1].code <= 504 && sessions[i + 1] == now)
            return true;
    }
    return false;
}

/* Whether it must go in lock-step and by DATA. */
bool
check_careful(const struct session *s)
{
    if (bdat_refused_before(s))
        return true;
    return !world.message_pipe && !world.wall_jumps &&
           world.wall_s - world.message_modified_s > CARELESS_S;
}

static bool
is_proven(const struct session *s)
{
    const int64_t since_s = 1577836800, until_s = 4733510400; /* make.sh */
    int64_t wall_s = world.wall_s + sim_now_ms / 1000;

    if (s->mta->cert != CERT_GOOD && s->mta->cert != CERT_RSA)
        return false;
    return world.wall_jumps || (wall_s >= since_s && wall_s <= until_s);
}

/* Something that makes clear text right where TLS was to be had. */
static bool
has_excuse(const struct session *now)
{
    for (uint32_t i = 0; i < session_count; i++) {
        const struct session *s = sessions[i];

        if (s->mta == now->mta && s != now && s->peer)
            return true;
        for (uint32_t k = 0; k < s->said_count; k++)
            if (s->mta == now->mta && s->said[k].at == AT_STARTTLS)
                return true;
    }
    return false;
}

static bool
is_first(const struct session *now)
{
    for (const struct conn *c = conns; c; c = c->next)
        if (c->mta && c != now->conn)
            return false;
    return true;
}

void
check_mail(const struct session *s)
{
    bool offered = s->offers & OFFERS_STARTTLS;

    if (world.strictness == 2 && !s->secure)
        violated(CHECK_STRICT, "MAIL in clear to %s",
                 place_text(&s->mta->place));
    if (world.strictness == 2 && !is_proven(s))
        violated(CHECK_STRICT, "MAIL to %s, which proved nothing",
                 place_text(&s->mta->place));
    if (s->secure && s->forged_from > 0 && s->hello_end > s->forged_from)
        violated(CHECK_FORGED, "MAIL under TLS behind forged bytes");
    if (s->secure || !world.anchors)
        return;
    if (world.strictness == 1 && is_first(s) && world.calm)
        violated(CHECK_STRICT, "MAIL in clear in the first pass");
    if (world.strictness == 0 && offered && !has_excuse(s) &&
        !(s->dirty && s->mta->mischief == TWICE))
        violated(CHECK_STRICT, "MAIL in clear though TLS was offered");
}

void
check_secured(const struct session *s)
{
    figures.tls++;
    if (s->forged_from > 0 && s->forged_from < s->tls_from)
        violated(CHECK_FORGED, "the handshake went on behind forged bytes");
    if (peer_has_client_cert(s->peer) !=
        (s->mta->tls_asks && world.client_cert))
        violated(CHECK_VERDICT, "the client certificate is %s",
                 world.client_cert ? "missing" : "there");
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

/* A try: sessions with the same server, one after the other. */
static void
check_count(void)
{
    uint32_t passes = world.strictness == 1 && world.anchors ? 2 : 1;
    uint32_t tries = 0, run = 0;
    const struct mta *last = NULL;

    for (uint32_t i = 0; i < session_count; i++) {
        const struct session *s = sessions[i];

        if (!s->conn->used)
            continue;
        run = s->mta == last ? run + 1 : 1;
        tries += s->mta != last;
        last = s->mta;
        if (run > REPEATS_MAX * passes)
            violated(CHECK_SESSIONS, "%u sessions with %s", run,
                     place_text(&s->mta->place));
    }
    if (tries > PASS_SESSIONS_MAX * passes)
        violated(CHECK_SESSIONS, "%u candidates had a session", tries);
}

/* The sum of all bounds; each wait alone is watched by check_time. */
static void
check_total(void)
{
    int64_t bound_ms = DNS_STAGES * DNS_BOUND_MS + SLACK_MS + excuse_ms;
    int64_t race_ms = CANDIDATES_MAX * RACE_MS + world.connect_timeout_ms;

    for (uint32_t i = 0; i < session_count; i++) {
        bound_ms += race_ms + 2 * world.remote_timeout_ms;
        bound_ms += (sessions[i]->said_count + sessions[i]->conn->written) *
                    world.remote_timeout_ms;
    }
    bound_ms += 2 * race_ms;
    if (sim_now_ms > bound_ms)
        violated(CHECK_TIME, "took %lld ms, the bound is %lld",
                 (long long)sim_now_ms, (long long)bound_ms);
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

    figures.runs++;
    figures.sessions += session_count;
    check_total();
    while (clock_next(INT64_MAX / 2) && sim_now_ms < INT64_MAX / 2)
        continue; /* what is still under way arrives */
    sim_now_ms = end_ms;
    check_order();
    check_count();
    for (const struct conn *c = conns; c; c = c->next)
        if (c->expired)
            check_timed_out(c);
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
}
