/* SPDX-License-Identifier: ISC */
#include "dns/name.h"

#include "base/ascii.h"
#include "base/assert.h"

enum { POINTER_TAG = 0xc0, BITS = 8 };

/* A byte that text can carry inside a label. */
static bool
byte_is_host(uint8_t byte)
{
    return byte > ' ' && byte < 0x7f && byte != '.' && byte != '\\';
}

static bool
label_is_host(struct slice label)
{
    for (size_t i = 0; i < label.size; i++)
        if (!byte_is_host(label.data[i]))
            return false;
    return label.size > 0 && label.size <= NAME_LABEL_SIZE_MAX;
}

bool
dns_name_parse(struct slice text, struct dns_name *out)
{
    struct dns_name n = {0};
    struct buf wire;
    bool more = true;

    buf_init(&wire, n.wire, sizeof(n.wire));
    if (text.size > 0 && text.data[text.size - 1] == '.')
        text.size--;
    while (more) {
        size_t dot = slice_find(text, '.');
        struct slice label = slice_part(text, 0, dot);

        if (!label_is_host(label))
            return false;
        buf_put_byte(&wire, (uint8_t)label.size);
        buf_put(&wire, label);
        more = dot < text.size;
        text = slice_part(text, dot + 1, text.size);
    }
    buf_put_byte(&wire, 0);
    if (wire.full)
        return false;
    n.size = (uint8_t)wire.used;
    *out = n;
    return true;
}

/* Copies labels to the root or to a pointer, and returns where that leads; 0:
 * the name ended, or is bad. */
static size_t
take_labels(struct cursor *c, struct buf *wire)
{
    size_t target = 0;

    for (;;) {
        uint8_t head = cursor_u8(c);

        if (head >= POINTER_TAG) {
            target = (size_t)(head & ~POINTER_TAG) << BITS | cursor_u8(c);
            break;
        }
        if (head > NAME_LABEL_SIZE_MAX)
            c->bad = true;
        buf_put_byte(wire, head);
        buf_put(wire, cursor_take(c, head));
        if (head == 0 || c->bad || wire->full)
            return 0;
    }
    if (target < DNS_HEADER_SIZE)
        c->bad = true;
    return c->bad ? 0 : target;
}

void
dns_name_take(struct slice message, struct cursor *c, struct dns_name *out)
{
    size_t lowest = (size_t)(c->rest.data - message.data);
    uint32_t pointer_count = 0;
    struct buf wire;
    struct cursor at = {.bad = false};
    size_t target = 0;

    assert(lowest <= message.size);
    buf_init(&wire, out->wire, sizeof(out->wire));
    target = take_labels(c, &wire);
    while (target != 0) {
        /* Each pointer leads before all that was read, so this ends. */
        if (target >= lowest || ++pointer_count > DNS_POINTER_COUNT_MAX) {
            c->bad = true;
            break;
        }
        lowest = target;
        cursor_init(&at, slice_part(message, target, message.size));
        target = take_labels(&at, &wire);
    }
    if (at.bad || wire.full)
        c->bad = true;
    out->size = c->bad ? 0 : (uint8_t)wire.used;
}

/* The label at *index, which then is that of the next; the root is empty. */
static struct slice
label_next(const struct dns_name *n, size_t *index)
{
    size_t from = *index + 1;

    assert(from <= n->size);
    *index = from + n->wire[from - 1];
    return slice_part(slice_of(n->wire, n->size), from, *index);
}

static void
print_label(struct buf *out, struct slice label)
{
    for (size_t i = 0; i < label.size; i++) {
        if (byte_is_host(label.data[i])) {
            buf_put_byte(out, label.data[i]);
            continue;
        }
        buf_put_byte(out, '\\');
        buf_put_number(out, label.data[i], 3);
    }
}

void
dns_name_print(struct buf *out, const struct dns_name *n)
{
    size_t index = 0;
    struct slice label = label_next(n, &index);

    if (label.size == 0)
        buf_put_byte(out, '.');
    while (label.size > 0) {
        print_label(out, label);
        label = label_next(n, &index);
        if (label.size > 0)
            buf_put_byte(out, '.');
    }
}

bool
dns_name_is_host(const struct dns_name *n)
{
    size_t index = 0;
    struct slice label = label_next(n, &index);

    while (label_is_host(label) && n->wire[index] > 0)
        label = label_next(n, &index);
    return label_is_host(label);
}

bool
dns_name_is_root(const struct dns_name *n)
{
    return n->size == 1;
}

/* A length octet is no letter, so names compare as plain bytes. */
bool
dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
    return slice_equal_nocase(slice_of(a->wire, a->size),
                              slice_of(b->wire, b->size));
}

bool
dns_name_identical(const struct dns_name *a, const struct dns_name *b)
{
    return slice_equal(slice_of(a->wire, a->size), slice_of(b->wire, b->size));
}

void
dns_name_lower(struct dns_name *n)
{
    for (size_t i = 0; i < n->size; i++)
        n->wire[i] = ascii_lower(n->wire[i]);
}

void
dns_name_mix(struct dns_name *n, const uint8_t bits[static DNS_CASE_SIZE])
{
    size_t letter = 0;

    dns_name_lower(n);
    for (size_t i = 0; i < n->size; i++) {
        if (!ascii_alpha(n->wire[i]))
            continue;
        if (bits[letter / BITS % DNS_CASE_SIZE] >> letter % BITS & 1)
            n->wire[i] = (uint8_t)(n->wire[i] + 'A' - 'a');
        letter++;
    }
}

bool
dns_name_service(const struct dns_name *host, uint16_t port,
                 struct dns_name *out)
{
    struct dns_name name;
    struct buf b;

    buf_init(&b, name.wire, sizeof(name.wire));
    buf_put_byte(&b, 0); /* the label's length comes last */
    buf_put_text(&b, "_");
    buf_put_number(&b, port, 0);
    name.wire[0] = (uint8_t)(b.used - 1);
    buf_put_text(&b, "\4_tcp");
    buf_put(&b, slice_of(host->wire, host->size));
    name.size = (uint8_t)b.used;
    if (!b.full)
        *out = name;
    return !b.full;
}
