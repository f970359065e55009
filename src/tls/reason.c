/* SPDX-License-Identifier: ISC */
#include "tls/reason.h"

#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509.h>
#include <psa/crypto_values.h>

/* A code is the sum of a module's, in steps of 0x80, and a detail's. */
enum { DETAIL_MASK = 0x7f, CODE_MASK = 0x7fff };

static const struct {
    int error;
    const char *text;
} errors[] = {
    {MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION,
     "protocol version not supported by the peer"},
    {MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE,
     "no cipher, group or signature in common with the peer"},
    {MBEDTLS_ERR_SSL_INVALID_RECORD, "the peer sent what is not TLS"},
    {MBEDTLS_ERR_SSL_INVALID_MAC, "a TLS record was altered on its way"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE,
     "the peer sent a TLS message out of turn"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_RECORD,
     "the peer sent a TLS record out of turn"},
    {MBEDTLS_ERR_SSL_DECODE_ERROR, "the peer sent a malformed TLS message"},
    {MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER,
     "the peer sent a TLS message with an illegal value"},
    {MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION,
     "the peer sent a TLS extension nobody asked for"},
    {MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE,
     "the peer wants a TLS feature this client has not"},
    /* mbedTLS says so when a message exceeds its buffer. */
    {MBEDTLS_ERR_SSL_BAD_INPUT_DATA, "the peer sent a TLS message too long"},
    {MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL, "a TLS message got too long"},
    {MBEDTLS_ERR_SSL_CONN_EOF, "connection closed during the handshake"},
    {MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, "the peer ended TLS"},
    /* Its TLS 1.3 returns this for an empty Certificate message. */
    {MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE, "the peer showed no certificate"},
    {MBEDTLS_ERR_SSL_BAD_CERTIFICATE, "the peer's certificate is malformed"},
    {MBEDTLS_ERR_SSL_COUNTER_WRAPPING, "too many TLS records"},
    {MBEDTLS_ERR_X509_INVALID_EXTENSIONS + MBEDTLS_ERR_ASN1_UNEXPECTED_TAG,
     "certificate has an unknown critical extension"},
    {MBEDTLS_ERR_X509_INVALID_EXTENSIONS,
     "certificate has a malformed extension"},
    /* Only an iPAddress of another length than 4 or 16 comes to this. */
    {MBEDTLS_ERR_X509_BAD_INPUT_DATA,
     "certificate has a malformed subjectAltName"},
    {MBEDTLS_ERR_X509_FEATURE_UNAVAILABLE,
     "certificate has an extension this client has not"},
    {MBEDTLS_ERR_X509_UNKNOWN_OID, "certificate has an unknown algorithm"},
    {MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG, "certificate has an unknown algorithm"},
    {MBEDTLS_ERR_X509_UNKNOWN_VERSION, "certificate has an unknown version"},
    {MBEDTLS_ERR_X509_SIG_MISMATCH, "certificate names two algorithms"},
    {MBEDTLS_ERR_X509_INVALID_FORMAT, "malformed certificate"},
    {MBEDTLS_ERR_X509_INVALID_VERSION, "malformed certificate"},
    {MBEDTLS_ERR_X509_INVALID_SERIAL, "malformed certificate"},
    {MBEDTLS_ERR_X509_INVALID_ALG, "malformed certificate"},
    {MBEDTLS_ERR_X509_INVALID_NAME, "certificate with a malformed name"},
    {MBEDTLS_ERR_X509_INVALID_DATE, "certificate with a malformed date"},
    {MBEDTLS_ERR_X509_INVALID_SIGNATURE, "malformed certificate"},
    {MBEDTLS_ERR_X509_CERT_UNKNOWN_FORMAT, "malformed certificate"},
    {MBEDTLS_ERR_X509_FATAL_ERROR, "chain of certificates too long"},
    {MBEDTLS_ERR_PK_UNKNOWN_PK_ALG, "certificate has a key of unknown kind"},
    {MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE,
     "certificate has a key of unknown kind"},
    {MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE,
     "certificate has a key of unknown kind"},
    {MBEDTLS_ERR_PK_INVALID_PUBKEY, "certificate has a malformed key"},
    {MBEDTLS_ERR_PK_KEY_INVALID_FORMAT, "malformed key"},
    {MBEDTLS_ERR_PK_TYPE_MISMATCH, "the peer's key is of the wrong kind"},
    {MBEDTLS_ERR_RSA_VERIFY_FAILED, "the peer's signature is wrong"},
    {MBEDTLS_ERR_RSA_INVALID_PADDING, "the peer's signature is wrong"},
    {MBEDTLS_ERR_ECP_VERIFY_FAILED, "the peer's signature is wrong"},
    {MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED, "out of randomness"},
};

static const int memory_errors[] = {
    MBEDTLS_ERR_SSL_ALLOC_FAILED, MBEDTLS_ERR_X509_ALLOC_FAILED,
    MBEDTLS_ERR_PK_ALLOC_FAILED,  MBEDTLS_ERR_ECP_ALLOC_FAILED,
    MBEDTLS_ERR_MD_ALLOC_FAILED,  PSA_ERROR_INSUFFICIENT_MEMORY,
};

static const struct {
    uint8_t alert;
    const char *name;
} alerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {22, "record_overflow"},
    {40, "handshake_failure"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
};

bool
tls_reason_is_memory(int error)
{
    int detail = -error & DETAIL_MASK;

    for (size_t i = 0; i < sizeof(memory_errors) / sizeof(int); i++)
        if (error == memory_errors[i])
            return true;
    return detail == -MBEDTLS_ERR_ASN1_ALLOC_FAILED ||
           detail == -MBEDTLS_ERR_MPI_ALLOC_FAILED;
}

static const char *
error_text(int error)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (errors[i].error == error)
            return errors[i].text;
    return NULL;
}

void
tls_reason_error(struct buf *out, int error)
{
    const char *text = error_text(error);

    if (text == NULL && tls_reason_is_memory(error))
        text = "out of TLS memory";
    if (text == NULL)
        text = error_text(-(-error & ~DETAIL_MASK));
    if (text != NULL) {
        buf_put_text(out, text);
        return;
    }
    buf_put_text(out, "TLS error -0x");
    buf_put_hex(out, (uint64_t)-error & 0xffff, 4);
}

void
tls_reason_alert(struct buf *out, uint8_t alert)
{
    buf_put_text(out, "peer sent alert ");
    buf_put_number(out, alert, 0);
    for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
        if (alerts[i].alert == alert) {
            buf_put_text(out, " (");
            buf_put_text(out, alerts[i].name);
            buf_put_text(out, ")");
        }
    }
}

void
tls_reason_name(struct buf *out, struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        bool printable = name.data[i] > ' ' && name.data[i] < 0x7f;
        buf_put_byte(out, printable ? name.data[i] : '?');
    }
}

void
tls_reason_day(struct buf *out, struct tls_reason_day day)
{
    buf_put_number(out, (uint64_t)day.year, 4);
    buf_put_byte(out, '-');
    buf_put_number(out, (uint64_t)day.month, 2);
    buf_put_byte(out, '-');
    buf_put_number(out, (uint64_t)day.day, 2);
}
