/* SPDX-License-Identifier: ISC */
#include "tcpto.h"

#include "os/os.h"

static const char *
path_of(enum addr_family family)
{
    return family == ADDR_IPV6 ? "run/qmail-remote/tcpto6" : "queue/lock/tcpto";
}

static size_t
read_table(int fd, enum addr_family family, uint8_t *out)
{
    size_t size = qmail_tcpto_size(family), used = 0;

    while (used < size) {
        ptrdiff_t n = os_read(fd, out + used, size - used);

        if (n <= 0)
            break;
        used += (size_t)n;
    }
    return used;
}

/* Only a regular file: nothing else keeps records, and a FIFO has a reader. */
static int
open_table(enum addr_family family, bool update)
{
    int fd = os_open(OS_NONE, path_of(family), update);
    struct os_file info;

    if (fd < 0)
        return OS_NONE;
    if (os_stat(fd, &info) && info.kind == OS_REGULAR)
        return fd;
    os_close(fd);
    return OS_NONE;
}

static struct tcpto_table *
table_of(struct tcpto *t, const struct addr *a)
{
    struct tcpto_table *table = a->family == ADDR_IPV6 ? &t->six : &t->four;
    int fd = OS_NONE;

    if (table->loaded)
        return table;
    table->loaded = true;
    fd = open_table(a->family, false);
    if (fd != OS_NONE)
        table->size = read_table(fd, a->family, table->bytes);
    os_close(fd);
    return table;
}

bool
tcpto_skip(struct tcpto *t, const struct addr *a)
{
    const struct tcpto_table *table = table_of(t, a);

    return qmail_tcpto_skip(slice_of(table->bytes, table->size), a,
                            (uint32_t)os_wall_s(), os_pid());
}

/* As it stands now, not as it was read: others write too. */
static void
update_table(int fd, struct tcpto_table *table, const struct addr *a,
             bool timed_out)
{
    struct qmail_tcpto_change change;
    struct buf b;

    if (!os_lock(fd))
        return;
    table->size = read_table(fd, a->family, table->bytes);
    buf_init(&b, table->bytes, table->size);
    b.used = table->size;
    if (!qmail_tcpto_record(&b, a, timed_out, (uint32_t)os_wall_s(), &change))
        return;
    if (os_seek(fd, (int64_t)change.offset))
        (void)os_write(fd, slice_of(table->bytes + change.offset, change.size));
}

void
tcpto_record(struct tcpto *t, const struct addr *a, bool timed_out)
{
    struct tcpto_table *table = table_of(t, a);
    struct qmail_tcpto_change change;
    struct buf b;
    int fd = OS_NONE;

    /* Most successes change nothing: no lock, no write for those. */
    buf_init(&b, table->bytes, table->size);
    b.used = table->size;
    if (table->size == 0 ||
        !qmail_tcpto_record(&b, a, timed_out, (uint32_t)os_wall_s(), &change))
        return;
    fd = open_table(a->family, true);
    if (fd == OS_NONE)
        return;
    update_table(fd, table, a, timed_out);
    os_close(fd);
}
