/* SPDX-License-Identifier: ISC */
#include "base/slice.h"

#include "limits.h"
#include "test.h"

enum { ROOM = 8 };

static bool
is(struct slice s, const char *text)
{
    return slice_equal(s, slice_text(text));
}

/* What a number looks like in a buffer of `room` bytes; "full" if not. */
static bool
number_is(uint64_t number, uint32_t width, const char *text)
{
    uint8_t bytes[ASCII_NUMBER_SIZE_MAX];
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    buf_put_number(&b, number, width);
    return !b.full && is(buf_slice(&b), text);
}

TEST(a_part_is_clipped_to_the_slice)
{
    struct slice s = SLICE("abcdef");

    CHECK(is(slice_part(s, 0, 6), "abcdef"));
    CHECK(is(slice_part(s, 1, 3), "bc"));
    CHECK(is(slice_part(s, 2, 2), ""));
    CHECK(is(slice_part(s, 4, 100), "ef"));
    CHECK(is(slice_part(s, 4, SIZE_MAX), "ef"));
    CHECK(is(slice_part(s, 6, 7), ""));
    CHECK(is(slice_part(s, 7, 9), ""));
    CHECK(is(slice_part(s, SIZE_MAX, SIZE_MAX), ""));
    CHECK(is(slice_part(s, 5, 2), ""));
    CHECK(slice_part(slice_of(NULL, 0), 0, 5).size == 0);
    CHECK(slice_part(slice_of(NULL, 0), 3, 5).size == 0);
}

TEST(a_literal_may_hold_nul)
{
    CHECK(SLICE("a\0b").size == 3);
    CHECK(SLICE("").size == 0);
    CHECK(slice_text("a\0b").size == 1);
    CHECK(!slice_equal(SLICE("a\0b"), SLICE("a\0c")));
    CHECK(slice_find(SLICE("a\0b"), 0) == 1);
    CHECK(slice_find(SLICE("a\0b"), 'b') == 2);
}

TEST(compares)
{
    CHECK(slice_equal(slice_of(NULL, 0), SLICE("")));
    CHECK(slice_equal_nocase(slice_of(NULL, 0), SLICE("")));
    CHECK(slice_equal(SLICE("aB"), SLICE("aB")));
    CHECK(!slice_equal(SLICE("aB"), SLICE("ab")));
    CHECK(!slice_equal(SLICE("a"), SLICE("ab")));
    CHECK(!slice_equal(SLICE("ab"), SLICE("a")));
    CHECK(slice_equal_nocase(SLICE("aBz"), SLICE("AbZ")));
    CHECK(!slice_equal_nocase(SLICE("a"), SLICE("ab")));
    /* Neighbours of the letters are no letters: 0x20 apart, not alike. */
    CHECK(!slice_equal_nocase(SLICE("@"), SLICE("`")));
    CHECK(!slice_equal_nocase(SLICE("["), SLICE("{")));
    CHECK(!slice_equal_nocase(SLICE("\xc1"), SLICE("\xe1")));
}

TEST(finds_the_first)
{
    CHECK(slice_find(SLICE("abcb"), 'b') == 1);
    CHECK(slice_find(SLICE("abcb"), 'x') == 4);
    CHECK(slice_find(slice_of(NULL, 0), 'x') == 0);
    CHECK(slice_find(slice_part(SLICE("abc"), 0, 2), 'c') == 2);
    CHECK(slice_find(SLICE("a\xff"), 0xff) == 1);
}

TEST(strips_white_space)
{
    CHECK(is(slice_chomp(SLICE(" a b \t\r\n")), " a b"));
    CHECK(is(slice_chomp(SLICE(" \t\r\n ")), ""));
    CHECK(is(slice_chomp(SLICE("a\v")), "a\v"));
    CHECK(is(slice_chomp(slice_of("a\0", 2)), "a") == false);
    CHECK(slice_chomp(slice_of(NULL, 0)).size == 0);
    CHECK(is(slice_trim(SLICE("\n\t a b \r")), "a b"));
    CHECK(is(slice_trim(SLICE(" \t ")), ""));
    CHECK(slice_trim(slice_of(NULL, 0)).size == 0);
}

TEST(a_put_that_does_not_fit_writes_nothing)
{
    uint8_t bytes[ROOM + 1] = {0};
    struct buf b;

    bytes[ROOM] = 0xaa;
    buf_init(&b, bytes, ROOM);
    CHECK(buf_room(&b) == ROOM && !b.full);
    buf_put_text(&b, "abcde");
    CHECK(buf_room(&b) == 3);
    buf_put_text(&b, "fghi");
    CHECK(b.full && is(buf_slice(&b), "abcde") && bytes[5] == 0);
    /* Sticky, though this one fits. */
    buf_put_text(&b, "fgh");
    CHECK(b.full && is(buf_slice(&b), "abcdefgh"));
    CHECK(buf_room(&b) == 0 && bytes[ROOM] == 0xaa);
    buf_reset(&b);
    CHECK(!b.full && buf_room(&b) == ROOM && buf_slice(&b).size == 0);
}

TEST(puts_to_the_last_byte)
{
    uint8_t bytes[ROOM];
    struct buf b;

    buf_init(&b, bytes, ROOM);
    for (int i = 0; i < ROOM; i++)
        buf_put_byte(&b, (uint8_t)('a' + i));
    CHECK(!b.full && is(buf_slice(&b), "abcdefgh"));
    buf_put(&b, SLICE(""));
    CHECK(!b.full);
    buf_put(&b, slice_of(NULL, 0));
    CHECK(!b.full);
    buf_put_byte(&b, 'i');
    CHECK(b.full && is(buf_slice(&b), "abcdefgh"));
}

TEST(holds_nothing_without_memory)
{
    struct buf b;

    buf_init(&b, NULL, 0);
    buf_put(&b, SLICE(""));
    CHECK(!b.full && buf_room(&b) == 0);
    buf_put_byte(&b, 'a');
    CHECK(b.full && b.used == 0);
}

TEST(a_huge_size_does_not_wrap)
{
    uint8_t bytes[ROOM];
    struct buf b;
    struct cursor c;

    buf_init(&b, bytes, ROOM);
    buf_put_text(&b, "abc");
    buf_put(&b, slice_of("", SIZE_MAX - 1));
    CHECK(b.full && b.used == 3);
    cursor_init(&c, SLICE("abc"));
    CHECK(cursor_take(&c, SIZE_MAX).size == 0);
    CHECK(c.bad);
}

TEST(prints_numbers)
{
    CHECK(number_is(0, 0, "0"));
    CHECK(number_is(0, 1, "0"));
    CHECK(number_is(7, 3, "007"));
    CHECK(number_is(1234, 3, "1234"));
    CHECK(number_is(10, 1, "10"));
    CHECK(number_is(UINT64_MAX, 1, "18446744073709551615"));
    CHECK(number_is(1, ASCII_NUMBER_SIZE_MAX, "00000000000000000001"));
}

TEST(a_number_in_hexadecimal)
{
    uint8_t bytes[ASCII_NUMBER_SIZE_MAX];
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    buf_put_hex(&b, 0, 1);
    buf_put_hex(&b, 0xa, 2);
    buf_put_hex(&b, 0xdead, 1);
    CHECK(is(buf_slice(&b), "00adead"));
    buf_reset(&b);
    buf_put_hex(&b, UINT64_MAX, 1);
    CHECK(is(buf_slice(&b), "ffffffffffffffff"));
    buf_reset(&b);
    buf_put_hex(&b, 0x1f, 8);
    CHECK(is(buf_slice(&b), "0000001f"));
}

TEST(a_number_that_does_not_fit_is_not_cut)
{
    uint8_t bytes[ROOM];
    struct buf b;

    buf_init(&b, bytes, ROOM);
    buf_put_number(&b, 123456789, 1);
    CHECK(b.full && b.used == 0);
    buf_reset(&b);
    buf_put_number(&b, 12345678, 1);
    CHECK(!b.full && b.used == ROOM);
}

TEST(puts_in_network_order)
{
    uint8_t bytes[ROOM];
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    buf_put_network(&b, 0xfedcba98, 4);
    buf_put_network(&b, 0xffff4142, 2);
    buf_put_network(&b, 0xff, 0);
    CHECK(!b.full && is(buf_slice(&b), "\xfe\xdc\xba\x98\x41\x42"));
    buf_put_network(&b, 1, 3); /* not even the two that fit */
    CHECK(b.full && b.used == 6);
}

TEST(reads_in_network_order)
{
    struct cursor c;

    cursor_init(&c, SLICE("\x01\x82\x03\xff\xfe\xfd\xfc\x09"));
    CHECK(cursor_u8(&c) == 0x01);
    CHECK(cursor_u16(&c) == 0x8203);
    CHECK(cursor_u32(&c) == 0xfffefdfc);
    CHECK(is(cursor_take(&c, 0), ""));
    CHECK(is(cursor_take(&c, 1), "\x09"));
    CHECK(!c.bad && c.rest.size == 0);
    CHECK(is(cursor_take(&c, 0), ""));
    CHECK(!c.bad);
}

TEST(a_short_take_returns_0_and_stays_bad)
{
    struct cursor c;

    for (size_t size = 0; size < 4; size++) {
        cursor_init(&c, slice_part(SLICE("\xff\xff\xff\xff"), 0, size));
        CHECK(cursor_u32(&c) == 0 && c.bad);
    }
    cursor_init(&c, SLICE("\xff"));
    CHECK(cursor_u16(&c) == 0 && c.bad);
    CHECK(cursor_u8(&c) == 0);
    CHECK(cursor_take(&c, 1).size == 0 && cursor_take(&c, 0).size == 0);
    CHECK(c.bad);
    cursor_init(&c, slice_of(NULL, 0));
    CHECK(!c.bad && cursor_u8(&c) == 0 && c.bad);
}

#define CASES(X)                              \
    X(a_part_is_clipped_to_the_slice)         \
    X(a_literal_may_hold_nul)                 \
    X(compares)                               \
    X(finds_the_first)                        \
    X(strips_white_space)                     \
    X(a_put_that_does_not_fit_writes_nothing) \
    X(puts_to_the_last_byte)                  \
    X(holds_nothing_without_memory)           \
    X(a_huge_size_does_not_wrap)              \
    X(prints_numbers)                         \
    X(a_number_in_hexadecimal)                \
    X(a_number_that_does_not_fit_is_not_cut)  \
    X(puts_in_network_order)                  \
    X(reads_in_network_order)                 \
    X(a_short_take_returns_0_and_stays_bad)

TEST_MAIN(CASES)
