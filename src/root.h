/* SPDX-License-Identifier: ISC */
/*
 * All state of the program, under both of its names.
 *
 * in     nothing
 * out    struct root, one static object in main.c
 * bound  BUDGET; stages that never overlap share their memory
 * fault  none
 */
#ifndef ROOT_H
#define ROOT_H

#include "deliver.h"
#include "load.h"
#include "outcome.h"
#include "qmail/report.h"
#include "resolve.h"
#include "say.h"
#include "sessions.h"

struct root {
    struct job job;
    struct targets targets;
    struct message message;
    struct tcpto tcpto;
    struct sessions sessions;
    struct deliver deliver;
    struct outcome outcome;
    struct qmail_report report;
    struct say say;
    union {
        struct load_work load;
        struct resolve_work resolve;
        struct deliver_work deliver;
    } work;
};

#endif
