/* SPDX-License-Identifier: ISC */
/*
 * One session with a mail server, greeting to verdict (RFC 5321, 2920, 3207,
 * 4954).
 *
 * in     plain bytes of the server, the message, time
 * out    plain bytes for the server, a verdict, the last reply
 * bound  a reply or a flight of ours within timeout_ms; one transaction
 * fault  `end` and `fault` once smtp_want says SMTP_WANT_END; where that leads
 *        is decided elsewhere
 * order  init; then as smtp_want says: rx, rx_ack; tx, tx_ack; body; taken
 *        at a recipient's verdict; secured when the shell has set up TLS;
 *        tick when the deadline has come; lost at end of file or an error
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include "base/fault.h"
#include "base/slice.h"
#include "limits.h"
#include "smtp/auth.h"
#include "smtp/body.h"
#include "smtp/features.h"
#include "smtp/reply.h"

/*       NAME      name      what the report calls it */
#define SMTP_STEPS(X)                     \
    X(GREETING, greeting, "the greeting") \
    X(EHLO, ehlo, "EHLO")                 \
    X(HELO, helo, "HELO")                 \
    X(STARTTLS, starttls, "STARTTLS")     \
    X(AUTH, auth, "AUTH")                 \
    X(RESPONSE, response, "AUTH")         \
    X(CANCEL, cancel, "AUTH")             \
    X(MAIL, mail, "MAIL")                 \
    X(RCPT, rcpt, "RCPT")                 \
    X(DATA, data, "DATA")                 \
    X(MESSAGE, message, "the message")

#define SMTP_STEP(NAME, name, text) SMTP_STEP_##NAME,
enum smtp_step {
    SMTP_STEPS(SMTP_STEP) SMTP_STEP_SECURE, /* the shell is at work */
    SMTP_STEP_END
};
#undef SMTP_STEP

enum smtp_tls {
    SMTP_TLS_OFF,  /* never ask for it */
    SMTP_TLS_TRY,  /* ask where it is offered; a refusal goes on in clear */
    SMTP_TLS_MUST, /* without it no MAIL */
    SMTP_TLS_FIRST /* from the first byte */
};

enum smtp_hello {
    SMTP_HELLO_EHLO, /* and HELO where that is refused */
    SMTP_HELLO_HELO, /* at once: no extension, no TLS */
    SMTP_HELLO_ONLY  /* EHLO, and never HELO */
};

/* How a session ended. A connection is dead when it was closed, failed or
 * timed out, when the server said 421, and behind a protocol error. */
enum smtp_end {
    SMTP_END_NONE,      /* not yet */
    SMTP_END_VERDICT,   /* the server's word on the mail, or the message's own:
                           `fault` has it */
    SMTP_END_SYNTAX,    /* likewise, but 500 to 504 or 555 to MAIL, RCPT or DATA
                           in a flight, or to MAIL with parameters; to RCPT it
                           is no verdict yet: FAULT_DIED */
    SMTP_END_UNFIT,     /* greeting, EHLO or HELO refused; no login with it, or
                           not now. A login that is refused for good is a
                           verdict */
    SMTP_END_MUTE,      /* closed or failed at EHLO, in clear, without a byte of
                           reply */
    SMTP_END_DIED,      /* dead before the end of the message was sent */
    SMTP_END_DUPLICATE, /* dead after it */
    SMTP_END_TLS_ABSENT,  /* SMTP_TLS_MUST, and not offered */
    SMTP_END_TLS_REFUSED, /* SMTP_TLS_MUST, and STARTTLS refused */
    SMTP_END_TLS_BROKEN   /* dead at STARTTLS, behind its refusal before the
                             reply to MAIL or AUTH, or inside TLS before the
                             first; `why` says how */
};

enum {
    SMTP_WANT_RX = 1,        /* bytes of the server */
    SMTP_WANT_TX = 2,        /* bytes for the server are ready */
    SMTP_WANT_BODY = 4,      /* the next bytes of the message */
    SMTP_WANT_RECIPIENT = 8, /* a recipient's verdict is to be taken */
    SMTP_WANT_SECURE = 16,   /* TLS is to be set up, now */
    SMTP_WANT_END = 32,      /* over */
    SMTP_WANT_LOOK = 64      /* `watched`: the last reply may be looked at */
};

struct smtp_config {
    struct slice helo;
    struct slice sender;            /* checked: smtp_address_check */
    const struct slice *recipients; /* checked likewise */
    uint32_t recipient_count;
    uint32_t timeout_ms;
    enum smtp_tls tls;
    enum smtp_hello hello;
    const struct smtp_login *login; /* NULL: none */
    bool unproved; /* a secret may be sent to who has proved nothing */
    bool careful;  /* lock-step, MAIL with no parameter but SMTPUTF8 */
    bool dry;      /* ends with FAULT_OK where MAIL would be said; logs in */
    bool watched;  /* stops behind each reply */
    bool survey;   /* the next two are known */
    bool eight_bit;
    uint64_t size; /* octets, as SIZE counts them */
};

struct smtp {
    const struct smtp_config *config;
    enum smtp_step step; /* whose reply comes next */
    enum smtp_step emit; /* what is to be queued next; SMTP_STEP_END: nothing */
    enum smtp_end end;
    enum fault fault;
    enum smtp_step fault_step; /* where it stood then: how far it got */
    struct slice said;         /* what the server said to it, or empty */
    struct slice why;          /* of a connection that died, or empty */
    bool secure;               /* inside TLS */
    bool proved;               /* and it is who it has to be */
    bool tls_refused;          /* STARTTLS was */
    bool logged_in;            /* by `auth` */
    bool quotable;  /* what the login says may come back in replies */
    bool tx_secret; /* tx has some of it */
    enum smtp_auth_mechanism auth; /* tried last */
    uint32_t auth_tried;           /* 1 << mechanism */
    uint32_t responses_sent;       /* of `auth` */
    bool dead;                     /* nothing more is sent */
    bool lost;             /* nothing more comes than was received, ... */
    struct slice lost_why; /* ... because of this */
    int64_t deadline_ms;
    struct smtp_features features;
    struct smtp_reply reply;
    char recipient_verdict; /* r, h or s, at SMTP_WANT_RECIPIENT */
    bool reply_open;        /* its first byte has come, its last has not */
    bool reply_stray;       /* it began before its command was sent */
    bool reply_early;       /* it began before the message was sent */
    bool recipient_ready;
    bool look_ready;
    uint32_t recipients_sent, recipients_answered, recipients_accepted;
    uint32_t commands_sent, commands_answered;
    struct smtp_body body;
    bool body_open;  /* the message is being encoded */
    bool body_ended; /* its end is queued, at end_offset */
    uint64_t end_offset;
    uint64_t tx_offset; /* bytes of the stream that were acknowledged */
    struct buf tx;
    size_t tx_taken; /* of tx, acknowledged */
    size_t rx_used;
    struct buf refusal; /* the reply to EHLO, when it was refused */
    /* where in the stream each command of this flight ends */
    uint64_t ends[RECIPIENT_COUNT_MAX + 4];
    uint8_t why_bytes[SMTP_WHY_SIZE_MAX];
    uint8_t refusal_bytes[REPLY_TEXT_SIZE_MAX];
    uint8_t rx_bytes[SMTP_RX_SIZE];
    uint8_t tx_bytes[SMTP_TX_SIZE];
};

/* config is lent until the end. */
void smtp_init(struct smtp *s, const struct smtp_config *config,
               int64_t now_ms);
uint32_t smtp_want(const struct smtp *s); /* SMTP_WANT_... */

/* Room for bytes of the server; valid until the next call. */
uint8_t *smtp_rx(struct smtp *s, size_t *room);
void smtp_rx_ack(struct smtp *s, size_t size, int64_t now_ms);
/* Bytes for the server; valid until the next call. */
struct slice smtp_tx(const struct smtp *s);
void smtp_tx_ack(struct smtp *s, size_t size, int64_t now_ms);
/* Some of what was acknowledged had waited inside TLS, and has gone now. */
void smtp_sent(struct smtp *s, int64_t now_ms);
/* Takes from the message what fits; `last`: nothing follows it. */
void smtp_body(struct smtp *s, struct slice *in, bool last);
/* recipient_verdict and reply have been read, or the reply looked at. */
void smtp_taken(struct smtp *s, int64_t now_ms);
/* TLS is up: all that was said in clear is forgotten. `proved`: the peer has
 * proved all that is demanded of it. */
void smtp_secured(struct smtp *s, bool proved, int64_t now_ms);
/* The connection is gone, but what was received still counts; `why` is lent to
 * the end. */
void smtp_lost(struct smtp *s, struct slice why);
/* In answer to SMTP_WANT_BODY: the message cannot be read. */
void smtp_abort(struct smtp *s, enum fault fault);
void smtp_tick(struct smtp *s, int64_t now_ms);
/* What a report calls the step; a literal. */
const char *smtp_step_text(enum smtp_step step);

#endif
