/* SPDX-License-Identifier: ISC */
/*
 * Everything asked of the system; only the shell in src includes this.
 *
 * in     paths, descriptors, addresses, times
 * out    descriptors, bytes, times; a result below 0 is one of enum os_error
 * bound  one call to the system each, or a few; none waits but os_poll,
 *        os_random_key and reading or writing a file
 * fault  enum os_error; errno never leaves os/. os_why puts the last OS_ERROR
 *        in words
 */
#ifndef OS_OS_H
#define OS_OS_H

#include "base/addr.h"
#include "base/slice.h"
#include "limits.h"

enum os_error {
    OS_ERROR = -1,     /* os_why says which */
    OS_AGAIN = -2,     /* nothing now: poll */
    OS_MISSING = -3,   /* no such file */
    OS_TIMEOUT = -4,   /* a connection: the system's own time-out */
    OS_NO_ADDRESS = -5 /* a socket cannot have it: os_why */
};

enum {
    OS_NONE = -1, /* no descriptor; as a directory: the current one */
    OS_REPORT = 1 /* the descriptor of the report */
};

enum os_kind { OS_REGULAR, OS_DIRECTORY, OS_DEVICE, OS_STREAM };

struct os_file {
    enum os_kind kind;
    bool others;             /* may do something with it (mode & 007) */
    int64_t size;            /* OS_REGULAR */
    int64_t modified_s;      /* since 1970 */
    int64_t changed_ns;      /* likewise; nobody can set it */
    uint64_t device, number; /* no other file has both */
};

struct os_poll {
    int fd;
    bool rx, tx;         /* asked for */
    bool can_rx, can_tx; /* so, or an error is there to be fetched: */
    bool error;          /* an end or an error has come */
};

/* What is still needed once all files are read. */
struct os_confinement {
    int directory; /* its files are opened, for reading; or OS_NONE */
    bool from;     /* streams get an address of ours: os_connect */
    uint32_t port_count;
    uint16_t ports[OS_PORT_COUNT_MAX]; /* streams are connected to these */
};

/* Descriptors 0 to 2 get a file if they have none, so that nothing else gets
 * their number; without a report pipe that somebody reads the program ends
 * here, by a signal. From here on a write to a closed connection, or over the
 * system's limit of a file, is an OS_ERROR. */
void os_start(void);
/* Ends by a signal: nothing was reported. */
_Noreturn void os_abort(void);
/* Gives up all else that the kernel lets go; for good. */
void os_confine(const struct os_confinement *c);
int64_t os_now_ms(void); /* monotonic */
int64_t os_wall_s(void); /* since 1970 */
uint32_t os_pid(void);
/* What nobody else can know, once the machine has run for a moment: for ids and
 * shuffling. False: there is none. */
bool os_random(void *out, size_t size);
/* What nobody else can ever know: for keys. While the kernel says that it has
 * no such randomness yet, it is waited for. False: it had none in time. */
bool os_random_key(void *out, size_t size, int64_t deadline_ms);
bool os_chdir(const char *path);
/* For reading, or reading and writing; never waits, never creates. */
int os_open(int directory, const char *path, bool update);
bool os_stat(int fd, struct os_file *out);
/* Of a file or a socket: bytes, 0 at the end. */
ptrdiff_t os_read(int fd, void *out, size_t size);
ptrdiff_t os_write(int fd, struct slice bytes);
bool os_seek(int fd, int64_t offset);
/* The next names in a directory, each ended by NUL; bytes, 0 at the end. */
ptrdiff_t os_list(int fd, char *out, size_t size);
/* Takes the exclusive lock of the file (flock) if it can be had at once, or
 * gives it back. */
bool os_lock(int fd, bool take);
void os_close(int fd);
/* The index of a network interface; 0: there is none of that name. */
uint32_t os_interface(const char *name);
/* A socket that is connected (datagrams) or connecting (stream), with `from` as
 * its own address, or with one the system chooses: NULL, ADDR_NONE. */
int os_connect(const struct endpoint *to, const struct addr *from, bool stream);
/* What became of a stream that has an error: 0 (it was connected) or an
 * os_error. */
int os_connected(int fd);
/* Waits until one is ready or deadline_ms has come (INT64_MAX: for ever).
 * False: the system refuses to wait. */
bool os_poll(struct os_poll *set, uint32_t count, int64_t deadline_ms);
const char *os_why(void);

#endif
