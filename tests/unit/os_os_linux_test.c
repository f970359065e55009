/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "callfilter.h"
#include "test.h"

enum { NAME_COUNT = 40, WORD = 8, PASSED = 10, WAIT_MS = 200 };

/* ---- directories ---- */

static char folder[] = "/tmp/mote-list-XXXXXX";

static bool
make_folder(void)
{
    int directory = -1;
    char name[NAME_COUNT + 1] = "";

    if (!mkdtemp(folder))
        return false;
    directory = open(folder, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < NAME_COUNT; i++) {
        name[i] = 'x'; /* of every length, so that records are */
        close(openat(directory, name, O_CREAT | O_WRONLY, 0600));
    }
    return close(directory) == 0;
}

static void
remove_folder(void)
{
    int directory = open(folder, O_RDONLY | O_DIRECTORY);
    char name[NAME_COUNT + 1] = "";

    for (int i = 0; i < NAME_COUNT; i++) {
        name[i] = 'x';
        unlinkat(directory, name, 0);
    }
    close(directory);
    rmdir(folder);
}

/* Whether each name comes once, whole, and nothing behind the room. */
static bool
lists(char *out, size_t size)
{
    int directory = open(folder, O_RDONLY | O_DIRECTORY);
    bool seen[NAME_COUNT + 1] = {false};
    ptrdiff_t n = 0;
    bool right = true;

    out[size] = '!';
    while ((n = os_list(directory, out, size)) > 0)
        for (char *at = out; at < out + n; at += strlen(at) + 1) {
            size_t length = strlen(at);

            if (strcmp(at, ".") == 0 || strcmp(at, "..") == 0)
                continue;
            right = right && length <= NAME_COUNT && !seen[length] &&
                    strspn(at, "x") == length;
            seen[right ? length : 0] = true;
        }
    close(directory);
    for (int i = 1; i <= NAME_COUNT; i++)
        right = right && seen[i];
    return n == 0 && right && out[size] == '!';
}

/* The records of the kernel have words in them. Where these do not lie as they
 * must, this program is built to end. */
TEST(names_into_any_bytes)
{
    static _Alignas(WORD) char room[CONTROL_CHUNK_SIZE + WORD + 1];

    CHECK(make_folder());
    for (size_t i = 0; i < WORD; i++) {
        CHECK(lists(room + i, CONTROL_CHUNK_SIZE));
        CHECK(lists(room + i, 100)); /* one or two at a time */
    }
    remove_folder();
}

/* ---- randomness ---- */

/* In a child of its own, with what getrandom says, 0: what is true. */
static bool
holds(bool (*case_of)(void), unsigned error)
{
    static const int calls[] = {SYS_getrandom};
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        if (error && !callfilter(calls, 1, SECCOMP_RET_ERRNO | error))
            _exit(0);
        _exit(case_of() ? PASSED : 0);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == PASSED;
}

static bool
gives_keys(void)
{
    uint64_t ids[2] = {0}, keys[2] = {0};

    return os_random(ids, sizeof(ids)) &&
           os_random_key(keys, sizeof(keys), os_now_ms()) && keys[0] != 0 &&
           keys[0] != keys[1] && keys[0] != ids[0];
}

static bool
gives_ids_only(void)
{
    uint64_t id = 0, key = 0;
    int64_t begun_ms = os_now_ms();

    return os_random(&id, sizeof(id)) && id != 0 &&
           !os_random_key(&key, sizeof(key), begun_ms + WAIT_MS) && key == 0 &&
           os_random(&id, sizeof(id));
}

static bool
waits(void)
{
    int64_t begun_ms = os_now_ms();

    return gives_ids_only() && os_now_ms() >= begun_ms + WAIT_MS;
}

static bool
does_not_wait(void)
{
    uint64_t key = 0;
    int64_t begun_ms = os_now_ms();

    return !os_random_key(&key, sizeof(key), begun_ms + 60000) && key == 0 &&
           os_now_ms() < begun_ms + 30000;
}

TEST(keys_come_from_the_kernel)
{
    CHECK(holds(gives_keys, 0));
}

TEST(a_kernel_that_is_not_ready_is_waited_for)
{
    CHECK(holds(waits, EAGAIN));
}

TEST(a_kernel_without_the_call_has_its_device)
{
    CHECK(holds(gives_keys, ENOSYS));
}

TEST(another_error_gives_no_key)
{
    CHECK(holds(does_not_wait, EPERM));
    CHECK(holds(does_not_wait, EFAULT));
}

/* ---- sockets ---- */

static int
listen_at(const struct addr *a, uint16_t *port)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    bool is_six = a->family == ADDR_IPV6;
    struct sockaddr *at =
        is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
    socklen_t size = is_six ? sizeof(six) : sizeof(four);
    int fd = socket(at->sa_family, SOCK_STREAM, 0);

    memcpy(is_six ? (void *)&six.sin6_addr : (void *)&four.sin_addr, a->bytes,
           addr_size(a));
    if (fd < 0 || bind(fd, at, size) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, at, &size) != 0)
        return -1;
    *port = ntohs(is_six ? six.sin6_port : four.sin_port);
    return fd;
}

/* Whom the server sees. */
static bool
is_seen(int server, const struct addr *a)
{
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(from);
    int fd = accept(server, (struct sockaddr *)&from, &size);
    const void *bytes =
        a->family == ADDR_IPV6
            ? (const void *)&((struct sockaddr_in6 *)&from)->sin6_addr
            : (const void *)&((struct sockaddr_in *)&from)->sin_addr;

    return fd >= 0 && close(fd) == 0 &&
           memcmp(bytes, a->bytes, addr_size(a)) == 0;
}

static bool
has_late_port(int fd)
{
    int late = 0;
    socklen_t size = sizeof(late);

    return getsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, &size) ==
               0 &&
           late == 1;
}

/* Whether a connection to `at` comes from there, twice at the same time. */
static bool
comes_from(const char *at, const char *from)
{
    struct endpoint to = {.scope = 0};
    struct addr a;
    int server = -1, one = -1, two = -1;
    bool right = addr_parse(slice_text(at), &to.addr) &&
                 addr_parse(slice_text(from), &a);

    server = right ? listen_at(&to.addr, &to.port) : -1;
    if (server < 0)
        return false;
    one = os_connect(&to, &a, true);
    two = os_connect(&to, &a, true);
    right = one >= 0 && two >= 0 && has_late_port(one) && is_seen(server, &a) &&
            is_seen(server, &a);
    close(one);
    close(two);
    close(server);
    return right;
}

TEST(a_socket_has_the_address_it_is_given)
{
    CHECK(comes_from("127.0.0.1", "127.0.0.9"));
    CHECK(comes_from("127.0.0.1", "127.0.0.1"));
    /* Where the machine has IPv6 at all. */
    if (access("/proc/net/if_inet6", R_OK) == 0)
        CHECK(comes_from("::1", "::1"));
}

TEST(an_address_of_another_machine_is_not_replaced)
{
    struct endpoint to = {.port = 0};
    struct addr a;
    int server = -1;

    CHECK(addr_parse(SLICE("127.0.0.1"), &to.addr));
    server = listen_at(&to.addr, &to.port);
    CHECK(server >= 0);
    CHECK(addr_parse(SLICE("192.0.2.1"), &a));
    CHECK(os_connect(&to, &a, true) == OS_NO_ADDRESS);
    CHECK(strcmp(os_why(), "Address not available") == 0);
    CHECK(addr_parse(SLICE("2001:db8::1"), &a));
    CHECK(os_connect(&to, &a, true) == OS_NO_ADDRESS);
    a = (struct addr){.family = ADDR_NONE};
    CHECK(os_connect(&to, &a, true) >= 0 && is_seen(server, &to.addr));
    CHECK(os_connect(&to, NULL, true) >= 0 && is_seen(server, &to.addr));
}

#define CASES(X)                                     \
    X(a_socket_has_the_address_it_is_given)          \
    X(an_address_of_another_machine_is_not_replaced) \
    X(names_into_any_bytes)                          \
    X(keys_come_from_the_kernel)                     \
    X(a_kernel_that_is_not_ready_is_waited_for)      \
    X(a_kernel_without_the_call_has_its_device)      \
    X(another_error_gives_no_key)

TEST_MAIN(CASES)
