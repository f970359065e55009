/* SPDX-License-Identifier: ISC */
/* For fork, ptrace and the like: what a program must not be able to do. */
#define _GNU_SOURCE
#include "os/sandbox.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "callfilter.h"
#include "test.h"

/* Each probe runs in a child of its own, confined as for a delivery to port
 * 25 with a name server at port 53. It returns whether it got through. */

enum { REFUSED = 10, GOT_THROUGH = 11 };

static int trusted = OS_NONE; /* a directory the program may read */
static int listener_port;
/* Whether it is under a filter already that kills for what it can do without.
 */
static bool filtered;
/* Its own address is set, as by control/outgoingip. */
static bool from;

static int
status_of(bool (*try)(void), int directory)
{
    static const int dispensable[] = {SYS_landlock_create_ruleset,
                                      SYS_landlock_add_rule,
                                      SYS_landlock_restrict_self,
                                      SYS_prlimit64,
                                      SYS_setrlimit,
                                      SYS_seccomp};
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct os_confinement c = {.directory = directory,
                                   .from = from,
                                   .port_count = 2,
                                   .ports = {25, 53}};

        if (filtered &&
            !callfilter(dispensable, sizeof(dispensable) / sizeof(int),
                        SECCOMP_RET_KILL_PROCESS))
            _exit(0);
        os_confine(&c);
        _exit(try() ? GOT_THROUGH : REFUSED);
    }
    waitpid(pid, &status, 0);
    return status;
}

static bool
gets_through(bool (*try)(void), int directory)
{
    int status = status_of(try, directory);

    return !(WIFEXITED(status) && WEXITSTATUS(status) == REFUSED);
}

static bool
refused(bool (*try)(void))
{
    return !gets_through(try, OS_NONE);
}

static bool
opens_passwd(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool
creates_file(void)
{
    return open("/tmp/mote-escape", O_WRONLY | O_CREAT, 0600) >= 0;
}

static bool
opens_for_writing(void)
{
    return openat(AT_FDCWD, "/dev/null", O_WRONLY) >= 0;
}

static bool
lists_root(void)
{
    return open("/", O_RDONLY | O_DIRECTORY) >= 0;
}

static bool
forks(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0;
}

static bool
executes(void)
{
    char *const argv[] = {"true", NULL};

    return execv("/bin/true", argv) == 0;
}

static bool
makes_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool
makes_netlink_socket(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0) >= 0;
}

static bool
traces(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool
kills(void)
{
    return kill(getppid(), 0) == 0;
}

static bool
maps_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0) != MAP_FAILED;
}

static bool
regains_privileges(void)
{
    return syscall(SYS_setuid, 0) == 0;
}

static bool
connects_elsewhere(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)listener_port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

static bool
listens(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return listen(fd, 1) == 0;
}

static bool
raises_limits(void)
{
    return syscall(SYS_prlimit64, 0, 0, NULL, NULL) == 0;
}

static bool
reads_trusted(void)
{
    return openat(trusted, "hosts", O_RDONLY) >= 0;
}

static bool
writes_trusted(void)
{
    return openat(trusted, "mote-escape", O_WRONLY | O_CREAT, 0600) >= 0;
}

static bool
does_its_work(void)
{
    struct endpoint e = {.addr = {.family = ADDR_IPV4, .bytes = {127, 0, 0, 1}},
                         .port = 53};
    int fd = os_connect(&e, NULL, false);
    struct os_poll p = {.fd = fd, .tx = true};
    uint8_t byte = 0;

    return fd >= 0 && os_poll(&p, 1, os_now_ms() + 1000) && p.can_tx &&
           os_write(fd, (struct slice){&byte, 1}) == 1 && os_random(&byte, 1) &&
           os_wall_s() > 0 && os_pid() > 0;
}

static bool
binds(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
}

/* Whoever listens where the route leads, or nobody: it was connected from the
 * address that is asked for. */
static bool
comes_from(void)
{
    struct endpoint e = {.addr = {.family = ADDR_IPV4, .bytes = {127, 0, 0, 1}},
                         .port = 25};
    struct addr a = {.family = ADDR_IPV4, .bytes = {127, 0, 0, 9}};

    return os_connect(&e, &a, true) >= 0;
}

TEST(files_are_out_of_reach)
{
    CHECK(refused(opens_passwd));
    CHECK(refused(creates_file));
    CHECK(refused(opens_for_writing));
    CHECK(refused(lists_root));
}

TEST(no_other_program_runs)
{
    CHECK(refused(forks));
    CHECK(refused(executes));
    CHECK(refused(traces));
    CHECK(refused(kills));
}

TEST(nothing_is_gained_back)
{
    CHECK(refused(maps_memory));
    CHECK(refused(regains_privileges));
    CHECK(refused(raises_limits));
}

TEST(only_the_internet_is_spoken)
{
    CHECK(refused(makes_unix_socket));
    CHECK(refused(makes_netlink_socket));
    CHECK(refused(listens));
}

/* From landlock's fourth ABI on (Linux 6.7). */
TEST(only_its_own_ports_are_connected_to)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(bind(fd, (struct sockaddr *)&at, size) == 0 && listen(fd, 8) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&at, &size) == 0);
    listener_port = ntohs(at.sin_port);
    CHECK(connects_elsewhere());
    if (prctl(PR_GET_SECCOMP) != 0 || syscall(444, NULL, 0, 1) < 4)
        return;
    CHECK(refused(connects_elsewhere));
}

TEST(an_address_only_where_it_is_set)
{
    int directory = open("/etc", O_RDONLY | O_DIRECTORY);

    CHECK(refused(binds));
    CHECK(refused(comes_from));
    CHECK(!gets_through(binds, directory));
    from = true;
    CHECK(gets_through(binds, OS_NONE));
    CHECK(gets_through(comes_from, OS_NONE));
    CHECK(gets_through(binds, directory));
    CHECK(refused(listens));
    CHECK(refused(opens_passwd));
    filtered = true;
    CHECK(gets_through(comes_from, OS_NONE));
    filtered = from = false;
}

TEST(a_hashed_directory_can_be_read_only)
{
    trusted = open("/etc", O_RDONLY | O_DIRECTORY);
    CHECK(trusted >= 0);
    CHECK(gets_through(reads_trusted, trusted));
    CHECK(!gets_through(writes_trusted, trusted));
    CHECK(!gets_through(creates_file, trusted));
    CHECK(refused(reads_trusted));
}

TEST(what_a_delivery_needs_is_left)
{
    CHECK(gets_through(does_its_work, OS_NONE));
}

/* Nor is anything left open by what then is left out. */
TEST(a_filter_from_outside_is_not_provoked)
{
    int status = 0;

    filtered = true;
    status = status_of(does_its_work, OS_NONE);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == GOT_THROUGH);
    CHECK(refused(opens_passwd));
    CHECK(refused(creates_file));
    CHECK(refused(lists_root));
    CHECK(refused(forks));
    CHECK(refused(makes_unix_socket));
    trusted = open("/etc", O_RDONLY | O_DIRECTORY);
    CHECK(trusted >= 0);
    CHECK(gets_through(reads_trusted, trusted));
    CHECK(!gets_through(writes_trusted, trusted));
    CHECK(!gets_through(opens_for_writing, trusted));
    CHECK(refused(reads_trusted));
    filtered = false;
}

#define CASES(X)                           \
    X(files_are_out_of_reach)              \
    X(no_other_program_runs)               \
    X(nothing_is_gained_back)              \
    X(only_the_internet_is_spoken)         \
    X(only_its_own_ports_are_connected_to) \
    X(an_address_only_where_it_is_set)     \
    X(a_hashed_directory_can_be_read_only) \
    X(what_a_delivery_needs_is_left)       \
    X(a_filter_from_outside_is_not_provoked)

TEST_MAIN(CASES)
