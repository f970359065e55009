/* SPDX-License-Identifier: ISC */
#include "tls/pem.h"

#include "base/ascii.h"

enum { DIGIT_PAD = 64, DIGIT_SKIP, DIGIT_BAD };

static const struct {
    const char *label;
    enum tls_pem_kind kind;
} blocks[] = {
    {"CERTIFICATE", TLS_PEM_CERTIFICATE},
    {"X509 CERTIFICATE", TLS_PEM_CERTIFICATE},
    {"TRUSTED CERTIFICATE", TLS_PEM_TRUSTED},
    {"PRIVATE KEY", TLS_PEM_KEY},
    {"RSA PRIVATE KEY", TLS_PEM_KEY},
    {"EC PRIVATE KEY", TLS_PEM_KEY},
    {"ENCRYPTED PRIVATE KEY", TLS_PEM_LOCKED},
    {"", TLS_PEM_OTHER}, /* stands for any other label */
};

enum { BLOCK_OTHER = sizeof(blocks) / sizeof(blocks[0]) - 1 };

void
tls_pem_init(struct tls_pem *p)
{
    p->inside = false;
    p->partial = false;
    buf_init(&p->line, p->line_data, sizeof(p->line_data));
    buf_init(&p->der, p->der_data, sizeof(p->der_data));
}

/* Whether the line is `-----BEGIN LABEL-----` or the like so far; it is whole
 * with its last dash, whatever follows on the line. */
static bool
line_is(const struct tls_pem *p, struct slice start, struct slice *label)
{
    struct slice line = buf_slice(&p->line);
    struct slice end = SLICE("-----");

    if (p->partial || line.size <= start.size + end.size ||
        !slice_equal(slice_part(line, 0, start.size), start))
        return false;
    *label = slice_part(line, start.size, line.size - end.size);
    return slice_equal(slice_part(line, line.size - end.size, line.size), end);
}

static uint8_t
block_find(struct slice label)
{
    uint8_t i = 0;

    while (i < BLOCK_OTHER && !slice_equal(label, slice_text(blocks[i].label)))
        i++;
    return i;
}

static void
block_begin(struct tls_pem *p, struct slice label)
{
    p->block = block_find(label);
    p->inside = true;
    p->header = false;
    p->locked = false;
    p->broken = false;
    p->group = 0;
    p->digit_count = 0;
    p->pad_count = 0;
    buf_reset(&p->der);
    buf_reset(&p->line);
}

static void
block_end(struct tls_pem *p, struct slice label)
{
    enum tls_pem_kind kind = blocks[p->block].kind;

    if (p->locked && kind == TLS_PEM_KEY)
        kind = TLS_PEM_LOCKED;
    if (block_find(label) != p->block)
        kind = TLS_PEM_BAD;
    if (kind < TLS_PEM_LOCKED &&
        (p->broken || p->locked || p->der.full || p->digit_count > 0))
        kind = TLS_PEM_BAD;
    if (kind >= TLS_PEM_LOCKED)
        buf_reset(&p->der);
    p->kind = kind;
    p->inside = false;
    buf_reset(&p->line);
}

static uint32_t
digit_value(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - (uint32_t)'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - (uint32_t)'a' + 26;
    if (ascii_digit(byte))
        return byte - (uint32_t)'0' + 52;
    if (byte == '+' || byte == '/')
        return byte == '+' ? 62 : 63;
    if (byte == '=')
        return DIGIT_PAD;
    return ascii_space(byte) ? DIGIT_SKIP : DIGIT_BAD;
}

/* One base64 digit of the block (RFC 4648 section 4). */
static void
block_digit(struct tls_pem *p, uint8_t byte)
{
    uint32_t value = digit_value(byte);
    uint32_t byte_count;

    if (value == DIGIT_SKIP)
        return;
    if (value == DIGIT_PAD) {
        p->pad_count++;
        p->broken |= p->digit_count < 2;
    } else {
        p->digit_count++;
        p->broken |= value == DIGIT_BAD || p->pad_count > 0;
    }
    p->group = p->group << 6 | (value & 0x3f);
    if (p->broken || p->digit_count + p->pad_count < 4)
        return;
    byte_count = p->digit_count - 1;
    for (uint32_t i = 0; i < byte_count; i++)
        buf_put_byte(&p->der, (uint8_t)(p->group >> (16 - 8 * i)));
    p->group = 0;
    p->digit_count = 0;
}

static bool
line_contains(struct slice line, struct slice text)
{
    for (size_t i = 0; i + text.size <= line.size; i++)
        if (slice_equal(slice_part(line, i, i + text.size), text))
            return true;
    return false;
}

/* A line, or as much of it as fits, inside a block. */
static void
block_line(struct tls_pem *p)
{
    struct slice line = buf_slice(&p->line);

    if (!p->partial)
        p->header = slice_find(line, ':') < line.size;
    if (p->header) {
        p->locked |= line_contains(line, SLICE("ENCRYPTED"));
        p->broken |= p->der.used > 0;
    } else {
        for (size_t i = 0; i < line.size; i++)
            block_digit(p, line.data[i]);
    }
}

/* One byte of the text; true: it ended a block. */
static bool
pem_byte(struct tls_pem *p, uint8_t byte)
{
    struct slice label;

    /* A byte order mark, or space before BEGIN. */
    if (!p->inside && p->line.used == 0 && !p->partial && byte != '\n' &&
        (byte >= 0x80 || ascii_space(byte)))
        return false;
    if (byte == '\n' || p->line.used == p->line.size) {
        if (p->inside)
            block_line(p);
        p->partial = byte != '\n';
        buf_reset(&p->line);
    }
    if (byte == '\n')
        return false;
    buf_put_byte(&p->line, byte);
    if (byte != '-')
        return false;
    if (line_is(p, SLICE("-----BEGIN "), &label)) {
        bool cut = p->inside;
        p->kind = TLS_PEM_BAD;
        block_begin(p, label);
        return cut;
    }
    if (p->inside && line_is(p, SLICE("-----END "), &label)) {
        block_end(p, label);
        return true;
    }
    return false;
}

bool
tls_pem_feed(struct tls_pem *p, struct slice *chunk)
{
    for (size_t i = 0; i < chunk->size; i++) {
        if (pem_byte(p, chunk->data[i])) {
            *chunk = slice_part(*chunk, i + 1, chunk->size);
            return true;
        }
    }
    *chunk = slice_part(*chunk, chunk->size, chunk->size);
    return false;
}
