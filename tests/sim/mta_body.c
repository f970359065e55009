/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/check.h"
#include "sim/mta.h"

enum { DEAF_MS_MAX = 30000 };

/* ---- the end ---- */

/* Whether this server takes the message, though its reply may not show it. */
static bool
takes(const struct session *s, uint32_t code)
{
    if (s->rcpt_good == 0 || code / 100 != 2 || s->early_refused)
        return false;
    if (!has_mischief(s, AT_END))
        return true;
    if (s->mta->mischief == SLOW || s->mta->mischief == TWICE ||
        s->mta->mischief == TAKEN_OFF || s->mta->mischief == DRIP ||
        s->mta->mischief == LATE)
        return true; /* its reply will be seen, or may be */
    if (s->mta->mischief == CUT && s->mta->mischief_value % 3 == 0)
        return true; /* the reply to QUIT may end its own */
    return s->mta->mischief_value & 64;
}

static void
end_message(struct session *s)
{
    const struct mta *m = s->mta;
    uint32_t code = m->codes[AT_END] ? m->codes[AT_END] : 250;

    if (m->clear_code && m->clear_at == AT_END && !s->secure)
        code = m->clear_code;
    s->state = SESSION_COMMAND;
    if (s->rcpt_good == 0) {
        if (s->body_offset != 0)
            violated(CHECK_CLIENT, "a message for nobody was sent by DATA");
        code = 554;
    } else if (s->body_offset != world.expected.size) {
        violated(CHECK_MESSAGE, "the message ended after %zu of %zu octets",
                 s->body_offset, world.expected.size);
    }
    s->end_seen = s->rcpt_good > 0;
    s->committed = takes(s, code);
    if (has_mischief(s, AT_END) && s->mta->mischief == CLOSING)
        s->committed = false;
    s->undone = s->undone || code >= 400;
    trace("    %s has the whole message%s", place_text(&s->mta->place),
          s->committed ? " and takes it" : "");
    if (s->committed)
        check_commit(s);
    s->last_asked = AT_END;
    say(s, AT_END, code);
}

/* ---- in the middle ---- */

static void
hear_again(void *context, size_t value)
{
    struct session *s = context;

    (void)value;
    if (s->state != SESSION_OVER)
        conn_pause(s->conn, false);
}

static void
body_mischief(struct session *s)
{
    const struct mta *m = s->mta;

    if (s->early_done || s->pending > 0 || !has_mischief(s, AT_BODY) ||
        s->body_offset < m->mischief_value % (world.expected.size + 1))
        return;
    s->early_done = true;
    switch (m->mischief) {
    case DEAF:
        trace("mta %s reads no more", place_text(&m->place));
        conn_pause(s->conn, true);
        if (m->mischief_value % 4)
            event_at(sim_now_ms + draw(DEAF_MS_MAX), hear_again, s, 0);
        else
            s->dirty = true;
        return;
    case SLOW:
        return;
    case CLOSE:
    case RESET:
        s->dirty = true;
        end_session(s, m->mischief == RESET);
        return;
    default:
        say_early(s, m->codes[AT_BODY]);
        if (m->mischief == CLOSING || m->mischief_value % 3 == 0)
            end_session(s, m->mischief_value % 2);
    }
}

static bool
take_octet(struct session *s, uint8_t octet)
{
    if (s->body_offset < world.expected.size &&
        world.expected.data[s->body_offset] == octet) {
        s->body_offset++;
        return true;
    }
    s->state = SESSION_OVER;
    if (was_misled(s))
        return false; /* the two do not understand each other any more */
    /* One reply too few: a refused recipient looks like a refused sender, and
     * the client leaves. Nothing was ended by it. */
    if (was_shifted(s) && s->body_offset == 0 && octet == 'Q')
        return false;
    violated(CHECK_MESSAGE, "octet %zu of the message is 0x%02x (session %s)",
             s->body_offset, octet, place_text(&s->mta->place));
    return false;
}

/* One octet; true: the session goes on in this state. */
static bool
hear_octet(struct session *s, uint8_t octet)
{
    if (s->dot_cr) {
        if (octet == '\n') {
            end_message(s);
            return false;
        }
        s->dot_cr = s->dot = false;
        if (!take_octet(s, '\r'))
            return false;
    }
    if (s->line_start && octet == '.') {
        s->dot = true;
        s->line_start = false;
        return true;
    }
    if (s->dot && octet == '\r') {
        s->dot_cr = true;
        return true;
    }
    s->dot = false;
    s->line_start = false;
    if (!take_octet(s, octet))
        return false;
    s->line_start = octet == '\n';
    return true;
}

void
hear_body(struct session *s, const uint8_t **data, size_t *size)
{
    while (*size > 0 && s->state == SESSION_BODY) {
        uint8_t octet = **data;

        ++*data;
        --*size;
        if (!hear_octet(s, octet))
            return;
    }
    body_mischief(s);
}
