/* SPDX-License-Identifier: ISC */
/*
 * The tables of addresses that timed out, on disk.
 *
 * in     queue/lock/tcpto, run/qmail-remote/tcpto6, under the qmail home
 * out    whether to skip an address; what is learnt is written back
 * bound  two small files, read once each when first needed
 * fault  none: what cannot be read, written or locked at once is left alone
 */
#ifndef TCPTO_H
#define TCPTO_H

#include "base/addr.h"
#include "limits.h"
#include "qmail/tcpto.h"

struct tcpto_table {
    int fd; /* or OS_NONE */
    bool writable;
    bool loaded;
    size_t size;
    uint8_t bytes[TCPTO_SIZE_MAX];
};

struct tcpto {
    struct tcpto_table four, six;
};

/* Before anything else; the files stay open. Without `update` nothing is ever
 * written. */
void tcpto_open(struct tcpto *t, bool update);
bool tcpto_skip(struct tcpto *t, const struct addr *a);
void tcpto_record(struct tcpto *t, const struct addr *a, bool timed_out);

#endif
