/* SPDX-License-Identifier: ISC */
/*
 * ASCII classes and numbers, free of any locale (RFC 5234 appendix B.1).
 *
 * in     one byte, or a slice of digits
 * out    class, lower case, value
 * bound  a number is at most the `max` given
 * fault  false: not a number, or over `max`
 */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include "base/slice.h"
#include "limits.h"

uint8_t ascii_lower(uint8_t byte);
bool ascii_digit(uint8_t byte);
bool ascii_alpha(uint8_t byte);
/* Space, TAB, CR, LF. */
bool ascii_space(uint8_t byte);
/* Below 0x20, or 0x7f. */
bool ascii_control(uint8_t byte);
/* The value of a hexadecimal digit, 0xff for any other byte. */
uint8_t ascii_hex(uint8_t byte);
/* No byte is above 0x7f. */
bool ascii_is(struct slice s);
/* All of `s` is decimal digits and the value is at most `max`. */
bool ascii_number(struct slice s, uint64_t max, uint64_t *out);

#endif
