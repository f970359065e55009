/* SPDX-License-Identifier: ISC */
/*
 * Which name servers to ask: resolv.conf(5), DNSCACHEIP.
 *
 * in     lines of resolv.conf, the value of DNSCACHEIP; indices of interfaces
 * out    struct dns_conf
 * bound  DNS_SERVER_COUNT_MAX servers, the first ones count
 * fault  none: what is not understood is ignored; no server: 127.0.0.1
 * order  init, then line ... and cacheip in any order; then the caller fills in
 *        the scope of each server that has an interface and none yet; then end
 */
#ifndef DNS_CONF_H
#define DNS_CONF_H

#include "base/addr.h"
#include "base/slice.h"
#include "limits.h"

struct dns_server {
    struct endpoint at;
    /* Of a link-local one the interface it is asked through, a number or a
     * name ended by NUL; else "". */
    char interface[DNS_INTERFACE_SIZE_MAX + 1];
};

struct dns_conf {
    struct dns_server servers[DNS_SERVER_COUNT_MAX];
    uint32_t server_count;
    uint32_t timeout_ms; /* control/timeoutdns, set by the caller; 0: none */
    bool tcp;            /* `use-vc` */
    bool trust_ad;       /* `trust-ad` */
    bool secure;         /* set by the caller: it is asked whether answers are
                            authentic, and what is said of it believed */
    bool cacheip;        /* the servers are those of DNSCACHEIP */
};

void dns_conf_init(struct dns_conf *conf);
/* One line, with or without its line end. */
void dns_conf_line(struct dns_conf *conf, struct slice line);
/* Replaces the servers of resolv.conf if it has one valid address. */
void dns_conf_cacheip(struct dns_conf *conf, struct slice value);
/* Leaves out the servers whose interface is not known. */
void dns_conf_end(struct dns_conf *conf);
/* After end: what the servers say of an answer's being authentic may be
 * believed. All of them are this machine, or resolv.conf, where it names them,
 * says so (RFC 7672 section 2.1). */
bool dns_conf_is_believable(const struct dns_conf *conf);

#endif
