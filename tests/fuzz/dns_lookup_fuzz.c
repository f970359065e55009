/* SPDX-License-Identifier: ISC */
/*
 * The look-up engine among name servers of any manner: operations say who
 * answers what, in which pieces, who falls silent, and how time goes by. What
 * is sent and decided is held against the rules as they are said, by a clock
 * and by who was heard.
 */
#include "dns/lookup.h"

#include "fuzz.h"

enum {
    STEP_COUNT_MAX = 400,
    START_MS = 1000,
    QUESTIONS_MAX = 8,
    SCHEDULE_MS = 60000,
    FIRST_ROUND_MS = 1000,
    STREAM = DNS_ATTEMPT_COUNT_MAX - 1,
    NEVER = -1
};

struct socket {
    bool open, tcp;
    uint32_t task, server;
    struct dns_question asked; /* as its packet said */
    struct buf packet;
    uint32_t sent; /* of the reply at hand, over TCP */
    struct buf reply;
    uint8_t bytes[512], packet_bytes[2 + DNS_QUERY_SIZE_MAX];
};

/* What the world knows of a question. */
struct story {
    int64_t begun_ms; /* when it was first asked, or NEVER */
    int64_t asked_ms[DNS_SERVER_COUNT_MAX];
    bool heard[DNS_SERVER_COUNT_MAX]; /* since it was asked last */
    bool said_no[DNS_SERVER_COUNT_MAX];
};

static struct dns_conf conf;
static struct dns_lookup lookup;
static struct socket sockets[DNS_ATTEMPT_COUNT_MAX];
static int64_t now_ms;
static uint32_t question_count, questions[QUESTIONS_MAX];
static struct story stories[QUESTIONS_MAX];
/* What any server has said so far. */
static bool said_found, said_no_name, said_nothing;
static uint8_t entropy;

/* ---- the shell ---- */

static void
read_query(struct socket *s, struct slice packet)
{
    struct cursor c;

    if (s->tcp) {
        MUST(packet.size > 2 &&
             packet.data[0] * 256u + packet.data[1] == packet.size - 2);
        packet = slice_part(packet, 2, packet.size);
    }
    MUST(packet.size <= DNS_QUERY_SIZE_MAX);
    cursor_init(&c, packet);
    s->asked.id = cursor_u16(&c);
    MUST(cursor_u16(&c) == 0x0100 && cursor_u16(&c) == 1);
    MUST(cursor_u32(&c) == 0);
    s->asked.edns = cursor_u16(&c) == 1;
    dns_name_take(packet, &c, &s->asked.name);
    s->asked.type = (enum dns_type)cursor_u16(&c);
    MUST(cursor_u16(&c) == 1);
    cursor_take(&c, s->asked.edns ? 11 : 0);
    MUST(!c.bad && c.rest.size == 0);
}

static void
open_socket(const struct dns_action *a)
{
    struct socket *s = &sockets[a->attempt];

    MUST(!s->open && a->tcp == (a->attempt == STREAM));
    s->open = true;
    s->tcp = a->tcp;
    s->task = a->tcp ? lookup.stream_task
                     : lookup.slots[a->attempt / (DNS_SERVER_COUNT_MAX * 2)];
    for (s->server = 0;
         !addr_equal(&a->server.addr, &conf.servers[s->server].at.addr);)
        MUST(++s->server < conf.server_count);
    s->sent = 0;
    buf_init(&s->reply, s->bytes, sizeof(s->bytes));
    buf_init(&s->packet, s->packet_bytes, sizeof(s->packet_bytes));
    buf_put(&s->packet, a->packet);
    read_query(s, a->packet);
}

/* Of a question at a server: with EDNS, and in mixed case, in the first round
 * only; one socket of each form. */
static void
check_sent(uint32_t attempt)
{
    struct socket *s = &sockets[attempt];
    struct story *story = &stories[s->task];
    struct dns_name lower = s->asked.name;
    bool again = false;

    if (story->begun_ms == NEVER)
        story->begun_ms = now_ms;
    dns_name_lower(&lower);
    if (s->asked.edns)
        MUST(now_ms < story->begun_ms + FIRST_ROUND_MS);
    else
        MUST(dns_name_identical(&lower, &s->asked.name));
    for (uint32_t i = 0; i < STREAM; i++)
        if (i != attempt && !s->tcp && sockets[i].open &&
            sockets[i].task == s->task && sockets[i].server == s->server) {
            MUST(!again && sockets[i].asked.edns != s->asked.edns);
            again = true;
        }
    if (story->asked_ms[s->server] == NEVER)
        story->asked_ms[s->server] = now_ms;
    story->heard[s->server] = false;
}

static void
act(void)
{
    uint8_t random[DNS_RANDOM_SIZE];
    struct dns_action a = {.act = DNS_ACT_CLOSE};
    bool opened = false;

    for (;;) {
        memset(random, ++entropy, sizeof(random));
        dns_lookup_next(&lookup, now_ms, random, &a);
        if (a.act == DNS_ACT_NONE)
            return;
        MUST(a.attempt < DNS_ATTEMPT_COUNT_MAX);
        if (a.act == DNS_ACT_CLOSE) {
            MUST(sockets[a.attempt].open && !opened);
            sockets[a.attempt].open = false;
            continue;
        }
        opened = true;
        if (a.act == DNS_ACT_OPEN)
            open_socket(&a);
        else
            MUST(sockets[a.attempt].open && !sockets[a.attempt].tcp &&
                 slice_equal(a.packet, buf_slice(&sockets[a.attempt].packet)));
        check_sent(a.attempt);
    }
}

/* ---- the servers ---- */

static void
put_u16(struct buf *b, uint32_t value)
{
    buf_put_byte(b, (uint8_t)(value >> 8));
    buf_put_byte(b, (uint8_t)value);
}

static void
put_record(struct buf *b, uint32_t type, struct slice *in)
{
    static const char *const targets[] = {"\1b\2cd", "\1c\2cd", "\1d\2cd", ""};
    uint8_t how = fuzz_u8(in);

    if (how & 0x40) {
        buf_put_text(b, targets[how >> 4 & 3]);
        buf_put_byte(b, 0);
    } else {
        put_u16(b, 0xc00c);
    }
    if (how & 8)
        type = DNS_CNAME;
    put_u16(b, type);
    put_u16(b, 1);
    put_u16(b, 0);
    put_u16(b, 60);
    if (type == DNS_A || type == DNS_AAAA) {
        put_u16(b, type == DNS_A ? 4 : 16);
        for (uint32_t i = type == DNS_A ? 3 : 15; i > 0; i--)
            buf_put_byte(b, how);
        buf_put_byte(b, fuzz_u8(in));
        return;
    }
    put_u16(b,
            (type == DNS_MX ? 2 : 0) + (uint32_t)strlen(targets[how & 3]) + 1);
    if (type == DNS_MX)
        put_u16(b, how >> 2 & 3);
    buf_put_text(b, targets[how & 3]);
    buf_put_byte(b, 0);
}

static void
make_reply(struct socket *s, struct slice *in)
{
    static const uint16_t flags[] = {0x8180, 0x8183, 0x8182, 0x8181,
                                     0x8380, 0x8000, 0x8184, 0x8185};
    uint8_t how = fuzz_u8(in), count = how >> 3 & 3;
    struct dns_name name = s->asked.name;
    struct buf *b = &s->reply;

    buf_reset(b);
    s->sent = 0;
    if (how & 0x80)
        dns_name_lower(&name);
    put_u16(b, s->asked.id ^ (how & 0x40 ? fuzz_u8(in) : 0));
    put_u16(b, flags[how & 7]);
    put_u16(b, 1);
    put_u16(b, count);
    put_u16(b, 0);
    put_u16(b, 0);
    buf_put(b, slice_of(name.wire, name.size));
    put_u16(b, s->asked.type);
    put_u16(b, 1);
    for (uint32_t i = 0; i < count; i++)
        put_record(b, s->asked.type, in);
    if (how & 0x20)
        buf_put(b, fuzz_take(in, 1 + fuzz_u8(in) % 16u));
    if (how & 0x20 && b->used > 12) {
        uint8_t at = fuzz_u8(in);

        b->data[at % b->used] = fuzz_u8(in);
    }
    stories[s->task].said_no[s->server] = true;
    said_no_name |= b->used > 3 && (b->data[3] & 15) == DNS_RCODE_NXDOMAIN;
    said_nothing |= b->used > 3 && (b->data[3] & 15) == DNS_RCODE_NOERROR;
    said_found |= count > 0 || how & 0x20;
}

/* Brings bytes to an attempt, as many as it has room for. */
static size_t
bring(uint32_t attempt, struct slice bytes)
{
    bool wanted = dns_lookup_wants_rx(&lookup, attempt);
    struct socket *s = &sockets[attempt];
    size_t room = 0;
    uint8_t *at = dns_lookup_rx(&lookup, attempt, &room);

    MUST(wanted == (room > 0));
    if (room > 0 && bytes.size > 0)
        memcpy(at, bytes.data, bytes.size < room ? bytes.size : room);
    if (bytes.size > room)
        bytes.size = room;
    if (s->open)
        stories[s->task].heard[s->server] = true;
    if (room > 0 || bytes.size == 0)
        dns_lookup_rx_ack(&lookup, attempt, bytes.size, now_ms);
    return bytes.size;
}

static void
reply(uint32_t attempt, struct slice *in)
{
    struct socket *s = &sockets[attempt];
    uint8_t bytes[2 + sizeof(s->bytes)];
    struct slice rest;
    size_t size = 0;

    if (!s->tcp) {
        make_reply(s, in);
        bring(attempt, buf_slice(&s->reply));
        return;
    }
    if (s->sent == 0)
        make_reply(s, in);
    bytes[0] = (uint8_t)(s->reply.used >> 8);
    bytes[1] = (uint8_t)s->reply.used;
    memcpy(bytes + 2, s->bytes, s->reply.used);
    rest = slice_part(slice_of(bytes, s->reply.used + 2), s->sent, SIZE_MAX);
    size = fuzz_u8(in);
    do {
        size_t n = bring(attempt, slice_part(rest, 0, size ? size : SIZE_MAX));

        s->sent += (uint32_t)n;
        rest = slice_part(rest, n, rest.size);
        if (n == 0)
            break;
    } while (size == 0 && rest.size > 0);
    if (rest.size == 0)
        s->sent = 0;
}

/* ---- what is true at any time ---- */

/* A "no" is that of a server that said so. In the first round it counts if all
 * who were asked before were heard too, in whatever way. */
static void
check_no(uint32_t task)
{
    const struct story *story = &stories[task];
    uint32_t who = lookup.tasks[task].server;

    MUST(story->said_no[who]);
    /* An alias in a pause begins a round with the server that knew it. */
    if (now_ms >= story->begun_ms + FIRST_ROUND_MS ||
        lookup.tasks[task].schedule.round_count > 1)
        return;
    for (uint32_t i = 0; i < conf.server_count; i++)
        MUST(i == who || story->asked_ms[i] == NEVER || story->heard[i] ||
             story->asked_ms[i] >= story->asked_ms[who]);
}

static void
check(void)
{
    for (uint32_t i = 0; i < question_count; i++) {
        const struct dns_query *q = dns_lookup_answer(&lookup, questions[i]);
        struct story *story = &stories[questions[i]];

        MUST(q->state <= DNS_FAILED);
        MUST(q->address_count <= DNS_ADDRESS_COUNT_MAX);
        MUST(q->state != DNS_FOUND || said_found);
        MUST(q->state != DNS_NO_NAME || said_no_name);
        MUST(q->state != DNS_NODATA || said_nothing);
        MUST(q->state == DNS_FOUND || q->address_count == 0);
        MUST(!q->mx || q->mx->count <= DNS_MX_COUNT_MAX);
        if (q->state == DNS_NO_NAME || q->state == DNS_NODATA)
            check_no(questions[i]);
        MUST(q->state != DNS_PENDING || story->begun_ms == NEVER ||
             now_ms < story->begun_ms + SCHEDULE_MS);
    }
    MUST(dns_lookup_pending(&lookup) ==
         (dns_lookup_deadline_ms(&lookup) < INT64_MAX));
}

static void
pass(int64_t ms)
{
    int64_t deadline_ms = dns_lookup_deadline_ms(&lookup);

    if (deadline_ms == INT64_MAX)
        now_ms += 1;
    else if (deadline_ms <= now_ms + ms)
        now_ms = deadline_ms > now_ms ? deadline_ms : now_ms;
    else
        now_ms += ms;
    dns_lookup_tick(&lookup, now_ms);
}

/* A socket that is open, the `nth` one; false: there is none. */
static bool
choose(uint8_t nth, uint32_t *attempt)
{
    uint32_t open = 0;

    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
        open += sockets[i].open;
    if (open == 0)
        return false;
    nth %= open;
    for (*attempt = 0; !sockets[*attempt].open || nth > 0; ++*attempt)
        nth = (uint8_t)(nth - sockets[*attempt].open);
    return true;
}

static void
ask(uint8_t how)
{
    static const char *const names[] = {"a.cd", "b.cd", "c.cd", "A.cd"};
    static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_MX, DNS_A};
    struct dns_name name;
    uint32_t q = UINT32_MAX;

    if (question_count == QUESTIONS_MAX)
        return;
    MUST(dns_name_parse(slice_text(names[how & 3]), &name));
    if (!dns_lookup_ask(&lookup, &name, types[how >> 2 & 3], NULL, &q)) {
        MUST(types[how >> 2 & 3] == DNS_MX);
        return;
    }
    MUST(q < lookup.task_count);
    questions[question_count++] = q;
}

static void
operate(struct slice *in)
{
    uint8_t op = fuzz_u8(in);
    uint32_t attempt = 0;

    if ((op & 7) < 4 && !choose(op >> 3, &attempt))
        op = 5;
    switch (op & 7) {
    case 0:
    case 1:
        reply(attempt, in);
        break;
    case 2:
        stories[sockets[attempt].task].heard[sockets[attempt].server] = true;
        dns_lookup_lost(&lookup, attempt, now_ms);
        MUST(dns_lookup_packet(&lookup, attempt).size == 0);
        dns_lookup_lost(&lookup, attempt, now_ms); /* nor is it there */
        break;
    case 3:
        if (op & 0x80)
            (void)bring(attempt, fuzz_take(in, fuzz_u8(in)));
        else
            (void)dns_lookup_packet(&lookup, attempt);
        break;
    case 4:
        ask(op >> 3);
        if (op & 0x80)
            pass(1);
        break;
    case 5:
        pass(INT64_MAX / 2);
        break;
    case 6:
        pass(op & 0xf8 ? fuzz_u8(in) * 4 : 1);
        break;
    default:
        if (question_count > 0 && op & 0x80)
            dns_lookup_drop(&lookup, questions[(op >> 3) % question_count]);
        else
            pass(DNS_HEDGE_MS);
    }
    check();
}

static void
set_up(struct slice *in)
{
    uint8_t flags = fuzz_u8(in);
    struct slice servers[] = {
        SLICE("nameserver 192.0.2.1"), SLICE("nameserver 192.0.2.2"),
        SLICE("nameserver 2001:db8::1"), SLICE("nameserver 192.0.2.4")};

    dns_conf_init(&conf);
    for (uint32_t i = 0; i <= (flags & 3u); i++)
        dns_conf_line(&conf, servers[i]);
    if (flags & 4)
        dns_conf_line(&conf, SLICE("options use-vc"));
    conf.timeout_ms = flags & 16 ? 5000 : 0;
    dns_conf_end(&conf);
    dns_lookup_init(&lookup, &conf, flags);
    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
        sockets[i].open = false;
    now_ms = START_MS;
    question_count = 0;
    entropy = 0;
    for (uint32_t i = 0; i < QUESTIONS_MAX; i++) {
        stories[i] = (struct story){.begun_ms = NEVER};
        for (uint32_t j = 0; j < DNS_SERVER_COUNT_MAX; j++)
            stories[i].asked_ms[j] = NEVER;
    }
    said_found = said_no_name = said_nothing = false;
    ask(flags >> 5);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    int64_t latest_ms = START_MS + SCHEDULE_MS;

    set_up(&in);
    for (uint32_t i = 0; i < STEP_COUNT_MAX && in.size > 0; i++) {
        uint32_t count = question_count;

        act();
        operate(&in);
        if (question_count > count)
            latest_ms = now_ms + SCHEDULE_MS;
        MUST(!dns_lookup_pending(&lookup) || now_ms <= latest_ms);
    }
    /* In silence it ends by itself. */
    for (uint32_t i = 0; dns_lookup_pending(&lookup); i++) {
        MUST(i < 400);
        act();
        pass(INT64_MAX / 2);
        check();
        MUST(now_ms <= latest_ms);
    }
    act();
    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
        MUST(!sockets[i].open);
    return 0;
}
