/* SPDX-License-Identifier: ISC */
/*
 * Gives up what is not needed once all files are read, or open.
 *
 * in     const struct job
 * out    nothing: it applies to the process from then on
 * bound  left are the network, on the ports of the job, and the certificates
 *        of a hashed directory
 * fault  none
 */
#ifndef CONFINE_H
#define CONFINE_H

#include "job.h"

void confine(const struct job *job);

#endif
