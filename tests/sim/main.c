/* SPDX-License-Identifier: ISC */
/*
 * sim SEED                one run, with its trace
 * sim FROM COUNT JOBS [FAILED]
 *                         COUNT runs from seed FROM on, in JOBS processes, that
 *                         end after FAILED violations
 *
 * in     seeds
 * out    violations, and a line of figures at the end
 * bound  RUN_LIMIT_S seconds of processor time for a run
 * fault  exit status 1 after a violation or a crash
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/check.h"
#include "sim/mta.h"
#include "sim/os_sim.h"
#include "sim/peer.h"
#include "sim/state.h"

enum {
    JOBS_MAX = 64,
    STACK_SIZE = 1 << 20, /* sanitizers want room */
    RUN_LIMIT_S = 15,
    FAILED_MAX = 5
};

/* What a worker tells; shared with the parent, which outlives it. */
struct worker {
    pid_t pid;
    uint64_t seed; /* at work on it */
    uint64_t failed;
    struct figures figures;
};

int mote_main(int argc, char **argv, char **envp);

static struct worker *workers;
static uint64_t failed_max = FAILED_MAX;
static pthread_attr_t attributes;

/* ---- one run ---- */

static void *
run_program(void *unused)
{
    (void)unused;
    stack_begin();
    if (mote_main(world.arg_count, world.args, world.environment) != 0)
        violated(CHECK_REPORT, "exit status is not 0");
    return NULL;
}

static void
reset(void)
{
    clock_reset();
    net_reset();
    mta_reset();
    check_reset();
}

/* The program has a thread of its own: os_abort ends it, wherever it is. */
static void
deliver(void)
{
    pthread_t thread;

    os_reset();
    if (pthread_create(&thread, &attributes, run_program, NULL) != 0)
        abort();
    pthread_join(thread, NULL);
    os_check_end();
    check_end(&os_report, os_died);
}

static bool
run(uint64_t seed)
{
    sim_violation.invariant = 0;
    figures.runs++;
    reset();
    draw_seed(seed);
    world_make(seed);
    world_tell();
    draw_seed(seed + UINT64_C(0x5851f42d4c957f2d));
    peer_seed(seed);
    deliver();
    while (sim_violation.invariant == 0 &&
           world.delivery + 1 < world.delivery_count) {
        world_again();
        state_restore(false);
        reset();
        deliver();
    }
    sim_free_all();
    state_restore(peer_used());
    return sim_violation.invariant == 0;
}

static void
complain(uint64_t seed)
{
    printf(
        "seed %llu violates invariant %d: %s\n    replay: make sim SEED=%llu\n",
        (unsigned long long)seed, sim_violation.invariant, sim_violation.text,
        (unsigned long long)seed);
    fflush(stdout);
}

/* ---- many ---- */

/* Of all workers; those that have ended count too. */
static bool
failed_enough(uint32_t jobs)
{
    uint64_t failed = 0;

    for (uint32_t i = 0; i < jobs; i++)
        failed += workers[i].failed;
    return failed >= failed_max;
}

static void
work(struct worker *w, uint64_t from, uint64_t count, uint32_t jobs)
{
    const struct itimerval limit = {.it_value.tv_sec = RUN_LIMIT_S};

    for (uint64_t i = (uint64_t)(w - workers);
         i < count && !failed_enough(jobs); i += jobs) {
        w->seed = from + i;
        setitimer(ITIMER_PROF, &limit, NULL);
        if (!run(from + i)) {
            complain(from + i);
            w->failed++;
        }
        w->figures = figures;
    }
    exit(0);
}

static void
sum(struct figures *total, const struct figures *one)
{
    total->runs += one->runs;
    total->accepted += one->accepted;
    total->temporary += one->temporary;
    total->permanent += one->permanent;
    total->died += one->died;
    total->duplicates += one->duplicates;
    total->tls += one->tls;
    total->sessions += one->sessions;
    total->expected += one->expected;
    total->resumed += one->resumed;
}

static bool
gather(uint32_t jobs, struct figures *total)
{
    bool fine = true;

    for (uint32_t i = 0; i < jobs; i++) {
        int status = 0;

        waitpid(workers[i].pid, &status, 0);
        sum(total, &workers[i].figures);
        fine = fine && workers[i].failed == 0;
        if (status == 0)
            continue;
        fine = false;
        printf("seed %llu violates invariant %d: %s %d\n"
               "    replay: make sim SEED=%llu\n",
               (unsigned long long)workers[i].seed, CHECK_CRASH,
               WIFSIGNALED(status) ? "died of signal" : "exit status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
               (unsigned long long)workers[i].seed);
    }
    return fine;
}

static double
now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool
run_many(uint64_t from, uint64_t count, uint32_t jobs)
{
    struct figures f = {0};
    double began = now_s();
    bool fine = false;

    for (uint32_t i = 0; i < jobs; i++) {
        pid_t pid = 0;

        fflush(stdout);
        pid = fork();
        if (pid == 0) /* not into the shared page: that is the parent's */
            work(&workers[i], from, count, jobs);
        workers[i].pid = pid;
    }
    fine = gather(jobs, &f);
    printf("%llu seeds from %llu in %.1f s: K %llu, Z %llu, D %llu, died %llu; "
           "possible duplicates %llu; %llu sessions, %llu with TLS, "
           "%llu offered one of before; %llu had to be K\n",
           (unsigned long long)f.runs, (unsigned long long)from,
           now_s() - began, (unsigned long long)f.accepted,
           (unsigned long long)f.temporary, (unsigned long long)f.permanent,
           (unsigned long long)f.died, (unsigned long long)f.duplicates,
           (unsigned long long)f.sessions, (unsigned long long)f.tls,
           (unsigned long long)f.resumed, (unsigned long long)f.expected);
    return fine;
}

int
main(int argc, char **argv)
{
    uint64_t from = 1, count = 1;
    uint32_t jobs = 1;

    if (argc != 2 && argc != 4 && argc != 5) {
        fputs("usage: sim SEED | sim FROM COUNT JOBS [FAILED]\n", stderr);
        return 2;
    }
    load_fixtures(SIM_CERTS);
    if (!peer_setup(SIM_CERTS)) {
        fputs("sim: no certificates for the servers\n", stderr);
        return 2;
    }
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack_make(STACK_SIZE), STACK_SIZE);
    state_save();
    from = strtoull(argv[1], NULL, 10);
    if (argc == 2) {
        sim_verbose = true;
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (run(from))
            return 0;
        complain(from);
        return 1;
    }
    count = strtoull(argv[2], NULL, 10);
    jobs = (uint32_t)strtoul(argv[3], NULL, 10);
    if (argc == 5)
        failed_max = strtoull(argv[4], NULL, 10);
    jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
    workers = mmap(NULL, sizeof(*workers) * JOBS_MAX, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (workers == MAP_FAILED)
        return 2;
    return run_many(from, count, jobs) ? 0 : 1;
}
