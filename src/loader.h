/* SPDX-License-Identifier: ISC */
/*
 * What the parts of load share: the first line of a file, the file that a line
 * names, and what is said of both.
 *
 * in     paths under the qmail home
 * out    values; the bytes of a file
 * bound  one file at a time
 * fault  FAULT_CONTROL, with `control/FILE: reason`, `control/FILE:LINE:
 * reason` or `control/FILE: PATH: reason` in `detail`
 */
#ifndef LOADER_H
#define LOADER_H

#include "load.h"

struct loader {
    struct job *job;
    struct load_work *work;
    struct file *file; /* the work's */
    struct buf *detail;
    const char *named_by; /* the file that names `path`, and its line ... */
    uint32_t named_line;  /* ... if it is a list, else 0 */
    struct buf path;      /* NUL-ended */
    uint8_t path_bytes[CONTROL_LINE_SIZE_MAX + 1];
};

/* Of the line last read, in a list, or of the value; closes the file. */
enum fault loader_complain(struct loader *l, bool list,
                           enum qmail_problem problem);
/* The first line of a file; *found is false when there is no file. */
enum fault loader_read_value(struct loader *l, const char *file,
                             struct slice *value, bool *found);
/* `path` as `file` names it, at a line of it or, with 0, at its first. */
void loader_name(struct loader *l, const char *file, uint32_t line,
                 struct slice path);
/* The value of a file as the path it names; empty when there is none. */
enum fault loader_read_path(struct loader *l, const char *file);
/* Of the path. */
enum fault loader_complain_path(struct loader *l, const char *why);
/* All bytes of what the path leads to, a regular file; `secret`: of which
 * others cannot read any. */
enum fault loader_read(struct loader *l, bool secret, struct buf *out);

#endif
