/* SPDX-License-Identifier: ISC */
/*
 * The message on descriptor 0, read in large pieces.
 *
 * in     a regular file at offset 0, or a pipe
 * out    its bytes, once, or again after message_rewind
 * bound  MESSAGE_CHUNK_SIZE held; any length
 * fault  it cannot be read, or is not as long as it says; its last line has no
 *        end
 * order  message_open; message_survey and message_rewind as often as wanted
 *        (regular files only); message_next until `end`
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "base/fault.h"
#include "base/slice.h"
#include "limits.h"
#include "smtp/body.h"

enum { MESSAGE_FD = 0 };

struct message {
    bool regular;
    bool partial; /* regular: the last line has no end */
    bool old;     /* regular: the queue has tried it before */
    bool whole;   /* all of it is in `bytes` */
    bool started; /* bytes of a pipe were read: there is no way back */
    bool ready;   /* a pipe: the caller's poll said so */
    bool end;     /* `rest` is the last there is */
    bool surveyed;
    struct smtp_survey survey;
    int64_t size;  /* regular */
    int64_t taken; /* bytes read since the start */
    struct slice rest;
    uint8_t bytes[MESSAGE_CHUNK_SIZE];
};

/* FAULT_MESSAGE, or FAULT_PARTIAL where that can be seen. */
enum fault message_open(struct message *m);
bool message_survey(struct message *m);
bool message_rewind(struct message *m);
/* Makes `rest` not empty, or `end` true; or neither, while a pipe is not
 * `ready`. */
bool message_next(struct message *m);

#endif
