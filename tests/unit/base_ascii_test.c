/* SPDX-License-Identifier: ISC */
#include "base/ascii.h"

#include "test.h"

/* Whether `text` is a number up to `max`; *out is left alone if not. */
static bool
reads(const char *text, uint64_t max, uint64_t expected)
{
    uint64_t value = 77;

    return ascii_number(slice_text(text), max, &value) && value == expected;
}

static bool
refuses(const char *text, uint64_t max)
{
    uint64_t value = 77;

    return !ascii_number(slice_text(text), max, &value) && value == 77;
}

TEST(classes_of_all_bytes)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (int i = 0; i <= UINT8_MAX; i++) {
        uint8_t byte = (uint8_t)i;
        const char *low = i ? strchr(lower, i) : NULL;
        const char *up = i ? strchr(upper, i) : NULL;

        CHECK(ascii_alpha(byte) == (low || up));
        CHECK(ascii_lower(byte) == (up ? (uint8_t)lower[up - upper] : byte));
        CHECK(ascii_digit(byte) == (i && strchr("0123456789", i)));
        CHECK(ascii_space(byte) == (i && strchr(" \t\r\n", i)));
        CHECK(ascii_control(byte) == (i < 32 || i == 127));
    }
}

TEST(hex_digits)
{
    static const char digits[] = "0123456789abcdef";
    int count = 0;

    for (int i = 0; i <= UINT8_MAX; i++) {
        uint8_t value = ascii_hex((uint8_t)i);

        if (value == 0xff)
            continue;
        count++;
        CHECK(value < 16);
        CHECK(ascii_lower((uint8_t)i) == digits[value]);
    }
    CHECK(count == 22);
}

TEST(one_byte_makes_it_other_than_ascii)
{
    uint8_t bytes[3] = {'a', 0, 'c'};

    CHECK(ascii_is(SLICE("")));
    for (int i = 0; i <= UINT8_MAX; i++) {
        bytes[1] = (uint8_t)i;
        CHECK(ascii_is(slice_of(bytes, sizeof(bytes))) == (i < 0x80));
    }
    CHECK(!ascii_is(SLICE("\x80")) && !ascii_is(SLICE("abc\xff")));
}

TEST(reads_numbers)
{
    CHECK(reads("0", 0, 0));
    CHECK(reads("000", 0, 0));
    CHECK(reads("007", 7, 7));
    CHECK(reads("65535", UINT16_MAX, 65535));
    CHECK(reads("0000000000000000000000000000065535", UINT16_MAX, 65535));
    CHECK(reads("18446744073709551615", UINT64_MAX, UINT64_MAX));
}

TEST(refuses_what_is_no_number)
{
    CHECK(refuses("", 9));
    CHECK(refuses("-1", 9));
    CHECK(refuses("+1", 9));
    CHECK(refuses(" 1", 9));
    CHECK(refuses("1 ", 9));
    CHECK(refuses("1.0", 99));
    CHECK(refuses("0x1", 99));
    CHECK(refuses("/", 9));
    CHECK(refuses(":", 99));
    CHECK(refuses("\xb1", UINT64_MAX));
}

TEST(refuses_what_is_over_max)
{
    CHECK(refuses("1", 0));
    CHECK(refuses("8", 7));
    CHECK(refuses("10", 9));
    CHECK(refuses("65536", UINT16_MAX));
    CHECK(refuses("99999", UINT16_MAX));
    CHECK(refuses("18446744073709551616", UINT64_MAX));
    CHECK(refuses("18446744073709551620", UINT64_MAX));
    CHECK(refuses("28446744073709551615", UINT64_MAX));
    CHECK(refuses("184467440737095516150", UINT64_MAX));
    CHECK(refuses("99999999999999999999999999999999", UINT64_MAX));
}

/* Every value near every small bound, by comparison. */
TEST(the_bound_is_exact)
{
    for (uint64_t max = 0; max <= 120; max++)
        for (uint64_t value = 0; value <= 130; value++) {
            char text[ASCII_NUMBER_SIZE_MAX + 1];

            snprintf(text, sizeof(text), "%u", (unsigned)value);
            CHECK(value <= max ? reads(text, max, value) : refuses(text, max));
        }
}

#define CASES(X)                          \
    X(classes_of_all_bytes)               \
    X(hex_digits)                         \
    X(one_byte_makes_it_other_than_ascii) \
    X(reads_numbers)                      \
    X(refuses_what_is_no_number)          \
    X(refuses_what_is_over_max)           \
    X(the_bound_is_exact)

TEST_MAIN(CASES)
