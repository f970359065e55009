/* SPDX-License-Identifier: ISC */
/*
 * The first stage: argv and control files become a job.
 *
 * in     argv, environment, the qmail home's control/, /etc/resolv.conf
 * out    struct job
 * bound  one file at a time, in one buffer
 * fault  what the report says; a second line for it in `detail`
 */
#ifndef LOAD_H
#define LOAD_H

#include "anchors.h"
#include "base/fault.h"
#include "file.h"
#include "job.h"

struct load_args {
    int count;
    char **values; /* argv: host, sender, recipients from 1 on */
    char **environment;
    /* What tlsstrictness 2 would need is read at any. If it cannot be, that is
     * a fault at 2 only; else `detail` says so and there is no anchors_fd. */
    bool survey;
};

/* Memory that only this stage needs. */
struct load_work {
    struct file file;
    struct anchors_work anchors;
    struct qmail_route_search routes[KEY_KIND_COUNT];
    struct qmail_tlspolicy_search tlspolicy;
    uint8_t secret[LOGIN_FILE_SIZE_MAX + 1]; /* and what makes it too long */
};

/* argv and environment are borrowed by the job. */
enum fault load(const struct load_args *args, struct load_work *work,
                struct job *job, struct buf *detail);

#endif
