/* SPDX-License-Identifier: ISC */
#include "sim/check.h"
#include "sim/mta.h"

/* Invariant 5: which D may stand for what. */
enum { EXACT_MX_MAX = 20 };

/* A reply too many in a flight, in clear: with the reply to DATA read, there
 * were more of them than commands. */
static bool
has_miscounted(const struct session *s)
{
    bool flight = s->mta->mischief == TWICE && !s->stale && !s->peer &&
                  s->offers & OFFERS_PIPELINING;

    for (uint32_t i = 0; i < s->said_count && flight; i++)
        if (s->said[i].at == AT_DATA && was_read(s, i))
            return true;
    return false;
}

/* Likewise, and what stood in for the reply to DATA was no refusal. */
static bool
has_accepted(const struct session *s)
{
    bool flight =
        s->mta->mischief == TWICE && !s->stale && s->offers & OFFERS_PIPELINING;

    return flight && world.recipient_count > 0 && s->rcpt_count > 0 &&
           s->rcpt_verdicts[s->rcpt_count - 1] == 'r';
}

/* Something that counts: not where a fault had put the session in clear. A
 * reply too many, or one that is missing, may stand for another. */
static bool
somebody_said(enum at at, uint32_t low)
{
    for (uint32_t i = 0; i < session_count; i++) {
        const struct session *s = sessions[i];

        if (is_fallen(s))
            continue;
        if ((was_misled(s) && !has_miscounted(s)) || was_shifted(s) ||
            (at == AT_DATA && was_refused_early(s)))
            return true;
        for (uint32_t k = 0; k < s->said_count; k++)
            if (s->said[k].at == at && s->said[k].code >= low &&
                !is_about_login(s->said[k].code))
                return true;
    }
    return false;
}

static bool
all_were_refused(void)
{
    for (uint32_t i = 0; i < session_count; i++)
        if (!is_fallen(sessions[i]) &&
            (sessions[i]->rcpt_refused == world.recipient_count ||
             (was_misled(sessions[i]) && !has_miscounted(sessions[i]) &&
              !has_accepted(sessions[i])) ||
             was_shifted(sessions[i])))
            return true;
    return false;
}

static bool
was_too_big(void)
{
    for (uint32_t i = 0; i < session_count; i++)
        if (!is_fallen(sessions[i]) && sessions[i]->mta->size_max > 0 &&
            sessions[i]->mta->size_max < world.expected.size)
            return true;
    return false;
}

/* A name server of another horizon said so, and the first one was slow, or had
 * nothing to say. */
static bool
was_lied_to(const struct truth *t)
{
    bool told = world.dns_true && !t->broken && world.calm;

    for (uint32_t i = 0; i < world.ns_count && !told; i++)
        if (world.ns[i].manner == NS_NO_NAME ||
            world.ns[i].manner == NS_NO_DATA)
            return true;
    return false;
}

static bool
is_nowhere(const struct truth *t)
{
    if (world.relayed)
        return false;
    return was_lied_to(t) ||
           (!t->broken && ((t->count == 0 && !t->barred) ||
                           world.zone.mx_count > EXACT_MX_MAX));
}

static bool
has_no_name(const struct truth *t)
{
    if (world.route != TO_EXCHANGERS)
        return false;
    return t->no_name || was_lied_to(t) ||
           (world.zone.mx_no_name && t->count == 0 && !t->broken);
}

void
check_permanent(const struct report *r)
{
    struct truth t;
    bool right = false;

    find_truth(&t);
    if (report_starts(r, "I (qmail-remote) was invoked improperly."))
        right = world.bad_args;
    else if (report_has(r, "that is not ASCII. (#5.6.7)"))
        right = world.not_ascii;
    else if (report_starts(r, "SMTP cannot transfer messages with partial"))
        right = world.message_partial;
    else if (report_starts(r, "Sorry, I couldn't find any host named"))
        right = has_no_name(&t);
    else if (report_starts(r, "Sorry, that host does not accept mail."))
        right = world.route == TO_EXCHANGERS && t.null_only;
    else if (report_starts(r, "Sorry, I couldn't find a mail exchanger"))
        right = is_nowhere(&t);
    else if (report_starts(r, "Sorry. Although I'm listed"))
        right = !world.relayed && ((t.own && t.count == 0) || was_lied_to(&t));
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
