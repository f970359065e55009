/* SPDX-License-Identifier: ISC */
/*
 * What the probe says of each stage.
 *
 * in     what the stages left behind in root
 * out    lines, by say.h
 * bound  none of its own
 * fault  none of its own
 */
#ifndef PROBE_SAY_H
#define PROBE_SAY_H

#include "root.h"

/* Who says it, when, and of which mail. */
void probe_say_begin(struct root *r, struct slice address);
void probe_say_route(struct root *r);
/* What is configured for TLS with the next hop besides tlsstrictness. */
void probe_say_hop(struct root *r);
/* That sessions of TLS are not kept, where they could be. */
void probe_say_sessions(struct root *r);
/* Connects to one; false: it did not work. */
bool probe_say_connect(struct root *r, uint32_t index);
/* The reply at hand was to `step`, or none came and smtp.why says why. */
void probe_say_reply(struct root *r, enum smtp_step step);
/* TLS as it was set up, and the certificates. */
void probe_say_tls(struct root *r);
/* What came of the login, where one is wanted and it came so far. */
void probe_say_login(struct root *r);
/* How the mail would go at each strictness, or why at none; `tls`: at 2, where
 * FAULT_OK is a yes. */
void probe_say_levels(struct root *r, uint32_t index, enum fault tls);
/* What qmail-remote would do; the class of it. */
char probe_say_verdict(struct root *r);

#endif
