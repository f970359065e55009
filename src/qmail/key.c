/* SPDX-License-Identifier: ISC */
#include "qmail/key.h"

#include "base/assert.h"
#include "base/punycode.h"

struct slice
qmail_key_undot(struct slice name)
{
    if (name.size > 1 && name.data[name.size - 1] == '.')
        name.size--;
    return name;
}

size_t
qmail_key_find(struct slice s, struct slice bytes)
{
    for (size_t i = 0; i < s.size; i++) {
        if (slice_find(bytes, s.data[i]) < bytes.size)
            return i;
        if (s.data[i] == '[') {
            size_t close = slice_find(slice_part(s, i, s.size), ']');

            i += i + close < s.size ? close : 0;
        }
    }
    return s.size;
}

void
qmail_key_init(struct qmail_key *k, enum qmail_key_kind kind, struct slice text)
{
    *k = (struct qmail_key){.kind = kind, .text = text};
    if (kind == KEY_SENDER)
        return;
    k->text = qmail_key_undot(text);
    (void)addr_parse_literal(k->text, &k->addr);
}

static bool
may_begin(const struct qmail_key *k, uint8_t byte)
{
    return byte == '.' || (byte == '@' && k->kind == KEY_SENDER);
}

/* `size` says how much of the text the key is. */
static bool
match(const struct qmail_key *k, struct slice key, size_t *size)
{
    struct slice text = k->text;
    struct addr a = {.family = ADDR_NONE};
    uint8_t bytes[NAME_WIRE_SIZE_MAX];
    struct buf name;

    buf_init(&name, bytes, sizeof(bytes));
    if (k->first.size > 0 && slice_equal(key, k->first)) {
        *size = SIZE_MAX;
        return true;
    }
    if (k->kind == KEY_HOST) {
        key = qmail_key_undot(key);
        key = punycode_put_name(&name, key) ? buf_slice(&name) : key;
    }
    if (k->addr.family != ADDR_NONE && addr_parse_literal(key, &a) &&
        addr_equal(&a, &k->addr)) {
        *size = text.size;
        return true;
    }
    if (key.size > text.size)
        return false;
    if (key.size > 0 && key.size < text.size && !may_begin(k, key.data[0]))
        return false;
    *size = key.size;
    return slice_equal_nocase(
        key, slice_part(text, text.size - key.size, text.size));
}

bool
qmail_key_offer(struct qmail_key *k, struct slice line, uint32_t number,
                struct slice *value)
{
    size_t colon = qmail_key_find(line, SLICE(":"));
    size_t size = 0;

    assert(number > 0);
    if (colon == line.size || !match(k, slice_part(line, 0, colon), &size))
        return false;
    if (k->line > 0 && size < k->size)
        return false;
    k->line = number;
    k->size = size;
    *value = slice_part(line, colon + 1, line.size);
    return true;
}
