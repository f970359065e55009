/* SPDX-License-Identifier: ISC */
#include "qmail/tlspolicy.h"

#include <string.h>

#include "base/ascii.h"

enum { NIBBLE_BITS = 4 };

static bool
is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* The next word, taken off; empty at the end. */
static struct slice
take_word(struct slice *rest)
{
    size_t from = 0, to = 0;
    struct slice word;

    while (from < rest->size && is_blank(rest->data[from]))
        from++;
    for (to = from; to < rest->size && !is_blank(rest->data[to]);)
        to++;
    word = slice_part(*rest, from, to);
    *rest = slice_part(*rest, to, rest->size);
    return word;
}

/* What stands behind `name` in the word; false: it does not begin so. */
static bool
take_value(struct slice word, struct slice name, struct slice *value)
{
    *value = slice_part(word, name.size, word.size);
    return slice_equal(slice_part(word, 0, name.size), name);
}

static bool
parse_pin(struct slice text, uint8_t out[static TLS_PIN_SIZE])
{
    if (text.size != (size_t)2 * TLS_PIN_SIZE)
        return false;
    for (size_t i = 0; i < TLS_PIN_SIZE; i++) {
        uint8_t high = ascii_hex(text.data[2 * i]);
        uint8_t low = ascii_hex(text.data[2 * i + 1]);

        if (high == 0xff || low == 0xff)
            return false;
        out[i] = (uint8_t)(high << NIBBLE_BITS | low);
    }
    return true;
}

static enum qmail_problem
add_pins(struct qmail_tlspolicy *p, struct slice list)
{
    bool more = true;

    while (more) {
        size_t comma = slice_find(list, ',');

        if (p->pin_count == PIN_COUNT_MAX)
            return PROBLEM_PIN_COUNT;
        if (!parse_pin(slice_part(list, 0, comma), p->pins[p->pin_count]))
            return PROBLEM_PIN;
        p->pin_count++;
        more = comma < list.size;
        list = slice_part(list, comma + 1, list.size);
    }
    return PROBLEM_NONE;
}

static enum qmail_problem
set_name(struct qmail_tlspolicy *p, struct slice name)
{
    name = qmail_key_undot(name);
    if (p->name_size > 0 || qmail_control_name(name) != PROBLEM_NONE)
        return PROBLEM_NAME;
    p->name_size = name.size;
    memcpy(p->name, name.data, name.size);
    return PROBLEM_NONE;
}

static enum qmail_problem
add_word(struct qmail_tlspolicy *p, struct slice word)
{
    struct slice value;

    if (take_value(word, SLICE("pin="), &value))
        return add_pins(p, value);
    if (take_value(word, SLICE("name="), &value))
        return set_name(p, value);
    if (slice_equal(word, SLICE("implicit")))
        p->implicit = true;
    else if (slice_equal(word, SLICE("unsafe-login")))
        p->unsafe_login = true;
    else
        return PROBLEM_WORD;
    return PROBLEM_NONE;
}

static enum qmail_problem
parse(struct slice value, struct qmail_tlspolicy *p)
{
    struct slice word = take_word(&value);

    *p = (struct qmail_tlspolicy){.level = TLS_LEVEL_NONE};
    if (word.size == 1 && word.data[0] >= '0' && word.data[0] <= '2')
        p->level = TLS_LEVEL_0 + (word.data[0] - '0');
    else if (slice_equal(word, SLICE("dane")))
        p->level = TLS_LEVEL_DANE;
    else if (!slice_equal(word, SLICE("none")))
        return PROBLEM_LEVEL;
    while ((word = take_word(&value)).size > 0) {
        enum qmail_problem problem = add_word(p, word);

        if (problem != PROBLEM_NONE)
            return problem;
    }
    if (p->level == TLS_LEVEL_NONE && (p->pin_count > 0 || p->implicit))
        return PROBLEM_NONE_WITH;
    return PROBLEM_NONE;
}

void
qmail_tlspolicy_init(struct qmail_tlspolicy_search *s, struct slice hop)
{
    *s = (struct qmail_tlspolicy_search){.problem = PROBLEM_NONE};
    qmail_key_init(&s->key, KEY_HOST, hop);
}

void
qmail_tlspolicy_offer(struct qmail_tlspolicy_search *s, struct slice line,
                      uint32_t number)
{
    struct slice value;

    if (qmail_key_offer(&s->key, line, number, &value))
        s->problem = parse(value, &s->policy);
}
