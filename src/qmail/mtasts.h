/* SPDX-License-Identifier: ISC */
/*
 * A policy of MTA-STS, as its web server gave it (RFC 8461 section 3.2).
 *
 * in     its lines, without their ends; of one that is very long the beginning
 * out    mode, age, and the exchangers that may be used
 * bound  MTASTS_MX_COUNT_MAX of them; MTASTS_SIZE_MAX octets
 * fault  `problem`, the first; `mode` is what the policy says all the same
 * order  init; line ...; end; then holds, and of an exchanger matches
 *
 * Of a field that may be there once the first counts; unknown ones are skipped.
 */
#ifndef QMAIL_MTASTS_H
#define QMAIL_MTASTS_H

#include "base/slice.h"
#include "limits.h"
#include "qmail/control.h"

enum qmail_mtasts_mode {
    MTASTS_UNKNOWN, /* not said, or none that is known */
    MTASTS_NONE,
    MTASTS_TESTING,
    MTASTS_ENFORCE
};

struct qmail_mtasts_mx {
    bool below; /* any one label in front of the name */
    uint8_t size;
    uint8_t name[NAME_TEXT_SIZE_MAX];
};

struct qmail_mtasts {
    enum qmail_problem problem;
    enum qmail_mtasts_mode mode;
    bool aged;          /* max_age was said, ... */
    uint32_t max_age_s; /* ... and is this */
    uint32_t seen;      /* fields so far, 1 << which */
    uint32_t mx_count;
    struct qmail_mtasts_mx mx[MTASTS_MX_COUNT_MAX];
};

/* `size`: octets of the whole. */
void qmail_mtasts_init(struct qmail_mtasts *m, int64_t size);
void qmail_mtasts_line(struct qmail_mtasts *m, struct slice line);
void qmail_mtasts_end(struct qmail_mtasts *m);
/* It says `enforce`, and is not known to be too old. With a problem that is an
 * error; what does not hold is as good as absent. */
bool qmail_mtasts_holds(const struct qmail_mtasts *m, int64_t modified_s,
                        int64_t now_s);
/* The exchanger may be used (RFC 8461 section 4.1). */
bool qmail_mtasts_matches(const struct qmail_mtasts *m, struct slice host);

#endif
