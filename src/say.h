/* SPDX-License-Identifier: ISC */
/*
 * Lines of qmail/tell.h on descriptor 1.
 *
 * in     a format of qmail/tell.h and its values
 * out    bytes on descriptor 1
 * bound  TELL_SIZE held
 * fault  `lost`: nobody reads them any more; the rest is dropped
 * order  say_init, say_put ...
 */
#ifndef SAY_H
#define SAY_H

#include "qmail/tell.h"

enum {
    SAY_NAME_COUNT = 3,
    SAY_NAME_SIZE = NAME_TEXT_SIZE_MAX,
    /* `, address%interface` */
    SAY_SERVER_SIZE = 2 + ADDR_TEXT_SIZE_MAX + 1 + DNS_INTERFACE_SIZE_MAX
};

struct say {
    struct qmail_tell tell;
    struct buf out;
    bool lost;
    int64_t put_ms;                     /* when the last line was put */
    struct slice texts[SAY_NAME_COUNT]; /* names, for the caller */
    uint8_t names[SAY_NAME_COUNT][SAY_NAME_SIZE];
    uint8_t bytes[TELL_SIZE];
};

void say_init(struct say *s);
void say_put(struct say *s, const char *format, const union tell *values);
/* Since the last line. */
uint32_t say_took_ms(const struct say *s);

#endif
