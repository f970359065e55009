/* SPDX-License-Identifier: ISC */
#include "tls/name.h"

#include <mbedtls/sha1.h>
#include <string.h>

#include "base/ascii.h"
#include "tls/der.h"

enum {
    CODE_MAX = 0x10ffff, /* Unicode */
    CODE_SURROGATE_MIN = 0xd800,
    CODE_SURROGATE_MAX = 0xdfff,
    CODE_BAD = 0xffffff
};

static uint32_t
take_fixed(struct cursor *c, uint32_t width)
{
    uint32_t code = 0;

    while (width-- > 0) {
        if (code > CODE_MAX >> 8)
            return CODE_BAD;
        code = code << 8 | cursor_u8(c);
    }
    return code;
}

static uint32_t
take_utf8(struct cursor *c)
{
    static const uint32_t code_min[] = {0, 0x80, 0x800, 0x10000};
    uint8_t lead = cursor_u8(c);
    uint32_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    uint32_t code;

    if (lead < 0x80)
        return lead;
    if (lead < 0xc2 || lead > 0xf4)
        return CODE_BAD;
    code = lead & (0x3fU >> more);
    for (uint32_t i = 0; i < more; i++) {
        uint8_t byte = cursor_u8(c);
        if ((byte & 0xc0) != 0x80)
            return CODE_BAD;
        code = code << 6 | (byte & 0x3f);
    }
    return code < code_min[more] ? CODE_BAD : code;
}

static void
put_utf8(struct buf *out, uint32_t code)
{
    uint32_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};

    buf_put_byte(out, (uint8_t)(lead[more] | code >> 6 * more));
    while (more-- > 0)
        buf_put_byte(out, (uint8_t)(0x80 | (code >> 6 * more & 0x3f)));
}

/* Bytes of one character; 0: UTF-8; -1: a type that is not text. */
static int
text_width(uint8_t tag)
{
    switch (tag) {
    case TLS_DER_UTF8:
        return 0;
    case TLS_DER_PRINTABLE:
    case TLS_DER_T61: /* read as Latin-1, as OpenSSL does */
    case TLS_DER_IA5:
    case TLS_DER_VISIBLE:
        return 1;
    case TLS_DER_BMP:
        return 2;
    case TLS_DER_UNIVERSAL:
        return 4;
    default:
        return -1;
    }
}

/* OpenSSL counts vertical tab and form feed too. */
static bool
is_space(uint32_t code)
{
    return code == ' ' || (code >= '\t' && code <= '\r');
}

/* Lower case, one space for a run of white space, none at the ends. */
static bool
put_text(struct buf *out, struct slice text, int width)
{
    struct cursor c;
    bool space = false;

    cursor_init(&c, text);
    while (c.rest.size > 0) {
        uint32_t code =
            width == 0 ? take_utf8(&c) : take_fixed(&c, (uint32_t)width);
        if (c.bad || code > CODE_MAX ||
            (code >= CODE_SURROGATE_MIN && code <= CODE_SURROGATE_MAX))
            return false;
        if (is_space(code)) {
            space = out->used > 0;
            continue;
        }
        if (space)
            buf_put_byte(out, ' ');
        space = false;
        put_utf8(out, code < 0x80 ? ascii_lower((uint8_t)code) : code);
    }
    return true;
}

/* AttributeTypeAndValue, its text canonical and a UTF8String. */
static bool
put_attribute(struct buf *out, struct slice attribute)
{
    uint8_t text_data[TLS_NAME_SIZE_MAX];
    struct buf text;
    struct cursor c;
    struct slice oid, value;
    uint8_t tag;
    size_t header;

    buf_init(&text, text_data, sizeof(text_data));
    cursor_init(&c, attribute);
    oid = tls_der_take_whole(&c, TLS_DER_OID);
    tag = tls_der_peek(&c);
    if (text_width(tag) < 0) {
        value = tls_der_take_whole(&c, tag);
    } else {
        value = tls_der_take(&c, tag);
        if (c.bad || !put_text(&text, value, text_width(tag)))
            return false;
        value = buf_slice(&text);
    }
    if (c.bad || c.rest.size > 0 || text.full)
        return false;
    header = text_width(tag) < 0  ? 0
             : value.size < 0x80  ? 2
             : value.size < 0x100 ? 3
                                  : 4;
    tls_der_put_header(out, TLS_DER_SEQUENCE, oid.size + header + value.size);
    buf_put(out, oid);
    if (header > 0)
        tls_der_put_header(out, TLS_DER_UTF8, value.size);
    buf_put(out, value);
    return true;
}

/* The order of DER's SET OF (X.690 section 11.6). */
static bool
is_before(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = memcmp(a.data, b.data, size);

    return order != 0 ? order < 0 : a.size < b.size;
}

/* RelativeDistinguishedName: its attributes, sorted again. */
static bool
put_part(struct buf *out, struct slice part)
{
    uint8_t data[TLS_NAME_SIZE_MAX];
    struct slice sorted[TLS_RDN_COUNT_MAX];
    struct buf attributes;
    struct cursor c;
    size_t count = 0;

    buf_init(&attributes, data, sizeof(data));
    cursor_init(&c, part);
    while (c.rest.size > 0) {
        struct slice attribute = tls_der_take(&c, TLS_DER_SEQUENCE);
        size_t start = attributes.used;
        size_t at = count;
        struct slice added;

        if (c.bad || count == TLS_RDN_COUNT_MAX ||
            !put_attribute(&attributes, attribute) || attributes.full)
            return false;
        added = slice_part(buf_slice(&attributes), start, attributes.used);
        for (; at > 0 && is_before(added, sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = added;
        count++;
    }
    tls_der_put_header(out, TLS_DER_SET, attributes.used);
    for (size_t i = 0; i < count; i++)
        buf_put(out, sorted[i]);
    return true;
}

bool
tls_name_hash(struct slice name, struct tls_name_hash *out)
{
    uint8_t data[TLS_NAME_SIZE_MAX];
    struct tls_name_hash hash;
    struct buf canonical;
    struct cursor c, parts;

    buf_init(&canonical, data, sizeof(data));
    cursor_init(&c, name);
    cursor_init(&parts, tls_der_take(&c, TLS_DER_SEQUENCE));
    if (c.bad || c.rest.size > 0)
        return false;
    while (parts.rest.size > 0) {
        struct slice part = tls_der_take(&parts, TLS_DER_SET);
        if (parts.bad || !put_part(&canonical, part))
            return false;
    }
    if (canonical.full ||
        mbedtls_sha1(canonical.data, canonical.used, hash.sha1) != 0)
        return false;
    hash.file = 0;
    for (size_t i = sizeof(hash.file); i-- > 0;)
        hash.file = hash.file << 8 | hash.sha1[i];
    *out = hash;
    return true;
}

bool
tls_name_subject(struct slice certificate, struct slice *out)
{
    struct cursor outer, c;
    struct slice subject;

    cursor_init(&outer, certificate);
    cursor_init(&c, tls_der_take(&outer, TLS_DER_SEQUENCE));
    if (outer.bad || outer.rest.size > 0)
        return false;
    outer = c;
    cursor_init(&c, tls_der_take(&outer, TLS_DER_SEQUENCE));
    tls_der_take(&outer, TLS_DER_SEQUENCE); /* signatureAlgorithm */
    if (tls_der_peek(&c) == TLS_DER_CONTEXT_0)
        tls_der_take(&c, TLS_DER_CONTEXT_0); /* version */
    tls_der_take(&c, TLS_DER_INTEGER);       /* serialNumber */
    tls_der_take(&c, TLS_DER_SEQUENCE);      /* signature */
    tls_der_take(&c, TLS_DER_SEQUENCE);      /* issuer */
    tls_der_take(&c, TLS_DER_SEQUENCE);      /* validity */
    subject = tls_der_take_whole(&c, TLS_DER_SEQUENCE);
    tls_der_take(&c, TLS_DER_SEQUENCE); /* subjectPublicKeyInfo */
    if (outer.bad || c.bad)
        return false;
    *out = subject;
    return true;
}
