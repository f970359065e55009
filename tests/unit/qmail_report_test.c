/* SPDX-License-Identifier: ISC */
#include "qmail/report.h"

#include "test.h"

enum { BIG_SIZE = 100000 };

static struct qmail_report r;
static uint8_t big[BIG_SIZE];
static struct addr ip;

/* What put_safe makes of a slice; it never grows. */
static bool
safe(struct slice in, struct slice expected)
{
    static uint8_t bytes[BIG_SIZE];
    struct buf out;

    buf_init(&out, bytes, in.size);
    qmail_report_put_safe(&out, in);
    return !out.full && slice_equal(buf_slice(&out), expected);
}

#define SAFE(in, expected) safe(SLICE(in), SLICE(expected))

static void
begin(uint32_t recipient_count)
{
    qmail_report_init(&r, recipient_count);
    if (!addr_parse(SLICE("192.0.2.1"), &ip))
        printf("no address\n");
}

static bool
is(struct slice expected)
{
    struct slice got = buf_slice(&r.out);

    if (slice_equal(got, expected))
        return true;
    printf("got <%.*s>\n", (int)got.size, (const char *)got.data);
    return false;
}

/* The whole report for the fault with ip, host, why and said as named. */
static bool
final_is(enum fault fault, const char *expected)
{
    struct qmail_verdict v = {.fault = fault,
                              .ip = &ip,
                              .host = SLICE("host.example"),
                              .why = SLICE("REASON"),
                              .said = SLICE("550-a\n550 b\n")};
    static char whole[1024];
    bool text_has_code = strstr(expected, "(#") != NULL;
    size_t size = (size_t)snprintf(
        whole, sizeof(whole), "%s%s", expected,
        text_has_code ? "" : "Remote host said: 550-a\n550 b\n");

    begin(1);
    if (text_has_code)
        v.said = SLICE("");
    qmail_report_final(&r, &v);
    return is(slice_of(whole, size + 1)); /* with its NUL */
}

/* interface.md section 2 and policy.md, to the letter. */
TEST(texts_of_stock)
{
    CHECK(final_is(FAULT_SYSTEM, "ZSystem resources temporarily unavailable. "
                                 "(#4.3.0)\n"));
    CHECK(final_is(FAULT_CONNECT, "ZSorry, I wasn't able to establish an SMTP "
                                  "connection. (#4.4.1)\n"));
    CHECK(final_is(FAULT_MESSAGE, "ZUnable to read message. (#4.3.0)\n"));
    CHECK(final_is(FAULT_DNS, "ZSorry, I couldn't find any host by that name. "
                              "(#4.1.2)\n"));
    CHECK(final_is(FAULT_HOME,
                   "ZUnable to switch to home directory. (#4.3.0)\n"));
    CHECK(final_is(FAULT_CONTROL, "ZUnable to read control files. (#4.3.0)\n"));
    CHECK(final_is(FAULT_PARTIAL, "DSMTP cannot transfer messages with partial "
                                  "final lines. (#5.6.2)\n"));
    CHECK(final_is(FAULT_USAGE,
                   "DI (qmail-remote) was invoked improperly. (#5.3.5)\n"));
    CHECK(final_is(FAULT_NO_HOST,
                   "DSorry, I couldn't find any host named host.example. "
                   "(#5.1.2)\n"));
    CHECK(final_is(FAULT_NO_EXCHANGER,
                   "DSorry, I couldn't find a mail exchanger or IP address. "
                   "(#5.4.4)\n"));
    CHECK(final_is(FAULT_OWN,
                   "DSorry. Although I'm listed as a best-preference MX or A "
                   "for that host,\nit isn't in my control/locals file, so I "
                   "don't treat it as local. (#5.4.6)\n"));
    CHECK(final_is(FAULT_DIED,
                   "ZConnected to 192.0.2.1 but connection died. (#4.4.2)\n"));
    CHECK(final_is(FAULT_DUPLICATE,
                   "ZConnected to 192.0.2.1 but connection died. Possible "
                   "duplicate! (#4.4.2)\n"));
    CHECK(final_is(FAULT_GREETING,
                   "ZConnected to 192.0.2.1 but greeting failed.\n"));
    CHECK(final_is(FAULT_HELLO,
                   "ZConnected to 192.0.2.1 but my name was rejected.\n"));
    CHECK(final_is(FAULT_SENDER_PERM,
                   "DConnected to 192.0.2.1 but sender was rejected.\n"));
    CHECK(final_is(FAULT_SENDER_TEMP,
                   "ZConnected to 192.0.2.1 but sender was rejected.\n"));
    CHECK(final_is(FAULT_DATA_PERM, "D192.0.2.1 failed on DATA command.\n"));
    CHECK(final_is(FAULT_DATA_TEMP, "Z192.0.2.1 failed on DATA command.\n"));
    CHECK(final_is(FAULT_BODY_PERM,
                   "D192.0.2.1 failed after I sent the message.\n"));
    CHECK(final_is(FAULT_BODY_TEMP,
                   "Z192.0.2.1 failed after I sent the message.\n"));
    CHECK(final_is(FAULT_ACCEPTED, "K192.0.2.1 accepted message.\n"));
}

TEST(texts_of_ours)
{
    CHECK(final_is(FAULT_NOT_ASCII,
                   "DSorry, I can't send to or from an address that is not "
                   "ASCII. (#5.6.7)\n"));
    CHECK(final_is(FAULT_UTF8_ABSENT,
                   "DConnected to 192.0.2.1 but it takes no addresses that are "
                   "not ASCII. (#5.6.7)\n"));
    CHECK(final_is(FAULT_TOO_BIG, "DConnected to 192.0.2.1 but the message is "
                                  "too big for it: REASON. (#5.3.4)\n"));
    CHECK(final_is(FAULT_NULL_MX,
                   "DSorry, that host does not accept mail. (#5.1.10)\n"));
    CHECK(final_is(FAULT_RELAY_OWN, "ZSorry, every address of the relay is "
                                    "listed in control/ipme. (#4.4.6)\n"));
    CHECK(final_is(FAULT_TLS_ABSENT,
                   "ZConnected to 192.0.2.1 but STARTTLS is required and not "
                   "offered. (#4.7.4)\n"));
    CHECK(final_is(FAULT_TLS_REFUSED,
                   "ZConnected to 192.0.2.1 but STARTTLS was refused. "
                   "(#4.7.4)\n"));
    CHECK(final_is(FAULT_TLS_FAILED, "ZConnected to 192.0.2.1 but TLS failed: "
                                     "REASON. (#4.7.5)\n"));
    CHECK(final_is(FAULT_TLS_UNTRUSTED,
                   "ZConnected to 192.0.2.1 but its certificate was refused: "
                   "REASON. (#4.7.5)\n"));
}

TEST(giving_up_has_no_reply)
{
    struct qmail_verdict v = {.fault = FAULT_RECIPIENTS, .ip = &ip};

    begin(1);
    qmail_report_final(&r, &v);
    CHECK(is(SLICE("DGiving up on 192.0.2.1.\n\0")));
}

TEST(lines_come_in_their_order)
{
    struct qmail_verdict v = {.fault = FAULT_DIED,
                              .ip = &ip,
                              .said = SLICE("421 bye\n"),
                              .detail = SLICE("At RCPT: gone"),
                              .starttls =
                                  SLICE("STARTTLS proto=TLSv1.3; cipher=X; "
                                        "verify=verified;")};

    begin(1);
    qmail_report_final(&r, &v);
    CHECK(is(SLICE("ZConnected to 192.0.2.1 but connection died. (#4.4.2)\n"
                   "Remote host said: 421 bye\n"
                   "At RCPT: gone\n"
                   "STARTTLS proto=TLSv1.3; cipher=X; verify=verified;\n\0")));
}

TEST(an_ipv6_address_is_printed_bare)
{
    struct qmail_verdict v = {.fault = FAULT_DIED, .ip = &ip};

    begin(1);
    CHECK(addr_parse(SLICE("2001:DB8:0::1"), &ip));
    qmail_report_recipient(&r, 'h', &ip, SLICE("550 no\n"));
    qmail_report_final(&r, &v);
    CHECK(is(SLICE("h2001:db8::1 does not like recipient.\n"
                   "Remote host said: 550 no\n\0"
                   "ZConnected to 2001:db8::1 but connection died. "
                   "(#4.4.2)\n\0")));
}

TEST(recipient_records)
{
    struct qmail_verdict v = {
        .fault = FAULT_ACCEPTED, .ip = &ip, .said = SLICE("250 ok\n")};

    begin(3);
    qmail_report_recipient(&r, 'r', &ip, SLICE("250 never seen\n"));
    qmail_report_recipient(&r, 'h', &ip, SLICE("550-no\n550 such\n"));
    qmail_report_recipient(&r, 's', &ip, SLICE("450 later\n"));
    qmail_report_final(&r, &v);
    CHECK(is(SLICE("r\0"
                   "h192.0.2.1 does not like recipient.\n"
                   "Remote host said: 550-no\n550 such\n\0"
                   "s192.0.2.1 does not like recipient.\n"
                   "Remote host said: 450 later\n\0"
                   "K192.0.2.1 accepted message.\n"
                   "Remote host said: 250 ok\n\0")));
}

TEST(init_starts_over)
{
    struct qmail_verdict v = {.fault = FAULT_DNS};

    begin(1);
    qmail_report_recipient(&r, 'r', &ip, SLICE(""));
    begin(1);
    qmail_report_final(&r, &v);
    CHECK(is(SLICE("ZSorry, I couldn't find any host by that name. "
                   "(#4.1.2)\n\0")));
}

/* ---- bytes of others ---- */

TEST(each_byte_alone)
{
    for (int i = 0; i <= UINT8_MAX; i++) {
        uint8_t byte = (uint8_t)i;
        uint8_t three[] = {'a', byte, 'b'};
        uint8_t expected[] = {'a', byte, 'b'};

        if (i == '\r') {
            CHECK(safe(slice_of(three, 3), SLICE("ab")));
            CHECK(safe(slice_of(&byte, 1), SLICE("")));
            continue;
        }
        if (i == '\t')
            expected[1] = ' ';
        else if ((i < ' ' && i != '\n') || i >= 0x7f)
            expected[1] = '?';
        CHECK(safe(slice_of(three, 3), slice_of(expected, 3)));
        CHECK(safe(slice_of(&byte, 1), slice_of(expected + 1, 1)));
    }
    CHECK(safe(slice_of(NULL, 0), SLICE("")));
}

TEST(control_sequences)
{
    CHECK(SAFE("a\r\nb\n", "a\nb\n"));
    CHECK(SAFE("\033[2J\033]0;x\007", "?[2J?]0;x?"));
    CHECK(SAFE("a\0Kb", "a?Kb"));
    CHECK(SAFE("%s%n", "%s%n"));
    CHECK(SAFE("\r\r\r", ""));
}

TEST(utf8_stays)
{
    CHECK(SAFE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7",
               "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7"));
    /* The first and the last of each length. */
    CHECK(SAFE("\xc2\x80\xdf\xbf", "\xc2\x80\xdf\xbf"));
    CHECK(SAFE("\xe0\xa0\x80\xef\xbf\xbf", "\xe0\xa0\x80\xef\xbf\xbf"));
    CHECK(SAFE("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
               "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    CHECK(SAFE("\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"));
}

TEST(what_is_not_utf8_does_not)
{
    CHECK(SAFE("\xc0\x80", "??"));      /* NUL, overlong */
    CHECK(SAFE("\xc1\xbf", "??"));      /* overlong */
    CHECK(SAFE("\xe0\x9f\xbf", "???")); /* overlong */
    CHECK(SAFE("\xf0\x8f\xbf\xbf", "????"));
    CHECK(SAFE("\xed\xa0\x80", "???")); /* surrogates */
    CHECK(SAFE("\xed\xbf\xbf", "???"));
    CHECK(SAFE("\xf4\x90\x80\x80", "????")); /* over U+10FFFF */
    CHECK(SAFE("\xf5\x80\x80\x80", "????"));
    CHECK(SAFE("\xf8\x88\x80\x80\x80", "?????"));
    CHECK(SAFE("\xff\xfe", "??"));
    CHECK(SAFE("\x80\xbf", "??"));
}

TEST(cut_sequences_do_not_swallow_what_follows)
{
    CHECK(SAFE("\xc3", "?"));
    CHECK(SAFE("\xe2\x82", "??"));
    CHECK(SAFE("\xf0\x9f\x93", "???"));
    CHECK(SAFE("\xc3(", "?("));
    CHECK(SAFE("\xe2\x82(", "?"
                            "?("));
    CHECK(SAFE("\xf0\x9f\x93\n", "???\n"));
    CHECK(SAFE("\xe2\xc3\xa4", "?\xc3\xa4"));
    CHECK(SAFE("\xc3\r\n", "?\n"));
    /* The CR goes; what it parted does not become one character. */
    CHECK(SAFE("\xc3\r\xa4", "??"));
}

/* A decoder written down from RFC 3629 section 4, table by table. */
static size_t
reference_size(const uint8_t *s)
{
    static const uint8_t rows[][9] = {
        {2, 0xc2, 0xdf, 0x80, 0xbf},
        {3, 0xe0, 0xe0, 0xa0, 0xbf, 0x80, 0xbf},
        {3, 0xe1, 0xec, 0x80, 0xbf, 0x80, 0xbf},
        {3, 0xed, 0xed, 0x80, 0x9f, 0x80, 0xbf},
        {3, 0xee, 0xef, 0x80, 0xbf, 0x80, 0xbf},
        {4, 0xf0, 0xf0, 0x90, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {4, 0xf1, 0xf3, 0x80, 0xbf, 0x80, 0xbf, 0x80, 0xbf},
        {4, 0xf4, 0xf4, 0x80, 0x8f, 0x80, 0xbf, 0x80, 0xbf},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t j = 0;

        while (j < rows[i][0] && s[j] >= rows[i][1 + 2 * j] &&
               s[j] <= rows[i][2 + 2 * j])
            j++;
        if (j == rows[i][0])
            return j;
    }
    return 0;
}

TEST(agrees_with_the_tables_of_rfc_3629)
{
    static const uint8_t edges[] = {0x41, 0x7f, 0x80, 0x8f, 0x90,
                                    0x9f, 0xa0, 0xbf, 0xc0, 0xc2};
    enum { EDGE_COUNT = sizeof(edges) };

    for (int first = 0x80; first <= UINT8_MAX; first++)
        for (int n = 0; n < EDGE_COUNT * EDGE_COUNT * EDGE_COUNT; n++) {
            uint8_t s[] = {(uint8_t)first, edges[n % EDGE_COUNT],
                           edges[n / EDGE_COUNT % EDGE_COUNT],
                           edges[n / EDGE_COUNT / EDGE_COUNT]};
            size_t size = reference_size(s);
            uint8_t bytes[sizeof(s)];
            struct buf out;

            buf_init(&out, bytes, sizeof(bytes));
            qmail_report_put_safe(&out, slice_of(s, sizeof(s)));
            CHECK(out.used == sizeof(s) && !out.full);
            CHECK(size ? memcmp(bytes, s, size) == 0 : bytes[0] == '?');
        }
}

/* Nothing of a peer ends a record or looks like a field of the text. */
TEST(every_text_is_made_safe)
{
    struct qmail_verdict v = {.fault = FAULT_NO_HOST,
                              .ip = &ip,
                              .host = SLICE("a\0\033{why}\xff"),
                              .why = SLICE("no"),
                              .said = SLICE("250 \0K\r\n"),
                              .detail = SLICE("d\0\t\xff"),
                              .starttls = SLICE("t\0\r\n")};

    begin(1);
    qmail_report_recipient(&r, 's', &ip, SLICE("450 \0D\tx\r\n"));
    qmail_report_final(&r, &v);
    CHECK(is(SLICE("s192.0.2.1 does not like recipient.\n"
                   "Remote host said: 450 ?D x\n\0"
                   "DSorry, I couldn't find any host named a?"
                   "?{why}?. "
                   "(#5.1.2)\nRemote host said: 250 ?K\nd? ?\nt?\n\0")));
}

TEST(a_reply_without_line_end_gets_one)
{
    begin(2);
    qmail_report_recipient(&r, 'h', &ip, SLICE("550 no"));
    qmail_report_recipient(&r, 'h', &ip, SLICE("550 no\r"));
    CHECK(is(SLICE("h192.0.2.1 does not like recipient.\n"
                   "Remote host said: 550 no\n\0"
                   "h192.0.2.1 does not like recipient.\n"
                   "Remote host said: 550 no\n\0")));
}

TEST(a_fault_without_address_has_none)
{
    struct qmail_verdict v = {.fault = FAULT_DIED};

    begin(1);
    qmail_report_final(&r, &v);
    CHECK(r.out.data[r.out.used - 1] == 0);
    CHECK(memchr(r.out.data, '{', r.out.used) == NULL);
}

/* ---- sizes ---- */

/* The bytes of the record at `from` behind "Remote host said: ". */
static struct slice
said_at(size_t from)
{
    static const char mark[] = "Remote host said: ";
    const char *text = (const char *)r.out.data + from;
    const char *at = strstr(text, mark);

    return at ? slice_text(at + sizeof(mark) - 1) : SLICE("");
}

TEST(a_reply_is_cut_at_5000)
{
    struct qmail_verdict v = {.fault = FAULT_BODY_PERM, .ip = &ip};

    memset(big, 'x', sizeof(big));
    for (size_t size = 4998; size <= 5003; size++) {
        size_t kept = size < 5000 ? size : 4999; /* and a line end */

        begin(1);
        v.said = slice_of(big, size);
        qmail_report_final(&r, &v);
        CHECK(said_at(0).size == kept + 1);
        CHECK(said_at(0).data[kept] == '\n');
    }
    begin(1);
    big[4999] = '\n';
    v.said = slice_of(big, 5000);
    qmail_report_final(&r, &v);
    CHECK(said_at(0).size == 5000);
    big[4999] = 'x';
}

/* What qmail-rspawn makes of it: records ended by NUL, one verdict, last. */
static bool
frames(uint32_t recipient_count)
{
    struct slice rest = buf_slice(&r.out);

    for (uint32_t i = 0; i <= recipient_count; i++) {
        size_t end = slice_find(rest, 0);
        const char *allowed = i < recipient_count ? "rhs" : "KZD";

        if (end == rest.size || end == 0 || !strchr(allowed, rest.data[0]))
            return false;
        if (end > 1 && rest.data[end - 1] != '\n')
            return false;
        rest = slice_part(rest, end + 1, rest.size);
    }
    return rest.size == 0 && !r.out.full;
}

TEST(the_largest_report_fits)
{
    struct qmail_verdict v = {.ip = &ip,
                              .host = slice_of(big, sizeof(big)),
                              .why = slice_of(big, sizeof(big)),
                              .said = slice_of(big, sizeof(big)),
                              .detail = slice_of(big, sizeof(big)),
                              .starttls = slice_of(big, sizeof(big))};

    memset(big, 'x', sizeof(big));
    for (uint32_t count = 1; count <= RECIPIENT_COUNT_MAX; count += 9)
        for (int fault = 1; fault < FAULT_COUNT; fault++) {
            begin(count);
            ip = (struct addr){.family = ADDR_IPV6};
            memset(ip.bytes, 0xff, sizeof(ip.bytes));
            for (uint32_t i = 0; i < count; i++)
                qmail_report_recipient(&r, 'h', &ip, slice_of(big, 5000));
            v.fault = (enum fault)fault;
            qmail_report_final(&r, &v);
            CHECK(frames(count));
        }
}

/* Alone, a recipient's reply is kept whole; of many, some of each. */
TEST(every_recipient_has_its_share)
{
    struct qmail_verdict v = {.fault = FAULT_RECIPIENTS, .ip = &ip};

    memset(big, 'x', sizeof(big));
    begin(1);
    qmail_report_recipient(&r, 'h', &ip, slice_of(big, 4999));
    CHECK(said_at(0).size == 5000);
    begin(RECIPIENT_COUNT_MAX);
    for (uint32_t i = 0; i < RECIPIENT_COUNT_MAX; i++) {
        size_t from = r.out.used;

        qmail_report_recipient(&r, i % 2 ? 'h' : 's', &ip, slice_of(big, 5000));
        CHECK(said_at(from).size > 400);
    }
    qmail_report_final(&r, &v);
    CHECK(frames(RECIPIENT_COUNT_MAX));
}

TEST(hostile_bytes_frame_well)
{
    struct qmail_verdict v = {.ip = &ip};
    uint32_t seed = 1;

    for (int trial = 0; trial < 2000; trial++) {
        uint32_t count = 1 + (uint32_t)trial % 5;
        size_t size = (size_t)(trial * 7) % 6000;

        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525 + 1013904223;
            big[i] = trial % 2
                         ? (uint8_t)(seed >> 16)
                         : (uint8_t) "\0\n\r\xc3\xa4KZD"[(seed >> 16) % 8];
        }
        begin(count);
        for (uint32_t i = 0; i < count; i++)
            qmail_report_recipient(&r, "rhs"[i % 3], &ip, slice_of(big, size));
        v.fault = (enum fault)(1 + trial % (FAULT_COUNT - 1));
        v.host = v.why = v.said = slice_of(big, size);
        v.detail = v.starttls = slice_of(big, size);
        qmail_report_final(&r, &v);
        CHECK(frames(count));
    }
}

#define CASES(X)                                 \
    X(texts_of_stock)                            \
    X(texts_of_ours)                             \
    X(giving_up_has_no_reply)                    \
    X(lines_come_in_their_order)                 \
    X(an_ipv6_address_is_printed_bare)           \
    X(recipient_records)                         \
    X(init_starts_over)                          \
    X(each_byte_alone)                           \
    X(control_sequences)                         \
    X(utf8_stays)                                \
    X(what_is_not_utf8_does_not)                 \
    X(cut_sequences_do_not_swallow_what_follows) \
    X(agrees_with_the_tables_of_rfc_3629)        \
    X(every_text_is_made_safe)                   \
    X(a_reply_without_line_end_gets_one)         \
    X(a_fault_without_address_has_none)          \
    X(a_reply_is_cut_at_5000)                    \
    X(the_largest_report_fits)                   \
    X(every_recipient_has_its_share)             \
    X(hostile_bytes_frame_well)

TEST_MAIN(CASES)
