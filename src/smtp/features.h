/* SPDX-License-Identifier: ISC */
/*
 * What a server offers in its reply to EHLO (RFC 5321 section 4.1.1.1).
 *
 * in     the lines of the reply behind the first, without their codes
 * out    the extensions this program uses: STARTTLS (RFC 3207), PIPELINING
 *        (2920), 8BITMIME (6152), SIZE (1870)
 * bound  one keyword a line, parameters of SIZE only
 * fault  none: what is not understood is not offered
 */
#ifndef SMTP_FEATURES_H
#define SMTP_FEATURES_H

#include "base/slice.h"

struct smtp_features {
    bool starttls;
    bool pipelining;
    bool eight_bit;
    bool size;
    uint64_t size_max; /* octets; 0: no fixed limit */
};

void smtp_features_line(struct smtp_features *f, struct slice line);

#endif
