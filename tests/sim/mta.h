/* SPDX-License-Identifier: ISC */
/*
 * A session of a mail server: correct SMTP, one mischief, and a record of
 * what was said and heard for the checks.
 *
 * in     bytes of the program, by net.h
 * out    replies; struct session for check.c
 * bound  SAID_COUNT_MAX replies
 * fault  what a client must not say is a violation
 */
#ifndef SIM_MTA_H
#define SIM_MTA_H

#include "sim/net.h"
#include "sim/peer.h"

enum { SAID_COUNT_MAX = 128 };

enum session_state {
    SESSION_COMMAND,
    SESSION_BODY,
    SESSION_TLS, /* shaking hands */
    SESSION_OVER /* listens no more */
};

/* A reply, as it was meant. */
struct said {
    enum at at;
    uint32_t code;
    bool secure;
    bool sent;
    bool came;      /* whole, to the program's side */
    bool other;     /* to AUTH: another mechanism is left; */
    bool cancelled; /* to its cancellation */
    size_t end;     /* in the stream, behind its last byte */
};

struct session {
    struct conn *conn;
    struct mta *mta;
    struct peer *peer; /* TLS; NULL in clear */
    enum session_state state;
    bool secure;
    uint32_t index; /* of this server's sessions, from 0 */

    uint32_t offers; /* by the reply to the last EHLO */
    bool greeted, hello, mail_good, mail_asked;
    uint32_t rcpt_count, rcpt_good, rcpt_refused;
    uint32_t pending; /* replies not sent yet */
    enum at last_asked;
    struct bytes line;
    uint64_t heard; /* bytes of the client */
    bool more;      /* some stand behind the line that is looked at */
    bool gathers;   /* TLS records, to send them in one segment: */
    struct bytes gathered;
    int64_t say_ms; /* when the last reply goes */

    /* mta_auth.c's */
    uint32_t auth_offered, auth_tried; /* bits of mechanisms */
    uint32_t auth_way, auth_responses, auth_said;
    bool auth_initial; /* a response came with the command */
    bool auth_waits;   /* for a response */
    bool auth_other, auth_cancelled;
    bool logged_in;
    struct bytes quote; /* of what it was sent */

    size_t body_offset; /* of world.expected */
    bool line_start, dot, dot_cr;
    bool early_done, early_refused; /* a reply in the middle of it */

    /* for the checks */
    uint32_t said_count;
    struct said said[SAID_COUNT_MAX];
    bool quit, forged;
    bool parameters;    /* stood behind MAIL */
    bool starttls;      /* was heard */
    bool helo;          /* its first word */
    bool hated;         /* what it would have taken in another manner */
    size_t forged_from; /* where the forged bytes are in the stream, */
    size_t forged_end;
    uint64_t forged_behind; /* and how much the client had sent by then */
    size_t tls_from;        /* where TLS begins in it */
    size_t shaken_end;      /* where a handshake ends that comes first; */
    bool shaken;            /* the program has it all */
    bool stale;             /* these are a reply too many, no forgery */
    bool forged_early;      /* it had read of them by its next word */
    bool forged_ignored;    /* and of all, and went on */
    size_t hello_end;       /* where the last reply to EHLO ends */
    bool ending;            /* 421 is on its way: nothing is heard any more */
    bool dirty;             /* it has misbehaved */
    bool ended;             /* the server has ended the connection */
    bool end_seen;          /* the whole message is here */
    bool committed;         /* and was taken */
    bool undone;            /* the client may know that nothing was taken */
    size_t out_count;       /* of TLS bytes, for mischief */
    uint8_t rcpt_verdicts[ARG_COUNT_MAX];
};

/* All of the run, by time; mta.c's. */
enum { SESSION_COUNT_ALL_MAX = 256 };
extern struct session *sessions[SESSION_COUNT_ALL_MAX];
extern uint32_t session_count;

void mta_reset(void);

/* mta_say.c: replies. */
void say(struct session *s, enum at at, uint32_t code);
/* Bytes as they are, in clear or under TLS. */
size_t say_bytes(struct session *s, const void *data, size_t size,
                 size_t segment);
bool has_mischief(const struct session *s, enum at at);
void end_session(struct session *s, bool by_reset);
bool has_tls_fault(const struct session *s, enum tls_fault fault);
void say_goodbye(struct session *s);
void say_early(struct session *s, uint32_t code);
void start_tls(struct session *s);
void say_tls(void *context, const uint8_t *data, size_t size);

/* mta_body.c: the message. */
void hear_body(struct session *s, const uint8_t **data, size_t *size);

/* mta_auth.c: AUTH; a response, while it waits for one; what it offers. */
void hear_auth(struct session *s, const char *line);
void hear_response(struct session *s, const char *line);
void put_auth_offer(const struct session *s, struct bytes *b);

/* mta_command.c: a whole line, without its end. */
void hear_command(struct session *s, const char *line);
void mta_complain(const struct session *s, const char *what, const char *line);
void mta_answer(struct session *s, enum at at, uint32_t code);
uint32_t mta_code(struct session *s, enum at at, uint32_t normal);

#endif
