/* SPDX-License-Identifier: ISC */
/*
 * Sockets without a network: streams in both directions with latency,
 * segments, windows, ends and resets; datagrams.
 *
 * in     what the program and the servers send
 * out    the same, later, in other pieces
 * bound  the window of each server
 * fault  what a socket of Linux would say
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "sim/world.h"

enum conn_state { CONN_CONNECTING, CONN_UP, CONN_FAILED };

struct datagram {
    struct datagram *next;
    size_t size;
    uint8_t data[];
};

struct conn {
    struct conn *next; /* the one opened before */
    uint32_t number;
    bool stream;
    struct endpoint to;
    struct place place;
    struct mta *mta; /* or ns, or neither: nobody is there */
    struct ns *ns;
    struct session *session; /* of a mail server; NULL before it is up */
    enum conn_state state;
    int why;      /* CONN_FAILED: an os_error */
    bool closed;  /* by the program */
    bool expired; /* closed because nobody answered in time */
    int64_t opened_ms, up_ms, closed_ms;

    /* from the program */
    size_t unread, window;
    int64_t sent_ms; /* arrival of the last */
    bool paused;     /* the server does not read */
    struct bytes held;
    bool gone; /* the server closed: what arrives now is answered by RST */
    uint64_t written;
    bool held_up; /* a write was cut short, or refused for now */
    bool broken;  /* one has failed */

    /* to the program */
    struct bytes down;
    size_t arrived, taken;
    int64_t down_ms;
    bool fin, reset, loses; /* arrived; loses: RST drops what is unread */
    bool end_queued;
    struct datagram *datagrams, **datagrams_end;
    struct bytes said; /* by the program, where a secret is looked for */

    /* what the program does with it */
    bool used;                         /* waited for something to read, */
    int64_t used_ms;                   /* first then */
    bool barren;                       /* the last wait for it was in vain, */
    bool defiant;                      /* and yet something was written */
    bool moved;                        /* the last write got it further */
    uint32_t progress_count;           /* so often, at different times */
    int64_t progress_ms;               /* when it last got further */
    int64_t before_ms;                 /* when it last had, at progress_ms */
    uint32_t opened_step, closed_step; /* check.c's: what came before what */
    struct bytes query;                /* DNS over TCP, so far */
    int name; /* of the zone: what is asked; -1: none, or nothing yet */
    enum ask ask;
    uint8_t record[5];               /* the head of its TLS record, */
    size_t record_size, record_left; /* so much of it, what is to come */
};

extern struct conn *conns; /* the last one opened */

void net_reset(void);

/* ---- the program's side; bytes or an os_error ---- */
struct conn *net_open(const struct endpoint *to, bool stream);
ptrdiff_t net_read(struct conn *c, void *out, size_t size);
ptrdiff_t net_write(struct conn *c, const void *data, size_t size);
void net_close(struct conn *c);
bool net_readable(const struct conn *c);
bool net_writable(const struct conn *c);

/* ---- the servers' side ---- */
/* In segments, or in one; the offset in the stream behind it. */
#define WHOLE SIZE_MAX
size_t conn_send(struct conn *c, const void *data, size_t size, size_t segment);
void conn_datagram(struct conn *c, const void *data, size_t size,
                   int64_t after_ms);
void conn_unreachable(struct conn *c, int64_t after_ms);
void conn_end(struct conn *c, bool by_reset);
void conn_pause(struct conn *c, bool paused);

/* What servers are: ns.c and mta.c. */
void ns_datagram(struct conn *c, const uint8_t *data, size_t size);
void ns_stream(struct conn *c, const uint8_t *data, size_t size);
void ns_stream_opened(struct conn *c);
void mta_opened(struct conn *c);
void mta_bytes(struct conn *c, const uint8_t *data, size_t size);
void mta_closed(struct conn *c);
void mta_arrived(struct conn *c);

#endif
