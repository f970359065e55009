/* SPDX-License-Identifier: ISC */
/* A policy against a reading of the whole file as C strings; and which hosts it
 * takes. */
#include "qmail/mtasts.h"

#include "fuzz.h"

/* What stands behind the first `key:` at the start of a line, NULL: nothing. A
 * line ends at LF; white space around the value does not count. */
static char *
slow_value(const char *file, const char *key, uint32_t which)
{
    static char value[4096];
    size_t key_size = strlen(key);

    for (const char *line = file; line; line = strchr(line, '\n')) {
        size_t size = 0;

        line += line != file || *line == '\n';
        size = strcspn(line, "\n");
        if (strncmp(line, key, key_size) != 0 || which-- > 0)
            continue;
        snprintf(value, sizeof(value), "%.*s", (int)(size - key_size),
                 line + key_size);
        memmove(value, value + strspn(value, " \t\r"),
                strlen(value + strspn(value, " \t\r")) + 1);
        while (*value && strchr(" \t\r", value[strlen(value) - 1]))
            value[strlen(value) - 1] = 0;
        return value;
    }
    return NULL;
}

static enum qmail_mtasts_mode
slow_mode(const char *mode)
{
    if (!mode)
        return MTASTS_UNKNOWN;
    if (strcmp(mode, "enforce") == 0)
        return MTASTS_ENFORCE;
    if (strcmp(mode, "testing") == 0)
        return MTASTS_TESTING;
    return strcmp(mode, "none") == 0 ? MTASTS_NONE : MTASTS_UNKNOWN;
}

/* Names as they are written, a dot at the end aside. */
static bool
slow_matches(const char *file, struct slice host)
{
    const char *mx = NULL;

    for (uint32_t i = 0; (mx = slow_value(file, "mx:", i)) != NULL; i++) {
        size_t size = strlen(mx);
        struct slice s = host;

        if (size > 1 && mx[size - 1] == '.')
            size--;
        if (mx[0] == '*' && mx[1] == '.') {
            size_t dot = slice_find(s, '.');

            s = slice_part(s, dot, s.size);
            if (dot == 0)
                continue;
            mx++, size--;
        }
        if (size > 0 && slice_equal_nocase(s, slice_of(mx, size)))
            return true;
    }
    return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct qmail_mtasts m;
    static char file[4096];
    struct slice in = slice_of(data, size), rest, host;
    const char *value = NULL;
    uint8_t *copy = NULL;

    host = fuzz_until(&in, '\n');
    in = slice_part(in, 0, sizeof(file) - 1);
    if (slice_find(in, 0) < in.size || slice_find(host, '.') + 1 >= host.size ||
        host.data[host.size - 1] == '.')
        return 0;
    snprintf(file, sizeof(file), "%.*s", (int)in.size, (const char *)in.data);
    copy = fuzz_copy(in);
    rest = slice_of(copy, in.size);
    qmail_mtasts_init(&m, (int64_t)in.size);
    while (rest.size > 0)
        qmail_mtasts_line(&m, fuzz_until(&rest, '\n'));
    qmail_mtasts_end(&m);
    MUST(m.mode == slow_mode(slow_value(file, "mode:", 0)));
    MUST(m.mx_count <= MTASTS_MX_COUNT_MAX);
    if (m.problem == PROBLEM_NONE) {
        value = slow_value(file, "version:", 0);
        MUST(value && strcmp(value, "STSv1") == 0);
        value = slow_value(file, "max_age:", 0);
        MUST(value && strtoull(value, NULL, 10) == m.max_age_s);
        MUST(m.max_age_s <= MTASTS_AGE_S_MAX && m.aged);
        MUST(m.mx_count > 0 || m.mode == MTASTS_NONE);
        MUST(qmail_mtasts_matches(&m, host) == slow_matches(file, host));
        MUST(qmail_mtasts_holds(&m, 1, 1) ==
             (m.mode == MTASTS_ENFORCE && m.max_age_s > 0));
    }
    free(copy);
    return 0;
}
