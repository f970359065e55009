/* SPDX-License-Identifier: ISC */
#include "dns/schedule.h"

#include "base/assert.h"

void
dns_schedule_init(struct dns_schedule *s, uint32_t server_count)
{
    assert(server_count > 0 && server_count <= DNS_SERVER_COUNT_MAX);
    *s = (struct dns_schedule){.server_count = server_count,
                               .no_server = DNS_SERVER_NONE};
}

static uint32_t
round_ms(uint32_t number)
{
    uint32_t ms = number * DNS_ROUND_STEP_MS;

    return ms < DNS_ROUND_MS_MAX ? ms : DNS_ROUND_MS_MAX;
}

uint32_t
dns_schedule_round_ms(const struct dns_schedule *s)
{
    return round_ms(s->round_count);
}

/* How many servers this round asks before it. */
static uint32_t
place_of(const struct dns_schedule *s, uint32_t server)
{
    assert(server < s->server_count);
    return (server + s->server_count - s->first) % s->server_count;
}

static uint32_t
server_at(const struct dns_schedule *s, uint32_t place)
{
    assert(s->server_count > 0);
    return (s->first + place) % s->server_count;
}

static bool
needs_tcp(enum dns_word word)
{
    return word == DNS_WORD_CUT || word == DNS_WORD_STREAM;
}

static bool
is_bad(enum dns_word word)
{
    return word == DNS_WORD_BAD || word == DNS_WORD_BUSY;
}

/* TCP goes on from round to round; beside it a datagram may bring the answer.
 */
static void
ask_next(struct dns_schedule *s, int64_t now_ms)
{
    uint32_t server = server_at(s, s->asked_count);

    assert(s->asked_count < s->server_count);
    if (!needs_tcp(s->words[server]))
        s->words[server] = DNS_WORD_NONE;
    s->due[server] = true;
    s->asked_count++;
    s->hedge_ms = now_ms + DNS_HEDGE_MS;
}

/* Each round of the longest has it once. */
static void
ask_silent(struct dns_schedule *s)
{
    for (uint32_t i = 0; i < s->server_count; i++)
        if (s->words[i] == DNS_WORD_NONE && i != s->no_server)
            s->due[i] = true;
    s->again_ms = INT64_MAX;
}

static void
round_begin(struct dns_schedule *s, uint32_t first, int64_t now_ms)
{
    for (uint32_t i = 0; i < s->server_count; i++)
        if (!needs_tcp(s->words[i]))
            s->words[i] = DNS_WORD_UNASKED;
    s->round_count++;
    s->phase = DNS_PHASE_ROUND;
    s->phase_end_ms = now_ms + round_ms(s->round_count);
    s->again_ms = round_ms(s->round_count) < DNS_ROUND_MS_MAX
                      ? INT64_MAX
                      : now_ms + DNS_AGAIN_MS;
    s->first = first;
    s->asked_count = 0;
    ask_next(s, now_ms);
}

void
dns_schedule_start(struct dns_schedule *s, uint32_t first, uint32_t span_ms,
                   int64_t now_ms)
{
    if (span_ms == 0 || span_ms > DNS_SCHEDULE_MS)
        span_ms = DNS_SCHEDULE_MS;
    s->latest_ms = now_ms + span_ms;
    s->end_ms = s->latest_ms;
    round_begin(s, first, now_ms);
}

bool
dns_schedule_take(struct dns_schedule *s, uint32_t *server)
{
    for (uint32_t i = 0; i < s->server_count; i++)
        if (s->due[i]) {
            s->due[i] = false;
            *server = i;
            return true;
        }
    return false;
}

/*
 * What servers say.
 */

/* A server that is asked as a hedge may know a part of the world only: those
 * before it must have failed, or had their share of the round. An answer that
 * needs TCP is more than a "no", and is waited for. */
static bool
no_counts(const struct dns_schedule *s, bool round_over)
{
    if (s->no_server == DNS_SERVER_NONE)
        return false;
    for (uint32_t i = 0; i < place_of(s, s->no_server); i++) {
        enum dns_word word = s->words[server_at(s, i)];

        if (!is_bad(word) && (!round_over || needs_tcp(word)))
            return false;
    }
    return true;
}

static void
end_no_later(struct dns_schedule *s, int64_t end_ms)
{
    s->end_ms = end_ms < s->latest_ms ? end_ms : s->latest_ms;
}

/* All have answered badly: one more round decides. A forwarder that is full
 * has room again when others have their answers. */
static void
pause_begin(struct dns_schedule *s, int64_t now_ms)
{
    bool busy = false;

    for (uint32_t i = 0; i < s->server_count; i++)
        busy = busy || s->words[i] == DNS_WORD_BUSY;
    if (s->grant == DNS_GRANT_ONE && !busy) {
        s->phase = DNS_PHASE_OVER;
        return;
    }
    s->phase = DNS_PHASE_PAUSE;
    s->phase_end_ms = now_ms + DNS_PAUSE_MS;
    if (busy && s->grant != DNS_GRANT_BUSY) {
        s->grant = DNS_GRANT_BUSY;
        end_no_later(s, now_ms + DNS_BUSY_MS);
    } else if (s->grant == DNS_GRANT_ALL) {
        s->grant = DNS_GRANT_ONE;
        end_no_later(s, s->phase_end_ms + round_ms(s->round_count + 1));
    }
    if (s->grant == DNS_GRANT_BUSY)
        s->phase_end_ms += s->jitter_ms;
}

/* A server answered badly: the next is asked at once. */
static void
hurry(struct dns_schedule *s, int64_t now_ms)
{
    if (s->asked_count < s->server_count) {
        ask_next(s, now_ms);
        return;
    }
    for (uint32_t i = 0; i < s->server_count; i++)
        if (!is_bad(s->words[i]))
            return;
    pause_begin(s, now_ms);
}

void
dns_schedule_bad(struct dns_schedule *s, uint32_t server, bool busy,
                 int64_t now_ms)
{
    bool asked = place_of(s, server) < s->asked_count;

    if (!asked) { /* a late word on an earlier round hurries nobody */
        s->words[server] = DNS_WORD_UNASKED;
        return;
    }
    s->words[server] = busy ? DNS_WORD_BUSY : DNS_WORD_BAD;
    if (no_counts(s, false))
        s->phase = DNS_PHASE_OVER;
    else if (s->phase == DNS_PHASE_ROUND)
        hurry(s, now_ms);
}

void
dns_schedule_no(struct dns_schedule *s, uint32_t server)
{
    if (s->no_server == DNS_SERVER_NONE ||
        place_of(s, server) < place_of(s, s->no_server))
        s->no_server = server;
    if (no_counts(s, false))
        s->phase = DNS_PHASE_OVER;
}

void
dns_schedule_alias(struct dns_schedule *s, uint32_t server, int64_t now_ms)
{
    s->no_server = DNS_SERVER_NONE;
    s->grant = DNS_GRANT_ALL;
    s->end_ms = s->latest_ms;
    for (uint32_t i = 0; i < s->server_count; i++)
        if (i == server || !is_bad(s->words[i]))
            s->words[i] = DNS_WORD_UNASKED;
    if (s->phase == DNS_PHASE_PAUSE) {
        round_begin(s, server, now_ms);
        return;
    }
    /* Those who were asked before it keep the right to know better. */
    if (s->asked_count <= place_of(s, server))
        s->asked_count = place_of(s, server) + 1;
    for (uint32_t i = 0; i < s->asked_count; i++) {
        uint32_t asked = server_at(s, i);

        if (is_bad(s->words[asked]))
            continue;
        s->words[asked] = DNS_WORD_NONE;
        s->due[asked] = true;
    }
    s->hedge_ms = now_ms + DNS_HEDGE_MS;
}

void
dns_schedule_cut(struct dns_schedule *s, uint32_t server)
{
    if (!needs_tcp(s->words[server]))
        s->words[server] = DNS_WORD_CUT;
}

void
dns_schedule_stream(struct dns_schedule *s, uint32_t server)
{
    assert(s->words[server] == DNS_WORD_CUT);
    s->words[server] = DNS_WORD_STREAM;
}

/* As if it had never said that there is more. */
void
dns_schedule_stuck(struct dns_schedule *s, uint32_t server)
{
    assert(s->words[server] == DNS_WORD_STREAM);
    s->words[server] =
        place_of(s, server) < s->asked_count ? DNS_WORD_NONE : DNS_WORD_UNASKED;
}

/*
 * Time.
 */

/* When this round asks somebody else, or again. */
static int64_t
next_ms(const struct dns_schedule *s)
{
    if (s->phase != DNS_PHASE_ROUND)
        return INT64_MAX;
    return s->asked_count < s->server_count ? s->hedge_ms : s->again_ms;
}

int64_t
dns_schedule_deadline_ms(const struct dns_schedule *s)
{
    int64_t deadline_ms = s->phase_end_ms;

    if (s->phase == DNS_PHASE_START || s->phase == DNS_PHASE_OVER)
        return INT64_MAX;
    if (next_ms(s) < deadline_ms)
        deadline_ms = next_ms(s);
    return deadline_ms < s->end_ms ? deadline_ms : s->end_ms;
}

void
dns_schedule_tick(struct dns_schedule *s, uint32_t first, int64_t now_ms)
{
    bool round_over = s->phase == DNS_PHASE_ROUND && now_ms >= s->phase_end_ms;

    if (now_ms < dns_schedule_deadline_ms(s))
        return;
    if (now_ms >= s->end_ms || (round_over && no_counts(s, true)))
        s->phase = DNS_PHASE_OVER;
    else if (now_ms >= s->phase_end_ms)
        round_begin(s, first, now_ms);
    else if (s->asked_count < s->server_count)
        ask_next(s, now_ms);
    else
        ask_silent(s);
}
