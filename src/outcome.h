/* SPDX-License-Identifier: ISC */
/*
 * What became of the run, or of one candidate: a fault and its texts.
 *
 * in     texts, copied
 * out    what qmail/report.h prints
 * bound  the buffers; a text that is too long is cut
 * fault  none
 * order  outcome_init, outcome_put ..., outcome_verdict
 */
#ifndef OUTCOME_H
#define OUTCOME_H

#include "base/addr.h"
#include "base/fault.h"
#include "base/slice.h"
#include "limits.h"
#include "qmail/report.h"

struct outcome {
    enum fault fault;
    uint32_t progress; /* how far a session got: more is further */
    struct addr ip;
    struct buf why, detail, said, starttls;
    uint8_t why_bytes[TLS_REASON_SIZE_MAX];
    uint8_t detail_bytes[CONTROL_DETAIL_SIZE_MAX];
    uint8_t said_bytes[REPLY_TEXT_SIZE_MAX];
    uint8_t starttls_bytes[TLS_LINE_SIZE_MAX];
};

void outcome_init(struct outcome *o);
/* As buf_put, but cuts what does not fit: for texts a person reads. */
void outcome_put(struct buf *out, struct slice text);
void outcome_put_text(struct buf *out, const char *text);
void outcome_copy(struct outcome *to, const struct outcome *from);
/* The report's view of it; valid as long as `o` and `host`. */
struct qmail_verdict outcome_verdict(const struct outcome *o,
                                     struct slice host);

#endif
