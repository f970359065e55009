/* SPDX-License-Identifier: ISC */
#include "smtp/body.h"

#include "test.h"

enum {
    SIZE_MAX_ALL = 6, /* every message up to this size is tried */
    OUT_SIZE = 4096,
    ROOM_MIN = 4, /* of room, with which something is always taken */
    ROOM_MAX = 14,
    LONG_SIZE = 1000
};

static const uint8_t letters[] = {'\r', '\n', '.', 'a'};

/* What policy.md says, byte by byte, with the whole message at hand. */
struct expected {
    uint8_t bytes[4 * LONG_SIZE]; /* on the wire */
    size_t size;
    size_t dots;                    /* stuffed */
    uint8_t content[2 * LONG_SIZE]; /* LF for each line end */
    size_t content_size;
    bool partial;
};

static void
put(struct expected *e, const char *text)
{
    size_t size = strlen(text);

    memcpy(e->bytes + e->size, text, size);
    e->size += size;
}

static void
reference(struct expected *e, struct slice in)
{
    bool at_start = true;

    memset(e, 0, sizeof(*e));
    for (size_t i = 0; i < in.size; i++) {
        bool crlf =
            in.data[i] == '\r' && i + 1 < in.size && in.data[i + 1] == '\n';

        if (in.data[i] == '\n' || crlf) {
            put(e, "\r\n");
            e->content[e->content_size++] = '\n';
            at_start = true;
            i += crlf;
            continue;
        }
        if (at_start && in.data[i] == '.') {
            put(e, ".");
            e->dots++;
        }
        e->bytes[e->size++] = in.data[i] == '\r' ? ' ' : in.data[i];
        e->content[e->content_size++] = in.data[i] == '\r' ? ' ' : in.data[i];
        at_start = false;
    }
    e->partial = !at_start;
}

/* The message whose letters are the digits of `number`. */
static struct slice
message(uint8_t *bytes, size_t size, uint32_t number)
{
    for (size_t i = 0; i < size; i++, number /= sizeof(letters))
        bytes[i] = letters[number % sizeof(letters)];
    return slice_of(bytes, size);
}

static uint32_t
message_count(size_t size)
{
    uint32_t count = 1;

    while (size-- > 0)
        count *= sizeof(letters);
    return count;
}

/* Encodes `in`, cut behind byte i where bit i % 32 of `cuts` is set, through a
 * buffer of `room` bytes that is emptied whenever nothing fits any more. False
 * when the encoder stands still or grows over its bound. */
static bool
encode(struct smtp_body *b, struct slice in, uint32_t cuts, size_t room,
       struct buf *wire)
{
    uint8_t bytes[OUT_SIZE];
    size_t from = 0;
    struct buf out;

    buf_init(&out, bytes, room);
    for (size_t to = 1; to <= in.size; to++) {
        struct slice piece = slice_part(in, from, to);

        if (to < in.size && !(cuts >> (to - 1) % 32 & 1))
            continue;
        while (piece.size > 0) {
            size_t before = piece.size;

            if (buf_room(&out) < ROOM_MIN) {
                buf_put(wire, buf_slice(&out));
                buf_reset(&out);
            }
            smtp_body_encode(b, &piece, &out);
            if (out.full || piece.size == before)
                return false;
        }
        from = to;
    }
    buf_put(wire, buf_slice(&out));
    return !wire->full && wire->used <= 2 * in.size + 3;
}

/* What a strict receiver makes of it once our end follows: every line ends in
 * CRLF, no other CR or LF, no line of one dot, dots unstuffed. */
static bool
receive(struct slice wire, struct buf *content)
{
    bool at_start = true;

    for (size_t i = 0; i < wire.size; i++) {
        uint8_t next = i + 1 < wire.size ? wire.data[i + 1] : 0;

        if (wire.data[i] == '\r') {
            if (next != '\n')
                return false;
            buf_put_byte(content, '\n');
            at_start = true;
            i++;
            continue;
        }
        if (wire.data[i] == '\n')
            return false;
        if (at_start && wire.data[i] == '.') {
            if (next == '\r' || next == 0)
                return false;
            i++; /* the one after it is content, whatever it is */
        }
        buf_put_byte(content, wire.data[i]);
        at_start = false;
    }
    return true;
}

/* A message may end in the held-back CR: then it is partial and no byte of it
 * matters, but for what went before. */
static bool
agrees(const struct expected *e, const struct smtp_body *b, struct slice in,
       struct slice wire)
{
    size_t size = e->size - (in.size && in.data[in.size - 1] == '\r');

    return smtp_body_partial(b) == e->partial &&
           slice_equal(wire, slice_of(e->bytes, size));
}

TEST(every_short_message_in_every_chunking)
{
    uint8_t bytes[SIZE_MAX_ALL], wire_bytes[OUT_SIZE];
    struct expected e;

    for (size_t size = 0; size <= SIZE_MAX_ALL; size++)
        for (uint32_t n = 0; n < message_count(size); n++) {
            struct slice in = message(bytes, size, n);

            reference(&e, in);
            for (uint32_t i = 0; i < (size ? 1u << (size - 1) : 1u) * 4; i++) {
                struct smtp_body b;
                struct buf wire;

                buf_init(&wire, wire_bytes, sizeof(wire_bytes));
                smtp_body_init(&b);
                CHECK(encode(&b, in, i / 4, ROOM_MIN + i % 4 * 3, &wire));
                CHECK(agrees(&e, &b, in, buf_slice(&wire)));
            }
        }
}

TEST(every_short_message_in_every_small_buffer)
{
    uint8_t bytes[SIZE_MAX_ALL], wire_bytes[OUT_SIZE];
    struct expected e;

    for (uint32_t n = 0; n < message_count(SIZE_MAX_ALL); n++) {
        struct slice in = message(bytes, SIZE_MAX_ALL, n);

        reference(&e, in);
        for (size_t room = ROOM_MIN; room <= ROOM_MAX; room++) {
            struct smtp_body b;
            struct buf wire;

            buf_init(&wire, wire_bytes, sizeof(wire_bytes));
            smtp_body_init(&b);
            CHECK(encode(&b, in, 0, room, &wire));
            CHECK(agrees(&e, &b, in, buf_slice(&wire)));
        }
    }
}

/* The properties that hold whatever the reference above says. */
TEST(a_strict_receiver_reads_the_content)
{
    uint8_t bytes[SIZE_MAX_ALL], wire_bytes[OUT_SIZE], content_bytes[OUT_SIZE];
    struct expected e;

    for (size_t size = 0; size <= SIZE_MAX_ALL; size++)
        for (uint32_t n = 0; n < message_count(size); n++) {
            struct slice in = message(bytes, size, n);
            struct smtp_body b;
            struct buf wire, content;

            reference(&e, in);
            buf_init(&wire, wire_bytes, sizeof(wire_bytes));
            buf_init(&content, content_bytes, sizeof(content_bytes));
            smtp_body_init(&b);
            CHECK(encode(&b, in, UINT32_MAX, ROOM_MIN, &wire));
            if (e.partial)
                continue;
            CHECK(receive(buf_slice(&wire), &content));
            CHECK(slice_equal(buf_slice(&content),
                              slice_of(e.content, e.content_size)));
            CHECK(size == 0 || wire.data[wire.used - 1] == '\n');
        }
}

static bool
sends(const char *in, const char *out)
{
    uint8_t wire_bytes[OUT_SIZE];
    struct smtp_body b;
    struct buf wire;

    buf_init(&wire, wire_bytes, sizeof(wire_bytes));
    smtp_body_init(&b);
    return encode(&b, slice_text(in), 0, OUT_SIZE, &wire) &&
           slice_equal(buf_slice(&wire), slice_text(out));
}

/* The rows of policy.md, Message, by hand. */
TEST(line_ends)
{
    CHECK(sends("", ""));
    CHECK(sends("\n", "\r\n"));
    CHECK(sends("\r\n", "\r\n"));
    CHECK(sends("a\nb\r\nc\n", "a\r\nb\r\nc\r\n"));
    CHECK(sends("a\rb\n", "a b\r\n"));
    CHECK(sends("a\r\r\nb\n", "a \r\nb\r\n"));
    CHECK(sends("\r\r\r\n", "  \r\n"));
    CHECK(sends("\n\r\n\n", "\r\n\r\n\r\n"));
}

TEST(dots)
{
    CHECK(sends(".\n", "..\r\n"));
    CHECK(sends("..\n", "...\r\n"));
    CHECK(sends(".a\n.b\n", "..a\r\n..b\r\n"));
    CHECK(sends("a.\n", "a.\r\n"));
    CHECK(sends("\n.\n", "\r\n..\r\n"));
    CHECK(sends("\r\n.\r\n", "\r\n..\r\n"));
    /* CVE-2023-51764, -51765, -51766: no false end. */
    CHECK(sends("a\r.\r\nMAIL\n", "a .\r\nMAIL\r\n"));
    CHECK(sends("a\n.\rMAIL\n", "a\r\n.. MAIL\r\n"));
    CHECK(sends("a\r\n.\rMAIL\n", "a\r\n.. MAIL\r\n"));
    CHECK(sends("a\r.\rMAIL\n", "a . MAIL\r\n"));
    CHECK(sends("\r.\n", " .\r\n"));
    CHECK(sends("a\r\r\n.\r\nb\n", "a \r\n..\r\nb\r\n"));
}

TEST(all_other_bytes_pass)
{
    uint8_t bytes[UINT8_MAX + 1], wire_bytes[OUT_SIZE];
    struct expected e;
    struct smtp_body b;
    struct buf wire;

    for (int i = 0; i <= UINT8_MAX; i++)
        bytes[i] = (uint8_t)i;
    reference(&e, slice_of(bytes, sizeof(bytes)));
    buf_init(&wire, wire_bytes, sizeof(wire_bytes));
    smtp_body_init(&b);
    CHECK(encode(&b, slice_of(bytes, sizeof(bytes)), 0, 7, &wire));
    CHECK(slice_equal(buf_slice(&wire), slice_of(e.bytes, e.size)));
    CHECK(memchr(wire_bytes, 0, wire.used) &&
          memchr(wire_bytes, 255, wire.used));
}

/* Runs of one kind, at every distance to the edge of the buffer. */
TEST(long_runs_at_every_edge)
{
    static const char *const units[] = {".",      "\r",      "\n",  "\r\n",
                                        ".\n",    "\n.",     "\r.", ".\r",
                                        "\r\r\n", "a\n.\r\n"};
    uint8_t bytes[LONG_SIZE], wire_bytes[OUT_SIZE];
    struct expected e;

    for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
        size_t unit_size = strlen(units[u]);

        for (size_t i = 0; i < LONG_SIZE; i++)
            bytes[i] = (uint8_t)units[u][i % unit_size];
        for (size_t room = ROOM_MIN; room < 40; room++)
            for (size_t size = LONG_SIZE - 3; size <= LONG_SIZE; size++) {
                struct slice in = slice_of(bytes, size);
                struct smtp_body b;
                struct buf wire;

                reference(&e, in);
                buf_init(&wire, wire_bytes, sizeof(wire_bytes));
                smtp_body_init(&b);
                CHECK(encode(&b, in, 0x5aa5, room, &wire));
                CHECK(agrees(&e, &b, in, buf_slice(&wire)));
            }
    }
}

TEST(without_room_nothing_is_taken)
{
    struct slice in = SLICE("a\n");
    uint8_t bytes[ROOM_MIN];
    struct smtp_body b;
    struct buf out;

    smtp_body_init(&b);
    buf_init(&out, bytes, 0);
    smtp_body_encode(&b, &in, &out);
    CHECK(in.size == 2 && !out.full && out.used == 0);
    CHECK(!smtp_body_partial(&b));
    in = slice_of(NULL, 0);
    buf_init(&out, bytes, sizeof(bytes));
    smtp_body_encode(&b, &in, &out);
    CHECK(out.used == 0 && !smtp_body_partial(&b));
}

static bool
partial(const char *text)
{
    uint8_t wire_bytes[OUT_SIZE];
    struct smtp_body b;
    struct buf wire;

    buf_init(&wire, wire_bytes, sizeof(wire_bytes));
    smtp_body_init(&b);
    return encode(&b, slice_text(text), UINT32_MAX, OUT_SIZE, &wire) &&
           smtp_body_partial(&b);
}

TEST(a_last_line_without_end_is_partial)
{
    CHECK(!partial(""));
    CHECK(!partial("\n"));
    CHECK(!partial("a\n"));
    CHECK(!partial("a\r\n"));
    CHECK(partial("a"));
    CHECK(partial("."));
    CHECK(partial("\r"));
    CHECK(partial("a\r"));
    CHECK(partial("a\n\r"));
    CHECK(partial("a\n."));
    CHECK(partial("a\n "));
}

/* Surveys `in`, cut as in encode. */
static struct smtp_survey
survey(struct slice in, uint32_t cuts)
{
    struct smtp_survey s;
    size_t from = 0;

    smtp_survey_init(&s);
    for (size_t to = 1; to <= in.size; to++)
        if (to == in.size || cuts >> (to - 1) % 32 & 1) {
            smtp_survey_add(&s, slice_part(in, from, to));
            smtp_survey_add(&s, slice_of(NULL, 0));
            from = to;
        }
    return s;
}

/* RFC 1870 section 3 and policy.md: a line end is two octets, stuffed dots do
 * not count: just what the encoder sends without its dots. */
TEST(the_survey_counts_what_is_sent)
{
    uint8_t bytes[SIZE_MAX_ALL];
    struct expected e;

    for (size_t size = 0; size <= SIZE_MAX_ALL; size++)
        for (uint32_t n = 0; n < message_count(size); n++) {
            struct slice in = message(bytes, size, n);

            reference(&e, in);
            for (uint32_t cuts = 0; cuts < (size ? 1u << (size - 1) : 1u);
                 cuts++) {
                struct smtp_survey s = survey(in, cuts);

                CHECK(s.size == e.size - e.dots);
                CHECK(!s.eight_bit);
            }
        }
}

/* What a word holds is told apart from its neighbours, wherever in it. */
TEST(every_octet_at_every_place_of_a_word)
{
    static const uint8_t near[] = {'\r', '\n', '.',  '\t', '\v', '\f',
                                   0x0e, 0x8a, 0x8d, 0,    1};
    enum { COUNT = sizeof(near), RUN = 40, AT = 16 };
    uint8_t bytes[RUN], wire_bytes[OUT_SIZE];
    struct expected e;

    for (uint32_t n = 0; n < COUNT * COUNT * COUNT; n++)
        for (size_t at = AT; at < AT + sizeof(uint64_t); at++) {
            struct slice in = slice_of(bytes, sizeof(bytes));
            struct smtp_body b;
            struct buf wire;

            memset(bytes, 'a', sizeof(bytes));
            bytes[at] = near[n % COUNT];
            bytes[at + 1] = near[n / COUNT % COUNT];
            bytes[at + 2] = near[n / COUNT / COUNT];
            reference(&e, in);
            buf_init(&wire, wire_bytes, sizeof(wire_bytes));
            smtp_body_init(&b);
            CHECK(encode(&b, in, 0, OUT_SIZE, &wire));
            CHECK(slice_equal(buf_slice(&wire), slice_of(e.bytes, e.size)));
            CHECK(survey(in, 0).size == e.size - e.dots);
            CHECK(survey(in, 0).eight_bit ==
                  (memchr(bytes, 0x8a, RUN) || memchr(bytes, 0x8d, RUN)));
        }
}

/* More line ends than an octet counts. */
TEST(the_survey_counts_many_lines)
{
    enum { LINES = 5000 };
    static uint8_t bytes[2 * LINES];

    memset(bytes, '\n', LINES);
    CHECK(survey(slice_of(bytes, LINES), 0).size == 2 * LINES);
    for (size_t i = 0; i < LINES; i++) {
        bytes[2 * i] = '\r';
        bytes[2 * i + 1] = '\n';
    }
    CHECK(survey(slice_of(bytes, 2 * LINES), 0).size == 2 * LINES);
    CHECK(survey(slice_of(bytes + 1, 2 * LINES - 1), 0).size == 2 * LINES);
    CHECK(survey(slice_of(bytes, 2 * LINES), 0x10204).size == 2 * LINES);
}

/* One byte with the high bit at any place, in any split, and none without. */
TEST(the_survey_sees_eight_bits)
{
    uint8_t bytes[40];

    memset(bytes, 0x7f, sizeof(bytes));
    for (size_t start = 0; start < 8; start++)
        for (size_t size = 0; start + size <= sizeof(bytes); size++) {
            CHECK(!survey(slice_of(bytes + start, size), 0).eight_bit);
            for (size_t i = 0; i < size; i++) {
                struct slice in = slice_of(bytes + start, size);

                bytes[start + i] = i & 1 ? 0x80 : 0xff;
                CHECK(survey(in, 0).eight_bit);
                CHECK(survey(in, 1u << i % 31).eight_bit);
                bytes[start + i] = 0x7f;
            }
        }
    CHECK(!survey(slice_of(NULL, 0), 0).eight_bit);
    CHECK(survey(SLICE("\x80"), 0).eight_bit);
}

/* ---- TLS-Required ---- */

static const struct {
    const char *text;
    bool no;
} headers[] = {
    {"TLS-Required: No\n\nbody\n", true},
    {"TLS-Required: No\r\n\r\nbody\r\n", true},
    {"tls-required:no\n\n", true},
    {"TLS-REQUIRED:\t \tNO \t \n\n", true},
    {"From: a\nTLS-Required: nO\nTo: b\n\n", true},
    {"From: a\n b\nTLS-Required: No\n", true}, /* nothing behind it */
    {"TLS-Required:\n No\n\n", true},          /* folded */
    {"TLS-Required: \n\t\n No\n \n\t\n\n", true},
    {"TLS-Required: No\r\r\n\n", true}, /* a CR is a space */
    {"TLS-Required:\rNo\n\n", true},
    {"TLS-Required: Maybe\nTLS-Required: No\n\n", true},
    {"TLS-Required: No\nTLS-Required: Maybe\n\n", true},
    {"", false},
    {"\nTLS-Required: No\n\n", false}, /* in the body */
    {"\r\nTLS-Required: No\n\n", false},
    {"From: a\n\nTLS-Required: No\n", false},
    {"From: a\r\n\r\nTLS-Required: No\n", false},
    {"TLS-Required:\n\nNo\n", false},
    {"TLS-Required:\nNo\n\n", false},
    {"TLS-Required: Yes\n\n", false},
    {"TLS-Required: N\n\n", false},
    {"TLS-Required: N o\n\n", false},
    {"TLS-Required: Non\n\n", false},
    {"TLS-Required: No, really\n\n", false},
    {"TLS-Required: No\n, really\n\n", true}, /* a line of its own */
    {"TLS-Required: No\n really\n\n", false},
    {"TLS-Required: No\n\rreally\n\n", false},
    {"TLS-Required: (comment) No\n\n", false},
    {"TLS-Required : No\n\n", false},
    {" TLS-Required: No\n\n", false},
    {"From: a\n TLS-Required: No\n\n", false}, /* of another field */
    {"X-TLS-Required: No\n\n", false},
    {"TLS-Required-X: No\n\n", false},
    {"TLS-Requires: No\n\n", false},
    {"TLS-Required\n: No\n\n", false},
    {"TLS-Required: No", false}, /* no line: the mail is refused */
};

TEST(tls_required_in_every_chunking)
{
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct slice in = slice_text(headers[i].text);

        for (uint32_t size = 1; size <= in.size + 1; size++) {
            struct smtp_survey s;

            smtp_survey_init(&s);
            for (size_t at = 0; at < in.size; at += size)
                smtp_survey_add(&s, slice_part(in, at, at + size));
            CHECK(s.tls_required_no == headers[i].no);
        }
    }
}

#define CASES(X)                                 \
    X(every_short_message_in_every_chunking)     \
    X(every_short_message_in_every_small_buffer) \
    X(a_strict_receiver_reads_the_content)       \
    X(line_ends)                                 \
    X(dots)                                      \
    X(all_other_bytes_pass)                      \
    X(long_runs_at_every_edge)                   \
    X(without_room_nothing_is_taken)             \
    X(a_last_line_without_end_is_partial)        \
    X(the_survey_counts_what_is_sent)            \
    X(every_octet_at_every_place_of_a_word)      \
    X(the_survey_counts_many_lines)              \
    X(the_survey_sees_eight_bits)                \
    X(tls_required_in_every_chunking)

TEST_MAIN(CASES)
