/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/check.h"
#include "sim/mta.h"

/* Worlds whose end is known: nothing is in the way of a delivery, or the DNS
 * says that there is none. */
enum {
    SESSION_LIMIT = 5,
    HANDSHAKE_SIZE = 3000, /* of the client, with its certificate */
    HANDSHAKE_ROUNDS = 6,
    SESSION_ROUNDS = 17,
    RACE_MS = 3000,
    SLOWEST_MS = 1000
};

/* ---- what a server does ---- */

static bool
wants_tls(void)
{
    return world.anchors && !world.bad_control;
}

/* A round trip with what is done about it. */
static int64_t
round_ms(const struct mta *m)
{
    return 2 * ((int64_t)m->latency_ms + m->jitter_ms) + m->think_ms + 1;
}

/* Of a handshake timeoutremote is for all, and a window of a few bytes makes
 * it last for as many round trips. */
static int64_t
handshake_ms(const struct mta *m)
{
    return (HANDSHAKE_SIZE / m->window + HANDSHAKE_ROUNDS) * round_ms(m);
}

static bool
has_second_name(const struct truth *t, const struct mta *m)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (place_equal(&t->list[i].place, &m->place) && t->list[i].name >= 0 &&
            strcmp(world.zone.names[t->list[i].name].text, "mx1.sim.test") == 0)
            return true;
    return false;
}

/* Its TLS comes up, whenever it is wanted. */
static bool
has_tls(const struct mta *m)
{
    if (m->tls_first != world.hop.implicit)
        return false;
    if (!m->tls_first && !(m->offers[0] & OFFERS_STARTTLS))
        return false;
    return m->knows_ehlo && !m->mute && m->tls_fault == TLS_FINE &&
           m->codes[AT_EHLO] == 0 && m->codes[AT_STARTTLS] == 0 &&
           m->codes[AT_HANDSHAKE] == 0 &&
           (!m->tls_requires || world.client_cert) &&
           handshake_ms(m) < world.remote_timeout_ms;
}

static bool
is_trusted(const struct truth *t, const struct mta *m)
{
    if (world.hop.proof == PROOF_PIN)
        return world.hop.pins >> m->cert & 1;
    if (world.hop.proof == PROOF_NONE)
        return true;
    if (world_has_changed(CHANGE_ANCHORS))
        return false;
    if (world.hop.name[0])
        return m->cert == CERT_GOOD &&
               strcmp(world.hop.name, "relay.sim.test") == 0;
    return m->cert == CERT_GOOD || m->cert == CERT_RSA ||
           (m->cert == CERT_SECOND && has_second_name(t, m));
}

/* A mechanism that it offers, and does not refuse. */
static bool
has_mechanism(uint32_t offered, const struct mta *m)
{
    uint32_t ours = world.hop.token ? MECHANISMS_TOKEN : MECHANISMS_PASSWORD;

    return (offered & ours & ~m->auth_picky) != 0;
}

/* The login is taken, whether TLS comes up or not. */
static bool
takes_login(const struct mta *m)
{
    bool clear = !wants_tls() || world.strictness < 2;

    if (!world.hop.login)
        return true;
    return world.hop.right && m->knows_ehlo && !m->mute &&
           m->codes[AT_AUTH] == 0 && (!clear || has_mechanism(m->auth[0], m)) &&
           (!wants_tls() || has_mechanism(m->auth[1], m));
}

/* It can be connected to. */
static bool
is_there(const struct mta *m)
{
    return m->reach == REACH_FINE && !world_is_barred(&m->place);
}

/* At strictness 1 a server whose TLS works ends the search for one, whatever
 * it does then: nobody is asked in clear any more. */
static bool
ends_the_search(const struct mta *m)
{
    return world.strictness == 1 && wants_tls() && m->mischief_secure &&
           m->mischief != NO_MISCHIEF && m->mischief != SLOW;
}

/* Ends a session before MAIL, at once and without a word on the mail. */
static bool
is_early(const struct mta *m)
{
    switch (m->mischief) {
    case NO_MISCHIEF:
        return true;
    case CLOSE:
    case RESET:
    case CLOSING:
    case ODD:
        return m->mischief_at <= AT_HANDSHAKE && !ends_the_search(m);
    default:
        return false;
    }
}

/* It refuses in clear, where it is spoken to in clear: also once its TLS, or a
 * connection that wanted it, has failed. */
static bool
is_demanding(const struct mta *m)
{
    bool steady = m->mischief == NO_MISCHIEF || m->mischief == SLOW;

    return m->clear_code != 0 && !(wants_tls() && has_tls(m) && steady);
}

/* Takes the mail, or says nothing of it and leaves soon. */
static bool
is_harmless(const struct mta *m)
{
    return is_early(m) && !is_demanding(m) && takes_login(m) &&
           m->tls_first == world.hop.implicit && m->codes[AT_MAIL] == 0 &&
           m->codes[AT_RCPT] == 0 && m->codes[AT_DATA] == 0 &&
           m->codes[AT_END] == 0 && m->refused_rcpts == 0 && m->size_max == 0;
}

/* Takes the mail for sure. One that is slow may take all the time of a pass, in
 * which a look-up may still be open. */
static bool
is_fine(const struct truth *t, const struct mta *m)
{
    bool slow = m->mischief == SLOW && t->count == 1 &&
                (truth_is_prompt() || world.strictness != 1);

    if (!is_there(m) || m->busy || is_demanding(m) || !takes_login(m) ||
        m->tls_first != world.hop.implicit ||
        (m->mischief != NO_MISCHIEF && !slow) || m->refused_rcpts != 0 ||
        m->size_max != 0)
        return false;
    for (int at = 0; at < AT_COUNT; at++)
        if (m->codes[at] != 0 && at != AT_BODY)
            return false;
    if (m->hates && world.message_pipe)
        return false;
    if (world.dane.on)
        return dane_is_trusted(t, m, has_tls(m),
                               m->cert != CERT_SECOND && is_trusted(t, m));
    return world.strictness < 2 || !world.anchors ||
           (has_tls(m) && is_trusted(t, m));
}

/* ---- worlds that end with K ---- */

static const struct mta *
mta_at(const struct place *p)
{
    for (uint32_t i = 0; i < world.mta_count; i++)
        if (place_equal(&world.mtas[i].place, p))
            return &world.mtas[i];
    return NULL;
}

/* A session that ends only for want of TLS is not one of five. */
static bool
counts(const struct mta *m)
{
    if (!is_there(m))
        return false;
    if (world.hop.implicit || world.strictness == 0 || !wants_tls() ||
        m->mischief != NO_MISCHIEF)
        return true;
    if (!(m->offers[0] & OFFERS_STARTTLS))
        return m->mute;
    return world.strictness == 2 || has_tls(m);
}

/* All of them can be asked within the time of a pass. */
static bool
is_quick(const struct truth *t)
{
    int64_t ms = SLOWEST_MS;

    for (uint32_t i = 0; i < t->count; i++) {
        const struct mta *m = mta_at(&t->list[i].place);

        ms += RACE_MS;
        /* A first pass ends only once all have failed. */
        if (m && m->reach >= REACH_BLACK_HOLE && world.strictness == 1)
            ms += world.connect_timeout_ms;
        if (m && is_there(m))
            ms += handshake_ms(m) + SESSION_ROUNDS * round_ms(m);
        if (m && m->tls_fault == TLS_FAULT_SILENT)
            ms += world.remote_timeout_ms;
    }
    return ms < check_pass_ms() || t->count == 1;
}

/* Delivery must come of it: somebody takes it, nobody spoils it. */
static bool
must_be_accepted(const struct truth *t)
{
    uint32_t fine = 0, counted = 0;

    if (t->count == 0 || world.tcpto_used ||
        (world.dane.on && world.strictness == 1) || !is_quick(t) ||
        (world.strictness == 2 &&
         (!world.anchors || world.wall_jumps || world.wall_s < 1600000000)))
        return false;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct mta *m = mta_at(&t->list[i].place);
        bool takes = m && is_fine(t, m);

        if (m && is_there(m) && !takes && !is_harmless(m))
            return false;
        fine += takes;
        counted += m && counts(m);
    }
    return fine > 0 && counted <= SESSION_LIMIT;
}

/* ---- worlds that end without a session ---- */

static const char *
known_failure(const struct truth *t)
{
    if (world.dane.on && t->barred && world.sts_excluded == 0 &&
        t->count == 0 && !t->own)
        return "Sorry, I couldn't look up how that host proves itself.";
    if (world.route == TO_ADDRESS && t->own && !world.relayed)
        return "Sorry. Although I'm listed";
    if (world.route != TO_EXCHANGERS || t->count > 0 || t->broken || t->barred)
        return NULL;
    if (t->no_name)
        return "Sorry, I couldn't find any host named";
    if (t->null_only)
        return "Sorry, that host does not accept mail.";
    if (t->own)
        return "Sorry. Although I'm listed";
    if (world.zone.mx_no_name)
        return "Sorry, I couldn't find a";
    /* Or none that its policy names: which it is depends on the order. */
    return world.sts_excluded ? NULL
                              : "Sorry, I couldn't find a mail exchanger";
}

void
check_known(const struct report *r)
{
    struct truth t;
    const char *failure = NULL;

    find_truth(&t);
    if (!world.calm || world.message_partial || world.bad_control ||
        world.keys_ms > 0 || !truth_is_sure(&t) ||
        (t.own && !truth_shows_own(&t)))
        return;
    failure = known_failure(&t);
    if (failure && !report_starts(r, failure))
        violated(CHECK_VERDICT, "should be %s, is %c%s", failure, r->letter,
                 quoted(r->text, r->text_size));
    if (!must_be_accepted(&t))
        return;
    figures.expected++;
    if (r->letter != 'K')
        violated(CHECK_VERDICT, "nothing was in the way, and it is %c%s",
                 r->letter, quoted(r->text, r->text_size));
}
