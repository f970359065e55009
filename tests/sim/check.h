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

/* Behind the ten of threats.md. */
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
    CHECK_CLIENT = 11,   /* what it says is correct SMTP, as offered */
    CHECK_MESSAGE = 12,  /* the message arrives as it should, octet by octet */
    CHECK_VERDICT = 13,  /* the right verdict where it is known */
    CHECK_TRAP = 14,     /* no forged or unusable address is used */
    CHECK_QUERY = 15,    /* DNS queries are well-formed */
    CHECK_SESSIONS = 16, /* no more of them than the bound */
    CHECK_CALLS = 17,    /* descriptors, arguments, no busy loop */
    CHECK_CRASH = 18,
    CHECK_TCPTO = 19, /* who timed out is skipped, and remembered */
    CHECK_RACE = 20   /* in order, staggered, one winner */
};

struct session;

struct figures {
    uint64_t runs, accepted, temporary, permanent, died, duplicates, tls;
    uint64_t sessions, expected;
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
/* check_connect.c: as it is opened; as it is given up; as it is written to. */
void check_race(const struct conn *c);
void check_timed_out(const struct conn *c);
void check_alone(const struct conn *c);

void check_write(const struct conn *c);
void check_time(void);
bool check_careful(const struct session *s);
void check_mail(const struct session *s);
void check_commit(const struct session *s);
void check_secured(const struct session *s);
struct place check_trap(void);

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

/* What the zone says of where to deliver, without a look at any server. */
struct truth {
    bool no_name, null_only, broken, aliased;
    bool own; /* and none better is usable */
    uint32_t count;
    struct {
        struct place place;
        uint32_t preference;
    } list[4 * NAME_COUNT_MAX * ZONE_ADDRESS_COUNT_MAX];
};
void find_truth(struct truth *t);

/* check_verdict.c: which verdict must, or may, stand there. */
void check_verdict(const struct report *r);
struct session *last_session(void);
/* Its session is open, is as it should be, and has decided nothing. */
bool is_undecided(const struct session *s);
/* A reply of its flight is missing: the next one stands for it. */
bool was_shifted(const struct session *s);
/* A reply that answers nothing was taken for an answer. */
bool was_misled(const struct session *s);
/* The program has read this reply to its end. */
bool was_read(const struct session *s, uint32_t reply);

#endif
