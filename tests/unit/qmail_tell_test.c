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
        qmail_tell(&t, "{$k}", (const union tell[]){{.slice = &value}});
        if (!is(expected[i]))
            return false;
    }
    return true;
}

#define VALUE_IS(value, person, lines, program) \
    value_is(SLICE(value), person, lines, ",\"k\":\"" program "\"")

static const char every[] =
    "[kind]Of {%text}{, $slice}{ (&addr}{, #number} ms){, %}{!%secret}\n";

static void
tell_every(void)
{
    const struct slice slice = SLICE("s");
    struct addr addr;

    if (!addr_parse(SLICE("2001:db8::1"), &addr))
        printf("no address\n");
    qmail_tell(&t, every,
               (const union tell[]){{.text = "t"},
                                    {.slice = &slice},
                                    {.addr = &addr},
                                    {.number = 7},
                                    {.text = "words"},
                                    {.text = "x"}});
}

TEST(a_person_reads_words)
{
    begin(false, false);
    tell_every();
    CHECK(is("Of t, s (2001:db8::1, 7 ms), words\n"));
}

TEST(a_program_reads_json)
{
    begin(true, false);
    tell_every();
    CHECK(is("{\"event\":\"kind\",\"text\":\"t\",\"slice\":\"s\","
             "\"addr\":\"2001:db8::1\",\"number\":7,\"secret\":\"x\"}\n"));
}

TEST(what_is_not_there_is_left_out)
{
    const struct slice empty = SLICE("");
    const struct addr none = {.family = ADDR_NONE};

    for (int i = 0; i < 2; i++) {
        const union tell values[] = {{.text = NULL},
                                     {.slice = i ? &empty : NULL},
                                     {.addr = i ? &none : NULL},
                                     {.number = TELL_NO_NUMBER},
                                     {.text = NULL},
                                     {.text = NULL}};

        begin(false, false);
        qmail_tell(&t, every, values);
        CHECK(is("Of  ms)\n"));
        begin(true, false);
        qmail_tell(&t, every, values);
        CHECK(is("{\"event\":\"kind\"}\n"));
    }
}

TEST(zero_and_empty_text_are_there)
{
    begin(true, false);
    qmail_tell(&t, "{#n}{%t}",
               (const union tell[]){{.number = 0}, {.text = ""}});
    CHECK(is(",\"n\":0,\"t\":\"\""));
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

TEST(words_of_a_value_are_no_format)
{
    CHECK(VALUE_IS("{$k}[x]>%s", "{$k}[x]>%s", "{$k}[x]>%s", "{$k}[x]>%s"));
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
        qmail_tell(&t, "[e]{words $key}\n",
                   (const union tell[]){{.slice = &value}});
        CHECK(!out.full && out.data[out.used - 1] == '\n');
        CHECK(out.used > TELL_VALUE_SIZE_MAX);
        CHECK(memchr(out.data, 'x', out.used) != NULL);
    }
}

#define CASES(X)                      \
    X(a_person_reads_words)           \
    X(a_program_reads_json)           \
    X(what_is_not_there_is_left_out)  \
    X(zero_and_empty_text_are_there)  \
    X(lines_stay_one_line)            \
    X(json_is_escaped)                \
    X(bytes_are_made_safe)            \
    X(controls_beyond_ascii_are_too)  \
    X(words_of_a_value_are_no_format) \
    X(long_values_are_cut)

TEST_MAIN(CASES)
