/* SPDX-License-Identifier: ISC */
#include "sessions.h"

#include <string.h>

#include "base/ascii.h"
#include "lock.h"
#include "os/os.h"
#include "tls/digest.h"

const char sessions_path[] = "run/qmail-remote/tlssessions";

enum { FILE_SIZE = SESSION_RECORD_COUNT * SESSION_RECORD_SIZE };

void
sessions_open(struct sessions *s)
{
    struct os_file info;

    s->problem = NULL;
    s->fd = os_open(OS_NONE, sessions_path, true);
    if (s->fd == OS_MISSING) {
        s->fd = OS_NONE;
        return;
    }
    if (s->fd < 0)
        s->problem = "it cannot be read and written";
    else if (!os_stat(s->fd, &info) || info.kind != OS_REGULAR)
        s->problem = "it is not a regular file";
    else if (info.others)
        s->problem = "others can read or write it";
    else if (info.size != FILE_SIZE)
        s->problem = "its size is not 65536";
    if (!s->problem)
        return;
    if (s->fd >= 0)
        os_close(s->fd);
    s->fd = OS_NONE;
}

/* ---- what a session rests on ---- */

/* A key that is written down and records of the DNS are to be looked at each
 * time: they may not be there any more. */
static bool
is_kept(const struct sessions *s, const struct policy_manner *m)
{
    return s->fd != OS_NONE &&
           (m->proof == POLICY_PROOF_NONE || m->proof == POLICY_PROOF_NAME);
}

struct tls_sessions *
sessions_room(struct sessions *s, const struct policy_manner *m)
{
    s->begun = s->taken = false;
    return is_kept(s, m) ? &s->given : NULL;
}

/* Everything that a full handshake would be judged by: which of the server's
 * names is proved, how strictly, to which anchors, and as whom we appear to it.
 * The name of the anchors' file says nothing that the file itself does not. */
static bool
put_digest(struct sessions *s, const struct job *job,
           const struct link_peer *peer, const struct policy_manner *m)
{
    uint8_t name[NAME_TEXT_SIZE_MAX], literal[ADDR_TEXT_SIZE_MAX];
    struct os_file anchors = {.device = 0};
    struct buf out, address;
    bool named = m->proof == POLICY_PROOF_NAME;

    if (named && !os_stat(job->anchors_fd, &anchors))
        return false;
    buf_init(&out, name, sizeof(name));
    buf_init(&address, literal, sizeof(literal));
    for (size_t i = 0; i < peer->name.size; i++)
        buf_put_byte(&out, ascii_lower(peer->name.data[i]));
    if (peer->literal)
        addr_print(&address, peer->literal);

    const uint64_t numbers[] = {job->route.port,
                                job->hop.level,
                                m->proof,
                                named ? job->anchors : 0,
                                anchors.device,
                                anchors.number,
                                (uint64_t)anchors.size,
                                (uint64_t)anchors.modified_s,
                                (uint64_t)anchors.changed_ns};
    const struct slice parts[] = {buf_slice(&out), buf_slice(&address),
                                  slice_of(numbers, sizeof(numbers)),
                                  buf_slice(&job->client_cert)};

    tls_digest(parts, sizeof(parts) / sizeof(parts[0]), s->now.digest);
    s->named = named;
    return !out.full;
}

/* ---- the file, under its lock ---- */

/* Every record of the file is offered. */
static bool
find(struct sessions *s, struct qmail_session_search *search)
{
    if (!os_seek(s->fd, 0))
        return false;
    while (search->next < SESSION_RECORD_COUNT) {
        if (os_read(s->fd, s->bytes, sizeof(s->bytes)) !=
            (ptrdiff_t)sizeof(s->bytes))
            return false;
        for (size_t at = 0; at < sizeof(s->bytes); at += SESSION_RECORD_SIZE)
            qmail_session_search_offer(
                search, slice_of(s->bytes + at, SESSION_RECORD_SIZE));
    }
    return search->found;
}

static bool
seek(const struct sessions *s, uint32_t index)
{
    return os_seek(s->fd, (int64_t)index * SESSION_RECORD_SIZE);
}

static bool
read_record(struct sessions *s, uint32_t index)
{
    return seek(s, index) &&
           os_read(s->fd, s->record, sizeof(s->record)) ==
               (ptrdiff_t)sizeof(s->record) &&
           qmail_session_read(slice_of(s->record, sizeof(s->record)), &s->used);
}

static bool
write_record(struct sessions *s, uint32_t index, const uint8_t *record)
{
    return seek(s, index) &&
           os_write(s->fd, slice_of(record, SESSION_RECORD_SIZE)) ==
               SESSION_RECORD_SIZE;
}

static bool
empty_record(struct sessions *s, uint32_t index)
{
    memset(s->bytes, 0, SESSION_RECORD_SIZE);
    return write_record(s, index, s->bytes);
}

/* One that is to be used once is not there any more when it is. */
static bool
take(struct sessions *s)
{
    struct qmail_session_search found;

    qmail_session_search_use(&found, &s->now, s->now.given_s);
    if (!find(s, &found) || !read_record(s, found.index))
        return false;
    s->index = found.index;
    return !s->used.once || empty_record(s, s->index);
}

static void
put(struct sessions *s, const struct tls_session *given)
{
    struct qmail_session_search place;

    s->now.once = given->once;
    s->now.lifetime_s = given->lifetime_s;
    s->now.state = slice_of(given->state, given->size);
    qmail_session_search_place(&place, &s->now, os_wall_s());
    if (!find(s, &place))
        return;
    qmail_session_write(&s->now, s->record);
    /* Part of it before the rest of another would be a session of neither. */
    if (!write_record(s, place.index, s->record))
        (void)empty_record(s, place.index);
}

/* ---- a session ---- */

void
sessions_offer(struct sessions *s, const struct job *job,
               const struct link_peer *peer, const struct policy_manner *m,
               struct tls *tls)
{
    s->given.count = 0;
    s->taken = false;
    /* Who has just broken on one would break on those he gives now. */
    s->begun = !m->fresh && is_kept(s, m) && put_digest(s, job, peer, m);
    /* What it brings counts from its handshake on, however long it lasts. */
    s->now.given_s = s->now.proved_s = os_wall_s();
    if (!s->begun || !lock_take(s->fd))
        return;
    s->taken = take(s);
    lock_give(s->fd);
    if (s->taken)
        tls_offer(tls, s->used.state, s->used.given_s);
}

bool
sessions_is_offered(const struct sessions *s)
{
    return s->begun && s->taken;
}

/* What a resumed session proves was proved before it. */
static void
keep(struct sessions *s, const struct tls *tls)
{
    if (s->given.count == 0 || !lock_take(s->fd))
        return;
    s->now.until_s = s->named ? tls->until_s : INT64_MAX;
    if (tls->resumed) {
        s->now.proved_s = s->used.proved_s;
        s->now.until_s = s->used.until_s;
    }
    for (uint32_t i = 0; i < s->given.count; i++)
        put(s, &s->given.list[i]);
    lock_give(s->fd);
}

/* Another may be in its place by now. */
static void
drop(struct sessions *s)
{
    int64_t given_s = s->used.given_s;

    if (!s->taken || s->used.once || !lock_take(s->fd))
        return;
    if (read_record(s, s->index) && s->used.given_s == given_s &&
        memcmp(s->used.digest, s->now.digest, sizeof(s->now.digest)) == 0)
        (void)empty_record(s, s->index);
    lock_give(s->fd);
}

void
sessions_end(struct sessions *s, const struct tls *tls, enum policy_end end)
{
    if (!s->begun)
        return;
    if (end == POLICY_END_STALE || tls->outgrown)
        drop(s);
    if (end != POLICY_END_STALE && end != POLICY_END_BROKEN)
        keep(s, tls);
    s->begun = false;
}
