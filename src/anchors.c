/* SPDX-License-Identifier: ISC */
#include "anchors.h"

#include <string.h>

#include "base/ascii.h"
#include "os/os.h"

enum { HASH_SIZE = 8 }; /* hexadecimal digits of OpenSSL's name hash */

/* One file from its start; every certificate goes to `tls`, or, without it,
 * the first one ends the search. */
static const char *
scan_file(struct anchors_work *w, int fd, struct tls *tls)
{
    tls_trust_init(&w->trust);
    for (;;) {
        ptrdiff_t n = os_read(fd, w->bytes, sizeof(w->bytes));
        struct slice chunk = slice_of(w->bytes, n > 0 ? (size_t)n : 0);
        struct slice der;

        if (n < 0)
            return os_why();
        if (n == 0)
            return NULL;
        while (tls_trust_feed(&w->trust, &chunk, &der)) {
            if (!tls)
                return NULL;
            tls_anchor(tls, der);
        }
    }
}

/* A file of the directory; trust.found says whether it has a certificate.
 * False: there is no such name. */
static bool
scan_link(struct anchors_work *w, int directory, const char *name,
          struct tls *tls)
{
    int fd = os_open(directory, name, false);
    struct os_file info;

    w->trust.found = 0;
    if (fd < 0)
        return fd != OS_MISSING;
    if (os_stat(fd, &info) && info.kind == OS_REGULAR)
        (void)scan_file(w, fd, tls);
    os_close(fd);
    return true;
}

/* "0123abcd.0", as `openssl rehash` makes them. */
static bool
is_link_name(struct slice name)
{
    uint64_t number = 0;

    for (size_t i = 0; i < HASH_SIZE; i++)
        if (i >= name.size || ascii_hex(name.data[i]) == 0xff)
            return false;
    return name.size > HASH_SIZE && name.data[HASH_SIZE] == '.' &&
           ascii_number(slice_part(name, HASH_SIZE + 1, name.size), UINT32_MAX,
                        &number);
}

static const char *
check_directory(struct anchors_work *w, int directory)
{
    static char names[CONTROL_CHUNK_SIZE];

    for (;;) {
        ptrdiff_t n = os_list(directory, names, sizeof(names));

        if (n < 0)
            return os_why();
        if (n == 0)
            return "has no certificate under its hash";
        for (ptrdiff_t at = 0; at < n;) {
            struct slice name = slice_text(names + at);

            if (is_link_name(name) &&
                scan_link(w, directory, names + at, NULL) && w->trust.found)
                return NULL;
            at += (ptrdiff_t)name.size + 1;
        }
    }
}

const char *
anchors_check(struct anchors_work *w, const struct job *job)
{
    struct os_file info;
    const char *why = NULL;

    if (!os_stat(job->anchors_fd, &info))
        return os_why();
    if (job->anchors == JOB_ANCHORS_DIRECTORY)
        return info.kind == OS_DIRECTORY ? check_directory(w, job->anchors_fd)
                                         : "not a directory";
    if (info.kind != OS_REGULAR)
        return "not a regular file";
    why = scan_file(w, job->anchors_fd, NULL);
    if (!why && w->trust.found == 0)
        return "has no certificate";
    return why;
}

static void
put_link_name(struct buf *out, uint32_t hash, uint32_t number)
{
    buf_put_hex(out, hash, HASH_SIZE);
    buf_put_byte(out, '.');
    buf_put_number(out, number, 1);
    buf_put_byte(out, 0);
}

static void
supply_directory(struct anchors_work *w, int directory, struct tls *tls)
{
    uint8_t name[HASH_SIZE + 1 + ASCII_NUMBER_SIZE_MAX + 1];
    struct buf b;

    for (uint32_t i = 0; i < tls->issuer_count; i++)
        for (uint32_t k = 0; k < ANCHORS_LINK_COUNT_MAX; k++) {
            buf_init(&b, name, sizeof(name));
            put_link_name(&b, tls->issuers[i].file, k);
            if (!scan_link(w, directory, (const char *)name, tls))
                break;
        }
}

const char *
anchors_supply(struct anchors_work *w, const struct job *job, struct tls *tls)
{
    if (tls->issuer_count == 0)
        return NULL;
    if (job->anchors == JOB_ANCHORS_DIRECTORY) {
        supply_directory(w, job->anchors_fd, tls);
        return NULL;
    }
    if (!os_seek(job->anchors_fd, 0))
        return os_why();
    return scan_file(w, job->anchors_fd, tls);
}
