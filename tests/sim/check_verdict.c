/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "sim/check.h"
#include "sim/mta.h"

enum {
    PREFERENCE_COUNT = 3, /* 0, 10, 20: world_net.c */
    SESSION_LIMIT = 5,
    HANDSHAKE_SIZE = 3000, /* of the client, with its certificate */
    HANDSHAKE_ROUNDS = 6,
    EXACT_MX_MAX = 20,
    EXACT_LATENCY_MS = 5
};

struct session *
last_session(void)
{
    for (uint32_t i = session_count; i > 0; i--)
        if (sessions[i - 1]->conn->used)
            return sessions[i - 1];
    return NULL;
}

bool
was_read(const struct session *s, uint32_t reply)
{
    const struct said *r = &s->said[reply];

    return r->sent && r->came && s->conn->taken >= r->end;
}

/* ---- the truth ---- */

static int
follow(int index, struct truth *t)
{
    for (int hops = 0; hops < NAME_COUNT_MAX; hops++) {
        if (world.zone.names[index].alias < 0)
            return index;
        t->aliased = true;
        index = world.zone.names[index].alias;
    }
    t->broken = true; /* a loop */
    return index;
}

static void
add_name(struct truth *t, int given, uint32_t preference, uint32_t *own_best)
{
    const struct zone_name *n = &world.zone.names[follow(given, t)];

    t->broken = t->broken || n->state == ZONE_BROKEN;
    for (uint32_t i = 0; i < n->address_count && n->state == ZONE_FINE; i++) {
        struct place p = place_plain(&n->addresses[i]);

        if (place_is_own(&p, world.route == TO_EXCHANGERS)) {
            if (preference < *own_best)
                *own_best = preference;
            continue;
        }
        if (!place_is_usable(&p))
            continue;
        t->list[t->count].place = p;
        t->list[t->count++].preference = preference;
    }
}

static void
add_exchangers(struct truth *t, int host, uint32_t *own_best)
{
    bool null = false, other = false;
    bool seen[PREFERENCE_COUNT][NAME_COUNT_MAX] = {{false}};

    for (uint32_t i = 0; i < world.zone.mx_count; i++) {
        const struct zone_mx *mx = &world.zone.mx[i];

        null = null || mx->target < 0;
        other = other || mx->target >= 0;
        if (mx->target < 0 || seen[mx->preference / 10][mx->target])
            continue;
        seen[mx->preference / 10][mx->target] = true;
        add_name(t, mx->target, mx->preference, own_best);
    }
    t->null_only = null && !other;
    if (!null && !other)
        add_name(t, host, 0, own_best);
}

void
find_truth(struct truth *t)
{
    uint32_t own_best = UINT32_MAX, kept = 0;
    int host = 0;

    memset(t, 0, sizeof(*t));
    if (world.route == TO_ADDRESS) {
        if (place_is_own(&world.route_place, false))
            t->own = true;
        else if (place_is_usable(&world.route_place))
            t->list[t->count++].place = world.route_place;
        return;
    }
    if (world.route == TO_RELAY) {
        add_name(t, ZONE_RELAY, 0, &own_best);
    } else {
        host = follow(ZONE_HOST, t);
        t->no_name = world.zone.names[host].state == ZONE_NO_NAME;
        t->broken |= world.zone.names[host].state == ZONE_BROKEN;
        if (!t->no_name && !t->broken)
            add_exchangers(t, host, &own_best);
    }
    t->own = own_best != UINT32_MAX;
    for (uint32_t i = 0; i < t->count; i++)
        if (!t->own || t->list[i].preference < own_best)
            t->list[kept++] = t->list[i];
    t->count = kept;
}

/* ---- D: for what was said, or is known ---- */

/* An unasked reply in a flight looks like the one to the message; so does, in
 * clear, what was forged behind the refusal of STARTTLS and came when the next
 * command had gone (check_write). */
bool
was_misled(const struct session *s)
{
    bool forged = s->forged_from > 0 && !s->peer && !s->forged_early &&
                  s->conn->taken > s->forged_from;

    return forged || (s->dirty && (s->mta->mischief == TWICE || s->early_done));
}

/* A reply that is missing in a flight makes the next one stand for it. */
bool
was_shifted(const struct session *s)
{
    enum mischief m = s->mta->mischief;

    return s->dirty && s->offers & OFFERS_PIPELINING &&
           (m == SILENCE || m == CUT || m == DRIP);
}

static bool
somebody_said(enum at at, uint32_t low)
{
    for (uint32_t i = 0; i < session_count; i++) {
        const struct session *s = sessions[i];

        if (was_misled(s) || was_shifted(s))
            return true;
        for (uint32_t k = 0; k < s->said_count; k++)
            if (s->said[k].at == at && s->said[k].code >= low)
                return true;
    }
    return false;
}

static bool
all_were_refused(void)
{
    for (uint32_t i = 0; i < session_count; i++)
        if (sessions[i]->rcpt_refused == world.recipient_count ||
            was_misled(sessions[i]) || was_shifted(sessions[i]))
            return true;
    return false;
}

static bool
was_too_big(void)
{
    for (uint32_t i = 0; i < world.mta_count; i++)
        if (world.mtas[i].size_max > 0 &&
            world.mtas[i].size_max < world.expected.size)
            return true;
    return false;
}

static void
check_permanent(const struct report *r)
{
    struct truth t;
    bool from_dns = world.route == TO_EXCHANGERS;
    bool right = false;

    find_truth(&t);
    if (report_starts(r, "I (qmail-remote) was invoked improperly."))
        right = world.bad_args;
    else if (report_has(r, "that is not ASCII. (#5.6.7)"))
        right = world.not_ascii;
    else if (report_starts(r, "SMTP cannot transfer messages with partial"))
        right = world.message_partial;
    else if (report_starts(r, "Sorry, I couldn't find any host named"))
        right = from_dns && t.no_name;
    else if (report_starts(r, "Sorry, that host does not accept mail."))
        right = from_dns && t.null_only;
    else if (report_starts(r, "Sorry, I couldn't find a mail exchanger"))
        right = !world.relayed && !t.broken &&
                (t.count == 0 || world.zone.mx_count > EXACT_MX_MAX);
    else if (report_starts(r, "Sorry. Although I'm listed"))
        right = !world.relayed && t.own && t.count == 0;
    else if (report_has(r, " but sender was rejected."))
        right = somebody_said(AT_MAIL, 500);
    else if (report_starts(r, "Giving up on "))
        right = all_were_refused();
    else if (report_has(r, " failed on DATA command."))
        right = somebody_said(AT_DATA, 500);
    else if (report_has(r, " failed after I sent the message."))
        right = somebody_said(AT_END, 500);
    else if (report_has(r, " but the message is too big for it: "))
        right = was_too_big();
    if (!right)
        violated(CHECK_PERMANENT, "no cause for D%s",
                 quoted(r->text, r->text_size));
}

/* ---- K ---- */

static void
check_starttls_line(const struct report *r, const struct session *s)
{
    const char *line = world.strictness == 2 ? "; verify=verified;\n"
                                             : "; verify=unverified;\n";
    char proto[64];

    if (!s->secure) {
        if (report_has(r, "STARTTLS proto="))
            violated(CHECK_VERDICT, "claims TLS for a session in clear");
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
    if (r->record_count != world.recipient_count)
        return false;
    return memcmp(r->records, s->rcpt_verdicts, r->record_count) == 0;
}

/* A reply that lost its end, or whose end is late, makes one line with the one
 * to QUIT. */
static bool
was_joined(const struct session *s)
{
    enum mischief m = s->mta->mischief;

    return s->committed && s->dirty && (m == CUT || m == DRIP) && s->quit;
}

static void
check_accepted(const struct report *r)
{
    const struct session *s = last_session();
    char first[TEXT_SIZE];

    if (!s || was_misled(s) || was_joined(s))
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

struct wanted {
    char letter; /* 0: not known */
    const char *text;
};

static struct wanted
judge_rcpt(const struct session *s, uint32_t code)
{
    if (code == 421 || code / 100 == 3)
        return (struct wanted){0, "the next"};
    if (s->rcpt_refused == world.recipient_count &&
        s->rcpt_count == world.recipient_count)
        return (struct wanted){'D', "Giving up on "};
    return (struct wanted){0, NULL};
}

static struct wanted
judge_end(const struct session *s, uint32_t code)
{
    if (s->bdat && code >= 500 && code <= 504)
        return (struct wanted){0, "careful"};
    if (s->rcpt_good == 0 || !s->end_seen)
        return (struct wanted){0, NULL};
    if (code >= 400)
        return (struct wanted){code >= 500 ? 'D' : 'Z',
                               " failed after I sent the message."};
    if (code >= 300)
        return (struct wanted){'Z', "Possible duplicate!"};
    return (struct wanted){'K', " accepted message."};
}

/* Of one reply that was read. A text alone: the session is over. */
static struct wanted
judge(const struct session *s, const struct said *r)
{
    uint32_t code = r->code;

    switch (r->at) {
    case AT_GREETING:
        return (struct wanted){0, code == 220 ? NULL : "the next"};
    case AT_MAIL:
        if (code == 421 || code / 100 == 3)
            return (struct wanted){0, "the next"};
        if (code >= 400)
            return (struct wanted){code >= 500 ? 'D' : 'Z',
                                   " but sender was rejected."};
        return (struct wanted){0, NULL};
    case AT_RCPT:
        return judge_rcpt(s, code);
    case AT_DATA:
        if (s->rcpt_good == 0)
            return (struct wanted){0, NULL};
        if (code == 354)
            return (struct wanted){0, NULL};
        if (code == 421 || code < 400)
            return (struct wanted){0, "the next"};
        return (struct wanted){code >= 500 ? 'D' : 'Z',
                               " failed on DATA command."};
    case AT_END:
        return judge_end(s, code);
    default:
        return (struct wanted){
            0, code >= 400 || code == 220 || code == 250 ? NULL : "the next"};
    }
}

/* Nothing in its replies so far, and in how it is configured, ends it. */
static bool
is_plain(const struct session *s)
{
    if (s->mail_asked)
        return !world.message_partial;
    for (int at = 0; at < AT_COUNT; at++)
        if (s->mta->codes[at] != 0 && at != AT_BODY)
            return false;
    return !world.anchors && s->mta->size_max == 0;
}

bool
is_undecided(const struct session *s)
{
    struct wanted w = {0, NULL};

    if (s->dirty || !world.calm || s->mta->mischief == TAKEN_OFF)
        return false;
    for (uint32_t i = 0; i < s->said_count && !w.letter && !w.text; i++)
        if (was_read(s, i))
            w = judge(s, &s->said[i]);
    return !w.letter && !w.text && is_plain(s);
}

static void
check_last(const struct report *r)
{
    const struct session *s = last_session();
    struct wanted w = {0, NULL};

    if (!s || s->dirty || s->mta->mischief == TAKEN_OFF || !world.calm)
        return;
    for (uint32_t i = 0; i < s->said_count && !w.letter && !w.text; i++)
        if (was_read(s, i))
            w = judge(s, &s->said[i]);
    /* Who knows no BDAT is asked again, and has the last word then. */
    if (s->bdat && w.text && strcmp(w.text, "careful") == 0 &&
        (report_has(r, " failed after I sent the message.") ||
         report_has(r, " failed on DATA command.")))
        violated(CHECK_VERDICT, "BDAT was refused, and nothing else tried");
    if (w.letter == 0 || (world.message_partial && world.message_pipe))
        return;
    if (r->letter != w.letter || !report_has(r, w.text))
        violated(CHECK_VERDICT, "should be %c (%s), is %c%s", w.letter, w.text,
                 r->letter, quoted(r->text, r->text_size));
}

/* ---- worlds whose end is known ---- */

/* At strictness 1 a server whose TLS works ends the search for one, whatever
 * it does then: nobody is asked in clear any more. */
static bool
ends_the_search(const struct mta *m)
{
    return world.strictness == 1 && world.anchors && m->mischief_secure &&
           m->mischief != NO_MISCHIEF && m->mischief != SLOW;
}

static bool
is_harmless(const struct mta *m)
{
    bool early = m->mischief == NO_MISCHIEF || m->mischief == SLOW ||
                 (m->mischief != TAKEN_OFF && m->mischief_at < AT_HANDSHAKE &&
                  m->mischief != TWICE);

    return early && !ends_the_search(m) && m->codes[AT_MAIL] == 0 &&
           m->codes[AT_RCPT] == 0 && m->codes[AT_DATA] == 0 &&
           m->codes[AT_END] == 0 && m->refused_rcpts == 0 && m->size_max == 0;
}

/* Of a handshake timeoutremote is for all, and a window of a few bytes makes
 * it last for as many round trips. */
static bool
has_time_to_shake_hands(const struct mta *m)
{
    int64_t round_ms = 2 * ((int64_t)m->latency_ms + m->jitter_ms) + 1;

    return (HANDSHAKE_SIZE / m->window + HANDSHAKE_ROUNDS) * round_ms <
           world.remote_timeout_ms;
}

static bool
is_fine(const struct mta *m)
{
    bool tls = m->offers[0] & OFFERS_STARTTLS && m->knows_ehlo &&
               m->cert <= CERT_RSA && (!m->tls_requires || world.client_cert) &&
               has_time_to_shake_hands(m);

    if (m->reach != REACH_FINE || !is_harmless(m) ||
        (m->mischief != NO_MISCHIEF && m->mischief != SLOW))
        return false;
    for (int at = 0; at < AT_COUNT; at++)
        if (m->codes[at] != 0)
            return false;
    return world.strictness < 2 || !world.anchors || tls;
}

/* Delivery must come of it: somebody takes it, nobody spoils it. */
static bool
must_be_accepted(const struct truth *t)
{
    uint32_t fine = 0;

    if (t->count == 0 || t->count > SESSION_LIMIT || world.tcpto_used ||
        (world.strictness == 2 &&
         (!world.anchors || world.wall_jumps || world.wall_s < 1600000000)))
        return false;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct mta *m = NULL;

        for (uint32_t k = 0; k < world.mta_count; k++)
            if (place_equal(&world.mtas[k].place, &t->list[i].place))
                m = &world.mtas[k];
        if (m && !is_harmless(m))
            return false;
        fine += m && is_fine(m);
    }
    return fine > 0;
}

static const char *
known_failure(const struct truth *t)
{
    if (world.route != TO_EXCHANGERS || t->count > 0 || t->broken)
        return NULL;
    if (t->no_name)
        return "Sorry, I couldn't find any host named";
    if (t->null_only)
        return "Sorry, that host does not accept mail.";
    if (t->own)
        return "Sorry. Although I'm listed";
    return "Sorry, I couldn't find a mail exchanger";
}

static void
check_known(const struct report *r)
{
    struct truth t;
    const char *failure = NULL;
    bool sure = world.route == TO_ADDRESS ||
                (world.dns_clean && world.ns[0].latency_ms <= EXACT_LATENCY_MS);

    find_truth(&t);
    if (!world.calm || world.message_partial || world.bad_control || !sure)
        return;
    if (world.zone.mx_count > EXACT_MX_MAX || t.broken)
        return;
    failure = known_failure(&t);
    if (failure && !report_starts(r, failure))
        violated(CHECK_VERDICT, "should be D%s, is %c%s", failure, r->letter,
                 quoted(r->text, r->text_size));
    if (!must_be_accepted(&t))
        return;
    figures.expected++;
    if (r->letter != 'K')
        violated(CHECK_VERDICT, "nothing was in the way, and it is %c%s",
                 r->letter, quoted(r->text, r->text_size));
}

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
    if (world.bad_control && !bad && r->letter != 'Z')
        violated(CHECK_VERDICT, "bad control files, and %c", r->letter);
    if (taker && r->letter != 'K' && !report_has(r, "Possible duplicate!") &&
        !was_misled(taker) && !was_shifted(taker))
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
    check_known(r);
}
