/* SPDX-License-Identifier: ISC */
/*
 * What the probe says of how exchangers prove themselves by TLSA records.
 *
 * in     the targets, once the look-ups are done; a session's TLS
 * out    lines, by say.h
 * bound  PROBE_TLSA_SIZE octets of a record's data
 * fault  none of its own
 */
#ifndef PROBE_DANE_H
#define PROBE_DANE_H

#include "root.h"

/* Each exchanger and its records; nothing where DANE is off. */
void probe_dane_hosts(struct root *r);
/* Whether the server at hand has proved itself so, where it has to. */
void probe_dane_match(struct root *r, uint32_t index);

#endif
