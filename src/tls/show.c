/* SPDX-License-Identifier: ISC */
#include "tls/show.h"

#include <mbedtls/oid.h>

#include "tls/core.h"
#include "tls/reason.h"

/* GeneralName, RFC 5280 section 4.2.1.6: [2] and [7], primitive. */
enum { TAG_DNS_NAME = 0x82, TAG_IP_ADDRESS = 0x87 };

static struct slice
find_name(const mbedtls_x509_name *part)
{
    struct slice found = {NULL, 0};

    for (; part != NULL; part = part->next) {
        found = slice_of(part->val.p, part->val.len);
        if (slice_equal(slice_of(part->oid.p, part->oid.len),
                        slice_of(MBEDTLS_OID_AT_CN,
                                 MBEDTLS_OID_SIZE(MBEDTLS_OID_AT_CN))))
            break;
    }
    return slice_part(found, 0, CERTIFICATE_TEXT_SIZE_MAX);
}

static struct slice
print_day(uint8_t bytes[static TLS_DAY_SIZE], const mbedtls_x509_time *time)
{
    struct buf out;

    buf_init(&out, bytes, TLS_DAY_SIZE);
    tls_reason_day(&out,
                   (struct tls_reason_day){time->year, time->mon, time->day});
    return buf_slice(&out);
}

static void
put_names(struct buf *out, const mbedtls_x509_sequence *san)
{
    for (; san != NULL && san->buf.p != NULL; san = san->next) {
        struct slice value = slice_of(san->buf.p, san->buf.len);
        struct addr a;

        if (san->buf.tag != TAG_DNS_NAME && san->buf.tag != TAG_IP_ADDRESS)
            continue;
        if (out->used > 0)
            buf_put_text(out, ", ");
        if (san->buf.tag == TAG_DNS_NAME) {
            tls_reason_name(out, value);
        } else if (value.size == ADDR_IPV4_SIZE) {
            addr_from_ipv4(&a, value.data);
            addr_print(out, &a);
        } else if (value.size == ADDR_SIZE_MAX) {
            addr_from_ipv6(&a, value.data);
            addr_print(out, &a);
        }
    }
}

bool
tls_show(const struct tls *t, uint32_t index, struct tls_certificate *out)
{
    const mbedtls_x509_crt *cert = t->core->anchor;
    struct buf names;

    if (index < TLS_SHOW_ANCHOR) {
        cert = mbedtls_ssl_get_peer_cert(&t->core->ssl);
        for (; cert != NULL && index > 0; index--)
            cert = cert->next;
    }
    if (cert == NULL)
        return false;
    out->subject = find_name(&cert->subject);
    out->issuer = find_name(&cert->issuer);
    out->from = print_day(out->from_bytes, &cert->valid_from);
    out->until = print_day(out->until_bytes, &cert->valid_to);
    buf_init(&names, out->names_bytes, sizeof(out->names_bytes));
    put_names(&names, &cert->subject_alt_names);
    out->names = buf_slice(&names);
    return true;
}
