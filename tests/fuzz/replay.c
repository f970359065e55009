/* SPDX-License-Identifier: ISC */
/*
 * Feeds a fuzzer its committed corpus, without libFuzzer.
 *
 *     NAME_corpus [FILE | DIRECTORY ...]
 *
 * Without arguments tests/fuzz/corpus/NAME. Says "ok NAME_corpus", or which
 * file broke it.
 */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, INPUT_SIZE_MAX = 1 << 20 };

static char current[PATH_SIZE];
static const char *name;
static uint8_t input[INPUT_SIZE_MAX];
static unsigned count;

/* The sanitizers end in SIGABRT as MUST does; assert in SIGILL. */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *
__asan_default_options(void)
{
    return "abort_on_error=1:detect_leaks=0";
}

const char *
__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}

static void
on_abort(int signal)
{
    char line[2 * PATH_SIZE];
    int size = snprintf(line, sizeof(line), "not ok %s: signal %d at %s\n",
                        name, signal, current);

    (void)!write(STDOUT_FILENO, line, (size_t)size);
    _exit(1);
}

static void
replay_file(void)
{
    FILE *f = fopen(current, "rb");
    size_t size = 0;
    uint8_t *copy = NULL;

    if (!f) {
        perror(current);
        exit(1);
    }
    size = fread(input, 1, sizeof(input), f);
    fclose(f);
    copy = fuzz_copy(slice_of(input, size));
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    count++;
}

static void
replay(const char *path)
{
    struct stat info;
    struct dirent *entry = NULL;
    DIR *d = NULL;

    snprintf(current, sizeof(current), "%s", path);
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
        replay_file();
        return;
    }
    d = opendir(path);
    while (d && (entry = readdir(d))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(current, sizeof(current), "%s/%s", path, entry->d_name);
        replay_file();
    }
    if (d)
        closedir(d);
}

int
main(int argc, char **argv)
{
    char path[PATH_SIZE];
    const char *slash = strrchr(argv[0], '/');

    name = slash ? slash + 1 : argv[0];
    signal(SIGABRT, on_abort);
    signal(SIGILL, on_abort);
    signal(SIGSEGV, on_abort);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (argc == 1) {
        int size = (int)strcspn(name, "_");

        size += 1 + (int)strcspn(name + size + 1, "_");
        snprintf(path, sizeof(path), "tests/fuzz/corpus/%.*s", size, name);
        replay(path);
    }
    if (count == 0)
        printf("not ok %s: no files\n", name);
    else
        printf("ok %s\n%u files\n", name, count);
    return count == 0;
}
