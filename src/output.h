/* SPDX-License-Identifier: ISC */
/*
 * Writes to descriptor 1, all of it.
 *
 * in     bytes
 * out    the same, on the report pipe, a terminal or a file
 * bound  a reader that takes nothing is waited for; REPORT_TRY_COUNT_MAX times
 *        in a row that it says it would, and does not
 * fault  false: it is gone, or the disk is full
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "base/slice.h"

bool output(struct slice bytes);

#endif
