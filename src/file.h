/* SPDX-License-Identifier: ISC */
/*
 * A text file of the administrator, line by line.
 *
 * in     a path, relative to the qmail home
 * out    lines
 * bound  CONTROL_CHUNK_SIZE bytes held, any length of file
 * fault  FILE_BAD, with `path:line: reason` or `path: reason` in `detail`; a
 *        missing file has no lines
 * order  file_open, file_next until it is not FILE_LINE; it is closed then, or
 *        by file_close
 */
#ifndef FILE_H
#define FILE_H

#include "base/slice.h"
#include "limits.h"
#include "qmail/control.h"

enum file_result { FILE_LINE, FILE_END, FILE_BAD };

struct file {
    const char *path;
    int fd;
    bool present; /* there is such a file */
    bool bad; /* it could not be opened, for another reason than its absence */
    bool end;
    int64_t left; /* of its size, not read yet */
    int64_t modified_s;
    struct slice chunk;
    struct qmail_lines lines;
    struct buf *detail;
    uint8_t bytes[CONTROL_CHUNK_SIZE];
};

/* `path` and `detail` are borrowed until the end. */
void file_open(struct file *f, const char *path, struct buf *detail);
/* `line` is valid until the next call. */
enum file_result file_next(struct file *f, struct slice *line);
void file_close(struct file *f);
/* Says in `detail` what is wrong with the line last given, or with the file as
 * a whole where `list` is false. */
void file_complain(struct file *f, bool list, const char *why);

#endif
