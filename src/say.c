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
say_put(struct say *s, const char *format, const union tell *values)
{
    qmail_tell(&s->tell, format, values);
    s->lost = s->lost || !output(buf_slice(&s->out));
    buf_reset(&s->out);
    s->put_ms = os_now_ms();
}

uint32_t
say_took_ms(const struct say *s)
{
    return (uint32_t)(os_now_ms() - s->put_ms);
}
