/* SPDX-License-Identifier: ISC */
/*
 * mbedTLS as the simulated mail servers use it: the program's configuration,
 * and the other side of the protocol. Linked into an object of its own, whose
 * names stay inside it (tests/sim/Makefile).
 */
#ifndef SIM_PEER_CONFIG_H
#define SIM_PEER_CONFIG_H

#include "tls/mbedtls_config.h"

#define MBEDTLS_MEMORY_BUFFER_ALLOC_C
#define MBEDTLS_MEMORY_ALIGN_MULTIPLE 8
#define MBEDTLS_SSL_SRV_C
#define MBEDTLS_SSL_RENEGOTIATION /* HelloRequest */
#define MBEDTLS_SSL_SESSION_TICKETS
#define MBEDTLS_SSL_TICKET_C
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_BASE64_C
#undef MBEDTLS_SSL_OUT_CONTENT_LEN
#define MBEDTLS_SSL_OUT_CONTENT_LEN 16384

#undef MBEDTLS_PSA_KEY_SLOT_COUNT
#define MBEDTLS_PSA_KEY_SLOT_COUNT 256 /* connections of a run keep theirs */

#endif
