/* SPDX-License-Identifier: ISC */
/*
 * What TLS with the next hop must be: control/tlspolicy in one pass.
 *
 * in     the next hop, then every line of the file that is not skipped
 * out    in the search: what the best line says, and its number
 * bound  one policy is kept; PIN_COUNT_MAX pins
 * fault  `problem` of the best line: mail to other hops does not suffer
 * order  init, offer ..., then look at key.line, problem and policy
 *
 * `key:level [word ...]`; keys are compared (qmail/key.h) with the relay where
 * a route names one, else with the host.
 */
#ifndef QMAIL_TLSPOLICY_H
#define QMAIL_TLSPOLICY_H

#include "base/slice.h"
#include "limits.h"
#include "qmail/control.h"
#include "qmail/key.h"

enum qmail_tls_level {
    TLS_LEVEL_DEFAULT, /* no line applies: tlsstrictness counts */
    TLS_LEVEL_NONE,    /* never TLS */
    TLS_LEVEL_0,
    TLS_LEVEL_1,
    TLS_LEVEL_2,
    TLS_LEVEL_DANE
};

struct qmail_tlspolicy {
    enum qmail_tls_level level;
    bool implicit;     /* TLS from the first byte */
    bool unsafe_login; /* a secret may go to who has proved nothing */
    uint32_t pin_count;
    uint8_t pins[PIN_COUNT_MAX][TLS_PIN_SIZE]; /* SHA-256 of a
                                                  SubjectPublicKeyInfo */
    size_t name_size;                          /* 0: the peer's own */
    uint8_t name[NAME_TEXT_SIZE_MAX];          /* to be proved, and SNI */
};

struct qmail_tlspolicy_search {
    struct qmail_key key;
    enum qmail_problem problem;    /* of the best line */
    struct qmail_tlspolicy policy; /* valid when there is no problem */
};

/* `hop`, a name or an address, must outlive the search. */
void qmail_tlspolicy_init(struct qmail_tlspolicy_search *s, struct slice hop);
void qmail_tlspolicy_offer(struct qmail_tlspolicy_search *s, struct slice line,
                           uint32_t number);

#endif
