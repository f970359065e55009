/* SPDX-License-Identifier: ISC */
#include "deliver.h"
#include "load.h"
#include "outcome.h"
#include "qmail/report.h"
#include "resolve.h"

/* All state of the program. Stages that never overlap share their memory. */
static struct root {
    struct job job;
    struct targets targets;
    struct message message;
    struct tcpto tcpto;
    struct outcome outcome;
    struct qmail_report report;
    union {
        struct load_work load;
        struct resolve_work resolve;
        struct deliver_work deliver;
    } work;
} root;

enum { REPORT_FD = 1 };

/* All files are read, or open: what follows needs the network only, and the
 * certificates of a hashed directory. */
static void
confine(const struct job *job, struct tcpto *tcpto)
{
    struct os_confinement c = {.directory = OS_NONE};

    tcpto_open(tcpto);
    if (job->anchors == JOB_ANCHORS_DIRECTORY)
        c.directory = job->anchors_fd;
    c.ports[c.port_count++] = job->route.port;
    for (uint32_t i = 0; i < job->dns.server_count; i++)
        c.ports[c.port_count++] = job->dns.servers[i].port;
    os_confine(&c);
}

/* The last thing the program does: a report is whole, or the pipe is gone. */
static void
report(struct qmail_report *r, const struct outcome *o, struct slice host)
{
    struct qmail_verdict verdict = outcome_verdict(o, host);
    uint32_t tries = 0;
    struct slice rest;

    qmail_report_final(r, &verdict);
    rest = buf_slice(&r->out);
    while (rest.size > 0) {
        ptrdiff_t n = os_write(REPORT_FD, rest);

        if (n == OS_AGAIN) {
            struct os_poll p = {.fd = REPORT_FD, .tx = true};

            if (tries++ < REPORT_TRY_COUNT_MAX && os_poll(&p, 1, INT64_MAX))
                continue;
        }
        if (n < 0)
            os_abort();
        tries = 0;
        rest = slice_part(rest, (size_t)n, rest.size);
    }
}

int
main(int argc, char **argv, char **envp)
{
    const struct load_args args = {argc, argv, envp};
    const struct delivery delivery = {&root.job, &root.targets, &root.message,
                                      &root.report, &root.tcpto};
    struct outcome *o = &root.outcome;

    os_start();
    outcome_init(o);
    o->fault = load(&args, &root.work.load, &root.job, &o->detail);
    if (o->fault == FAULT_OK)
        o->fault = message_open(&root.message);
    if (o->fault == FAULT_OK)
        confine(&root.job, &root.tcpto);
    if (o->fault == FAULT_OK)
        o->fault = resolve(&root.job, &root.work.resolve, &root.targets);
    qmail_report_init(&root.report, root.job.recipient_count);
    if (o->fault == FAULT_OK)
        deliver(&delivery, &root.work.deliver, o);
    report(&root.report, o, root.job.host);
    return 0;
}
