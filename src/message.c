/* SPDX-License-Identifier: ISC */
#include "message.h"

#include "os/os.h"

static bool
read_chunk(struct message *m)
{
    ptrdiff_t n = os_read(MESSAGE_FD, m->bytes, sizeof(m->bytes));

    if (n == OS_AGAIN)
        return !m->regular;
    if (n < 0)
        return false;
    m->started = true;
    m->end = n == 0;
    m->rest = slice_of(m->bytes, (size_t)n);
    m->taken += n;
    /* A file that ends too soon, or too late, is not the one that was queued:
     * part of it must not pass for the whole. */
    return !m->regular || (m->end ? m->taken == m->size : m->taken <= m->size);
}

/* A file that fits. */
static bool
read_whole(struct message *m)
{
    ptrdiff_t n = 0;

    do {
        size_t used = (size_t)m->taken;

        n = os_read(MESSAGE_FD, m->bytes + used, sizeof(m->bytes) - used);
        if (n > 0)
            m->taken += n;
    } while (n > 0 && m->taken < m->size);
    m->rest = slice_of(m->bytes, (size_t)m->taken);
    m->whole = n >= 0 && m->taken == m->size;
    return m->whole;
}

/* Whether the last byte of a file that does not fit is a line end. */
static bool
check_last_byte(struct message *m)
{
    uint8_t last = 0;

    if (!os_seek(MESSAGE_FD, m->size - 1) || os_read(MESSAGE_FD, &last, 1) != 1)
        return false;
    m->partial = last != '\n';
    return true;
}

enum fault
message_open(struct message *m)
{
    struct os_file file;

    m->rest = slice_of(m->bytes, 0);
    if (!os_stat(MESSAGE_FD, &file) || file.kind == OS_DIRECTORY)
        return FAULT_MESSAGE;
    m->regular = file.kind == OS_REGULAR;
    if (!m->regular)
        return FAULT_OK;
    m->size = file.size;
    m->old = os_wall_s() - file.modified_s > MESSAGE_RETRY_AGE_S;
    if (m->size < (int64_t)sizeof(m->bytes)) {
        if (!read_whole(m))
            return FAULT_MESSAGE;
        m->partial = m->size > 0 && m->bytes[m->size - 1] != '\n';
    } else if (!check_last_byte(m)) {
        return FAULT_MESSAGE;
    }
    return m->partial ? FAULT_PARTIAL : FAULT_OK;
}

bool
message_rewind(struct message *m)
{
    m->end = m->whole;
    m->rest = slice_of(m->bytes, m->whole ? (size_t)m->size : 0);
    m->taken = m->whole ? m->size : 0;
    return m->whole || os_seek(MESSAGE_FD, 0);
}

bool
message_survey(struct message *m)
{
    if (m->surveyed)
        return true;
    smtp_survey_init(&m->survey);
    if (!message_rewind(m))
        return false;
    while (message_next(m)) {
        smtp_survey_add(&m->survey, m->rest);
        m->rest.size = 0;
        if (m->end) {
            m->surveyed = true;
            return true;
        }
    }
    return false;
}

bool
message_next(struct message *m)
{
    if (m->rest.size > 0 || m->end || !(m->regular || m->ready))
        return true;
    m->ready = false;
    return read_chunk(m);
}
