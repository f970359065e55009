/* SPDX-License-Identifier: ISC */
#include "os/sandbox.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A filter from outside may kill for each call that it does not name, and
 * nothing tells which it names: @system-service of systemd 252 has none of
 * landlock's. So under one no call is made here but prctl, which asks for it.
 * No answer is taken for a filter; EINVAL comes of a kernel without them. */
static bool
is_filtered(void)
{
    int mode = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);

    return mode > 0 || (mode < 0 && errno != EINVAL);
}

/* ---- resources ---- */

/* Where less is allowed already, raising it fails, and less it stays. (No
 * variable has the resource's name: C libraries differ in its type. Not
 * setrlimit: musl's tells all threads, and brings semaphores for it.) */
static void
limit_resources(void)
{
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    const struct rlimit files = {OS_FILE_COUNT_MAX, OS_FILE_COUNT_MAX};
    const struct rlimit size = {OS_FILE_SIZE_MAX, OS_FILE_SIZE_MAX};
    struct os_file report;

    (void)prlimit(0, RLIMIT_CORE, &none, NULL);
    (void)prlimit(0, RLIMIT_NPROC, &none, NULL);
    (void)prlimit(0, RLIMIT_NOFILE, &files, NULL);
    /* Not 0: tcpto is written. None for a report that goes to a file: the
     * limit is of offsets, and others may append to that file meanwhile. */
    if (os_stat(OS_REPORT, &report) && report.kind != OS_REGULAR)
        (void)prlimit(0, RLIMIT_FSIZE, &size, NULL);
}

/* ---- files and ports: landlock(7). Here and below by hand: the compiler may
 * have no headers of the kernel, or older ones than the kernel it meets ---- */

enum {
    LANDLOCK_VERSION = 1, /* flag: tell the ABI */
    RULE_PATH = 1,
    RULE_PORT = 2,
    ABI_REFER = 2,
    ABI_TRUNCATE = 3,
    ABI_PORTS = 4,
    ABI_IOCTL = 5,
    FS_READ_FILE = 1 << 2,
    FS_ABI_1 = (1 << 13) - 1, /* execute, write, read, make and remove ... */
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
    FS_IOCTL = 1 << 15,
    PORT_CONNECT = 1 << 1
};

struct ruleset {
    uint64_t fs;
    uint64_t ports; /* from ABI_PORTS on */
};

struct path_rule {
    uint64_t fs;
    int32_t fd;
} __attribute__((packed));

struct port_rule {
    uint64_t access;
    uint64_t port;
};

static bool
allow_reading(int rules, int directory)
{
    struct path_rule rule = {.fs = FS_READ_FILE, .fd = directory};

    return syscall(SYS_landlock_add_rule, rules, RULE_PATH, &rule, 0) == 0;
}

/* The links of a hashed directory lead anywhere, so with one every file can be
 * read; none written, made, listed or run. */
static bool
allow_links(int rules)
{
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool allowed = fd >= 0 && allow_reading(rules, fd);

    if (fd >= 0)
        close(fd);
    return allowed;
}

static bool
allow_ports(int rules, const struct os_confinement *c)
{
    bool allowed = true;

    for (uint32_t i = 0; i < c->port_count; i++) {
        struct port_rule rule = {.access = PORT_CONNECT, .port = c->ports[i]};

        allowed = allowed && syscall(SYS_landlock_add_rule, rules, RULE_PORT,
                                     &rule, 0) == 0;
    }
    return allowed;
}

/* All that is still needed; what is not allowed here is forbidden next. */
static bool
allow_needs(int rules, const struct os_confinement *c, long abi)
{
    if (c->directory != OS_NONE &&
        !(allow_reading(rules, c->directory) && allow_links(rules)))
        return false;
    return abi < ABI_PORTS || allow_ports(rules, c);
}

static uint64_t
fs_rights(long abi)
{
    return FS_ABI_1 | (abi >= ABI_REFER ? FS_REFER : 0U) |
           (abi >= ABI_TRUNCATE ? FS_TRUNCATE : 0U) |
           (abi >= ABI_IOCTL ? FS_IOCTL : 0U);
}

static void
close_files(const struct os_confinement *c)
{
    struct ruleset all = {.ports = PORT_CONNECT};
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
    size_t size = abi >= ABI_PORTS ? sizeof(all) : sizeof(all.fs);
    int rules = -1;

    if (abi < 1)
        return;
    all.fs = fs_rights(abi);
    rules = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
    if (rules < 0)
        return;
    if (allow_needs(rules, c, abi))
        (void)syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
}

/* ---- calls: seccomp(2) ---- */

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#elif defined(__i386__)
enum { MACHINE = EM_386 };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64 };
#elif defined(__arm__)
enum { MACHINE = EM_ARM };
#elif defined(__mips__)
enum { MACHINE = EM_MIPS };
#elif defined(__riscv)
enum { MACHINE = EM_RISCV };
#elif defined(__powerpc64__)
enum { MACHINE = EM_PPC64 };
#elif defined(__powerpc__)
enum { MACHINE = EM_PPC };
#else
#error "sandbox.c: name this architecture"
#endif

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
enum { LOW_WORD = sizeof(uint32_t) };
#define ARCH_ORDER 0U
#else
enum { LOW_WORD = 0 };
#define ARCH_ORDER 0x40000000U
#endif

/* AUDIT_ARCH_... of linux/audit.h */
#define ARCH_WIDTH (sizeof(void *) > sizeof(uint32_t) ? 0x80000000U : 0U)
#define ARCH (MACHINE | ARCH_ORDER | ARCH_WIDTH)

enum {
    MODE_FILTER = 2,
    /* What a filter returns. */
    RETURN_ALLOW = 0x7fff0000,
    RETURN_ERRNO = 0x00050000,
    /* struct seccomp_data */
    NUMBER_AT = 0,
    ARCH_AT = 4,
    ARGUMENT_AT = 16,
    ARGUMENT_SIZE = 8,
    /* Instructions: load a word; compare and jump; return. */
    OP_LOAD = 0x20,
    OP_EQUAL = 0x15,
    OP_ANY_BIT = 0x45,
    OP_RETURN = 0x06,
    /* Where the filter begins for whom no file is left to open. */
    NO_FILES_AT = 9,
    BIND_AT = NO_FILES_AT + 5 /* what bind gets */
};

struct instruction {
    uint16_t op;
    uint8_t if_equal, otherwise; /* instructions skipped */
    uint32_t value;
};

struct program {
    unsigned short count;
    struct instruction *code;
};

#define LOAD(offset)          \
    {                         \
        OP_LOAD, 0, 0, offset \
    }
#define RETURN(value)          \
    {                          \
        OP_RETURN, 0, 0, value \
    }
#define ARGUMENT(index) LOAD(ARGUMENT_AT + (index)*ARGUMENT_SIZE + LOW_WORD)
#define EQUAL(value, if_equal, otherwise)    \
    {                                        \
        OP_EQUAL, if_equal, otherwise, value \
    }
#define ANY_BIT(value, if_any, otherwise)    \
    {                                        \
        OP_ANY_BIT, if_any, otherwise, value \
    }
/* Otherwise the next instruction but one. */
#define IF(value) EQUAL(value, 0, 1)
#define ALLOW(number) IF(number), RETURN(RETURN_ALLOW)
/* ENOSYS, as on a kernel that lacks the call: every caller copes with it, and
 * musl falls back from 64-bit times to older calls. A test builds it to kill.
 */
#ifndef SANDBOX_REFUSAL
#define SANDBOX_REFUSAL (RETURN_ERRNO | ENOSYS)
#endif
#define REFUSE RETURN(SANDBOX_REFUSAL)

/* Reading what is open, the network, the clock, an end. What an architecture
 * does not have it does not name. */
static struct instruction filter[] = {
    LOAD(ARCH_AT),
    EQUAL(ARCH, 1, 0),
    REFUSE,
    LOAD(NUMBER_AT),
    /* openat: for reading; landlock says which files */
    EQUAL(SYS_openat, 0, 4),
    ARGUMENT(2),
    ANY_BIT(O_ACCMODE | O_CREAT | O_TRUNC, 0, 1),
    REFUSE,
    RETURN(RETURN_ALLOW),
    [NO_FILES_AT] = LOAD(ARCH_AT),
    EQUAL(ARCH, 1, 0),
    REFUSE,
    LOAD(NUMBER_AT),
    IF(SYS_bind),
    [BIND_AT] = REFUSE,
    ALLOW(SYS_read),
    ALLOW(SYS_write),
    ALLOW(SYS_close),
#ifdef SYS_poll
    ALLOW(SYS_poll),
#endif
#ifdef SYS_ppoll
    ALLOW(SYS_ppoll),
#endif
#ifdef SYS_ppoll_time64
    ALLOW(SYS_ppoll_time64),
#endif
#ifdef SYS_lseek
    ALLOW(SYS_lseek),
#endif
#ifdef SYS__llseek
    ALLOW(SYS__llseek),
#endif
#ifdef SYS_fstat
    ALLOW(SYS_fstat),
#endif
#ifdef SYS_fstat64
    ALLOW(SYS_fstat64),
#endif
#ifdef SYS_newfstatat
    ALLOW(SYS_newfstatat),
#endif
#ifdef SYS_statx
    ALLOW(SYS_statx),
#endif
#ifdef SYS_clock_gettime
    ALLOW(SYS_clock_gettime),
#endif
#ifdef SYS_clock_gettime64
    ALLOW(SYS_clock_gettime64),
#endif
#ifdef SYS_clock_gettime32
    ALLOW(SYS_clock_gettime32),
#endif
#ifdef SYS_gettimeofday
    ALLOW(SYS_gettimeofday),
#endif
#ifdef SYS_gettimeofday_time32
    ALLOW(SYS_gettimeofday_time32),
#endif
#ifdef SYS_socketcall
    ALLOW(SYS_socketcall),
#endif
    ALLOW(SYS_connect),
    ALLOW(SYS_setsockopt),
    ALLOW(SYS_getsockopt),
    ALLOW(SYS_getrandom),
    ALLOW(SYS_getpid),
    ALLOW(SYS_flock),
    ALLOW(SYS_rt_sigreturn),
    ALLOW(SYS_restart_syscall), /* poll, stopped and continued */
    ALLOW(SYS_exit_group),
    /* abort(3) */
    ALLOW(SYS_rt_sigprocmask),
    ALLOW(SYS_gettid),
    ALLOW(SYS_tkill),
    /* socket: IPv4 and IPv6 only */
    EQUAL(SYS_socket, 1, 0),
    REFUSE,
    ARGUMENT(0),
    ALLOW(AF_INET),
    ALLOW(AF_INET6),
    REFUSE,
};

static void
close_calls(const struct os_confinement *c)
{
    const size_t from = c->directory != OS_NONE ? 0 : NO_FILES_AT;
    struct program program = {
        .count = (unsigned short)(sizeof(filter) / sizeof(filter[0]) - from),
        .code = filter + from,
    };

    if (c->from)
        filter[BIND_AT].value = RETURN_ALLOW;
    (void)prctl(PR_SET_SECCOMP, MODE_FILTER, &program, 0, 0);
}

void
sandbox_apply(const struct os_confinement *c)
{
    bool filtered = is_filtered();

    if (filtered)
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core all the same */
    else
        limit_resources();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return;
    if (!filtered)
        close_files(c);
    close_calls(c);
}
