/* SPDX-License-Identifier: ISC */
#include "qmail/report.h"

#include "test.h"

static struct qmail_report report;
static const struct addr ip = {.family = ADDR_IPV4, .bytes = {192, 0, 2, 1}};

/* Written with the rules of interface.md section 2, not the program's: the
 * same decision, from the number that a sequence stands for. */
static size_t
sequence_size(const uint8_t *at, size_t size)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t wanted = (at[0] & 0xe0) == 0xc0   ? 2
                    : (at[0] & 0xf0) == 0xe0 ? 3
                    : (at[0] & 0xf8) == 0xf0 ? 4
                                             : 0;
    uint32_t code = wanted == 0 ? 0 : at[0] & (0x7fU >> wanted);

    if (wanted == 0 || wanted > size)
        return 0;
    for (size_t i = 1; i < wanted; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    if (code < smallest[wanted] || code > 0x10ffff)
        return 0;
    return code >= 0xd800 && code <= 0xdfff ? 0 : wanted;
}

static size_t
expect_safe(const uint8_t *in, size_t size, uint8_t *out)
{
    size_t used = 0;

    for (size_t i = 0; i < size;) {
        size_t whole = sequence_size(in + i, size - i);

        if (whole > 0) {
            memcpy(out + used, in + i, whole);
            used += whole;
            i += whole;
            continue;
        }
        if (in[i] == '\t')
            out[used++] = ' ';
        else if (in[i] == '\n' || (in[i] >= ' ' && in[i] < 0x7f))
            out[used++] = in[i];
        else if (in[i] != '\r')
            out[used++] = '?';
        i++;
    }
    return used;
}

static bool
is_as_expected(const uint8_t *in, size_t size)
{
    uint8_t want[8];
    uint8_t got[8];
    struct buf out;
    size_t want_size = expect_safe(in, size, want);

    buf_init(&out, got, sizeof(got));
    qmail_report_put_safe(&out, slice_of(in, size));
    return !out.full && out.used == want_size &&
           memcmp(got, want, want_size) == 0;
}

TEST(every_byte_and_pair_is_made_safe)
{
    for (uint32_t i = 0; i < 0x10000; i++) {
        uint8_t in[] = {(uint8_t)(i >> 8), (uint8_t)i};

        CHECK(is_as_expected(in, 1));
        CHECK(is_as_expected(in, 2));
    }
}

/* All that begins like UTF-8, with each kind of byte behind it, and cut. */
TEST(only_utf8_stays)
{
    static const uint8_t kinds[] = {0x00, 0x0a, 0x41, 0x7f, 0x80, 0x8f, 0x90,
                                    0x9f, 0xa0, 0xbf, 0xc0, 0xe0, 0xff};
    enum { KINDS = sizeof(kinds) };

    for (uint32_t i = 0; i < 0x8000u * KINDS * KINDS; i++) {
        uint8_t in[] = {(uint8_t)(0x80 | (i & 0x7f)), (uint8_t)(i >> 7),
                        kinds[(i >> 15) % KINDS], kinds[(i >> 15) / KINDS]};

        CHECK(is_as_expected(in, 4));
        CHECK(is_as_expected(in, 3));
    }
}

static bool
wrote(const char *text, size_t size)
{
    struct slice got = buf_slice(&report.out);

    return slice_equal(got, slice_of(text, size));
}

#define WROTE(literal) wrote("" literal, sizeof(literal) - 1)

TEST(recipients_come_first_in_their_order)
{
    struct qmail_verdict v = {
        .fault = FAULT_ACCEPTED, .ip = &ip, .said = SLICE("250 ok\n")};

    qmail_report_init(&report, 3);
    qmail_report_recipient(&report, 'h', &ip, SLICE("550 no\n"));
    qmail_report_recipient(&report, 'r', &ip, SLICE("250 yes\n"));
    qmail_report_recipient(&report, 's', &ip, SLICE("450 later\n"));
    qmail_report_final(&report, &v);
    CHECK(WROTE("h192.0.2.1 does not like recipient.\n"
                "Remote host said: 550 no\n\0"
                "r\0"
                "s192.0.2.1 does not like recipient.\n"
                "Remote host said: 450 later\n\0"
                "K192.0.2.1 accepted message.\n"
                "Remote host said: 250 ok\n\0"));
}

TEST(lines_stand_in_their_order)
{
    struct qmail_verdict v = {.fault = FAULT_TLS_FAILED,
                              .ip = &ip,
                              .why = SLICE("bad\0\x1b luck"),
                              .said = SLICE("220 go"),
                              .detail = SLICE("At STARTTLS"),
                              .starttls = SLICE("STARTTLS failed: x;")};

    qmail_report_init(&report, 1);
    qmail_report_final(&report, &v);
    CHECK(WROTE("ZConnected to 192.0.2.1 but TLS failed: bad?? luck. (#4.7.5)\n"
                "Remote host said: 220 go\n"
                "At STARTTLS\n"
                "STARTTLS failed: x;\n\0"));
}

/* Bytes of a peer that vanish leave no half line behind. */
TEST(a_reply_of_nothing_is_a_line)
{
    struct qmail_verdict v = {
        .fault = FAULT_BODY_TEMP, .ip = &ip, .said = SLICE("\r\r\r")};

    qmail_report_init(&report, 1);
    qmail_report_final(&report, &v);
    CHECK(WROTE("Z192.0.2.1 failed after I sent the message.\n"
                "Remote host said: \n\0"));
}

static size_t
said_size(size_t size, uint8_t last)
{
    static uint8_t said[2 * REPLY_TEXT_SIZE_MAX];
    struct qmail_verdict v = {.fault = FAULT_ACCEPTED, .ip = &ip};
    struct slice head = SLICE("K192.0.2.1 accepted message.\n"
                              "Remote host said: ");

    memset(said, 'x', sizeof(said));
    said[size - 1] = last;
    v.said = slice_of(said, size);
    qmail_report_init(&report, 1);
    qmail_report_final(&report, &v);
    if (report.out.used < 2 || report.bytes[report.out.used - 1] != '\0' ||
        report.bytes[report.out.used - 2] != '\n')
        return 0;
    return report.out.used - head.size - 1;
}

TEST(a_reply_has_5000_bytes_with_its_line_end)
{
    CHECK(said_size(4998, 'x') == 4999);
    CHECK(said_size(4999, 'x') == 5000);
    CHECK(said_size(4999, '\n') == 4999);
    CHECK(said_size(5000, 'x') == 5000);
    CHECK(said_size(5000, '\n') == 5000);
    CHECK(said_size(9000, 'x') == 5000);
    CHECK(said_size(5001, '\n') == 5000);
}

/* A character that the cut goes through does not stay in part. */
TEST(a_cut_leaves_whole_characters)
{
    static uint8_t said[REPLY_TEXT_SIZE_MAX + 2];
    struct qmail_verdict v = {.fault = FAULT_ACCEPTED, .ip = &ip};
    const uint8_t *end;

    memset(said, 'x', sizeof(said));
    memcpy(said + REPLY_TEXT_SIZE_MAX - 2, "\xc3\xa9", 2);
    v.said = slice_of(said, sizeof(said));
    qmail_report_init(&report, 1);
    qmail_report_final(&report, &v);
    end = report.bytes + report.out.used;
    CHECK(memcmp(end - 4, "x?\n", 4) == 0);
}

/* As many recipients as there may be, all refused at length. */
TEST(every_record_fits)
{
    static uint8_t said[REPLY_TEXT_SIZE_MAX];
    struct qmail_verdict v = {.fault = FAULT_RECIPIENTS, .ip = &ip};
    uint32_t count = 0;

    memset(said, 'x', sizeof(said));
    v.said = v.why = v.detail = v.starttls = slice_of(said, sizeof(said));
    for (uint32_t n = 0; n <= RECIPIENT_COUNT_MAX; n++) {
        qmail_report_init(&report, n);
        for (uint32_t i = 0; i < n; i++)
            qmail_report_recipient(&report, 'h', &ip,
                                   slice_of(said, sizeof(said)));
        qmail_report_final(&report, &v);
        CHECK(!report.out.full);
    }
    for (size_t i = 0; i < report.out.used; i++)
        count += report.bytes[i] == '\0';
    CHECK(count == RECIPIENT_COUNT_MAX + 1);
}

#define CASES(X)                                \
    X(every_byte_and_pair_is_made_safe)         \
    X(only_utf8_stays)                          \
    X(recipients_come_first_in_their_order)     \
    X(lines_stand_in_their_order)               \
    X(a_reply_of_nothing_is_a_line)             \
    X(a_reply_has_5000_bytes_with_its_line_end) \
    X(a_cut_leaves_whole_characters)            \
    X(every_record_fits)

TEST_MAIN(CASES)
