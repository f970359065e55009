/* SPDX-License-Identifier: ISC */
/*
 * A message on its way into DATA (RFC 5321 sections 2.3.8, 4.5.2).
 *
 * in     the message as the queue keeps it, in any pieces
 * out    lines ended by CRLF, dots at their start doubled, no other CR: LF and
 *        CRLF end a line, a CR without LF is sent as a space
 * bound  output at most twice the input and 3 octets
 * fault  smtp_body_partial: the last line has no end
 * order  init; encode until the input is used up; end
 */
#ifndef SMTP_BODY_H
#define SMTP_BODY_H

#include "base/slice.h"

struct smtp_body {
    bool in_line;  /* the last byte taken did not end a line */
    bool after_cr; /* the last byte taken was a CR, not yet sent */
};

/* What has to be known of a message before it is offered. */
struct smtp_survey {
    uint64_t size; /* octets; a line end counts two, dots not doubled: what
                      SIZE means (RFC 1870 section 3) */
    bool eight_bit;
    bool after_cr;  /* the last octet was a CR, */
    bool header_cr; /* ... and in the header */
    uint8_t place;  /* there: src/smtp/body.c */
    bool
        tls_required_no; /* that says "TLS-Required: No" (RFC 8689 section 5) */
};

void smtp_body_init(struct smtp_body *b);
/* Encodes while `out` has room and moves `in` past what was taken. With 4
 * octets of room it always takes something. */
void smtp_body_encode(struct smtp_body *b, struct slice *in, struct buf *out);
/* Whether the bytes taken so far end in the middle of a line. */
bool smtp_body_partial(const struct smtp_body *b);

void smtp_survey_init(struct smtp_survey *s);
void smtp_survey_add(struct smtp_survey *s, struct slice in);

#endif
