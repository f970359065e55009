/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sim/check.h"
#include "sim/mta.h"

/* A login's secret: invariant 11, and who is asked to take it. */
enum { ACCEPTED = 2 };

#define SECOND_NAME "mx1.sim.test" /* certs/make.sh */
#define OTHER_NAME "other.example"
#define DOMAIN ".sim.test"

/* ---- who has proved what ---- */

static bool
has_domain(const char *name)
{
    size_t size = strlen(name), end = strlen(DOMAIN);

    return size > end && strcasecmp(name + size - end, DOMAIN) == 0;
}

/* Whether a certificate is for the name that has to be proved. */
static bool
is_for_name(enum cert cert, const char *asked)
{
    const char *name = world.hop.name[0] ? world.hop.name : asked;

    switch (cert) {
    case CERT_GOOD:
    case CERT_RSA:
        return world.hop.name[0] == '\0' || has_domain(name);
    case CERT_NAME:
        return strcasecmp(name, OTHER_NAME) == 0;
    case CERT_SECOND:
        return strcasecmp(name, SECOND_NAME) == 0;
    default:
        return false;
    }
}

/* Its certificate was good once, and a session of then is resumed: the proof is
 * good for a day. */
static bool
was_proven(const struct session *s)
{
    return world_has_changed(CHANGE_CERTS) && peer_offered(s->peer) &&
           is_for_name(s->mta->first_cert, peer_name(s->peer));
}

bool
check_is_named(const struct session *s)
{
    const int64_t since_s = 1577836800, until_s = 4733510400; /* make.sh */
    int64_t wall_s = world.wall_s + sim_now_ms / 1000;

    if (world.hop.proof == PROOF_PIN)
        return world.hop.pins >> s->mta->cert & 1;
    if (world.hop.proof == PROOF_NONE)
        return true;
    if (world_has_changed(CHANGE_ANCHORS) ||
        (!is_for_name(s->mta->cert, peer_name(s->peer)) && !was_proven(s)))
        return false;
    return world.wall_jumps || (wall_s >= since_s && wall_s <= until_s);
}

bool
check_is_proven(const struct session *s)
{
    return world.dane.on ? dane_is_proven(s) : check_is_named(s);
}

static bool
may_have_secret(const struct session *s)
{
    return world.hop.unsafe || world.hop.loopback ||
           (s->secure && world.hop.proof != PROOF_NONE && check_is_proven(s));
}

/* ---- where the secret is seen ---- */

static bool
has_part(const uint8_t *data, size_t size, const struct bytes *part)
{
    for (size_t i = 0; i + part->size <= size; i++) {
        size_t k = 0;

        while (k < part->size && tolower(data[i + k]) == tolower(part->data[k]))
            k++;
        if (k == part->size)
            return true;
    }
    return false;
}

static bool
has_secret(const void *data, size_t size)
{
    for (uint32_t i = 0; i < world.login_part_count; i++)
        if (has_part(data, size, &world.login_parts[i]))
            return true;
    return false;
}

void
check_login(const void *data, size_t size, const char *how)
{
    if (has_secret(data, size))
        violated(CHECK_SECRET, "a part of the login's secret %s", how);
}

void
check_told(const struct session *s, const void *line, size_t size)
{
    bool auth = s->auth_waits || (size > 5 && memcmp(line, "AUTH ", 5) == 0);

    if (!auth)
        check_login(line, size, "is in a command");
    else if (!may_have_secret(s))
        check_login(line, size, "goes to who proved nothing");
}

/* All that was said on a wire, where nobody may see the secret. */
void
check_wires(void)
{
    for (const struct conn *c = conns; c; c = c->next)
        if (c->stream && c->said.size > 0 &&
            !(c->session && !c->session->peer && may_have_secret(c->session)))
            check_login(c->said.data, c->said.size, "is on a wire");
}

/* ---- who is asked ---- */

static bool
has_refused(const struct session *s)
{
    struct wanted w = judge_session(s);

    return s->auth_said > 0 && !s->dirty && w.letter == 'Z' &&
           strstr(w.text, "authentication") != NULL;
}

void
check_auth(const struct session *now)
{
    if (!world.hop.login)
        violated(CHECK_LOGIN, "logs in, and has nothing for it");
    if (!may_have_secret(now))
        violated(CHECK_SECRET, "AUTH to %s, which proved nothing",
                 place_text(&now->mta->place));
    for (uint32_t i = 0; i < session_count; i++)
        if (has_refused(sessions[i]))
            violated(CHECK_LOGIN, "logs in at %s, and %s has refused it",
                     place_text(&now->mta->place),
                     place_text(&sessions[i]->mta->place));
}

/* MAIL: where a login is wanted, the server has said that it is one. */
void
check_logged_in(const struct session *s)
{
    bool accepted = !world.hop.login || was_misled(s) ||
                    (s->dirty && s->mta->mischief == TWICE);

    for (uint32_t i = 0; i < s->said_count; i++)
        accepted =
            accepted || (s->said[i].at == AT_AUTH && !s->said[i].cancelled &&
                         s->said[i].code / 100 == ACCEPTED && was_read(s, i));
    if (!accepted)
        violated(CHECK_LOGIN, "MAIL to %s without a login",
                 place_text(&s->mta->place));
}

/* ---- our own address ---- */

void
check_source(const struct endpoint *to, const struct addr *from)
{
    struct place p = place_of(&to->addr), own = {0};
    const struct place *wanted = &world.hop.source[p.size == 16];

    if (from && from->family != ADDR_NONE)
        own = place_of(from);
    if (to->port == 53 ? own.size != 0
                       : own.size != wanted->size ||
                             (own.size > 0 && !place_equal(&own, wanted)))
        violated(CHECK_CLIENT, "connects to %s from another address",
                 place_text(&p));
}
