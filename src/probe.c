/* SPDX-License-Identifier: ISC */
#include "probe.h"

#include "confine.h"
#include "probe_say.h"
#include "pump.h"

enum { ERROR_FD = 2, STATUS_USAGE = 2, STATUS_NEVER = 100, STATUS_LATER = 111 };

/* What a session with a candidate showed of TLS. */
enum sight_tls {
    SIGHT_OFF,      /* not wanted */
    SIGHT_ABSENT,   /* not offered */
    SIGHT_REFUSED,  /* STARTTLS was */
    SIGHT_FAILED,   /* the handshake did */
    SIGHT_UNKNOWN,  /* TLS, but nothing to prove it by */
    SIGHT_UNPROVED, /* the certificate is not good */
    SIGHT_PROVED
};

struct sight {
    enum sight_tls tls;
    struct buf why; /* not proved at tlsstrictness 2 */
    uint8_t why_bytes[TLS_REASON_SIZE_MAX];
};

bool
probe_is_meant(const char *name)
{
    struct slice whole = slice_text(name), own = SLICE("mote-probe");

    if (whole.size > own.size && name[whole.size - own.size - 1] != '/')
        return false;
    return slice_equal(slice_part(whole, whole.size - own.size, whole.size),
                       own);
}

/* ---- argv ---- */

static bool
take_options(struct say *s, const char *text)
{
    while (*++text) {
        if (*text == 'j')
            s->tell.json = true;
        else if (*text == 'v')
            s->tell.lines = true;
        else
            return false;
    }
    return true;
}

/* The argument that is no option; NULL: there is none, or another. */
static char *
find_address(struct say *s, const struct load_args *args)
{
    int at = 1;

    while (at < args->count && args->values[at][0] == '-')
        if (!take_options(s, args->values[at++]))
            return NULL;
    return at + 1 == args->count ? args->values[at] : NULL;
}

/* ---- one candidate ---- */

static void
note(struct sight *sight, enum sight_tls tls, struct slice why)
{
    sight->tls = tls;
    buf_reset(&sight->why);
    outcome_put(&sight->why, why);
}

static bool
secure(struct root *r, uint32_t index, struct sight *sight)
{
    struct deliver_work *w = &r->work.deliver;
    int64_t began_ms = os_now_ms();

    if (!deliver_secure(w, index)) {
        note(sight, SIGHT_FAILED, w->link.why);
        return false;
    }
    if (r->job.anchors_fd == OS_NONE)
        note(sight, SIGHT_UNKNOWN, buf_slice(&r->outcome.detail));
    else
        note(sight, w->tls.reason.size > 0 ? SIGHT_UNPROVED : SIGHT_PROVED,
             w->tls.reason);
    probe_say_tls(r, os_now_ms() - began_ms);
    smtp_secured(&w->smtp, os_now_ms());
    return true;
}

/* The session, stopping at each reply. False: there is no TLS. */
static bool
talk(struct root *r, uint32_t index, struct sight *sight)
{
    struct deliver_work *w = &r->work.deliver;
    struct pump p = {.link = &w->link,
                     .smtp = &w->smtp,
                     .message = &r->message,
                     .report = &r->report,
                     .ip = &w->attempt.ip};

    for (;;) {
        enum smtp_step step = w->smtp.step;
        int64_t began_ms = os_now_ms();
        uint32_t want = 0;

        pump_run(&p);
        want = smtp_want(&w->smtp);
        if (want & SMTP_WANT_END)
            break;
        if (want & SMTP_WANT_LOOK) {
            probe_say_reply(r, step, os_now_ms() - began_ms);
            smtp_taken(&w->smtp, os_now_ms());
        } else if (!secure(r, index, sight)) {
            return false;
        }
    }
    if (deliver_end(w, index))
        return true;
    note(sight, SIGHT_FAILED, w->smtp.why);
    return false;
}

static void
say_levels(struct root *r, const struct sight *sight)
{
    static const char *const why[] = {[SIGHT_OFF] = "TLS is off",
                                      [SIGHT_ABSENT] =
                                          "STARTTLS is not offered",
                                      [SIGHT_REFUSED] = "STARTTLS was refused",
                                      [SIGHT_FAILED] = "TLS failed",
                                      [SIGHT_UNKNOWN] = "nothing to trust",
                                      [SIGHT_UNPROVED] = "certificate refused",
                                      [SIGHT_PROVED] = NULL};
    const struct slice detail = buf_slice(&sight->why);
    bool works = sight->tls >= SIGHT_UNKNOWN;

    for (uint32_t level = 0; level <= 2; level++) {
        bool never = level == 2 && sight->tls != SIGHT_PROVED;

        say(&r->say,
            "[strictness]  at tlsstrictness {#level}{, %set}:"
            "{ mail would go %how}{, if TLS works with no candidate%}"
            "{ no mail: %no}{: $why}\n",
            level, level == r->job.tls_strictness ? "as configured" : NULL,
            never       ? NULL
            : !works    ? "in clear"
            : level < 2 ? "over TLS"
                        : "over TLS, verified",
            level == 1 && !works && sight->tls != SIGHT_OFF ? "" : NULL,
            never ? why[sight->tls] : NULL,
            never && detail.size > 0 ? &detail : NULL);
    }
}

static void
survey(struct root *r, const struct delivery *watched, uint32_t index)
{
    struct deliver_work *w = &r->work.deliver;
    struct sight sight = {.tls = SIGHT_OFF};
    bool reached = false;

    buf_init(&sight.why, sight.why_bytes, sizeof(sight.why_bytes));
    outcome_put(&sight.why, buf_slice(&r->outcome.detail));
    deliver_init(w, watched);
    connect_init(&w->connect, &r->targets.candidates, &r->tcpto,
                 r->job.connect_timeout_s * 1000);
    if (!probe_say_connect(r, index))
        return;
    if (talk(r, index, &sight)) {
        if (w->smtp.tls_refused)
            note(&sight, SIGHT_REFUSED, SLICE(""));
        else if (sight.tls == SIGHT_OFF && w->tls_manner != SMTP_TLS_OFF)
            note(&sight, SIGHT_ABSENT, SLICE(""));
        reached = w->attempt.fault == FAULT_OK;
    } else {
        reached = w->tls_ready;
    }
    if (reached)
        say_levels(r, &sight);
    else
        probe_say_outcome(r, &w->attempt);
    link_close(&w->link, reached ? smtp_tx(&w->smtp) : SLICE(""));
}

/* ---- the whole ---- */

static int
say_verdict(struct root *r)
{
    const struct outcome *o = &r->outcome;
    char class = fault_row(o->fault)->class;

    r->say.tell.lines = false;
    probe_say_verdict(r);
    if (r->say.lost)
        return STATUS_LATER;
    return class == 'D' ? STATUS_NEVER : class == 'Z' ? STATUS_LATER : 0;
}

static void
look(struct root *r)
{
    struct delivery d = {DELIVER_WATCHED, &r->job,    &r->targets,
                         &r->message,     &r->report, &r->tcpto};
    struct outcome *o = &r->outcome;

    tcpto_open(&r->tcpto, false);
    confine(&r->job, TELL_OUTPUT_SIZE_MAX);
    probe_say_route(r);
    o->fault = resolve(&r->job, &r->work.resolve, &r->targets);
    probe_say_names(r);
    probe_say_candidates(r);
    for (uint32_t i = 0; i < r->targets.candidates.count; i++)
        if (!r->say.lost &&
            !tcpto_skip(&r->tcpto, &r->targets.candidates.list[i].to.addr))
            survey(r, &d, i);
    buf_reset(&o->detail);
    d.manner = DELIVER_DRY;
    if (o->fault == FAULT_OK && !r->say.lost)
        deliver(&d, &r->work.deliver, o);
}

int
probe(const struct load_args *args, struct root *r)
{
    static char nobody[] = "postmaster", empty[] = "";
    struct outcome *o = &r->outcome;
    char *address = NULL, *host = NULL;
    struct load_args whole = *args;

    say_init(&r->say);
    address = find_address(&r->say, args);
    if (!address) {
        (void)os_write(ERROR_FD,
                       SLICE("usage: mote-probe [-jv] host|address\n"));
        return STATUS_USAGE;
    }
    host = address;
    for (char *at = address; *at; at++)
        if (*at == '@')
            host = at + 1;
    whole.values = (char *[]){args->values[0], host, empty,
                              host == address ? nobody : address};
    whole.count = 4;
    whole.survey = true;
    o->fault = load(&whole, &r->work.load, &r->job, &o->detail);
    if (o->fault == FAULT_OK)
        look(r);
    return say_verdict(r);
}
