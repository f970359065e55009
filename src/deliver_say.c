/* SPDX-License-Identifier: ISC */
#include "deliver_say.h"

static void
put_too_big(struct deliver *d)
{
    const struct deliver_work *w = d->given.work;
    struct buf *out = &d->attempt.why;

    buf_put_number(out, w->config.size, 1);
    outcome_put_text(out, " bytes, limit ");
    buf_put_number(out, w->smtp.features.size_max, 1);
}

/* Whether the last reply belongs to the verdict: it does not where the verdict
 * is about what the reply to EHLO offers, or sums up those to RCPT. */
static bool
has_said(enum fault fault)
{
    return fault != FAULT_OK && fault != FAULT_RECIPIENTS &&
           fault != FAULT_TOO_BIG && fault != FAULT_UTF8_ABSENT &&
           fault != FAULT_TLS_ABSENT && fault != FAULT_LOGIN_ABSENT &&
           fault != FAULT_LOGIN_UNPROVED;
}

void
deliver_say_session(struct deliver *d)
{
    const struct smtp *s = &d->given.work->smtp;
    struct outcome *o = &d->attempt;
    bool soft = policy_softens(&d->session, s->tls_refused,
                               has_said(s->fault) ? s->reply.code : 0);

    /* TLS itself did what it could. */
    o->fault = s->fault == FAULT_TLS_FAILED
                   ? FAULT_DIED
                   : policy_fault(&d->session, s->fault, soft);
    o->progress = 1 + s->fault_step + (s->secure ? SMTP_STEP_END : 0);
    if (has_said(s->fault))
        outcome_put(&o->said, s->said);
    if (s->fault == FAULT_TOO_BIG)
        put_too_big(d);
    if (s->fault == FAULT_LOGIN_ABSENT)
        outcome_put(&o->why, smtp_features_names(&s->features));
    if (s->why.size == 0)
        return;
    outcome_put_text(&o->detail, "At ");
    outcome_put_text(&o->detail, smtp_step_text(s->fault_step));
    outcome_put_text(&o->detail, ": ");
    outcome_put(&o->detail, s->why);
}
