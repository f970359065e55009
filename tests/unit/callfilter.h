/* SPDX-License-Identifier: ISC */
/*
 * A filter of system calls that a test puts over what it starts.
 *
 * in     calls, and what becomes of them
 * out    nothing: it applies to the process from then on
 * bound  CALL_COUNT_MAX calls
 * fault  false: there are no such filters here
 */
#ifndef UNIT_CALLFILTER_H
#define UNIT_CALLFILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>

enum { CALL_COUNT_MAX = 16 };

static bool
callfilter(const int *calls, size_t count, unsigned action)
{
    struct sock_filter code[2 * CALL_COUNT_MAX + 2] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
    struct sock_fprog program = {.len = 1, .filter = code};

    for (size_t i = 0; i < count && i < CALL_COUNT_MAX; i++) {
        code[program.len++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
        code[program.len++] =
            (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
    }
    code[program.len++] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#endif
