/* SPDX-License-Identifier: ISC */
#include "sim/mta.h"

#include <string.h>

#include "sim/check.h"

enum {
    COMMAND_SIZE_MAX = 512,
    RESPONSE_SIZE_MAX = 12288, /* RFC 4954 4.5.3.1.9 */
    PLAIN_SIZE = 16384,
    BABBLE_SIZE = 200,
    HANDSHAKE = 22 /* RFC 8446 5.1 */
};

struct session *sessions[SESSION_COUNT_ALL_MAX];
uint32_t session_count;

void
mta_reset(void)
{
    session_count = 0;
}

static void
greet(struct session *s)
{
    say(s, AT_GREETING,
        s->mta->codes[AT_GREETING] ? s->mta->codes[AT_GREETING] : 220);
}

void
mta_opened(struct conn *c)
{
    struct session *s = sim_alloc(sizeof(*s));

    if (session_count == SESSION_COUNT_ALL_MAX) {
        violated(CHECK_SESSIONS, "more than %u connections to mail servers",
                 session_count);
        conn_end(c, true);
        return;
    }
    sessions[session_count++] = s;
    c->session = s;
    s->conn = c;
    s->mta = c->mta;
    s->index = c->mta->session_count++;
    s->state = SESSION_COMMAND;
    trace("mta %s accepts connection %u", place_text(&c->place), c->number);
    if (s->mta->tls_first)
        start_tls(s);
    else
        greet(s);
}

/* ---- lines ---- */

static size_t
line_size_max(const struct session *s)
{
    return s->auth_waits ? RESPONSE_SIZE_MAX : COMMAND_SIZE_MAX;
}

static void
end_line(struct session *s)
{
    size_t size = s->line.size;
    char *line = (char *)s->line.data;

    s->line = (struct bytes){0};
    if (size < 2 || line[size - 2] != '\r' || size > line_size_max(s)) {
        violated(CHECK_CLIENT, "a line without CR, or too long: %s",
                 quoted(line, size));
        return;
    }
    for (size_t i = 0; i + 2 < size; i++)
        if ((uint8_t)line[i] < ' ' || (uint8_t)line[i] >= 0x7f)
            violated(CHECK_CLIENT, "a command has odd bytes: %s",
                     quoted(line, size));
    check_told(s, line, size);
    line[size - 2] = '\0';
    hear_command(s, line);
}

static void
hear_line(struct session *s, const uint8_t **data, size_t *size)
{
    while (*size > 0 && s->state == SESSION_COMMAND && !s->ending) {
        uint8_t byte = **data;

        ++*data;
        --*size;
        bytes_put(&s->line, &byte, 1);
        s->more = *size > 0;
        if (byte == '\n')
            end_line(s);
        if (s->line.size > line_size_max(s)) {
            violated(CHECK_CLIENT, "a command without end");
            s->state = SESSION_OVER;
        }
    }
}

/* 354 has not gone yet. Commands are looked at in mta_command.c. */
static bool
waits_for_silence(const struct session *s)
{
    return s->pending > 0 && s->state == SESSION_BODY && !s->dirty;
}

static void
hear_plain(struct session *s, const uint8_t *data, size_t size)
{
    if (size > 0 && waits_for_silence(s))
        violated(CHECK_CLIENT, "bytes before the reply: %s",
                 quoted(data, size));
    while (size > 0 && !s->ending && s->state != SESSION_OVER &&
           s->state != SESSION_TLS) {
        if (s->state == SESSION_COMMAND)
            hear_line(s, &data, &size);
        if (s->state == SESSION_BODY)
            hear_body(s, &data, &size);
    }
}

/* ---- TLS ---- */

static bool
refuses_tls(struct session *s)
{
    uint8_t babble[BABBLE_SIZE];
    static const char plain[] = "454 no TLS today\r\n";
    enum mischief mischief = s->mta->mischief;

    if (has_tls_fault(s, TLS_FAULT_RESET)) {
        end_session(s, true);
        return true;
    }
    if (!has_mischief(s, AT_HANDSHAKE) || mischief == CUT ||
        mischief == GARBLED || mischief == SLOW)
        return false;
    s->dirty = true;
    if (mischief == CLOSE || mischief == RESET) {
        end_session(s, mischief == RESET);
    } else if (mischief == BABBLE && chance(50)) {
        conn_send(s->conn, plain, sizeof(plain) - 1, s->mta->segment);
    } else if (mischief == BABBLE) {
        for (size_t i = 0; i < sizeof(babble); i++)
            babble[i] = (uint8_t)draw(256);
        conn_send(s->conn, babble, sizeof(babble), s->mta->segment);
    }
    return true;
}

static void
hear_tls(struct session *s, const uint8_t *data, size_t size)
{
    uint8_t plain[PLAIN_SIZE];
    size_t n = 0;

    if (s->state == SESSION_TLS && refuses_tls(s))
        return;
    if (s->state == SESSION_TLS) {
        enum peer_state state = peer_feed(s->peer, data, size);

        if (state == PEER_FAILED)
            end_session(s, chance(30));
        if (state != PEER_OPEN || s->state == SESSION_OVER)
            return;
        trace("mta %s is secure: %s", place_text(&s->mta->place),
              peer_proto(s->peer));
        check_secured(s);
        s->state = SESSION_COMMAND;
        s->secure = true;
        s->hello = false;
        s->offers = 0;
        if (has_tls_fault(s, TLS_FAULT_DROPPED)) {
            end_session(s, s->mta->mischief_value & 1);
            return;
        }
        if (s->mta->codes[AT_HANDSHAKE]) {
            s->dirty = true;
            end_session(s, s->mta->codes[AT_HANDSHAKE] == 2);
            return;
        }
        if (s->said_count == 0) {
            s->shaken_end = s->conn->down.size;
            greet(s);
        }
    } else {
        (void)peer_feed(s->peer, data, size);
    }
    while (s->state != SESSION_OVER &&
           (n = peer_read(s->peer, plain, sizeof(plain))) > 0)
        hear_plain(s, plain, n);
}

/* ---- what net.c tells ---- */

/* In clear, where the client speaks TLS from the first byte. */
static void
hear_noise(struct session *s, const uint8_t *data, size_t size)
{
    if (s->heard == size && data[0] != HANDSHAKE)
        violated(CHECK_SECURE, "speaks in clear to %s, where TLS comes first",
                 place_text(&s->mta->place));
    s->dirty = true;
    if (chance(50))
        end_session(s, chance(50));
}

static void
hear(struct session *s, const uint8_t *data, size_t size)
{
    if (world.hop.implicit && !s->peer)
        hear_noise(s, data, size);
    else if (s->peer)
        hear_tls(s, data, size);
    else
        hear_plain(s, data, size);
}

/* How many it hears before it is taken off: mostly of the envelope, in clear
 * or behind a handshake. */
static uint64_t
bytes_left(const struct session *s)
{
    const struct mta *m = s->mta;
    uint64_t limit =
        m->mischief_value % (m->mischief_value & 1024 ? 400 : 2000);

    if (m->mischief != TAKEN_OFF || (m->mischief_once && s->index > 0))
        return UINT64_MAX;
    return limit > s->heard ? limit - s->heard : 0;
}

void
mta_bytes(struct conn *c, const uint8_t *data, size_t size)
{
    struct session *s = c->session;
    uint64_t left = bytes_left(s);
    bool last = size > left;

    s->heard += size;
    if (last)
        size = (size_t)left;
    if (s->state != SESSION_OVER && size > 0)
        hear(s, data, size);
    if (!last || s->state == SESSION_OVER)
        return;
    s->dirty = true;
    end_session(s, s->mta->mischief_value & 1);
}

void
mta_closed(struct conn *c)
{
    struct session *s = c->session;

    trace("    %s: the client closed", place_text(&s->mta->place));
    s->state = SESSION_OVER;
    conn_end(c, false);
}

/* The program's deadline runs anew with each whole reply, and for the greeting
 * once a handshake in front of it is over. */
void
mta_arrived(struct conn *c)
{
    struct session *s = c->session;

    if (s && s->shaken_end > 0 && !s->shaken && s->shaken_end <= c->arrived) {
        s->shaken = true;
        c->progress_ms = sim_now_ms;
    }
    for (uint32_t i = 0; s && i < s->said_count; i++)
        if (s->said[i].sent && !s->said[i].came &&
            s->said[i].end <= c->arrived) {
            s->said[i].came = true;
            c->progress_ms = sim_now_ms;
        }
}
