/* SPDX-License-Identifier: ISC */
#include "base/tlsa.h"

#include "test.h"

static struct tlsa_set set;

/* A record with `size` octets of `fill` as its data. */
static bool
add(uint8_t usage, uint8_t selector, uint8_t type, size_t size, uint8_t fill)
{
    static uint8_t rdata[3 + TLSA_DATA_SIZE_MAX + 1];

    rdata[0] = usage;
    rdata[1] = selector;
    rdata[2] = type;
    memset(rdata + 3, fill, sizeof(rdata) - 3);
    return tlsa_set_add(&set, slice_of(rdata, 3 + size));
}

/* Whether one record alone is of use. */
static bool
counts_alone(uint8_t usage, uint8_t selector, uint8_t type, size_t size)
{
    tlsa_set_init(&set);
    return add(usage, selector, type, size, 1) && tlsa_counts(&set, 0);
}

TEST(keeps_records_as_they_came)
{
    tlsa_set_init(&set);
    CHECK(!tlsa_set_any(&set));
    CHECK(add(3, 1, 1, 32, 7) && add(1, 2, 9, 5, 8) && add(3, 0, 0, 900, 9));
    CHECK(set.count == 3 && tlsa_set_any(&set));
    CHECK(set.list[1].usage == 1 && set.list[1].selector == 2);
    CHECK(set.list[1].type == 9);
    CHECK(tlsa_data(&set, 0).size == 32 && tlsa_data(&set, 0).data[31] == 7);
    CHECK(tlsa_data(&set, 1).size == 5 && tlsa_data(&set, 1).data[4] == 8);
    CHECK(tlsa_data(&set, 2).size == 900 && tlsa_data(&set, 2).data[0] == 9);
}

/* Against a table of its own: usage, selector, type, size. */
TEST(every_usage_selector_and_type)
{
    for (uint32_t i = 0; i < 6 * 4 * 4; i++) {
        uint8_t usage = (uint8_t)(i / 16), selector = (uint8_t)(i / 4 % 4);
        uint8_t type = (uint8_t)(i % 4);
        bool good = (usage == 2 || usage == 3) && selector < 2;

        CHECK(counts_alone(usage, selector, type, 32) ==
              (good && (type == 1 || (type == 0 && usage == 3))));
        CHECK(counts_alone(usage, selector, type, 64) ==
              (good && (type == 2 || (type == 0 && usage == 3))));
    }
    CHECK(!counts_alone(255, 1, 1, 32) && !counts_alone(3, 255, 1, 32));
    CHECK(!counts_alone(3, 1, 255, 32));
}

TEST(digests_of_a_wrong_length)
{
    for (size_t size = 0; size < 100; size++) {
        CHECK(counts_alone(3, 1, 1, size) == (size == 32));
        CHECK(counts_alone(2, 0, 2, size) == (size == 64));
    }
}

TEST(too_short)
{
    for (size_t size = 0; size < 3; size++) {
        tlsa_set_init(&set);
        CHECK(!tlsa_set_add(&set, slice_of("\3\1\1", size)));
    }
    tlsa_set_init(&set);
    CHECK(tlsa_set_add(&set, slice_of("\3\1\1", 3)) && !tlsa_set_any(&set));
}

TEST(sixteen_and_no_more)
{
    tlsa_set_init(&set);
    for (uint32_t i = 0; i < 16; i++)
        CHECK(add(3, 1, 2, 64, (uint8_t)i));
    CHECK(set.count == 16 && tlsa_data(&set, 15).data[63] == 15);
    CHECK(!add(3, 1, 1, 32, 0));
}

TEST(whole_certificates)
{
    tlsa_set_init(&set);
    CHECK(add(3, 0, 0, TLSA_DATA_SIZE_MAX, 1) && tlsa_counts(&set, 0));
    CHECK(!add(3, 0, 0, 1, 1));
    tlsa_set_init(&set);
    CHECK(!add(3, 0, 0, TLSA_DATA_SIZE_MAX + 1, 1));
    /* What proves nothing is not kept. */
    tlsa_set_init(&set);
    CHECK(add(2, 0, 0, TLSA_DATA_SIZE_MAX + 1, 1) && !tlsa_counts(&set, 0));
    CHECK(add(1, 0, 0, TLSA_DATA_SIZE_MAX + 1, 1) && set.used == 0);
}

/* RFC 7671 section 9. */
TEST(the_stronger_digest_alone_counts)
{
    tlsa_set_init(&set);
    CHECK(add(3, 1, 1, 32, 1) && add(3, 0, 1, 32, 1) && add(2, 1, 1, 32, 1) &&
          add(3, 1, 0, 32, 1) && add(3, 1, 2, 64, 1));
    CHECK(!tlsa_counts(&set, 0) && tlsa_counts(&set, 4));
    CHECK(tlsa_counts(&set, 1) && tlsa_counts(&set, 2));
    CHECK(tlsa_counts(&set, 3));
    /* One that cannot be used puts nothing out of use. */
    tlsa_set_init(&set);
    CHECK(add(3, 1, 2, 63, 1) && add(3, 1, 1, 32, 1) && add(1, 1, 2, 64, 1));
    CHECK(tlsa_counts(&set, 1) && !tlsa_counts(&set, 0));
}

#define CASES(X)                     \
    X(keeps_records_as_they_came)    \
    X(every_usage_selector_and_type) \
    X(digests_of_a_wrong_length)     \
    X(too_short)                     \
    X(sixteen_and_no_more)           \
    X(whole_certificates)            \
    X(the_stronger_digest_alone_counts)

TEST_MAIN(CASES)
