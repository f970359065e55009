/* SPDX-License-Identifier: ISC */
#include "tls/sha1.h"

#include <string.h>

#include "limits.h"
#include "test.h"

enum { MESSAGE_SIZE = 300 };

static uint8_t found[TLS_SHA1_SIZE];

static bool
has_digest(const void *data, size_t size, const char *digest)
{
    return mbedtls_sha1(data, size, found) == 0 &&
           memcmp(found, digest, sizeof(found)) == 0;
}

/* RFC 3174 section 7.3, the first two; and of nothing. */
TEST(agrees_with_the_standard)
{
    CHECK(has_digest("abc", 3,
                     "\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e"
                     "\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d"));
    CHECK(has_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnop"
                     "nopq",
                     56,
                     "\x84\x98\x3e\x44\x1c\x3b\xd2\x6e\xba\xae"
                     "\x4a\xa1\xf9\x51\x29\xe5\xe5\x46\x70\xf1"));
    CHECK(has_digest("", 0,
                     "\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55"
                     "\xbf\xef\x95\x60\x18\x90\xaf\xd8\x07\x09"));
}

/* Octets 0, 7, 14 ... of every length up to some blocks, each digest hashed
 * with the next; the last one as Python's hashlib has it. */
TEST(agrees_at_every_length)
{
    static const char last[] = "\xec\xa3\x5d\x9b\x7a\x16\x57\xd8\xd3\x5f"
                               "\xb8\xc5\x77\xcb\x5a\xc5\x11\xbe\x28\x94";
    uint8_t message[MESSAGE_SIZE + TLS_SHA1_SIZE] = {0};

    memset(found, 0, sizeof(found));
    for (size_t size = 0; size <= MESSAGE_SIZE; size++) {
        for (size_t i = 0; i < size; i++)
            message[i] = (uint8_t)(i * 7);
        memcpy(message + size, found, sizeof(found));
        CHECK(mbedtls_sha1(message, size + sizeof(found), found) == 0);
    }
    CHECK(memcmp(found, last, sizeof(found)) == 0);
}

#define CASES(X)                \
    X(agrees_with_the_standard) \
    X(agrees_at_every_length)

TEST_MAIN(CASES)
