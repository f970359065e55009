/* SPDX-License-Identifier: ISC */
/*
 * The next candidate to hold a session with: names and connections are one
 * race with two legs, so that an answer that comes late finds its place.
 *
 * in     targets and connections, moved on
 * out    a connected stream
 * bound  the look-ups' schedule, the race, and `end_ms`
 * fault  enum seek_result
 * order  seek_next; a session, which may use the memory of the look-ups; again
 */
#ifndef SEEK_H
#define SEEK_H

#include "connect.h"
#include "resolve.h"

enum seek_result {
    SEEK_FOUND,
    SEEK_NOBODY, /* all that the DNS gives has been tried */
    SEEK_LATE,   /* end_ms has come */
    SEEK_BROKEN, /* the system refuses to wait */
    SEEK_FAULT   /* the DNS says so: `fault` */
};

struct seek {
    const struct job *job;
    struct targets *targets;
    struct resolve_work *work;
    struct connect *connect;
    int64_t end_ms; /* no session is begun any more; INT64_MAX: never */
    enum fault fault;
};

enum seek_result seek_next(struct seek *s, uint32_t *index, int *fd);
/* Somebody is left whom seek_next might find. */
bool seek_is_open(const struct seek *s);

#endif
