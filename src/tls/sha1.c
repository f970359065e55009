/* SPDX-License-Identifier: ISC */
#include "tls/sha1.h"

#include <string.h>

#include "limits.h"

enum { STEPS = 80, ROUND_STEPS = 20 };

static const uint32_t constants[STEPS / ROUND_STEPS] = {0x5A827999, 0x6ED9EBA1,
                                                        0x8F1BBCDC, 0xCA62C1D6};

static uint32_t
turned(uint32_t word, uint32_t bits)
{
    return word << bits | word >> (32 - bits);
}

static uint32_t
mixed(uint32_t round, uint32_t b, uint32_t c, uint32_t d)
{
    if (round == 0)
        return (b & c) | (~b & d);
    if (round == 2)
        return (b & c) | (b & d) | (c & d);
    return b ^ c ^ d;
}

int
mbedtls_internal_sha1_process(mbedtls_sha1_context *ctx,
                              const unsigned char data[TLS_SHA1_BLOCK_SIZE])
{
    uint32_t *state = ctx->MBEDTLS_PRIVATE(state);
    uint32_t words[TLS_SHA1_WORDS] = {0}; /* the last 16 */
    uint32_t v[TLS_SHA1_STATE];           /* a to e */

    memcpy(v, state, sizeof(v));
    for (uint32_t t = 0; t < STEPS; t++) {
        uint32_t *w = &words[t % TLS_SHA1_WORDS];
        uint32_t round = t / ROUND_STEPS;
        uint32_t sum;

        if (t < TLS_SHA1_WORDS)
            for (uint32_t i = 0; i < sizeof(*w); i++)
                *w = *w << 8 | *data++;
        else
            *w = turned(words[(t + 13) % TLS_SHA1_WORDS] ^
                            words[(t + 8) % TLS_SHA1_WORDS] ^
                            words[(t + 2) % TLS_SHA1_WORDS] ^ *w,
                        1);
        sum = turned(v[0], 5) + mixed(round, v[1], v[2], v[3]) + v[4] + *w +
              constants[round];
        memmove(v + 1, v, sizeof(v) - sizeof(*v));
        v[2] = turned(v[2], 30);
        v[0] = sum;
    }
    for (uint32_t i = 0; i < TLS_SHA1_STATE; i++)
        state[i] += v[i];
    return 0;
}
