/* SPDX-License-Identifier: ISC */
#include "sim/mta.h"

#include <stdio.h>
#include <string.h>

#include "sim/check.h"

enum {
    CLOSING_CODE = 421,
    LATE_MS = 5000,
    DRIP_PIECES = 6, /* bytes of a reply in one time-out */
    LONG_SIZE = 1 << 20,
    ENDLESS_LINES = 1200,
    GREET_CODE = 220,
    NAG_PIECES = 20,
    NAG_COUNT_MAX = 60, /* three time-outs */
    STALE_SIZE = 11     /* "250 stale" and its line end */
};

static const char *const at_names[AT_COUNT] = {
    "greeting", "EHLO", "HELO", "STARTTLS", "handshake",     "AUTH",
    "MAIL",     "RCPT", "DATA", "message",  "end of message"};

/* threats.md: odd replies. Each must be taken for a protocol error, or for no
 * reply at all where its end is missing. */
static const char *const odd_replies[] = {"550-a\r\n250 b\r\n",
                                          "450-a\r\n354 b\r\n",
                                          "25\r\n",
                                          "2500 ok\r\n",
                                          "099 ok\r\n",
                                          "150 ok\r\n",
                                          "650 ok\r\n",
                                          "999 ok\r\n",
                                          "ok\r\n",
                                          "\r\n",
                                          "2x0 ok\r\n",
                                          "250+ok\r\n",
                                          " 250 ok\r\n",
                                          "-50 ok\r\n",
                                          "250-a\r\nb\r\n",
                                          "2 50\r\n",
                                          "\xff\xfe"
                                          "250\r\n",
                                          "250-a\r\n25",
                                          "250",
                                          "+OK\r\n",
                                          "000 \r\n",
                                          "200-\r\n2000\r\n"};

bool
has_mischief(const struct session *s, enum at at)
{
    const struct mta *m = s->mta;

    if (m->mischief == NO_MISCHIEF || (m->mischief_once && s->index > 0))
        return false;
    if (m->mischief == SLOW && m->mischief_value & 128)
        return true; /* with everything */
    if (m->mischief_at != at)
        return false;
    if (at == AT_RCPT && m->mischief_value % 3 + 1 != s->rcpt_count)
        return false;
    if (at == AT_AUTH && m->mischief_value % 3 != s->auth_said)
        return false;
    return at == AT_GREETING || at == AT_STARTTLS || at == AT_HANDSHAKE ||
           m->mischief_secure == s->secure;
}

bool
has_tls_fault(const struct session *s, enum tls_fault fault)
{
    return s->mta->tls_fault == fault &&
           !(s->mta->tls_fault_once && s->index > 0);
}

/* ---- bytes ---- */

static enum peer_nag
nag_of(const struct mta *m)
{
    return m->nag == NAG_HELLO_REQUEST ? PEER_HELLO_REQUEST
           : m->nag == NAG_WARNING     ? PEER_WARNING
                                       : PEER_EMPTY;
}

/* With records that bring nothing before it, behind it or both, in one segment;
 * where the reply itself ends. */
static size_t
write_with_nags(struct session *s, const void *data, size_t size)
{
    uint32_t where = draw_between(1, 3);
    size_t end = s->conn->down.size;

    s->gathers = true;
    if (where & 1)
        peer_nag(s->peer, nag_of(s->mta));
    peer_write(s->peer, data, size);
    end += s->gathered.size;
    if (where & 2)
        peer_nag(s->peer, nag_of(s->mta));
    s->gathers = false;
    (void)conn_send(s->conn, s->gathered.data, s->gathered.size, WHOLE);
    s->gathered = (struct bytes){0};
    return end;
}

size_t
say_bytes(struct session *s, const void *data, size_t size, size_t segment)
{
    if (!s->secure)
        return conn_send(s->conn, data, size, segment);
    if (s->mta->nag)
        return write_with_nags(s, data, size);
    peer_write(s->peer, data, size);
    return s->conn->down.size;
}

/* TLS out, where a bit may flip and the stream may be cut. */
void
say_tls(void *context, const uint8_t *data, size_t size)
{
    struct session *s = context;
    const struct mta *m = s->mta;
    size_t at = s->out_count, limit = m->mischief_value % 6000;
    struct bytes copy = {0};

    s->out_count += size;
    s->tls_from = s->tls_from ? s->tls_from : s->conn->down.size;
    bytes_put(&copy, data, size);
    if (has_mischief(s, AT_HANDSHAKE) && m->mischief != SLOW && at <= limit &&
        limit < at + size) {
        s->dirty = true;
        if (m->mischief == GARBLED) {
            trace("mta %s garbles its TLS", place_text(&m->place));
            copy.data[limit - at] ^= (uint8_t)(1 << draw(8));
        } else if (m->mischief == CUT) {
            conn_send(s->conn, copy.data, limit - at, m->segment);
            s->state = SESSION_OVER; /* not end_session: TLS is at work */
            s->ended = true;
            conn_end(s->conn, m->mischief_value & 1);
            return;
        }
    }
    if (s->gathers)
        bytes_put(&s->gathered, copy.data, copy.size);
    else
        conn_send(s->conn, copy.data, copy.size, m->segment);
}

void
end_session(struct session *s, bool by_reset)
{
    if (s->state == SESSION_OVER)
        return;
    trace("mta %s %s", place_text(&s->mta->place),
          by_reset ? "resets" : "closes");
    s->state = SESSION_OVER;
    s->ended = true;
    if (s->secure && !by_reset && !s->mta->close_silently)
        peer_close(s->peer);
    conn_end(s->conn, by_reset);
}

/* ---- texts ---- */

static void
put_text(const struct session *s, struct bytes *b)
{
    static const char *const texts[] = {"ok",
                                        "2.0.0 fine; id=1",
                                        "",
                                        "caf\xc3\xa9 \xe2\x82\xac",
                                        "\x1b[31mred\x07 \x7f\t tab",
                                        "%s%n%d ../../ `id`",
                                        "\xff\xfe\xc0\xaf\xed\xa0\x80 bad",
                                        "K1.2.3.4 accepted message."};
    uint32_t which = s->mta->text % 8;

    bytes_put(b, texts[which], strlen(texts[which]));
    if (s->mta->text & 8) /* NUL, and a verdict of its own */
        bytes_put(b, "\0K forged.\n\0", 3);
    for (uint32_t i = 0; s->mta->text & 16 && i < 40; i++)
        bytes_text(b, " word%u \xf0\x9f\x98\x80", i);
}

static void
put_offers(const struct session *s, struct bytes *b)
{
    static const char *const names[] = {"PIPELINING", "CHUNKING", "SIZE",
                                        "8BITMIME", "STARTTLS"};
    bool size = s->offers & OFFERS_SIZE;

    bytes_text(b, "250-%s\r\n", s->secure ? "again" : "hello");
    if (s->offers & OFFERS_LOOKALIKE)
        bytes_text(b, "250-XSTARTTLS\r\n250-STARTTLSX\r\n250-XPIPELINING\r\n"
                      "250-CHUNKINGS\r\n");
    for (uint32_t i = 0; i < 5; i++)
        if (s->offers & 1U << i && !(i == 2 && size))
            bytes_text(b, "250-%s\r\n", names[i]);
    if (size && s->mta->size_max)
        bytes_text(b, "250-SIZE %llu\r\n",
                   (unsigned long long)s->mta->size_max);
    else if (size)
        bytes_text(b, "250-size\r\n");
    put_auth_offer(s, b);
    bytes_text(b, "250 HELP\r\n");
}

/* Lines before the last may have another code, which does not count as long as
 * it refuses nothing. */
static void
put_reply(const struct session *s, struct bytes *b, enum at at, uint32_t code)
{
    enum form form = s->mta->form;
    bool crs = form == FORM_CRS || form == FORM_BARE_CRS;
    const char *line_end = crs ? "\r\r\n" : s->mta->text & 32 ? "\n" : "\r\n";
    uint32_t lines = s->mta->text & 64 ? 3 : 1;

    if (at == AT_EHLO && code == 250) {
        put_offers(s, b);
        return;
    }
    if (form == FORM_CODES && lines < 2)
        lines = 2;
    for (uint32_t i = 1; i < lines; i++) {
        bytes_text(b, "%u-", form == FORM_CODES ? GREET_CODE : code);
        put_text(s, b);
        bytes_text(b, "%s", line_end);
    }
    bytes_text(b, "%u", code);
    if (form != FORM_BARE && form != FORM_BARE_CRS) {
        bytes_text(b, "%s", form == FORM_TAB ? "\t" : " ");
        put_text(s, b);
        bytes_put(b, s->quote.data, s->quote.size);
    }
    bytes_text(b, "%s", line_end);
}

/* ---- a reply on its way ---- */

struct reply {
    struct session *session;
    enum at at;
    uint32_t code;
    enum mischief mischief;
    struct said *said;
    struct bytes text;
    size_t sent; /* DRIP */
};

static const char forgery[] = "250-PIPELINING\r\n250 forged\r\n";

/* So many bytes are sent next, the last of them forged. */
static void
note_forgery(struct session *s, size_t size, size_t forged_size)
{
    s->forged_end = s->conn->down.size + size;
    s->forged_from = s->forged_end - forged_size;
}

/* A reply too many was sent; of a record nothing is seen before its end. */
static void
note_stale(struct session *s, size_t end)
{
    s->stale = true;
    s->forged_end = end;
    s->forged_from = s->forged_end - (s->secure ? 1 : STALE_SIZE);
}

static void
send_plain(struct reply *r)
{
    struct session *s = r->session;
    size_t segment = s->mta->segment;
    /* Nothing of the client is under way that it could answer. */
    bool stale =
        r->mischief == TWICE && s->pending == 0 && s->heard == s->conn->written;

    if (r->at == AT_STARTTLS && s->forged && s->mta->mischief_value % 2) {
        segment = WHOLE; /* nobody can miss it */
        note_forgery(s, r->text.size, sizeof(forgery) - 1);
    }
    if (stale) {
        segment = WHOLE;
        s->forged_behind = s->heard;
    }
    r->said->end = say_bytes(s, r->text.data, r->text.size, segment);
    if (stale)
        note_stale(s, r->said->end);
    if (r->mischief == TWICE && !s->secure)
        r->said->end -= STALE_SIZE;
    r->said->sent = true;
    if (r->at == AT_EHLO)
        s->hello_end = r->said->end;
}

void
start_tls(struct session *s)
{
    const struct mta *m = s->mta;
    const struct peer_options o = {.cert = m->cert,
                                   .keys = m->first_cert,
                                   .tls12 = m->tls12,
                                   .tls13 = m->tls13,
                                   .retry = m->tls_retry,
                                   .asks = m->tls_asks,
                                   .requires = m->tls_requires,
                                   .tickets = m->tls_tickets,
                                   .memory = m->tls_memory,
                                   .life_s = world.ticket_life_s,
                                   .send = say_tls,
                                   .context = s};

    s->peer = peer_open(&o);
    s->state = SESSION_TLS;
    if (!s->peer)
        end_session(s, true);
}

static void
drip(void *context, size_t value)
{
    struct reply *r = context;
    struct session *s = r->session;
    int64_t pause_ms = world.remote_timeout_ms / DRIP_PIECES;

    (void)value;
    if (s->state == SESSION_OVER || s->conn->closed)
        return;
    r->said->end = say_bytes(s, r->text.data + r->sent++, 1, 1);
    if (r->sent < r->text.size) {
        event_at(sim_now_ms + pause_ms, drip, r, 0);
        return;
    }
    r->said->sent = true;
    if (r->at == AT_STARTTLS && r->code == GREET_CODE)
        start_tls(s);
}

/* QUIT is answered once all that went before it is. */
void
say_goodbye(struct session *s)
{
    static const char bye[] = "221 bye\r\n";

    (void)say_bytes(s, bye, sizeof(bye) - 1, s->mta->segment);
    end_session(s, false);
}

/* The bytes leave; what this means for the session follows. */
static void
deliver_reply(void *context, size_t value)
{
    struct reply *r = context;
    struct session *s = r->session;

    (void)value;
    s->pending--;
    if (s->state == SESSION_OVER)
        return;
    trace("mta %s%s: %s", place_text(&s->mta->place), s->secure ? " tls" : "",
          quoted(r->text.data, r->text.size));
    if (r->mischief == DRIP) {
        drip(r, 0);
        return;
    }
    if (r->mischief == CUT) {
        size_t size = s->mta->mischief_value % r->text.size;

        (void)say_bytes(s, r->text.data, size, s->mta->segment);
        if (s->mta->mischief_value % 3)
            end_session(s, s->mta->mischief_value % 3 == 2);
        return;
    }
    send_plain(r);
    if (r->code == CLOSING_CODE ||
        (r->at == AT_STARTTLS && has_tls_fault(s, TLS_FAULT_SENT_OFF)))
        end_session(s, false);
    if (r->at == AT_STARTTLS && r->code == GREET_CODE)
        start_tls(s);
    if (s->quit && s->pending == 0)
        say_goodbye(s);
}

static void
make_mischief(struct session *s, struct reply *r, int64_t *think_ms)
{
    const struct mta *m = s->mta;
    int64_t round_ms = 2 * ((int64_t)m->latency_ms + m->jitter_ms);

    switch (r->mischief) {
    case NO_MISCHIEF:
    case CLOSING:
        return;
    case SLOW:
        *think_ms = world.remote_timeout_ms - round_ms - 1500;
        return;
    case LATE:
        *think_ms = world.remote_timeout_ms + LATE_MS;
        break;
    case ODD: {
        const char *odd =
            odd_replies[m->mischief_value %
                        (sizeof(odd_replies) / sizeof(odd_replies[0]))];

        r->text.size = 0;
        if (s->quote.size > 0 && m->mischief_value & 1) {
            bytes_put(&r->text, s->quote.data, s->quote.size);
            odd = "\r\n";
        }
        bytes_put(&r->text, odd, strlen(odd));
        break;
    }
    case ENDLESS:
        r->text.size = 0;
        for (int i = 0; i < ENDLESS_LINES; i++)
            bytes_text(&r->text, "%u-more and more of it, and ever more\r\n",
                       r->code);
        break;
    case TWICE:
        bytes_text(&r->text, "%s\r\n",
                   m->mischief_value & 1 ? "250 stale" : "550 stale");
        break;
    case LONG:
        r->text.size = 0;
        bytes_text(&r->text, "%u ", r->code);
        for (int i = 0; i < LONG_SIZE / 1024; i++)
            bytes_text(&r->text, "%01024d", 0);
        break;
    case FORGED:
        s->forged = true;
        s->forged_behind = s->heard;
        if (m->mischief_value % 2)
            bytes_text(&r->text, "%s", forgery);
        break;
    default:
        break;
    }
    s->dirty = true;
}

static void
forge_later(void *context, size_t value)
{
    struct session *s = context;

    (void)value;
    note_forgery(s, sizeof(forgery) - 1, sizeof(forgery) - 1);
    conn_send(s->conn, forgery, sizeof(forgery) - 1, sizeof(forgery));
}

/* Instead of a reply, twenty records in each time-out. */
static void
nag_on(void *context, size_t left)
{
    struct session *s = context;
    enum peer_nag nag = s->mta->nag ? nag_of(s->mta) : PEER_HELLO_REQUEST;

    if (s->state == SESSION_OVER || left == 0)
        return;
    peer_nag(s->peer, nag);
    event_at(sim_now_ms + world.remote_timeout_ms / NAG_PIECES, nag_on, s,
             left - 1);
}

/* Behind the replies to what went before. */
static void
end_later(void *context, size_t by_reset)
{
    end_session(context, by_reset);
}

static bool
ends_instead(struct session *s, const struct reply *r)
{
    if (r->mischief == NAGGING) {
        s->dirty = true;
        if (s->secure)
            nag_on(s, NAG_COUNT_MAX);
        return true;
    }
    if (r->mischief == CLOSE || r->mischief == RESET) {
        s->dirty = s->ending = true;
        event_at(s->say_ms, end_later, s, r->mischief == RESET);
        return true;
    }
    if (r->mischief == SILENCE)
        s->dirty = true;
    return r->mischief == SILENCE;
}

void
say(struct session *s, enum at at, uint32_t code)
{
    struct reply *r = sim_alloc(sizeof(*r));
    int64_t think_ms = draw(s->mta->think_ms + 1);

    *r = (struct reply){.session = s, .at = at, .code = code};
    if (has_mischief(s, at))
        r->mischief = s->mta->mischief;
    if (r->mischief == CLOSING)
        r->code = CLOSING_CODE;
    if (ends_instead(s, r) || s->said_count == SAID_COUNT_MAX) {
        trace("mta %s does not answer %s", place_text(&s->mta->place),
              at_names[at]);
        return;
    }
    s->ending = s->ending || r->code == CLOSING_CODE;
    put_reply(s, &r->text, at, r->code);
    make_mischief(s, r, &think_ms);
    r->said = &s->said[s->said_count++];
    *r->said = (struct said){.at = at,
                             .code = r->code,
                             .secure = s->secure,
                             .other = s->auth_other,
                             .cancelled = s->auth_cancelled};
    s->auth_said += at == AT_AUTH;
    if (think_ms < 0)
        think_ms = 0;
    /* Who is slow takes his time over each command of a flight. */
    if (r->mischief == SLOW && s->say_ms > sim_now_ms)
        think_ms += s->say_ms - sim_now_ms;
    s->say_ms =
        sim_now_ms + think_ms > s->say_ms ? sim_now_ms + think_ms : s->say_ms;
    s->pending++;
    event_at(s->say_ms, deliver_reply, r, 0);
    if (r->mischief == FORGED && s->mta->mischief_value % 2 == 0)
        event_at(s->say_ms + 1 + s->mta->mischief_value % 10, forge_later, s,
                 0);
}

/* In the middle of the message. */
void
say_early(struct session *s, uint32_t code)
{
    struct bytes b = {0};

    put_reply(s, &b, AT_BODY, code);
    trace("mta %s in the message: %s", place_text(&s->mta->place),
          quoted(b.data, b.size));
    (void)say_bytes(s, b.data, b.size, s->mta->segment);
    s->dirty = true;
    s->early_refused = code >= 400;
    s->undone = s->undone || s->early_refused;
}
