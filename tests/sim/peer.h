/* SPDX-License-Identifier: ISC */
/*
 * The server's side of TLS, with a copy of mbedTLS of its own.
 *
 * in     bytes of the client, plain text
 * out    bytes for the client, by a call back; plain text
 * bound  PEER_ARENA_SIZE for all connections of a run
 * fault  PEER_FAILED
 * order  peer_setup once; peer_seed per run; open, feed, read, write ...
 */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum peer_state { PEER_HANDSHAKE, PEER_OPEN, PEER_CLOSED, PEER_FAILED };

/* Records that bring nothing, and may ask for an answer. */
enum peer_nag {
    PEER_HELLO_REQUEST, /* TLS 1.2; else a warning */
    PEER_WARNING,
    PEER_EMPTY
};

/* What a server has to say of a session of before. */
enum peer_memory {
    PEER_FORGETS, /* it has other keys each time */
    PEER_KNOWS,
    PEER_MIXES, /* the ticket of one with the secret of another */
    PEER_MEMORY_COUNT
};

struct peer_options {
    uint32_t cert;   /* enum cert */
    uint32_t keys;   /* whose tickets it knows: of such a certificate */
    uint32_t life_s; /* of its tickets; 0: a day */
    bool tls12, tls13;
    bool retry; /* a group the client did not guess: HelloRetryRequest */
    bool asks;  /* for a client certificate */
    bool requires;
    uint32_t tickets; /* of TLS 1.3, sent behind the handshake */
    enum peer_memory memory;
    void (*send)(void *context, const uint8_t *data, size_t size);
    void *context;
};

struct peer;

/* Whether there was a connection since it was set up. */
bool peer_used(void);
bool peer_setup(const char *directory);
void peer_seed(uint64_t seed);
/* The next delivery, so much later: no connection is left. */
void peer_next(int64_t after_ms);
void peer_forget(void); /* the keys of all tickets */
/* SHA-256 of its SubjectPublicKeyInfo. */
enum { PEER_PIN_SIZE = 32, PEER_TICKET_HEAD_SIZE = 16 };
const uint8_t *peer_pin(uint32_t cert);
struct peer *peer_open(const struct peer_options *options);
enum peer_state peer_feed(struct peer *p, const uint8_t *data, size_t size);
/* Of the text that arrived; 0: no more. */
size_t peer_read(struct peer *p, uint8_t *out, size_t size);
void peer_write(struct peer *p, const uint8_t *data, size_t size);
void peer_nag(struct peer *p, enum peer_nag nag);
void peer_close(struct peer *p);
const char *peer_proto(const struct peer *p);
/* The name that the client asked for; empty: none. */
const char *peer_name(const struct peer *p);
/* The ticket that the client has offered; NULL: none. */
struct peer_ticket {
    uint8_t head[PEER_TICKET_HEAD_SIZE]; /* no two begin alike */
    uint32_t delivery; /* that it was given in, from 0; when: */
    int64_t given_ms;
    uint32_t offers; /* connections that it was offered in */
    bool broke;      /* one of them, by what the server made of it */
};
const struct peer_ticket *peer_offered(const struct peer *p);
/* How old it was at a time of this delivery. */
int64_t peer_age_ms(const struct peer *p, int64_t at_ms);
bool peer_offers_broken(const struct peer *p); /* before it was offered */
bool peer_is_1_3(const struct peer *p);
bool peer_has_client_cert(const struct peer *p);

#endif
