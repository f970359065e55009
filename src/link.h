/* SPDX-License-Identifier: ISC */
/*
 * A connection to a mail server: a socket, and TLS on it once secured.
 *
 * in     a connected socket; plain text both ways
 * out    the same; what is due on the socket
 * bound  tls/tls.h's
 * fault  a value below 0: OS_AGAIN, or OS_ERROR with `why`
 * order  link_open, [link_secure], send and recv, link_close
 */
#ifndef LINK_H
#define LINK_H

#include "anchors.h"
#include "job.h"
#include "os/os.h"
#include "tls/tls.h"

struct link {
    int fd;
    bool secure;
    bool readable; /* poll said so, and the socket was not emptied since */
    bool more;     /* TLS may hold plain text that was not asked for yet */
    bool dead;     /* a write failed: nothing is sent any more */
    struct tls *tls;
    struct slice why; /* of a failure; valid until the next one */
};

struct link_peer {
    struct slice name;          /* or empty */
    const struct addr *literal; /* then this */
};

/* Whom to trust: where the anchors are found. */
struct link_trust {
    const struct job *job;
    struct anchors_work *work;
};

struct link_wait {
    bool rx, tx;
    int also_fd; /* to be read as well, or OS_NONE */
    bool also_ready;
};

void link_open(struct link *l, int fd, struct tls *tls);
/* Sets TLS up and, at strictness 2, has the peer verified. False: tls->state
 * is TLS_REFUSED for a certificate; `why` says what was wrong. */
bool link_secure(struct link *l, const struct link_peer *peer,
                 const struct link_trust *trust, int64_t deadline_ms);
/* An empty text only sends what is pending. */
ptrdiff_t link_send(struct link *l, struct slice text);
ptrdiff_t link_recv(struct link *l, uint8_t *out, size_t size);
/* So many bytes on the socket are still to be sent, though their text was
 * taken. */
size_t link_pending(const struct link *l);
/* Waits until the socket can do what is asked or the deadline has come; false:
 * the system refuses to. */
bool link_wait(struct link *l, struct link_wait *w, int64_t deadline_ms);
/* Sends what it can of `last`, says goodbye, closes; waits for nothing. */
void link_close(struct link *l, struct slice last);

#endif
