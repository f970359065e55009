/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

#define CASES(X)                                \
    X(names_into_any_bytes)                     \
    X(keys_come_from_the_kernel)                \
    X(a_kernel_that_is_not_ready_is_waited_for) \
    X(a_kernel_without_the_call_has_its_device) \
    X(another_error_gives_no_key)

TEST_MAIN(CASES)
