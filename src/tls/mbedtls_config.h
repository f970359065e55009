/* SPDX-License-Identifier: ISC */
/*
 * mbedTLS 3.6 cut down to what a mail client needs: TLS 1.2 and 1.3 as a
 * client, AEAD suites with ephemeral keys, X.509 verification, memory from
 * one static arena, nothing of the operating system. What is not named here
 * is off. src/tls/glue.c has the functions declared at the end.
 */
#ifndef TLS_MBEDTLS_CONFIG_H
#define TLS_MBEDTLS_CONFIG_H

#include <stddef.h>
#include <stdint.h>

/* ---- platform: no libc, no clock, no entropy source of its own ---- */

#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY /* calloc and free are those of arena.c */
#define MBEDTLS_PLATFORM_NO_STD_FUNCTIONS
#define MBEDTLS_PLATFORM_EXIT_MACRO tls_glue_exit /* in vain */
#define MBEDTLS_PLATFORM_SNPRINTF_MACRO tls_glue_snprintf

#define MBEDTLS_HAVE_TIME
#define MBEDTLS_HAVE_TIME_DATE /* certificates expire */
#define MBEDTLS_PLATFORM_TIME_TYPE_MACRO int64_t
#define MBEDTLS_PLATFORM_TIME_MACRO tls_glue_time
#define MBEDTLS_PLATFORM_MS_TIME_ALT  /* mbedtls_ms_time() is in glue.c */
#define MBEDTLS_PLATFORM_GMTIME_R_ALT /* libc's pulls in time zones */

#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG /* random bytes come from glue.c: */
#define MBEDTLS_CTR_DRBG_C /* a generator seeded with bytes handed in */

/* ---- machine code: smaller and faster than portable bignum ---- */

#define MBEDTLS_HAVE_ASM
#if defined(__x86_64__) || defined(__i386__)
#define MBEDTLS_AESNI_C /* used where the CPU has it: 2.5 times the speed */
#endif
#if defined(__aarch64__)
#define MBEDTLS_AESCE_C
#endif

/* A limb in 9 instructions where mbedTLS's own takes 14, which it leaves out
 * where there is no __mips__: a tenth of a verified handshake. */
#if defined(__mips__) && defined(__mips_isa_rev) && !defined(__mips64) && \
    !defined(__mips16) && __mips_isa_rev < 6
#undef __mips__
#define MULADDC_X1_INIT
#define MULADDC_X1_CORE                                  \
    {                                                    \
        mbedtls_mpi_uint low;                            \
        __asm__("mtlo %0\n\tmthi $0\n\tmaddu %2, %3\n\t" \
                "maddu %4, %5\n\tmflo %1\n\tmfhi %0"     \
                : "+r"(c), "=&r"(low)                    \
                : "r"(*s), "r"(b), "r"(*d), "r"(1)       \
                : "hi", "lo");                           \
        s++;                                             \
        *d++ = low;                                      \
    }
#define MULADDC_X1_STOP
#endif

/* ---- PSA: TLS 1.3 is built on it; psa_config.h says which parts. Certificates
 * and TLS 1.2 go without (USE_PSA_CRYPTO), which is 6.6 KB less ---- */

#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_PSA_CRYPTO_CONFIG
#define MBEDTLS_PSA_CRYPTO_CONFIG_FILE "tls/psa_config.h"
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS /* one thread, no enclave */
#define MBEDTLS_PSA_KEY_SLOT_COUNT 8         /* of .bss; one session */

/* ---- ciphers: AES-GCM and ChaCha20-Poly1305 only ---- */

#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES   /* in .rodata, shared and not written */
#define MBEDTLS_AES_FEWER_TABLES /* 6 KB less, costs 10 % without AES-NI */
#define MBEDTLS_BLOCK_CIPHER_NO_DECRYPT /* GCM and CTR only encrypt blocks */
#define MBEDTLS_CIPHER_C
#define MBEDTLS_GCM_C
#define MBEDTLS_CHACHA20_C
#define MBEDTLS_POLY1305_C
#define MBEDTLS_CHACHAPOLY_C

/* ---- public keys: RSA up to 4096, P-256, P-384, X25519 ---- */

#define MBEDTLS_BIGNUM_C
#define MBEDTLS_MPI_MAX_SIZE 512 /* bytes: RSA-4096 */
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C /* also for control/clientkey */
#define MBEDTLS_PK_WRITE_C

/* ---- hashes ---- */

#define MBEDTLS_MD_C
#define MBEDTLS_SHA1_C /* 30 of the common roots sign themselves with it; */
                       /* the certificate profile still refuses it */
#define MBEDTLS_SHA1_PROCESS_ALT /* sha1.c: 4 KB less */
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA256_SMALLER /* 3 KB less; a handshake hashes little */
#define MBEDTLS_SHA512_SMALLER
#define MBEDTLS_SHA384_C
#define MBEDTLS_SHA512_C
#define MBEDTLS_HKDF_C

/* ---- certificates ---- */

#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_OID_C
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT
#define MBEDTLS_X509_REMOVE_INFO /* no printing of certificates */

/* ---- the protocol ---- */

#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_SESSION_TICKETS /* resume.c writes and reads sessions */
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE /* middleboxes */
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE /* TLS 1.3 fails without; and the */
                                          /* chain is verified afterwards */
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_IN_CONTENT_LEN 16384 /* a peer may send full records */
#define MBEDTLS_SSL_OUT_CONTENT_LEN \
    16384 /* SMTP_SECURE_TX_SIZE: a fifth less CPU than 4 KB */

/* ---- what glue.c provides in the place of libc ---- */

int64_t tls_glue_time(int64_t *now);
void tls_glue_exit(int status);
int tls_glue_snprintf(char *out, size_t out_size, const char *format, ...);

/* ---- which cipher is the faster one here: tls.c orders them by it ---- */

#if defined(MBEDTLS_AESNI_C)
int mbedtls_aesni_has_support(unsigned int what);
#define TLS_AES_IN_HARDWARE() (mbedtls_aesni_has_support(0x02000000) != 0)
#elif defined(MBEDTLS_AESCE_C)
int mbedtls_aesce_has_support_impl(void);
#define TLS_AES_IN_HARDWARE() (mbedtls_aesce_has_support_impl() != 0)
#else
#define TLS_AES_IN_HARDWARE() 0
#endif

#endif
