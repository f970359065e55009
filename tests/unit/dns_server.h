/* SPDX-License-Identifier: ISC */
/*
 * Name servers of every manner under a clock of its own, for the tests of
 * dns/lookup.
 *
 * in     questions asked of `lookup`; the manner of each server
 * out    every socket opened and closed, and when; the answers
 * bound  EVENT_COUNT_MAX events
 * fault  run and finish: false when the look-up broke a rule of its own
 * order  begin, manners, ask ..., run or finish
 */
#ifndef UNIT_DNS_SERVER_H
#define UNIT_DNS_SERVER_H

#include "dns/lookup.h"

#include "dns_packet.h"
#include "test.h"

/* What a fake server does with a query. */
enum manner {
    SILENT,
    TELL,     /* one address, or MX 10 mx.example.com */
    TELL_LOW, /* the same, with the question in lower case */
    NO_NAME,
    NO_DATA,
    SERVFAIL,
    REFUSED,
    RUBBISH,      /* right id and question, and a record cut short */
    OTHER_ID,     /* then silent */
    OTHER_NAME,   /* then silent */
    FORMERR_EDNS, /* to EDNS; else an answer */
    SILENT_EDNS,  /* to EDNS; else an answer */
    RUBBISH_EDNS, /* to EDNS; else an answer */
    CUT,          /* TC to datagrams, an answer to streams */
    ALIAS,        /* an alias for "target.com", of which it has an answer */
    ALIAS_NO,     /* the same, and target.com does not exist */
    ALIAS_LOOP,   /* an alias for another name, for ever */
    LOST          /* the socket fails */
};

enum { EVENT_COUNT_MAX = 2000, STREAM = DNS_ATTEMPT_COUNT_MAX - 1 };

struct event {
    int64_t at_ms;
    uint32_t attempt, server;
    enum dns_act act;
    bool tcp, edns;
    struct dns_name name;
};

static struct dns_conf conf;
static struct dns_lookup lookup;
static struct packet packet;
static enum manner manners[DNS_SERVER_COUNT_MAX];
static int64_t delays[DNS_SERVER_COUNT_MAX]; /* of their answers, ms */
static bool authentic[DNS_SERVER_COUNT_MAX]; /* AD to those who ask for it */
static int64_t now_ms;
static uint8_t entropy;

static struct event events[EVENT_COUNT_MAX];
static uint32_t event_count;

/* What the network is about to bring. */
static struct {
    bool due;
    int64_t at_ms;
    enum manner manner;
    bool tcp, edns, authentic;
    struct dns_question question;
} arrivals[DNS_ATTEMPT_COUNT_MAX];
static bool open_sockets[DNS_ATTEMPT_COUNT_MAX];

static inline void
begin(uint32_t server_count)
{
    dns_conf_init(&conf);
    for (uint32_t i = 0; i < server_count; i++) {
        uint8_t address[ADDR_IPV4_SIZE] = {192, 0, 2, (uint8_t)(i + 1)};

        addr_from_ipv4(&conf.servers[i].at.addr, address);
        conf.servers[i].at.port = DNS_PORT;
        manners[i] = SILENT;
        delays[i] = 10;
        authentic[i] = false;
    }
    conf.server_count = server_count;
    dns_conf_end(&conf);
    now_ms = 1000;
    entropy = 1;
    event_count = 0;
    memset(arrivals, 0, sizeof(arrivals));
    memset(open_sockets, 0, sizeof(open_sockets));
    dns_lookup_init(&lookup, &conf, 7);
}

static inline uint32_t
ask(const char *name, enum dns_type type)
{
    struct dns_name n = name_of(name);
    uint32_t question = UINT32_MAX;

    if (!dns_lookup_ask(&lookup, &n, type, NULL, &question))
        return UINT32_MAX;
    return question;
}

/* What a query asks, as a server reads it. */
static inline void
read_query(struct slice whole, struct dns_question *out, bool *edns)
{
    struct cursor c;

    cursor_init(&c, whole);
    out->id = cursor_u16(&c);
    out->ad = cursor_u16(&c) & AD;
    cursor_take(&c, 6);
    *edns = cursor_u16(&c) == 1;
    dns_name_take(whole, &c, &out->name);
    out->type = (enum dns_type)cursor_u16(&c);
    cursor_u16(&c);
    if (*edns)
        cursor_take(&c, 11);
    if (c.bad || c.rest.size > 0)
        out->id = 0; /* such a query gets no reply that fits */
}

static inline void
note(const struct dns_action *action)
{
    struct event *e = &events[event_count++];
    struct slice query = action->packet;
    uint32_t a = action->attempt;
    uint32_t server = action->server.addr.bytes[3] - 1u;
    bool answered_soon = arrivals[a].due && action->act == DNS_ACT_SEND;

    *e = (struct event){
        .at_ms = now_ms, .attempt = a, .act = action->act, .tcp = action->tcp};
    open_sockets[a] = action->act != DNS_ACT_CLOSE;
    arrivals[a].due = answered_soon;
    if (action->act == DNS_ACT_CLOSE)
        return;
    if (action->tcp)
        query = slice_part(query, 2, query.size);
    read_query(query, &arrivals[a].question, &e->edns);
    e->name = arrivals[a].question.name;
    e->server = server;
    if (answered_soon)
        return;
    arrivals[a].due = manners[server] != SILENT &&
                      (manners[server] != SILENT_EDNS || !e->edns);
    arrivals[a].at_ms = now_ms + delays[server];
    arrivals[a].manner = manners[server];
    arrivals[a].authentic = authentic[server];
    arrivals[a].tcp = action->tcp;
    arrivals[a].edns = e->edns;
}

/* Of one question at one server no more than its two datagram sockets are open,
 * and one stream in all. */
static inline bool
few_are_open(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
        count += open_sockets[i];
    return count <= 1 + DNS_PENDING_COUNT_MAX * conf.server_count *
                            (uint32_t)DNS_FORM_COUNT;
}

/* Does what the look-up wants done; false: it broke a rule of its own. */
static inline bool
act(void)
{
    struct dns_action action = {.act = DNS_ACT_CLOSE};
    bool opened = false;

    while (action.act != DNS_ACT_NONE) {
        uint8_t random[DNS_RANDOM_SIZE];

        for (size_t i = 0; i < sizeof(random); i++)
            random[i] = entropy = (uint8_t)(entropy * 5 + 17);
        dns_lookup_next(&lookup, now_ms, random, &action);
        if (action.act == DNS_ACT_NONE || event_count == EVENT_COUNT_MAX)
            break;
        if (open_sockets[action.attempt] != (action.act != DNS_ACT_OPEN))
            return false;
        if (action.act == DNS_ACT_CLOSE && opened)
            return false;
        opened = action.act != DNS_ACT_CLOSE;
        if (action.act == DNS_ACT_SEND && action.attempt == STREAM)
            return false;
        note(&action);
        if (!few_are_open())
            return false;
    }
    return event_count < EVENT_COUNT_MAX;
}

static inline void
put_answer(const char *owner, enum dns_type type)
{
    if (type == DNS_MX)
        packet_mx(&packet, owner, 10, "mx.example.com");
    else
        packet_address(&packet, ANSWER, owner,
                       type == DNS_A ? "192.0.2.99" : "2001:db8::99");
}

static inline void
put_reply(enum manner manner, bool tcp, bool edns,
          const struct dns_question *question)
{
    struct dns_name name = question->name, target = name_of("target.com");
    bool is_target = dns_name_equal(&name, &target);
    uint32_t flags = REPLY;

    if (manner == SERVFAIL)
        flags |= DNS_RCODE_SERVFAIL;
    if (manner == REFUSED)
        flags |= DNS_RCODE_REFUSED;
    if (manner == NO_NAME || (manner == ALIAS_NO && is_target))
        flags |= DNS_RCODE_NXDOMAIN;
    if (manner == FORMERR_EDNS && edns)
        flags |= DNS_RCODE_FORMERR;
    if (manner == CUT && !tcp)
        flags |= TC;
    if (manner == TELL_LOW)
        dns_name_lower(&name);
    packet_begin(&packet, question->id ^ (manner == OTHER_ID), flags);
    if (manner == OTHER_NAME)
        name.wire[1] ^= 1;
    packet_question(&packet, &name, question->type);
    if (flags != REPLY || manner == NO_DATA)
        return;
    if (manner == ALIAS_LOOP)
        packet_alias(&packet, "@", is_target ? "other.com" : "target.com");
    else if ((manner == ALIAS || manner == ALIAS_NO) && !is_target)
        packet_alias(&packet, "@", "target.com");
    else
        put_answer("@", question->type);
    if (manner == RUBBISH || (manner == RUBBISH_EDNS && edns))
        packet.buf.used--;
}

/* The bytes of the packet, the length in front, by `step` bytes at a time. */
static inline bool
stream_in(uint32_t attempt, size_t step)
{
    uint8_t bytes[2 + 4096];
    size_t size = packet.buf.used, at = 0, room = 0;

    bytes[0] = (uint8_t)(size >> 8);
    bytes[1] = (uint8_t)size;
    memcpy(bytes + 2, packet.bytes, size);
    size += 2;
    while (at < size) {
        uint8_t *to = dns_lookup_rx(&lookup, attempt, &room);
        size_t n = step < room ? step : room;

        if (room == 0)
            return false;
        n = n < size - at ? n : size - at;
        memcpy(to, bytes + at, n);
        dns_lookup_rx_ack(&lookup, attempt, n, now_ms);
        at += n;
    }
    return true;
}

static inline void
datagram_in(uint32_t attempt)
{
    size_t room = 0;
    uint8_t *to = dns_lookup_rx(&lookup, attempt, &room);

    if (room < packet.buf.used)
        return;
    memcpy(to, packet.bytes, packet.buf.used);
    dns_lookup_rx_ack(&lookup, attempt, packet.buf.used, now_ms);
}

static inline void
arrive(uint32_t attempt)
{
    arrivals[attempt].due = false;
    if (arrivals[attempt].manner == LOST) {
        dns_lookup_lost(&lookup, attempt, now_ms);
        return;
    }
    put_reply(arrivals[attempt].manner, arrivals[attempt].tcp,
              arrivals[attempt].edns, &arrivals[attempt].question);
    if (arrivals[attempt].authentic && arrivals[attempt].question.ad)
        packet.bytes[3] |= AD;
    if (arrivals[attempt].tcp)
        stream_in(attempt, 7);
    else
        datagram_in(attempt);
}

/* Lets time pass until `until_ms`, or until nothing is pending. */
static inline bool
run(int64_t until_ms)
{
    while (dns_lookup_pending(&lookup)) {
        uint32_t first = DNS_ATTEMPT_COUNT_MAX;
        int64_t next_ms = 0;

        if (!act())
            return false;
        next_ms = dns_lookup_deadline_ms(&lookup);
        for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++) {
            if (arrivals[i].due && arrivals[i].at_ms < next_ms) {
                next_ms = arrivals[i].at_ms;
                first = i;
            }
        }
        if (next_ms > until_ms) {
            now_ms = until_ms;
            return true;
        }
        if (next_ms < now_ms)
            return false;
        now_ms = next_ms;
        if (first < DNS_ATTEMPT_COUNT_MAX)
            arrive(first);
        else
            dns_lookup_tick(&lookup, now_ms);
    }
    return act();
}

static inline bool
finish(void)
{
    if (!run(INT64_MAX - 1))
        return false;
    for (uint32_t i = 0; i < DNS_ATTEMPT_COUNT_MAX; i++)
        if (open_sockets[i])
            return false;
    return dns_lookup_deadline_ms(&lookup) == INT64_MAX;
}

static inline enum dns_state
state(uint32_t question)
{
    return dns_lookup_answer(&lookup, question)->state;
}

/* What was asked, as "ms:server ms:server/plain ms:server/tcp ...": plain and
 * by a new socket, again by the same one, or over TCP. */
static inline bool
opens(const char *expected)
{
    uint8_t bytes[2048];
    struct buf out;

    buf_init(&out, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < event_count; i++) {
        if (events[i].act == DNS_ACT_CLOSE)
            continue;
        if (out.used > 0)
            buf_put_byte(&out, ' ');
        buf_put_number(&out, (uint64_t)(events[i].at_ms - 1000), 1);
        buf_put_byte(&out, ':');
        buf_put_number(&out, events[i].server, 1);
        if (events[i].tcp)
            buf_put_text(&out, "/tcp");
        else if (events[i].act == DNS_ACT_SEND)
            buf_put_text(&out, "/again");
        else if (!events[i].edns)
            buf_put_text(&out, "/plain");
    }
    if (slice_equal(buf_slice(&out), slice_text(expected)))
        return true;
    printf("# %.*s\n", (int)out.used, (const char *)bytes);
    return false;
}

/* The attempt of a question at a server. */
static inline uint32_t
attempt_at(uint32_t question, uint32_t server, enum dns_form form)
{
    return (lookup.tasks[question].slot * DNS_SERVER_COUNT_MAX + server) *
               DNS_FORM_COUNT +
           form;
}

/* A packet right now, whatever the server's manner. */
static inline void
inject_at(uint32_t attempt, enum manner manner)
{
    put_reply(manner, attempt == STREAM,
              attempt % DNS_FORM_COUNT == DNS_FORM_MIXED,
              &arrivals[attempt].question);
    if (attempt == STREAM)
        stream_in(attempt, 7);
    else
        datagram_in(attempt);
}

/* To the first question, by the first server. */
static inline void
inject(enum manner manner)
{
    inject_at(0, manner);
}

#endif
