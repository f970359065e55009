/* SPDX-License-Identifier: ISC */
/*
 * short PROGRAM [ARGUMENT...]: runs it with reads and writes of 1 to
 * SIZE_MAX bytes, whatever it asks for. Ends as the program ends. Exit code
 * 77: not for this machine.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE_MAX_SHORT = 7, CANNOT = 77 };

#ifdef __x86_64__
/* The size is the third argument. It is put back afterwards: the program may
 * rely on the register. */
static void
shorten(pid_t pid, bool entry)
{
    static unsigned long long asked, turn;
    struct user_regs_struct r;

    ptrace(PTRACE_GETREGS, pid, NULL, &r);
    if (r.orig_rax != SYS_read && r.orig_rax != SYS_write)
        return;
    if (entry) {
        asked = r.rdx;
        if (r.rdx > 1 + turn % SIZE_MAX_SHORT)
            r.rdx = 1 + turn % SIZE_MAX_SHORT;
        turn++;
    } else {
        r.rdx = asked;
    }
    ptrace(PTRACE_SETREGS, pid, NULL, &r);
}

int
main(int argc, char **argv)
{
    pid_t pid = argc > 1 ? fork() : -1;
    int status = 0, give = 0;
    bool entry = false;

    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execv(argv[1], argv + 1);
        _exit(CANNOT);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        return CANNOT;
    ptrace(PTRACE_SETOPTIONS, pid, NULL,
           PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    for (;;) {
        ptrace(PTRACE_SYSCALL, pid, NULL, give);
        if (waitpid(pid, &status, 0) != pid)
            return CANNOT;
        if (WIFEXITED(status))
            return WEXITSTATUS(status);
        if (WIFSIGNALED(status))
            break;
        give = WSTOPSIG(status);
        if (give != (SIGTRAP | 0x80))
            continue;
        give = 0;
        entry = !entry;
        shorten(pid, entry);
    }
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
    return CANNOT;
}
#else
int
main(void)
{
    return CANNOT;
}
#endif
