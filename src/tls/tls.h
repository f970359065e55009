/* SPDX-License-Identifier: ISC */
/*
 * One TLS connection of a client: mbedTLS behind this program's verbs
 * (RFC 8446, 5246, 9525). No other file but src/tls/ knows mbedTLS.
 *
 * in     bytes of the socket, entropy, time, trust anchors
 * out    bytes for the socket, plain text, protocol, cipher, the reason of a
 *        failure in plain words
 * bound  memory is the arena lent to tls_init; exhausting it is a failure
 * fault  TLS_FAILED or TLS_REFUSED in `state`, with `reason`; sticky
 * order  tls_init once; then per connection [tls_offer], tls_start,
 *        [tls_dane], rx/tx while TLS_HANDSHAKE; at TLS_ANCHORS, in its midst,
 *        tls_anchor ... tls_verify, then rx/tx again; at TLS_OPEN read/write,
 *        tls_close, tls_end
 */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include "base/addr.h"
#include "base/slice.h"
#include "base/tlsa.h"
#include "limits.h"
#include "tls/name.h"

enum tls_state {
    TLS_IDLE,
    TLS_HANDSHAKE,
    TLS_ANCHORS, /* the peer has proved its certificate; the shell must bring
                    anchors, then verify: before that we show nothing of ours */
    TLS_OPEN,
    TLS_CLOSED, /* the peer or we said close_notify */
    TLS_FAILED, /* protocol, network or memory: reason */
    TLS_REFUSED /* the peer's certificate: reason */
};

/* What resumes a connection without a certificate (RFC 8446 section 2.2, 5077,
 * 5246). It says nothing of what the peer had proved: whoever keeps it must
 * know. */
struct tls_session {
    bool once;           /* to be offered once only (RFC 8446 section C.4) */
    uint32_t lifetime_s; /* from when it was given; 0: not said */
    uint32_t size;
    uint8_t state[TLS_SESSION_SIZE_MAX]; /* secret */
};

struct tls_sessions {
    uint32_t count;
    struct tls_session list[TLS_SESSION_COUNT_MAX];
};

struct tls_config {
    bool verify;  /* no TLS_OPEN without tls_verify */
    bool tell;    /* a bad certificate is used all the same, with `reason` */
    bool checked; /* the key is known to be the certificate's */
    bool first;   /* TLS is what a connection begins with: no STARTTLS */
    /* Lent for ever. With any, the peer's certificate is good if its key is one
     * of these, and only then; no anchors are wanted. */
    const uint8_t (*pins)[TLS_PIN_SIZE];
    uint32_t pin_count;
    struct slice client_cert; /* PEM: leaf, then its chain; data NULL: none */
    struct slice client_key;  /* PEM */
    uint8_t *arena;           /* lent for ever; aligned as max_align_t */
    /* Lent for ever: those that the peer gives are added while there is room.
     * NULL: none are asked for. */
    struct tls_sessions *sessions;
    size_t arena_size;
};

/* What proves the peer of one connection, and nothing else does (RFC 7672
 * section 3); no anchors are wanted. Lent for as long as it lasts. */
struct tls_dane {
    const struct tlsa_set *records;
    /* Besides the one of tls_start: the names of which one is to be in a
     * certificate that an authority of the records' has issued. */
    struct slice names[TLS_DANE_NAME_COUNT_MAX];
    uint32_t name_count;
};

struct tls {
    /* For the caller to read. */
    enum tls_state state;
    /* These three stay until the next tls_start. */
    struct slice reason; /* why TLS_FAILED, TLS_REFUSED or a false */
    struct slice proto;  /* "TLSv1.3" once the handshake is done */
    struct slice cipher; /* "TLS_AES_128_GCM_SHA256", as IANA has it */
    /* At TLS_ANCHORS: who may have issued what the peer presented. In a
     * hashed directory look into %08x.0, .1 ... of each one's `file`. */
    struct tls_name_hash issuers[TLS_ISSUER_COUNT_MAX];
    uint32_t issuer_count;
    /* The record of tls_dane's that a proof rests on, or that it failed with;
     * TLSA_COUNT_MAX: none. */
    uint32_t tlsa_index;
    /* Once tls_verify has found nothing wrong: the end of what proves it, the
     * first of the chain's to end. */
    int64_t until_s;
    /* At TLS_ANCHORS and from then on, at TLS_OPEN unless resumed: SHA-256 of
     * the SubjectPublicKeyInfo of the peer's own certificate. */
    uint8_t pin[TLS_PIN_SIZE];
    bool offered;  /* a session was, to this peer */
    bool resumed;  /* at TLS_OPEN: by that; there was no certificate */
    bool outgrown; /* it has TLS 1.3, and a session of 1.2 kept it from that */

    /* For src/tls/ alone. */
    struct tls_core *core; /* what mbedTLS wants, in the arena */
    struct slice lent;     /* what tls_tx offers: mbedTLS's own buffer */
    size_t lent_acked;
    size_t write_size; /* plain text inside `lent`, already taken */
    size_t rx_start;
    size_t rx_used;
    bool rx_end;
    bool verify;
    bool tell;
    bool first;
    bool verified;  /* or not to be */
    bool retried;   /* there was a HelloRetryRequest */
    bool close_due; /* close_notify is to follow `lent` */
    bool close_said;
    bool shown; /* the peer was asked for a certificate */
    struct tls_sessions *sessions;
    struct slice next, offer; /* a session, of the next connection and this */
    int64_t next_given_s;
    uint32_t heard; /* octets of a reply that the connection began with */
    uint32_t pin_count;
    const uint8_t (*pins)[TLS_PIN_SIZE];
    const struct tls_dane *dane; /* or NULL */
    struct addr literal;
    int64_t wall_s;
    char name[NAME_TEXT_SIZE_MAX + 1]; /* NUL-ended for mbedTLS */
    uint8_t cipher_text[TLS_CIPHER_SIZE_MAX];
    uint8_t reason_text[TLS_REASON_SIZE_MAX];
    uint8_t rx[TLS_RX_SIZE];
};

/* False: the configuration is at fault (client certificate or key, arena too
 * small); `reason` says how. The texts may go away after it returns. */
bool tls_init(struct tls *t, const struct tls_config *config,
              const uint8_t entropy[static TLS_ENTROPY_SIZE]);
/* The next tls_start offers this session, which the peer gave at given_s; the
 * octets are lent until tls_end. Where it is resumed nothing is verified: for
 * whom has proved by a certificate what is to be proved now, and not by pins or
 * by records. */
void tls_offer(struct tls *t, struct slice state, int64_t given_s);
/* The peer is known by `name` (a trailing dot does not count), or by
 * `literal` where that is not NULL. `wall_s` counts from 1970, UTC. What was
 * before is ended. False: TLS_FAILED. */
bool tls_start(struct tls *t, struct slice name, const struct addr *literal,
               int64_t wall_s);
/* Right behind tls_start, and only there. */
void tls_dane(struct tls *t, const struct tls_dane *dane);

/* Where the socket's bytes go, and how many fit: none while plain text waits
 * to be read. Then commit `size` of them; 0 is the end of the stream. */
uint8_t *tls_rx(struct tls *t, size_t *room);
void tls_rx_ack(struct tls *t, size_t size);
/* What the socket must send next, whatever the state (an alert may follow a
 * failure); then commit `size` of it. */
struct slice tls_tx(const struct tls *t);
void tls_tx_ack(struct tls *t, size_t size);
/* What tls_tx offers is text of tls_write; else it is TLS's own: a handshake,
 * an alert, which any peer can ask for without end. Never both at once. */
bool tls_tx_is_text(const struct tls *t);

/* Plain text of the peer; 0: none now, or never if the state says so. To be
 * called until it returns 0 after every tls_rx_ack at TLS_OPEN; what tls_tx
 * offers meanwhile can wait. */
size_t tls_read(struct tls *t, uint8_t *out, size_t size);
/* tls_read may find something, the end included, without another byte of the
 * socket. After it returned 0 there is nothing. */
bool tls_holds(const struct tls *t);
/* Takes some bytes of the text, at TLS_OPEN; 0: empty tls_tx first. */
size_t tls_write(struct tls *t, struct slice text);

/* One certificate that the administrator trusts; kept if it bears the name of
 * one of `issuers`. Others, bad ones and repeated ones are ignored. */
void tls_anchor(struct tls *t, struct slice der);
/* TLS_ANCHORS becomes TLS_REFUSED, or the handshake goes on. */
void tls_verify(struct tls *t);

/* Queues close_notify: TLS_CLOSED. Nothing can be read or written after it. */
void tls_close(struct tls *t);
/* Forgets the connection, at any state: TLS_IDLE. */
void tls_end(struct tls *t);

#endif
