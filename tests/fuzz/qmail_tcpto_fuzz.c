/* SPDX-License-Identifier: ISC */
/* Files of tcpto: any bytes, then time-outs and successes, against a table of
 * numbers (interface.md section 4). */
#include "qmail/tcpto.h"

#include "fuzz.h"

enum {
    ROWS_MAX = TCPTO_RECORD_COUNT_MAX,
    TABLE_SIZE = 2048,
    OPERATION_COUNT_MAX = 40
};

struct row {
    uint8_t address[ADDR_SIZE_MAX];
    uint32_t count, time_s;
};

struct slow {
    size_t width, row_count;
    struct row rows[ROWS_MAX];
};

static void
slow_load(struct slow *s, const struct buf *table, size_t width)
{
    s->width = width;
    s->row_count = table->used / (width + 12);
    if (s->row_count > ROWS_MAX)
        s->row_count = ROWS_MAX;
    for (size_t i = 0; i < s->row_count; i++) {
        const uint8_t *at = table->data + i * (width + 12);
        struct row *r = &s->rows[i];

        memcpy(r->address, at, width);
        r->count = at[width];
        r->time_s = (uint32_t)at[width + 4] | (uint32_t)at[width + 5] << 8 |
                    (uint32_t)at[width + 6] << 16 |
                    (uint32_t)at[width + 7] << 24;
    }
}

static struct row *
slow_find(struct slow *s, const struct addr *a)
{
    for (size_t i = 0; i < s->row_count; i++)
        if (memcmp(s->rows[i].address, a->bytes, s->width) == 0)
            return &s->rows[i];
    return NULL;
}

/* Seconds between the two, the shorter way round. */
static uint32_t
distance(uint32_t a, uint32_t b)
{
    return a - b < b - a ? a - b : b - a;
}

static bool
slow_skip(struct slow *s, const struct addr *a, uint32_t now_s, uint32_t pid)
{
    const struct row *r = slow_find(s, a);

    return r && r->count >= 2 &&
           distance(now_s, r->time_s) < (60 + pid % 32) * 64;
}

/* The row to use for a new address. */
static struct row *
slow_room(struct slow *s)
{
    struct row *best = NULL;

    for (size_t i = 0; i < s->row_count; i++) {
        struct row *r = &s->rows[i];

        if (r->count == 0)
            return r;
        if (!best || (uint64_t)r->time_s + r->count * 1024u <
                         (uint64_t)best->time_s + best->count * 1024u)
            best = r;
    }
    return best;
}

static bool
slow_record(struct slow *s, const struct addr *a, bool timed_out,
            uint32_t now_s)
{
    struct row *r = slow_find(s, a);
    uint32_t count = r ? r->count : 0;

    if (!timed_out) {
        if (r)
            r->count = 0;
        return count > 0;
    }
    if (count > 0 && distance(now_s, r->time_s) < 120)
        return false;
    if (!r)
        r = slow_room(s);
    if (!r)
        return false;
    memcpy(r->address, a->bytes, s->width);
    r->count = count + 1 > 10 ? 10 : count + 1;
    r->time_s = now_s;
    return true;
}

static void
record(struct buf *table, struct slow *s, const struct addr *a, uint32_t now_s,
       bool timed_out)
{
    static uint8_t before[TABLE_SIZE];
    struct qmail_tcpto_change change = {0, 0};
    size_t used = table->used;
    bool changed = false;
    struct slow again;

    memcpy(before, table->data, used);
    changed = qmail_tcpto_record(table, a, timed_out, now_s, &change);
    MUST(changed == slow_record(s, a, timed_out, now_s));
    MUST(table->used == used && !table->full);
    MUST(change.offset + change.size <= used);
    for (size_t i = 0; i < used; i++)
        if (i < change.offset || i >= change.offset + change.size)
            MUST(table->data[i] == before[i]);
    slow_load(&again, table, s->width);
    for (size_t i = 0; i < s->row_count; i++)
        MUST(memcmp(again.rows[i].address, s->rows[i].address, s->width) == 0 &&
             again.rows[i].count == s->rows[i].count &&
             again.rows[i].time_s == s->rows[i].time_s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[TABLE_SIZE];
    static struct slow s;
    struct slice in = slice_of(data, size);
    uint8_t flags = fuzz_u8(&in);
    enum addr_family family = flags & 1 ? ADDR_IPV6 : ADDR_IPV4;
    size_t file_size = qmail_tcpto_size(family);
    uint32_t now_s = fuzz_u32(&in);
    struct addr a = {.family = family};
    struct slice start = fuzz_take(&in, fuzz_u8(&in));
    uint8_t *exact = NULL;
    struct buf table;

    /* The file: what the input gives, then zeros or what fills it. */
    memset(bytes, flags >> 2 & 1 ? 0 : flags, sizeof(bytes));
    if (start.size > 0)
        memcpy(bytes, start.data, start.size);
    if (flags & 2)
        file_size = fuzz_u16(&in) % (file_size + 1);
    exact = fuzz_copy(slice_of(bytes, file_size));
    buf_init(&table, exact, file_size);
    table.used = file_size;
    memset(&s, 0, sizeof(s));
    slow_load(&s, &table, addr_size(&a));
    for (uint32_t i = 0; i < OPERATION_COUNT_MAX && in.size > 0; i++) {
        uint8_t op = fuzz_u8(&in);

        a.bytes[3] = op >> 3;
        a.bytes[0] = op & 4 ? 10 : 0;
        now_s += op & 2 ? fuzz_u16(&in) : op & 31;
        MUST(qmail_tcpto_skip(buf_slice(&table), &a, now_s, op) ==
             slow_skip(&s, &a, now_s, op));
        record(&table, &s, &a, now_s, op & 1);
    }
    free(exact);
    return 0;
}
