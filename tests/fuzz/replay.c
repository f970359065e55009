/* SPDX-License-Identifier: ISC */
/*
 * Feeds a fuzzer its committed corpus, without libFuzzer.
 *
 *     NAME_corpus [FILE | PACK.pack ...]
 *
 * Without arguments tests/fuzz/corpus/NAME.pack (tests/fuzz/pack says what that
 * is). Says "ok NAME_corpus", or which input broke it.
 */
#include "fuzz.h"

#include <signal.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, FILE_SIZE_MAX = 1 << 22, PREFIX_SIZE = 4 };

static char path[PATH_SIZE];
static const char *name;
static uint8_t bytes[FILE_SIZE_MAX];
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
    int size = snprintf(line, sizeof(line), "not ok %s: signal %d at %s, %u\n",
                        name, signal, path, count);

    (void)!write(STDOUT_FILENO, line, (size_t)size);
    _exit(1);
}

static void
replay_input(struct slice input)
{
    uint8_t *copy = fuzz_copy(input);

    (void)LLVMFuzzerTestOneInput(copy, input.size);
    free(copy);
    count++;
}

/* One input after the other, its size in front of it. */
static bool
replay_pack(struct slice packed)
{
    while (packed.size >= PREFIX_SIZE) {
        uint32_t size = fuzz_u32(&packed);

        if (size > packed.size)
            return false;
        replay_input(fuzz_take(&packed, size));
    }
    return packed.size == 0;
}

static void
replay(void)
{
    const char *dot = strrchr(path, '.');
    FILE *f = fopen(path, "rb");
    struct slice file = slice_of(bytes, 0);

    if (f) {
        file.size = fread(bytes, 1, sizeof(bytes), f);
        fclose(f);
    }
    count = 0;
    if (f && (!dot || strcmp(dot, ".pack") != 0))
        replay_input(file);
    else if (file.size == 0 || file.size == sizeof(bytes) || !replay_pack(file))
        count = 0;
}

int
main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    unsigned total = 0;
    int size = 0;

    name = slash ? slash + 1 : argv[0];
    signal(SIGABRT, on_abort);
    signal(SIGILL, on_abort);
    signal(SIGSEGV, on_abort);
    size = (int)strcspn(name, "_");
    size += 1 + (int)strcspn(name + size + 1, "_");
    for (int i = argc > 1; i < argc; i++) {
        if (i > 0)
            snprintf(path, sizeof(path), "%s", argv[i]);
        else
            snprintf(path, sizeof(path), "tests/fuzz/corpus/%.*s.pack", size,
                     name);
        replay();
        if (count == 0) {
            printf("not ok %s: %s is not there, empty or cut off\n", name,
                   path);
            return 1;
        }
        total += count;
    }
    printf("ok %s\n%u inputs\n", name, total);
    return 0;
}
