/* SPDX-License-Identifier: ISC */
#include "loader.h"

#include "os/os.h"
#include "outcome.h"

enum fault
loader_complain(struct loader *l, bool list, enum qmail_problem problem)
{
    file_complain(l->file, list, qmail_problem_text(problem));
    file_close(l->file);
    return FAULT_CONTROL;
}

enum fault
loader_read_value(struct loader *l, const char *file, struct slice *value,
                  bool *found)
{
    enum file_result result = FILE_END;
    enum qmail_problem problem = PROBLEM_NONE;

    *value = slice_of(file, 0);
    file_open(l->file, file, l->detail);
    *found = l->file->present;
    result = file_next(l->file, value);
    if (result == FILE_BAD)
        return FAULT_CONTROL;
    if (result == FILE_END)
        return FAULT_OK;
    problem = qmail_lines_check(&l->file->lines, *value);
    if (problem != PROBLEM_NONE)
        return loader_complain(l, false, problem);
    file_close(l->file);
    return FAULT_OK;
}

void
loader_name(struct loader *l, const char *file, uint32_t line,
            struct slice path)
{
    l->named_by = file;
    l->named_line = line;
    buf_init(&l->path, l->path_bytes, sizeof(l->path_bytes) - 1);
    buf_put(&l->path, path);
    l->path_bytes[l->path.used] = 0;
}

enum fault
loader_read_path(struct loader *l, const char *file)
{
    struct slice value;
    bool found = false;
    enum fault fault = loader_read_value(l, file, &value, &found);

    if (fault != FAULT_OK)
        value.size = 0;
    loader_name(l, file, 0, value);
    return fault;
}

enum fault
loader_complain_path(struct loader *l, const char *why)
{
    buf_reset(l->detail);
    outcome_put_text(l->detail, l->named_by);
    if (l->named_line > 0) {
        outcome_put_text(l->detail, ":");
        buf_put_number(l->detail, l->named_line, 1);
    }
    outcome_put_text(l->detail, ": ");
    outcome_put(l->detail, buf_slice(&l->path));
    outcome_put_text(l->detail, ": ");
    outcome_put_text(l->detail, why);
    return FAULT_CONTROL;
}

/* Up to the end, or to what fits and a byte more. NULL: no error. */
static const char *
read_all(int fd, const struct os_file *info, struct buf *out)
{
    ptrdiff_t n = 0;

    do {
        n = os_read(fd, out->data + out->used, buf_room(out));
        if (n > 0)
            out->used += (size_t)n;
    } while (n > 0 && buf_room(out) > 0);
    if (n < 0)
        return os_why();
    if (n > 0)
        return "file too long";
    return (int64_t)out->used < info->size ? "ends before its size" : NULL;
}

/* What was opened is looked at and read, whatever takes its name meanwhile. */
enum fault
loader_read(struct loader *l, bool secret, struct buf *out)
{
    int fd = os_open(OS_NONE, (const char *)l->path_bytes, false);
    struct os_file info;
    const char *why = NULL;

    if (fd == OS_MISSING)
        return loader_complain_path(l, "no such file");
    if (fd < 0)
        return loader_complain_path(l, os_why());
    if (!os_stat(fd, &info) || info.kind != OS_REGULAR)
        why = "not a regular file";
    else if (secret && info.others)
        why = "others can read it";
    else
        why = read_all(fd, &info, out);
    os_close(fd);
    return why ? loader_complain_path(l, why) : FAULT_OK;
}
