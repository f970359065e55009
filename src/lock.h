/* SPDX-License-Identifier: ISC */
/*
 * The lock of a file that deliveries share.
 *
 * in     a descriptor
 * out    whether the lock is held
 * bound  TCPTO_LOCK_TRY_COUNT tries: a lock that somebody keeps is not waited
 *        for
 * fault  none: what is not locked is left alone
 */
#ifndef LOCK_H
#define LOCK_H

#include <stdbool.h>

bool lock_take(int fd);
void lock_give(int fd);

#endif
