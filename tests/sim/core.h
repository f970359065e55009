/* SPDX-License-Identifier: ISC */
/*
 * What every part of the simulator stands on: one stream of random numbers,
 * bytes that grow, a virtual clock with its events, the trace, violations.
 *
 * in     a seed
 * out    the same run for the same seed, on any machine
 * bound  memory is given back by sim_free_all at the end of a run
 * fault  the first violation of a run is kept and printed
 */
#ifndef SIM_CORE_H
#define SIM_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data;
    size_t size, room;
};

/* What is drawn decides everything; splitmix64, as in base/mix, but not the
 * program's own copy, which may be under test. */
void draw_seed(uint64_t seed);
uint64_t draw_number(void);
uint32_t draw(uint32_t count); /* 0 to count - 1 */
uint32_t draw_between(uint32_t low, uint32_t high);
bool chance(uint32_t percent);
bool once_in(uint32_t count);

/* Memory of one run. */
void *sim_alloc(size_t size);
void sim_free_all(void);
void bytes_put(struct bytes *b, const void *data, size_t size);
void bytes_text(struct bytes *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The clock starts at 0 and moves only by clock_ functions; what is due on the
 * way happens at its time. */
extern int64_t sim_now_ms;
void event_at(int64_t ms, void (*act)(void *context, size_t value),
              void *context, size_t value);
/* To the next event or the deadline, whichever is first; false: there is
 * neither. */
bool clock_next(int64_t deadline_ms);
void clock_settle(void); /* all that is due by now happens */
void clock_reset(void);

/* A readable account, if this is a replay. */
extern bool sim_verbose;
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Bytes as a C string would spell them, cut after some; a static buffer. */
const char *quoted(const void *data, size_t size);

/* `invariant` is a number of check.h. */
struct violation {
    int invariant; /* 0: none */
    char text[400];
};
extern struct violation sim_violation;
void violated(int invariant, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
