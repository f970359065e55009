/* SPDX-License-Identifier: ISC */
/* Whether answers are authentic, by whom, and over which servers. */
#include "dns/lookup.h"

#include "dns_server.h"
#include "test.h"

static bool
is_secure(uint32_t question)
{
    return dns_lookup_answer(&lookup, question)->secure;
}

TEST(is_asked_only_if_it_counts)
{
    uint32_t a = 0;

    begin(1);
    manners[0] = TELL;
    authentic[0] = true;
    a = ask("example.com", DNS_A);
    CHECK(finish() && state(a) == DNS_FOUND && !is_secure(a));
    CHECK(!arrivals[0].question.ad);
    begin(1);
    conf.secure = true;
    manners[0] = TELL;
    authentic[0] = true;
    a = ask("example.com", DNS_A);
    CHECK(finish() && state(a) == DNS_FOUND && is_secure(a));
    CHECK(arrivals[0].question.ad);
}

TEST(in_every_form_and_by_tcp)
{
    static const enum manner all[] = {TELL,        TELL_LOW,     FORMERR_EDNS,
                                      SILENT_EDNS, RUBBISH_EDNS, CUT};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        uint32_t a = 0;

        begin(1);
        conf.secure = true;
        manners[0] = all[i];
        authentic[0] = true;
        a = ask("example.com", DNS_A);
        CHECK(finish() && state(a) == DNS_FOUND && is_secure(a));
    }
}

TEST(alias_links_count)
{
    uint32_t a = 0;

    for (uint32_t links = 0; links < 4; links++) {
        begin(1);
        conf.secure = true;
        manners[0] = ALIAS;
        authentic[0] = links & 1;
        a = ask("example.com", DNS_A);
        CHECK(run(1010) && state(a) == DNS_PENDING);
        for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
            arrivals[i].authentic = links & 2;
        CHECK(finish() && state(a) == DNS_FOUND);
        CHECK(is_secure(a) == (links == 3));
    }
}

/* Two servers say no, one authentic: whose "no" it is, whose word counts. */
TEST(a_no_is_as_secure_as_whose_it_is)
{
    uint32_t a = 0;

    for (uint32_t i = 0; i < 2; i++) {
        begin(2);
        conf.secure = true;
        manners[0] = manners[1] = NO_DATA;
        delays[0] = 2000; /* the second is asked, and its "no" comes first */
        authentic[i] = true;
        a = ask("example.com", DNS_MX);
        CHECK(finish() && state(a) == DNS_NODATA);
        CHECK(is_secure(a) == (lookup.tasks[a].server == i));
    }
}

/* A "no" that is not authentic takes nothing from what another found. */
TEST(a_no_takes_nothing_away)
{
    uint32_t a = 0;

    begin(2);
    conf.secure = true;
    manners[0] = TELL;
    delays[0] = 600;
    authentic[0] = true;
    manners[1] = NO_DATA;
    a = ask("example.com", DNS_A);
    CHECK(finish() && state(a) == DNS_FOUND && is_secure(a));
}

TEST(tlsa_goes_where_it_is_lent)
{
    static struct tlsa_set sets[2];
    struct dns_name name = name_of("_25._tcp.mx.com");
    uint32_t first = 0, again = 1;

    begin(1);
    conf.secure = true;
    CHECK(dns_lookup_ask(&lookup, &name, DNS_TLSA, &sets[0], &first));
    CHECK(dns_lookup_ask(&lookup, &name, DNS_TLSA, &sets[1], &again));
    CHECK(first == again);
    CHECK(dns_lookup_answer(&lookup, again)->tlsa == &sets[0]);
    manners[0] = NO_NAME;
    authentic[0] = true;
    CHECK(finish() && state(first) == DNS_NO_NAME && is_secure(first));
    CHECK(sets[0].count == 0);
}

#define CASES(X)                        \
    X(is_asked_only_if_it_counts)       \
    X(in_every_form_and_by_tcp)         \
    X(alias_links_count)                \
    X(a_no_is_as_secure_as_whose_it_is) \
    X(a_no_takes_nothing_away)          \
    X(tlsa_goes_where_it_is_lent)

TEST_MAIN(CASES)
