/* SPDX-License-Identifier: ISC */
/*
 * The records of run/qmail-remote/tlssessions: sessions of TLS that deliveries
 * leave for those that come after them.
 *
 * in     records of the file, the time; what a session must have been proved
 *        under to be used now
 * out    which record to use, which place to put another one in; its octets
 * bound  SESSION_RECORD_COUNT records of SESSION_RECORD_SIZE
 * fault  none: what is no record is an empty place
 * order  use or place, then offer each record of the file; the shell holds the
 * lock from its first read to its write
 */
#ifndef QMAIL_SESSION_H
#define QMAIL_SESSION_H

#include "base/slice.h"
#include "limits.h"

struct qmail_session {
    /* Of all that the proof rests on, and which one that is. Other sessions are
     * not ours to use. */
    uint8_t digest[SESSION_DIGEST_SIZE];
    bool once;           /* used, it is of no more use */
    int64_t proved_s;    /* when: not by a session, but by all it takes */
    int64_t given_s;     /* this session, from when its lifetime counts */
    int64_t until_s;     /* the end of what proves it */
    uint32_t lifetime_s; /* 0: not said */
    struct slice state;  /* at most SESSION_STATE_SIZE_MAX */
};

struct qmail_session_search {
    const uint8_t *digest;
    bool place; /* for a new one, or one to use */
    bool once;  /* of a new one */
    int64_t now_s;
    uint32_t next;  /* index of the next record */
    uint32_t same;  /* records of it; of these */
    uint32_t first; /* the oldest */
    int64_t first_s;
    bool found;
    uint32_t index; /* of the best so far */
    uint32_t rank;
    int64_t given_s;
};

/* False: an empty place. The state stays in the record. */
bool qmail_session_read(struct slice record, struct qmail_session *out);
void qmail_session_write(const struct qmail_session *s,
                         uint8_t record[static SESSION_RECORD_SIZE]);

/* For one like `s` (its digest, lent) that can be used: of them the youngest.
 */
void qmail_session_search_use(struct qmail_session_search *search,
                              const struct qmail_session *s, int64_t now_s);
/* For a place to put `s` in: that of one which it replaces, of the oldest of
 * its own if they have their share, an empty one, that of one which nobody can
 * use any more, or else the oldest. */
void qmail_session_search_place(struct qmail_session_search *search,
                                const struct qmail_session *s, int64_t now_s);
void qmail_session_search_offer(struct qmail_session_search *search,
                                struct slice record);

#endif
