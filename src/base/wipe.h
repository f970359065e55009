/* SPDX-License-Identifier: ISC */
/*
 * Bytes that nobody may find later: a password, a token.
 *
 * in     memory that held a secret
 * out    zeros, whatever the compiler makes of stores that nobody reads
 * bound  none
 * fault  none
 */
#ifndef BASE_WIPE_H
#define BASE_WIPE_H

#include <stddef.h>

void wipe(void *bytes, size_t size);

#endif
