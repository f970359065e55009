/* SPDX-License-Identifier: ISC */
/*
 * Names in certificates: any DER; the hash of a built name does not change
 * with case, white space or the type of its strings, and does with its text;
 * matching against a slow reading of RFC 9525.
 */
#include "tls/name.h"

#include "base/ascii.h"
#include "fuzz.h"
#include "tls/der.h"
#include "tls/match.h"

enum { NAME_SIZE = 1 << 12, PARTS_MAX = 6 };

/* ---- any bytes ---- */

static void
check_raw(struct slice in)
{
    uint8_t *copy = fuzz_copy(in);
    struct slice der = slice_of(copy, in.size), subject;
    struct tls_name_hash a, b;

    if (tls_name_hash(der, &a)) {
        MUST(tls_name_hash(der, &b) && memcmp(&a, &b, sizeof(a)) == 0);
        MUST(der.data[0] == 0x30);
    }
    if (tls_name_subject(der, &subject)) {
        MUST(subject.data >= der.data && subject.size > 0);
        MUST(subject.data + subject.size <= der.data + der.size);
        MUST(subject.data[0] == 0x30);
        (void)tls_name_hash(subject, &a);
    }
    free(copy);
}

/* ---- names that are built ---- */

/* The text in another spelling: case, white space; in `out`. */
static void
respell(struct buf *out, struct slice word, uint8_t how)
{
    if (how & 1)
        buf_put_text(out, " \t");
    for (size_t i = 0; i < word.size; i++) {
        uint8_t byte = word.data[i];

        if (how & 2 && ascii_alpha(byte))
            byte ^= 0x20;
        buf_put_byte(out, byte);
        if (how & 4 && byte == ' ')
            buf_put_text(out, "  ");
    }
    if (how & 8)
        buf_put_text(out, " ");
}

/* One byte a character becomes two, or four. */
static void
widen(struct buf *out, struct slice bytes, uint32_t width)
{
    for (size_t i = 0; i < bytes.size; i++) {
        for (uint32_t j = 1; j < width; j++)
            buf_put_byte(out, 0);
        buf_put_byte(out, bytes.data[i]);
    }
}

static void
put_part(struct buf *out, struct slice word, uint8_t how)
{
    static const uint8_t tags[] = {0x0c, 0x13, 0x14, 0x16,
                                   0x1a, 0x1e, 0x1c, 0x0c};
    static uint8_t a[256], b[1024], c[1100];
    uint8_t tag = tags[how >> 4 & 7];
    struct buf spelt, wide, part;

    buf_init(&spelt, a, sizeof(a));
    buf_init(&wide, b, sizeof(b));
    buf_init(&part, c, sizeof(c));
    respell(&spelt, word, how);
    widen(&wide, buf_slice(&spelt), tag == 0x1e ? 2 : tag == 0x1c ? 4 : 1);
    buf_put_text(&part, "\x06\x03\x55\x04\x03");
    tls_der_put_header(&part, tag, wide.used);
    buf_put(&part, buf_slice(&wide));
    tls_der_put_header(out, 0x31,
                       part.used + (part.used < 128   ? 2
                                    : part.used < 256 ? 3
                                                      : 4));
    tls_der_put_header(out, 0x30, part.used);
    buf_put(out, buf_slice(&part));
}

/* Words of visible ASCII with single spaces inside. */
static struct slice
word_of(struct slice *in, uint8_t *bytes)
{
    struct slice some = fuzz_take(in, 1 + fuzz_u8(in) % 24u);
    size_t size = 0;

    for (size_t i = 0; i < some.size; i++) {
        uint8_t byte = some.data[i] & 0x7f;

        if (byte < '!' || byte == 0x7f)
            byte = size > 0 && bytes[size - 1] != ' ' ? ' ' : 'x';
        bytes[size++] = byte;
    }
    while (size > 0 && bytes[size - 1] == ' ')
        size--;
    if (size == 0)
        bytes[size++] = 'y';
    return slice_of(bytes, size);
}

static bool
hash(struct buf *parts, struct tls_name_hash *out)
{
    static uint8_t bytes[NAME_SIZE + 4];
    struct buf name;

    buf_init(&name, bytes, sizeof(bytes));
    tls_der_put_header(&name, 0x30, parts->used);
    buf_put(&name, buf_slice(parts));
    MUST(!name.full && !parts->full);
    return tls_name_hash(buf_slice(&name), out);
}

static void
check_built(struct slice in)
{
    static uint8_t plain[NAME_SIZE], spelt[NAME_SIZE], other[NAME_SIZE];
    uint32_t count = 1 + fuzz_u8(&in) % PARTS_MAX;
    struct tls_name_hash a, b, c;
    struct buf p, s, o;

    buf_init(&p, plain, sizeof(plain));
    buf_init(&s, spelt, sizeof(spelt));
    buf_init(&o, other, sizeof(other));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t bytes[32], how = fuzz_u8(&in);
        struct slice word = word_of(&in, bytes);

        put_part(&p, word, 0);
        put_part(&s, word, how);
        if (i + 1 == count)
            bytes[0] = bytes[0] == 'z' || bytes[0] == 'Z' ? 'q' : 'z';
        put_part(&o, word, how);
    }
    MUST(hash(&p, &a) && hash(&s, &b) && hash(&o, &c));
    MUST(memcmp(a.sha1, b.sha1, sizeof(a.sha1)) == 0 && a.file == b.file);
    MUST(memcmp(a.sha1, c.sha1, sizeof(a.sha1)) != 0);
}

/* ---- matching ---- */

static uint32_t
labels_of(struct slice name, struct slice *out)
{
    uint32_t count = 0;
    bool more = true;

    while (more && count < 16) {
        size_t dot = slice_find(name, '.');

        more = dot < name.size;
        out[count++] = slice_part(name, 0, dot);
        name = slice_part(name, dot + 1, name.size);
    }
    return count;
}

/* Equal, or `*` alone for the first label of at least three. */
static bool
slow_match(struct slice entry, struct slice name)
{
    struct slice e[16], n[16];
    uint32_t e_count = labels_of(entry, e), n_count = labels_of(name, n);

    if (slice_equal_nocase(entry, name))
        return true;
    if (e_count != n_count || e_count < 3 || !slice_equal(e[0], SLICE("*")) ||
        n[0].size == 0)
        return false;
    for (uint32_t i = 1; i < e_count; i++)
        if (!slice_equal_nocase(e[i], n[i]))
            return false;
    return true;
}

/* A name as the shell has it: labels that are not empty, and not too many for
 * the slow reading. */
static bool
is_name(struct slice name)
{
    struct slice labels[16];
    uint32_t count = labels_of(name, labels);

    for (uint32_t i = 0; i < count; i++)
        if (labels[i].size == 0)
            return false;
    return count < 15;
}

static void
check_match(struct slice in)
{
    uint8_t tag = fuzz_u8(&in) & 1 ? 0x82 : fuzz_u8(&in);
    struct slice name = fuzz_until(&in, 0);
    struct addr a;
    bool found = tls_match_name(tag, in, name);

    MUST(!found || tag == 0x82);
    if (tag == 0x82 && is_name(name) && slice_find(in, 0) == in.size)
        MUST(found == slow_match(in, name));
    if (in.size >= ADDR_SIZE_MAX) {
        addr_from_ipv6(&a, in.data);
        MUST(tls_match_address(tag, slice_of(a.bytes, addr_size(&a)), &a) ==
             (tag == 0x87));
        MUST(!tls_match_address(0x87, slice_part(in, 0, 15), &a));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);

    switch (fuzz_u8(&in) & 3) {
    case 0:
    case 1:
        check_raw(in);
        break;
    case 2:
        check_built(in);
        break;
    default:
        check_match(in);
    }
    return 0;
}
