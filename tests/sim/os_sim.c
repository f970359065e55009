/* SPDX-License-Identifier: ISC */
#include "os/os.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "sim/check.h"
#include "sim/os_sim.h"

enum {
    OPEN_COUNT_MAX = 200,  /* DNS_ATTEMPT_COUNT_MAX and some files */
    LEFT_COUNT_MAX = 4,    /* the anchors, sessions, the two tables of tcpto */
    IDLE_CALLS_MAX = 3000, /* without progress of clock or bytes */
    SLOW_MS = 3,
    STOP_ONE_IN = 150,
    STOP_MS_MAX = 1500000,
    JUMP_ONE_IN = 4,
    JUMP_S_MAX = 400000000,
    PIPE_PAUSE_MS = 3000
};

struct bytes os_report;
bool os_died;

static struct slot slots[OS_SLOT_COUNT];
static uint32_t open_count, idle_count, call_count;
static size_t message_offset, pipe_arrived;
static bool pipe_ended, at_home;
static int64_t last_call_ms, jump_s;
static uint64_t random_state;

/* ---- every call ---- */

void
os_progress(void)
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

void
os_enter(void)
{
    stack_check();
    if (sim_now_ms != last_call_ms)
        os_progress();
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
bool
os_fails(const char *name)
{
    bool now = false;

    os_enter();
    call_count++;
    now = world.fail_call > 0 &&
          (call_count == world.fail_call ||
           (world.fail_for_ever && call_count > world.fail_call));
    if (now)
        trace("-- %s fails", name);
    return now;
}

struct slot *
os_slot(int fd, enum slot_kind kind)
{
    static struct slot none;

    if (fd >= OS_STANDARD_COUNT && fd < OS_SLOT_COUNT && slots[fd].kind == kind)
        return &slots[fd];
    violated(CHECK_CALLS, "descriptor %d is misused", fd);
    os_abort();
    return &none;
}

bool
os_is_socket(int fd)
{
    return fd >= OS_STANDARD_COUNT && fd < OS_SLOT_COUNT &&
           slots[fd].kind == SLOT_SOCKET;
}

int
os_slot_new(enum slot_kind kind)
{
    int fd = OS_STANDARD_COUNT;

    while (fd < OS_SLOT_COUNT && slots[fd].kind != SLOT_FREE)
        fd++;
    if (++open_count > OPEN_COUNT_MAX || fd == OS_SLOT_COUNT) {
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
    os_reset_sockets();
    memset(slots, 0, sizeof(slots));
    open_count = idle_count = call_count = 0;
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

    for (int fd = OS_STANDARD_COUNT; fd < OS_SLOT_COUNT; fd++) {
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
    os_enter();
    return sim_now_ms;
}

int64_t
os_wall_s(void)
{
    os_enter();
    if (world.wall_jumps && once_in(JUMP_ONE_IN))
        jump_s = (int64_t)draw(JUMP_S_MAX) - JUMP_S_MAX / 2;
    return world.wall_s + sim_now_ms / 1000 + jump_s;
}

uint32_t
os_pid(void)
{
    return SIM_PID;
}

static void
fill_random(uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        at[i] = (uint8_t)(z >> 40);
    }
}

bool
os_random(void *out, size_t size)
{
    if (os_fails("random"))
        return false;
    fill_random(out, size);
    return true;
}

/* The kernel has none fit for keys before world.keys_ms; if it fails, never. */
bool
os_random_key(void *out, size_t size, int64_t deadline_ms)
{
    int64_t ready_ms = os_fails("random key") ? INT64_MAX : world.keys_ms;

    while (sim_now_ms < ready_ms && sim_now_ms < deadline_ms)
        (void)clock_next(ready_ms < deadline_ms ? ready_ms : deadline_ms);
    stack_paint();
    if (sim_now_ms < ready_ms)
        return false;
    fill_random(out, size);
    return true;
}

/* ---- files ---- */

bool
os_chdir(const char *path)
{
    if (os_fails("chdir"))
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
                                  : os_slot(directory, SLOT_FILE)->file->path,
             path);
    if (os_fails("open"))
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
    fd = os_slot_new(SLOT_FILE);
    slots[fd].file = file;
    slots[fd].update = update;
    return fd;
}

bool
os_stat(int fd, struct os_file *out)
{
    *out = (struct os_file){.kind = OS_STREAM};
    if (os_fails("stat"))
        return false;
    if (fd == OS_MESSAGE && !world.message_pipe) {
        out->kind = OS_REGULAR;
        out->size = (int64_t)world.message.size;
        out->modified_s = world.message_modified_s;
    } else if (fd != OS_MESSAGE) {
        const struct sim_file *file = os_slot(fd, SLOT_FILE)->file;

        out->kind = file->kind;
        out->others = file->others;
        out->size = (int64_t)file->content.size;
        out->modified_s = file->modified_s;
        out->number = file->number;
        out->changed_ns = file->changed_ns;
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

bool
os_message_readable(void)
{
    return pipe_ended || pipe_arrived > message_offset;
}

ptrdiff_t
os_read(int fd, void *out, size_t size)
{
    struct slot *slot = NULL;
    ptrdiff_t n = 0;

    if (size == 0)
        violated(CHECK_CALLS, "reads into no room");
    if (os_fails("read"))
        return OS_ERROR;
    if (fd == OS_MESSAGE) {
        n = read_message(out, size);
    } else if (os_is_socket(fd)) {
        n = net_read(slots[fd].conn, out, size);
    } else {
        slot = os_slot(fd, SLOT_FILE);
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
        os_progress();
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

ptrdiff_t
os_write(int fd, struct slice bytes)
{
    ptrdiff_t n = 0;

    if (os_fails("write"))
        return OS_ERROR;
    if (fd == OS_REPORT) {
        size_t size = some(bytes.size);

        if (world.short_writes && chance(20))
            return OS_AGAIN;
        bytes_put(&os_report, bytes.data, size);
        n = (ptrdiff_t)size;
    } else if (os_is_socket(fd)) {
        n = os_write_socket(slots[fd].conn, bytes);
    } else {
        n = write_file(os_slot(fd, SLOT_FILE), bytes);
    }
    if (n > 0)
        os_progress();
    stack_paint();
    return n;
}

bool
os_seek(int fd, int64_t offset)
{
    if (os_fails("seek"))
        return false;
    if (fd == OS_MESSAGE) {
        message_offset = (size_t)offset;
        return !world.message_pipe;
    }
    os_slot(fd, SLOT_FILE)->offset = (size_t)offset;
    return true;
}

ptrdiff_t
os_list(int fd, char *out, size_t size)
{
    struct slot *slot = os_slot(fd, SLOT_FILE);
    size_t n = slot->file->content.size - slot->offset;

    if (os_fails("list") || slot->file->kind != OS_DIRECTORY || n > size)
        return OS_ERROR;
    if (n > 0)
        memcpy(out, slot->file->content.data + slot->offset, n);
    slot->offset += n;
    return (ptrdiff_t)n;
}

bool
os_lock(int fd, bool take)
{
    struct slot *slot = os_slot(fd, SLOT_FILE);

    if (os_fails("lock") || (take && slot->file->locked))
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
    os_enter();
    if (fd < 0)
        return;
    if (fd < OS_STANDARD_COUNT || fd >= OS_SLOT_COUNT ||
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

const char *
os_why(void)
{
    return "a simulated error";
}
