/* SPDX-License-Identifier: ISC */
/*
 * The system of a run: os/os.h in the simulated world.
 *
 * in     struct world
 * out    what the program wrote on descriptor 1
 * bound  descriptors, calls without progress
 * fault  misuse of a descriptor is a violation
 */
#ifndef SIM_OS_SIM_H
#define SIM_OS_SIM_H

#include "sim/core.h"

extern struct bytes os_report;
extern bool os_died;

void os_reset(void);
void os_check_end(void);

#endif
