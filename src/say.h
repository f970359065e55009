/* SPDX-License-Identifier: ISC */
/*
 * Lines of qmail/tell.h on descriptor 1.
 *
 * in     values for qmail/tell.h, between begin and end
 * out    bytes on descriptor 1
 * bound  TELL_SIZE held
 * fault  `lost`: nobody reads them any more; the rest is dropped
 * order  say_init, then say_begin, values, say_end ...
 */
#ifndef SAY_H
#define SAY_H

#include "qmail/tell.h"

enum {
    SAY_NAME_SIZE = NAME_TEXT_SIZE_MAX,
    /* address%interface */
    SAY_SERVER_SIZE = ADDR_TEXT_SIZE_MAX + 1 + DNS_INTERFACE_SIZE_MAX
};

struct say {
    struct qmail_tell tell;
    struct buf out;
    bool lost;
    int64_t put_ms; /* when the last line was put */
    /* The server that what is said is about, and its name. */
    const struct addr *peer;
    struct slice peer_name;
    uint8_t name[SAY_NAME_SIZE]; /* for the caller */
    uint8_t bytes[TELL_SIZE];
};

void say_init(struct say *s);
/* A program gets the server with each line that follows; NULL: none. */
void say_about(struct say *s, const struct addr *peer, struct slice name);
/* Where the values of the line go. */
struct qmail_tell *say_begin(struct say *s, const char *event);
void say_end(struct say *s);
/* Since the last line. */
uint32_t say_took_ms(const struct say *s);

#endif
