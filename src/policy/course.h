/* SPDX-License-Identifier: ISC */
/*
 * What a session with a candidate must prove, how it is held, and where each
 * way it can end leads: the one place that decides this. Whoever acts on it
 * decides nothing.
 *
 * in     what is configured for the next hop, the pass, what is known of the
 *        candidate, how its session ended, what was said in it
 * out    the demand; the manner of the next session; the way on; which verdict
 *        a fault is
 * bound  POLICY_SESSION_COUNT_MAX sessions with one candidate in a pass
 * fault  none
 * order  a candidate: demand, begin; a session; way, and again for as long as
 *        the way leads to the same candidate; at the end of a pass: has_second
 */
#ifndef POLICY_COURSE_H
#define POLICY_COURSE_H

#include "base/fault.h"
#include "limits.h"
#include "policy/dane.h"

enum policy_tls {
    POLICY_TLS_OFF, /* never asked for */
    POLICY_TLS_TRY, /* where it is offered; in clear where it is not, or fails
                     */
    POLICY_TLS_MUST /* without it no MAIL */
};

enum policy_proof {
    POLICY_PROOF_NONE, /* encrypted is enough */
    POLICY_PROOF_NAME, /* a certificate for the name, to an anchor */
    POLICY_PROOF_PIN,  /* a certificate with one of the keys written down */
    POLICY_PROOF_DANE  /* a certificate that one of its TLSA records names */
};

/* control/tlsstrictness, or control/tlspolicy in its place. */
enum policy_level {
    POLICY_LEVEL_NONE, /* never TLS */
    POLICY_LEVEL_0,
    POLICY_LEVEL_1,
    POLICY_LEVEL_2,
    POLICY_LEVEL_DANE /* a line of control/tlspolicy only */
};

/* What is configured for the next hop; known at load. */
struct policy_hop {
    enum policy_level level;
    bool tls_on;   /* trust anchors, a line of tlspolicy or a login say so */
    bool pin;      /* keys are written down for it */
    bool implicit; /* TLS from the first byte */
    bool login;    /* it wants one, ... */
    bool unsafe;   /* ... and gets it proved or not */
    bool relay;    /* a route leads to it */
    bool sts;      /* a policy of MTA-STS, which is in force, is for it */
};

struct policy_demand {
    bool usable; /* it may be delivered to; if not, the rest says nothing */
    enum policy_tls tls;
    enum policy_proof proof;
    bool second_pass; /* once nobody had TLS that worked: also in clear */
    bool implicit;    /* TLS from the first byte, not by STARTTLS */
    bool unproved;    /* a secret may be sent without a proof */
    bool helo;        /* HELO may be said */
    bool relay;       /* refusals for want of a login are no verdicts */
};

/* How one session is held. */
struct policy_manner {
    enum policy_tls tls;
    enum policy_proof proof;
    bool careful;  /* in lock-step, MAIL with what it needs only */
    bool helo;     /* HELO at once, so that nothing is offered */
    bool fallen;   /* in clear only because a fault put it there */
    bool fresh;    /* by a full handshake */
    bool implicit; /* as in the demand, these four */
    bool unproved;
    bool may_helo;
    bool relay;
};

/* How it ended: smtp/session.h's, and what only the shell sees. */
enum policy_end {
    POLICY_END_VERDICT,   /* on the mail, by the server or by us */
    POLICY_END_SYNTAX,    /* likewise, but of a command it may not have liked
                             the manner of */
    POLICY_END_DUPLICATE, /* the connection died, and it may have the mail */
    POLICY_END_UNFIT,     /* it greets or answers EHLO with a refusal */
    POLICY_END_DIED,      /* the connection did, before the message's end */
    POLICY_END_MUTE,      /* likewise, at EHLO, without a word */
    POLICY_END_ABSENT,    /* TLS must be, and is not offered */
    POLICY_END_REFUSED,   /* likewise, and STARTTLS was refused */
    POLICY_END_BROKEN,    /* TLS failed, or its connection did before MAIL */
    POLICY_END_STALE,     /* likewise, with a session of before offered */
    POLICY_END_UNTRUSTED, /* the certificate does not prove the name */
    POLICY_END_COUNT
};

enum policy_way {
    POLICY_WAY_REPORT,  /* the run ends with this session's verdict */
    POLICY_WAY_NEXT,    /* another candidate */
    POLICY_WAY_CLEAR,   /* this one again, on a new connection: without TLS, */
    POLICY_WAY_FRESH,   /* by a full handshake, */
    POLICY_WAY_CAREFUL, /* the careful way, */
    POLICY_WAY_HELO     /* with HELO */
};

/* What a pass has seen, kept by whoever walks it. */
struct policy_tally {
    uint32_t counted; /* sessions towards SESSION_COUNT_MAX */
    bool asked;       /* somebody could be asked */
    bool second_pass; /* ... of whom that is demanded */
    bool cut;         /* somebody could not, for a limit's sake */
    bool tls_worked;  /* with somebody */
};

/* first, fresh, clear, careful, HELO */
enum { POLICY_SESSION_COUNT_MAX = 5 };

/* `loopback`: the candidate's address is this machine's own network; `dane`:
 * what its exchanger is; `listed`: a policy of MTA-STS has that in it. */
struct policy_demand policy_demand_of(const struct policy_hop *hop,
                                      bool loopback, enum policy_dane dane,
                                      bool listed);
/* How the first session with a candidate is held. `second`: in the second
 * pass, where `broken` says that its TLS was found so; `retry`: the mail has
 * been tried before. */
struct policy_manner policy_begin(const struct policy_demand *demand,
                                  bool second, bool broken, bool retry);
/* Where the end of a session leads. `spent`: the message cannot be read
 * again. */
enum policy_way policy_way_of(const struct policy_manner *manner,
                              enum policy_end end, bool spent);
/* How the same candidate is asked again. */
struct policy_manner policy_again(const struct policy_manner *manner,
                                  enum policy_way way);
/* TLS with this candidate is found broken by such an end. */
bool policy_is_broken(enum policy_end end);
/* Whether a candidate whose last session ended so counts towards
 * SESSION_COUNT_MAX. */
bool policy_counts(const struct policy_demand *demand, bool second,
                   enum policy_end end);
/* How long after its first session a pass may begin another with somebody else.
 * A server that times out once takes all of timeoutremote, and must not keep
 * the mail from the next: so a quarter more. */
int64_t policy_pass_ms(uint32_t remote_timeout_s);
/* Whether a second pass follows a first that decided nothing. */
bool policy_has_second(const struct policy_tally *first);
/* Whether a refusal with such a reply is no verdict on the mail. `fallen`:
 * TLS was wanted and refused, in this session. */
bool policy_softens(const struct policy_manner *manner, bool fallen,
                    uint32_t code);
/* The verdict that a fault is, a recipient's record likewise ('r', 'h', 's'),
 * where that is so. */
enum fault policy_fault(const struct policy_manner *manner, enum fault fault,
                        bool soft);
char policy_recipient(char verdict, bool soft);

#endif
