/* SPDX-License-Identifier: ISC */
#include "qmail/tcpto.h"

#include "test.h"

enum { NOW = 0x65432100 };

static uint32_t seed;

static uint32_t
random_below(uint32_t count)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % count;
}

struct table {
    uint8_t bytes[TCPTO_SIZE_MAX];
    struct buf buf;
};

static void
table_init(struct table *t, size_t size)
{
    memset(t->bytes, 0, sizeof(t->bytes));
    buf_init(&t->buf, t->bytes, sizeof(t->bytes));
    t->buf.used = size;
}

static struct addr
address(const char *text)
{
    struct addr a = {.family = ADDR_NONE};

    (void)addr_parse(slice_text(text), &a);
    return a;
}

static bool
skips(const struct table *t, const char *text, uint32_t now_s, uint32_t pid)
{
    struct addr a = address(text);

    return qmail_tcpto_skip(buf_slice(&t->buf), &a, now_s, pid);
}

/* Index of the record to write, or -1. */
static int
record(struct table *t, const char *text, bool timed_out, uint32_t now_s)
{
    struct addr a = address(text);
    struct qmail_tcpto_change change = {0};
    size_t size = addr_size(&a) + TCPTO_TAIL_SIZE;

    if (!qmail_tcpto_record(&t->buf, &a, timed_out, now_s, &change))
        return -1;
    if (change.size != size || change.offset % size != 0 ||
        change.offset + size > t->buf.used)
        return -2;
    return (int)(change.offset / size);
}

TEST(a_record_is_laid_out_as_stock_has_it)
{
    static const uint8_t want[16] = {192, 0,    2,    1,    1, 0, 0, 0,
                                     0x4, 0x33, 0x22, 0xf1, 0, 0, 0, 0};
    struct table t;

    table_init(&t, 1024);
    CHECK(record(&t, "192.0.2.1", true, 0xf1223304) == 0);
    CHECK(memcmp(t.bytes, want, sizeof(want)) == 0);
    for (size_t i = sizeof(want); i < sizeof(t.bytes); i++)
        CHECK(t.bytes[i] == 0);
}

TEST(a_record_of_ipv6_has_the_same_twelve_bytes_behind_its_address)
{
    static const uint8_t want[28] = {0x20, 1, 0xd, 0xb8, [15] = 1, 1,   0,
                                     0,    0, 0x4, 0x33, 0x22,     0xf1};
    struct table t;

    table_init(&t, 64 * 28);
    CHECK(record(&t, "2001:db8::1", true, 0xf1223304) == 0);
    CHECK(memcmp(t.bytes, want, sizeof(want)) == 0);
}

TEST(a_file_has_64_records)
{
    CHECK(qmail_tcpto_size(ADDR_IPV4) == 1024);
    CHECK(qmail_tcpto_size(ADDR_IPV6) == 1792);
    CHECK(TCPTO_SIZE_MAX == 1792);
}

TEST(an_address_is_skipped_from_the_second_time_out_on)
{
    struct table t;

    table_init(&t, 1024);
    CHECK(!skips(&t, "192.0.2.1", NOW, 0));
    CHECK(record(&t, "192.0.2.1", true, NOW) == 0);
    CHECK(!skips(&t, "192.0.2.1", NOW, 0));
    CHECK(record(&t, "192.0.2.1", true, NOW + 120) == 0);
    CHECK(skips(&t, "192.0.2.1", NOW + 120, 0));
    CHECK(!skips(&t, "192.0.2.2", NOW + 120, 0));
}

TEST(an_address_is_skipped_for_an_hour_and_a_bit_by_process_id)
{
    struct table t;

    table_init(&t, 1024);
    CHECK(record(&t, "192.0.2.1", true, NOW - 120) == 0);
    CHECK(record(&t, "192.0.2.1", true, NOW) == 0);
    for (uint32_t pid = 0; pid < 100; pid++) {
        uint32_t span_s = (60 + pid % 32) * 64;

        CHECK(skips(&t, "192.0.2.1", NOW + span_s - 1, pid));
        CHECK(!skips(&t, "192.0.2.1", NOW + span_s, pid));
    }
}

TEST(a_repeat_within_120_seconds_is_ignored)
{
    struct table t;

    table_init(&t, 1024);
    CHECK(record(&t, "192.0.2.1", true, NOW) == 0);
    CHECK(record(&t, "192.0.2.1", true, NOW) == -1);
    CHECK(record(&t, "192.0.2.1", true, NOW + 119) == -1);
    CHECK(t.bytes[4] == 1);
    CHECK(record(&t, "192.0.2.1", true, NOW + 120) == 0);
    CHECK(t.bytes[4] == 2);
}

TEST(the_count_stops_at_ten)
{
    struct table t;

    table_init(&t, 1024);
    for (uint32_t i = 1; i <= 300; i++) {
        CHECK(record(&t, "192.0.2.1", true, NOW + 120 * i) == 0);
        CHECK(t.bytes[4] == (i < 10 ? i : 10));
    }
    t.bytes[4] = 0xff;
    CHECK(skips(&t, "192.0.2.1", NOW + 120 * 300, 0));
    CHECK(record(&t, "192.0.2.1", true, NOW + 120 * 301) == 0);
    CHECK(t.bytes[4] == 10);
}

TEST(success_clears_the_count_and_nothing_else)
{
    struct table t;
    uint8_t before[TCPTO_SIZE_MAX];

    table_init(&t, 1024);
    CHECK(record(&t, "192.0.2.1", false, NOW) == -1);
    CHECK(record(&t, "192.0.2.1", true, NOW) == 0);
    CHECK(record(&t, "192.0.2.2", true, NOW) == 1);
    memcpy(before, t.bytes, sizeof(before));
    CHECK(record(&t, "192.0.2.2", false, NOW + 1) == 1);
    before[16 + 4] = 0;
    CHECK(memcmp(before, t.bytes, sizeof(before)) == 0);
    CHECK(record(&t, "192.0.2.2", false, NOW + 2) == -1);
    CHECK(record(&t, "192.0.2.3", false, NOW + 2) == -1);
    /* Cleared, it counts from one again, without waiting 120 seconds. */
    CHECK(record(&t, "192.0.2.2", true, NOW + 3) == 1);
    CHECK(t.bytes[16 + 4] == 1);
}

TEST(the_first_free_record_is_taken_and_its_unused_bytes_are_kept)
{
    struct table t;

    table_init(&t, 1024);
    memset(t.bytes, 0xee, 1024);
    t.bytes[3 * 16 + 4] = 0;
    t.bytes[5 * 16 + 4] = 0;
    CHECK(record(&t, "192.0.2.1", true, NOW) == 3);
    for (size_t i = 0; i < 1024; i++) {
        size_t at = i % 16;
        bool unused = i / 16 != 3 || (at >= 5 && at < 8) || at >= 12;

        CHECK(!unused || t.bytes[i] == 0xee || i == 5 * 16 + 4);
    }
}

TEST(a_full_table_loses_the_smallest_time_plus_1024_for_each_count)
{
    struct table t;

    table_init(&t, 3 * 16);
    CHECK(record(&t, "192.0.2.1", true, NOW) == 0);
    CHECK(record(&t, "192.0.2.1", true, NOW + 120) == 0);
    CHECK(record(&t, "192.0.2.2", true, NOW + 200) == 1);
    CHECK(record(&t, "192.0.2.3", true, NOW + 300) == 2);
    /* Two time-outs at 120 are worth more than one at 200. */
    CHECK(record(&t, "192.0.2.4", true, NOW + 2000) == 1);
    CHECK(record(&t, "192.0.2.5", true, NOW + 2000) == 2);
    CHECK(record(&t, "192.0.2.6", true, NOW + 2000) == 0);
    /* Of equals the first goes. */
    CHECK(record(&t, "192.0.2.7", true, NOW + 2001) == 0);
    CHECK(t.bytes[4] == 1);
}

TEST(only_whole_records_are_used_and_64_at_most)
{
    struct table t;
    char text[] = "192.0.2.00";

    table_init(&t, 0);
    CHECK(record(&t, "192.0.2.1", true, NOW) == -1);
    CHECK(!skips(&t, "192.0.2.1", NOW, 0));
    table_init(&t, 15);
    CHECK(record(&t, "192.0.2.1", true, NOW) == -1);
    CHECK(record(&t, "0.0.0.0", false, NOW) == -1);
    table_init(&t, 47);
    for (int i = 0; i < 4; i++) {
        text[8] = (char)('1' + i);
        CHECK(record(&t, text, true, NOW + (uint32_t)i) == i % 2);
    }
    for (size_t i = 32; i < sizeof(t.bytes); i++)
        CHECK(t.bytes[i] == 0);
    table_init(&t, TCPTO_SIZE_MAX);
    for (int i = 0; i < 80; i++) {
        text[8] = (char)('1' + i / 10);
        text[9] = (char)('0' + i % 10);
        CHECK(record(&t, text, true, NOW + (uint32_t)i) == i % 64);
    }
}

TEST(a_table_cleared_by_qmail_tcpok_is_empty)
{
    struct table t;

    table_init(&t, 1024);
    CHECK(!skips(&t, "0.0.0.0", 0, 0));
    CHECK(!skips(&t, "192.0.2.1", 0, 0));
    CHECK(record(&t, "192.0.2.1", false, NOW) == -1);
    CHECK(record(&t, "192.0.2.1", true, 100) == 0);
}

TEST(a_clock_set_back_a_little_keeps_what_is_recorded)
{
    struct table t;

    table_init(&t, 1024);
    CHECK(record(&t, "192.0.2.1", true, NOW - 200) == 0);
    CHECK(record(&t, "192.0.2.1", true, NOW) == 0);
    CHECK(skips(&t, "192.0.2.1", NOW - 60, 0));
    CHECK(skips(&t, "192.0.2.1", NOW - 3839, 0));
    CHECK(record(&t, "192.0.2.1", true, NOW - 119) == -1);
    CHECK(record(&t, "192.0.2.1", true, NOW - 120) == 0);
    CHECK(t.bytes[4] == 3 && skips(&t, "192.0.2.1", NOW - 120, 0));
}

TEST(a_time_from_a_wrong_year_skips_nothing_and_is_replaced)
{
    struct table t;

    table_init(&t, 1024);
    CHECK(record(&t, "192.0.2.1", true, NOW + 1000000) == 0);
    CHECK(record(&t, "192.0.2.1", true, NOW + 1000120) == 0);
    CHECK(!skips(&t, "192.0.2.1", NOW, 31));
    CHECK(record(&t, "192.0.2.1", true, NOW) == 0);
    CHECK(skips(&t, "192.0.2.1", NOW + 3839, 0));
    CHECK(!skips(&t, "192.0.2.1", NOW + 3840, 0));
}

TEST(the_years_2038_and_2106_pass)
{
    static const uint32_t starts[] = {0x7fffffff, 0xffffffff};
    struct table t;

    for (size_t i = 0; i < 2; i++) {
        table_init(&t, 1024);
        CHECK(record(&t, "192.0.2.1", true, starts[i] - 120) == 0);
        CHECK(record(&t, "192.0.2.1", true, starts[i]) == 0);
        CHECK(skips(&t, "192.0.2.1", starts[i] + 3839, 0));
        CHECK(!skips(&t, "192.0.2.1", starts[i] + 3840, 0));
        CHECK(record(&t, "192.0.2.1", true, starts[i] + 119) == -1);
        CHECK(record(&t, "192.0.2.1", true, starts[i] + 120) == 0);
    }
}

/* The facts of interface.md once more, over rows instead of bytes. */
struct row {
    uint8_t address[ADDR_SIZE_MAX];
    int64_t count;
    int64_t time_s;
};

struct model {
    size_t row_count;
    struct row rows[TCPTO_RECORD_COUNT_MAX];
};

static struct row *
model_find(struct model *m, const struct addr *a)
{
    for (size_t i = 0; i < m->row_count; i++)
        if (memcmp(m->rows[i].address, a->bytes, ADDR_SIZE_MAX) == 0)
            return &m->rows[i];
    return NULL;
}

static struct row *
model_room(struct model *m)
{
    struct row *worst = NULL;

    for (size_t i = m->row_count; i > 0; i--) {
        struct row *r = &m->rows[i - 1];

        if (worst == NULL ||
            r->time_s + 1024 * r->count <= worst->time_s + 1024 * worst->count)
            worst = r;
    }
    for (size_t i = m->row_count; i > 0; i--)
        if (m->rows[i - 1].count == 0)
            worst = &m->rows[i - 1];
    return worst;
}

/* The row that must be written, or NULL. */
static struct row *
model_record(struct model *m, const struct addr *a, bool timed_out, int64_t now)
{
    struct row *r = model_find(m, a);

    if (!timed_out) {
        if (r == NULL || r->count == 0)
            return NULL;
        r->count = 0;
        return r;
    }
    if (r == NULL) {
        r = model_room(m);
        memcpy(r->address, a->bytes, ADDR_SIZE_MAX);
        r->count = 0;
    }
    if (r->count > 0 && now - r->time_s < 120)
        return NULL;
    r->count = r->count == 10 ? 10 : r->count + 1;
    r->time_s = now;
    return r;
}

static bool
model_skips(struct model *m, const struct addr *a, int64_t now, uint32_t pid)
{
    struct row *r = model_find(m, a);

    return r != NULL && r->count >= 2 &&
           now - r->time_s < 64 * (60 + (int64_t)(pid & 31));
}

/* The bytes say what the rows say; unused ones are as they were made. */
static bool
model_same(const struct model *m, const struct table *t, size_t address_size)
{
    size_t size = address_size + 12;

    for (size_t i = 0; i < m->row_count; i++) {
        const uint8_t *p = t->bytes + i * size;
        const struct row *r = &m->rows[i];
        uint8_t want[28];

        memset(want, 0x55, sizeof(want));
        memcpy(want, r->address, address_size);
        want[address_size] = (uint8_t)r->count;
        for (size_t n = 0; n < 4; n++)
            want[address_size + 4 + n] = (uint8_t)(r->time_s >> 8 * n);
        if (memcmp(p, want, size) != 0)
            return false;
    }
    return true;
}

/* The same rows in both: free ones, with 0x55 where nothing is used. */
static void
model_init(struct model *m, struct table *t, size_t row_count, size_t a_size)
{
    *m = (struct model){.row_count = row_count};
    table_init(t, row_count * (a_size + 12));
    memset(t->bytes, 0x55, t->buf.used);
    for (size_t i = 0; i < row_count; i++) {
        uint8_t *p = t->bytes + i * (a_size + 12);

        memset(p, 0, a_size + 1);
        memset(p + a_size + 4, 0, 4);
    }
}

static bool
model_step(struct model *m, struct table *t, enum addr_family family,
           uint32_t now_s)
{
    struct addr a = {.family = family};
    struct qmail_tcpto_change change = {.offset = SIZE_MAX};
    size_t last = addr_size(&a) - 1, size = addr_size(&a) + 12;
    bool timed_out = random_below(4) > 0;
    uint32_t pid = random_below(70000);
    struct row *row = NULL;

    a.bytes[0] = 0x20;
    a.bytes[last] = (uint8_t)random_below((uint32_t)m->row_count * 3 / 2 + 1);
    if (qmail_tcpto_skip(buf_slice(&t->buf), &a, now_s, pid) !=
        model_skips(m, &a, now_s, pid))
        return false;
    row = model_record(m, &a, timed_out, now_s);
    if (qmail_tcpto_record(&t->buf, &a, timed_out, now_s, &change) !=
        (row != NULL))
        return false;
    if (row != NULL && (change.offset != (size_t)(row - m->rows) * size ||
                        change.size != size))
        return false;
    return model_same(m, t, addr_size(&a));
}

static bool
model_agrees(enum addr_family family)
{
    struct addr any = {.family = family};
    struct model m;
    struct table t;

    for (uint32_t round = 0; round < 200; round++) {
        uint32_t now_s = NOW;
        size_t row_count = round % 4 ? 1 + random_below(6) : 64;

        model_init(&m, &t, row_count, addr_size(&any));
        for (uint32_t step = 0; step < 400; step++) {
            now_s += random_below(random_below(10) ? 100 : 6000);
            if (!model_step(&m, &t, family, now_s))
                return false;
        }
    }
    return true;
}

TEST(random_histories_of_ipv4_agree_with_the_model)
{
    CHECK(model_agrees(ADDR_IPV4));
}

TEST(random_histories_of_ipv6_agree_with_the_model)
{
    CHECK(model_agrees(ADDR_IPV6));
}

#define CASES(X)                                                     \
    X(a_record_is_laid_out_as_stock_has_it)                          \
    X(a_record_of_ipv6_has_the_same_twelve_bytes_behind_its_address) \
    X(a_file_has_64_records)                                         \
    X(an_address_is_skipped_from_the_second_time_out_on)             \
    X(an_address_is_skipped_for_an_hour_and_a_bit_by_process_id)     \
    X(a_repeat_within_120_seconds_is_ignored)                        \
    X(the_count_stops_at_ten)                                        \
    X(success_clears_the_count_and_nothing_else)                     \
    X(the_first_free_record_is_taken_and_its_unused_bytes_are_kept)  \
    X(a_full_table_loses_the_smallest_time_plus_1024_for_each_count) \
    X(only_whole_records_are_used_and_64_at_most)                    \
    X(a_table_cleared_by_qmail_tcpok_is_empty)                       \
    X(a_clock_set_back_a_little_keeps_what_is_recorded)              \
    X(a_time_from_a_wrong_year_skips_nothing_and_is_replaced)        \
    X(the_years_2038_and_2106_pass)                                  \
    X(random_histories_of_ipv4_agree_with_the_model)                 \
    X(random_histories_of_ipv6_agree_with_the_model)

TEST_MAIN(CASES)
