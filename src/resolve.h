/* SPDX-License-Identifier: ISC */
/*
 * The third stage: from a job's route to addresses.
 *
 * in     const struct job; name servers, over sockets
 * out    struct targets: the candidates in order and the exchangers' names
 * bound  DNS_MX_COUNT_MAX exchangers, CANDIDATE_COUNT_MAX addresses
 * fault  why there is nowhere to deliver to
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "base/fault.h"
#include "dns/lookup.h"
#include "job.h"
#include "os/os.h"
#include "policy/candidates.h"

struct target_name {
    uint8_t size; /* 0: known by its address */
    uint8_t text[NAME_TEXT_SIZE_MAX];
};

struct targets {
    struct policy_candidates candidates;
    struct target_name names[DNS_MX_COUNT_MAX]; /* by candidate's `host` */
};

/* One exchanger and what is known of it. */
struct resolve_host {
    struct dns_name name;
    uint16_t preference;
    bool has_address;
    int64_t first_address_ms;
    int64_t asked_ms;
    uint32_t questions[ADDR_FAMILY_COUNT]; /* A, AAAA */
};

/* Memory that only this stage needs. */
struct resolve_work {
    struct dns_lookup lookup;
    uint32_t mx_question;
    bool mx_pending; /* the MX answer has not been read */
    uint32_t host_count;
    struct resolve_host hosts[DNS_MX_COUNT_MAX];
    bool random_fresh; /* no packet has it */
    uint8_t random[DNS_RANDOM_SIZE];
    int fds[DNS_ATTEMPT_COUNT_MAX];
    bool unsent[DNS_ATTEMPT_COUNT_MAX]; /* a stream that has no packet yet */
    struct os_poll polls[DNS_ATTEMPT_COUNT_MAX];
    uint32_t polled[DNS_ATTEMPT_COUNT_MAX]; /* whose attempt each poll is */
};

/* What `w` learnt stays there, for whoever wants to tell it. */
enum fault resolve(const struct job *job, struct resolve_work *w,
                   struct targets *out);
/* Listed in ipme, or known to be this machine without it. */
bool resolve_is_own(const struct job *job, const struct addr *a);

#endif
