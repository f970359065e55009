/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"

#include "test.h"

/* RFC 3629 section 3, the other way round; 0: it has no sequence. */
static size_t
encode(uint32_t point, uint8_t out[static 4])
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (uint8_t)(0xc0 | point >> 6);
        out[1] = (uint8_t)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (uint8_t)(0xe0 | point >> 12);
        out[1] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (point & 0x3f));
        return point >= 0xd800 && point < 0xe000 ? 0 : 3;
    }
    out[0] = (uint8_t)(0xf0 | point >> 18);
    out[1] = (uint8_t)(0x80 | (point >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (point & 0x3f));
    return 4;
}

TEST(every_character_is_read)
{
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        uint8_t bytes[4];
        uint32_t got = 0;
        size_t size = encode(point, bytes);

        if (size == 0)
            continue;
        CHECK(utf8_take(slice_of(bytes, size), &got) == size && got == point);
        for (size_t cut = 1; cut < size; cut++)
            CHECK(utf8_take(slice_of(bytes, cut), &got) == 0);
    }
}

/* Of all that four bytes can be, the last of which is 0xbf. */
TEST(nothing_else_is)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < 0x1000000; i++) {
        uint8_t bytes[] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i,
                           0xbf};
        uint32_t point = 0;
        uint8_t back[4];
        size_t size = utf8_take(slice_of(bytes, sizeof(bytes)), &point);

        if (size == 0)
            continue;
        CHECK(encode(point, back) == size && memcmp(back, bytes, size) == 0);
        count += size == 4;
    }
    CHECK(count == 0x100000 / 64);
}

TEST(text_is_sequences_without_controls_of_8_bits)
{
    CHECK(utf8_is_text(SLICE("")));
    CHECK(utf8_is_text(SLICE("a\n\x7f")));
    CHECK(utf8_is_text(SLICE("\xc2\xa0\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7")));
    for (int i = 0x80; i < 0xa0; i++) {
        uint8_t bytes[] = {'a', 0xc2, (uint8_t)i, 'b'};

        CHECK(!utf8_is_text(slice_of(bytes, sizeof(bytes))));
    }
    CHECK(!utf8_is_text(SLICE("a\xc3")));
    CHECK(!utf8_is_text(SLICE("\xbc"
                              "a")));
    CHECK(!utf8_is_text(SLICE("\xc0\x80")));
    CHECK(!utf8_is_text(SLICE("\xe0\x9f\xbf")));
    CHECK(!utf8_is_text(SLICE("\xed\xa0\x80")));
    CHECK(!utf8_is_text(SLICE("\xf4\x90\x80\x80")));
    CHECK(!utf8_is_text(SLICE("\xf8\x88\x80\x80\x80")));
}

#define CASES(X)               \
    X(every_character_is_read) \
    X(nothing_else_is)         \
    X(text_is_sequences_without_controls_of_8_bits)

TEST_MAIN(CASES)
