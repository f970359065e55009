/* SPDX-License-Identifier: ISC */
/*
 * What the TLSA records of an exchanger make of it (RFC 7672 section 2.2).
 *
 * in     how the look-up stands, and what it brought
 * out    a class
 * bound  none
 * fault  none
 */
#ifndef POLICY_DANE_H
#define POLICY_DANE_H

#include <stdbool.h>

enum policy_dane {
    POLICY_DANE_NONE,    /* not known here: all is as without DANE */
    POLICY_DANE_PENDING, /* not known yet: no candidate */
    POLICY_DANE_AUTH,    /* one of its records has to be the server's */
    POLICY_DANE_ENCRYPT, /* none can be used, and they say that it has TLS */
    POLICY_DANE_SKIP     /* it may have some: not to be delivered to */
};

struct policy_dane_answer {
    bool pending;
    bool failed; /* temporarily: not "no such name", "no such record" */
    bool found;
    bool secure; /* all of what was found */
    bool usable; /* one record is */
};

enum policy_dane policy_dane_of(const struct policy_dane_answer *answer);

#endif
