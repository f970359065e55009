/* SPDX-License-Identifier: ISC */
#include "qmail/ipme.h"

#include "test.h"

static bool
listed(const struct qmail_ipme *m, const char *text)
{
    struct addr a;

    return addr_parse(slice_text(text), &a) && qmail_ipme_contains(m, &a);
}

TEST(a_listed_address_is_found_in_any_spelling)
{
    struct qmail_ipme m;

    qmail_ipme_init(&m);
    CHECK(!listed(&m, "0.0.0.0") && !listed(&m, "::"));
    CHECK(qmail_ipme_add(&m, SLICE("192.0.2.1")) == PROBLEM_NONE);
    CHECK(qmail_ipme_add(&m, SLICE("2001:DB8:0:0::1")) == PROBLEM_NONE);
    CHECK(qmail_ipme_add(&m, SLICE("::ffff:192.0.2.2")) == PROBLEM_NONE);
    CHECK(m.count == 3);
    CHECK(listed(&m, "192.0.2.1") && listed(&m, "::ffff:192.0.2.1"));
    CHECK(listed(&m, "2001:db8::1"));
    CHECK(listed(&m, "192.0.2.2") && listed(&m, "::ffff:c000:202"));
    CHECK(!listed(&m, "192.0.2.3") && !listed(&m, "2001:db8::2"));
    CHECK(!listed(&m, "c000:201::"));
}

TEST(brackets_are_allowed)
{
    struct qmail_ipme m;

    qmail_ipme_init(&m);
    CHECK(qmail_ipme_add(&m, SLICE("[192.0.2.1]")) == PROBLEM_NONE);
    CHECK(qmail_ipme_add(&m, SLICE("[2001:db8::1]")) == PROBLEM_NONE);
    CHECK(qmail_ipme_add(&m, SLICE("[IPv6:2001:db8::2]")) == PROBLEM_NONE);
    CHECK(listed(&m, "192.0.2.1") && listed(&m, "2001:db8::1"));
    CHECK(listed(&m, "2001:db8::2") && m.count == 3);
}

TEST(what_is_no_address_is_named_and_not_added)
{
    static const char *const lines[] = {"",
                                        "localhost",
                                        "192.0.2",
                                        "192.0.2.1/24",
                                        "192.0.2.1 192.0.2.2",
                                        "fe80::1%eth0",
                                        "[192.0.2.1",
                                        "192.0.2.1:25",
                                        "[192.0.2.1]:25",
                                        "192.0.2.256"};
    struct qmail_ipme m;

    qmail_ipme_init(&m);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        CHECK(qmail_ipme_add(&m, slice_text(lines[i])) == PROBLEM_NOT_ADDRESS);
    CHECK(m.count == 0);
}

TEST(the_list_takes_its_limit_of_distinct_addresses)
{
    struct qmail_ipme m;
    uint8_t text[ADDR_TEXT_SIZE_MAX];
    struct buf b;

    qmail_ipme_init(&m);
    for (uint32_t i = 0; i < 2 * IPME_COUNT_MAX; i++) {
        buf_init(&b, text, sizeof(text));
        buf_put_text(&b, "10.0.");
        buf_put_number(&b, i / 2 / 256, 1);
        buf_put_byte(&b, '.');
        buf_put_number(&b, i / 2 % 256, 1);
        CHECK(qmail_ipme_add(&m, buf_slice(&b)) == PROBLEM_NONE);
        CHECK(m.count == i / 2 + 1);
    }
    CHECK(qmail_ipme_add(&m, SLICE("::2")) == PROBLEM_ADDRESS_COUNT);
    CHECK(qmail_ipme_add(&m, SLICE("10.0.0.0")) == PROBLEM_NONE);
    CHECK(!listed(&m, "::2") && listed(&m, "10.0.0.255"));
}

#define CASES(X)                                 \
    X(a_listed_address_is_found_in_any_spelling) \
    X(brackets_are_allowed)                      \
    X(what_is_no_address_is_named_and_not_added) \
    X(the_list_takes_its_limit_of_distinct_addresses)

TEST_MAIN(CASES)
