/* SPDX-License-Identifier: ISC */
/*
 * The dates of certificates (RFC 5280 section 4.1.2.5).
 *
 * in     a time as mbedTLS read it, in UTC
 * out    text; seconds
 * bound  years of four digits
 * fault  none
 */
#ifndef TLS_TIME_H
#define TLS_TIME_H

#include <mbedtls/x509.h>

#include "base/slice.h"

/* 2026-01-02 */
void tls_time_put_day(struct buf *out, const mbedtls_x509_time *time);
/* Since 1970. */
int64_t tls_time_seconds(const mbedtls_x509_time *time);

#endif
