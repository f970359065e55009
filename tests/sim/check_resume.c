/* SPDX-License-Identifier: ISC */
#include "sim/check.h"
#include "sim/mta.h"

/* Sessions of TLS that are offered: never one that is too old, that rests on
 * less than is wanted now, or that was used up. */
enum { DAY_S = 86400, MS_PER_S = 1000, SLACK_S = 2 };

/* What a session rests on is not what it was. */
static bool
rests_on_less(const struct peer_ticket *t, const struct mta *m)
{
    if (t->delivery > 0)
        return false;
    return world_has_changed(CHANGE_STRICTER) ||
           (world_has_changed(CHANGE_ANCHORS) &&
            world.hop.proof == PROOF_NAME && !dane_spares_name(m));
}

static bool
is_too_old(const struct session *s)
{
    int64_t age_s =
        peer_age_ms(s->peer, s->conn->opened_ms) / MS_PER_S - SLACK_S;

    return age_s > DAY_S || age_s > world.ticket_life_s;
}

void
check_resume(const struct session *s)
{
    const struct peer_ticket *t = s->peer ? peer_offered(s->peer) : NULL;
    const char *wrong = NULL;

    if (!t)
        return;
    figures.resumed++;
    if (world.hop.proof == PROOF_PIN)
        wrong = "where a key is pinned";
    else if (peer_is_1_3(s->peer) && t->offers > 1)
        wrong = "for the second time";
    else if (world.calm && peer_offers_broken(s->peer))
        wrong = "that has broken";
    else if (rests_on_less(t, s->mta))
        wrong = "that rests on less";
    else if (world.calm && world_has_changed(CHANGE_CLOCK) && t->delivery == 0)
        wrong = "of a time to come";
    else if (world.calm && is_too_old(s))
        wrong = "that is too old";
    if (wrong)
        violated(CHECK_RESUME, "offers %s a session %s",
                 place_text(&s->mta->place), wrong);
}
