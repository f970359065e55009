/* SPDX-License-Identifier: ISC */
/*
 * Preloaded into a process that a daemon starts, and that nobody else can wait
 * for: at its end it appends a line of JSON to the file that WITNESS names,
 * with what the process took.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE_MAX = 512 };

static double began_ms;
static char path[LINE_SIZE_MAX];

static double
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double
span_ms(const struct timeval *t)
{
    return (double)t->tv_sec * 1e3 + (double)t->tv_usec / 1e3;
}

static long
memory_kib(void)
{
    char line[LINE_SIZE_MAX];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

__attribute__((constructor)) static void
arrive(void)
{
    const char *given = getenv("WITNESS");

    began_ms = now_ms();
    if (given)
        snprintf(path, sizeof(path), "%s", given);
    unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void
leave(void)
{
    char line[LINE_SIZE_MAX];
    struct rusage used;
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    int size = 0;

    if (fd < 0 || getrusage(RUSAGE_SELF, &used) != 0)
        return;
    size = snprintf(
        line, sizeof(line),
        "{\"began_ms\": %.3f, \"ended_ms\": %.3f, \"cpu_ms\": %.3f, "
        "\"hwm_kib\": %ld}\n",
        began_ms, now_ms(), span_ms(&used.ru_utime) + span_ms(&used.ru_stime),
        memory_kib());
    if (write(fd, line, (size_t)size) != size)
        _exit(1);
    close(fd);
}
