/* SPDX-License-Identifier: ISC */
#include "say.h"

#include "os/os.h"
#include "output.h"

void
say_init(struct say *s)
{
    buf_init(&s->out, s->bytes, sizeof(s->bytes));
    s->tell.out = &s->out;
}

void
say_about(struct say *s, const struct addr *peer, struct slice name)
{
    s->peer = peer;
    s->peer_name = name;
}

struct qmail_tell *
say_begin(struct say *s, const char *event)
{
    struct qmail_tell *t = &s->tell;

    qmail_tell_begin(t, event);
    qmail_tell_addr(t, NULL, "address", s->peer);
    qmail_tell_slice(t, NULL, "name", s->peer_name);
    return t;
}

void
say_end(struct say *s)
{
    qmail_tell_end(&s->tell);
    s->lost = s->lost || !output(buf_slice(&s->out));
    buf_reset(&s->out);
    s->put_ms = os_now_ms();
}

uint32_t
say_took_ms(const struct say *s)
{
    return (uint32_t)(os_now_ms() - s->put_ms);
}
