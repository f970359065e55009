/* SPDX-License-Identifier: ISC */
/*
 * Runs a program as if on another kernel: one that lacks calls, or whose clock
 * is ahead.
 *
 *     kernel [-n NUMBER]... [-t SECONDS] PROGRAM [ARGUMENT]...
 *
 * The calls of those numbers (of the program's own architecture) give ENOSYS.
 * The wall clock is ahead by so many seconds. So that all calls are seen, the
 * program gets no vdso. By ptrace; qemu's user mode is a program like others.
 * Exits as the program does.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/ptrace.h>

#ifdef __x86_64__

enum {
    CALL_COUNT_MAX = 32,
    SYSTEM_CALL = SIGTRAP | 0x80,
    CODE_32 = 0x23, /* the code segment of a 32-bit program */
    GETTIME = 228,
    GETTIME64_I386 = 403
};

static pid_t child;
static uint64_t lacking[CALL_COUNT_MAX];
static size_t lacking_count;
static long ahead_s;

static long
peek(uint64_t at)
{
    return ptrace(PTRACE_PEEKDATA, child, at, NULL);
}

static void
poke_user(size_t offset, long value)
{
    (void)ptrace(PTRACE_POKEUSER, child, offset, value);
}

/* Takes the vdso out of what the kernel tells a new program. */
static void
hide_vdso(void)
{
    struct user_regs_struct r;
    uint64_t at = 0, size = 0, mask = 0;

    (void)ptrace(PTRACE_GETREGS, child, NULL, &r);
    size = r.cs == CODE_32 ? 4 : 8;
    mask = size == 4 ? UINT32_MAX : UINT64_MAX;
    at = r.rsp + size * (((uint64_t)peek(r.rsp) & mask) + 2); /* arguments */
    while ((uint64_t)peek(at) & mask)                         /* environment */
        at += size;
    for (at += size; (uint64_t)peek(at) & mask; at += 2 * size)
        if (((uint64_t)peek(at) & mask) == AT_SYSINFO_EHDR)
            (void)ptrace(PTRACE_POKEDATA, child, at,
                         ((uint64_t)peek(at) & ~mask) | AT_IGNORE);
}

static bool
lacks(uint64_t number)
{
    for (size_t i = 0; i < lacking_count; i++)
        if (lacking[i] == number)
            return true;
    return false;
}

/* Whether the call tells the wall clock, in 64 bits. */
static bool
tells_time(const struct ptrace_syscall_info *call)
{
    uint64_t number = call->arch == AUDIT_ARCH_I386 ? GETTIME64_I386 : GETTIME;

    return call->entry.nr == number && call->entry.args[0] == CLOCK_REALTIME;
}

static void
system_call(void)
{
    static struct ptrace_syscall_info call;
    struct ptrace_syscall_info now;

    (void)ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(now), &now);
    if (now.op == PTRACE_SYSCALL_INFO_ENTRY) {
        call = now;
        if (lacks(call.entry.nr)) /* none, instead */
            poke_user(offsetof(struct user, regs.orig_rax), -1);
    } else if (now.op == PTRACE_SYSCALL_INFO_EXIT) {
        if (lacks(call.entry.nr))
            poke_user(offsetof(struct user, regs.rax), -ENOSYS);
        else if (tells_time(&call) && !now.exit.is_error)
            (void)ptrace(PTRACE_POKEDATA, child, call.entry.args[1],
                         peek(call.entry.args[1]) + ahead_s);
    }
}

static int
follow(void)
{
    int status = 0, signal = 0;

    while (ptrace(PTRACE_SYSCALL, child, NULL, signal) == 0 &&
           waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        signal = 0;
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
            hide_vdso();
        else if (WSTOPSIG(status) == SYSTEM_CALL)
            system_call();
        else
            signal = WSTOPSIG(status);
    }
    if (WIFSIGNALED(status))
        (void)raise(WTERMSIG(status));
    return WEXITSTATUS(status);
}

int
main(int argc, char **argv)
{
    int option = 0, status = 0;

    while ((option = getopt(argc, argv, "+n:t:")) != -1) {
        if (option == 'n' && lacking_count < CALL_COUNT_MAX)
            lacking[lacking_count++] = strtoull(optarg, NULL, 10);
        else if (option == 't')
            ahead_s = strtol(optarg, NULL, 10);
        else
            return 111;
    }
    child = fork();
    if (child == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        (void)raise(SIGSTOP);
        (void)execvp(argv[optind], argv + optind);
        _exit(111);
    }
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, child, NULL,
               PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC |
                   PTRACE_O_EXITKILL) != 0) {
        perror("kernel: ptrace");
        return 111;
    }
    return follow();
}

#else

int
main(void)
{
    fprintf(stderr, "kernel: this is written for x86_64\n");
    return 111;
}

#endif
