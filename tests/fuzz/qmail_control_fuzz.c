/* SPDX-License-Identifier: ISC */
/* Control files: lines out of any chunks against whole lines, and values. */
#include "qmail/control.h"

#include "fuzz.h"
#include "qmail/ipme.h"

/* ---- values ---- */

static void
check_seconds(struct slice line)
{
    uint64_t value = 0;
    size_t digits = 0;
    uint32_t out = 77;
    bool large = false;

    while (digits < line.size && line.data[digits] >= '0' &&
           line.data[digits] <= '9') {
        value = value * 10 + (uint64_t)(line.data[digits++] - '0');
        if (value > CONTROL_SECONDS_MAX)
            value = CONTROL_SECONDS_MAX + 1u;
        large = value > CONTROL_SECONDS_MAX;
    }
    MUST(qmail_control_seconds(line, 5, &out) ==
         (large ? PROBLEM_NUMBER_LARGE : PROBLEM_NONE));
    MUST(out == (large ? 77 : digits ? value : 5));
}

static void
check_values(struct slice line)
{
    uint32_t strictness = 77;
    bool clean = line.size > 0 && line.size <= NAME_TEXT_SIZE_MAX;
    bool number =
        line.size == 1 && strchr("012", line.data[0]) && line.data[0] != 0;

    check_seconds(line);
    MUST((qmail_control_strictness(line, &strictness) == PROBLEM_NONE) ==
         number);
    MUST(strictness == (number ? line.data[0] - (uint32_t)'0' : 77));
    for (size_t i = 0; i < line.size; i++)
        clean = clean && line.data[i] > ' ' && line.data[i] < 0x7f;
    MUST((qmail_control_host(line) == PROBLEM_NONE) == clean);
    MUST(qmail_problem_text(qmail_control_host(line)) != NULL);
    MUST(qmail_control_skip(line) == (line.size == 0 || line.data[0] == '#'));
}

/* ---- own addresses ---- */

static void
check_own(struct slice line, struct qmail_ipme *own)
{
    uint32_t count = own->count;
    struct addr a;
    bool address = addr_parse_literal(line, &a);
    bool known = address && qmail_ipme_contains(own, &a);
    enum qmail_problem problem = qmail_ipme_add(own, line);

    if (!address) {
        MUST(problem == PROBLEM_NOT_ADDRESS && own->count == count);
        return;
    }
    if (known || count == IPME_COUNT_MAX) {
        MUST(problem == (known ? PROBLEM_NONE : PROBLEM_ADDRESS_COUNT));
        MUST(own->count == count);
        return;
    }
    MUST(problem == PROBLEM_NONE && own->count == count + 1);
    MUST(qmail_ipme_contains(own, &a));
}

/* ---- lines ---- */

static void
check_line(const struct qmail_lines *l, struct slice line, struct slice whole,
           uint32_t number)
{
    enum qmail_problem problem = PROBLEM_NONE;
    bool too_long = false;

    whole = slice_chomp(whole);
    too_long = whole.size > CONTROL_LINE_SIZE_MAX;
    MUST(l->number == number && l->too_long == too_long);
    MUST(slice_equal(line,
                     slice_chomp(slice_part(whole, 0, CONTROL_KEPT_SIZE_MAX))));
    problem = qmail_lines_check(l, line);
    MUST((problem == PROBLEM_LINE_LONG) == too_long);
    for (size_t i = 0; i < line.size && !too_long; i++) {
        if (line.data[i] == 0)
            MUST(problem == PROBLEM_NUL);
        else if ((line.data[i] < ' ' && line.data[i] != '\t') ||
                 line.data[i] == 0x7f)
            MUST(problem != PROBLEM_NONE);
    }
}

static void
check_file(struct slice file, struct slice steer, uint32_t own_count)
{
    static struct qmail_lines l;
    static struct qmail_ipme own;
    struct slice rest = file, line;
    uint32_t number = 0;
    size_t given = 0;
    bool end = false;

    qmail_lines_init(&l);
    qmail_ipme_init(&own);
    while (own.count < own_count)
        own.addrs[own.count++] = (struct addr){.family = ADDR_IPV4};
    while (!end) {
        size_t n = fuzz_u8(&steer);
        struct slice chunk = slice_part(file, given, n ? given + n : SIZE_MAX);
        uint8_t *copy = fuzz_copy(chunk);
        struct slice at = slice_of(copy, chunk.size);

        given += chunk.size;
        end = given == file.size && (n & 1 || chunk.size == 0);
        while (qmail_lines_next(&l, &at, end, &line)) {
            MUST(rest.size > 0);
            check_line(&l, line, fuzz_until(&rest, '\n'), ++number);
            check_values(line);
            check_own(line, &own);
        }
        MUST(at.size == 0);
        free(copy);
    }
    MUST(rest.size == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[2 * CONTROL_KEPT_SIZE_MAX];
    struct slice in = slice_of(data, size);
    uint8_t flags = fuzz_u8(&in);
    uint32_t run = flags >= 0xfe   ? CONTROL_LINE_SIZE_MAX - 7 + (flags & 1)
                   : flags >= 0xfc ? CONTROL_KEPT_SIZE_MAX - 6 + (flags & 1)
                                   : 0;
    struct slice steer = fuzz_take(&in, fuzz_u8(&in) % 32);
    struct buf b;

    /* Long lines: the input behind a run of its own. */
    buf_init(&b, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < run; i++)
        buf_put_byte(&b, flags & 1 ? 'x' : '9');
    buf_put(&b, in);
    check_file(buf_slice(&b), steer, flags == 1 ? IPME_COUNT_MAX - 2 : 0);
    return 0;
}
