/* SPDX-License-Identifier: ISC */
/*
 * The system of a run: os/os.h in the simulated world.
 *
 * in     struct world
 * out    what the program wrote on descriptor 1
 * bound  descriptors, calls without progress
 * fault  misuse of a descriptor is a violation
 */
#ifndef SIM_OS_SIM_H
#define SIM_OS_SIM_H

#include "sim/net.h"

extern struct bytes os_report;
extern bool os_died;

/* ---- between os_sim.c and os_socket.c ---- */

enum { OS_STANDARD_COUNT = 3, OS_MESSAGE = 0, OS_SLOT_COUNT = 512 };
enum slot_kind { SLOT_FREE, SLOT_FILE, SLOT_SOCKET };

struct slot {
    enum slot_kind kind;
    struct sim_file *file;
    struct conn *conn;
    size_t offset;
    bool update, locked;
};

/* Each call begins so. Something moves. This call is the one that fails. */
void os_enter(void);
void os_progress(void);
bool os_fails(const char *name);
/* One that is open, or the run ends with a violation; a new one. */
struct slot *os_slot(int fd, enum slot_kind kind);
bool os_is_socket(int fd);
int os_slot_new(enum slot_kind kind);
bool os_message_readable(void);
void os_reset_sockets(void);
ptrdiff_t os_write_socket(struct conn *c, struct slice bytes);

void os_reset(void);
void os_check_end(void);

#endif
