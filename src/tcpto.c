/* SPDX-License-Identifier: ISC */
#include "tcpto.h"

#include "lock.h"
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

/* For update where wanted and possible. Only a regular file: nothing else keeps
 * records. */
static void
open_table(struct tcpto_table *table, enum addr_family family, bool update)
{
    struct os_file info;

    table->fd = os_open(OS_NONE, path_of(family), update);
    table->writable = update && table->fd >= 0;
    if (table->fd == OS_ERROR && update)
        table->fd = os_open(OS_NONE, path_of(family), false);
    if (table->fd < 0) {
        table->fd = OS_NONE;
    } else if (!os_stat(table->fd, &info) || info.kind != OS_REGULAR) {
        os_close(table->fd);
        table->fd = OS_NONE;
    }
}

void
tcpto_open(struct tcpto *t, bool update)
{
    open_table(&t->four, ADDR_IPV4, update);
    open_table(&t->six, ADDR_IPV6, update);
}

static struct tcpto_table *
table_of(struct tcpto *t, const struct addr *a)
{
    struct tcpto_table *table = a->family == ADDR_IPV6 ? &t->six : &t->four;

    if (!table->loaded && table->fd != OS_NONE)
        table->size = read_table(table->fd, a->family, table->bytes);
    table->loaded = true;
    return table;
}

bool
tcpto_skip(struct tcpto *t, const struct addr *a)
{
    const struct tcpto_table *table = table_of(t, a);

    return table->size > 0 &&
           qmail_tcpto_skip(slice_of(table->bytes, table->size), a,
                            (uint32_t)os_wall_s(), os_pid());
}

/* What the address's record becomes; false: nothing changes. */
static bool
change(struct tcpto_table *table, const struct addr *a, bool timed_out,
       struct qmail_tcpto_change *out)
{
    struct buf b;

    buf_init(&b, table->bytes, table->size);
    b.used = table->size;
    return qmail_tcpto_record(&b, a, timed_out, (uint32_t)os_wall_s(), out);
}

/* As it stands now, not as it was read: others write too. */
static void
update(struct tcpto_table *table, const struct addr *a, bool timed_out)
{
    struct qmail_tcpto_change c;

    if (!os_seek(table->fd, 0))
        return;
    table->size = read_table(table->fd, a->family, table->bytes);
    if (change(table, a, timed_out, &c) &&
        os_seek(table->fd, (int64_t)c.offset))
        (void)os_write(table->fd, slice_of(table->bytes + c.offset, c.size));
}

void
tcpto_record(struct tcpto *t, const struct addr *a, bool timed_out)
{
    struct tcpto_table *table = table_of(t, a);
    struct qmail_tcpto_change c;

    /* Most successes change nothing: no lock, no write for those. */
    if (table->size == 0 || !table->writable ||
        !change(table, a, timed_out, &c) || !lock_take(table->fd))
        return;
    update(table, a, timed_out);
    lock_give(table->fd);
}
