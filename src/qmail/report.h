/* SPDX-License-Identifier: ISC */
/*
 * The report qmail-rspawn reads: recipient records, then one verdict.
 *
 * in     verdicts and texts, the peer's bytes among them as they came
 * out    records, each ended by NUL, safe to log (interface.md's rules)
 * bound  REPORT_SIZE_MAX; of a reply REPLY_TEXT_SIZE_MAX bytes, or its even
 *        share of the report when there are many recipients
 * fault  none: what does not fit of a reply is left out, records never are
 * order  init, recipient ..., final, then bytes; init again to start over
 */
#ifndef QMAIL_REPORT_H
#define QMAIL_REPORT_H

#include "base/addr.h"
#include "base/fault.h"
#include "base/slice.h"
#include "limits.h"

struct qmail_verdict {
    enum fault fault;
    const struct addr *ip; /* {ip}; NULL where the text has none */
    struct slice host;     /* {host} */
    struct slice why;      /* {why}, without a full stop */
    struct slice said;     /* the peer's reply, or empty */
    struct slice detail;   /* a line of its own behind all that, or empty */
    struct slice starttls; /* the last line, or empty */
};

struct qmail_report {
    struct buf out;
    size_t text_size_max; /* of one reply */
    uint8_t bytes[REPORT_SIZE_MAX];
};

void qmail_report_init(struct qmail_report *r, uint32_t recipient_count);
/* verdict: r accepted, h permanent, s temporary. */
void qmail_report_recipient(struct qmail_report *r, char verdict,
                            const struct addr *ip, struct slice said);
void qmail_report_final(struct qmail_report *r, const struct qmail_verdict *v);
/* Makes bytes of a peer safe: CR dropped, TAB a space, other control bytes and
 * what is not UTF-8 (RFC 3629) a question mark. Never grows. */
void qmail_report_put_safe(struct buf *out, struct slice s);

#endif
