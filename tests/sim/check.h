/* SPDX-License-Identifier: ISC */
/*
 * What must hold: the invariants of threats.md by their numbers, and ours.
 *
 * in     what happens in the world; the report and the end of the run
 * out    violations
 * bound  none
 * fault  violated()
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "sim/net.h"

/* The thirteen of threats.md, and some of our own. */
enum {
    CHECK_REPORT = 1,    /* framing, exactly one verdict */
    CHECK_ACCEPTED = 2,  /* K only after 2xx, in the message's context */
    CHECK_STRICT = 3,    /* never MAIL in clear at strictness 2 */
    CHECK_FORGED = 4,    /* no byte from before TLS counts after it */
    CHECK_PERMANENT = 5, /* D for allowed causes only */
    CHECK_TIME = 6,
    CHECK_SAFE_TEXT = 7,
    CHECK_MEMORY = 8,
    CHECK_DUPLICATE = 9, /* once the end was sent: no other candidate */
    CHECK_OWN = 10,      /* never a connection to ourselves */
    CHECK_SECRET = 11,   /* no part of one is seen anywhere */
    CHECK_SECURE = 12,   /* never MAIL in clear, or to somebody who proved
                            nothing, where that must not be */
    CHECK_UNTRIED = 13,  /* undecided only when everybody was tried */
    CHECK_CLIENT = 14,   /* what it says is correct SMTP, as offered */
    CHECK_MESSAGE = 15,  /* the message arrives as it should, octet by octet */
    CHECK_VERDICT = 16,  /* the right verdict where it is known */
    CHECK_TRAP = 17,     /* no forged or unusable address is used */
    CHECK_QUERY = 18,    /* DNS queries are well-formed, and not too many */
    CHECK_SESSIONS = 19, /* no more of them than the bound, each for a reason */
    CHECK_CALLS = 20,    /* descriptors, arguments, no busy loop */
    CHECK_CRASH = 21,
    CHECK_TCPTO = 22, /* who timed out is skipped, and remembered */
    CHECK_RACE = 23,  /* in order, staggered, one winner */
    CHECK_LOGIN = 24, /* as RFC 4954 has it; refused once, tried nowhere else */
    CHECK_RESUME = 25 /* no session of TLS that may not be offered */
};

struct session;

struct figures {
    uint64_t runs, accepted, temporary, permanent, died, duplicates, tls;
    uint64_t sessions, expected, resumed;
};
extern struct figures figures;

void check_reset(void);

/* stack.c: invariant 8. Memory for the program's stack; where it begins; the
 * program calls; it is called. */
void *stack_make(size_t size);
void stack_begin(void);
void stack_paint(void);
void stack_check(void);

/* The program was held up by this much: deadlines are that much later. */
void check_excuse(int64_t ms);

void check_open(struct conn *c);
void check_close(struct conn *c);
void check_write(const struct conn *c);
void check_helo(const struct session *s);
void check_mail(const struct session *s);
void check_commit(const struct session *s);
void check_secured(const struct session *s);
/* It must go in lock-step, without parameters. */
bool check_careful(const struct session *s);
/* Its clock was not read at once, or a reply was taken for another's. */
bool check_may_be_careful(const struct session *s);
struct place check_trap(void);

/* check_connect.c: as it is opened; as it is given up; as it is written to. */
void check_race(const struct conn *c);
void check_timed_out(const struct conn *c);
void check_alone(const struct conn *c);
bool check_is_steady(void);
bool check_is_skipped(const struct place *p);

/* check_time.c: invariant 6. A question; each wait; all of it. */
void check_time_reset(void);
void check_question(int name, enum ask ask, int64_t sent_ms);
void check_time(void);
void check_total(void);
int64_t check_pass_ms(void); /* from the beginning of its first session */

/* check_secret.c: invariant 11. `how` it is seen. */
void check_secret(const void *data, size_t size, const char *how);
/* check_login.c: likewise, of a login's secret, in any case of its letters. */
void check_login(const void *data, size_t size, const char *how);
/* A line with its end; AUTH; MAIL; a socket's own address; at the end. */
void check_told(const struct session *s, const void *line, size_t size);
void check_auth(const struct session *s);
void check_logged_in(const struct session *s);
void check_source(const struct endpoint *to, const struct addr *from);
void check_wires(void);
/* What a server has proved under TLS, if that is wanted of it. */
bool check_is_proven(const struct session *s);
bool check_is_named(const struct session *s); /* if DANE is not asked */

/* check_resume.c: what the session rests on, of a session of TLS before it. */
void check_resume(const struct session *s);

/* At the end. `died`: by os_abort. */
void check_end(const struct bytes *report, bool died);

/* check_report.c: what the report says, taken apart. */
struct report {
    uint32_t record_count;
    uint8_t records[ARG_COUNT_MAX];
    char letter; /* 0: none */
    const char *text;
    size_t text_size;
};
bool report_read(const struct bytes *b, struct report *r);
bool report_starts(const struct report *r, const char *text);
bool report_has(const struct report *r, const char *text);

/* check_dane.c: what DANE makes of a name, with the certificates that prove it.
 */
enum dane_class { DANE_NONE, DANE_AUTH, DANE_ENCRYPT, DANE_SKIP };
enum dane_class dane_of(int name, uint32_t *pins);
/* Or MTA-STS does. */
bool dane_bars(int name, const struct place *p);
/* As one of its names it must have TLS, or has proved what that must. */
bool dane_must(const struct mta *m);
/* No name is asked of it, whatever its policy or tlsstrictness says. */
bool dane_spares_name(const struct mta *m);
bool dane_is_proven(const struct session *s);
void check_dane_line(const struct report *r, const struct session *s);

/* check_truth.c: what the zone says of where to deliver, without a look at any
 * server. */
struct truth {
    bool no_name, null_only, broken, aliased;
    bool barred;     /* somebody, by DANE or MTA-STS */
    bool own;        /* and none better is usable */
    bool own_behind; /* behind the other family of that name */
    uint32_t count;
    struct {
        struct place place;
        uint32_t preference;
        int name; /* in the zone; -1: a route's address */
    } list[4 * NAME_COUNT_MAX * ZONE_ADDRESS_COUNT_MAX];
};
void find_truth(struct truth *t);
/* So many of the names in it have this address. */
uint32_t truth_names(const struct truth *t, const struct place *p);
/* The DNS gives all of it, at once; or in time. */
/* Whoever it is asked as, it is taken: with TLS that works, by a certificate
 * that is right without DANE. */
bool dane_is_trusted(const struct truth *t, const struct mta *m, bool tls,
                     bool trusted);
bool truth_is_prompt(void);
bool truth_is_sure(const struct truth *t);
/* The better exchangers' answers come while they are waited for. */
bool truth_is_soon(const struct truth *t);
/* Soon enough to see that an equal or better exchanger is this machine. */
bool truth_shows_own(const struct truth *t);
/* The longest that any of its answers takes. */
int64_t truth_delay_ms(void);

/* check_judge.c: what a session has led to, and why it is as it is. */
struct wanted {
    char letter; /* 0: not known */
    const char *text;
};
struct wanted judge_session(const struct session *s);
bool was_over(const struct session *s, uint32_t reply); /* before this one */
struct session *last_session(void);
bool is_about_login(uint32_t code); /* no verdict on the mail */
/* Its session is open, is as it should be, and has decided nothing. */
bool is_undecided(const struct session *s);
/* A reply of its flight is missing: the next one stands for it. */
bool was_shifted(const struct session *s);
/* A reply that answers nothing was taken for an answer. */
bool was_misled(const struct session *s);
/* Behind 354 a reply too many is what refuses in the middle of the message. */
bool was_refused_early(const struct session *s);
/* The program has read this reply to its end. */
bool was_read(const struct session *s, uint32_t reply);
/* TLS was tried in it, or may have been; in vain. */
bool has_tried_tls(const struct session *s);
bool may_have_tried_tls(const struct session *s);
/* It ended at EHLO, without a byte of a reply. */
bool was_mute(const struct session *s);
/* It is in clear only because TLS, or a connection that wanted it, failed. */
bool is_fallen(const struct session *s);
bool may_be_fallen(const struct session *s);
/* Refused for its manner: it is asked once more, the careful way. */
bool is_disliked(const struct session *s);
/* Likewise, or a reply in it or before, to the same server, was another's. */
bool may_be_disliked(const struct session *s);

/* check_pass.c: who is asked, how often, in which order; invariant 13. */
bool is_repeat_due(const struct session *s); /* by how it has ended */
void check_second_pass(const struct session *s);
void check_passes(void);
void check_untried(const struct report *r);

/* check_permanent.c: invariant 5. check_known.c: worlds whose end is known.
 * check_verdict.c: which verdict must, or may, stand there. */
void check_permanent(const struct report *r);
void check_known(const struct report *r);
void check_verdict(const struct report *r);

#endif
