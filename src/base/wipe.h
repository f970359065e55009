/* SPDX-License-Identifier: ISC */
/*
 * Forgets a secret.
 *
 * in     memory that nobody reads any more
 * out    zeros, whatever the compiler thinks of them
 * bound  `size` bytes
 * fault  none
 */
#ifndef BASE_WIPE_H
#define BASE_WIPE_H

#include <stddef.h>

void wipe(void *data, size_t size);

#endif
