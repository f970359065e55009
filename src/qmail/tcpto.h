/* SPDX-License-Identifier: ISC */
/*
 * The tables of addresses that timed out: queue/lock/tcpto, as qmail-tcpto
 * prints and qmail-tcpok clears it, and tcpto6 (interface.md section 4).
 *
 * in     the bytes of a file of the address's family, the time, the process id
 * out    whether to skip an address; which bytes to write back
 * bound  the whole records among the bytes, TCPTO_RECORD_COUNT_MAX at most; a
 *        table never changes its size
 * fault  none: an empty or short table is legal
 * order  any; the shell holds the lock from its read to its write
 */
#ifndef QMAIL_TCPTO_H
#define QMAIL_TCPTO_H

#include "base/addr.h"
#include "base/slice.h"
#include "limits.h"

/* The bytes of the table that a call changed. */
struct qmail_tcpto_change {
    size_t offset;
    size_t size;
};

/* Bytes to read of the file of this family. */
size_t qmail_tcpto_size(enum addr_family family);
/* `now_s`: the low 32 bits of the time, as the file has them. */
bool qmail_tcpto_skip(struct slice table, const struct addr *a, uint32_t now_s,
                      uint32_t pid);
/* The address timed out, or did not: true: write `change` to the file. */
bool qmail_tcpto_record(struct buf *table, const struct addr *a, bool timed_out,
                        uint32_t now_s, struct qmail_tcpto_change *change);

#endif
