/* SPDX-License-Identifier: ISC */
/*
 * Which name servers to ask, and how long: resolv.conf(5), DNSCACHEIP.
 *
 * in     lines of resolv.conf, the value of DNSCACHEIP
 * out    struct dns_conf
 * bound  DNS_SERVER_COUNT_MAX servers, the first ones count; options only ever
 *        shorten the schedule of dns/lookup.h
 * fault  none: what is not understood is ignored; no server: 127.0.0.1
 * order  init, then line ... and cacheip in any order, then end
 */
#ifndef DNS_CONF_H
#define DNS_CONF_H

#include "base/addr.h"
#include "base/slice.h"
#include "limits.h"

struct dns_conf {
    struct endpoint servers[DNS_SERVER_COUNT_MAX];
    uint32_t server_count;
    uint32_t round_count;  /* `attempts:` */
    uint32_t round_ms_max; /* `timeout:` */
    uint32_t timeout_ms;   /* control/timeoutdns, set by the caller; 0: none */
    bool tcp;              /* `use-vc` */
    bool cacheip;          /* the servers are those of DNSCACHEIP */
};

void dns_conf_init(struct dns_conf *conf);
/* One line, with or without its line end. */
void dns_conf_line(struct dns_conf *conf, struct slice line);
/* Replaces the servers of resolv.conf if it has one valid address. */
void dns_conf_cacheip(struct dns_conf *conf, struct slice value);
void dns_conf_end(struct dns_conf *conf);

#endif
