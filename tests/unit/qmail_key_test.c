/* SPDX-License-Identifier: ISC */
#include "qmail/key.h"

#include "base/ascii.h"
#include "test.h"

enum { LINE_COUNT_MAX = 8, WORD_SIZE_MAX = 8 };

static uint32_t seed;

static uint32_t
random_below(uint32_t count)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % count;
}

/* The number of the line of `file` that is for `text`. */
static uint32_t
best(enum qmail_key_kind kind, const char *text, const char *file)
{
    struct slice rest = slice_text(file), value;
    struct qmail_key k;

    qmail_key_init(&k, kind, slice_text(text));
    for (uint32_t number = 1; rest.size > 0; number++) {
        size_t at = slice_find(rest, '\n');
        uint32_t before = k.line;
        bool better =
            qmail_key_offer(&k, slice_part(rest, 0, at), number, &value);

        if (better != (k.line == number) || (!better && k.line != before))
            return UINT32_MAX;
        rest = slice_part(rest, at + 1, rest.size);
    }
    return k.line;
}

TEST(a_host_is_found_whole_or_from_a_dot_on)
{
    CHECK(best(KEY_HOST, "a.b.c", "a.b.c:\n.b.c:\n.c:\n:") == 1);
    CHECK(best(KEY_HOST, "a.b.c", ":\n.c:\n.b.c:\nb.c:\nc:") == 3);
    CHECK(best(KEY_HOST, "b.c", ":\n.c:\n.b.c:") == 2);
    CHECK(best(KEY_HOST, "a.b@c", "@c:") == 0);
    CHECK(best(KEY_HOST, "A.b.", "a.B:") == 1);
    CHECK(best(KEY_HOST, "a.b", "a.B.:") == 1);
    CHECK(best(KEY_HOST, "", ":") == 1);
    CHECK(best(KEY_HOST, ".", ".:\n:") == 1);
}

/* A host has its A-labels. */
TEST(a_key_may_be_in_utf8)
{
    CHECK(best(KEY_HOST, "xn--bcher-kva.example",
               "b\xc3\xbc"
               "cher.example:\n:") == 1);
    CHECK(best(KEY_HOST, "XN--BCHER-KVA.example.",
               "B\xc3\xbc"
               "CHER.Example.:\n:") == 1);
    CHECK(best(KEY_HOST, "a.xn--tda.b", ".b:\n.\xc3\xbc.b:\n:") == 2);
    CHECK(best(KEY_HOST, "a.xn--tda.b", ".\xc3\xbc.b:\n.xn--tda.b:\n:") == 2);
    CHECK(best(KEY_HOST, "a.xn--tda.b", ".\xc3.b:\n.\xc3\xbc:\n:") == 3);
    /* What has no such form is compared as it is. */
    CHECK(best(KEY_HOST, "\xff.b", "\xff.b:\n:") == 1);
    CHECK(best(KEY_SENDER, "\xc3\xbc@xn--tda",
               "@\xc3\xbc:\n\xc3\xbc@xn--tda:") == 2);
}

TEST(an_address_is_compared_by_value)
{
    CHECK(best(KEY_HOST, "[192.0.2.1]", "192.0.2.1:") == 1);
    CHECK(best(KEY_HOST, "192.0.2.1", "[192.0.2.1]:\n:") == 1);
    CHECK(best(KEY_HOST, "2001:db8::1", "[IPv6:2001:DB8:0::1]:\n:") == 1);
    CHECK(best(KEY_HOST, "[::ffff:192.0.2.1]", "192.0.2.1:") == 1);
    CHECK(best(KEY_HOST, "192.0.2.1", "[192.0.2.2]:\n:") == 2);
}

TEST(a_sender_is_found_whole_or_from_an_at_or_a_dot_on)
{
    static const char file[] = "joe.doe@a.b:\n"
                               ".doe@a.b:\n"
                               "@a.b:\n"
                               ".b:\n"
                               ":";

    CHECK(best(KEY_SENDER, "joe.doe@a.b", file) == 1);
    CHECK(best(KEY_SENDER, "JOE.DOE@A.B", file) == 1);
    CHECK(best(KEY_SENDER, "jim.doe@a.b", file) == 2);
    CHECK(best(KEY_SENDER, "doe@a.b", file) == 3);
    CHECK(best(KEY_SENDER, "joe@c.b", file) == 4);
    CHECK(best(KEY_SENDER, "joe@a.b.c", file) == 5);
    CHECK(best(KEY_SENDER, "", file) == 5);
    CHECK(best(KEY_SENDER, "joe@a.b", "a.b:\ndoe@a.b:\noe@a.b:\nb:") == 0);
    CHECK(best(KEY_SENDER, "", "@:\n.:\n!@:\n@a:") == 0);
    /* A dot at the end belongs to it. */
    CHECK(best(KEY_SENDER, "joe@a.b", "joe@a.b.:") == 0);
    CHECK(best(KEY_SENDER, "joe@[192.0.2.1]", "@[192.0.2.1]:") == 1);
    CHECK(best(KEY_SENDER, "joe@[IPv6:2001:db8::1]", "@[IPv6:2001:db8::1]:") ==
          1);
}

TEST(of_equal_keys_the_last_counts)
{
    CHECK(best(KEY_HOST, "a.b", "a.b:\nA.B.:\n.b:") == 2);
    CHECK(best(KEY_HOST, "a.b", ":\n:") == 2);
    CHECK(best(KEY_SENDER, "x@a.b", "@a.b:\n.b:\n@A.B:\n:") == 3);
}

TEST(a_line_without_a_colon_outside_brackets_is_none)
{
    CHECK(best(KEY_HOST, "a.b", "a.b\n.b") == 0);
    CHECK(best(KEY_HOST, "[a:b]", "[a:b]") == 0);
    CHECK(best(KEY_HOST, "[a:b]", "[a:b]:") == 1);
    CHECK(best(KEY_SENDER, "a@b", "a@b|user|password") == 0);
}

TEST(one_key_may_be_better_than_all)
{
    struct slice value = slice_of(NULL, 0);
    struct qmail_key k;

    qmail_key_init(&k, KEY_HOST, SLICE("a.b"));
    k.first = SLICE("!@");
    CHECK(qmail_key_offer(&k, SLICE("a.b:one"), 1, &value));
    CHECK(qmail_key_offer(&k, SLICE("!@:two"), 2, &value));
    CHECK(!qmail_key_offer(&k, SLICE("a.b:three"), 3, &value));
    CHECK(k.line == 2 && slice_equal(value, SLICE("two")));
    CHECK(qmail_key_offer(&k, SLICE("!@:"), 4, &value));
    CHECK(k.line == 4 && value.size == 0);
}

TEST(the_value_is_all_behind_the_first_colon)
{
    struct slice value = slice_of(NULL, 0);
    struct qmail_key k;

    qmail_key_init(&k, KEY_HOST, SLICE("a"));
    CHECK(qmail_key_offer(&k, SLICE("a:b:c|d:e "), 1, &value));
    CHECK(slice_equal(value, SLICE("b:c|d:e ")));
    CHECK(!qmail_key_offer(&k, SLICE("b:x"), 2, &value));
    CHECK(slice_equal(value, SLICE("b:c|d:e ")));
}

TEST(bytes_in_brackets_are_not_found)
{
    CHECK(qmail_key_find(SLICE("[a:b]:c"), SLICE(":")) == 5);
    CHECK(qmail_key_find(SLICE("[a:b:c"), SLICE(":")) == 2);
    CHECK(qmail_key_find(SLICE("[a|b] c|d"), SLICE("| ")) == 5);
    CHECK(qmail_key_find(SLICE("abc"), SLICE(":")) == 3);
    CHECK(qmail_key_find(SLICE(""), SLICE(":")) == 0);
    CHECK(qmail_key_find(SLICE("]:["), SLICE(":")) == 1);
}

/* ---- against the plain way ---- */

static bool
same(const char *a, const char *b)
{
    for (; *a && ascii_lower((uint8_t)*a) == ascii_lower((uint8_t)*b); a++)
        b++;
    return *a == *b;
}

/* Every end of the text in turn, the longest first. */
static uint32_t
plain(const char *text, uint32_t count,
      char keys[static LINE_COUNT_MAX][WORD_SIZE_MAX])
{
    size_t size = strlen(text);

    for (size_t i = 0; i <= size; i++) {
        if (i > 0 && i < size && text[i] != '.' && text[i] != '@')
            continue;
        for (uint32_t n = count; n > 0; n--)
            if (same(keys[n - 1], text + i))
                return n;
    }
    return 0;
}

static void
random_word(char word[static WORD_SIZE_MAX])
{
    size_t size = random_below(WORD_SIZE_MAX);

    memset(word, 0, WORD_SIZE_MAX);
    for (size_t i = 0; i < size; i++)
        word[i] = "aAb.@"[random_below(5)];
}

TEST(random_senders_give_the_line_that_a_plain_search_gives)
{
    uint32_t found = 0;

    for (uint32_t round = 0; round < 50000; round++) {
        char keys[LINE_COUNT_MAX][WORD_SIZE_MAX], sender[WORD_SIZE_MAX];
        uint32_t count = random_below(LINE_COUNT_MAX + 1), want = 0;
        struct slice value;
        struct qmail_key k;

        random_word(sender);
        qmail_key_init(&k, KEY_SENDER, slice_text(sender));
        for (uint32_t i = 0; i < count; i++) {
            char line[WORD_SIZE_MAX + 1];

            random_word(keys[i]);
            snprintf(line, sizeof(line), "%s:", keys[i]);
            (void)qmail_key_offer(&k, slice_text(line), i + 1, &value);
        }
        want = plain(sender, count, keys);
        found += want > 0;
        CHECK(k.line == want);
    }
    CHECK(found > 10000 && found < 49000);
}

#define CASES(X)                                         \
    X(a_host_is_found_whole_or_from_a_dot_on)            \
    X(a_key_may_be_in_utf8)                              \
    X(an_address_is_compared_by_value)                   \
    X(a_sender_is_found_whole_or_from_an_at_or_a_dot_on) \
    X(of_equal_keys_the_last_counts)                     \
    X(a_line_without_a_colon_outside_brackets_is_none)   \
    X(one_key_may_be_better_than_all)                    \
    X(the_value_is_all_behind_the_first_colon)           \
    X(bytes_in_brackets_are_not_found)                   \
    X(random_senders_give_the_line_that_a_plain_search_gives)

TEST_MAIN(CASES)
