/* SPDX-License-Identifier: ISC */
/*
 * Lines about what happened, for a person to read, or for a program as JSON
 * (RFC 8259), one object a line.
 *
 * in     words, keys, and values of any bytes
 * out    bytes in `out`
 * bound  TELL_VALUE_SIZE_MAX bytes of a value; one as long as that a line;
 *        the caller empties `out` between lines
 * fault  none: as in reports, bytes that are not safe become `?`
 * order  begin, the values, end
 *
 * A person gets the words and behind them the value; a program "key":"value".
 * Words that are NULL: for a program only; a key that is NULL: for a person
 * only. A value that is not there is left out, words and all.
 */
#ifndef QMAIL_TELL_H
#define QMAIL_TELL_H

#include "base/addr.h"
#include "base/slice.h"
#include "limits.h"

#define TELL_NO_NUMBER UINT32_MAX

struct qmail_tell {
    struct buf *out;
    bool json;
    bool lines; /* a person gets the lines of a value one below the other */
};

/* One of a few things that can be: in words, and as programs know it. */
struct qmail_tell_word {
    const char *words; /* NULL: there is none */
    const char *code;
};

#define TELL_WORD(words, code) ((struct qmail_tell_word){words, code})

void qmail_tell_begin(struct qmail_tell *t, const char *event);
void qmail_tell_end(struct qmail_tell *t);
/* For a person only. */
void qmail_tell_words(struct qmail_tell *t, const char *words);
/* A value that is NULL, empty, ADDR_NONE or TELL_NO_NUMBER is not there. */
void qmail_tell_text(struct qmail_tell *t, const char *words, const char *key,
                     const char *value);
void qmail_tell_slice(struct qmail_tell *t, const char *words, const char *key,
                      struct slice value);
void qmail_tell_addr(struct qmail_tell *t, const char *words, const char *key,
                     const struct addr *value);
void qmail_tell_number(struct qmail_tell *t, const char *words, const char *key,
                       uint64_t value);
void qmail_tell_word(struct qmail_tell *t, const char *words, const char *key,
                     struct qmail_tell_word value);
/* The words alone; true for a program. False is not there. */
void qmail_tell_flag(struct qmail_tell *t, const char *words, const char *key,
                     bool value);

#endif
