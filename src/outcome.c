/* SPDX-License-Identifier: ISC */
#include "outcome.h"

void
outcome_init(struct outcome *o)
{
    o->fault = FAULT_OK;
    o->progress = 0;
    o->ip = (struct addr){.family = ADDR_NONE};
    buf_init(&o->why, o->why_bytes, sizeof(o->why_bytes));
    buf_init(&o->detail, o->detail_bytes, sizeof(o->detail_bytes));
    buf_init(&o->said, o->said_bytes, sizeof(o->said_bytes));
    buf_init(&o->starttls, o->starttls_bytes, sizeof(o->starttls_bytes));
}

void
outcome_put(struct buf *out, struct slice text)
{
    buf_put(out, slice_part(text, 0, buf_room(out)));
}

void
outcome_put_text(struct buf *out, const char *text)
{
    outcome_put(out, slice_text(text));
}

void
outcome_copy(struct outcome *to, const struct outcome *from)
{
    outcome_init(to);
    to->fault = from->fault;
    to->progress = from->progress;
    to->ip = from->ip;
    outcome_put(&to->why, buf_slice(&from->why));
    outcome_put(&to->detail, buf_slice(&from->detail));
    outcome_put(&to->said, buf_slice(&from->said));
    outcome_put(&to->starttls, buf_slice(&from->starttls));
}

struct qmail_verdict
outcome_verdict(const struct outcome *o, struct slice host)
{
    return (struct qmail_verdict){
        .fault = o->fault,
        .ip = o->ip.family == ADDR_NONE ? NULL : &o->ip,
        .host = host,
        .why = buf_slice(&o->why),
        .said = buf_slice(&o->said),
        .detail = buf_slice(&o->detail),
        .starttls = buf_slice(&o->starttls),
    };
}
