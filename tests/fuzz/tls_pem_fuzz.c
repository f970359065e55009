/* SPDX-License-Identifier: ISC */
/* Anchors: the same blocks and certificates out of any chunks; what was
 * encoded comes back; what is not a block of interest brings no bytes. */
#include "tls/pem.h"

#include "fuzz.h"
#include "tls/trust.h"

enum { FOUND_MAX = 64, TEXT_SIZE = 1 << 15 };

struct found {
    enum tls_pem_kind kind;
    uint32_t digest;
    size_t size;
};

static uint8_t text[TEXT_SIZE];

static uint32_t
digest(struct slice s)
{
    uint32_t sum = 5381;

    for (size_t i = 0; i < s.size; i++)
        sum = sum * 33 ^ s.data[i];
    return sum;
}

/* ---- blocks ---- */

static void
check_block(const struct tls_pem *p)
{
    MUST(p->kind <= TLS_PEM_BAD && p->der.used <= TLS_DER_SIZE_MAX);
    if (p->kind == TLS_PEM_LOCKED || p->kind == TLS_PEM_OTHER ||
        p->kind == TLS_PEM_BAD)
        return;
    MUST(!p->der.full && !p->broken);
}

static uint32_t
read_blocks(struct slice all, struct slice steer, struct found *out)
{
    static struct tls_pem p;
    uint32_t count = 0;

    tls_pem_init(&p);
    while (all.size > 0) {
        size_t n = fuzz_u8(&steer);
        struct slice piece = fuzz_take(&all, n ? n : all.size);
        uint8_t *copy = fuzz_copy(piece);
        struct slice chunk = slice_of(copy, piece.size);

        while (tls_pem_feed(&p, &chunk)) {
            struct slice der = buf_slice(&p.der);

            check_block(&p);
            if (p.kind > TLS_PEM_KEY)
                der.size = 0;
            if (count < FOUND_MAX)
                out[count++] = (struct found){p.kind, digest(der), der.size};
        }
        MUST(chunk.size == 0);
        free(copy);
    }
    return count;
}

static uint32_t
read_trust(struct slice all, struct slice steer, struct found *out)
{
    static struct tls_trust t;
    uint32_t count = 0;
    struct slice der;

    tls_trust_init(&t);
    while (all.size > 0) {
        size_t n = fuzz_u8(&steer);
        struct slice chunk = fuzz_take(&all, n ? n : all.size);

        while (tls_trust_feed(&t, &chunk, &der)) {
            MUST(der.size > 0 && der.size <= TLS_DER_SIZE_MAX);
            MUST(der.data[0] == 0x30);
            if (count < FOUND_MAX)
                out[count++] =
                    (struct found){TLS_PEM_CERTIFICATE, digest(der), der.size};
        }
        MUST(chunk.size == 0);
    }
    MUST(t.found >= count);
    return count;
}

static bool
same(const struct found *a, const struct found *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (a[i].kind != b[i].kind || a[i].digest != b[i].digest ||
            a[i].size != b[i].size)
            return false;
    return true;
}

static void
check_pieces(struct slice all, struct slice steer)
{
    static struct found a[FOUND_MAX], b[FOUND_MAX];
    uint32_t count = read_blocks(all, slice_of(NULL, 0), a);

    MUST(read_blocks(all, steer, b) == count && same(a, b, count));
    count = read_trust(all, slice_of(NULL, 0), a);
    MUST(read_trust(all, steer, b) == count && same(a, b, count));
}

/* ---- there and back ---- */

static void
put_base64(struct buf *out, struct slice der, size_t width)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                 "qrstuvwxyz0123456789+/";
    size_t column = 0;

    for (size_t i = 0; i < der.size; i += 3) {
        struct slice three = slice_part(der, i, i + 3);
        uint32_t group = (uint32_t)three.data[0] << 16;

        group |= three.size > 1 ? (uint32_t)three.data[1] << 8 : 0;
        group |= three.size > 2 ? three.data[2] : 0;
        for (size_t j = 0; j < 4; j++) {
            if (column++ % width == 0)
                buf_put_byte(out, '\n');
            buf_put_byte(out,
                         j > three.size
                             ? '='
                             : (uint8_t)digits[group >> (18 - 6 * j) & 63]);
        }
    }
}

static void
check_round_trip(struct slice der, uint8_t how, struct slice steer)
{
    static const char *const labels[] = {"CERTIFICATE", "X509 CERTIFICATE",
                                         "PRIVATE KEY", "TRUSTED CERTIFICATE"};
    static struct found f[FOUND_MAX];
    const char *label = labels[how & 3];
    struct buf b;

    buf_init(&b, text, sizeof(text));
    buf_put_text(&b, how & 4 ? "\xef\xbb\xbf-----BEGIN " : "-----BEGIN ");
    buf_put_text(&b, label);
    buf_put_text(&b, "-----");
    if (how & 8)
        buf_put_byte(&b, '\r');
    put_base64(&b, der, 1u + (how >> 4) * 5u);
    buf_put_text(&b, "\n-----END ");
    buf_put_text(&b, label);
    buf_put_text(&b, "-----");
    MUST(!b.full && read_blocks(buf_slice(&b), steer, f) == 1);
    MUST(f[0].size == der.size && f[0].digest == digest(der));
    MUST(f[0].kind == ((how & 3) == 2   ? TLS_PEM_KEY
                       : (how & 3) == 3 ? TLS_PEM_TRUSTED
                                        : TLS_PEM_CERTIFICATE));
    check_pieces(buf_slice(&b), steer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    uint8_t mode = fuzz_u8(&in), how = fuzz_u8(&in);
    struct slice steer = fuzz_take(&in, fuzz_u8(&in) % 16);

    if (mode & 1 && in.size > 0)
        check_round_trip(in, how, steer);
    else
        check_pieces(in, steer);
    return 0;
}
