/* SPDX-License-Identifier: ISC */
#include "qmail/mtasts.h"

#include "test.h"

#define HEAD "version: STSv1\nmode: enforce\nmax_age: 86400\n"
#define GOOD HEAD "mx: mx.example\n"

static struct qmail_mtasts policy;
static char text[80000];

/* The lines of `file`, at LF. */
static enum qmail_problem
read(const char *file)
{
    struct slice rest = slice_text(file);

    qmail_mtasts_init(&policy, (int64_t)rest.size);
    while (rest.size > 0) {
        size_t end = slice_find(rest, '\n');

        qmail_mtasts_line(&policy, slice_part(rest, 0, end));
        rest = slice_part(rest, end + 1, rest.size);
    }
    qmail_mtasts_end(&policy);
    return policy.problem;
}

static bool
matches(const char *host)
{
    return qmail_mtasts_matches(&policy, slice_text(host));
}

/* RFC 8461 section 3.2, its example. */
TEST(reads_a_policy)
{
    CHECK(read("version: STSv1\nmode: enforce\nmx: mail.example.com\n"
               "mx: *.example.net\nmx: backupmx.example.com\n"
               "max_age: 604800\n") == PROBLEM_NONE);
    CHECK(policy.mode == MTASTS_ENFORCE && policy.max_age_s == 604800);
    CHECK(policy.mx_count == 3);
    CHECK(matches("mail.example.com") && matches("backupmx.example.com"));
    CHECK(matches("a.example.net"));
    CHECK(!matches("example.net") && !matches("a.b.example.net"));
    CHECK(!matches("other.example.com"));
}

TEST(lines_end_in_any_way)
{
    CHECK(
        read("version: STSv1\r\nmode: enforce\r\nmax_age: 1\r\nmx: a.b\r\n") ==
        PROBLEM_NONE);
    CHECK(read("version:STSv1\nmode:   enforce \nmax_age:\t1\t\nmx:a.b") ==
          PROBLEM_NONE);
    CHECK(read(GOOD "\r\n\n") == PROBLEM_NONE);
    CHECK(read("\n" GOOD) == PROBLEM_NONE);
}

TEST(modes)
{
    CHECK(read("version: STSv1\nmode: testing\nmax_age: 1\nmx: a\n") ==
          PROBLEM_NONE);
    CHECK(policy.mode == MTASTS_TESTING);
    CHECK(read("version: STSv1\nmode: none\nmax_age: 1\n") == PROBLEM_NONE);
    CHECK(policy.mode == MTASTS_NONE);
    CHECK(read("version: STSv1\nmode: Enforce\nmax_age: 1\nmx: a\n") ==
          PROBLEM_STS_MODE);
    CHECK(read("version: STSv1\nmode:\nmax_age: 1\nmx: a\n") ==
          PROBLEM_STS_MODE);
    CHECK(read("version: STSv1\nmax_age: 1\nmx: a\n") == PROBLEM_STS_MODE);
    CHECK(policy.mode == MTASTS_UNKNOWN);
}

TEST(versions)
{
    CHECK(read("mode: enforce\nmax_age: 1\nmx: a\n") == PROBLEM_STS_VERSION);
    CHECK(read("version: STSv2\n" GOOD) == PROBLEM_STS_VERSION);
    CHECK(read("version: stsv1\n" GOOD) == PROBLEM_STS_VERSION);
    CHECK(read("Version: STSv1\nmode: enforce\nmax_age: 1\nmx: a\n") ==
          PROBLEM_STS_VERSION);
    CHECK(policy.mode == MTASTS_ENFORCE);
    CHECK(read("") == PROBLEM_STS_VERSION);
}

TEST(ages)
{
    static const char *const bad[] = {"31557601", "",   "-1",
                                      "1 2",      "1d", "99999999999999999999"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text),
                 "version: STSv1\nmode: enforce\nmax_age: %s\nmx: a\n", bad[i]);
        CHECK(read(text) == PROBLEM_STS_AGE && !policy.aged);
    }
    CHECK(read("version: STSv1\nmode: enforce\nmx: a\n") == PROBLEM_STS_AGE);
    CHECK(read("version: STSv1\nmode: enforce\nmax_age: 31557600\nmx: a\n") ==
          PROBLEM_NONE);
    CHECK(policy.max_age_s == 31557600);
    CHECK(read("version: STSv1\nmode: enforce\nmax_age: 0\nmx: a\n") ==
          PROBLEM_NONE);
}

/* RFC 8461 section 3.2: all entries except for the first are ignored. */
TEST(the_first_of_a_field_counts)
{
    CHECK(read(GOOD "mode: none\nversion: STSv9\nmax_age: x\n") ==
          PROBLEM_NONE);
    CHECK(policy.mode == MTASTS_ENFORCE && policy.max_age_s == 86400);
    CHECK(read("mode: odd\n" GOOD) == PROBLEM_STS_MODE);
    CHECK(policy.mode == MTASTS_UNKNOWN);
}

TEST(unknown_fields_are_skipped)
{
    CHECK(read(GOOD "x-more: a:b\nMX: not a name\n mode: none\n:\n") ==
          PROBLEM_NONE);
    CHECK(policy.mode == MTASTS_ENFORCE && policy.mx_count == 1);
    CHECK(read(GOOD "no field\n") == PROBLEM_STS_LINE);
    CHECK(read("<html>\n" GOOD) == PROBLEM_STS_LINE);
    CHECK(policy.mode == MTASTS_ENFORCE);
}

TEST(names_of_exchangers)
{
    static const char *const bad[] = {
        "",   "*",   "*.",  "*.*.a",     "a.*.b",       "a..b",       "*a.b",
        ".a", "a b", "a,b", "192.0.2.1", "[192.0.2.1]", "b\xc3\xbc.c"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), GOOD "mx: %s\n", bad[i]);
        CHECK(read(text) == PROBLEM_STS_MX);
    }
    CHECK(read(HEAD) == PROBLEM_STS_MX);
    CHECK(read(HEAD "mx: MX.Example.\n") == PROBLEM_NONE);
    CHECK(matches("mx.example") && matches("mX.eXample."));
    CHECK(!matches("mx.exampl") && !matches("xmx.example") && !matches(""));
    CHECK(!matches("a.mx.example"));
}

/* Exactly one label. */
TEST(a_star_is_one_label)
{
    CHECK(read(HEAD "mx: *.b.c\n") == PROBLEM_NONE);
    CHECK(matches("a.b.c") && matches("A.B.C.") && matches("*.b.c"));
    CHECK(!matches("b.c") && !matches(".b.c") && !matches("a.a.b.c"));
    CHECK(!matches("ab.c") && !matches("") && !matches(".") && !matches("b"));
    CHECK(read(HEAD "mx: *.c\n") == PROBLEM_NONE);
    CHECK(matches("b.c") && !matches("c") && !matches("a.b.c"));
}

TEST(limits)
{
    size_t size = (size_t)snprintf(text, sizeof(text), HEAD);

    for (uint32_t i = 0; i < MTASTS_MX_COUNT_MAX; i++)
        size += (size_t)snprintf(text + size, 99, "mx: m%u.x\n", (unsigned)i);
    CHECK(read(text) == PROBLEM_NONE && matches("m31.x") && matches("m0.x"));
    snprintf(text + size, 99, "mx: one.more\n");
    CHECK(read(text) == PROBLEM_STS_MX_COUNT && !matches("one.more"));
    size = (size_t)snprintf(text, sizeof(text), GOOD "x:");
    memset(text + size, 'y', sizeof(text) - size);
    text[MTASTS_SIZE_MAX - 1] = '\n';
    text[MTASTS_SIZE_MAX] = 0;
    CHECK(read(text) == PROBLEM_NONE);
    memcpy(text + MTASTS_SIZE_MAX - 1, "y\n", 3);
    CHECK(read(text) == PROBLEM_STS_SIZE && policy.mode == MTASTS_ENFORCE);
}

TEST(a_long_name_is_kept_whole)
{
    char host[NAME_TEXT_SIZE_MAX + 2];

    for (size_t i = 0; i < sizeof(host) - 1; i++)
        host[i] = i % 50 == 49 ? '.' : 'x';
    host[NAME_TEXT_SIZE_MAX] = 0;
    snprintf(text, sizeof(text), HEAD "mx: %s\n", host);
    CHECK(read(text) == PROBLEM_NONE && matches(host));
    memcpy(host + NAME_TEXT_SIZE_MAX, "y", 2);
    snprintf(text, sizeof(text), HEAD "mx: %s\n", host);
    CHECK(read(text) == PROBLEM_STS_MX && !matches(host));
}

TEST(holds_as_long_as_it_says)
{
    const int64_t then = INT64_C(1) << 40;

    CHECK(read(GOOD) == PROBLEM_NONE);
    CHECK(qmail_mtasts_holds(&policy, then, then));
    CHECK(qmail_mtasts_holds(&policy, then, then + 86399));
    CHECK(!qmail_mtasts_holds(&policy, then, then + 86400));
    CHECK(qmail_mtasts_holds(&policy, then, then - 1000000));
    (void)read("version: STSv1\nmode: testing\nmax_age: 1000\nmx: a\n");
    CHECK(!qmail_mtasts_holds(&policy, then, then));
    (void)read("version: STSv1\nmode: none\nmax_age: 1000\n");
    CHECK(!qmail_mtasts_holds(&policy, then, then));
    /* With a problem: what it says of itself counts. */
    CHECK(read("mode: enforce\nmax_age: 10\n") != PROBLEM_NONE);
    CHECK(qmail_mtasts_holds(&policy, then, then + 9));
    CHECK(!qmail_mtasts_holds(&policy, then, then + 10));
    CHECK(read("mode: enforce\nmax_age: x\n") != PROBLEM_NONE);
    CHECK(qmail_mtasts_holds(&policy, then, then + 1000000));
    CHECK(read("nonsense\n") != PROBLEM_NONE);
    CHECK(!qmail_mtasts_holds(&policy, then, then));
}

#define CASES(X)                   \
    X(reads_a_policy)              \
    X(lines_end_in_any_way)        \
    X(modes)                       \
    X(versions)                    \
    X(ages)                        \
    X(the_first_of_a_field_counts) \
    X(unknown_fields_are_skipped)  \
    X(names_of_exchangers)         \
    X(a_star_is_one_label)         \
    X(limits)                      \
    X(a_long_name_is_kept_whole)   \
    X(holds_as_long_as_it_says)

TEST_MAIN(CASES)
