/* SPDX-License-Identifier: ISC */
/*
 * Mail addresses as they go into MAIL and RCPT (RFC 5321 section 4.1.2).
 *
 * in     an address as qmail keeps it: unquoted, split at its last `@`; ASCII,
 *        or UTF-8 (RFC 6531)
 * out    the same with its local part quoted where SMTP needs it; qmail's
 *        rule and set of plain characters
 * bound  the quoted form at most ADDRESS_SIZE_MAX, the domain
 *        NAME_WIRE_SIZE_MAX
 * fault  a problem that names what is wrong; nothing may be sent then
 */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include "base/slice.h"
#include "limits.h"

enum smtp_address_problem {
    SMTP_ADDRESS_OK,
    SMTP_ADDRESS_NOT_TEXT,
    SMTP_ADDRESS_CONTROL,
    SMTP_ADDRESS_DOMAIN,
    SMTP_ADDRESS_DOMAIN_LONG,
    SMTP_ADDRESS_LONG
};

/* Whether the address can be sent. Empty is the null sender and fine. */
enum smtp_address_problem smtp_address_check(struct slice address);
/* The problem in words; a literal. */
const char *smtp_address_why(enum smtp_address_problem problem);
/* Writes the path without its angle brackets; the address must have passed
 * smtp_address_check. */
void smtp_address_put(struct buf *out, struct slice address);

#endif
