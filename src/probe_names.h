/* SPDX-License-Identifier: ISC */
/*
 * What the probe says of the look-ups, and of where the mail could go.
 *
 * in     what resolve left behind in root
 * out    lines, by say.h
 * bound  none of its own
 * fault  none of its own
 */
#ifndef PROBE_NAMES_H
#define PROBE_NAMES_H

#include "root.h"

/* The questions to the DNS, what came of them, and at whom they failed. */
void probe_names(struct root *r);
/* Addresses in the order they are tried, then those left out. */
void probe_names_candidates(struct root *r);

#endif
