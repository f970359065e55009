/* SPDX-License-Identifier: ISC */
/*
 * The file behind qmail/session: what lets one delivery begin where another
 * left off (RFC 8446 section 2.2).
 *
 * in     run/qmail-remote/tlssessions, under the qmail home; what a session is
 *        to be proved under
 * out    a session to offer; those that came are written back
 * bound  SESSION_RECORD_COUNT records; the file never changes its size
 * fault  none: what cannot be read, written or locked at once is left alone,
 *        and a full handshake proves the same
 * order  open, before the sandbox; then for each session with a server room,
 *        offer, and end behind it
 */
#ifndef SESSIONS_H
#define SESSIONS_H

#include "job.h"
#include "limits.h"
#include "link.h"
#include "policy/course.h"
#include "qmail/session.h"
#include "tls/tls.h"

struct sessions {
    int fd;              /* or OS_NONE */
    const char *problem; /* why the file is not used; NULL: it is, or there is
                            none */
    bool begun;          /* `now` is of the session at hand */
    bool named;          /* the server's name is to be proved in it */
    bool taken;          /* it was offered `used`, out of the record `index` */
    uint32_t index;
    struct qmail_session now, used;
    struct tls_sessions given;
    uint8_t record[SESSION_RECORD_SIZE]; /* `used`, or one to be written */
    uint8_t bytes[SESSION_READ_COUNT * SESSION_RECORD_SIZE];
};

extern const char sessions_path[];

void sessions_open(struct sessions *s);
/* Where TLS leaves those that come of such a session; NULL: it shall not ask.
 */
struct tls_sessions *sessions_room(struct sessions *s,
                                   const struct policy_manner *m);
/* Of those in the file, one that proves what the peer is to prove now. */
void sessions_offer(struct sessions *s, const struct job *job,
                    const struct link_peer *peer, const struct policy_manner *m,
                    struct tls *tls);
/* In the session at hand; not in one before it. */
bool sessions_is_offered(const struct sessions *s);
/* Writes what came of a session, unless TLS failed in it: then the one that was
 * offered is not offered again. */
void sessions_end(struct sessions *s, const struct tls *tls,
                  enum policy_end end);

#endif
