/* SPDX-License-Identifier: ISC */
#include "qmail/control.h"

#include "base/ascii.h"
#include "test.h"

enum { LINE_COUNT_MAX = 16, TEXT_SIZE_MAX = 4096 };

struct lines {
    size_t count;
    size_t ends[LINE_COUNT_MAX]; /* where line i ends in text */
    size_t used;
    uint8_t text[TEXT_SIZE_MAX];
};

static void
lines_add(struct lines *all, struct slice line)
{
    memcpy(all->text + all->used, line.data, line.size);
    all->used += line.size;
    all->ends[all->count++] = all->used;
}

static bool
lines_same(const struct lines *a, const struct lines *b)
{
    return a->count == b->count && a->used == b->used &&
           memcmp(a->text, b->text, a->used) == 0 &&
           memcmp(a->ends, b->ends, a->count * sizeof(a->ends[0])) == 0;
}

/* What the file says, in the plainest way. */
static struct lines
expected(struct slice file)
{
    struct lines all = {0};
    size_t from = 0;

    for (size_t i = 0; i <= file.size; i++) {
        size_t to = i;

        if (i < file.size && file.data[i] != '\n')
            continue;
        if (i == file.size && from == i)
            break;
        while (to > from && strchr(" \t\r", file.data[to - 1]) != NULL)
            to--;
        lines_add(&all, slice_part(file, from, to));
        from = i + 1;
    }
    return all;
}

static void
take(struct qmail_lines *l, struct slice chunk, bool end, struct lines *all)
{
    struct slice line;

    while (qmail_lines_next(l, &chunk, end, &line)) {
        lines_add(all, line);
        if (l->number != all->count || chunk.size > TEXT_SIZE_MAX)
            all->count = LINE_COUNT_MAX; /* never the same */
    }
    if (chunk.size > 0)
        all->count = LINE_COUNT_MAX;
}

/* The file in two chunks, the last one said to be the last or followed by an
 * empty one. */
static bool
same_when_cut(struct slice file, size_t at, bool empty_end)
{
    struct lines want = expected(file), got = {0};
    struct qmail_lines l;

    qmail_lines_init(&l);
    take(&l, slice_part(file, 0, at), false, &got);
    take(&l, slice_part(file, at, file.size), !empty_end, &got);
    if (empty_end)
        take(&l, slice_of(NULL, 0), true, &got);
    return lines_same(&got, &want);
}

static bool
same_at_every_cut(struct slice file)
{
    for (size_t at = 0; at <= file.size; at++)
        if (!same_when_cut(file, at, false) || !same_when_cut(file, at, true))
            return false;
    return true;
}

TEST(every_short_file_gives_its_lines_at_every_cut)
{
    static const char alphabet[] = "\n\r #a";
    const size_t letters = sizeof(alphabet) - 1;
    size_t count = 1;

    for (size_t size = 0; size <= 6; size++) {
        for (size_t n = 0; n < count; n++) {
            uint8_t file[6];
            size_t rest = n;

            for (size_t i = 0; i < size; i++, rest /= letters)
                file[i] = (uint8_t)alphabet[rest % letters];
            CHECK(same_at_every_cut(slice_of(file, size)));
        }
        count *= letters;
    }
}

TEST(byte_by_byte_gives_the_same_lines)
{
    struct slice file = SLICE("one \t\r\n\n# two\r\nthr\ree\n\n four");
    struct lines want = expected(file), got = {0};
    struct qmail_lines l;

    qmail_lines_init(&l);
    for (size_t i = 0; i < file.size; i++)
        take(&l, slice_part(file, i, i + 1), i + 1 == file.size, &got);
    CHECK(lines_same(&got, &want));
    CHECK(want.count == 6);
}

TEST(an_empty_file_has_no_line)
{
    struct qmail_lines l;
    struct slice chunk = slice_of(NULL, 0), line;

    qmail_lines_init(&l);
    CHECK(!qmail_lines_next(&l, &chunk, false, &line));
    CHECK(!qmail_lines_next(&l, &chunk, true, &line));
    CHECK(l.number == 0);
}

/* A line of `size` letters, then `tail`, fed in chunks of `step` bytes. */
static bool
reads_long(size_t size, const char *tail, size_t step, size_t *line_size)
{
    static uint8_t file[2 * CONTROL_KEPT_SIZE_MAX];
    struct qmail_lines l;
    struct slice line = slice_of(NULL, 0);
    size_t file_size = size + strlen(tail);
    bool got = false;

    memset(file, 'x', size);
    memcpy(file + size, tail, strlen(tail));
    qmail_lines_init(&l);
    for (size_t at = 0; at < file_size && !got; at += step) {
        struct slice all = slice_of(file, file_size);
        struct slice chunk = slice_part(all, at, at + step);

        got = qmail_lines_next(&l, &chunk, at + step >= file_size, &line);
    }
    *line_size = line.size;
    return got && !l.too_long && qmail_lines_check(&l, line) == PROBLEM_NONE;
}

TEST(a_line_of_the_size_of_the_limit_fits_and_one_more_byte_does_not)
{
    const size_t max = CONTROL_LINE_SIZE_MAX;
    size_t size = 0;

    for (size_t step = 1; step <= max + 8; step++) {
        CHECK(reads_long(max, "\n", step, &size) && size == max);
        CHECK(reads_long(max, "", step, &size) && size == max);
        CHECK(!reads_long(max + 1, "\n", step, &size) && size == max + 1);
        CHECK(!reads_long(max + 1, "", step, &size) && size == max + 1);
    }
}

TEST(white_space_at_the_end_of_a_full_line_does_not_count)
{
    const size_t max = CONTROL_LINE_SIZE_MAX;
    size_t size = 0;

    for (size_t step = 1; step <= max + 8; step++) {
        CHECK(reads_long(max, " \t \r\n", step, &size) && size == max);
        CHECK(reads_long(max - 1, "  \r", step, &size) && size == max - 1);
        CHECK(!reads_long(max, "  x\n", step, &size) && size == max + 3);
        CHECK(!reads_long(max - 1, "  x\n", step, &size));
    }
}

TEST(of_a_long_line_as_much_is_kept_as_fits)
{
    const size_t kept = CONTROL_KEPT_SIZE_MAX;
    size_t size = 0;

    for (size_t step = kept - 2; step <= kept + 8; step++) {
        CHECK(!reads_long(kept, "\n", step, &size) && size == kept);
        CHECK(!reads_long(kept + 1, " \n", step, &size) && size == kept);
        CHECK(!reads_long(kept + 1, "", step, &size) && size == kept);
        CHECK(!reads_long(kept + 5, "  x", step, &size) && size == kept);
    }
}

TEST(a_long_line_does_not_hurt_the_next)
{
    static uint8_t file[2 * CONTROL_KEPT_SIZE_MAX];
    struct slice chunk = slice_of(file, sizeof(file)), line;
    struct qmail_lines l;

    memset(file, 'x', sizeof(file));
    file[sizeof(file) - 3] = '\n';
    qmail_lines_init(&l);
    CHECK(qmail_lines_next(&l, &chunk, true, &line));
    CHECK(qmail_lines_check(&l, line) == PROBLEM_LINE_LONG && l.number == 1);
    CHECK(qmail_lines_next(&l, &chunk, true, &line));
    CHECK(slice_equal(line, SLICE("xx")) && l.number == 2);
    CHECK(qmail_lines_check(&l, line) == PROBLEM_NONE);
    CHECK(!qmail_lines_next(&l, &chunk, true, &line));
}

TEST(a_hundred_thousand_lines_are_counted)
{
    struct qmail_lines l;
    struct slice line;
    uint32_t count = 0;

    qmail_lines_init(&l);
    for (uint32_t i = 0; i < 25000; i++) {
        struct slice chunk = SLICE("a:b\nc:d\n\n#\n");

        while (qmail_lines_next(&l, &chunk, false, &line))
            count++;
    }
    CHECK(count == 100000 && l.number == 100000);
}

TEST(a_control_byte_in_a_line_is_named)
{
    struct qmail_lines l;

    qmail_lines_init(&l);
    CHECK(qmail_lines_check(&l, SLICE("a\0b")) == PROBLEM_NUL);
    CHECK(qmail_lines_check(&l, SLICE("\0")) == PROBLEM_NUL);
    CHECK(qmail_lines_check(&l, SLICE("a\rb")) == PROBLEM_CONTROL);
    CHECK(qmail_lines_check(&l, SLICE("a\x7f")) == PROBLEM_CONTROL);
    CHECK(qmail_lines_check(&l, SLICE("a\tb c\xff")) == PROBLEM_NONE);
    CHECK(qmail_lines_check(&l, SLICE("")) == PROBLEM_NONE);
}

TEST(empty_lines_and_comments_of_a_list_are_skipped)
{
    CHECK(qmail_control_skip(SLICE("")));
    CHECK(qmail_control_skip(SLICE("#")));
    CHECK(qmail_control_skip(SLICE("# a:b")));
    CHECK(!qmail_control_skip(SLICE(" # a:b")));
    CHECK(!qmail_control_skip(SLICE("a#")));
    CHECK(!qmail_control_skip(SLICE(":")));
}

static bool
seconds_are(struct slice line, uint32_t seconds)
{
    uint32_t got = 0;

    return qmail_control_seconds(line, 60, &got) == PROBLEM_NONE &&
           got == seconds;
}

TEST(seconds_are_the_digits_at_the_start_or_the_default)
{
    CHECK(seconds_are(SLICE("1200"), 1200));
    CHECK(seconds_are(SLICE("0"), 0));
    CHECK(seconds_are(SLICE("007"), 7));
    CHECK(seconds_are(SLICE("30 seconds"), 30));
    CHECK(seconds_are(SLICE("30.5"), 30));
    CHECK(seconds_are(SLICE("0x10"), 0));
    CHECK(seconds_are(SLICE(""), 60));
    CHECK(seconds_are(SLICE("-5"), 60));
    CHECK(seconds_are(SLICE("+5"), 60));
    CHECK(seconds_are(SLICE(" 5"), 60));
    CHECK(seconds_are(SLICE("five"), 60));
    CHECK(seconds_are(SLICE("# 5"), 60));
}

TEST(seconds_over_the_limit_are_named)
{
    uint32_t out = 1;

    CHECK(seconds_are(SLICE("2147483"), 2147483));
    CHECK(CONTROL_SECONDS_MAX == 2147483);
    CHECK(qmail_control_seconds(SLICE("2147484"), 60, &out) ==
          PROBLEM_NUMBER_LARGE);
    CHECK(qmail_control_seconds(SLICE("4294967301"), 60, &out) ==
          PROBLEM_NUMBER_LARGE);
    CHECK(qmail_control_seconds(SLICE("18446744073709551621x"), 60, &out) ==
          PROBLEM_NUMBER_LARGE);
    CHECK(out == 1);
}

TEST(strictness_is_one_digit_of_three_and_nothing_else)
{
    uint8_t text[2];
    uint32_t out = 9;

    CHECK(qmail_control_strictness(SLICE(""), &out) == PROBLEM_STRICTNESS);
    for (uint32_t first = 0; first < 256; first++) {
        bool digit = first >= '0' && first <= '2';

        text[0] = (uint8_t)first;
        out = 9;
        CHECK((qmail_control_strictness(slice_of(text, 1), &out) ==
               PROBLEM_NONE) == digit);
        CHECK(out == (digit ? first - '0' : 9));
        for (uint32_t second = 0; second < 256; second++) {
            text[1] = (uint8_t)second;
            CHECK(qmail_control_strictness(slice_of(text, 2), &out) ==
                  PROBLEM_STRICTNESS);
        }
    }
}

TEST(a_host_name_is_visible_ascii_of_legal_length)
{
    uint8_t name[NAME_TEXT_SIZE_MAX + 1];

    memset(name, 'a', sizeof(name));
    CHECK(qmail_control_host(slice_of(name, NAME_TEXT_SIZE_MAX)) ==
          PROBLEM_NONE);
    CHECK(qmail_control_host(slice_of(name, sizeof(name))) ==
          PROBLEM_NAME_LONG);
    CHECK(qmail_control_host(SLICE("mail.example.net")) == PROBLEM_NONE);
    CHECK(qmail_control_host(SLICE("[192.0.2.1]")) == PROBLEM_NONE);
    CHECK(qmail_control_host(SLICE("")) == PROBLEM_EMPTY);
    CHECK(qmail_control_host(SLICE("mail example")) == PROBLEM_SPACE);
    CHECK(qmail_control_host(SLICE("mail\texample")) == PROBLEM_SPACE);
    CHECK(qmail_control_host(SLICE("mail\r\nRSET")) == PROBLEM_SPACE);
    CHECK(qmail_control_host(SLICE("mail\0x")) == PROBLEM_NUL);
    CHECK(qmail_control_host(SLICE("mail\x1b[m")) == PROBLEM_CONTROL);
    CHECK(qmail_control_host(SLICE("m\x7f")) == PROBLEM_CONTROL);
    CHECK(qmail_control_host(SLICE("m\xc3\xa4il")) == PROBLEM_NOT_ASCII);
    CHECK(qmail_control_host(SLICE("m\x80")) == PROBLEM_NOT_ASCII);
}

TEST(every_problem_has_a_text_of_one_visible_line)
{
    for (enum qmail_problem p = PROBLEM_NONE; p < PROBLEM_COUNT; p++) {
        const char *text = qmail_problem_text(p);

        CHECK((*text == 0) == (p == PROBLEM_NONE));
        for (; *text != 0; text++)
            CHECK(!ascii_control((uint8_t)*text) && (uint8_t)*text < 0x80);
    }
    CHECK(strcmp(qmail_problem_text(PROBLEM_STRICTNESS), "must be 0, 1 or 2") ==
          0);
}

#define CASES(X)                                                       \
    X(every_short_file_gives_its_lines_at_every_cut)                   \
    X(byte_by_byte_gives_the_same_lines)                               \
    X(an_empty_file_has_no_line)                                       \
    X(a_line_of_the_size_of_the_limit_fits_and_one_more_byte_does_not) \
    X(white_space_at_the_end_of_a_full_line_does_not_count)            \
    X(of_a_long_line_as_much_is_kept_as_fits)                          \
    X(a_long_line_does_not_hurt_the_next)                              \
    X(a_hundred_thousand_lines_are_counted)                            \
    X(a_control_byte_in_a_line_is_named)                               \
    X(empty_lines_and_comments_of_a_list_are_skipped)                  \
    X(seconds_are_the_digits_at_the_start_or_the_default)              \
    X(seconds_over_the_limit_are_named)                                \
    X(strictness_is_one_digit_of_three_and_nothing_else)               \
    X(a_host_name_is_visible_ascii_of_legal_length)                    \
    X(every_problem_has_a_text_of_one_visible_line)

TEST_MAIN(CASES)
