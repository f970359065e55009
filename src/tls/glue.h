/* SPDX-License-Identifier: ISC */
/*
 * What mbedTLS wants of a platform, out of bytes and times handed in.
 *
 * in     entropy once, the wall clock per connection
 * out    random bytes (CTR_DRBG, AES-256: NIST SP 800-90A section 10.2), time
 * bound  no entropy is ever asked for again: after as many requests as the
 *        generator allows on one seed it fails
 * fault  false or an error code
 * order  tls_glue_seed, then tls_glue_clock, then anything of mbedTLS
 *
 * mbedTLS passes its callbacks no context here, so this is the one place with
 * state of its own: a pointer, and the time. tls_glue_time, _exit and
 * _snprintf are declared in mbedtls_config.h.
 */
#ifndef TLS_GLUE_H
#define TLS_GLUE_H

#include <mbedtls/ctr_drbg.h>

#include "base/slice.h"
#include "limits.h"

/* `generator` is used from now on, by all of mbedTLS. */
bool tls_glue_seed(mbedtls_ctr_drbg_context *generator,
                   const uint8_t entropy[static TLS_ENTROPY_SIZE]);
void tls_glue_clock(int64_t wall_s);
/* For mbedTLS's f_rng; `unused` is there for its sake. */
int tls_glue_random(void *unused, uint8_t *out, size_t size);

#endif
