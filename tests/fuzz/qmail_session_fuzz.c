/* SPDX-License-Identifier: ISC */
/* Records of tlssessions: any bytes among some that are right, against a second
 * reading of the rules (qmail/session.h). What is found is the best by them;
 * what is read lies in the record, and is written as it was. */
#include "qmail/session.h"

#include "fuzz.h"

enum { COUNT = 6, NOW_S = 1000000 };

static uint8_t records[COUNT][SESSION_RECORD_SIZE];

/* A session of numbers so near to each limit that they meet it often. */
static void
make(struct slice *in, uint8_t *record)
{
    struct qmail_session s = {.once = fuzz_u8(in) & 1,
                              .proved_s = NOW_S - fuzz_u8(in),
                              .given_s = NOW_S + 2 - fuzz_u8(in),
                              .until_s = NOW_S + fuzz_u8(in) - 2,
                              .lifetime_s = fuzz_u8(in),
                              .state = SLICE("state")};

    if (fuzz_u8(in) & 1)
        s.proved_s = NOW_S - SESSION_AGE_S - 2 + fuzz_u8(in) % 5;
    s.digest[0] = fuzz_u8(in) & 1;
    qmail_session_write(&s, record);
}

static void
spoil(struct slice *in, uint8_t *record)
{
    uint32_t count = fuzz_u8(in) % 4;

    while (count-- > 0)
        record[fuzz_u16(in) % 96] ^= fuzz_u8(in);
}

static bool
is_good(const struct qmail_session *s)
{
    return s->given_s <= NOW_S && s->proved_s <= s->given_s &&
           s->until_s > NOW_S && NOW_S < s->proved_s + SESSION_AGE_S &&
           (s->lifetime_s == 0 || NOW_S < s->given_s + s->lifetime_s);
}

/* The greater, the sooner it is chosen; 0: never. */
static int64_t
worth_of_use(const struct qmail_session *s, const struct qmail_session *wanted)
{
    if (memcmp(s->digest, wanted->digest, sizeof(s->digest)) != 0 ||
        !is_good(s))
        return 0;
    return s->given_s + 1;
}

static int64_t
worth_of_place(bool any, const struct qmail_session *s,
               const struct qmail_session *wanted)
{
    const int64_t step = (int64_t)1 << 60;

    if (!any)
        return 3 * step;
    if (!s->once && !wanted->once &&
        memcmp(s->digest, wanted->digest, sizeof(s->digest)) == 0)
        return 4 * step - (s->given_s >> 4);
    return (is_good(s) ? 1 : 2) * step - (s->given_s >> 4);
}

static void
check_record(const uint8_t *record)
{
    uint8_t again[SESSION_RECORD_SIZE];
    struct qmail_session s, back;

    if (!qmail_session_read(slice_of(record, SESSION_RECORD_SIZE), &s))
        return;
    MUST(s.state.size > 0 && s.state.size <= SESSION_STATE_SIZE_MAX);
    MUST(s.state.data >= record &&
         s.state.data + s.state.size <= record + SESSION_RECORD_SIZE);
    MUST(s.proved_s >= 0 && s.given_s >= 0 && s.until_s >= 0);
    qmail_session_write(&s, again);
    MUST(qmail_session_read(slice_of(again, sizeof(again)), &back));
    MUST(memcmp(again, record, (size_t)(s.state.data - record)) == 0);
    MUST(slice_equal(s.state, back.state));
}

static void
check_search(const struct qmail_session *wanted, bool place)
{
    struct qmail_session_search search;
    int64_t best = 0, found = 0;

    if (place)
        qmail_session_search_place(&search, wanted, NOW_S);
    else
        qmail_session_search_use(&search, wanted, NOW_S);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct slice record = slice_of(records[i], SESSION_RECORD_SIZE);
        struct qmail_session s;
        bool any = qmail_session_read(record, &s);
        int64_t worth = place ? worth_of_place(any, &s, wanted)
                        : any ? worth_of_use(&s, wanted)
                              : 0;

        qmail_session_search_offer(&search, record);
        if (search.found && search.index == i)
            found = worth;
        best = worth > best ? worth : best;
    }
    MUST(search.found == (best > 0));
    MUST(found == best);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    struct qmail_session wanted = {.once = fuzz_u8(&in) & 1};

    wanted.digest[0] = fuzz_u8(&in) & 1;
    memset(records, 0, sizeof(records));
    for (uint32_t i = 0; i < COUNT; i++) {
        if (fuzz_u8(&in) % 4 != 0)
            make(&in, records[i]);
        spoil(&in, records[i]);
        check_record(records[i]);
    }
    check_search(&wanted, false);
    check_search(&wanted, true);
    return 0;
}
