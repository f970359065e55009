/* SPDX-License-Identifier: ISC */
/*
 * The other program, mote-probe: what happens to mail for this address?
 *
 * in     argv; the stages of qmail-remote, their engines
 * out    what they found, on descriptor 1; nothing is sent or kept
 * bound  theirs; one session with each candidate, and those of a delivery
 * fault  the exit status
 */
#ifndef PROBE_H
#define PROBE_H

#include "root.h"

/* Whether the program was started under that name. */
bool probe_is_meant(const char *name);
/* The exit status. */
int probe(const struct load_args *args, const struct delivery *delivery,
          struct root *root);

#endif
