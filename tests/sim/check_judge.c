/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/check.h"
#include "sim/mta.h"

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

/* ---- what the two may have misunderstood ---- */

/* An unasked reply in a flight looks like the one to the next command; so does,
 * in clear, what was forged behind the refusal of STARTTLS and came when the
 * next command had gone (check_write). Where nothing else was under way the
 * program must have seen it in time. */
bool
was_misled(const struct session *s)
{
    bool forged = s->forged_from > 0 && (!s->peer || s->stale) &&
                  !s->forged_early && s->conn->taken > s->forged_from;
    bool unseen = s->mta->mischief == TWICE && s->forged_from == 0;

    return forged || (s->dirty && (unseen || s->early_done));
}

/* A reply that is missing in a flight makes the next one stand for it. */
bool
was_shifted(const struct session *s)
{
    enum mischief m = s->mta->mischief;

    return s->dirty && s->offers & OFFERS_PIPELINING &&
           (m == SILENCE || m == NAGGING || m == CUT || m == DRIP);
}

/* ---- why it is as it is ---- */

bool
has_tried_tls(const struct session *s)
{
    return s->starttls && !(s->secure && s->mail_asked);
}

/* STARTTLS may have been said, and lost with the connection, or failed with a
 * call of the system; or it was found out just before that nothing the server
 * says can be relied on. */
bool
may_have_tried_tls(const struct session *s)
{
    bool offered = s->offers & OFFERS_STARTTLS && world.anchors;

    return has_tried_tls(s) || (offered && !s->mail_asked && !s->secure &&
                                (s->ended || s->stale || !world.calm));
}

bool
was_refused_early(const struct session *s)
{
    return s->stale && s->mta->mischief_at == AT_DATA;
}

bool
was_mute(const struct session *s)
{
    return s->conn->used && s->ended && !s->peer && s->said_count > 0 &&
           s->said[0].code == 220 && was_read(s, 0) &&
           s->conn->taken == s->said[0].end && !s->helo && !s->mail_asked;
}

bool
is_fallen(const struct session *now)
{
    if (!world.anchors || now->secure)
        return false;
    if (now->helo)
        return true;
    for (uint32_t i = 0; i < session_count; i++) {
        const struct session *s = sessions[i];

        if (s->mta == now->mta && has_tried_tls(s))
            return true;
        if (s == now)
            break;
    }
    return false;
}

/* Likewise, or not: who knows what the program had seen. */
bool
may_be_fallen(const struct session *now)
{
    for (uint32_t i = 0; i < session_count && sessions[i] != now; i++)
        if (sessions[i]->mta == now->mta && may_have_tried_tls(sessions[i]))
            return !now->secure;
    return is_fallen(now);
}

/* ---- what it has led to ---- */

/* What servers and boxes say to commands whose manner they do not take. */
static bool
is_syntax(uint32_t code)
{
    return (code >= 500 && code <= 504) || code == 555;
}

/* RFC 4954 section 6: a login is wanted. To a relay that is about us, not about
 * the mail. */
bool
is_about_login(uint32_t code)
{
    return world.relayed &&
           (code == 530 || code == 534 || code == 535 || code == 538);
}

static bool
is_pipelined(const struct session *s)
{
    return s->offers & OFFERS_PIPELINING && !check_careful(s);
}

/* The verdict that a refusal is, if that can be told. */
static struct wanted
refusal(const struct session *s, uint32_t code, const char *text)
{
    if (code < 500 || is_fallen(s) || is_about_login(code))
        return (struct wanted){'Z', text};
    return (struct wanted){may_be_fallen(s) ? 0 : 'D', text};
}

static const struct wanted nothing = {0, NULL}, next = {0, "the next"},
                           careful = {0, "careful"};

/* relay.md: what the replies to AUTH and its responses mean. */
static struct wanted
judge_auth(const struct said *r)
{
    bool mechanism = r->code == 500 || (r->code >= 502 && r->code <= 504);

    if (r->code == 421 || (r->code / 100 == 3 && r->code != 334) ||
        (r->cancelled && r->code == 334) || r->code / 100 == 4)
        return next;
    if (!r->cancelled && (r->code < 400 || (mechanism && r->other)))
        return nothing;
    return (struct wanted){'Z', " but authentication was rejected."};
}

static struct wanted
judge_mail(const struct session *s, uint32_t code)
{
    if (code == 421 || code / 100 == 3)
        return next;
    if (code < 400)
        return nothing;
    if (is_syntax(code) && (is_pipelined(s) || s->parameters))
        return careful;
    return refusal(s, code, " but sender was rejected.");
}

/* This reply is to the last recipient, and none was accepted. */
static bool
is_last_refusal(const struct session *s, const struct said *last)
{
    uint32_t count = 0;

    for (const struct said *r = s->said; r <= last; r++)
        count += r->at == AT_RCPT;
    return count == world.recipient_count && s->rcpt_refused == count;
}

static struct wanted
judge_rcpt(const struct session *s, const struct said *r)
{
    uint32_t code = r->code;

    if (code == 421 || code / 100 == 3)
        return next;
    if (is_syntax(code) && is_pipelined(s))
        return careful;
    if (is_last_refusal(s, r))
        return refusal(s, 500, "Giving up on ");
    return nothing;
}

static struct wanted
judge_data(const struct session *s, uint32_t code)
{
    if (s->rcpt_good == 0 || code == 354)
        return nothing;
    if (code == 421 || code < 400)
        return next;
    if (is_syntax(code) && is_pipelined(s))
        return careful;
    return refusal(s, code, " failed on DATA command.");
}

static struct wanted
judge_end(const struct session *s, uint32_t code)
{
    if (s->rcpt_good == 0 || !s->end_seen)
        return nothing;
    if (code >= 400)
        return refusal(s, code, " failed after I sent the message.");
    if (code >= 300)
        return (struct wanted){'Z', "Possible duplicate!"};
    return (struct wanted){'K', " accepted message."};
}

/* Of one reply that was read. A text alone: the session is over. */
static struct wanted
judge(const struct session *s, const struct said *r)
{
    switch (r->at) {
    case AT_GREETING:
        return r->code == 220 ? nothing : next;
    case AT_AUTH:
        return judge_auth(r);
    case AT_MAIL:
        return judge_mail(s, r->code);
    case AT_RCPT:
        return judge_rcpt(s, r);
    case AT_DATA:
        return judge_data(s, r->code);
    case AT_END:
        return judge_end(s, r->code);
    default:
        return r->code >= 400 || r->code == 220 || r->code == 250 ? nothing
                                                                  : next;
    }
}

/* By its first `count` replies. */
static struct wanted
judge_first(const struct session *s, uint32_t count)
{
    struct wanted w = nothing;

    for (uint32_t i = 0; i < count && !w.letter && !w.text; i++)
        if (was_read(s, i))
            w = judge(s, &s->said[i]);
    return w;
}

struct wanted
judge_session(const struct session *s)
{
    return judge_first(s, s->said_count);
}

bool
was_over(const struct session *s, uint32_t reply)
{
    return judge_first(s, reply).text != NULL;
}

bool
may_be_disliked(const struct session *now)
{
    for (uint32_t i = 0; i < session_count; i++) {
        const struct session *s = sessions[i];

        if (s->mta == now->mta && s->mail_asked &&
            (was_shifted(s) || was_misled(s)))
            return true;
        if (s == now)
            break;
    }
    return is_disliked(now);
}

bool
is_disliked(const struct session *s)
{
    const char *text = judge_session(s).text;

    if (was_shifted(s) || was_misled(s))
        return false; /* or true: who knows */
    return text && strcmp(text, careful.text) == 0;
}

/* ---- whether it has led to anything yet ---- */

/* Nothing in its replies so far, and in how it is configured, ends it. */
static bool
is_plain(const struct session *s)
{
    if (s->mail_asked)
        return !world.message_partial;
    for (int at = 0; at < AT_COUNT; at++)
        if (s->mta->codes[at] != 0 && at != AT_BODY)
            return false;
    return !world.anchors && !world.hop.login && s->mta->size_max == 0;
}

bool
is_undecided(const struct session *s)
{
    struct wanted w = nothing;

    if (s->dirty || !world.calm || s->mta->mischief == TAKEN_OFF)
        return false;
    w = judge_session(s);
    return !w.letter && !w.text && is_plain(s);
}
