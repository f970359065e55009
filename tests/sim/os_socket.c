/* SPDX-License-Identifier: ISC */
#include "os/os.h"

#include <string.h>

#include "sim/check.h"
#include "sim/os_sim.h"

static uint32_t write_count;

void
os_reset_sockets(void)
{
    write_count = 0;
}

ptrdiff_t
os_write_socket(struct conn *c, struct slice bytes)
{
    ptrdiff_t n = 0;

    write_count += c->mta != NULL;
    if (c->mta && c->broken)
        violated(CHECK_CALLS, "writes to %s behind a write that failed",
                 place_text(&c->place));
    if (c->mta && world.fail_write > 0 &&
        (write_count == world.fail_write ||
         (world.fail_for_ever && write_count > world.fail_write))) {
        trace("-- write fails");
        c->broken = true;
        return OS_ERROR;
    }
    c->defiant = c->barren;
    n = net_write(c, bytes.data, bytes.size);
    c->broken = n == OS_ERROR;
    if (n > 0 && c->moved && c->progress_ms < sim_now_ms) {
        c->before_ms = c->progress_ms;
        c->progress_ms = sim_now_ms;
        c->progress_count++;
    }
    return n;
}

/* ---- sockets ---- */

uint32_t
os_interface(const char *name)
{
    os_enter();
    return strcmp(name, SIM_INTERFACE_NAME) == 0 ? SIM_INTERFACE : 0;
}

static bool
has_address(const struct addr *a)
{
    struct place p = place_of(a);

    return !world_is_barred(&p);
}

int
os_connect(const struct endpoint *to, const struct addr *from, bool stream)
{
    struct conn *c = NULL;
    int fd = 0;

    if (os_fails("connect"))
        return OS_ERROR;
    check_source(to, from);
    if (from != NULL && from->family != ADDR_NONE && !has_address(from))
        return OS_NO_ADDRESS;
    c = net_open(to, stream);
    stack_paint();
    c->closed = c->state == CONN_FAILED; /* it has no descriptor */
    if (c->closed)
        return OS_ERROR;
    fd = os_slot_new(SLOT_SOCKET);
    os_slot(fd, SLOT_SOCKET)->conn = c;
    os_progress();
    return fd;
}

int
os_connected(int fd)
{
    struct conn *c = os_slot(fd, SLOT_SOCKET)->conn;

    os_enter();
    return c->state == CONN_FAILED ? c->why : 0;
}

/* ---- waiting ---- */

static bool
can_read(int fd)
{
    if (fd == OS_MESSAGE)
        return os_message_readable();
    return net_readable(os_slot(fd, SLOT_SOCKET)->conn);
}

static bool
can_write(int fd)
{
    return fd == OS_REPORT || net_writable(os_slot(fd, SLOT_SOCKET)->conn);
}

static bool
has_failed(int fd)
{
    return fd != OS_MESSAGE && fd != OS_REPORT &&
           os_slot(fd, SLOT_SOCKET)->conn->state == CONN_FAILED;
}

static bool
look(struct os_poll *set, uint32_t count)
{
    bool ready = false;

    for (uint32_t i = 0; i < count; i++) {
        set[i].can_rx = set[i].rx && can_read(set[i].fd);
        set[i].can_tx = set[i].tx && can_write(set[i].fd);
        set[i].error = has_failed(set[i].fd);
        ready = ready || set[i].can_rx || set[i].can_tx;
    }
    return ready;
}

static void
note_used(int fd)
{
    struct conn *c = NULL;

    if (fd == OS_MESSAGE)
        return;
    c = os_slot(fd, SLOT_SOCKET)->conn;
    if (c->used)
        return;
    c->used = true;
    c->used_ms = c->progress_ms = sim_now_ms;
}

/* Of this one the wait brought nothing, and it was over. */
static void
note_barren(const struct os_poll *p, bool over)
{
    struct conn *c = NULL;

    if (p->fd == OS_MESSAGE || p->fd == OS_REPORT)
        return;
    c = os_slot(p->fd, SLOT_SOCKET)->conn;
    c->barren = over && !p->can_rx && !p->can_tx;
    /* Who takes his leave may do so without looking, and waits no more. */
    if (c->mta && c->defiant)
        violated(CHECK_TIME, "writes to %s behind a wait in vain",
                 place_text(&c->place));
}

bool
os_poll(struct os_poll *set, uint32_t count, int64_t deadline_ms)
{
    if (count > OS_SLOT_COUNT)
        violated(CHECK_CALLS, "polls %u descriptors", count);
    if (os_fails("poll"))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (set[i].rx)
            note_used(set[i].fd);
    while (!look(set, count) && sim_now_ms < deadline_ms)
        if (!clock_next(deadline_ms)) {
            violated(CHECK_TIME, "waits for what never comes");
            os_abort();
        }
    if (world.lumps) {
        clock_settle();
        (void)look(set, count);
    }
    for (uint32_t i = 0; i < count; i++)
        note_barren(&set[i], sim_now_ms >= deadline_ms);
    check_time();
    stack_paint();
    return true;
}
