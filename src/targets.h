/* SPDX-License-Identifier: ISC */
/*
 * Where a job's mail may go, as far as it is known by now: the exchangers, how
 * far the look-ups of their addresses are, and the candidates.
 *
 * in     const struct job; names and addresses as src/resolve.c learns them
 * out    struct targets
 * bound  DNS_MX_COUNT_MAX exchangers, CANDIDATE_COUNT_MAX addresses
 * fault  why there is no candidate
 */
#ifndef TARGETS_H
#define TARGETS_H

#include "base/fault.h"
#include "base/tlsa.h"
#include "dns/name.h"
#include "job.h"
#include "policy/candidates.h"
#include "policy/dane.h"

/* Where the look-up of one family's addresses stands. */
enum target_look {
    TARGET_UNASKED, /* not wanted yet */
    TARGET_LEFT,    /* never to be: there are too many that might prove it */
    TARGET_ASKED,
    TARGET_CUT, /* was asked, and its answer not waited for */
    TARGET_KNOWN,
    TARGET_FAILED /* temporarily */
};

/* What the MX answer was. */
enum target_mx { TARGET_MX_NONE, TARGET_MX_PENDING, TARGET_MX_NO_NAME };

/* An exchanger; its preference is in `hosts`, under the same index. */
struct target_name {
    enum target_look looks[ADDR_FAMILY_COUNT]; /* A, AAAA */
    uint8_t size;                              /* 0: known by its address */
    uint8_t text[NAME_TEXT_SIZE_MAX];
};

/* How it proves itself, likewise. */
struct target_dane {
    enum policy_dane class;
    const char *why;                  /* it is that */
    uint8_t base_size;                /* 0: no records were asked for */
    uint8_t base[NAME_TEXT_SIZE_MAX]; /* the host whose they are */
    struct tlsa_set records;          /* with AUTH */
};

struct targets {
    struct policy_candidates candidates;
    struct policy_hosts hosts;
    enum target_mx mx;
    bool live;   /* the look-ups' memory is theirs */
    bool secure; /* all that is known of the exchangers is authentic, and that
                    counts */
    struct target_name names[DNS_MX_COUNT_MAX]; /* by candidate's `host` */
    struct target_name hop; /* what the next hop is an alias for */
    struct target_dane dane[DANE_HOST_COUNT_MAX];
};

/* What is known of the exchangers is not authentic where it has to be: no
 * verdict is for good then. */
bool targets_is_unvouched(const struct job *job, const struct targets *t);
/* Who the exchangers are is known, and the end of the next hop's aliases. */
void targets_secure(struct targets *t, bool secure, const struct dns_name *hop);
/* What an exchanger is. */
enum policy_dane targets_dane(const struct targets *t, uint32_t host);
/* The policy that is in force for the next hop has it in it. */
bool targets_is_listed(const struct job *job, const struct targets *t,
                       uint32_t host);
/* What is demanded of it; `loopback`: at such an address. */
struct policy_demand targets_demand(const struct job *job,
                                    const struct targets *t, uint32_t host,
                                    bool loopback);
/* Listed in ipme, or known to be this machine without it. */
bool targets_is_own(const struct job *job, const struct addr *a);
void targets_add_host(struct targets *t, const struct dns_name *name,
                      uint16_t preference);
void targets_add_address(const struct job *job, struct targets *t,
                         uint32_t host, const struct addr *a);
/* Of an exchanger that is an address in dress the address is known already. */
void targets_take_dressed(const struct job *job, struct targets *t,
                          uint32_t host);
/* The route is an address. */
enum fault targets_take_address(const struct job *job, struct targets *t);
/* How many look-ups stand so. */
uint32_t targets_count(const struct targets *t, enum target_look look);
/* Why there is no candidate, once nothing is to be learnt any more. */
enum fault targets_why(const struct job *job, const struct targets *t);
/* The second line of that, if it has one. */
void targets_put_why(const struct job *job, const struct targets *t,
                     struct buf *out);

#endif
