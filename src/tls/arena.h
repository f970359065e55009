/* SPDX-License-Identifier: ISC */
/*
 * The memory that mbedTLS allocates, out of one piece. The lowest place where
 * a block fits is taken, and what is never needed is never touched: it does not
 * become resident.
 *
 * in     the piece, once; then mbedtls_calloc and mbedtls_free, which come here
 * out    blocks of zeros, aligned to 8 octets
 * bound  8 octets more than asked for, a walk over the free blocks for each
 *        call; all of it is less than 2 GiB
 * fault  NULL when nothing is large enough; a block that is not one of these,
 *        or whose surroundings are overwritten, ends the program by a signal
 * order  tls_arena_init, then anything of mbedTLS
 */
#ifndef TLS_ARENA_H
#define TLS_ARENA_H

#include <stddef.h>
#include <stdint.h>

/* `memory` is used from now on; what was allocated before is forgotten. */
void tls_arena_init(uint8_t *memory, size_t memory_size);

#endif
