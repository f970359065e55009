/* SPDX-License-Identifier: ISC */
#include "smtp/reply.h"

#include "test.h"

enum { LONG_SIZE = 1 << 20, SPLIT_SIZE_MAX = 80 };

static struct smtp_reply r;
static uint8_t bytes[LONG_SIZE];

/* Feeds one reply in pieces of `piece` bytes; returns the bytes it took. */
static size_t
feed(struct slice s, size_t piece)
{
    size_t used = 0;

    smtp_reply_init(&r);
    while (used < s.size) {
        struct slice part = slice_part(s, used, used + piece);
        size_t n = smtp_reply_rx(&r, part);

        used += n;
        if (r.state == SMTP_REPLY_END || r.state == SMTP_REPLY_BAD)
            break;
    }
    return used;
}

/* Whatever the pieces, `s` is one whole reply. */
static bool
reads(struct slice s, uint32_t code, uint32_t line_count, const char *text)
{
    for (size_t piece = 1; piece <= s.size + 1; piece++)
        if (feed(s, piece) != s.size || r.state != SMTP_REPLY_END ||
            r.code != code || r.line_count != line_count ||
            !slice_equal(buf_slice(&r.text), slice_text(text)))
            return false;
    return true;
}

#define READS(literal, code, line_count, text) \
    reads(SLICE(literal), code, line_count, text)

/* Whatever the pieces, `s` is a protocol error, and stays one. */
static bool
is_bad(struct slice s)
{
    for (size_t piece = 1; piece <= s.size + 1; piece++) {
        (void)feed(s, piece);
        if (r.state != SMTP_REPLY_BAD)
            return false;
        if (smtp_reply_rx(&r, SLICE("250 ok\r\n")) != 0 ||
            r.state != SMTP_REPLY_BAD)
            return false;
    }
    return true;
}

#define BAD(literal) is_bad(SLICE(literal))

TEST(reads_one_line)
{
    CHECK(READS("250 ok\r\n", 250, 1, "250 ok\n"));
    CHECK(READS("220 mx.example ESMTP\r\n", 220, 1, "220 mx.example ESMTP\n"));
    CHECK(READS("599 x\r\n", 599, 1, "599 x\n"));
    CHECK(READS("200 x\r\n", 200, 1, "200 x\n"));
    CHECK(READS("250  \r\n", 250, 1, "250  \n"));
}

TEST(reads_many_lines)
{
    CHECK(READS("250-a\r\n250-\r\n250 b\r\n", 250, 3, "250-a\n250-\n250 b\n"));
    CHECK(READS("250-a\r\n250\r\n", 250, 2, "250-a\n250\n"));
}

/* CVE-2020-8794: a multi-line reply whose last line has nothing at all. */
TEST(reads_lines_without_text)
{
    CHECK(READS("553-\r\n553\r\n", 553, 2, "553-\n553\n"));
    CHECK(READS("250\r\n", 250, 1, "250\n"));
    CHECK(READS("250 \r\n", 250, 1, "250 \n"));
    CHECK(READS("250-\n250-\n250\n", 250, 3, "250-\n250-\n250\n"));
}

TEST(a_bare_lf_ends_a_line)
{
    CHECK(READS("250 ok\n", 250, 1, "250 ok\n"));
    CHECK(READS("250\n", 250, 1, "250\n"));
    CHECK(READS("250-a\n250 b\r\n", 250, 2, "250-a\n250 b\n"));
}

/* As many as there are: some servers end a line twice. */
TEST(crs_before_a_lf_go_with_it)
{
    CHECK(READS("250 ok\r\r\n", 250, 1, "250 ok\n"));
    CHECK(READS("550\r\r\n", 550, 1, "550\n"));
    CHECK(READS("550 \r\r\r\r\n", 550, 1, "550 \n"));
    CHECK(
        READS("250-a\r\r\n250-\r\r\n250\r\r\n", 250, 3, "250-a\n250-\n250\n"));
}

TEST(a_cr_ends_no_line)
{
    CHECK(READS("250 a\rb\r\n", 250, 1, "250 ab\n"));
    CHECK(READS("250 a\r250 b\r\n", 250, 1, "250 a250 b\n"));
    CHECK(READS("250-a\r550 b\r\n250 c\r\n", 250, 2, "250-a550 b\n250 c\n"));
    CHECK(READS("250 \r\rb\r\n", 250, 1, "250 b\n"));
    (void)feed(SLICE("250 a\r"), 1);
    CHECK(r.state == SMTP_REPLY_MORE);
}

TEST(a_cr_within_the_code_is_wrong)
{
    CHECK(BAD("\r250 ok\r\n"));
    CHECK(BAD("2\r50 ok\r\n"));
    CHECK(BAD("25\r0 ok\r\n"));
    CHECK(BAD("250\rok\r\n"));
    CHECK(BAD("250\r ok\r\n"));
    CHECK(BAD("250\r\r ok\r\n"));
    CHECK(BAD("250\r\tok\r\n"));
    CHECK(BAD("250\r-ok\r\n250 ok\r\n"));
    CHECK(BAD("25\r\r\n"));
    CHECK(BAD("\r\n"));
    CHECK(BAD("\r\r\n"));
}

TEST(a_tab_may_follow_the_code)
{
    CHECK(READS("550\tno such user\r\n", 550, 1, "550\tno such user\n"));
    CHECK(READS("550\t\r\n", 550, 1, "550\t\n"));
    CHECK(READS("250-a\r\n250\t-b\r\n", 250, 2, "250-a\n250\t-b\n"));
}

TEST(refuses_what_is_no_code)
{
    CHECK(BAD("\n"));
    CHECK(BAD("2\r\n"));
    CHECK(BAD("25\r\n"));
    CHECK(BAD("25 ok\r\n"));
    CHECK(BAD("25-ok\r\n"));
    CHECK(BAD("2500 ok\r\n"));
    CHECK(BAD("2500\r\n"));
    CHECK(BAD("250a\r\n"));
    CHECK(BAD("25\tok\r\n"));
    CHECK(BAD("250\vok\r\n"));
    CHECK(BAD("250.ok\r\n"));
    CHECK(BAD("250_ok\r\n"));
    CHECK(BAD(" 250 ok\r\n"));
    CHECK(BAD("-50 ok\r\n"));
    CHECK(BAD("+50 ok\r\n"));
    CHECK(BAD("25o ok\r\n"));
    CHECK(BAD("2:0 ok\r\n"));
    CHECK(BAD("2/0 ok\r\n"));
    CHECK(BAD("0x2 ok\r\n"));
    CHECK(BAD("ok\r\n"));
    CHECK(BAD("\xb2\xb5\xb0 ok\r\n"));
    CHECK(BAD("EHLO x\r\n"));
    CHECK(BAD("\x16\x03\x01\x02"));
    CHECK(is_bad(SLICE("250\0ok\r\n")));
    CHECK(is_bad(SLICE("25\0 ok\r\n")));
}

TEST(refuses_codes_outside_200_to_599)
{
    for (int code = 0; code <= 999; code++) {
        char text[SPLIT_SIZE_MAX];
        size_t size = (size_t)snprintf(text, sizeof(text), "%03d ok\r\n", code);
        bool fine = code >= 200 && code <= 599;

        (void)feed(slice_of(text, size), 1);
        CHECK(r.state == (fine ? SMTP_REPLY_END : SMTP_REPLY_BAD));
        CHECK(!fine || r.code == (uint32_t)code);
    }
    CHECK(BAD("100-x\r\n250 ok\r\n"));
}

TEST(the_last_code_counts)
{
    CHECK(READS("220-a\r\n521 b\r\n", 521, 2, "220-a\n521 b\n"));
    CHECK(READS("250-a\r\n251 b\r\n", 251, 2, "250-a\n251 b\n"));
    CHECK(READS("354-a\r\n250 b\r\n", 250, 2, "354-a\n250 b\n"));
    CHECK(
        READS("250-a\r\n250-b\r\n421 c\r\n", 421, 3, "250-a\n250-b\n421 c\n"));
    CHECK(READS("550-a\r\n450 b\r\n", 450, 2, "550-a\n450 b\n"));
}

/* Each pair of codes, in either order, and a third line behind them. */
TEST(a_refusal_is_not_taken_back)
{
    static const uint32_t codes[] = {200, 250, 299, 300, 354, 399,
                                     400, 421, 499, 500, 550, 599};
    const size_t count = sizeof(codes) / sizeof(codes[0]);

    for (size_t i = 0; i < count * count; i++) {
        uint32_t a = codes[i / count], b = codes[i % count];
        char text[SPLIT_SIZE_MAX];
        size_t size = (size_t)snprintf(text, sizeof(text),
                                       "%u-x\r\n%u-y\r\n%u z\r\n", a, b, b);
        bool fine = a < 400 || b >= 400;

        (void)feed(slice_of(text, size), 1 + i % 7);
        CHECK(r.state == (fine ? SMTP_REPLY_END : SMTP_REPLY_BAD));
        CHECK(!fine || r.code == b);
        CHECK(fine || r.line_count == 1);
    }
    CHECK(BAD("550-a\r\n550-b\r\n250 c\r\n"));
    CHECK(BAD("250-a\r\n550-b\r\n250 c\r\n"));
}

TEST(refuses_lines_without_a_code)
{
    CHECK(BAD("250-a\r\n\r\n250 b\r\n"));
    CHECK(BAD("250-a\r\nb\r\n"));
    CHECK(BAD("250-a\r\n 250 b\r\n"));
    CHECK(BAD("250-a\r\n150-b\r\n250 b\r\n"));
}

/* What the session quotes: at least to the byte at fault, and what came along
 * with it. */
TEST(the_line_at_fault_is_kept)
{
    static const struct {
        const char *text, *line;
        size_t least;
    } rows[] = {
        {"what", "what", 1},           {"what\r\n250 b\r\n", "what\r", 1},
        {"250+x y", "250+x y", 4},     {"250-a\r\nxyz\n", "xyz", 1},
        {"25\r\n250 b\r\n", "25", 2},  {"250-a\r\n\r\n250 b\r\n", "", 0},
        {"\n250 b\r\n", "", 0},        {"2\r50\n", "250", 2},
        {"600 a b\r\n", "600 a b", 7}, {"550-a\n250 b\r\n", "250 b", 5}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice line = slice_text(rows[i].line);

        for (size_t piece = 1; piece < 12; piece++) {
            (void)feed(slice_text(rows[i].text), piece);
            CHECK(r.state == SMTP_REPLY_BAD);
            CHECK(r.line.used >= rows[i].least);
            CHECK(slice_equal(buf_slice(&r.line),
                              slice_part(line, 0, r.line.used)));
        }
        (void)feed(slice_text(rows[i].text), SPLIT_SIZE_MAX);
        CHECK(slice_equal(buf_slice(&r.line), line));
    }
}

/* A final line that never comes leaves the reply open, not fine. */
TEST(an_unfinished_reply_is_not_whole)
{
    static const char *const texts[] = {
        "2", "25", "250", "250 ", "250 ok", "250 ok\r", "250-a", "250-a\r"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        (void)feed(slice_text(texts[i]), 1);
        CHECK(r.state == SMTP_REPLY_MORE);
    }
    (void)feed(SLICE("250-a\r\n"), 1);
    CHECK(r.state == SMTP_REPLY_LINE);
    (void)feed(SLICE("250-a\r\n250"), 1);
    CHECK(r.state == SMTP_REPLY_MORE);
    CHECK(smtp_reply_rx(&r, slice_of(NULL, 0)) == 0);
    CHECK(r.state == SMTP_REPLY_MORE);
}

TEST(takes_a_line_at_a_time)
{
    struct slice s = SLICE("250-a b\r\n250-\r\n250 SIZE 7\r\n354 next\r\n");

    smtp_reply_init(&r);
    CHECK(smtp_reply_rx(&r, s) == 9 && r.state == SMTP_REPLY_LINE);
    CHECK(r.code == 250 && r.line_count == 1);
    CHECK(slice_equal(smtp_reply_line(&r), SLICE("a b")));
    s = slice_part(s, 9, s.size);
    CHECK(smtp_reply_rx(&r, s) == 6 && r.state == SMTP_REPLY_LINE);
    CHECK(r.line_count == 2 && smtp_reply_line(&r).size == 0);
    s = slice_part(s, 6, s.size);
    CHECK(smtp_reply_rx(&r, s) == 12 && r.state == SMTP_REPLY_END);
    CHECK(slice_equal(smtp_reply_line(&r), SLICE("SIZE 7")));
    /* The next reply is left alone until it is asked for. */
    s = slice_part(s, 12, s.size);
    CHECK(smtp_reply_rx(&r, s) == 0 && r.state == SMTP_REPLY_END);
    smtp_reply_init(&r);
    CHECK(smtp_reply_rx(&r, s) == s.size && r.state == SMTP_REPLY_END);
    CHECK(r.code == 354 && r.line_count == 1);
    CHECK(slice_equal(buf_slice(&r.text), SLICE("354 next\n")));
}

TEST(a_line_without_text_has_none_of_the_one_before)
{
    (void)feed(SLICE("250-STARTTLS\r\n250\r\n"), 1);
    CHECK(r.state == SMTP_REPLY_END && smtp_reply_line(&r).size == 0);
}

TEST(keeps_hostile_bytes_as_they_are)
{
    struct slice s = SLICE("250 a\0K\033[2J%s\t\x80\xff\r\n");

    CHECK(feed(s, 1) == s.size && r.state == SMTP_REPLY_END);
    CHECK(slice_equal(buf_slice(&r.text),
                      SLICE("250 a\0K\033[2J%s\t\x80\xff\n")));
}

/* `count` lines of which all but the last go on. */
static struct slice
lines(size_t count, const char *text)
{
    struct buf b;

    buf_init(&b, bytes, sizeof(bytes));
    for (size_t i = 1; i <= count; i++) {
        buf_put_text(&b, i < count ? "250-" : "250 ");
        buf_put_text(&b, text);
        buf_put_text(&b, "\r\n");
    }
    return buf_slice(&b);
}

TEST(bounds_the_lines)
{
    struct slice s = lines(1000, "x");

    CHECK(feed(s, 1) == s.size && r.state == SMTP_REPLY_END);
    CHECK(r.line_count == 1000);
    s = lines(1001, "x");
    CHECK(feed(s, 7) <= s.size && r.state == SMTP_REPLY_BAD);
    (void)feed(s, s.size);
    CHECK(r.state == SMTP_REPLY_BAD);
    s = lines(100000, "");
    (void)feed(s, 1000);
    CHECK(r.state == SMTP_REPLY_BAD);
}

/* One line of `size` bytes with its end. */
static struct slice
line_of(size_t size)
{
    memset(bytes, 'x', size);
    memcpy(bytes, "250 ", 4);
    memcpy(bytes + size - 2, "\r\n", 2);
    return slice_of(bytes, size);
}

TEST(bounds_the_size_to_the_byte)
{
    static const size_t pieces[] = {1, 3, 4096, 65535, 65536, 65537};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        CHECK(feed(line_of(65536), pieces[i]) == 65536);
        CHECK(r.state == SMTP_REPLY_END);
        CHECK(feed(line_of(65537), pieces[i]) <= 65537);
        CHECK(r.state == SMTP_REPLY_BAD);
    }
}

TEST(bounds_the_size_of_all_lines_together)
{
    /* 64 lines of 1024 bytes are just within it. */
    uint8_t *end = bytes + 65536;

    memset(bytes, 'x', 65536);
    for (uint8_t *at = bytes; at < end; at += 1024) {
        memcpy(at, at + 1024 < end ? "250-" : "250 ", 4);
        memcpy(at + 1022, "\r\n", 2);
    }
    CHECK(feed(slice_of(bytes, 65536), 1000) == 65536);
    CHECK(r.state == SMTP_REPLY_END && r.line_count == 64);
    bytes[65536 - 1024 + 3] = '-';
    memcpy(end, "250\n", 4);
    (void)feed(slice_of(bytes, 65540), 1000);
    CHECK(r.state == SMTP_REPLY_BAD);
}

TEST(gives_up_a_line_without_end)
{
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, "250 ", 4);
    CHECK(feed(slice_of(bytes, sizeof(bytes)), 4096) <= 65536 + 4096);
    CHECK(r.state == SMTP_REPLY_BAD);
    memset(bytes, '\r', sizeof(bytes));
    memcpy(bytes, "250 ", 4);
    (void)feed(slice_of(bytes, sizeof(bytes)), 4096);
    CHECK(r.state == SMTP_REPLY_BAD);
}

TEST(keeps_the_first_5000_bytes)
{
    struct slice s = line_of(5001);

    /* 4999 of the line and its LF are 5000. */
    (void)feed(s, 1);
    CHECK(r.state == SMTP_REPLY_END && r.text.used == 5000);
    CHECK(r.text.data[4999] == '\n');
    (void)feed(line_of(5002), 1);
    CHECK(r.state == SMTP_REPLY_END && r.text.used == 5000);
    CHECK(r.text.data[4999] == 'x');
    (void)feed(line_of(65536), 1);
    CHECK(r.state == SMTP_REPLY_END && r.text.used == 5000);
    (void)feed(lines(1000, "ten bytes!"), 3);
    CHECK(r.state == SMTP_REPLY_END && r.text.used == 5000);
    CHECK(memcmp(r.text.data, "250-ten bytes!\n250-ten bytes!\n", 30) == 0);
}

TEST(cuts_a_line)
{
    (void)feed(line_of(512 + 2), 1);
    CHECK(r.state == SMTP_REPLY_END && r.line.used == 512);
    CHECK(smtp_reply_line(&r).size == 508);
    (void)feed(line_of(513 + 2), 1);
    CHECK(r.state == SMTP_REPLY_END && r.line.used == 512 && !r.line.full);
    (void)feed(lines(3, "short"), 1);
    CHECK(slice_equal(smtp_reply_line(&r), SLICE("short")));
}

#define CASES(X)                                      \
    X(reads_one_line)                                 \
    X(reads_many_lines)                               \
    X(reads_lines_without_text)                       \
    X(a_bare_lf_ends_a_line)                          \
    X(crs_before_a_lf_go_with_it)                     \
    X(a_cr_ends_no_line)                              \
    X(a_cr_within_the_code_is_wrong)                  \
    X(a_tab_may_follow_the_code)                      \
    X(refuses_what_is_no_code)                        \
    X(refuses_codes_outside_200_to_599)               \
    X(the_last_code_counts)                           \
    X(a_refusal_is_not_taken_back)                    \
    X(refuses_lines_without_a_code)                   \
    X(the_line_at_fault_is_kept)                      \
    X(an_unfinished_reply_is_not_whole)               \
    X(takes_a_line_at_a_time)                         \
    X(a_line_without_text_has_none_of_the_one_before) \
    X(keeps_hostile_bytes_as_they_are)                \
    X(bounds_the_lines)                               \
    X(bounds_the_size_to_the_byte)                    \
    X(bounds_the_size_of_all_lines_together)          \
    X(gives_up_a_line_without_end)                    \
    X(keeps_the_first_5000_bytes)                     \
    X(cuts_a_line)

TEST_MAIN(CASES)
