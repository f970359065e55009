/* SPDX-License-Identifier: ISC */
/*
 * Says in plain words why TLS did not work.
 *
 * in     mbedTLS's error codes, a peer's alert, names, days
 * out    text appended to a buffer; no full stop, no semicolon, one line
 * bound  the buffer's; text that does not fit is left out whole
 * fault  none: an unknown code is given as its number
 */
#ifndef TLS_REASON_H
#define TLS_REASON_H

#include "base/slice.h"
#include "limits.h"

struct tls_reason_day {
    int year, month, day;
};

/* What a negative return of mbedTLS means. */
void tls_reason_error(struct buf *out, int error);
/* `error` is lack of memory, however deep it happened. */
bool tls_reason_is_memory(int error);
/* "peer sent alert 40 (handshake_failure)": RFC 8446 section 6. */
void tls_reason_alert(struct buf *out, uint8_t alert);
/* Bytes of any origin: `?` for what is not printable ASCII. */
void tls_reason_name(struct buf *out, struct slice name);
/* "2026-01-02" */
void tls_reason_day(struct buf *out, struct tls_reason_day day);

#endif
