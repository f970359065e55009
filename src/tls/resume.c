/* SPDX-License-Identifier: ISC */
#include "tls/resume.h"

#include <string.h>

#include "base/wipe.h"

/* A session's octets: its version, suite, lifetime and the number that hides a
 * ticket's age; an identifier and the secret, each behind its length; the rest
 * is the ticket. mbedTLS's own form has the certificate in it, which a resumed
 * connection does not need. */
enum {
    WIDTH_VERSION = 2,
    WIDTH_SUITE = 2,
    WIDTH_LIFETIME = 4,
    WIDTH_AGE_ADD = 4,
    SIZE_HEAD = 4, /* of a handshake message */
    RANDOM_SIZE = 32,
    MS = 1000
};

void
tls_resume_configure(mbedtls_ssl_config *config, bool sessions)
{
    /* Never without a new key: what was said stays secret when the session is
     * known (RFC 8446 section 2.2). */
    mbedtls_ssl_conf_tls13_key_exchange_modes(
        config,
        MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
            (sessions ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL
                      : 0));
    mbedtls_ssl_conf_session_tickets(config, sessions);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(config, sessions);
}

void
tls_offer(struct tls *t, struct slice state, int64_t given_s)
{
    t->next = state;
    t->next_given_s = given_s;
}

/* ---- reading ---- */

/* A length and so many octets of at most `size`. */
static size_t
take_octets(struct cursor *c, uint8_t *out, size_t size)
{
    struct slice octets = cursor_take(c, cursor_u8(c));

    c->bad = c->bad || octets.size > size;
    if (c->bad)
        return 0;
    memcpy(out, octets.data, octets.size);
    return octets.size;
}

static bool
is_whole(const mbedtls_ssl_session *s)
{
    if (s->MBEDTLS_PRIVATE(tls_version) == MBEDTLS_SSL_VERSION_TLS1_3)
        return s->MBEDTLS_PRIVATE(resumption_key_len) > 0 &&
               s->MBEDTLS_PRIVATE(ticket_len) > 0;
    return s->MBEDTLS_PRIVATE(tls_version) == MBEDTLS_SSL_VERSION_TLS1_2 &&
           s->MBEDTLS_PRIVATE(resumption_key_len) == 0 &&
           (s->MBEDTLS_PRIVATE(ticket_len) > 0 ||
            s->MBEDTLS_PRIVATE(id_len) > 0);
}

/* The ticket is still in `state`. */
static bool
read_session(mbedtls_ssl_session *s, struct slice state)
{
    struct cursor c;

    cursor_init(&c, state);
    s->MBEDTLS_PRIVATE(tls_version) =
        (mbedtls_ssl_protocol_version)cursor_u16(&c);
    s->MBEDTLS_PRIVATE(ciphersuite) = cursor_u16(&c);
    s->MBEDTLS_PRIVATE(ticket_lifetime) = cursor_u32(&c);
    s->MBEDTLS_PRIVATE(ticket_age_add) = cursor_u32(&c);
    s->MBEDTLS_PRIVATE(id_len) =
        take_octets(&c, s->MBEDTLS_PRIVATE(id), sizeof(s->MBEDTLS_PRIVATE(id)));
    if (s->MBEDTLS_PRIVATE(tls_version) == MBEDTLS_SSL_VERSION_TLS1_3)
        s->MBEDTLS_PRIVATE(resumption_key_len) =
            (uint8_t)take_octets(&c, s->MBEDTLS_PRIVATE(resumption_key),
                                 sizeof(s->MBEDTLS_PRIVATE(resumption_key)));
    else if (take_octets(&c, s->MBEDTLS_PRIVATE(master),
                         sizeof(s->MBEDTLS_PRIVATE(master))) !=
             sizeof(s->MBEDTLS_PRIVATE(master)))
        return false;
    s->MBEDTLS_PRIVATE(ticket_len) = c.rest.size;
    if (c.rest.size > 0) /* only read: mbedTLS copies it */
        s->MBEDTLS_PRIVATE(ticket) = (unsigned char *)c.rest.data;
    return !c.bad && is_whole(s);
}

/* mbedTLS has seven parameters here. */
#define SECRET const unsigned char *secret, size_t size
#define RANDOMS                              \
    const unsigned char client[RANDOM_SIZE], \
        const unsigned char server[RANDOM_SIZE]

/* With a session of TLS 1.2 mbedTLS offers no more than that. A server that has
 * 1.3 says so at the end of its random octets (RFC 8446 section 4.1.3). */
static void
note_version(void *context, mbedtls_ssl_key_export_type type, SECRET, RANDOMS,
             mbedtls_tls_prf_types prf)
{
    static const char newer[] = "DOWNGRD\1";
    struct tls *t = context;

    (void)type;
    (void)secret;
    (void)size;
    (void)client;
    (void)prf;
    t->outgrown = memcmp(server + RANDOM_SIZE - sizeof(newer) + 1, newer,
                         sizeof(newer) - 1) == 0;
}

int
tls_resume_begin(struct tls *t, const char *name)
{
    mbedtls_ssl_session s;
    int error = MBEDTLS_ERR_SSL_BAD_INPUT_DATA;

    if (t->offer.size == 0)
        return 0;
    t->offered = true;
    mbedtls_ssl_set_export_keys_cb(&t->core->ssl, note_version, t);
    mbedtls_ssl_session_init(&s);
    if (read_session(&s, t->offer)) {
        s.MBEDTLS_PRIVATE(endpoint) = MBEDTLS_SSL_IS_CLIENT;
        s.MBEDTLS_PRIVATE(hostname) = (char *)name; /* copied, too */
        s.MBEDTLS_PRIVATE(ticket_flags) =
            MBEDTLS_SSL_TLS1_3_TICKET_ALLOW_PSK_EPHEMERAL_RESUMPTION;
        s.MBEDTLS_PRIVATE(ticket_reception_time) = t->next_given_s * MS;
        error = mbedtls_ssl_set_session(&t->core->ssl, &s);
    }
    wipe(&s, sizeof(s));
    return error;
}

/* ---- writing ---- */

static void
put_octets(struct buf *out, const uint8_t *octets, size_t size)
{
    buf_put_byte(out, (uint8_t)size);
    buf_put(out, slice_of(octets, size));
}

static void
write_session(const mbedtls_ssl_session *s, struct buf *out)
{
    bool is_13 = s->MBEDTLS_PRIVATE(tls_version) == MBEDTLS_SSL_VERSION_TLS1_3;
    struct slice ticket =
        slice_of(s->MBEDTLS_PRIVATE(ticket), s->MBEDTLS_PRIVATE(ticket_len));

    buf_put_network(out, s->MBEDTLS_PRIVATE(tls_version), WIDTH_VERSION);
    buf_put_network(out, (uint32_t)s->MBEDTLS_PRIVATE(ciphersuite),
                    WIDTH_SUITE);
    buf_put_network(out, s->MBEDTLS_PRIVATE(ticket_lifetime), WIDTH_LIFETIME);
    buf_put_network(out, is_13 ? s->MBEDTLS_PRIVATE(ticket_age_add) : 0,
                    WIDTH_AGE_ADD);
    /* With a ticket the identifier is none of the server's (RFC 5077 3.4). */
    put_octets(out, s->MBEDTLS_PRIVATE(id),
               ticket.size > 0 ? 0 : s->MBEDTLS_PRIVATE(id_len));
    if (is_13)
        put_octets(out, s->MBEDTLS_PRIVATE(resumption_key),
                   s->MBEDTLS_PRIVATE(resumption_key_len));
    else
        put_octets(out, s->MBEDTLS_PRIVATE(master),
                   sizeof(s->MBEDTLS_PRIVATE(master)));
    buf_put(out, ticket);
}

/* The session as it stands. The one that was offered, and stays what it was, is
 * not new. */
static void
keep(struct tls *t)
{
    const mbedtls_ssl_session *s = t->core->ssl.MBEDTLS_PRIVATE(session);
    struct tls_sessions *kept = t->sessions;
    struct tls_session *out = NULL;
    struct buf state;

    if (kept == NULL || kept->count == TLS_SESSION_COUNT_MAX)
        return;
    out = &kept->list[kept->count];
    buf_init(&state, out->state, sizeof(out->state));
    write_session(s, &state);
    if (state.full || slice_equal(buf_slice(&state), t->offer))
        return;
    out->once = s->MBEDTLS_PRIVATE(tls_version) == MBEDTLS_SSL_VERSION_TLS1_3;
    out->lifetime_s = s->MBEDTLS_PRIVATE(ticket_lifetime);
    out->size = (uint32_t)state.used;
    kept->count++;
}

/* ---- a connection ---- */

bool
tls_resume_is(const struct tls *t)
{
    return t->offered && !t->shown;
}

void
tls_resume_end(struct tls *t)
{
    const mbedtls_ssl_context *ssl = &t->core->ssl;
    const mbedtls_ssl_session *s = ssl->MBEDTLS_PRIVATE(session);

    t->resumed = tls_resume_is(t);
    /* Of TLS 1.3 tickets come behind the handshake. */
    if (!t->outgrown &&
        mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_2 &&
        (s->MBEDTLS_PRIVATE(ticket_len) > 0 || s->MBEDTLS_PRIVATE(id_len) > 0))
        keep(t);
}

/* What is read next is a ticket, or it was one. */
static bool
is_ticket(const struct tls *t)
{
    return t->core->ssl.MBEDTLS_PRIVATE(state) ==
           MBEDTLS_SSL_TLS1_3_NEW_SESSION_TICKET;
}

/* What mbedTLS would answer with an alert, which ends the connection. Of the
 * extensions it knows there is one that a ticket may have. */
static bool
is_sound(const mbedtls_ssl_context *ssl)
{
    struct cursor c, extensions;
    bool sound = false;

    if (!ssl->MBEDTLS_PRIVATE(keep_current_message))
        return true; /* it was looked at */
    cursor_init(&c, slice_of(ssl->MBEDTLS_PRIVATE(in_msg),
                             ssl->MBEDTLS_PRIVATE(in_hslen)));
    (void)cursor_take(&c, SIZE_HEAD + WIDTH_LIFETIME + WIDTH_AGE_ADD);
    (void)cursor_take(&c, cursor_u8(&c));
    sound = cursor_take(&c, cursor_u16(&c)).size > 0;
    cursor_init(&extensions, cursor_take(&c, cursor_u16(&c)));
    while (extensions.rest.size > 0 && !extensions.bad) {
        uint16_t type = cursor_u16(&extensions);

        (void)cursor_take(&extensions, cursor_u16(&extensions));
        sound = sound && (type == MBEDTLS_TLS_EXT_EARLY_DATA ||
                          type > MBEDTLS_TLS_EXT_KEY_SHARE);
    }
    return sound && !c.bad && !extensions.bad;
}

/* mbedTLS looks at a ticket only once all that it has to send is gone. What the
 * peer says behind it may be why nothing goes. */
static void
pass_over(mbedtls_ssl_context *ssl)
{
    ssl->MBEDTLS_PRIVATE(keep_current_message) = 0;
    ssl->MBEDTLS_PRIVATE(state) = MBEDTLS_SSL_HANDSHAKE_OVER;
}

int
tls_resume_read(struct tls *t, uint8_t *out, size_t size)
{
    mbedtls_ssl_context *ssl = &t->core->ssl;

    for (;;) {
        int result = mbedtls_ssl_read(ssl, out, size);

        if (result == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
            keep(t);
        else if (is_ticket(t) && (t->lent.size > 0 || !is_sound(ssl)))
            pass_over(ssl);
        else if (is_ticket(t) && (result == MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER ||
                                  result == MBEDTLS_ERR_SSL_ALLOC_FAILED))
            /* It claims to last for more than a week, or there is no room for
             * it. That spoils the ticket, and for mbedTLS the connection, which
             * can be used all the same (RFC 8446 section 4.6.1). */
            ssl->MBEDTLS_PRIVATE(state) = MBEDTLS_SSL_HANDSHAKE_OVER;
        else if (!is_ticket(t) || result != MBEDTLS_ERR_SSL_WANT_READ)
            return result;
    }
}
