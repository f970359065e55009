/* SPDX-License-Identifier: ISC */
#include "qmail/tlspolicy.h"

#include "test.h"

#define EIGHT "00112233"
#define PIN_A EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT
#define PIN_B "ffeeddccbbaa99887766554433221100FFEEDDCCBBAA99887766554433221100"

static struct qmail_tlspolicy_search s;

static const struct qmail_tlspolicy *
search(const char *hop, const char *file)
{
    struct slice rest = slice_text(file);

    qmail_tlspolicy_init(&s, slice_text(hop));
    for (uint32_t number = 1; rest.size > 0; number++) {
        size_t at = slice_find(rest, '\n');

        qmail_tlspolicy_offer(&s, slice_part(rest, 0, at), number);
        rest = slice_part(rest, at + 1, rest.size);
    }
    return &s.policy;
}

/* Of a value for every hop; NULL: it has a problem. */
static const struct qmail_tlspolicy *
parse(const char *value)
{
    static char line[4096];

    snprintf(line, sizeof(line), ":%s", value);
    return search("a.b", line)->level != TLS_LEVEL_DEFAULT &&
                   s.problem == PROBLEM_NONE
               ? &s.policy
               : NULL;
}

static enum qmail_problem
problem_of(const char *value)
{
    (void)parse(value);
    return s.problem;
}

TEST(without_a_line_tlsstrictness_counts)
{
    CHECK(search("a.b", "")->level == TLS_LEVEL_DEFAULT && s.key.line == 0);
    CHECK(search("a.b", "c:2\na.b\n.a.b:2")->level == TLS_LEVEL_DEFAULT);
    CHECK(s.problem == PROBLEM_NONE && s.key.line == 0);
}

TEST(levels_are_read)
{
    CHECK(parse("none")->level == TLS_LEVEL_NONE);
    CHECK(parse("0")->level == TLS_LEVEL_0);
    CHECK(parse("1")->level == TLS_LEVEL_1);
    CHECK(parse("2")->level == TLS_LEVEL_2);
    CHECK(parse(" 2 ")->level == TLS_LEVEL_2);
    CHECK(parse("dane")->level == TLS_LEVEL_DANE);
    CHECK(parse("\t1\t")->level == TLS_LEVEL_1);
}

TEST(the_best_line_counts)
{
    static const char file[] = ":0\n.b:1\na.b:2\nA.B:none\n[192.0.2.1]:2";

    CHECK(search("a.b", file)->level == TLS_LEVEL_NONE && s.key.line == 4);
    CHECK(search("x.b", file)->level == TLS_LEVEL_1 && s.key.line == 2);
    CHECK(search("c", file)->level == TLS_LEVEL_0 && s.key.line == 1);
    CHECK(search("192.0.2.1", file)->level == TLS_LEVEL_2);
    CHECK(search("2001:db8::1", "[IPv6:2001:DB8::1]:2")->level == TLS_LEVEL_2);
    /* Nothing is left of a line that another one beats. */
    CHECK(search("a.b", ":2 implicit unsafe-login name=x pin=" PIN_A "\n"
                        ".b:1")
              ->level == TLS_LEVEL_1);
    CHECK(!s.policy.implicit && !s.policy.unsafe_login);
    CHECK(s.policy.pin_count == 0 && s.policy.name_size == 0);
}

TEST(words_are_read_in_any_order)
{
    const struct qmail_tlspolicy *p = parse("0 unsafe-login  implicit");

    CHECK(p && p->implicit && p->unsafe_login);
    p = parse("2 name=mx.example.");
    CHECK(p && !p->implicit && !p->unsafe_login && p->pin_count == 0);
    CHECK(slice_equal(slice_of(p->name, p->name_size), SLICE("mx.example")));
    p = parse("1\tpin=" PIN_A "\timplicit name=x");
    CHECK(p && p->implicit && p->pin_count == 1 && p->name_size == 1);
    p = parse("none unsafe-login name=x");
    CHECK(p && p->level == TLS_LEVEL_NONE && p->unsafe_login);
}

TEST(pins_are_hexadecimal_in_either_case)
{
    const struct qmail_tlspolicy *p = parse("0 pin=" PIN_A "," PIN_B);

    CHECK(p && p->pin_count == 2);
    for (size_t i = 0; i < TLS_PIN_SIZE; i++) {
        CHECK(p->pins[0][i] == 0x11 * (i % 4));
        CHECK(p->pins[1][i] == 0x11 * (15 - i % 16));
    }
    p = parse("0 pin=" PIN_A " pin=" PIN_B);
    CHECK(p && p->pin_count == 2 && p->pins[1][0] == 0xff);
}

TEST(a_bad_pin_is_a_problem)
{
    char text[128] = "0 pin=" PIN_A;
    size_t first = strlen("0 pin="), size = strlen(text);

    CHECK(problem_of(text) == PROBLEM_NONE);
    for (size_t i = first; i < size; i++) {
        text[i] = 'g';
        CHECK(problem_of(text) == PROBLEM_PIN);
        text[i] = '0';
    }
    text[size - 1] = 0;
    CHECK(problem_of(text) == PROBLEM_PIN);
    CHECK(problem_of("0 pin=" PIN_A "0") == PROBLEM_PIN);
    CHECK(problem_of("0 pin=" PIN_A "00") == PROBLEM_PIN);
    CHECK(problem_of("0 pin=") == PROBLEM_PIN);
    CHECK(problem_of("0 pin=,") == PROBLEM_PIN);
    CHECK(problem_of("0 pin=" PIN_A ",") == PROBLEM_PIN);
    CHECK(problem_of("0 pin=," PIN_A) == PROBLEM_PIN);
    CHECK(problem_of("0 pin=" PIN_A ", " PIN_B) == PROBLEM_PIN);
    CHECK(problem_of("0 pin=" PIN_A ":" PIN_B) == PROBLEM_PIN);
    CHECK(problem_of("0 pin=sha256:" PIN_A) == PROBLEM_PIN);
}

TEST(pins_have_a_limit)
{
    char text[4096];
    int used = snprintf(text, sizeof(text), "0 pin=" PIN_A);

    for (uint32_t count = 2; count <= PIN_COUNT_MAX; count++) {
        used += snprintf(text + used, sizeof(text) - (size_t)used, "%s",
                         count % 2 ? "," PIN_A : " pin=" PIN_B);
        CHECK(parse(text) && s.policy.pin_count == count);
    }
    snprintf(text + used, sizeof(text) - (size_t)used, "," PIN_A);
    CHECK(problem_of(text) == PROBLEM_PIN_COUNT);
}

TEST(an_unknown_level_is_a_problem)
{
    static const char *const levels[] = {"",        "3",          "-1", "02",
                                         "2x",      "None",       "no", "none,",
                                         "level=2", "pin=" PIN_A, "# 2"};

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        CHECK(problem_of(levels[i]) == PROBLEM_LEVEL);
}

TEST(an_unknown_word_is_a_problem)
{
    static const char *const words[] = {
        "2",    "implicit,", "Implicit",   "pin",    "PIN=",         "unsafe",
        "name", "# comment", "implicit=1", "pin =x", "unsafe-login-"};
    char text[64];

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        snprintf(text, sizeof(text), "2 %s", words[i]);
        CHECK(problem_of(text) == PROBLEM_WORD);
        snprintf(text, sizeof(text), "2 implicit %s", words[i]);
        CHECK(problem_of(text) == PROBLEM_WORD);
    }
}

TEST(a_bad_name_is_a_problem)
{
    char text[NAME_TEXT_SIZE_MAX + 16] = "2 name=";
    size_t first = strlen(text);

    CHECK(problem_of("2 name=") == PROBLEM_NAME);
    CHECK(problem_of("2 name=.") == PROBLEM_NAME);
    CHECK(problem_of("2 name=a..b") == PROBLEM_NAME);
    CHECK(problem_of("2 name=*.b") == PROBLEM_NAME);
    CHECK(problem_of("2 name=a,b") == PROBLEM_NAME);
    CHECK(problem_of("2 name=a:25") == PROBLEM_NAME);
    CHECK(problem_of("2 name=192.0.2.1") == PROBLEM_NAME);
    CHECK(problem_of("2 name=[192.0.2.1]") == PROBLEM_NAME);
    CHECK(problem_of("2 name=a name=b") == PROBLEM_NAME);
    for (size_t i = 0; i < NAME_TEXT_SIZE_MAX; i++)
        text[first + i] = i % 2 ? '.' : 'a';
    CHECK(parse(text) && s.policy.name_size == NAME_TEXT_SIZE_MAX);
    text[first + NAME_TEXT_SIZE_MAX] = 'a';
    CHECK(problem_of(text) == PROBLEM_NAME);
}

TEST(none_goes_with_nothing_that_needs_tls)
{
    CHECK(problem_of("none implicit") == PROBLEM_NONE_WITH);
    CHECK(problem_of("none pin=" PIN_A) == PROBLEM_NONE_WITH);
    CHECK(problem_of("none unsafe-login") == PROBLEM_NONE);
    CHECK(problem_of("0 implicit pin=" PIN_A) == PROBLEM_NONE);
}

TEST(only_the_line_that_counts_is_a_problem)
{
    static const char file[] = ":3\n.b:2 word\na.b:2\nc.b:pin";

    CHECK(search("a.b", file)->level == TLS_LEVEL_2);
    CHECK(s.problem == PROBLEM_NONE);
    (void)search("x.b", file);
    CHECK(s.problem == PROBLEM_WORD && s.key.line == 2);
    (void)search("c.b", file);
    CHECK(s.problem == PROBLEM_LEVEL && s.key.line == 4);
    (void)search("d", file);
    CHECK(s.problem == PROBLEM_LEVEL && s.key.line == 1);
    CHECK(search("d", ":3\n:1")->level == TLS_LEVEL_1);
    CHECK(s.problem == PROBLEM_NONE);
}

#define CASES(X)                             \
    X(without_a_line_tlsstrictness_counts)   \
    X(levels_are_read)                       \
    X(the_best_line_counts)                  \
    X(words_are_read_in_any_order)           \
    X(pins_are_hexadecimal_in_either_case)   \
    X(a_bad_pin_is_a_problem)                \
    X(pins_have_a_limit)                     \
    X(an_unknown_level_is_a_problem)         \
    X(an_unknown_word_is_a_problem)          \
    X(a_bad_name_is_a_problem)               \
    X(none_goes_with_nothing_that_needs_tls) \
    X(only_the_line_that_counts_is_a_problem)

TEST_MAIN(CASES)
