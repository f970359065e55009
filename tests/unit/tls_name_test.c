/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L

#include "tls/name.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"
#include "tls/trust.h"

#define DIRECTORY "/etc/ssl/certs"

enum { FILE_SIZE = 65536, PATH_SIZE = 512, HASH_DIGITS = 8 };

static struct tls_name_hash hash, other;

/* The Name `CN=text`, in any type of string. */
static struct slice
name_of(uint8_t type, struct slice text)
{
    static uint8_t data[256];
    struct buf out;

    buf_init(&out, data, sizeof(data));
    buf_put(&out, SLICE("\x30"));
    buf_put_byte(&out, (uint8_t)(text.size + 11));
    buf_put(&out, SLICE("\x31"));
    buf_put_byte(&out, (uint8_t)(text.size + 9));
    buf_put(&out, SLICE("\x30"));
    buf_put_byte(&out, (uint8_t)(text.size + 7));
    buf_put(&out, SLICE("\x06\x03\x55\x04\x03"));
    buf_put_byte(&out, type);
    buf_put_byte(&out, (uint8_t)text.size);
    buf_put(&out, text);
    return buf_slice(&out);
}

static bool
alike(uint8_t type, struct slice text, const char *canonical)
{
    return tls_name_hash(name_of(type, text), &hash) &&
           tls_name_hash(name_of(0x0c, slice_text(canonical)), &other) &&
           hash.file == other.file &&
           memcmp(hash.sha1, other.sha1, sizeof(hash.sha1)) == 0;
}

/* `openssl x509 -subject_hash` of certificates with these subjects. */
TEST(agrees_with_openssl)
{
    CHECK(tls_name_hash(name_of(0x13, SLICE("Root")), &hash));
    CHECK(hash.file == 0xdcaaf7f0);
    CHECK(tls_name_hash(name_of(0x0c, SLICE("  Big   ROOT \t ca ")), &hash));
    CHECK(hash.file == 0x41f67968);
    CHECK(tls_name_hash(name_of(0x0c, SLICE("\xc3\x9c"
                                            "ber Root")),
                        &hash));
    CHECK(hash.file == 0x5e64552d);
}

TEST(folds_case_and_space)
{
    CHECK(alike(0x13, SLICE("Big Root CA"), "big root ca"));
    CHECK(alike(0x13, SLICE("  Big \t\r\n Root\v\fCA  "), "big root ca"));
    CHECK(alike(0x13, SLICE("   "), ""));
    CHECK(!alike(0x13, SLICE("bigroot ca"), "big root ca"));
}

TEST(folds_types_of_strings)
{
    CHECK(alike(0x13, SLICE("Root"), "root"));
    CHECK(alike(0x16, SLICE("Root"), "root"));
    CHECK(alike(0x1a, SLICE("Root"), "root"));
    CHECK(alike(0x14, SLICE("R\xf6t"), "r\xc3\xb6t"));
    CHECK(alike(0x1e, SLICE("\0R\x20\xac\0T"), "r\xe2\x82\xact"));
    CHECK(alike(0x1c, SLICE("\0\1\xf6\0\0\0\0R"), "\xf0\x9f\x98\x80r"));
    /* only ASCII has a lower case here */
    CHECK(!alike(0x0c, SLICE("\xc3\x9c"), "\xc3\xbc"));
    /* NumericString is not in OpenSSL's list: its type counts */
    CHECK(!alike(0x12, SLICE("12"), "12"));
}

TEST(refuses_what_is_not_unicode)
{
    CHECK(!tls_name_hash(name_of(0x0c, SLICE("\xff")), &hash));
    CHECK(!tls_name_hash(name_of(0x0c, SLICE("\xc0\x80")), &hash));
    CHECK(!tls_name_hash(name_of(0x0c, SLICE("\xe0\x80\x80")), &hash));
    CHECK(!tls_name_hash(name_of(0x0c, SLICE("\xed\xa0\x80")), &hash));
    CHECK(!tls_name_hash(name_of(0x0c, SLICE("\xf4\x90\x80\x80")), &hash));
    CHECK(!tls_name_hash(name_of(0x0c, SLICE("\xc3")), &hash));
    CHECK(!tls_name_hash(name_of(0x1e, SLICE("\0R\0")), &hash));
    CHECK(!tls_name_hash(name_of(0x1e, SLICE("\xd8\0")), &hash));
    CHECK(!tls_name_hash(name_of(0x1c, SLICE("\0\x11\0\0")), &hash));
    CHECK(!tls_name_hash(name_of(0x1c, SLICE("\xff\0\0\1")), &hash));
}

TEST(sorts_a_part_of_two)
{
    /* OU=B + CN=a, in both orders; and OU=B, CN=a as two parts */
    static const char ab[] = "\x30\x18\x31\x16\x30\x09\x06\x03\x55\x04\x0b\x13"
                             "\x02"
                             "BB\x30\x09\x06\x03\x55\x04\x03\x13\x02"
                             "aa";
    static const char ba[] = "\x30\x18\x31\x16\x30\x09\x06\x03\x55\x04\x03\x13"
                             "\x02"
                             "AA\x30\x09\x06\x03\x55\x04\x0b\x13\x02"
                             "bb";
    static const char two[] = "\x30\x1a\x31\x0b\x30\x09\x06\x03\x55\x04\x0b\x13"
                              "\x02"
                              "BB\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x13\x02"
                              "aa";

    CHECK(tls_name_hash(slice_of(ab, sizeof(ab) - 1), &hash));
    CHECK(hash.file == 0xfe029cfe);
    CHECK(tls_name_hash(slice_of(ba, sizeof(ba) - 1), &other));
    CHECK(hash.file == other.file);
    CHECK(tls_name_hash(slice_of(two, sizeof(two) - 1), &other));
    CHECK(other.file == 0x57723d09);
}

TEST(bounds_a_name)
{
    static uint8_t data[2 * TLS_NAME_SIZE_MAX];
    struct buf out;

    for (size_t size = 900; size < 1100; size++) {
        struct slice name;
        buf_init(&out, data, sizeof(data));
        buf_put(&out, SLICE("\x30\x82"));
        buf_put_byte(&out, (uint8_t)((size + 17) >> 8));
        buf_put_byte(&out, (uint8_t)(size + 17));
        buf_put(&out, SLICE("\x31\x82"));
        buf_put_byte(&out, (uint8_t)((size + 13) >> 8));
        buf_put_byte(&out, (uint8_t)(size + 13));
        buf_put(&out, SLICE("\x30\x82"));
        buf_put_byte(&out, (uint8_t)((size + 9) >> 8));
        buf_put_byte(&out, (uint8_t)(size + 9));
        buf_put(&out, SLICE("\x06\x03\x55\x04\x03\x0c\x82"));
        buf_put_byte(&out, (uint8_t)(size >> 8));
        buf_put_byte(&out, (uint8_t)size);
        while (out.used < size + 21)
            buf_put_byte(&out, 'a');
        name = buf_slice(&out);
        CHECK(tls_name_hash(name, &hash) == (size + 17 <= TLS_NAME_SIZE_MAX));
    }
}

/* The whole of a file of a directory of certificates; 0: not to be read. */
static size_t
file_read(const char *name, uint8_t *data, size_t size)
{
    char path[PATH_SIZE];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", DIRECTORY, name);
    file = fopen(path, "r");
    if (file == NULL)
        return 0;
    size = fread(data, 1, size, file);
    fclose(file);
    return size;
}

TEST(agrees_with_the_names_of_the_system)
{
    static struct tls_trust trust;
    static uint8_t data[FILE_SIZE];
    DIR *directory = opendir(DIRECTORY);
    struct dirent *entry;
    size_t count = 0;

    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        struct slice chunk, der, subject;
        char *end;
        unsigned long expected = strtoul(entry->d_name, &end, 16);

        if (end != entry->d_name + HASH_DIGITS || *end != '.')
            continue;
        chunk = slice_of(data, file_read(entry->d_name, data, sizeof(data)));
        tls_trust_init(&trust);
        CHECK(tls_trust_feed(&trust, &chunk, &der));
        CHECK(tls_name_subject(der, &subject));
        CHECK(tls_name_hash(subject, &hash));
        CHECK(hash.file == expected);
        count++;
    }
    closedir(directory);
    CHECK(count > 0);
}

#define CASES(X)                   \
    X(agrees_with_openssl)         \
    X(folds_case_and_space)        \
    X(folds_types_of_strings)      \
    X(refuses_what_is_not_unicode) \
    X(sorts_a_part_of_two)         \
    X(bounds_a_name)

int
main(void)
{
    bool any_failed = false;

    CASES(TEST_RUN)
    if (access(DIRECTORY "/ca-certificates.crt", R_OK) == 0) {
        TEST_RUN(agrees_with_the_names_of_the_system)
    } else {
        puts("skip agrees_with_the_names_of_the_system: no " DIRECTORY);
    }
    return any_failed ? 1 : 0;
}
