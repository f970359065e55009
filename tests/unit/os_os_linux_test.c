/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
#include "os/os.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

enum { NAME_COUNT = 40, WORD = 8 };

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

#define CASES(X) X(names_into_any_bytes)

TEST_MAIN(CASES)
