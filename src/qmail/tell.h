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
 */
#ifndef QMAIL_TELL_H
#define QMAIL_TELL_H

#include "base/addr.h"
#include "base/slice.h"
#include "limits.h"

/* There is none: NULL, TELL_NO_NUMBER, an empty slice, ADDR_NONE. */
union tell {
    const char *text;
    const struct slice *slice;
    const struct addr *addr;
    uintptr_t number; /* 32 bits, and no others that would need clearing */
};

#define TELL_NO_NUMBER UINT32_MAX

struct qmail_tell {
    struct buf *out;
    bool json;
    bool lines; /* a person gets the lines of a value one below the other */
};

/* `[event]` begins a line and `\n` ends it. `{words%key}` takes the next value:
 * `words VALUE` for a person, "key":"VALUE" for a program; `%` stands for text,
 * `$` a slice, `&` an addr, `#` a number. If there is none it is left out,
 * words and all. Without a key it is for a person only, as is what stands
 * outside of braces; with `!` for words it is for a program only. */
void qmail_tell(struct qmail_tell *t, const char *format,
                const union tell *values);

#endif
