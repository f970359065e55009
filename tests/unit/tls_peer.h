/* SPDX-License-Identifier: ISC */
/*
 * A TLS server to test against: `openssl s_server`, with certificates made
 * for the occasion, and a client that pumps struct tls over a socket.
 *
 * in     names of certificates that peer_world made, options of s_server
 * out    a struct tls in the state where it cannot get further alone
 * bound  PEER_WAIT_MS for anything to happen
 * fault  false
 */
#ifndef UNIT_TLS_PEER_H
#define UNIT_TLS_PEER_H

#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tls/tls.h"
#include "tls/trust.h"

/* Not every test uses all of it. */
#define PEER_FUNCTION __attribute__((unused)) static

enum {
    PEER_WAIT_MS = 10000,
    PEER_PATH_SIZE = 256,
    PEER_TEXT_SIZE = 65536,
    PEER_OPTIONS_SIZE = 1024,
    PEER_COMMAND_SIZE = 4096
};

struct peer {
    pid_t pid;
    int fd;
    int input; /* what the server reads from a terminal */
    uint16_t port;
    size_t split; /* bytes moved at once */
};

static char peer_dir[PEER_PATH_SIZE];
static alignas(max_align_t) uint8_t peer_arena[TLS_ARENA_SIZE];
static size_t peer_arena_size = sizeof(peer_arena); /* of it, what is used */
static struct tls peer_tls;
static bool peer_tell;  /* bad certificates are used all the same */
static bool peer_first; /* there was no STARTTLS */
static uint8_t peer_pins[PIN_COUNT_MAX][TLS_PIN_SIZE];
static uint32_t peer_pin_count;
static struct tls_sessions *peer_sessions; /* none: they are not asked for */
static const struct tls_dane *peer_dane;
static struct tls_trust peer_trust;

/* Makes certificates: `key NAME KIND`, `sign NAME AUTHORITY SUBJECT EXT...`,
 * where the authority `-` is the certificate itself. */
static const char peer_script[] =
    "set -e\n"
    "unset OPENSSL_CONF\n"
    "exec 2>log\n"
    "printf '[req]\\ndistinguished_name=d\\n[d]\\n' >cnf\n"
    "key() {\n"
    "  case $2 in\n"
    "  rsa*) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:${2#rsa}"
    " -out $1.key ;;\n"
    "  *) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:$2"
    " -out $1.key ;;\n"
    "  esac\n"
    "}\n"
    "sign() {\n"
    "  name=$1 by=$2 subject=$3; shift 3\n"
    "  [ -f $name.key ] || key $name P-256\n"
    "  openssl req -config cnf -new -key $name.key -subj \"$subject\""
    " -out $name.csr\n"
    "  printf '%s\\n' \"$@\" >$name.ext\n"
    "  case $by in\n"
    "  -) set -- -signkey $name.key ;;\n"
    "  *) set -- -CA $by.pem -CAkey $by.key -CAcreateserial ;;\n"
    "  esac\n"
    "  openssl x509 -req -in $name.csr \"$@\" -extfile $name.ext"
    " -days 3650 ${digest:--sha256} -out $name.pem\n"
    "}\n"
    "ca='basicConstraints=critical,CA:TRUE'\n"
    "san='subjectAltName=DNS:mx.example.net'\n";

static bool
peer_shell(const char *script)
{
    char path[PEER_PATH_SIZE + 16];
    char command[PEER_COMMAND_SIZE];
    FILE *file;

    snprintf(path, sizeof(path), "%s/script", peer_dir);
    file = fopen(path, "w");
    if (file == NULL)
        return false;
    fputs(peer_script, file);
    fputs(script, file);
    if (fclose(file) != 0)
        return false;
    snprintf(command, sizeof(command), "cd '%s' && sh ./script", peer_dir);
    return system(command) == 0;
}

/* A folder of its own, with what the script makes in it. */
static bool
peer_world(const char *script)
{
    const char *parent = getenv("TMPDIR");

    snprintf(peer_dir, sizeof(peer_dir), "%s/tls_test.XXXXXX",
             parent ? parent : "/tmp");
    return mkdtemp(peer_dir) != NULL && peer_shell(script);
}

static void
peer_world_end(void)
{
    char command[PEER_COMMAND_SIZE];

    snprintf(command, sizeof(command), "rm -rf '%s'", peer_dir);
    if (peer_dir[0] != '\0' && system(command) != 0)
        perror("rm");
}

/* The whole of a file of the world; empty if there is none. */
static struct slice
peer_file(const char *name, uint8_t *data)
{
    char path[2 * PEER_PATH_SIZE];
    FILE *file;
    size_t size;

    snprintf(path, sizeof(path), "%s/%s", peer_dir, name);
    file = fopen(path, "r");
    if (file == NULL)
        return slice_of(data, 0);
    size = fread(data, 1, PEER_TEXT_SIZE, file);
    fclose(file);
    return slice_of(data, size);
}

static uint16_t
peer_free_port(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    socklen_t size = sizeof(any);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&any, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&any, &size) != 0)
        any.sin_port = 0;
    close(fd);
    return ntohs(any.sin_port);
}

static void
peer_stop(struct peer *p)
{
    if (p->pid <= 0)
        return;
    if (p->fd >= 0)
        close(p->fd);
    close(p->input);
    p->fd = p->input = -1;
    kill(p->pid, SIGKILL);
    waitpid(p->pid, NULL, 0);
    p->pid = 0;
}

/* s_server with these options, and `-rev`: it sends each line back reversed. */
PEER_FUNCTION void
peer_start(struct peer *p, const char *options)
{
    char command[PEER_COMMAND_SIZE];
    int input[2] = {-1, -1};

    peer_stop(p); /* a case that failed may have left it */
    p->fd = -1;
    if (pipe(input) != 0)
        perror("pipe");
    p->input = input[1];
    p->split = PEER_TEXT_SIZE;
    p->port = peer_free_port();
    snprintf(command, sizeof(command),
             "cd '%s' && exec openssl s_server -accept 127.0.0.1:%u %s "
             ">server.log 2>&1",
             peer_dir, p->port, options);
    fflush(stdout);
    p->pid = fork();
    if (p->pid == 0) {
        dup2(input[0], 0);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(input[0]);
}

static bool
peer_connect(struct peer *p)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(p->port)};
    struct timespec pause = {.tv_nsec = 10000000};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < PEER_WAIT_MS / 10; i++) {
        p->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(p->fd, (struct sockaddr *)&to, sizeof(to)) == 0)
            return true;
        close(p->fd);
        p->fd = -1;
        nanosleep(&pause, NULL);
    }
    return false;
}

/* One step of the socket: sends what is to be sent, else waits for bytes. */
static bool
peer_step(struct peer *p, struct tls *t)
{
    struct pollfd poll_fd = {.fd = p->fd, .events = POLLIN};
    struct slice tx = tls_tx(t);
    size_t room;
    uint8_t *rx;
    ssize_t n;

    if (tx.size > 0) {
        n = send(p->fd, tx.data, tx.size < p->split ? tx.size : p->split,
                 MSG_NOSIGNAL);
        if (n > 0)
            tls_tx_ack(t, (size_t)n);
        return n > 0;
    }
    rx = tls_rx(t, &room);
    if (room == 0 || poll(&poll_fd, 1, PEER_WAIT_MS) != 1)
        return false;
    n = recv(p->fd, rx, room < p->split ? room : p->split, 0);
    tls_rx_ack(t, n > 0 ? (size_t)n : 0);
    return true;
}

static bool
peer_init(struct tls *t, bool verify, const char *cert, const char *key)
{
    static uint8_t cert_text[PEER_TEXT_SIZE], key_text[PEER_TEXT_SIZE];
    static const uint8_t entropy[TLS_ENTROPY_SIZE] = {1, 2, 3};
    struct tls_config config = {.verify = verify,
                                .tell = peer_tell,
                                .first = peer_first,
                                .pins = peer_pins,
                                .pin_count = peer_pin_count,
                                .sessions = peer_sessions,
                                .arena = peer_arena,
                                .arena_size = peer_arena_size};

    if (cert != NULL)
        config.client_cert = peer_file(cert, cert_text);
    if (key != NULL)
        config.client_key = peer_file(key, key_text);
    tls_end(t); /* PSA's table of keys outlives the arena */
    return tls_init(t, &config, entropy);
}

/* Until the handshake is over, or anchors are wanted. */
static void
peer_shake(struct peer *p, struct tls *t)
{
    while (t->state == TLS_HANDSHAKE)
        if (!peer_step(p, t))
            return;
}

static void
peer_handshake(struct peer *p, struct tls *t, const char *name, int64_t wall_s)
{
    struct addr literal;
    bool is_literal = addr_parse(slice_text(name), &literal);

    if (!peer_connect(p))
        return;
    tls_start(t, slice_text(name), is_literal ? &literal : NULL, wall_s);
    tls_dane(t, peer_dane);
    peer_shake(p, t);
}

/* Shows all certificates of a file to the engine, as the shell would. */
static void
peer_anchors(struct tls *t, const char *file)
{
    static uint8_t text[PEER_TEXT_SIZE];
    struct slice chunk = peer_file(file, text);
    struct slice der;

    tls_trust_init(&peer_trust);
    while (tls_trust_feed(&peer_trust, &chunk, &der))
        tls_anchor(t, der);
}

/* A whole connection up to the decision. */
PEER_FUNCTION bool
peer_verify(struct peer *p, struct tls *t, const char *name,
            const char *anchors)
{
    peer_handshake(p, t, name, (int64_t)time(NULL));
    if (t->state != TLS_ANCHORS)
        return false;
    peer_anchors(t, anchors);
    tls_verify(t);
    peer_shake(p, t);
    return t->state == TLS_OPEN;
}

PEER_FUNCTION bool
peer_reason(const struct tls *t, const char *text)
{
    char reason[TLS_REASON_SIZE_MAX + 1];

    memcpy(reason, t->reason.size ? t->reason.data : (const uint8_t *)"",
           t->reason.size);
    reason[t->reason.size] = '\0';
    if (strstr(reason, text) != NULL)
        return true;
    printf("    state %d, reason is: %s\n", t->state, reason);
    return false;
}

/* Sends a line, wants it back reversed; ends the line with '\n'. */
PEER_FUNCTION bool
peer_talk(struct peer *p, struct tls *t, const char *line)
{
    struct slice rest = slice_text(line);
    uint8_t back[PEER_TEXT_SIZE];
    size_t size = 0, length = strlen(line);

    while (rest.size > 0) {
        size_t n = tls_write(t, rest);
        rest = slice_part(rest, n, rest.size);
        if (t->state != TLS_OPEN || (n == 0 && tls_tx(t).size == 0))
            return false;
        while (tls_tx(t).size > 0)
            if (!peer_step(p, t))
                return false;
    }
    while (size < length) {
        size_t n = tls_read(t, back + size, sizeof(back) - size);
        size += n;
        if (n == 0 && (t->state != TLS_OPEN || !peer_step(p, t)))
            return false;
    }
    for (size_t i = 0; i + 1 < length; i++)
        if (back[i] != (uint8_t)line[length - 2 - i])
            return false;
    return size == length;
}

/* A server that shows this certificate, however weak. */
PEER_FUNCTION void
peer_start_for(struct peer *p, const char *cert, const char *options)
{
    char text[PEER_OPTIONS_SIZE];

    snprintf(text, sizeof(text),
             "-rev -cert %s.pem -key %s.key -cipher DEFAULT@SECLEVEL=0 %s",
             cert, cert, options);
    peer_start(p, text);
}

/* As the shell goes about it, which finds nothing that it could bring. */
PEER_FUNCTION bool
peer_decide(struct peer *p, struct tls *t, int64_t wall_s)
{
    peer_handshake(p, t, "mx.example.net", wall_s);
    if (t->state != TLS_ANCHORS || t->issuer_count != 0)
        return false;
    tls_verify(t);
    peer_shake(p, t);
    return true;
}

/* The whole connection; then the server is gone. */
PEER_FUNCTION bool
peer_accepts(struct peer *p, struct tls *t, int64_t wall_s)
{
    bool done = peer_init(t, false, NULL, NULL) && peer_decide(p, t, wall_s) &&
                t->state == TLS_OPEN && peer_talk(p, t, "hello\n");

    if (!done)
        peer_reason(t, "?");
    peer_stop(p);
    return done;
}

PEER_FUNCTION bool
peer_refuses(struct peer *p, struct tls *t, int64_t wall_s, const char *reason)
{
    bool done = peer_init(t, true, NULL, NULL) && peer_decide(p, t, wall_s) &&
                t->state == TLS_REFUSED && tls_tx(t).size > 0;

    done = peer_reason(t, done ? reason : "?") && done;
    peer_stop(p);
    return done;
}

#define PEER_TEST_SKIP(name) puts("skip " #name ": no openssl");

/* As TEST_MAIN, in a world made by `script`. */
#define PEER_TEST_MAIN(CASES)                                        \
    int main(void)                                                   \
    {                                                                \
        bool any_failed = false;                                     \
                                                                     \
        if (system("openssl version >/dev/null 2>&1") != 0) {        \
            CASES(PEER_TEST_SKIP)                                    \
        } else if (!peer_world(script)) {                            \
            any_failed = true;                                       \
            puts("not ok peer_world: openssl made no certificates"); \
        } else {                                                     \
            CASES(TEST_RUN)                                          \
        }                                                            \
        peer_world_end();                                            \
        return any_failed ? 1 : 0;                                   \
    }

#endif
