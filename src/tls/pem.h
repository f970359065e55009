/* SPDX-License-Identifier: ISC */
/*
 * Finds and decodes the blocks of a PEM text as it streams by (RFC 7468, with
 * RFC 1421's headers as OpenSSL writes them for encrypted keys).
 *
 * in     text in chunks of any size; LF or CRLF; anything between blocks
 * out    per block its kind and, if its base64 is sound, its bytes
 * bound  TLS_DER_SIZE_MAX bytes a block, TLS_PEM_LINE_SIZE bytes of a line
 * fault  a block that is too long, broken or of another kind is TLS_PEM_BAD
 * order  tls_pem_init, then per chunk tls_pem_feed until it says false
 */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include "base/slice.h"
#include "limits.h"

enum tls_pem_kind {
    TLS_PEM_CERTIFICATE,
    TLS_PEM_TRUSTED, /* a certificate, then OpenSSL's trust settings */
    TLS_PEM_KEY,     /* PKCS #8, PKCS #1 or SEC 1 */
    TLS_PEM_LOCKED,  /* an encrypted key; no bytes */
    TLS_PEM_OTHER,   /* a block of no interest; no bytes */
    TLS_PEM_BAD      /* no bytes */
};

struct tls_pem {
    /* For the caller to read, after tls_pem_feed said true. */
    enum tls_pem_kind kind;
    struct buf der;

    /* For pem.c alone. */
    bool inside;   /* between BEGIN and END */
    bool partial;  /* `line` is not the start of its line */
    bool header;   /* this line is one of RFC 1421's */
    bool locked;   /* those headers said ENCRYPTED */
    bool broken;   /* this block is not what it should be */
    uint8_t block; /* row of the table of labels */
    struct buf line;
    uint32_t group; /* base64 digits that are not yet bytes */
    uint32_t digit_count;
    uint32_t pad_count;
    uint8_t digit[UINT8_MAX + 1]; /* what a byte is in base64 */
    uint8_t line_data[TLS_PEM_LINE_SIZE];
    uint8_t der_data[TLS_DER_SIZE_MAX];
};

/* `p` must not move afterwards. */
void tls_pem_init(struct tls_pem *p);
/* True: a block has ended; `chunk` is what is left. */
bool tls_pem_feed(struct tls_pem *p, struct slice *chunk);

#endif
