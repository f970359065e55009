/* SPDX-License-Identifier: ISC */
#include "qmail/session.h"

#include <string.h>

#include "base/assert.h"

static const char magic[] = "mote-s02"; /* a new one for another form */

enum {
    MAGIC_SIZE = sizeof(magic) - 1,
    WIDTH_TIME = 8,
    WIDTH_LIFETIME = 4,
    WIDTH_ONCE = 2,
    WIDTH_STATE = 2,
    HEADER_SIZE = MAGIC_SIZE + SESSION_DIGEST_SIZE + 3 * WIDTH_TIME +
                  WIDTH_LIFETIME + WIDTH_ONCE + WIDTH_STATE
};

_Static_assert(SESSION_RECORD_SIZE >= HEADER_SIZE + SESSION_STATE_SIZE_MAX,
               "a record holds any session");

/* ---- a record ---- */

static int64_t
take_time(struct cursor *c)
{
    uint64_t high = cursor_u32(c);
    uint64_t time = high << 32 | cursor_u32(c);

    c->bad = c->bad || time > INT64_MAX;
    return c->bad ? 0 : (int64_t)time;
}

bool
qmail_session_read(struct slice record, struct qmail_session *out)
{
    struct cursor c;
    struct slice digest;
    uint16_t once = 0;

    cursor_init(&c, record);
    if (!slice_equal(cursor_take(&c, MAGIC_SIZE), slice_text(magic)))
        return false;
    digest = cursor_take(&c, sizeof(out->digest));
    out->proved_s = take_time(&c);
    out->given_s = take_time(&c);
    out->until_s = take_time(&c);
    out->lifetime_s = cursor_u32(&c);
    once = cursor_u16(&c);
    out->once = once;
    out->state = cursor_take(&c, cursor_u16(&c));
    if (c.bad || out->state.size == 0 ||
        out->state.size > SESSION_STATE_SIZE_MAX || once > 1)
        return false;
    memcpy(out->digest, digest.data, sizeof(out->digest));
    return true;
}

static void
put_time(struct buf *out, int64_t time)
{
    buf_put_network(out, (uint32_t)(time >> 32), WIDTH_TIME / 2);
    buf_put_network(out, (uint32_t)time, WIDTH_TIME / 2);
}

void
qmail_session_write(const struct qmail_session *s,
                    uint8_t record[static SESSION_RECORD_SIZE])
{
    struct buf out;

    memset(record, 0, SESSION_RECORD_SIZE);
    buf_init(&out, record, SESSION_RECORD_SIZE);
    buf_put_text(&out, magic);
    buf_put(&out, slice_of(s->digest, sizeof(s->digest)));
    put_time(&out, s->proved_s);
    put_time(&out, s->given_s);
    put_time(&out, s->until_s);
    buf_put_network(&out, s->lifetime_s, WIDTH_LIFETIME);
    buf_put_network(&out, s->once, WIDTH_ONCE);
    buf_put_network(&out, (uint32_t)s->state.size, WIDTH_STATE);
    buf_put(&out, s->state);
    assert(!out.full);
}

/* ---- all of them ---- */

void
qmail_session_search_use(struct qmail_session_search *search,
                         const struct qmail_session *s, int64_t now_s)
{
    *search =
        (struct qmail_session_search){.digest = s->digest, .now_s = now_s};
}

void
qmail_session_search_place(struct qmail_session_search *search,
                           const struct qmail_session *s, int64_t now_s)
{
    *search = (struct qmail_session_search){
        .digest = s->digest, .place = true, .once = s->once, .now_s = now_s};
}

/* Not too old for anybody; and none of a time to come: the clock that gave it
 * its date is not the one of now. */
static bool
is_fresh(const struct qmail_session *s, int64_t now_s)
{
    return s->proved_s <= s->given_s && s->given_s <= now_s &&
           now_s - s->proved_s < SESSION_AGE_S && now_s < s->until_s &&
           (s->lifetime_s == 0 || now_s - s->given_s < s->lifetime_s);
}

static bool
is_same(const struct qmail_session_search *search,
        const struct qmail_session *s)
{
    return memcmp(s->digest, search->digest, sizeof(s->digest)) == 0;
}

/* Which place is the better one: the lower rank, then the older session. */
enum { RANK_REPLACED, RANK_EMPTY, RANK_STALE, RANK_USED };

static uint32_t
rank_of(const struct qmail_session_search *search,
        const struct qmail_session *s)
{
    if (!search->once && !s->once && is_same(search, s))
        return RANK_REPLACED;
    return is_fresh(s, search->now_s) ? RANK_USED : RANK_STALE;
}

static bool
is_better_place(const struct qmail_session_search *search, uint32_t rank,
                int64_t given_s)
{
    if (!search->found || rank != search->rank)
        return !search->found || rank < search->rank;
    return given_s < search->given_s;
}

/* A server that gives more than is used would push out those of others. */
static bool
has_its_share(struct qmail_session_search *search, uint32_t index,
              const struct qmail_session *s)
{
    if (!is_same(search, s))
        return false;
    if (search->same++ == 0 || s->given_s < search->first_s) {
        search->first = index;
        search->first_s = s->given_s;
    }
    return search->same >= SESSION_SHARE_COUNT;
}

static bool
is_better_use(const struct qmail_session_search *search,
              const struct qmail_session *s)
{
    return is_same(search, s) && is_fresh(s, search->now_s) &&
           (!search->found || s->given_s > search->given_s);
}

void
qmail_session_search_offer(struct qmail_session_search *search,
                           struct slice record)
{
    uint32_t index = search->next++;
    struct qmail_session s = {.given_s = 0};
    bool any = qmail_session_read(record, &s);
    uint32_t rank = any ? rank_of(search, &s) : RANK_EMPTY;

    if (search->place && any && has_its_share(search, index, &s)) {
        index = search->first;
        rank = RANK_REPLACED;
        s.given_s = search->first_s;
    }
    if (search->place ? !is_better_place(search, rank, s.given_s)
                      : !any || !is_better_use(search, &s))
        return;
    search->found = true;
    search->index = index;
    search->rank = rank;
    search->given_s = s.given_s;
}
