/* SPDX-License-Identifier: ISC */
/*
 * One reply of a mail server, read line by line (RFC 5321 section 4.2).
 *
 * in     bytes of the server, however they are split
 * out    the code, each line, the whole text as it came (without CR)
 * bound  REPLY_LINE_COUNT_MAX lines, REPLY_SIZE_MAX bytes; of the text the
 *        first REPLY_TEXT_SIZE_MAX are kept, of a line REPLY_LINE_SIZE_MAX
 * fault  SMTP_REPLY_BAD: not a reply, or over a bound; sticky, `line` has what
 *        came of the line at fault
 * order  init, then rx until SMTP_REPLY_END; init again for the next one
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/slice.h"
#include "limits.h"

enum smtp_reply_state {
    SMTP_REPLY_MORE, /* in the middle of a line */
    SMTP_REPLY_LINE, /* a line that is not the last */
    SMTP_REPLY_END,  /* the last line: the reply is whole */
    SMTP_REPLY_BAD
};

struct smtp_reply {
    enum smtp_reply_state state;
    uint32_t code;       /* of the last whole line; 200 to 599 */
    uint32_t line_count; /* whole lines */
    struct buf text;     /* kept of all lines */
    struct buf line;     /* kept of this one, without CR and LF; never full */
    uint32_t size;       /* bytes of the whole reply */
    uint32_t column;     /* bytes of this line */
    uint32_t line_code;
    bool continues; /* this line's code is followed by '-' */
    bool after_cr;
    uint8_t text_bytes[REPLY_TEXT_SIZE_MAX];
    uint8_t line_bytes[REPLY_LINE_SIZE_MAX];
};

void smtp_reply_init(struct smtp_reply *r);
/* Reads to the end of a line at most; returns the bytes consumed. Of a line at
 * fault it takes what is there. */
size_t smtp_reply_rx(struct smtp_reply *r, struct slice bytes);
/* This line, behind its code. */
struct slice smtp_reply_line(const struct smtp_reply *r);

#endif
