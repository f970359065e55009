/* SPDX-License-Identifier: ISC */
#include "os/os.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "sim/check.h"
#include "sim/os_sim.h"

enum {
    STANDARD_COUNT = 3,
    MESSAGE = 0,
    REPORT = 1,
    SLOT_COUNT = 256,
    OPEN_COUNT_MAX = 200,  /* DNS_ATTEMPT_COUNT_MAX and some files */
    LEFT_COUNT_MAX = 3,    /* the anchors, the two tables of tcpto */
    IDLE_CALLS_MAX = 3000, /* without progress of clock or bytes */
    SLOW_MS = 3,
    STOP_ONE_IN = 150,
    STOP_MS_MAX = 1500000,
    JUMP_ONE_IN = 4,
    JUMP_S_MAX = 400000000,
    PIPE_PAUSE_MS = 3000
};

enum slot_kind { SLOT_FREE, SLOT_FILE, SLOT_SOCKET };

struct slot {
    enum slot_kind kind;
    struct sim_file *file;
    struct conn *conn;
    size_t offset;
    bool update, locked;
};

struct bytes os_report;
bool os_died;

static struct slot slots[SLOT_COUNT];
static uint32_t open_count, idle_count, call_count, write_count;
static size_t message_offset, pipe_arrived;
static bool pipe_ended, at_home;
static int64_t last_call_ms, jump_s;
static uint64_t random_state;

/* ---- every call ---- */

static void
progress(void)
{
    idle_count = 0;
}

static void
pass_time(int64_t ms)
{
    int64_t until_ms = sim_now_ms + ms;

    while (sim_now_ms < until_ms)
        (void)clock_next(until_ms);
    check_excuse(ms);
}

static void
enter(void)
{
    stack_check();
    if (sim_now_ms != last_call_ms)
        progress();
    if (++idle_count > IDLE_CALLS_MAX) {
        violated(CHECK_CALLS, "%u calls and nothing moves", idle_count);
        os_abort();
    }
    if (world.slow > 0 && chance(world.slow))
        pass_time(draw_between(1, SLOW_MS));
    if (world.stops && once_in(STOP_ONE_IN)) {
        trace("-- stopped");
        pass_time(draw(STOP_MS_MAX));
        trace("-- continued");
    }
    last_call_ms = sim_now_ms;
    stack_paint();
}

/* Whether this call is the one that fails. */
static bool
fails(const char *name)
{
    bool now = false;

    enter();
    call_count++;
    now = world.fail_call > 0 &&
          (call_count == world.fail_call ||
           (world.fail_for_ever && call_count > world.fail_call));
    if (now)
        trace("-- %s fails", name);
    return now;
}

static struct slot *
slot_of(int fd, enum slot_kind kind)
{
    static struct slot none;

    if (fd >= STANDARD_COUNT && fd < SLOT_COUNT && slots[fd].kind == kind)
        return &slots[fd];
    violated(CHECK_CALLS, "descriptor %d is misused", fd);
    os_abort();
    return &none;
}

static int
slot_new(enum slot_kind kind)
{
    int fd = STANDARD_COUNT;

    while (fd < SLOT_COUNT && slots[fd].kind != SLOT_FREE)
        fd++;
    if (++open_count > OPEN_COUNT_MAX || fd == SLOT_COUNT) {
        violated(CHECK_CALLS, "%u descriptors are open", open_count);
        os_abort();
    }
    slots[fd] = (struct slot){.kind = kind};
    return fd;
}

/* ---- the run ---- */

static void
pipe_more(void *context, size_t value)
{
    size_t left = world.message.size - pipe_arrived;

    (void)context;
    (void)value;
    if (left == 0) {
        pipe_ended = true;
        return;
    }
    pipe_arrived += chance(50) ? left : 1 + draw((uint32_t)left);
    event_at(sim_now_ms + draw(PIPE_PAUSE_MS), pipe_more, NULL, 0);
}

void
os_reset(void)
{
    memset(slots, 0, sizeof(slots));
    open_count = idle_count = call_count = write_count = 0;
    message_offset = pipe_arrived = 0;
    pipe_ended = at_home = os_died = false;
    last_call_ms = jump_s = 0;
    random_state = draw_number();
    os_report = (struct bytes){0};
    if (world.message_pipe)
        pipe_more(NULL, 0);
}

void
os_check_end(void)
{
    uint32_t left = 0;

    for (int fd = STANDARD_COUNT; fd < SLOT_COUNT; fd++) {
        left += slots[fd].kind != SLOT_FREE;
        if (!os_died && slots[fd].kind == SLOT_SOCKET && slots[fd].conn->mta)
            violated(CHECK_CALLS, "a connection is left open");
    }
    if (!os_died && left > LEFT_COUNT_MAX)
        violated(CHECK_CALLS, "%u descriptors are left open", left);
}

void
os_start(void)
{
}

_Noreturn void
os_abort(void)
{
    trace("the program ends itself");
    os_died = true;
    pthread_exit(NULL);
}

int64_t
os_now_ms(void)
{
    enter();
    return sim_now_ms;
}

int64_t
os_wall_s(void)
{
    enter();
    if (world.wall_jumps && once_in(JUMP_ONE_IN))
        jump_s = (int64_t)draw(JUMP_S_MAX) - JUMP_S_MAX / 2;
    return world.wall_s + sim_now_ms / 1000 + jump_s;
}

uint32_t
os_pid(void)
{
    return SIM_PID;
}

bool
os_random(void *out, size_t size)
{
    uint8_t *at = out;

    if (fails("random"))
        return false;
    for (size_t i = 0; i < size; i++) {
        uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        at[i] = (uint8_t)(z >> 40);
    }
    return true;
}

/* ---- files ---- */

bool
os_chdir(const char *path)
{
    if (fails("chdir"))
        return false;
    at_home = strcmp(path, "/sim") == 0;
    return at_home;
}

int
os_open(int directory, const char *path, bool update)
{
    char whole[2 * TEXT_SIZE];
    struct sim_file *file = NULL;
    int fd = 0;

    snprintf(whole, sizeof(whole), "%s%s",
             directory == OS_NONE ? ""
                                  : slot_of(directory, SLOT_FILE)->file->path,
             path);
    if (fails("open"))
        return OS_ERROR;
    if (whole[0] != '/' && !at_home)
        violated(CHECK_CALLS, "opens %s outside its home", whole);
    file = world_file(whole);
    trace("open %s: %s", whole,
          !file              ? "missing"
          : file->unreadable ? "refused"
                             : "fine");
    if (!file)
        return OS_MISSING;
    if (file->unreadable)
        return OS_ERROR;
    fd = slot_new(SLOT_FILE);
    slots[fd].file = file;
    slots[fd].update = update;
    return fd;
}

bool
os_stat(int fd, struct os_file *out)
{
    *out = (struct os_file){.kind = OS_STREAM};
    if (fails("stat"))
        return false;
    if (fd == MESSAGE && !world.message_pipe) {
        out->kind = OS_REGULAR;
        out->size = (int64_t)world.message.size;
        out->modified_s = world.message_modified_s;
    } else if (fd != MESSAGE) {
        const struct sim_file *file = slot_of(fd, SLOT_FILE)->file;

        out->kind = file->kind;
        out->size = (int64_t)file->content.size;
        out->modified_s = file->modified_s;
    }
    return true;
}

static size_t
some(size_t size)
{
    return world.short_reads && size > 1 ? 1 + draw((uint32_t)size) : size;
}

static ptrdiff_t
read_message(void *out, size_t size)
{
    size_t end = world.message_pipe ? pipe_arrived : world.message.size;
    size_t left = end > message_offset ? end - message_offset : 0;

    if (left == 0 && world.message_pipe && !pipe_ended)
        return OS_AGAIN;
    size = size < left ? size : left;
    /* A regular file gives what there is. */
    if (world.message_pipe)
        size = some(size);
    if (size > 0)
        memcpy(out, world.message.data + message_offset, size);
    message_offset += size;
    return (ptrdiff_t)size;
}

ptrdiff_t
os_read(int fd, void *out, size_t size)
{
    struct slot *slot = NULL;
    ptrdiff_t n = 0;

    if (size == 0)
        violated(CHECK_CALLS, "reads into no room");
    if (fails("read"))
        return OS_ERROR;
    if (fd == MESSAGE) {
        n = read_message(out, size);
    } else if (fd >= STANDARD_COUNT && fd < SLOT_COUNT &&
               slots[fd].kind == SLOT_SOCKET) {
        n = net_read(slots[fd].conn, out, size);
    } else {
        slot = slot_of(fd, SLOT_FILE);
        if (slot->file->kind == OS_DIRECTORY)
            return OS_ERROR;
        if (slot->offset < slot->file->content.size)
            n = (ptrdiff_t)(slot->file->content.size - slot->offset);
        n = n < (ptrdiff_t)size ? n : (ptrdiff_t)size;
        if (n > 0)
            memcpy(out, slot->file->content.data + slot->offset, (size_t)n);
        slot->offset += (size_t)n;
    }
    if (n > 0)
        progress();
    return n;
}

static ptrdiff_t
write_file(struct slot *slot, struct slice bytes)
{
    struct bytes *content = &slot->file->content;

    if (!slot->update || !slot->locked ||
        slot->offset + bytes.size > content->size) {
        violated(CHECK_CALLS, "writes to %s as it must not", slot->file->path);
        return OS_ERROR;
    }
    memcpy(content->data + slot->offset, bytes.data, bytes.size);
    slot->offset += bytes.size;
    return (ptrdiff_t)bytes.size;
}

static ptrdiff_t
write_socket(struct conn *c, struct slice bytes)
{
    ptrdiff_t n = 0;

    write_count += c->mta != NULL;
    if (c->mta && world.fail_write > 0 &&
        (write_count == world.fail_write ||
         (world.fail_for_ever && write_count > world.fail_write))) {
        trace("-- write fails");
        return OS_ERROR;
    }
    n = net_write(c, bytes.data, bytes.size);
    if (n > 0 && c->progress_ms < sim_now_ms) {
        c->before_ms = c->progress_ms;
        c->progress_ms = sim_now_ms;
    }
    return n;
}

ptrdiff_t
os_write(int fd, struct slice bytes)
{
    ptrdiff_t n = 0;

    if (fails("write"))
        return OS_ERROR;
    if (fd == REPORT) {
        size_t size = some(bytes.size);

        if (world.short_writes && chance(20))
            return OS_AGAIN;
        bytes_put(&os_report, bytes.data, size);
        n = (ptrdiff_t)size;
    } else if (fd >= STANDARD_COUNT && fd < SLOT_COUNT &&
               slots[fd].kind == SLOT_SOCKET) {
        n = write_socket(slots[fd].conn, bytes);
    } else {
        n = write_file(slot_of(fd, SLOT_FILE), bytes);
    }
    if (n > 0)
        progress();
    stack_paint();
    return n;
}

bool
os_seek(int fd, int64_t offset)
{
    if (fails("seek"))
        return false;
    if (fd == MESSAGE) {
        message_offset = (size_t)offset;
        return !world.message_pipe;
    }
    slot_of(fd, SLOT_FILE)->offset = (size_t)offset;
    return true;
}

ptrdiff_t
os_list(int fd, char *out, size_t size)
{
    struct slot *slot = slot_of(fd, SLOT_FILE);
    size_t n = slot->file->content.size - slot->offset;

    if (fails("list") || slot->file->kind != OS_DIRECTORY || n > size)
        return OS_ERROR;
    if (n > 0)
        memcpy(out, slot->file->content.data + slot->offset, n);
    slot->offset += n;
    return (ptrdiff_t)n;
}

bool
os_lock(int fd, bool take)
{
    struct slot *slot = slot_of(fd, SLOT_FILE);

    if (fails("lock") || (take && slot->file->locked))
        return false;
    slot->locked = take;
    return true;
}

/* The world has nothing that a confined program could reach. */
void
os_confine(const struct os_confinement *c)
{
    (void)c;
}

void
os_close(int fd)
{
    enter();
    if (fd < 0)
        return;
    if (fd < STANDARD_COUNT || fd >= SLOT_COUNT ||
        slots[fd].kind == SLOT_FREE) {
        violated(CHECK_CALLS, "closes descriptor %d, which is not open", fd);
        return;
    }
    if (slots[fd].kind == SLOT_SOCKET)
        net_close(slots[fd].conn);
    stack_paint();
    slots[fd].kind = SLOT_FREE;
    open_count--;
}

/* ---- sockets ---- */

uint32_t
os_interface(const char *name)
{
    (void)name;
    enter();
    return 0; /* this world has none */
}

int
os_connect(const struct endpoint *to, bool stream)
{
    struct conn *c = NULL;
    int fd = 0;

    if (fails("connect"))
        return OS_ERROR;
    c = net_open(to, stream);
    stack_paint();
    c->closed = c->state == CONN_FAILED; /* it has no descriptor */
    if (c->closed)
        return OS_ERROR;
    fd = slot_new(SLOT_SOCKET);
    slots[fd].conn = c;
    progress();
    return fd;
}

int
os_connected(int fd)
{
    struct conn *c = slot_of(fd, SLOT_SOCKET)->conn;

    enter();
    return c->state == CONN_FAILED ? c->why : 0;
}

/* ---- waiting ---- */

static bool
can_read(int fd)
{
    if (fd == MESSAGE)
        return pipe_ended || pipe_arrived > message_offset;
    return net_readable(slot_of(fd, SLOT_SOCKET)->conn);
}

static bool
can_write(int fd)
{
    return fd == REPORT || net_writable(slot_of(fd, SLOT_SOCKET)->conn);
}

static bool
has_failed(int fd)
{
    return fd != MESSAGE && fd != REPORT &&
           slot_of(fd, SLOT_SOCKET)->conn->state == CONN_FAILED;
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

    if (fd == MESSAGE)
        return;
    c = slot_of(fd, SLOT_SOCKET)->conn;
    if (c->used)
        return;
    c->used = true;
    c->progress_ms = sim_now_ms;
}

bool
os_poll(struct os_poll *set, uint32_t count, int64_t deadline_ms)
{
    if (count > SLOT_COUNT)
        violated(CHECK_CALLS, "polls %u descriptors", count);
    if (fails("poll"))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (set[i].rx)
            note_used(set[i].fd);
    while (!look(set, count) && sim_now_ms < deadline_ms)
        if (!clock_next(deadline_ms)) {
            violated(CHECK_TIME, "waits for what never comes");
            os_abort();
        }
    check_time();
    stack_paint();
    return true;
}

const char *
os_why(void)
{
    return "a simulated error";
}
