/* SPDX-License-Identifier: ISC */
#include "qmail/tcpto.h"

#include <string.h>

#include "base/assert.h"

/* Behind the address of a record: count (1), unused (3), time (4, low byte
 * first), unused (4). A record whose count is 0 is free. */
enum { COUNT_AT = 0, TIME_AT = 4, TIME_SIZE = 4 };

static size_t
record_size(enum addr_family family)
{
    assert(family != ADDR_NONE);
    return (family == ADDR_IPV6 ? ADDR_SIZE_MAX : ADDR_IPV4_SIZE) +
           TCPTO_TAIL_SIZE;
}

static size_t
record_count(size_t table_size, size_t size)
{
    size_t count = table_size / size;

    return count < TCPTO_RECORD_COUNT_MAX ? count : TCPTO_RECORD_COUNT_MAX;
}

static uint32_t
tail_time(const uint8_t tail[static TCPTO_TAIL_SIZE])
{
    uint32_t time_s = 0;

    for (size_t i = TIME_SIZE; i > 0; i--)
        time_s = time_s << 8 | tail[TIME_AT + i - 1];
    return time_s;
}

/* Seconds between the record and now, whichever is first: a clock that was
 * set back keeps what it recorded, but nothing from a wrong year stays for
 * ever. The difference also bears the 32 bits running over (2106). */
static uint32_t
tail_age(const uint8_t tail[static TCPTO_TAIL_SIZE], uint32_t now_s)
{
    uint32_t age = now_s - tail_time(tail);

    return age <= UINT32_MAX / 2 ? age : 0 - age;
}

static void
tail_set(uint8_t tail[static TCPTO_TAIL_SIZE], uint32_t count, uint32_t now_s)
{
    tail[COUNT_AT] = (uint8_t)count;
    for (size_t i = 0; i < TIME_SIZE; i++)
        tail[TIME_AT + i] = (uint8_t)(now_s >> 8 * i);
}

/* Index of the first record of the address, or their number. */
static size_t
find(struct slice table, const struct addr *a)
{
    size_t size = record_size(a->family);
    size_t count = record_count(table.size, size);

    for (size_t i = 0; i < count; i++)
        if (memcmp(table.data + i * size, a->bytes, addr_size(a)) == 0)
            return i;
    return count;
}

/* Index of a record for a new address: the first free one, or the one that
 * matters least; their number when there is none at all. */
static size_t
find_room(struct slice table, const struct addr *a)
{
    size_t size = record_size(a->family);
    size_t count = record_count(table.size, size);
    uint64_t least = UINT64_MAX;
    size_t best = count;

    for (size_t i = 0; i < count; i++) {
        const uint8_t *tail = table.data + i * size + addr_size(a);
        uint64_t worth =
            tail_time(tail) + (uint64_t)tail[COUNT_AT] * TCPTO_COUNT_WEIGHT_S;

        if (tail[COUNT_AT] == 0)
            return i;
        if (worth < least) {
            least = worth;
            best = i;
        }
    }
    return best;
}

size_t
qmail_tcpto_size(enum addr_family family)
{
    return TCPTO_RECORD_COUNT_MAX * record_size(family);
}

bool
qmail_tcpto_skip(struct slice table, const struct addr *a, uint32_t now_s,
                 uint32_t pid)
{
    size_t size = record_size(a->family);
    size_t index = find(table, a);
    uint32_t skip_s = TCPTO_SKIP_S + (pid & 31) * TCPTO_SKIP_STEP_S;
    const uint8_t *tail = NULL;

    if (index == record_count(table.size, size))
        return false;
    tail = table.data + index * size + addr_size(a);
    return tail[COUNT_AT] >= TCPTO_SKIP_COUNT && tail_age(tail, now_s) < skip_s;
}

/* What is known of the address, with one time-out more or none at all. */
static bool
tail_update(uint8_t tail[static TCPTO_TAIL_SIZE], bool timed_out,
            uint32_t now_s)
{
    uint32_t count = tail[COUNT_AT];

    if (!timed_out) {
        tail[COUNT_AT] = 0;
        return count > 0;
    }
    if (count > 0 && tail_age(tail, now_s) < TCPTO_REPEAT_S)
        return false;
    tail_set(tail, count < TCPTO_COUNT_MAX ? count + 1 : TCPTO_COUNT_MAX,
             now_s);
    return true;
}

bool
qmail_tcpto_record(struct buf *table, const struct addr *a, bool timed_out,
                   uint32_t now_s, struct qmail_tcpto_change *change)
{
    size_t size = record_size(a->family);
    size_t count = record_count(table->used, size);
    size_t index = find(buf_slice(table), a);
    bool known = index < count;
    uint8_t *record = NULL;

    if (!known && timed_out)
        index = find_room(buf_slice(table), a);
    if (index == count)
        return false;
    record = table->data + index * size;
    if (!known) {
        memcpy(record, a->bytes, addr_size(a));
        tail_set(record + addr_size(a), 1, now_s);
    } else if (!tail_update(record + addr_size(a), timed_out, now_s)) {
        return false;
    }
    *change = (struct qmail_tcpto_change){.offset = index * size, .size = size};
    return true;
}
