/* SPDX-License-Identifier: ISC */
/*
 * What in the control files is worth a second look, though no delivery fails
 * for it: secrets that others can read, lines and files that nobody reads.
 *
 * in     the control files, before anything is given up
 * out    lines of qmail/tell
 * bound  one file at a time, in load's memory
 * fault  none: what cannot be read is load's to report
 */
#ifndef PROBE_LOOK_H
#define PROBE_LOOK_H

#include "root.h"

/* Behind load, which found no fault. */
void probe_look(struct root *r);

#endif
