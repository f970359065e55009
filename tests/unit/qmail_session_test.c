/* SPDX-License-Identifier: ISC */
#include "qmail/session.h"

#include "test.h"

enum { NOW_S = 2000000000, HOUR_S = 3600 };

static uint8_t file[SESSION_RECORD_COUNT][SESSION_RECORD_SIZE];

static struct slice
record(uint32_t index)
{
    return slice_of(file[index], SESSION_RECORD_SIZE);
}

/* Proved by name an hour ago, given then, good for a day and more. */
static struct qmail_session
session(uint8_t of)
{
    struct qmail_session s = {.once = true,
                              .proved_s = NOW_S - HOUR_S,
                              .given_s = NOW_S - HOUR_S,
                              .until_s = NOW_S + 90LL * SESSION_AGE_S,
                              .lifetime_s = 2 * HOUR_S,
                              .state = SLICE("state")};

    memset(s.digest, of, sizeof(s.digest));
    return s;
}

static void
put(uint32_t index, const struct qmail_session *s)
{
    qmail_session_write(s, file[index]);
}

/* Every place has one of another, an hour old. */
static void
fill(void)
{
    for (uint32_t i = 0; i < SESSION_RECORD_COUNT; i++) {
        struct qmail_session s = session((uint8_t)('A' + i));

        put(i, &s);
    }
}

/* The index that is found, or -1. */
static int
offer_all(struct qmail_session_search *search)
{
    for (uint32_t i = 0; i < SESSION_RECORD_COUNT; i++)
        qmail_session_search_offer(search, record(i));
    return search->found ? (int)search->index : -1;
}

static int
use(int64_t now_s)
{
    struct qmail_session s = session('x');
    struct qmail_session_search search;

    qmail_session_search_use(&search, &s, now_s);
    return offer_all(&search);
}

static int
place(const struct qmail_session *s)
{
    struct qmail_session_search search;

    qmail_session_search_place(&search, s, NOW_S);
    return offer_all(&search);
}

TEST(what_is_written_is_read)
{
    struct qmail_session s = session('x'), back = {0};
    uint8_t state[SESSION_STATE_SIZE_MAX] = {1, 2, [1900] = 3};

    s.state = slice_of(state, sizeof(state));
    s.until_s = INT64_MAX;
    for (int i = 0; i < 2; i++) {
        s.once = i;
        put(0, &s);
        CHECK(qmail_session_read(record(0), &back));
        CHECK(memcmp(back.digest, s.digest, sizeof(s.digest)) == 0);
        CHECK(back.once == s.once);
        CHECK(back.proved_s == s.proved_s && back.given_s == s.given_s);
        CHECK(back.until_s == s.until_s && back.lifetime_s == s.lifetime_s);
        CHECK(slice_equal(back.state, s.state));
    }
}

TEST(what_is_no_record_is_an_empty_place)
{
    struct qmail_session s = session('x'), back = {0};
    uint32_t bad = 0;

    memset(file, 0, sizeof(file));
    CHECK(!qmail_session_read(record(0), &back));
    CHECK(use(NOW_S) == -1);
    memset(file, 0xff, sizeof(file));
    CHECK(!qmail_session_read(record(0), &back));
    put(0, &s);
    for (size_t size = 0; size < 76; size++)
        CHECK(!qmail_session_read(slice_of(file[0], size), &back));
    for (uint32_t at = 0; at < 8; at++) {
        put(0, &s);
        file[0][at] ^= 1;
        CHECK(!qmail_session_read(record(0), &back));
    }
    /* Whatever is in the header, what is read is within the record. */
    for (uint32_t at = 8; at < 76; at++)
        for (int bit = 0; bit < 8; bit++) {
            put(0, &s);
            file[0][at] ^= (uint8_t)(1 << bit);
            if (!qmail_session_read(record(0), &back))
                bad++;
            else
                CHECK(back.state.data >= file[0] &&
                      back.state.data + back.state.size <= file[1]);
        }
    CHECK(bad > 0);
    s.state = slice_of(NULL, 0);
    put(0, &s);
    CHECK(!qmail_session_read(record(0), &back));
}

TEST(another_digest_is_not_ours)
{
    struct qmail_session s = session('x');

    fill();
    CHECK(use(NOW_S) == -1);
    for (uint32_t at = 0; at < sizeof(s.digest); at++) {
        s = session('x');
        s.digest[at] ^= 0x80;
        put(7, &s);
        CHECK(use(NOW_S) == -1);
    }
    s = session('x');
    put(7, &s);
    CHECK(use(NOW_S) == 7);
}

static bool
is_used(const struct qmail_session *s, int64_t now_s)
{
    memset(file, 0, sizeof(file));
    put(0, s);
    return use(now_s) == 0;
}

TEST(a_ticket_has_its_lifetime)
{
    struct qmail_session s = session('x');
    int64_t end_s = s.given_s + s.lifetime_s;

    CHECK(is_used(&s, end_s - 1) && !is_used(&s, end_s));
    s.lifetime_s = 1;
    CHECK(!is_used(&s, NOW_S));
    /* Not said: a day at most. */
    s.lifetime_s = 0;
    CHECK(is_used(&s, s.proved_s + SESSION_AGE_S - 1));
    CHECK(!is_used(&s, s.proved_s + SESSION_AGE_S));
}

/* However often it was resumed since. */
TEST(a_proof_counts_for_a_day)
{
    struct qmail_session s = session('x');

    s.lifetime_s = UINT32_MAX;
    s.proved_s = NOW_S - SESSION_AGE_S + 1;
    s.given_s = NOW_S - 1;
    CHECK(is_used(&s, NOW_S) && !is_used(&s, NOW_S + 1));
}

TEST(nothing_outlives_its_certificate)
{
    struct qmail_session s = session('x');

    s.until_s = NOW_S + 1;
    CHECK(is_used(&s, NOW_S) && !is_used(&s, NOW_S + 1));
}

TEST(a_clock_that_went_back_is_no_measure)
{
    struct qmail_session s = session('x');

    CHECK(is_used(&s, s.given_s) && !is_used(&s, s.given_s - 1));
    CHECK(!is_used(&s, 0) && !is_used(&s, INT64_MAX));
    s.proved_s = s.given_s + 1;
    CHECK(!is_used(&s, NOW_S));
}

TEST(the_youngest_is_used)
{
    struct qmail_session s = session('x');

    fill();
    put(3, &s);
    s.given_s++;
    put(9, &s);
    s.given_s--;
    put(20, &s);
    CHECK(use(NOW_S) == 9);
}

TEST(an_empty_place_is_taken_first)
{
    struct qmail_session s = session('x');

    fill();
    memset(file[30], 0, 1);
    memset(file[31], 0, 1);
    CHECK(place(&s) == 30);
    s = session('A'); /* a ticket replaces no ticket */
    CHECK(place(&s) == 30);
}

TEST(what_nobody_can_use_goes_before_what_is_used)
{
    struct qmail_session s = session('x'), old = session('o');

    fill();
    old.given_s = NOW_S - 2;
    old.lifetime_s = 1;
    put(12, &old);
    CHECK(place(&s) == 12);
}

TEST(then_the_oldest_goes)
{
    struct qmail_session s = session('x'), old = session('o');

    fill();
    old.given_s -= 60;
    old.proved_s -= 60;
    put(13, &old);
    old.given_s++;
    put(14, &old);
    CHECK(place(&s) == 13);
}

/* Otherwise one server that gives a session each time has all places. */
TEST(what_can_be_used_again_is_there_once)
{
    struct qmail_session s = session('x'), before = session('x');

    memset(file, 0, sizeof(file));
    before.once = s.once = false;
    put(17, &before);
    CHECK(place(&s) == 17);
    s.digest[0]++;
    CHECK(place(&s) == 0);
    s.digest[0]--;
    s.once = true;
    CHECK(place(&s) == 0);
}

/* Nor all but these who gives more than are used. */
TEST(the_oldest_of_its_own_goes_where_it_has_its_share)
{
    struct qmail_session s = session('x'), mine = session('x');

    memset(file, 0, sizeof(file));
    for (uint32_t i = 0; i < SESSION_SHARE_COUNT; i++) {
        CHECK(place(&s) == (int)i);
        mine.given_s = NOW_S - 10 + (i + 3) % SESSION_SHARE_COUNT;
        put(i, &mine);
    }
    CHECK(place(&s) == SESSION_SHARE_COUNT - 3);
    s = session('y');
    CHECK(place(&s) == SESSION_SHARE_COUNT);
}

#define CASES(X)                                    \
    X(what_is_written_is_read)                      \
    X(what_is_no_record_is_an_empty_place)          \
    X(another_digest_is_not_ours)                   \
    X(a_ticket_has_its_lifetime)                    \
    X(a_proof_counts_for_a_day)                     \
    X(nothing_outlives_its_certificate)             \
    X(a_clock_that_went_back_is_no_measure)         \
    X(the_youngest_is_used)                         \
    X(an_empty_place_is_taken_first)                \
    X(what_nobody_can_use_goes_before_what_is_used) \
    X(then_the_oldest_goes)                         \
    X(what_can_be_used_again_is_there_once)         \
    X(the_oldest_of_its_own_goes_where_it_has_its_share)

TEST_MAIN(CASES)
