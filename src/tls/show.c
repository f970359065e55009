/* SPDX-License-Identifier: ISC */
#include "tls/show.h"

#include "tls/core.h"
#include "tls/der.h"
#include "tls/reason.h"
#include "tls/time.h"

static struct slice
last_part(const mbedtls_x509_name *part)
{
    while (part->next != NULL)
        part = part->next;
    return slice_part(slice_of(part->val.p, part->val.len), 0,
                      CERTIFICATE_TEXT_SIZE_MAX);
}

static void
put_names(struct buf *out, const mbedtls_x509_sequence *san)
{
    for (; san != NULL; san = san->next) {
        if (san->buf.tag != TLS_DER_DNS_NAME)
            continue;
        if (out->used > 0)
            buf_put_text(out, ", ");
        tls_reason_name(out, slice_of(san->buf.p, san->buf.len));
    }
}

/* RFC 3339. */
static void
put_time(struct buf *out, const mbedtls_x509_time *time)
{
    tls_time_put_day(out, time);
    buf_put_byte(out, 'T');
    buf_put_number(out, (uint64_t)time->hour, 2);
    buf_put_byte(out, ':');
    buf_put_number(out, (uint64_t)time->min, 2);
    buf_put_byte(out, ':');
    buf_put_number(out, (uint64_t)time->sec, 2);
    buf_put_byte(out, 'Z');
}

bool
tls_show(const struct tls *t, uint32_t index, struct tls_certificate *out)
{
    const mbedtls_x509_crt *cert = tls_chain(t->core);
    struct buf text;

    for (; cert != NULL && index > 0; index--)
        cert = cert->next;
    out->anchor = cert == NULL;
    if (cert == NULL && index == 0)
        cert = t->core->anchor;
    if (cert == NULL)
        return false;
    out->subject = last_part(&cert->subject);
    out->issuer = last_part(&cert->issuer);
    buf_init(&text, out->times, sizeof(out->times));
    put_time(&text, &cert->valid_from);
    out->from = buf_slice(&text);
    put_time(&text, &cert->valid_to);
    out->until = slice_part(buf_slice(&text), out->from.size, text.used);
    buf_init(&text, out->bytes, sizeof(out->bytes));
    put_names(&text, &cert->subject_alt_names);
    out->names = buf_slice(&text);
    return true;
}
