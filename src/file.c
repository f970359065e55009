/* SPDX-License-Identifier: ISC */
#include "file.h"

#include "os/os.h"
#include "outcome.h"

/* A device counts as an empty file: some link one to /dev/null. A FIFO could
 * keep us waiting, a directory is a mistake. */
static void
check_kind(struct file *f)
{
    struct os_file info;

    if (!os_stat(f->fd, &info)) {
        f->bad = true;
        file_complain(f, false, os_why());
    } else if (info.kind == OS_DEVICE) {
        file_close(f);
    } else if (info.kind != OS_REGULAR) {
        f->bad = true;
        file_complain(f, false, "not a regular file");
    } else {
        f->left = info.size;
        f->modified_s = info.modified_s;
    }
}

void
file_open(struct file *f, const char *path, struct buf *detail)
{
    f->path = path;
    f->detail = detail;
    f->present = false;
    f->bad = false;
    f->end = false;
    f->left = f->modified_s = 0;
    f->chunk = slice_of(f->bytes, 0);
    qmail_lines_init(&f->lines);
    f->fd = os_open(OS_NONE, path, false);
    if (f->fd >= 0) {
        f->present = true;
        check_kind(f);
        return;
    }
    f->bad = f->fd != OS_MISSING;
    f->fd = OS_NONE;
    if (f->bad)
        file_complain(f, false, os_why());
}

void
file_close(struct file *f)
{
    os_close(f->fd);
    f->fd = OS_NONE;
}

static enum file_result
finish(struct file *f)
{
    file_close(f);
    return f->bad ? FILE_BAD : FILE_END;
}

/* The next chunk, or the end. A file that ends before its size is being
 * written, or not all of it can be read: a route must not be missed so. */
static void
read_chunk(struct file *f)
{
    ptrdiff_t n = os_read(f->fd, f->bytes, sizeof(f->bytes));

    if (n < 0 || (n == 0 && f->left > 0)) {
        f->bad = true;
        file_complain(f, false, n < 0 ? os_why() : "ends before its size");
        return;
    }
    f->left -= n;
    f->end = n == 0 || f->left == 0;
    f->chunk = slice_of(f->bytes, (size_t)n);
}

enum file_result
file_next(struct file *f, struct slice *line)
{
    while (!f->bad && f->fd != OS_NONE) {
        if (qmail_lines_next(&f->lines, &f->chunk, f->end, line))
            return FILE_LINE;
        if (f->end)
            break;
        read_chunk(f);
    }
    return finish(f);
}

void
file_complain(struct file *f, bool list, const char *why)
{
    buf_reset(f->detail);
    outcome_put_text(f->detail, f->path);
    if (list) {
        outcome_put_text(f->detail, ":");
        buf_put_number(f->detail, f->lines.number, 1);
    }
    outcome_put_text(f->detail, ": ");
    outcome_put_text(f->detail, why);
}
