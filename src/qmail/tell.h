/* SPDX-License-Identifier: ISC */
/*
 * Lines about what happened, for a person to read, or for a program as JSON
 * (RFC 8259), one object a line.
 *
 * in     a format, and values of any bytes
 * out    bytes in `out`
 * bound  TELL_VALUE_SIZE_MAX bytes of a value; one as long as that a call;
 *        the caller empties `out` between calls
 * fault  none: as in reports, bytes that are not safe become `?`
 *
 * In a format `[event]` begins a line and `\n` ends it. `{words%key}` tells a
 * value: `words VALUE` to a person, "key":"VALUE" to a program. Its kind is `%`
 * for const char *, `$` const struct slice *, `@` const struct addr *, `#`
 * uint32_t. NULL, or TELL_NO_NUMBER, leaves it out, words and all. Without a
 * key it is for a person only, as is what stands outside of braces; with `!`
 * for words it is for a program only. `<` has no value: a list begins, whose
 * entries are `{$}`, up to a `>`.
 */
#ifndef QMAIL_TELL_H
#define QMAIL_TELL_H

#include <stdarg.h>

#include "base/addr.h"
#include "base/slice.h"
#include "limits.h"

#define TELL_NO_NUMBER UINT32_MAX

struct qmail_tell {
    struct buf *out;
    bool json;
    bool lines;   /* a person gets the lines of a value one below the other */
    bool listing; /* inside a list */
    bool more;    /* it has an entry */
};

void qmail_tell(struct qmail_tell *t, const char *format, va_list *values);

#endif
