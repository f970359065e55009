/* SPDX-License-Identifier: ISC */
/*
 * Characters beyond ASCII as bytes (RFC 3629).
 *
 * in     bytes
 * out    code points; whether all of it is text
 * bound  1 to 4 bytes a character, U+10FFFF
 * fault  size 0: no well-formed sequence, which overlong forms and surrogates
 *        are not either
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

/* Size of the sequence at the start of `s`, which is not empty, or 0. */
size_t utf8_take(struct slice s, uint32_t *point);
/* Sequences only, and none of the controls U+0080 to U+009F. */
bool utf8_is_text(struct slice s);

#endif
