/* SPDX-License-Identifier: ISC */
/*
 * What is to be done: argv, control files, message; filled by load, const
 * from then on.
 *
 * in     nothing
 * out    struct job
 * bound  limits.h
 * fault  none of its own
 */
#ifndef JOB_H
#define JOB_H

#include "base/addr.h"
#include "base/slice.h"
#include "dns/conf.h"
#include "limits.h"
#include "policy/course.h"
#include "qmail/ipme.h"
#include "qmail/login.h"
#include "qmail/mtasts.h"
#include "qmail/route.h"
#include "qmail/tlspolicy.h"

enum job_anchors {
    JOB_ANCHORS_NONE,
    JOB_ANCHORS_BUNDLE,
    JOB_ANCHORS_DIRECTORY
};

struct job {
    struct slice host, sender; /* as given */
    /* The host as name servers know it: A-labels. What has no such form is as
     * given, and no name that exists. */
    struct slice name;
    struct slice recipients[RECIPIENT_COUNT_MAX];
    uint32_t recipient_count;

    struct buf helo;
    uint32_t connect_timeout_s, remote_timeout_s;
    struct qmail_ipme ipme;
    struct qmail_route route;
    const char *route_file; /* of the line that applies; NULL: none does */
    uint32_t route_line;
    struct dns_conf dns;

    struct qmail_login login;
    /* outgoingip, outgoingip6, by family - ADDR_IPV4; ADDR_NONE: the system
     * chooses */
    struct addr from[ADDR_FAMILY_COUNT];

    uint32_t tls_strictness; /* 0, 1, 2 */
    struct qmail_tlspolicy tlspolicy;
    uint32_t tlspolicy_line; /* 0: none applies */
    bool dane;               /* control/dane; in force: dns.secure */
    struct buf mtasts_path;  /* of the next hop's policy; empty: none */
    struct qmail_mtasts mtasts;
    int64_t mtasts_s;      /* since 1970; in force: hop.sts */
    struct policy_hop hop; /* what all of this says of the next hop */
    enum job_anchors anchors;
    int anchors_fd;                     /* open at strictness 2 */
    struct buf client_cert, client_key; /* PEM; both or neither */

    uint8_t name_bytes[NAME_TEXT_SIZE_MAX + 1]; /* a dot at its end */
    uint8_t helo_bytes[NAME_TEXT_SIZE_MAX];
    uint8_t mtasts_bytes[MTASTS_PATH_SIZE_MAX + 1]; /* NUL-ended */
    uint8_t client_cert_bytes[TLS_PEM_SIZE_MAX];
    uint8_t client_key_bytes[TLS_PEM_SIZE_MAX];
};

#endif
