/* SPDX-License-Identifier: ISC */
/*
 * What a program can give up on Linux once it has read its files.
 *
 * in     what it still needs: a directory, ports, an address of its own
 * out    nothing: it applies to the process from then on
 * bound  a few calls to the system
 * fault  none: what the kernel lacks is skipped, one layer after the other,
 *        and what a filter from outside might kill for
 * order  rlimits, privileges, files (landlock), calls (seccomp): each may
 *        need calls that the next one forbids
 */
#ifndef OS_SANDBOX_H
#define OS_SANDBOX_H

#include "os/os.h"

void sandbox_apply(const struct os_confinement *c);

#endif
