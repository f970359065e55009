/* SPDX-License-Identifier: ISC */
#include "sim/peer.h"

#include <mbedtls/memory_buffer_alloc.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_time.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/core.h"

enum {
    PEER_ARENA_SIZE = 1 << 20,
    PEER_COUNT_MAX = 16, /* of a delivery */
    CERT_COUNT = 7,
    NAME_SIZE = 256,
    WARNING = 1, /* the level; two that mean nothing to a client: */
    WARNING_1_2 = MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME,
    WARNING_1_3 = MBEDTLS_SSL_ALERT_MSG_USER_CANCELED,
    PEM_SIZE_MAX = 8192,
    TICKET_LIFE_S = 86400,
    TICKET_COUNT_MAX = 1024, /* of a run */
    MS_PER_S = 1000,
    WALL_S = 1767225600 /* 2026: servers have a clock that works */
};

struct peer {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_ssl_ticket_context tickets, *keys; /* its own; those in use */
    struct peer_ticket *offered;
    bool broken; /* before it was offered */
    bool known;  /* it could be read */
    struct peer_options options;
    enum peer_state state;
    const uint8_t *in;
    size_t in_size;
    char name[NAME_SIZE]; /* SNI */
};

static const char *const cert_names[CERT_COUNT] = {
    "good", "rsa", "name", "expired", "unknown", "self", "second"};

static alignas(16) uint8_t arena[PEER_ARENA_SIZE];
static struct peer peers[PEER_COUNT_MAX];
static uint32_t peer_count;
static mbedtls_x509_crt certs[CERT_COUNT];
static mbedtls_pk_context keys[CERT_COUNT];
static uint8_t pins[CERT_COUNT][PEER_PIN_SIZE];
static mbedtls_x509_crt root; /* of the clients */
/* Of the servers with such a certificate that know their sessions. */
static mbedtls_ssl_ticket_context known[CERT_COUNT];
static bool known_ready[CERT_COUNT];
static struct peer_ticket tickets[TICKET_COUNT_MAX];
static uint32_t ticket_count, delivery;
static int64_t later_ms;
static bool used;
static uint64_t random_state;

static const uint16_t groups_all[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                                      MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, 0};
static const uint16_t groups_retry[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                                        0};

/* ---- what mbedTLS wants of a platform ---- */

static int
fill(void *unused, unsigned char *out, size_t size)
{
    (void)unused;
    for (size_t i = 0; i < size; i++) {
        uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        out[i] = (uint8_t)(z ^ z >> 31);
    }
    return 0;
}

psa_status_t
mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context,
                                uint8_t *output, size_t output_size,
                                size_t *output_length)
{
    *output_length = output_size;
    return fill(context, output, output_size) == 0 ? PSA_SUCCESS
                                                   : PSA_ERROR_GENERIC_ERROR;
}

int64_t
tls_glue_time(int64_t *now)
{
    int64_t now_s = mbedtls_ms_time() / MS_PER_S;

    if (now)
        *now = now_s;
    return now_s;
}

mbedtls_ms_time_t
mbedtls_ms_time(void)
{
    return (mbedtls_ms_time_t)WALL_S * MS_PER_S + later_ms + sim_now_ms;
}

void
tls_glue_exit(int status)
{
    (void)status;
    abort();
}

int
tls_glue_snprintf(char *out, size_t out_size, const char *format, ...)
{
    (void)format;
    if (out_size > 0)
        out[0] = '\0';
    return -1;
}

struct tm *
mbedtls_platform_gmtime_r(const mbedtls_time_t *tt, struct tm *tm_buf)
{
    time_t t = (time_t)*tt;

    return gmtime_r(&t, tm_buf);
}

/* ---- once ---- */

static size_t
read_file(const char *directory, const char *name, uint8_t *out)
{
    char path[512];
    FILE *file = NULL;
    size_t size = 0;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "r");
    if (!file)
        return 0;
    size = fread(out, 1, PEM_SIZE_MAX - 1, file);
    fclose(file);
    out[size] = '\0';
    return size + 1;
}

bool
peer_setup(const char *directory)
{
    static uint8_t text[PEM_SIZE_MAX];
    char name[64];
    size_t size = 0;

    mbedtls_memory_buffer_alloc_init(arena, sizeof(arena));
    if (psa_crypto_init() != PSA_SUCCESS)
        return false;
    for (size_t i = 0; i < CERT_COUNT; i++) {
        mbedtls_x509_crt_init(&certs[i]);
        mbedtls_pk_init(&keys[i]);
        snprintf(name, sizeof(name), "%s.pem", cert_names[i]);
        size = read_file(directory, name, text);
        if (size == 0 || mbedtls_x509_crt_parse(&certs[i], text, size) != 0)
            return false;
        snprintf(name, sizeof(name), "%s.key", cert_names[i]);
        size = read_file(directory, name, text);
        if (size == 0 || mbedtls_pk_parse_key(&keys[i], text, size, NULL, 0,
                                              fill, NULL) != 0)
            return false;
        if (mbedtls_sha256(certs[i].pk_raw.p, certs[i].pk_raw.len, pins[i],
                           0) != 0)
            return false;
    }
    mbedtls_x509_crt_init(&root);
    size = read_file(directory, "root.pem", text);
    return size > 0 && mbedtls_x509_crt_parse(&root, text, size) == 0;
}

const uint8_t *
peer_pin(uint32_t cert)
{
    return pins[cert];
}

bool
peer_used(void)
{
    return used;
}

void
peer_seed(uint64_t seed)
{
    random_state = seed;
}

void
peer_next(int64_t after_ms)
{
    for (uint32_t i = 0; i < peer_count; i++) {
        mbedtls_ssl_free(&peers[i].ssl);
        mbedtls_ssl_config_free(&peers[i].config);
        mbedtls_ssl_ticket_free(&peers[i].tickets);
    }
    memset(peers, 0, sizeof(peers));
    peer_count = 0;
    later_ms += after_ms;
    delivery++;
}

void
peer_forget(void)
{
    for (uint32_t i = 0; i < CERT_COUNT; i++) {
        if (known_ready[i])
            mbedtls_ssl_ticket_free(&known[i]);
        known_ready[i] = false;
    }
}

/* ---- a connection ---- */

static int
bio_send(void *context, const unsigned char *data, size_t size)
{
    struct peer *p = context;

    p->options.send(p->options.context, data, size);
    return (int)size;
}

static int
bio_receive(void *context, unsigned char *out, size_t size)
{
    struct peer *p = context;

    if (p->in_size == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    if (size > p->in_size)
        size = p->in_size;
    memcpy(out, p->in, size);
    p->in += size;
    p->in_size -= size;
    return (int)size;
}

static int
note_name(void *context, mbedtls_ssl_context *ssl, const unsigned char *name,
          size_t size)
{
    struct peer *p = context;

    (void)ssl;
    if (size >= sizeof(p->name))
        size = sizeof(p->name) - 1;
    memcpy(p->name, name, size);
    p->name[size] = '\0';
    return 0;
}

/* ---- tickets ---- */

/* The room for it; mbedTLS has six parameters here. */
#define ROOM unsigned char *start, const unsigned char *end

static int
write_ticket(void *context, const mbedtls_ssl_session *session, ROOM,
             size_t *size, uint32_t *life_s)
{
    struct peer *p = context;
    struct peer_ticket *t = &tickets[ticket_count];
    int result =
        mbedtls_ssl_ticket_write(p->keys, session, start, end, size, life_s);

    if (result != 0 || ticket_count == TICKET_COUNT_MAX)
        return result;
    ticket_count++;
    *t = (struct peer_ticket){.delivery = delivery,
                              .given_ms = mbedtls_ms_time()};
    memcpy(t->head, start, sizeof(t->head));
    return 0;
}

/* It comes twice where the first hello has to be said again. */
static void
note_offer(struct peer *p, const uint8_t *ticket, size_t size)
{
    for (uint32_t i = 0; i < ticket_count && !p->offered; i++) {
        struct peer_ticket *t = &tickets[i];

        if (size < sizeof(t->head) ||
            memcmp(t->head, ticket, sizeof(t->head)) != 0)
            continue;
        p->offered = t;
        p->broken = t->broke;
        t->offers++;
    }
}

static int
parse_ticket(void *context, mbedtls_ssl_session *session, unsigned char *ticket,
             size_t size)
{
    struct peer *p = context;
    int result = 0;

    note_offer(p, ticket, size); /* before it is decrypted where it stands */
    result = mbedtls_ssl_ticket_parse(p->keys, session, ticket, size);
    p->known = result == 0;
    if (result != 0 || p->options.memory != PEER_MIXES)
        return result;
    session->MBEDTLS_PRIVATE(master)[0] ^= 1;
    session->MBEDTLS_PRIVATE(resumption_key)[0] ^= 1;
    return result;
}

static bool
give_tickets(struct peer *p)
{
    enum peer_memory memory = p->options.memory;
    uint32_t whose = p->options.keys;
    uint32_t life_s = p->options.life_s ? p->options.life_s : TICKET_LIFE_S;

    p->keys = memory == PEER_FORGETS ? &p->tickets : &known[whose];

    mbedtls_ssl_conf_new_session_tickets(&p->config,
                                         (uint16_t)p->options.tickets);
    if (memory == PEER_FORGETS || !known_ready[whose]) {
        mbedtls_ssl_ticket_init(p->keys);
        if (mbedtls_ssl_ticket_setup(p->keys, fill, NULL,
                                     MBEDTLS_CIPHER_AES_256_GCM, life_s) != 0)
            return false;
    }
    known_ready[whose] |= memory != PEER_FORGETS;
    mbedtls_ssl_conf_session_tickets_cb(&p->config, write_ticket, parse_ticket,
                                        p);
    return true;
}

static bool
configure(struct peer *p)
{
    mbedtls_ssl_config *c = &p->config;
    const struct peer_options *o = &p->options;

    if (mbedtls_ssl_config_defaults(c, MBEDTLS_SSL_IS_SERVER,
                                    MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return false;
    mbedtls_ssl_conf_rng(c, fill, NULL);
    mbedtls_ssl_conf_min_tls_version(c, o->tls12 ? MBEDTLS_SSL_VERSION_TLS1_2
                                                 : MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_max_tls_version(c, o->tls13 ? MBEDTLS_SSL_VERSION_TLS1_3
                                                 : MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_groups(c, o->retry ? groups_retry : groups_all);
    mbedtls_ssl_conf_authmode(c, o->requires ? MBEDTLS_SSL_VERIFY_REQUIRED
                                 : o->asks   ? MBEDTLS_SSL_VERIFY_OPTIONAL
                                             : MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_ca_chain(c, &root, NULL);
    mbedtls_ssl_conf_sni(c, note_name, p);
    mbedtls_ssl_conf_renegotiation_enforced(
        c, MBEDTLS_SSL_RENEGOTIATION_NOT_ENFORCED);
    if (o->tickets > 0 && !give_tickets(p))
        return false;
    return mbedtls_ssl_conf_own_cert(c, &certs[o->cert], &keys[o->cert]) == 0;
}

struct peer *
peer_open(const struct peer_options *options)
{
    struct peer *p = &peers[peer_count];

    if (peer_count == PEER_COUNT_MAX)
        return NULL;
    peer_count++;
    used = true;
    p->options = *options;
    mbedtls_ssl_init(&p->ssl);
    mbedtls_ssl_config_init(&p->config);
    if (!configure(p) || mbedtls_ssl_setup(&p->ssl, &p->config) != 0)
        return NULL;
    mbedtls_ssl_set_bio(&p->ssl, p, bio_send, bio_receive, NULL);
    p->state = PEER_HANDSHAKE;
    return p;
}

enum peer_state
peer_feed(struct peer *p, const uint8_t *data, size_t size)
{
    int result = 0;

    p->in = data;
    p->in_size = size;
    if (p->state != PEER_HANDSHAKE)
        return p->state;
    result = mbedtls_ssl_handshake(&p->ssl);
    if (result == 0)
        p->state = PEER_OPEN;
    else if (result != MBEDTLS_ERR_SSL_WANT_READ)
        p->state = PEER_FAILED;
    if (p->state == PEER_FAILED && p->known && p->options.memory == PEER_MIXES)
        p->offered->broke = true;
    return p->state;
}

size_t
peer_read(struct peer *p, uint8_t *out, size_t size)
{
    int result = 0;

    if (p->state != PEER_OPEN)
        return 0;
    result = mbedtls_ssl_read(&p->ssl, out, size);
    if (result > 0)
        return (size_t)result;
    if (result == MBEDTLS_ERR_SSL_WANT_READ)
        return 0;
    p->state =
        result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ? PEER_CLOSED : PEER_FAILED;
    return 0;
}

void
peer_write(struct peer *p, const uint8_t *data, size_t size)
{
    while (size > 0 && p->state == PEER_OPEN) {
        int result = mbedtls_ssl_write(&p->ssl, data, size);

        if (result <= 0) {
            p->state = PEER_FAILED;
            return;
        }
        data += result;
        size -= (size_t)result;
    }
}

void
peer_nag(struct peer *p, enum peer_nag nag)
{
    bool old =
        mbedtls_ssl_get_version_number(&p->ssl) == MBEDTLS_SSL_VERSION_TLS1_2;

    if (p->state != PEER_OPEN)
        return;
    if (nag == PEER_EMPTY)
        (void)mbedtls_ssl_write(&p->ssl, NULL, 0);
    else if (nag == PEER_HELLO_REQUEST && old)
        (void)mbedtls_ssl_renegotiate(&p->ssl);
    else
        (void)mbedtls_ssl_send_alert_message(&p->ssl, WARNING,
                                             old ? WARNING_1_2 : WARNING_1_3);
}

void
peer_close(struct peer *p)
{
    if (p->state == PEER_OPEN)
        (void)mbedtls_ssl_close_notify(&p->ssl);
}

const char *
peer_proto(const struct peer *p)
{
    return mbedtls_ssl_get_version(&p->ssl);
}

const char *
peer_name(const struct peer *p)
{
    return p->name;
}

const struct peer_ticket *
peer_offered(const struct peer *p)
{
    return p->offered;
}

int64_t
peer_age_ms(const struct peer *p, int64_t at_ms)
{
    return mbedtls_ms_time() - sim_now_ms + at_ms - p->offered->given_ms;
}

bool
peer_offers_broken(const struct peer *p)
{
    return p->broken;
}

bool
peer_is_1_3(const struct peer *p)
{
    return mbedtls_ssl_get_version_number(&p->ssl) ==
           MBEDTLS_SSL_VERSION_TLS1_3;
}

bool
peer_has_client_cert(const struct peer *p)
{
    return mbedtls_ssl_get_peer_cert(&p->ssl) != NULL;
}
