/* SPDX-License-Identifier: ISC */
#include "sim/world.h"

/* What there is to know of a world before its run is replayed. */

static void
tell_tlsa(uint32_t name)
{
    const struct zone_tlsa *t = &world.dane.tlsa[name];

    if (world.dane.on)
        trace("    %sTLSA state %d pins %x unusable %u%s%s%s",
              world.dane.insecure >> name & 1 ? "insecure; " : "", t->state,
              t->pins, t->unusable, t->stranger ? " stranger" : "",
              t->malformed ? " malformed" : "", t->insecure ? " insecure" : "");
}

static void
tell_zone(void)
{
    const struct zone *z = &world.zone;

    for (uint32_t i = 0; i < z->name_count; i++) {
        const struct zone_name *n = &z->names[i];

        trace("name %u %s state %d alias %d late %u %u %u", i, n->text,
              n->state, n->alias, n->late_ms[ASK_MX], n->late_ms[ASK_A],
              n->late_ms[ASK_AAAA]);
        for (uint32_t k = 0; k < n->address_count; k++)
            trace("    %s", place_text(&n->addresses[k]));
        tell_tlsa(i);
    }
    for (uint32_t i = 0; i < z->mx_count; i++)
        trace("MX %u %d", z->mx[i].preference, z->mx[i].target);
}

static void
tell_mta(const struct mta *m)
{
    trace("mta %s reach %d latency %u offers %x %x mischief %d at %d value %u%s"
          "%s",
          place_text(&m->place), m->reach, m->latency_ms, m->offers[0],
          m->offers[1], m->mischief, m->mischief_at, m->mischief_value,
          m->mischief_secure ? " secure" : "", m->mischief_once ? " once" : "");
    if (world.hop.login)
        trace("    AUTH %x %x%s%s, picky %x %u%s, code %u", m->auth[0],
              m->auth[1], m->auth_again ? " again" : "",
              m->auth_challenges ? " challenges" : "", m->auth_picky,
              m->auth_picky_code, m->auth_quotes ? " quotes" : "",
              m->codes[AT_AUTH]);
    if (m->tls_first)
        trace("    TLS first");
    trace("    clear %u at %d, hates %u, form %d, nag %d, TLS fault %d%s, "
          "certificate %d%s%s",
          m->clear_code, m->clear_at, m->hates, m->form, m->nag, m->tls_fault,
          m->tls_fault_once ? " once" : "", m->cert, m->mute ? ", mute" : "",
          m->busy ? ", busy" : "");
}

void
world_tell(void)
{
    trace("scene %s; strictness %u%s; time-outs %lld %lld %lld ms%s%s",
          world.scene ? world.scene : "none", world.strictness,
          world.anchors ? "" : ", no TLS", (long long)world.connect_timeout_ms,
          (long long)world.remote_timeout_ms, (long long)world.dns_timeout_ms,
          world.calm ? "" : ", not calm", world.dns_true ? "" : ", DNS is not");
    trace("port %u%s%s%s%s%s%s, proof %d, pins %x, name %s", world.port,
          world.hop.login ? ", login" : "", world.hop.token ? ", token" : "",
          world.hop.right ? ", right" : "", world.hop.unsafe ? ", unsafe" : "",
          world.hop.loopback ? ", loopback" : "",
          world.hop.implicit ? ", implicit" : "", world.hop.proof,
          world.hop.pins, world.hop.name);
    if (world.dane.there)
        trace("control/dane, %s", world.dane.on ? "in force" : "in vain");
    tell_zone();
    for (uint32_t i = 0; i < world.ns_count; i++)
        trace("ns %s manner %d stream %d latency %u loss %u noise %u%s%s",
              place_text(&world.ns[i].place), world.ns[i].manner,
              world.ns[i].stream, world.ns[i].latency_ms, world.ns[i].loss,
              world.ns[i].noise,
              world.ns[i].full_ms > 0   ? " full"
              : world.ns[i].loses_first ? " loses"
                                        : "",
              world.ns[i].discards ? " discards" : "");
    for (uint32_t i = 0; i < world.mta_count; i++)
        tell_mta(&world.mtas[i]);
}
