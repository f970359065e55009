/* SPDX-License-Identifier: ISC */
/*
 * A connection to a mail server: a socket, and TLS on it once secured. The one
 * place that waits for it.
 *
 * in     a connected socket; plain text both ways
 * out    the same; what the socket allows now
 * bound  tls/tls.h's
 * fault  a value below 0: OS_AGAIN, or OS_ERROR with `why`
 * order  link_open, [link_secure]; then link_wait, and what it allows: one
 *        link_recv with `read` and others without, or one link_send;
 *        link_close
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
    bool full;   /* the socket did not take all it was given last */
    bool dead;   /* a write failed: nothing is sent any more */
    size_t held; /* octets of the text to send that TLS has a record of */
    struct tls *tls;
    struct slice why; /* of a failure; valid until the next one */
};

struct link_peer {
    struct slice name;           /* or empty */
    const struct addr *literal;  /* then this */
    const struct tls_dane *dane; /* or NULL */
};

/* Whom to trust: where the anchors are found. */
struct link_trust {
    const struct job *job;
    struct anchors_work *work;
};

/* What is asked of link_wait. */
struct link_ask {
    bool rx, tx;
    bool between; /* the peer is to be heard before more is sent to it */
    int also_fd;  /* to be read as well, or OS_NONE */
};

/* What may be done now; nothing: the deadline has come. */
enum {
    LINK_RX = 1,     /* the socket can be read once */
    LINK_HELD = 2,   /* TLS has what can be read without it */
    LINK_TX = 4,     /* something can be sent */
    LINK_ALSO = 8,   /* also_fd can be read */
    LINK_BROKEN = 16 /* the system refuses to wait: os_why */
};

void link_open(struct link *l, int fd, struct tls *tls);
/* Sets TLS up and, where the peer is to be verified, has that done. False:
 * tls->state is TLS_REFUSED for a certificate; `why` says what was wrong. */
bool link_secure(struct link *l, const struct link_peer *peer,
                 const struct link_trust *trust, int64_t deadline_ms);
/* LINK_...: waits until the link can do some of what is asked, or for the
 * deadline. What TLS has to say of its own is asked for always. */
uint32_t link_wait(struct link *l, const struct link_ask *ask,
                   int64_t deadline_ms);
/* Sends of `text`, and what TLS has to say: octets that have left for good. The
 * rest has to be offered again. *moved: some octets of a text left, be it a
 * part of a record that counts only once it is whole. */
ptrdiff_t link_send(struct link *l, struct slice text, bool *moved);
/* Octets, 0 at the end. `read`: the socket may be read for it, once. */
ptrdiff_t link_recv(struct link *l, uint8_t *out, size_t size, bool read);
/* Sends what it can of `last`, says goodbye, closes; waits for nothing. */
void link_close(struct link *l, struct slice last);

#endif
