/* SPDX-License-Identifier: ISC */
#include "base/wipe.h"
#include "confine.h"
#include "os/os.h"
#include "output.h"
#include "probe.h"
#include "root.h"

static struct root root;

/* The last thing the program does: a report is whole, or the pipe is gone. */
static void
report(struct qmail_report *r, const struct outcome *o, struct slice host)
{
    struct qmail_verdict verdict = outcome_verdict(o, host);

    qmail_report_final(r, &verdict);
    if (!output(buf_slice(&r->out)))
        os_abort();
}

/* Who sends the mail may say that it is not worth a proof (RFC 8689 section 5).
 * What the administrator says of the next hop stays, and so does what a login
 * demands. A pipe cannot be read twice, and is not looked at.
 */
static void
heed_header(struct job *job, struct message *m)
{
    bool kept = job->hop.level == POLICY_LEVEL_DANE || job->hop.login;

    if ((!job->dns.secure || kept) && !job->hop.sts)
        return;
    if (!m->regular || !message_survey(m) || !m->survey.tls_required_no)
        return;
    job->dns.secure = job->dns.secure && kept;
    job->hop.sts = false;
}

int
main(int argc, char **argv, char **envp)
{
    const struct load_args args = {argc, argv, envp, false};
    static const struct delivery delivery = {
        &root.job,   &root.targets,      &root.message,      &root.report,
        &root.tcpto, &root.work.resolve, &root.work.deliver, &root.sessions};
    struct outcome *o = &root.outcome;

    os_start();
    outcome_init(o);
    if (argc > 0 && probe_is_meant(argv[0]))
        return probe(&args, &delivery, &root);
    o->fault = load(&args, &root.work.load, &root.job, &o->detail);
    if (o->fault == FAULT_OK)
        o->fault = message_open(&root.message);
    if (o->fault == FAULT_OK) {
        tcpto_open(&root.tcpto, true);
        sessions_open(&root.sessions);
        confine(&root.job);
        heed_header(&root.job, &root.message);
        if (deliver_check(&delivery, &root.deliver, o))
            o->fault = deliver_resolve(&delivery);
    }
    qmail_report_init(&root.report, root.job.recipient_count);
    if (o->fault == FAULT_OK)
        deliver(&delivery, DELIVER_MAIL, &root.deliver, o);
    if (root.job.login.kind != LOGIN_NONE)
        wipe(&root.job.login, sizeof(root.job.login));
    report(&root.report, o, root.job.host);
    return 0;
}
