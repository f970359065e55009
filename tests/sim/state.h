/* SPDX-License-Identifier: ISC */
/*
 * The static state of the program, and of the servers' TLS, as it was before
 * the first run. Their objects have sections of their own for it (Makefile).
 *
 * in     what the linker put between the sections' ends
 * out    the same bytes again
 * bound  the sections
 * fault  none
 */
#ifndef SIM_STATE_H
#define SIM_STATE_H

#include <stdbool.h>

void state_save(void);
/* `peer`: the servers' TLS too; it is large, and rarely touched. */
void state_restore(bool peer);

#endif
