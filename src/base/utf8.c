/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"

enum {
    TAIL_BITS = 6,
    CONTROL_FIRST = 0x80,
    CONTROL_LAST = 0x9f,
    SURROGATE_FIRST = 0xd800,
    SURROGATE_LAST = 0xdfff,
    POINT_MAX = 0x10ffff
};

static bool
is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t
utf8_take(struct slice s, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = s.data[0];
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    uint32_t value = first & (0x7fU >> size);

    *point = first;
    if (first < 0x80)
        return 1;
    if (first < 0xc0 || first >= 0xf8 || s.size < size)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if (!is_tail(s.data[i]))
            return 0;
        value = value << TAIL_BITS | (s.data[i] & 0x3fU);
    }
    *point = value;
    if (value < least[size] || value > POINT_MAX)
        return 0;
    return value < SURROGATE_FIRST || value > SURROGATE_LAST ? size : 0;
}

bool
utf8_is_text(struct slice s)
{
    while (s.size > 0) {
        uint32_t point = 0;
        size_t size = utf8_take(s, &point);

        if (size == 0 || (point >= CONTROL_FIRST && point <= CONTROL_LAST))
            return false;
        s = slice_part(s, size, s.size);
    }
    return true;
}
