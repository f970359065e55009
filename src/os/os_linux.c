/* SPDX-License-Identifier: ISC */
#include "os/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/sandbox.h"

enum {
    NS_PER_S = 1000000000,
    STANDARD_COUNT = 3,
    RANDOM_PIECE = 256 /* getrandom gives as much whole or not at all */
};

/* Else the year 2038 and files of 2 GiB end something. */
_Static_assert(sizeof(time_t) == sizeof(int64_t), "times have 64 bits");
_Static_assert(sizeof(off_t) == sizeof(int64_t), "sizes have 64 bits");

static int last_error;

/* Keeps the reason; the value is what the caller returns. */
static int
failed(void)
{
    last_error = errno;
    return OS_ERROR;
}

static bool
again(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* Whether to make the call again that failed. Signals that come for ever must
 * not keep us for ever. */
static bool
interrupted(uint32_t *count)
{
    return errno == EINTR && (*count)++ < OS_RETRY_COUNT_MAX;
}

void
os_start(void)
{
    struct pollfd standard[STANDARD_COUNT] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};
    uint32_t tries = 0;

    while (poll(standard, STANDARD_COUNT, 0) < 0)
        if (!interrupted(&tries))
            os_abort();
    /* None, or a pipe without a reader: what is sent would be sent again. */
    if (standard[OS_REPORT].revents & (POLLNVAL | POLLERR))
        os_abort();
    for (int fd = 0; fd < STANDARD_COUNT; fd++)
        /* A directory: whoever reads it as a message gets an error. */
        if (standard[fd].revents & POLLNVAL &&
            open("/", O_RDONLY | O_DIRECTORY) != fd)
            os_abort();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

_Noreturn void
os_abort(void)
{
    (void)raise(SIGABRT);
    /* cppcheck-suppress unreachableCode ; it is ignored, or held back */
    __builtin_trap();
}

static int64_t
clock_ms(clockid_t clock)
{
    struct timespec t;

    if (clock_gettime(clock, &t) != 0)
        os_abort();
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
os_now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t
os_wall_s(void)
{
    return clock_ms(CLOCK_REALTIME) / 1000;
}

uint32_t
os_pid(void)
{
    return (uint32_t)getpid();
}

/* For kernels before 3.17; and for the first moments of a machine, but then
 * not for keys. */
static int urandom_fd = OS_NONE;

static bool
read_urandom(uint8_t *out, size_t size)
{
    size_t used = 0;

    if (urandom_fd < 0)
        urandom_fd = os_open(OS_NONE, "/dev/urandom", false);
    while (used < size) {
        ptrdiff_t n = os_read(urandom_fd, out + used, size - used);

        if (n <= 0)
            break;
        used += (size_t)n;
    }
    return used == size;
}

/* Of the kernel, from one call for many: each octet is given away once. */
static uint8_t pool[RANDOM_PIECE];
static size_t pool_left;
/* Nothing better is to be waited for: the kernel has given once, and from then
 * on has enough for keys, or it lacks the call. */
static bool settled;

static bool
ask_kernel(void)
{
    uint32_t tries = 0;
    ssize_t n = 0;

    do
        n = getrandom(pool, sizeof(pool), GRND_NONBLOCK);
    while (n < 0 && interrupted(&tries));
    settled = n == sizeof(pool) || (n < 0 && errno == ENOSYS);
    if (n != sizeof(pool))
        return false;
    pool_left = sizeof(pool);
    return true;
}

static bool
fill_pool(void)
{
    if (ask_kernel())
        return true;
    if (!read_urandom(pool, sizeof(pool)))
        return false;
    pool_left = sizeof(pool);
    return true;
}

bool
os_random(void *out, size_t size)
{
    uint8_t *at = out;

    while (size > 0) {
        size_t piece = 0;

        if (pool_left == 0 && !fill_pool())
            return false;
        piece = size < pool_left ? size : pool_left;
        pool_left -= piece;
        memcpy(at, pool + pool_left, piece);
        memset(pool + pool_left, 0, piece);
        at += piece;
        size -= piece;
    }
    return true;
}

bool
os_random_key(void *out, size_t size, int64_t deadline_ms)
{
    /* What may be in the pool from the time before goes unused. */
    while (!settled && !ask_kernel())
        if (!settled &&
            (errno != EAGAIN || os_now_ms() >= deadline_ms ||
             (poll(NULL, 0, OS_RANDOM_PAUSE_MS) < 0 && errno != EINTR)))
            return failed() == 0;
    return os_random(out, size);
}

void
os_confine(const struct os_confinement *c)
{
    /* While a file can still be opened for it. */
    (void)(pool_left > 0 || fill_pool());
    sandbox_apply(c);
}

bool
os_chdir(const char *path)
{
    return chdir(path) == 0 || failed() == 0;
}

int
os_open(int directory, const char *path, bool update)
{
    int flags =
        (update ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    uint32_t tries = 0;
    int fd = -1;

    do
        fd = openat(directory == OS_NONE ? AT_FDCWD : directory, path, flags);
    while (fd < 0 && interrupted(&tries));
    if (fd < 0 && errno == ENOENT)
        return OS_MISSING;
    return fd < 0 ? failed() : fd;
}

bool
os_stat(int fd, struct os_file *out)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return failed() == 0;
    out->kind = S_ISREG(st.st_mode)   ? OS_REGULAR
                : S_ISDIR(st.st_mode) ? OS_DIRECTORY
                : S_ISCHR(st.st_mode) ? OS_DEVICE
                                      : OS_STREAM;
    out->others = (st.st_mode & S_IRWXO) != 0;
    out->size = st.st_size;
    out->modified_s = st.st_mtime;
    out->changed_ns = st.st_ctim.tv_sec * NS_PER_S + st.st_ctim.tv_nsec;
    out->device = st.st_dev;
    out->number = st.st_ino;
    return true;
}

ptrdiff_t
os_read(int fd, void *out, size_t size)
{
    uint32_t tries = 0;
    ssize_t n = 0;

    do
        n = read(fd, out, size);
    while (n < 0 && interrupted(&tries));
    if (n < 0)
        return again() ? OS_AGAIN : failed();
    return n;
}

ptrdiff_t
os_write(int fd, struct slice bytes)
{
    uint32_t tries = 0;
    ssize_t n = 0;

    do
        n = write(fd, bytes.data, bytes.size);
    while (n < 0 && interrupted(&tries));
    /* Nothing taken and no reason given: whoever tries again, tries for ever.
     */
    if (n == 0 && bytes.size > 0) {
        errno = EIO;
        return failed();
    }
    if (n < 0)
        return again() ? OS_AGAIN : failed();
    return n;
}

bool
os_seek(int fd, int64_t offset)
{
    return lseek(fd, offset, SEEK_SET) == offset || failed() == 0;
}

ptrdiff_t
os_list(int fd, char *out, size_t size)
{
    /* Each record is as long as keeps the next one aligned. */
    size_t skipped = (0 - (uintptr_t)out) % _Alignof(struct dirent);
    char *records = out + skipped;
    size_t used = 0, record = 0;
    long n = 0;

    if (size < skipped)
        os_abort();
    n = syscall(SYS_getdents64, fd, records, size - skipped);
    if (n < 0)
        return failed();
    /* A name is shorter than its record, so they can share the room. */
    for (long at = 0; at < n; at += (long)record) {
        const struct dirent *entry = (const struct dirent *)(records + at);
        size_t length = strlen(entry->d_name) + 1;

        record = entry->d_reclen;
        memmove(out + used, entry->d_name, length);
        used += length;
    }
    return (ptrdiff_t)used;
}

bool
os_lock(int fd, bool take)
{
    return flock(fd, take ? LOCK_EX | LOCK_NB : LOCK_UN) == 0 || failed() == 0;
}

void
os_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

uint32_t
os_interface(const char *name)
{
    return if_nametoindex(name);
}

static socklen_t
put_address(struct sockaddr_storage *out, const struct endpoint *e)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6,
                               .sin6_port = htons(e->port),
                               .sin6_scope_id = e->scope};
    struct sockaddr_in four = {.sin_family = AF_INET,
                               .sin_port = htons(e->port)};

    if (e->addr.family == ADDR_IPV6) {
        memcpy(&six.sin6_addr, e->addr.bytes, sizeof(six.sin6_addr));
        memcpy(out, &six, sizeof(six));
        return sizeof(six);
    }
    memcpy(&four.sin_addr, e->addr.bytes, sizeof(four.sin_addr));
    memcpy(out, &four, sizeof(four));
    return sizeof(four);
}

/* At port 0, which connect chooses: so that one address has as many ports for
 * each server, not for all of them together. Kernels before 4.2 choose here. */
static bool
use_address(int fd, const struct addr *from, uint32_t scope)
{
    struct endpoint e = {.addr = *from, .scope = scope};
    struct sockaddr_storage address;
    socklen_t size = put_address(&address, &e);
    int one = 1;

    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
                     sizeof(one));
    return bind(fd, (struct sockaddr *)&address, size) == 0;
}

int
os_connect(const struct endpoint *to, const struct addr *from, bool stream)
{
    struct sockaddr_storage address;
    socklen_t size = put_address(&address, to);
    int type =
        (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(address.ss_family, type, 0);
    enum os_error error = OS_ERROR;
    int one = 1;

    if (fd < 0)
        return failed();
    /* One write a flight: the last segment of one never waits for an ACK. */
    if (stream)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (from != NULL && from->family != ADDR_NONE &&
        !use_address(fd, from, to->scope))
        error = OS_NO_ADDRESS;
    else if (connect(fd, (struct sockaddr *)&address, size) == 0 ||
             errno == EINPROGRESS || errno == EINTR)
        return fd;
    (void)failed();
    close(fd);
    return error;
}

int
os_connected(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return failed();
    /* Reset: it was connected, and is not any more. The first read says so. */
    if (error == 0 || error == ECONNRESET)
        return 0;
    errno = error;
    (void)failed();
    return error == ETIMEDOUT ? OS_TIMEOUT : OS_ERROR;
}

static int
span_ms(int64_t deadline_ms)
{
    int64_t left = 0;

    if (deadline_ms == INT64_MAX)
        return -1;
    left = deadline_ms - os_now_ms();
    if (left < 0)
        return 0;
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

bool
os_poll(struct os_poll *set, uint32_t count, int64_t deadline_ms)
{
    static struct pollfd fds[OS_POLL_COUNT_MAX];
    uint32_t tries = 0;
    int ready = 0;

    if (count > OS_POLL_COUNT_MAX)
        os_abort();
    for (uint32_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = set[i].fd,
                                 .events = (short)((set[i].rx ? POLLIN : 0) |
                                                   (set[i].tx ? POLLOUT : 0))};
    do
        ready = poll(fds, count, span_ms(deadline_ms));
    while (ready < 0 && interrupted(&tries));
    for (uint32_t i = 0; i < count; i++) {
        bool error = ready > 0 && (fds[i].revents & ~(POLLIN | POLLOUT));

        set[i].error = error;
        set[i].can_rx =
            ready > 0 && set[i].rx && (error || fds[i].revents & POLLIN);
        set[i].can_tx =
            ready > 0 && set[i].tx && (error || fds[i].revents & POLLOUT);
    }
    return ready >= 0 || failed() == 0;
}

/* Our own: the C library's table has 130 of them, in 2 KB. */
static const struct {
    int error;
    const char *text;
} reasons[] = {
    {EPERM, "Operation not permitted"},
    {ENOENT, "No such file or directory"},
    {EINTR, "Interrupted system call"},
    {EIO, "I/O error"},
    {ENXIO, "No such device or address"},
    {EBADF, "Bad file descriptor"},
    {EAGAIN, "Resource temporarily unavailable"},
    {ENOMEM, "Out of memory"},
    {EACCES, "Permission denied"},
    {EBUSY, "Resource busy"},
    {ENODEV, "No such device"},
    {ENOTDIR, "Not a directory"},
    {EISDIR, "Is a directory"},
    {EINVAL, "Invalid argument"},
    {ENFILE, "Too many open files in system"},
    {EMFILE, "No file descriptors available"},
    {EFBIG, "File too large"},
    {ENOSPC, "No space left on device"},
    {EROFS, "Read-only file system"},
    {EPIPE, "Broken pipe"},
    {ENOSYS, "Function not implemented"},
    {ENAMETOOLONG, "Filename too long"},
    {ELOOP, "Symbolic link loop"},
    {EPROTO, "Protocol error"},
    {ENOPROTOOPT, "Protocol not available"},
    {EOPNOTSUPP, "Not supported"},
    {EAFNOSUPPORT, "Address family not supported"},
    {EADDRINUSE, "Address in use"},
    {EADDRNOTAVAIL, "Address not available"},
    {ENETDOWN, "Network is down"},
    {ENETUNREACH, "Network unreachable"},
    {ECONNABORTED, "Connection aborted"},
    {ECONNRESET, "Connection reset by peer"},
    {ENOBUFS, "No buffer space available"},
    {ETIMEDOUT, "Operation timed out"},
    {ECONNREFUSED, "Connection refused"},
    {EHOSTUNREACH, "Host is unreachable"},
    {ESTALE, "Stale file handle"},
};

/* What it gives is there for ever. */
const char *
os_why(void)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].error == last_error)
            return reasons[i].text;
    return "unknown error";
}
