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

/* What each byte says in base64 (RFC 4648 section 4). */
static void
set_digits(uint8_t digit[static UINT8_MAX + 1])
{
    const struct slice digits = SLICE("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "abcdefghijklmnopqrstuvwxyz0123456789+/");

    for (uint32_t i = 0; i <= UINT8_MAX; i++)
        digit[i] = ascii_space((uint8_t)i) ? DIGIT_SKIP : DIGIT_BAD;
    for (uint8_t i = 0; i < digits.size; i++)
        digit[digits.data[i]] = i;
    digit['='] = DIGIT_PAD;
}

void
tls_pem_init(struct tls_pem *p)
{
    set_digits(p->digit);
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

/* One base64 digit of the block. */
static void
block_digit(struct tls_pem *p, uint8_t byte)
{
    uint32_t value = p->digit[byte];
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

/* Whole groups of digits, which is nearly all of a block; gives how much of
 * the line they were. */
static size_t
block_groups(struct tls_pem *p, struct slice line)
{
    size_t at = 0;

    if (p->digit_count + p->pad_count > 0)
        return 0;
    for (; line.size - at >= 4; at += 4) {
        const uint8_t *in = line.data + at;
        uint32_t a = p->digit[in[0]], b = p->digit[in[1]];
        uint32_t c = p->digit[in[2]], d = p->digit[in[3]];
        uint8_t out[] = {(uint8_t)(a << 2 | b >> 4), (uint8_t)(b << 4 | c >> 2),
                         (uint8_t)(c << 6 | d)};

        if ((a | b | c | d) >= DIGIT_PAD)
            break;
        buf_put(&p->der, slice_of(out, sizeof(out)));
    }
    return at;
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
        for (size_t i = block_groups(p, line); i < line.size; i++)
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

/* Bytes inside a line that neither end it nor may end a label. */
static size_t
take_plain(struct tls_pem *p, struct slice chunk)
{
    if (p->line.used == 0)
        return 0;
    chunk = slice_part(chunk, 0, buf_room(&p->line));
    chunk = slice_part(chunk, 0, slice_find(chunk, '\n'));
    chunk = slice_part(chunk, 0, slice_find(chunk, '-'));
    buf_put(&p->line, chunk);
    return chunk.size;
}

bool
tls_pem_feed(struct tls_pem *p, struct slice *chunk)
{
    while (chunk->size > 0) {
        bool ended = pem_byte(p, chunk->data[0]);

        *chunk = slice_part(*chunk, 1, chunk->size);
        if (ended)
            return true;
        *chunk = slice_part(*chunk, take_plain(p, *chunk), chunk->size);
    }
    return false;
}
