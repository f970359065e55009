/* SPDX-License-Identifier: ISC */
#include "qmail/tell.h"

#include "test.h"

static uint8_t bytes[TELL_SIZE];
static struct buf out;
static struct qmail_tell t = {.out = &out};

static void
begin(bool json, bool lines)
{
    buf_init(&out, bytes, sizeof(bytes));
    t.json = json;
    t.lines = lines;
}

static bool
is(const char *expected)
{
    if (!out.full && slice_equal(buf_slice(&out), slice_text(expected)))
        return true;
    printf("got <%.*s>\n", (int)out.used, (const char *)out.data);
    return false;
}

/* What each reader gets of this value. */
static bool
value_is(struct slice value, const char *person, const char *lines,
         const char *program)
{
    const char *const expected[] = {person, lines, program};

    for (int i = 0; i < 3; i++) {
        begin(i == 2, i == 1);
        qmail_tell_slice(&t, "", "k", value);
        if (!is(expected[i]))
            return false;
    }
    return true;
}

#define VALUE_IS(value, person, lines, program) \
    value_is(SLICE(value), person, lines, ",\"k\":\"" program "\"")

/* A value of each kind; none: there is none of any. */
static void
tell_every(bool none)
{
    struct addr addr = {.family = ADDR_NONE};

    if (!none && !addr_parse(SLICE("2001:db8::1"), &addr))
        printf("no address\n");
    qmail_tell_begin(&t, "kind");
    qmail_tell_words(&t, "Of ");
    qmail_tell_text(&t, "", "text", none ? NULL : "t");
    qmail_tell_slice(&t, ", ", "slice", none ? SLICE("") : SLICE("s"));
    qmail_tell_addr(&t, " (", "addr", &addr);
    qmail_tell_number(&t, ", ", "number", none ? TELL_NO_NUMBER : 7);
    qmail_tell_words(&t, " ms)");
    qmail_tell_word(&t, ": ", "word",
                    none ? TELL_WORD(NULL, NULL)
                         : TELL_WORD("in words", "code"));
    qmail_tell_flag(&t, ", so", "flag", !none);
    qmail_tell_end(&t);
}

TEST(a_person_reads_words)
{
    begin(false, false);
    tell_every(false);
    CHECK(is("Of t, s (2001:db8::1, 7 ms): in words, so\n"));
}

TEST(a_program_reads_json)
{
    begin(true, false);
    tell_every(false);
    CHECK(is("{\"event\":\"kind\",\"text\":\"t\",\"slice\":\"s\","
             "\"addr\":\"2001:db8::1\",\"number\":7,\"word\":\"code\","
             "\"flag\":true}\n"));
}

TEST(what_is_not_there_is_left_out)
{
    begin(false, false);
    tell_every(true);
    qmail_tell_addr(&t, "x", "addr", NULL);
    CHECK(is("Of  ms)\n"));
    begin(true, false);
    tell_every(true);
    qmail_tell_addr(&t, "x", "addr", NULL);
    CHECK(is("{\"event\":\"kind\"}\n"));
}

/* Each kind of value once for the one, once for the other. */
TEST(some_are_for_one_reader_only)
{
    for (int program = 0; program < 2; program++) {
        begin(program, false);
        for (int to = 0; to < 2; to++) {
            const char *words = to ? NULL : "w", *key = to ? "k" : NULL;

            qmail_tell_text(&t, words, key, "t");
            qmail_tell_number(&t, words, key, 1);
            qmail_tell_word(&t, words, key, TELL_WORD("a", "b"));
            qmail_tell_flag(&t, words, key, true);
        }
        CHECK(is(program ? ",\"k\":\"t\",\"k\":1,\"k\":\"b\",\"k\":true"
                         : "wtw1waw"));
    }
}

TEST(zero_is_there)
{
    begin(true, false);
    qmail_tell_number(&t, "", "n", 0);
    qmail_tell_number(&t, "", "m", (uint64_t)1 << 40);
    CHECK(is(",\"n\":0,\"m\":1099511627776"));
}

TEST(lines_stay_one_line)
{
    CHECK(
        VALUE_IS("a\r\nb\nc\n\n", "a / b / c", "a\n  | b\n  | c", "a\\nb\\nc"));
    CHECK(VALUE_IS("\n", "", "", ""));
}

TEST(json_is_escaped)
{
    CHECK(VALUE_IS("\"a\\b\"", "\"a\\b\"", "\"a\\b\"", "\\\"a\\\\b\\\""));
    CHECK(VALUE_IS("\\\n\"", "\\ / \"", "\\\n  | \"", "\\\\\\n\\\""));
}

TEST(bytes_are_made_safe)
{
    CHECK(VALUE_IS("\x1b[1m\0\t\x7f", "?[1m? ?", "?[1m? ?", "?[1m? ?"));
    CHECK(
        VALUE_IS("\xff\xc3\xa4\xc3", "?\xc3\xa4?", "?\xc3\xa4?", "?\xc3\xa4?"));
}

TEST(controls_beyond_ascii_are_too)
{
    CHECK(VALUE_IS("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "???\xc2\xa0",
                   "???\xc2\xa0", "???\xc2\xa0"));
}

/* The longest there can be, in each way to write it. */
TEST(long_values_are_cut)
{
    static uint8_t big[2 * TELL_VALUE_SIZE_MAX];
    const struct slice value = slice_of(big, sizeof(big));

    for (int i = 0; i < 3; i++) {
        memset(big, i == 1 ? '\n' : '"', sizeof(big));
        big[TELL_VALUE_SIZE_MAX - 1] = 'x';
        begin(i == 2, i == 1);
        qmail_tell_begin(&t, "e");
        qmail_tell_slice(&t, "words ", "key", value);
        qmail_tell_end(&t);
        CHECK(!out.full && out.data[out.used - 1] == '\n');
        CHECK(out.used > TELL_VALUE_SIZE_MAX);
        CHECK(memchr(out.data, 'x', out.used) != NULL);
    }
}

#define CASES(X)                     \
    X(a_person_reads_words)          \
    X(a_program_reads_json)          \
    X(what_is_not_there_is_left_out) \
    X(some_are_for_one_reader_only)  \
    X(zero_is_there)                 \
    X(lines_stay_one_line)           \
    X(json_is_escaped)               \
    X(bytes_are_made_safe)           \
    X(controls_beyond_ascii_are_too) \
    X(long_values_are_cut)

TEST_MAIN(CASES)
