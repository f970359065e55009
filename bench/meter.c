/* SPDX-License-Identifier: ISC */
/*
 * meter [-c COUNT] [-l LIMIT_MS] [-s] [-i FILE] [-m FILE] OUTPUT COMMAND...
 *
 * Runs COUNT copies of a command at once and writes what they took to OUTPUT,
 * one JSON object: wall_ms from before the first fork to the last end, cpu_ms
 * (user and system, of all descendants), bad (how many did not end with 0 or
 * were killed at the limit). -i FILE is standard input of each, -m FILE is
 * their descriptor 3, both opened anew for each.
 *
 * With -s it stops at every system call instead: calls counts them from the
 * command's exec to its end, over all descendants; hwm_kib is the VmHWM of the
 * process that had most. Times then mean nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_FD = 3, PROCESS_COUNT_MAX = 1024, PATH_SIZE_MAX = 64 };

struct totals {
    double cpu_ms;
    long bad;
    long calls;
    long hwm_kib;
};

static struct totals totals;
static const char *input;
static const char *message;
static long limit_ms = 60000;
static bool traced;
static pid_t group[PROCESS_COUNT_MAX];
static long group_count;

static void
die(const char *what)
{
    fprintf(stderr, "meter: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double
now_ms(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        die("clock_gettime");
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double
span_ms(const struct timeval *t)
{
    return (double)t->tv_sec * 1e3 + (double)t->tv_usec / 1e3;
}

/* ---- the command */

static void
place(const char *path, int fd)
{
    int opened = path ? open(path, O_RDONLY) : -1;

    if (!path)
        return;
    if (opened < 0 || (opened != fd && dup2(opened, fd) != fd))
        die(path);
    if (opened != fd)
        close(opened);
}

static void
begin(char **command)
{
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid > 0) {
        group[group_count++] = pid;
        return;
    }
    place(input, 0);
    place(message, MESSAGE_FD);
    if (traced && ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
        die("ptrace");
    execv(command[0], command);
    die(command[0]);
}

/* The limit has passed: SIGALRM. */
static void
kill_all(int number)
{
    (void)number;
    for (long i = 0; i < group_count; i++)
        kill(group[i], SIGKILL);
}

static void
count_end(int status, const struct rusage *used)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        totals.bad++;
    totals.cpu_ms += span_ms(&used->ru_utime) + span_ms(&used->ru_stime);
}

static void
wait_for_all(void)
{
    struct rusage used;
    int status = 0;

    for (;;) {
        pid_t pid = wait4(-1, &status, 0, &used);

        if (pid > 0)
            count_end(status, &used);
        else if (errno == ECHILD)
            return;
        else if (errno != EINTR)
            die("wait4");
    }
}

/* ---- tracing */

static void
note_memory(pid_t pid)
{
    char path[PATH_SIZE_MAX];
    char line[PATH_SIZE_MAX * 4];
    long kib = 0;
    FILE *file = NULL;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1 && kib > totals.hwm_kib)
            totals.hwm_kib = kib;
    if (file)
        fclose(file);
}

/* What a stop means; the signal to go on with. A call has two stops, but the
 * last one. */
static int
look_at_stop(pid_t pid, int status)
{
    static long halves;
    int signal = WSTOPSIG(status);
    int event = status >> 16;

    if (signal == (SIGTRAP | 0x80)) {
        totals.calls = (++halves + 1) / 2;
        return 0;
    }
    if (event == PTRACE_EVENT_EXIT)
        note_memory(pid);
    return event || signal == SIGTRAP || signal == SIGSTOP ? 0 : signal;
}

static void
trace_all(void)
{
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT |
                   PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    int status = 0;

    if (waitpid(group[0], &status, 0) != group[0] || !WIFSTOPPED(status))
        die("the command did not start");
    if (ptrace(PTRACE_SETOPTIONS, group[0], 0, options) != 0)
        die("ptrace");
    ptrace(PTRACE_SYSCALL, group[0], 0, 0);
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);

        if (pid < 0 && errno == ECHILD)
            return;
        if (pid < 0)
            continue;
        if (WIFSTOPPED(status))
            ptrace(PTRACE_SYSCALL, pid, 0, look_at_stop(pid, status));
        else if (pid == group[0])
            totals.bad += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
}

/* ---- the whole */

static long
read_options(int argc, char **argv)
{
    long count = 1;
    int option = 0;

    while ((option = getopt(argc, argv, "+c:l:si:m:")) != -1) {
        switch (option) {
        case 'c':
            count = atol(optarg);
            break;
        case 'l':
            limit_ms = atol(optarg);
            break;
        case 's':
            traced = true;
            break;
        case 'i':
            input = optarg;
            break;
        case 'm':
            message = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (argc - optind < 2 || count < 1 || count > PROCESS_COUNT_MAX)
        exit(2);
    return count;
}

int
main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = kill_all};
    long count = read_options(argc, argv);
    FILE *output = fopen(argv[optind], "w");
    double began = 0;

    if (!output)
        die(argv[optind]);
    fcntl(fileno(output), F_SETFD, FD_CLOEXEC);
    /* What they leave behind is theirs too. */
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sigaction(SIGALRM, &action, NULL);
    alarm((unsigned)(limit_ms + 999) / 1000);
    began = now_ms();
    for (long i = 0; i < count; i++)
        begin(argv + optind + 1);
    if (traced)
        trace_all();
    else
        wait_for_all();
    fprintf(output, "{\"wall_ms\": %.3f, \"cpu_ms\": %.3f, \"bad\": %ld",
            now_ms() - began, totals.cpu_ms, totals.bad);
    if (traced)
        fprintf(output, ", \"calls\": %ld, \"hwm_kib\": %ld", totals.calls,
                totals.hwm_kib);
    fputs("}\n", output);
    return fclose(output) == 0 ? 0 : 1;
}
