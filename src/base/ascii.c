/* SPDX-License-Identifier: ISC */
#include "base/ascii.h"

uint8_t
ascii_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 'a' - 'A') : byte;
}

bool
ascii_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

bool
ascii_alpha(uint8_t byte)
{
    byte = ascii_lower(byte);
    return byte >= 'a' && byte <= 'z';
}

bool
ascii_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

bool
ascii_control(uint8_t byte)
{
    return byte < ' ' || byte == 0x7f;
}

uint8_t
ascii_hex(uint8_t byte)
{
    if (ascii_digit(byte))
        return (uint8_t)(byte - '0');
    byte = ascii_lower(byte);
    if (byte >= 'a' && byte <= 'f')
        return (uint8_t)(byte - 'a' + 10);
    return 0xff;
}

bool
ascii_is(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] > 0x7f)
            return false;
    return true;
}

bool
ascii_number(struct slice s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (s.size == 0)
        return false;
    for (size_t i = 0; i < s.size; i++) {
        uint8_t digit = (uint8_t)(s.data[i] - '0');

        if (!ascii_digit(s.data[i]))
            return false;
        if (digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}
