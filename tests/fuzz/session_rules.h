/* SPDX-License-Identifier: ISC */
/*
 * How a session must have ended, by a slow reading of what the server said:
 * reply by reply from the beginning, each looked up where it stands.
 *
 * in     the record of a session that is over
 * out    MUST holds: end, fault, step and verdicts are what the rules say
 * bound  none of its own
 * fault  MUST
 */
#ifndef FUZZ_SESSION_RULES_H
#define FUZZ_SESSION_RULES_H

#include "session_record.h"
#include "smtp/features.h"

struct course {
    const struct world *w;
    const struct wire *wire;
    enum smtp_step step;
    bool secure, second_hello, refused; /* STARTTLS was */
    struct smtp_features offers;
    size_t ehlo_from; /* its reply, in world.said */
    uint32_t answered, recipients, accepted;
    uint32_t tried; /* mechanisms, of two */
    uint32_t auth;  /* the one that is tried, from 1; PLAIN or XOAUTH2 is 1 */
    uint32_t due;   /* responses that it has yet */
    bool logged_in;
    char verdicts[RECIPIENT_COUNT_MAX + 1];
    enum smtp_end end;
    enum fault fault;
    bool dead;
};

/* ---- replies ---- */

enum told_state { TOLD_NOTHING, TOLD_PART, TOLD_BAD, TOLD_WHOLE };

struct told {
    size_t from, to; /* in world.said */
    size_t began;    /* world.heard_size then */
    uint32_t code;
};

/* Digits, and what may follow them; of a line that has its end or not yet. */
static inline bool
starts_well(struct slice line, bool whole)
{
    while (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    for (size_t i = 0; i < 4 && i < line.size; i++)
        if (i < 3 ? line.data[i] < '0' || line.data[i] > '9'
                  : line.data[i] != ' ' && line.data[i] != '\t' &&
                        line.data[i] != '-')
            return false;
    return !whole || line.size >= 3;
}

static inline uint32_t
code_of(const uint8_t *line)
{
    return (line[0] - (uint32_t)'0') * 100 + (line[1] - (uint32_t)'0') * 10 +
           (line[2] - (uint32_t)'0');
}

/* The next reply behind t->to, of the bytes before `end`. */
static inline enum told_state
read_told(const struct world *w, size_t end, struct told *t)
{
    struct slice rest = slice_part(slice_of(w->said, end), t->to, end);
    uint32_t before = 0;

    t->from = t->to;
    t->began = t->from < end ? w->said_heard[t->from] : 0;
    for (t->code = 0; rest.size > 0; before = t->code) {
        size_t lf = slice_find(rest, '\n');
        struct slice line = slice_part(rest, 0, lf);

        if (!starts_well(line, lf < rest.size))
            return TOLD_BAD;
        if (lf == rest.size)
            return TOLD_PART;
        t->code = code_of(line.data);
        if (t->code < 200 || t->code > 599 || (before >= 400 && t->code < 400))
            return TOLD_BAD;
        rest = slice_part(rest, lf + 1, rest.size);
        t->to += lf + 1;
        if (line.size < 4 || line.data[3] != '-')
            return TOLD_WHOLE;
    }
    return t->to > t->from ? TOLD_PART : TOLD_NOTHING;
}

/* What the lines of 250 behind the first offer. */
static inline void
read_offers(struct course *c, const struct told *t)
{
    struct slice rest = slice_of(c->w->said + t->from, t->to - t->from);

    c->offers = (struct smtp_features){0};
    for (uint32_t count = 0; rest.size > 0; count++) {
        struct slice line = fuzz_until(&rest, '\n');
        uint8_t bytes[REPLY_LINE_SIZE_MAX];
        size_t used = 0;

        for (size_t i = 0; i < line.size && used < sizeof(bytes); i++)
            if (line.data[i] != '\r')
                bytes[used++] = line.data[i];
        if (count > 0 && used > 4 && code_of(bytes) == 250)
            smtp_features_line(&c->offers, slice_of(bytes + 4, used - 4));
    }
}

/* Whole replies that were received and not looked at, 421 apart. */
static inline uint32_t
count_left(const struct world *w)
{
    struct slice rest = slice_of(w->smtp.rx_bytes, w->smtp.rx_used);
    uint32_t count = 0;

    while (slice_find(rest, '\n') < rest.size) {
        struct slice line = fuzz_until(&rest, '\n');

        if (line.size < 3 || !starts_well(slice_part(line, 0, 3), true))
            continue;
        if ((line.size == 3 || line.data[3] != '-') &&
            code_of(line.data) != 421)
            count++;
    }
    return count;
}

/* ---- ends ---- */

static inline void
finish(struct course *c, enum smtp_end end, enum fault fault)
{
    c->end = end;
    c->fault = fault;
}

/* A connection that cannot be used any more. */
static inline void
died(struct course *c)
{
    bool implicit = c->w->config.tls == SMTP_TLS_FIRST;
    bool tls = c->step == SMTP_STEP_STARTTLS || c->step == SMTP_STEP_SECURE ||
               (c->step == SMTP_STEP_GREETING && implicit) ||
               (c->step == SMTP_STEP_EHLO && c->secure && !implicit) ||
               (c->step == SMTP_STEP_MAIL && c->refused) ||
               (c->step == SMTP_STEP_AUTH && c->refused);

    c->dead = true;
    if (c->wire->whole)
        finish(c, SMTP_END_DUPLICATE, FAULT_DUPLICATE);
    else if (tls)
        finish(c, SMTP_END_TLS_BROKEN, FAULT_TLS_FAILED);
    else if (c->step == SMTP_STEP_HELO && c->second_hello)
        finish(c, SMTP_END_UNFIT, FAULT_HELLO);
    else
        finish(c, SMTP_END_DIED, FAULT_DIED);
}

/* It ended, or what comes is no reply. */
static inline void
ended(struct course *c)
{
    died(c);
    if (c->step == SMTP_STEP_DATA && c->accepted == 0)
        finish(c, SMTP_END_VERDICT, FAULT_RECIPIENTS);
}

/* ---- steps ---- */

static inline bool
in_flight(const struct course *c)
{
    return c->offers.pipelining && !c->w->config.careful;
}

static inline bool
not_understood(uint32_t code)
{
    return (code >= 500 && code <= 504) || code == 555;
}

/* The best that is offered and was not tried. */
static inline bool
next_login(struct course *c)
{
    bool token = c->w->login.token;
    const uint32_t bits[] = {token ? SMTP_AUTH_XOAUTH2 : SMTP_AUTH_PLAIN,
                             token ? SMTP_AUTH_OAUTHBEARER : SMTP_AUTH_LOGIN};

    for (uint32_t i = 0; i < 2; i++)
        if (c->offers.auth >> bits[i] & 1 && !(c->tried >> i & 1)) {
            c->tried |= 1u << i;
            c->auth = i + 1;
            c->step = SMTP_STEP_AUTH;
            return true;
        }
    return false;
}

/* Responses that may follow the command. Those of a token go with it where they
 * fit; PLAIN's may be asked for again. */
static inline uint32_t
responses_of(const struct course *c)
{
    const struct lines *l = &c->w->lines;

    if (!c->w->login.token)
        return c->auth;
    return c->auth == 1 ? 1 + (l->sizes[LINE_XOAUTH2] + 15 > COMMAND_SIZE)
                        : 1 + (l->sizes[LINE_BEARER] + 19 > COMMAND_SIZE);
}

static inline void
begin_login(struct course *c)
{
    const struct world *w = c->w;

    if (!w->config.unproved && !(c->secure && w->proved))
        finish(c, SMTP_END_UNFIT, FAULT_LOGIN_UNPROVED);
    else if (!next_login(c))
        finish(c, SMTP_END_UNFIT, FAULT_LOGIN_ABSENT);
    else
        c->due = responses_of(c);
}

static inline void
before_mail(struct course *c)
{
    const struct smtp_config *config = &c->w->config;

    if (config->survey && c->offers.size_max > 0 &&
        config->size > c->offers.size_max)
        finish(c, SMTP_END_VERDICT, FAULT_TOO_BIG);
    else if (c->w->utf8 && !c->offers.utf8)
        finish(c, SMTP_END_VERDICT, FAULT_UTF8_ABSENT);
    else if (config->login && !c->logged_in)
        begin_login(c);
    else if (config->dry)
        finish(c, SMTP_END_VERDICT, FAULT_OK);
    else
        c->step = SMTP_STEP_MAIL;
}

static inline void
on_hello(struct course *c, uint32_t code)
{
    enum smtp_tls tls = c->w->config.tls;

    if (code >= 500 && c->step == SMTP_STEP_EHLO &&
        c->w->config.hello != SMTP_HELLO_ONLY) {
        c->second_hello = true;
        c->step = SMTP_STEP_HELO;
    } else if (code == 421 && c->second_hello) {
        died(c);
    } else if (code >= 400) {
        finish(c, code == 421 ? SMTP_END_DIED : SMTP_END_UNFIT, FAULT_HELLO);
    } else if (code != 250) {
        died(c);
    } else if (!c->secure && tls != SMTP_TLS_OFF && c->offers.starttls) {
        c->step = SMTP_STEP_STARTTLS;
    } else if (!c->secure && tls == SMTP_TLS_MUST) {
        finish(c, SMTP_END_TLS_ABSENT, FAULT_TLS_ABSENT);
    } else {
        before_mail(c);
    }
}

static inline void
on_starttls(struct course *c, uint32_t code)
{
    if (code == 220) {
        c->step = SMTP_STEP_SECURE;
    } else if (code < 400 || code == 421) {
        died(c);
    } else if (c->w->config.tls == SMTP_TLS_MUST) {
        finish(c, SMTP_END_TLS_REFUSED, FAULT_TLS_REFUSED);
    } else {
        c->refused = true;
        before_mail(c);
    }
}

static inline void
on_login(struct course *c, uint32_t code)
{
    bool cancelled = c->step == SMTP_STEP_CANCEL;
    bool other = code == 500 || code == 502 || code == 503 || code == 504;

    /* The reason of a refusal was answered. */
    if (c->w->login.token && c->step == SMTP_STEP_RESPONSE && c->due == 0)
        other = false;
    if (code == 421) {
        finish(c, SMTP_END_DIED, FAULT_LOGIN);
    } else if (code == 334 && !cancelled) {
        c->step = c->due > 0 ? SMTP_STEP_RESPONSE : SMTP_STEP_CANCEL;
        c->due -= c->due > 0;
    } else if (code >= 300 && code < 400) {
        died(c);
    } else if (code < 300 && !cancelled) {
        c->logged_in = true;
        before_mail(c);
    } else if (other && !cancelled && next_login(c)) {
        c->due = responses_of(c);
    } else {
        finish(c, code >= 400 && code < 500 ? SMTP_END_UNFIT : SMTP_END_VERDICT,
               FAULT_LOGIN);
    }
}

static inline void
on_mail(struct course *c, uint32_t code)
{
    const struct smtp_config *config = &c->w->config;
    bool told = !config->careful && config->survey &&
                (c->offers.size || (c->offers.eight_bit && config->eight_bit));

    if (code < 300)
        c->step = SMTP_STEP_RCPT;
    else if (code < 400)
        died(c);
    else if (code == 421)
        finish(c, SMTP_END_DIED, FAULT_SENDER_TEMP);
    else if (not_understood(code) && (in_flight(c) || told))
        finish(c, SMTP_END_SYNTAX, FAULT_SENDER_PERM);
    else
        finish(c, SMTP_END_VERDICT,
               code < 500 ? FAULT_SENDER_TEMP : FAULT_SENDER_PERM);
}

static inline void
on_rcpt(struct course *c, uint32_t code)
{
    if (code == 421 || (code >= 300 && code < 400)) {
        died(c);
        return;
    }
    if (not_understood(code) && in_flight(c)) {
        finish(c, SMTP_END_SYNTAX, FAULT_DIED);
        return;
    }
    c->verdicts[c->recipients++] = code < 300 ? 'r' : code < 500 ? 's' : 'h';
    c->accepted += code < 300;
    if (c->recipients < c->w->config.recipient_count)
        return;
    if (c->accepted == 0 && !in_flight(c))
        finish(c, SMTP_END_VERDICT, FAULT_RECIPIENTS);
    else
        c->step = SMTP_STEP_DATA;
}

static inline void
on_data(struct course *c, uint32_t code)
{
    if (code == 421)
        ended(c);
    else if (code < 400 && code != 354)
        died(c);
    else if (c->accepted == 0)
        finish(c, SMTP_END_VERDICT, FAULT_RECIPIENTS);
    else if (code == 354)
        c->step = SMTP_STEP_MESSAGE;
    else if (not_understood(code) && in_flight(c))
        finish(c, SMTP_END_SYNTAX, FAULT_DATA_PERM);
    else
        finish(c, SMTP_END_VERDICT,
               code < 500 ? FAULT_DATA_TEMP : FAULT_DATA_PERM);
}

static inline void
on_message(struct course *c, uint32_t code, bool early)
{
    if (early && (code == 421 || code < 400))
        died(c);
    else if (early)
        finish(c, SMTP_END_VERDICT,
               code < 500 ? FAULT_DATA_TEMP : FAULT_DATA_PERM);
    else if (code >= 400)
        finish(c, SMTP_END_VERDICT,
               code < 500 ? FAULT_BODY_TEMP : FAULT_BODY_PERM);
    else if (code >= 300 || (code == 221 && in_flight(c)))
        died(c);
    else
        finish(c, SMTP_END_VERDICT, FAULT_ACCEPTED);
}

static inline void
on_reply(struct course *c, const struct told *t)
{
    uint32_t i = c->answered++;
    bool stray = i >= c->wire->commands || t->began < c->wire->ends[i];

    if (stray && c->step != SMTP_STEP_MESSAGE && t->code != 421) {
        died(c);
        return;
    }
    if (c->step == SMTP_STEP_EHLO) {
        c->ehlo_from = t->from;
        read_offers(c, t);
    }
    if (c->step == SMTP_STEP_HELO)
        c->offers = (struct smtp_features){0};
    if (c->step == SMTP_STEP_GREETING && t->code == 220)
        c->step = c->w->config.hello == SMTP_HELLO_HELO ? SMTP_STEP_HELO
                                                        : SMTP_STEP_EHLO;
    else if (c->step == SMTP_STEP_GREETING)
        finish(c, t->code == 421 ? SMTP_END_DIED : SMTP_END_UNFIT,
               FAULT_GREETING);
    else if (c->step == SMTP_STEP_EHLO || c->step == SMTP_STEP_HELO)
        on_hello(c, t->code);
    else if (c->step == SMTP_STEP_STARTTLS)
        on_starttls(c, t->code);
    else if (c->step >= SMTP_STEP_AUTH && c->step <= SMTP_STEP_CANCEL)
        on_login(c, t->code);
    else if (c->step == SMTP_STEP_MAIL)
        on_mail(c, t->code);
    else if (c->step == SMTP_STEP_RCPT)
        on_rcpt(c, t->code);
    else if (c->step == SMTP_STEP_DATA)
        on_data(c, t->code);
    else
        on_message(c, t->code, stray);
    c->dead = c->dead || t->code == 421;
}

/* ---- the whole ---- */

/* A whole reply decided: unless there are more than commands. */
static inline void
count_all(struct course *c)
{
    uint32_t owed =
        c->wire->commands > c->answered ? c->wire->commands - c->answered : 0;

    if (c->end == SMTP_END_VERDICT && count_left(c->w) > owed + c->wire->quit)
        died(c);
}

static inline void
walk(struct course *c)
{
    const struct world *w = c->w;
    size_t end = w->said_size - w->smtp.rx_used;
    struct told t = {0};
    enum told_state state = read_told(w, end, &t);

    if (w->config.tls == SMTP_TLS_FIRST) {
        c->step = w->secure ? SMTP_STEP_GREETING : SMTP_STEP_SECURE;
        c->secure = w->secure;
    }
    for (; state == TOLD_WHOLE; state = read_told(w, end, &t)) {
        on_reply(c, &t);
        if (c->end != SMTP_END_NONE) {
            MUST(t.to == end);
            count_all(c);
            return;
        }
        if (c->step == SMTP_STEP_SECURE && w->secure) {
            c->step = SMTP_STEP_EHLO;
            c->secure = true;
        }
    }
    if (state == TOLD_BAD)
        ended(c);
    else if (c->step == SMTP_STEP_SECURE && w->smtp.rx_used > 0)
        died(c);
    else if (w->gone || w->timed_out)
        ended(c);
    if (w->gone && state == TOLD_NOTHING && c->step == SMTP_STEP_EHLO &&
        !c->secure)
        c->end = SMTP_END_MUTE;
}

/* The message's own: it ends in the middle of a line, or cannot be read. */
static inline void
check_message(const struct world *w, const struct course *c)
{
    MUST(c->step == SMTP_STEP_MESSAGE && w->smtp.end == SMTP_END_VERDICT);
    MUST(w->smtp.fault == FAULT_PARTIAL ||
         (w->smtp.fault == FAULT_MESSAGE && w->aborted));
}

static inline void
check_rules(const struct world *w, const struct wire *wire)
{
    struct course c = {.w = w, .wire = wire};
    const struct smtp *s = &w->smtp;

    walk(&c);
    MUST(strcmp(c.verdicts, w->verdicts) == 0);
    if (c.end == SMTP_END_NONE) {
        check_message(w, &c);
        return;
    }
    MUST(s->end == c.end && s->fault == c.fault);
    MUST(s->fault_step == c.step && s->tls_refused >= c.refused);
    MUST(s->logged_in == c.logged_in);
    MUST(!c.dead || smtp_tx(s).size == 0);
    if (s->end == SMTP_END_TLS_BROKEN || s->end == SMTP_END_MUTE)
        MUST(s->why.size > 0);
    if (s->fault == FAULT_HELLO && c.second_hello)
        MUST(s->said.size > 3 &&
             memcmp(s->said.data, w->said + c.ehlo_from, 3) == 0);
}

#endif
