/* SPDX-License-Identifier: ISC */
#include "tls/tls.h"

#include <mbedtls/platform.h>
#include <psa/crypto.h>
#include <string.h>

#include "base/ascii.h"
#include "base/assert.h"
#include "tls/arena.h"
#include "tls/client.h"
#include "tls/core.h"
#include "tls/glue.h"
#include "tls/match.h"
#include "tls/reason.h"
#include "tls/resume.h"
#include "tls/verify.h"

/* Suites as mbedTLS wants them, ended by 0; both lists hold the same. */
static const int suites_aes_first[] = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};

static const int suites_chacha_first[] = {
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    0,
};

static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

enum { REPLY_DIGITS = 3, HEARD_OTHER = REPLY_DIGITS + 1 };

static bool
is_waiting(int result)
{
    return result == MBEDTLS_ERR_SSL_WANT_READ ||
           result == MBEDTLS_ERR_SSL_WANT_WRITE;
}

void
tls_give_up(struct tls *t, enum tls_state state)
{
    t->reason = buf_slice(&t->core->reason);
    t->state = state;
}

void
tls_fail(struct tls *t, int error)
{
    if (error != MBEDTLS_ERR_SSL_INVALID_RECORD || t->heard != REPLY_DIGITS)
        tls_reason_error(&t->core->reason, error);
    else
        buf_put_text(&t->core->reason,
                     t->first ? "the server speaks first, in clear: there is "
                                "no TLS on this port"
                              : "the server goes on in clear after STARTTLS");
    tls_give_up(t, TLS_FAILED);
}

/* As tls_fail, for what reading and writing return. */
static void
fail_session(struct tls *t, int error)
{
    const mbedtls_ssl_context *ssl = &t->core->ssl;

    if (error != MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        tls_fail(t, error);
        return;
    }
    /* mbedTLS 3.6 tells the alert's number nowhere else. */
    tls_reason_alert(&t->core->reason, ssl->MBEDTLS_PRIVATE(in_msg)[1]);
    tls_give_up(t, TLS_FAILED);
}

/* ---- between mbedTLS and the buffers of struct tls ---- */

/* mbedTLS asks again with the same bytes until it is told that they went. */
static int
bio_send(void *context, const unsigned char *data, size_t size)
{
    struct tls *t = context;
    size_t acked = t->lent_acked;

    if (t->lent.data != data || acked == 0) {
        t->lent = slice_of(data, size);
        t->lent_acked = 0;
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    }
    t->lent = slice_of(NULL, 0);
    t->lent_acked = 0;
    return (int)acked;
}

static int
bio_receive(void *context, unsigned char *out, size_t size)
{
    struct tls *t = context;

    if (t->rx_used == 0)
        return t->rx_end ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
    if (size > t->rx_used)
        size = t->rx_used;
    memcpy(out, t->rx + t->rx_start, size);
    t->rx_start += size;
    t->rx_used -= size;
    return (int)size;
}

/* ---- once ---- */

static bool
configure(struct tls_core *core, bool sessions)
{
    mbedtls_ssl_config *config = &core->config;

    if (mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT,
                                    MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return false;
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_rng(config, tls_glue_random, NULL);
    mbedtls_ssl_conf_groups(config, groups);
    mbedtls_ssl_conf_ciphersuites(
        config, TLS_AES_IN_HARDWARE() ? suites_aes_first : suites_chacha_first);
    /* tls_verify decides, once the shell has brought the anchors. */
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_NONE);
    tls_resume_configure(config, sessions);
    return true;
}

static struct tls_core *
core_new(void)
{
    struct tls_core *core = mbedtls_calloc(1, sizeof(*core));

    if (core == NULL)
        return NULL;
    mbedtls_ssl_init(&core->ssl);
    mbedtls_x509_crt_init(&core->anchors);
    mbedtls_ssl_config_init(&core->config);
    mbedtls_x509_crt_init(&core->client_cert);
    mbedtls_pk_init(&core->client_key);
    return core;
}

bool
tls_init(struct tls *t, const struct tls_config *config,
         const uint8_t entropy[static TLS_ENTROPY_SIZE])
{
    struct buf why;
    bool done = false;

    memset(t, 0, sizeof(*t));
    t->verify = config->verify || config->pin_count > 0;
    t->tell = config->tell;
    t->first = config->first;
    t->pins = config->pins;
    t->pin_count = config->pin_count;
    t->sessions = config->sessions;
    buf_init(&why, t->reason_text, sizeof(t->reason_text));
    tls_arena_init(config->arena, config->arena_size);
    t->core = core_new();
    if (t->core == NULL)
        /* NOLINTNEXTLINE(bugprone-branch-clone): in the order of trying */
        buf_put_text(&why, "out of TLS memory");
    else if (!tls_glue_seed(&t->core->generator, entropy))
        buf_put_text(&why, "no randomness");
    else if (psa_crypto_init() != PSA_SUCCESS ||
             !configure(t->core, t->sessions != NULL))
        buf_put_text(&why, "out of TLS memory");
    else
        done = config->client_cert.data == NULL ||
               tls_client_load(t->core, config, &why);
    t->reason = buf_slice(&why);
    return done;
}

/* ---- per connection ---- */

/* A host name that a C string and a TLS extension can hold. */
static bool
name_take(struct tls *t, struct slice name)
{
    if (name.size > 0 && name.data[name.size - 1] == '.')
        name.size--;
    if (name.size == 0 || name.size >= sizeof(t->name))
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
            return false;
    memcpy(t->name, name.data, name.size);
    t->name[name.size] = '\0';
    return true;
}

/* What the server is told. Some end the handshake over a name that no host can
 * have (RFC 6066 section 3), and know their one certificate anyway. */
static const char *
server_name(const struct tls *t)
{
    return t->literal.family == ADDR_NONE && tls_match_is_host(t->name)
               ? t->name
               : NULL;
}

void
tls_end(struct tls *t)
{
    if (t->state == TLS_IDLE)
        return;
    mbedtls_ssl_free(&t->core->ssl);
    mbedtls_ssl_init(&t->core->ssl);
    mbedtls_x509_crt_free(&t->core->anchors);
    mbedtls_x509_crt_init(&t->core->anchors);
    t->core->anchor_count = 0;
    t->core->anchor = NULL;
    t->core->anchor_error = 0;
    t->lent = slice_of(NULL, 0);
    t->lent_acked = 0;
    t->state = TLS_IDLE;
}

/* Everything of the last connection goes; what tls_init made stays. */
static void
forget(struct tls *t)
{
    t->reason = t->proto = t->cipher = slice_of(NULL, 0);
    t->issuer_count = 0;
    t->lent = slice_of(NULL, 0);
    t->lent_acked = t->write_size = 0;
    t->rx_start = t->rx_used = 0;
    t->rx_end = t->close_due = t->close_said = false;
    t->verified = t->retried = false;
    t->offered = t->shown = t->resumed = t->outgrown = false;
    t->until_s = 0;
    t->offer = t->next;
    t->next = slice_of(NULL, 0);
    t->heard = 0;
    t->dane = NULL;
    t->tlsa_index = TLSA_COUNT_MAX;
    t->literal = (struct addr){.family = ADDR_NONE};
    t->name[0] = '\0';
    buf_init(&t->core->reason, t->reason_text, sizeof(t->reason_text));
}

/* "TLS1-3-AES-128-GCM-SHA256" is IANA's TLS_AES_128_GCM_SHA256. */
static void
name_suite(struct tls *t)
{
    struct slice theirs =
        slice_text(mbedtls_ssl_get_ciphersuite(&t->core->ssl));
    struct slice prefix = SLICE("TLS1-3-");
    struct buf out;

    buf_init(&out, t->cipher_text, sizeof(t->cipher_text));
    if (slice_equal(slice_part(theirs, 0, prefix.size), prefix)) {
        buf_put_text(&out, "TLS_");
        theirs = slice_part(theirs, prefix.size, theirs.size);
    }
    for (size_t i = 0; i < theirs.size; i++)
        buf_put_byte(&out, theirs.data[i] == '-' ? '_' : theirs.data[i]);
    t->cipher = buf_slice(&out);
    t->proto = slice_text(mbedtls_ssl_get_version(&t->core->ssl));
}

mbedtls_x509_crt *
tls_chain(const struct tls_core *core)
{
    const mbedtls_ssl_context *ssl = &core->ssl;
    const mbedtls_ssl_session *session = ssl->MBEDTLS_PRIVATE(session);

    if (ssl->MBEDTLS_PRIVATE(session_negotiate) != NULL)
        session = ssl->MBEDTLS_PRIVATE(session_negotiate);
    return session == NULL ? NULL : session->MBEDTLS_PRIVATE(peer_cert);
}

/* The peer has proved that the certificate is its own, by a signature, and
 * ours would come next. */
static bool
is_to_verify(const struct tls *t)
{
    int state = t->core->ssl.MBEDTLS_PRIVATE(state);

    return (t->verify || t->dane) && !t->verified &&
           (state == MBEDTLS_SSL_CLIENT_CERTIFICATE ||
            state == MBEDTLS_SSL_CLIENT_CCS_AFTER_SERVER_FINISHED);
}

/* As mbedtls_ssl_handshake, but up to there.
 *
 * The version begins as the highest offered, and a server may lower it. Up to
 * 3.6.7 mbedTLS takes it from the ServerHello once more where that has no
 * supported_versions, and so goes on with TLS 1.3 in the middle, without ever
 * having agreed on a key (CVE-2026-115490). And a HelloRetryRequest is of TLS
 * 1.3 for good (RFC 8446 section 4.1.4). */
static int
shake(struct tls *t)
{
    mbedtls_ssl_context *ssl = &t->core->ssl;
    int result = 0;

    while (result == 0 && !is_to_verify(t) &&
           !mbedtls_ssl_is_handshake_over(ssl)) {
        mbedtls_ssl_protocol_version before =
            mbedtls_ssl_get_version_number(ssl);
        mbedtls_ssl_protocol_version now;

        t->shown |=
            ssl->MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_SERVER_CERTIFICATE;
        t->retried |= ssl->MBEDTLS_PRIVATE(state) ==
                      MBEDTLS_SSL_CLIENT_CCS_BEFORE_2ND_CLIENT_HELLO;
        result = mbedtls_ssl_handshake_step(ssl);
        now = mbedtls_ssl_get_version_number(ssl);
        if (now > before || (now < before && t->retried)) {
            (void)mbedtls_ssl_send_alert_message(
                ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER);
            result = MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER;
        }
    }
    return result;
}

static void
handshake(struct tls *t)
{
    mbedtls_ssl_context *ssl = &t->core->ssl;
    int result = shake(t);

    if (result == 0 && (t->verify || t->dane) && !t->verified) {
        tls_verify_begin(t);
        if (t->state != TLS_HANDSHAKE)
            return;
        result = shake(t);
    }
    /* Its last word, an alert, waits in `lent`. mbedTLS would queue it again
     * and again, because it never sees it sent within one call. */
    if (result == MBEDTLS_ERR_SSL_WANT_WRITE &&
        ssl->MBEDTLS_PRIVATE(send_alert)) {
        tls_fail(t, ssl->MBEDTLS_PRIVATE(alert_reason));
        return;
    }
    if (is_waiting(result))
        return;
    if (result != 0) {
        fail_session(t, result);
        return;
    }
    name_suite(t);
    tls_verify_pin(t);
    tls_resume_end(t);
    t->state = TLS_OPEN;
}

bool
tls_start(struct tls *t, struct slice name, const struct addr *literal,
          int64_t wall_s)
{
    struct tls_core *core = t->core;
    int error;

    assert(core != NULL);
    tls_end(t);
    forget(t);
    t->wall_s = wall_s;
    tls_glue_clock(wall_s);
    if (literal != NULL)
        t->literal = *literal;
    if (literal == NULL && !name_take(t, name)) {
        buf_put_text(&core->reason, "no host name to ask for");
        tls_give_up(t, TLS_FAILED);
        return false;
    }
    /* A name that is an address in dress: no certificate can prove it as a
     * name (RFC 9525 section 6.3). */
    if (literal == NULL)
        addr_parse(slice_text(t->name), &t->literal);
    error = mbedtls_ssl_setup(&core->ssl, &core->config);
    if (error == 0)
        error = mbedtls_ssl_set_hostname(&core->ssl, server_name(t));
    if (error == 0)
        error = tls_resume_begin(t, server_name(t));
    if (error != 0) {
        tls_fail(t, error);
        return false;
    }
    mbedtls_ssl_set_bio(&core->ssl, t, bio_send, bio_receive, NULL);
    t->state = TLS_HANDSHAKE;
    handshake(t);
    return t->state == TLS_HANDSHAKE;
}

void
tls_dane(struct tls *t, const struct tls_dane *dane)
{
    t->dane = dane;
}

uint8_t *
tls_rx(struct tls *t, size_t *room)
{
    if (t->rx_start > 0)
        memmove(t->rx, t->rx + t->rx_start, t->rx_used);
    t->rx_start = 0;
    *room = sizeof(t->rx) - t->rx_used;
    return t->rx + t->rx_used;
}

/* The digits of a reply code (RFC 5321 section 4.2), octet by octet as they
 * come; TLS begins with none of them. */
static void
hear(struct tls *t, const uint8_t *at, size_t size)
{
    for (; size > 0 && t->heard < REPLY_DIGITS; at++, size--)
        t->heard = ascii_digit(*at) ? t->heard + 1 : HEARD_OTHER;
}

void
tls_rx_ack(struct tls *t, size_t size)
{
    assert(size <= sizeof(t->rx) - t->rx_start - t->rx_used);
    hear(t, t->rx + t->rx_start + t->rx_used, size);
    t->rx_used += size;
    t->rx_end |= size == 0;
    if (t->state == TLS_HANDSHAKE)
        handshake(t);
}

struct slice
tls_tx(const struct tls *t)
{
    return slice_part(t->lent, t->lent_acked, t->lent.size);
}

static void
queue_close(struct tls *t)
{
    t->close_due = false;
    /* Waiting means it is in `lent`; a failure to say goodbye is none. */
    (void)mbedtls_ssl_close_notify(&t->core->ssl);
}

/* Makes mbedTLS take note that all of `lent` went. Where that was plain text
 * of tls_write it wants that call again; any bytes do, it copied the text. */
static void
flush(struct tls *t)
{
    size_t size = t->write_size;
    int result;

    t->write_size = 0;
    result = mbedtls_ssl_write(&t->core->ssl, t->rx, size);
    if (result < 0 && !is_waiting(result))
        fail_session(t, result);
    else if (t->close_due && t->lent.size == 0)
        queue_close(t);
}

void
tls_tx_ack(struct tls *t, size_t size)
{
    assert(size <= t->lent.size - t->lent_acked);
    t->lent_acked += size;
    if (size == 0 || t->lent_acked < t->lent.size)
        return;
    if (t->state == TLS_HANDSHAKE)
        handshake(t);
    else if (t->state == TLS_OPEN || t->state == TLS_CLOSED)
        flush(t);
}

bool
tls_tx_is_text(const struct tls *t)
{
    return t->write_size > 0 && tls_tx(t).size > 0;
}

size_t
tls_read(struct tls *t, uint8_t *out, size_t size)
{
    bool ended = false;
    size_t before;
    int result;

    if (t->state != TLS_OPEN || size == 0)
        return 0;
    /* It also wants to read after a warning, and to write after each
     * HelloRequest that it turns down, whatever else is there; and of a second
     * empty record in a row it says the same as of the end. All these were
     * taken by then, so this ends. */
    do {
        before = t->rx_used;
        result = tls_resume_read(t, out, size);
        ended = t->rx_end && t->rx_used == 0;
    } while (result == MBEDTLS_ERR_SSL_WANT_WRITE || (result == 0 && !ended) ||
             (result == MBEDTLS_ERR_SSL_WANT_READ && t->rx_used < before));
    if (result > 0)
        return (size_t)result;
    if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        t->state = TLS_CLOSED;
    } else if (result == 0) {
        buf_put_text(&t->core->reason, "connection closed without a goodbye");
        tls_give_up(t, TLS_FAILED);
    } else if (!is_waiting(result)) {
        fail_session(t, result);
    }
    return 0;
}

bool
tls_holds(const struct tls *t)
{
    return t->state == TLS_OPEN &&
           (t->rx_used > 0 || t->rx_end ||
            mbedtls_ssl_check_pending(&t->core->ssl) != 0);
}

size_t
tls_write(struct tls *t, struct slice text)
{
    mbedtls_ssl_context *ssl = &t->core->ssl;
    int result;

    if (t->state != TLS_OPEN || t->lent.size > 0 || text.size == 0)
        return 0;
    result = mbedtls_ssl_get_max_out_record_payload(ssl);
    if (result > 0) {
        text = slice_part(text, 0, (size_t)result);
        result = mbedtls_ssl_write(ssl, text.data, text.size);
    }
    if (result != MBEDTLS_ERR_SSL_WANT_WRITE) {
        assert(result < 0); /* bio_send never takes anything at once */
        fail_session(t, result);
        return 0;
    }
    t->write_size = text.size;
    return text.size;
}

void
tls_verify(struct tls *t)
{
    if (t->state != TLS_ANCHORS)
        return;
    tls_verify_decide(t);
    if (t->state == TLS_HANDSHAKE)
        handshake(t);
}

void
tls_close(struct tls *t)
{
    if (t->close_said || (t->state != TLS_OPEN && t->state != TLS_CLOSED))
        return;
    t->state = TLS_CLOSED;
    t->close_said = true;
    t->close_due = true;
    if (t->lent.size == 0)
        queue_close(t);
}
