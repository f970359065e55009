/* SPDX-License-Identifier: ISC */
/*
 * What a server offers in its reply to EHLO (RFC 5321 section 4.1.1.1).
 *
 * in     the lines of the reply behind the first, without their codes
 * out    the extensions this program uses: STARTTLS (RFC 3207), PIPELINING
 *        (2920), 8BITMIME (6152), SIZE (1870), SMTPUTF8 (6531), and AUTH
 *        (4954), as `AUTH=` too
 * bound  one keyword a line, parameters of SIZE and AUTH only; of the names of
 *        mechanisms SMTP_AUTH_NAMES_SIZE_MAX octets are kept
 * fault  none: what is not understood is not offered
 */
#ifndef SMTP_FEATURES_H
#define SMTP_FEATURES_H

#include "base/slice.h"
#include "limits.h"

struct smtp_features {
    bool starttls;
    bool pipelining;
    bool eight_bit;
    bool utf8;
    bool size;
    uint64_t size_max;   /* octets; 0: no fixed limit */
    uint32_t auth;       /* 1 << enum smtp_auth_mechanism: those of ours */
    bool names_full;     /* the next name did not fit */
    uint32_t names_size; /* of all mechanisms, ours or not */
    uint8_t names[SMTP_AUTH_NAMES_SIZE_MAX];
};

void smtp_features_line(struct smtp_features *f, struct slice line);
/* The mechanisms that are offered, once each, with blanks between them, or
 * `none`; what is no name of one (RFC 4422 section 3.1) has question marks. */
struct slice smtp_features_names(const struct smtp_features *f);

#endif
