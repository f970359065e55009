/* SPDX-License-Identifier: ISC */
#include "sim/check.h"
#include "sim/mta.h"

/* What DANE makes of each exchanger, by the zone: proof.md, and the rows of the
 * table of what must be proved. A server may have several of their names, and
 * is then asked as any of them. */
enum { USED_MAX = 16 /* records */ };

/* ---- a name ---- */

/* All links of the way to its end are authentic. */
static bool
is_secure(int name, int *end)
{
    bool secure = true;

    for (int hops = 0; hops < NAME_COUNT_MAX; hops++) {
        secure = secure && !(world.dane.insecure >> name & 1);
        *end = name;
        if (world.zone.names[name].alias < 0)
            return secure;
        name = world.zone.names[name].alias;
    }
    return false;
}

static enum dane_class
class_of(const struct zone_tlsa *t)
{
    uint32_t count = t->unusable + t->stranger;

    for (uint32_t cert = 0; cert < CERT_COUNT; cert++)
        count += t->pins >> cert & 1;
    if (t->state == TLSA_ABSENT)
        return DANE_NONE;
    if (t->state != TLSA_THERE || t->malformed || count > USED_MAX)
        return DANE_SKIP;
    if (t->insecure)
        return DANE_NONE;
    return t->pins || t->stranger ? DANE_AUTH : DANE_ENCRYPT;
}

enum dane_class
dane_of(int name, uint32_t *pins)
{
    int end = name, ignored = 0;
    enum dane_class class = DANE_NONE;

    *pins = 0;
    if (!world.dane.on || name < 0 || world.zone.names[name].dress)
        return DANE_NONE;
    if (world.route == TO_EXCHANGERS) {
        if (world.zone.mx_count == 0)
            name = ZONE_HOST;
        if (!is_secure(ZONE_HOST, &ignored))
            return DANE_NONE;
    }
    if (!is_secure(name, &end))
        return DANE_NONE;
    for (int i = 0; i < 2 && class == DANE_NONE; i++) {
        const struct zone_tlsa *t = &world.dane.tlsa[i == 0 ? end : name];

        class = class_of(t);
        *pins = t->pins;
    }
    return class;
}

/* One that only who has proved a name, or by DANE, may see. */
static bool
has_secret(void)
{
    const struct hop *h = &world.hop;

    return h->login && !h->loopback && !h->unsafe;
}

bool
dane_bars(int name, const struct place *p)
{
    uint32_t pins = 0;
    enum dane_class class = dane_of(name, &pins);

    if (class == DANE_NONE)
        return name >= 0 && (world.sts_excluded >> name & 1);
    return class == DANE_SKIP && (!has_secret() || place_is_loopback(p));
}

/* ---- a server ---- */

/* In the session it has what a host of this name must have. Where the program
 * did not get to its look-ups in time it is one to be skipped. */
static bool
is_satisfied(const struct session *s, int name)
{
    uint32_t pins = 0;
    enum dane_class class = dane_of(name, &pins);
    bool skipped = class == DANE_SKIP || (class != DANE_NONE && !world.calm);

    if (skipped && has_secret() && s->secure && check_is_named(s))
        return true;
    switch (class) {
    case DANE_SKIP:
        return false;
    case DANE_AUTH:
        return s->secure && (pins >> s->mta->cert & 1);
    case DANE_ENCRYPT:
        return s->secure && (world.hop.listed || check_is_named(s));
    default:
        return !s->secure || check_is_named(s);
    }
}

bool
dane_is_proven(const struct session *s)
{
    struct truth t;
    bool any = false;

    find_truth(&t);
    for (uint32_t i = 0; i < t.count; i++)
        if (place_equal(&t.list[i].place, &s->mta->place)) {
            if (is_satisfied(s, t.list[i].name))
                return true;
            any = true;
        }
    /* No better than this machine: check.c sees to it. */
    return !any && t.own;
}

bool
dane_must(const struct mta *m)
{
    struct truth t;
    bool must = false;

    if (!world.dane.on)
        return false;
    find_truth(&t);
    must = t.own; /* the truth has nobody then, but he may be tried before */
    for (uint32_t i = 0; i < t.count; i++) {
        uint32_t pins = 0;
        enum dane_class class = dane_of(t.list[i].name, &pins);

        must = must || (place_equal(&t.list[i].place, &m->place) &&
                        (class == DANE_AUTH || class == DANE_ENCRYPT));
    }
    return must;
}

bool
dane_spares_name(const struct mta *m)
{
    struct truth t;

    find_truth(&t);
    for (uint32_t i = 0; i < t.count; i++) {
        uint32_t pins = 0;

        if (world.hop.listed && place_equal(&t.list[i].place, &m->place) &&
            dane_of(t.list[i].name, &pins) == DANE_ENCRYPT)
            return true;
    }
    return false;
}

/* Whoever it is asked as, it is taken. */
bool
dane_is_trusted(const struct truth *t, const struct mta *m, bool tls,
                bool trusted)
{
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t pins = 0;
        enum dane_class class = dane_of(t->list[i].name, &pins);
        bool named = trusted || world.strictness < 2;

        if (!place_equal(&t->list[i].place, &m->place))
            continue;
        if (class == DANE_AUTH && !(tls && (pins >> m->cert & 1)))
            return false;
        if (class == DANE_ENCRYPT && !(tls && (named || world.hop.listed)))
            return false;
        if ((class == DANE_NONE || class == DANE_SKIP) &&
            world.strictness == 2 && !(tls && trusted))
            return false;
    }
    return true;
}

/* ---- the report ---- */

static const char *
line_of(int name)
{
    uint32_t pins = 0;
    enum dane_class class = dane_of(name, &pins);
    bool named = world.hop.proof == PROOF_NAME;

    if (class == DANE_AUTH)
        return "; verify=dane;\n";
    if (class == DANE_ENCRYPT && world.hop.listed)
        named = false;
    return named ? "; verify=verified;\n" : "; verify=unverified;\n";
}

/* It is that of one of the server's names. */
void
check_dane_line(const struct report *r, const struct session *s)
{
    struct truth t;
    bool said = false;

    find_truth(&t);
    said = t.own; /* by a name no better than this machine: check.c */
    for (uint32_t i = 0; i < t.count; i++)
        said = said || (place_equal(&t.list[i].place, &s->mta->place) &&
                        report_has(r, line_of(t.list[i].name)));
    if (!said)
        violated(CHECK_VERDICT, "the STARTTLS line is wrong: %s",
                 quoted(r->text, r->text_size));
}
