/* SPDX-License-Identifier: ISC */
#include "dns/message.h"

#include "base/ascii.h"

#include "dns_packet.h"
#include "test.h"

static struct packet packet;
static struct dns_question question;
static struct dns_message message;

static void
ask(const char *name, enum dns_type type)
{
    question = (struct dns_question){.name = name_of(name),
                                     .type = type,
                                     .id = 0x1234,
                                     .exact = true,
                                     .edns = true};
}

/* A reply with the header and question of the one asked last. */
static void
reply(uint32_t flags)
{
    packet_begin(&packet, question.id, flags);
    packet_question(&packet, &question.name, question.type);
}

/* In memory of just its size, so that a sanitizer sees a read past it. */
static enum dns_reading
read_part(struct slice bytes)
{
    static uint8_t copy[DNS_TCP_SIZE_MAX];

    if (bytes.size == 0)
        return dns_message_read(slice_of(copy, 0), &question, &message);
    memcpy(copy + sizeof(copy) - bytes.size, bytes.data, bytes.size);
    return dns_message_read(
        slice_of(copy + sizeof(copy) - bytes.size, bytes.size), &question,
        &message);
}

static enum dns_reading
read_all(void)
{
    return read_part(packet_slice(&packet));
}

/* A bit of everything. */
static void
rich_reply(void)
{
    ask("Example.com", DNS_MX);
    reply(REPLY);
    packet_alias(&packet, "@", "alias.example.com");
    packet_mx(&packet, "alias.example.com", 10, "mx.example.net");
    packet_address(&packet, ANSWER, "a.example.com", "192.0.2.1");
    packet_address(&packet, ANSWER, "a.example.com", "2001:db8::1");
    packet_target(&packet, AUTHORITY, "@", TYPE_NS, "ns.example.net");
    packet_address(&packet, ADDITIONAL, "ns.example.net", "192.0.2.53");
    packet_record(&packet, ADDITIONAL, "", TYPE_OPT, 0);
}

TEST(writes_queries)
{
    static const char header[] = "\x12\x34\1\0\0\1\0\0\0\0\0";
    uint8_t bytes[DNS_QUERY_SIZE_MAX];
    struct buf out;

    buf_init(&out, bytes, sizeof(bytes));
    ask("eXample.com", DNS_AAAA);
    dns_message_query(&out, &question);
    CHECK(!out.full && out.used == 12 + 13 + 4 + 11);
    CHECK(memcmp(bytes, header, 11) == 0 && bytes[11] == 1);
    CHECK(memcmp(bytes + 12, "\7eXample\3com\0\0\34\0\1", 17) == 0);
    CHECK(memcmp(bytes + 29, "\0\0\51\4\320\0\0\0\0\0\0", 11) == 0);
    buf_reset(&out);
    question.edns = false;
    dns_message_query(&out, &question);
    CHECK(out.used == 12 + 13 + 4 && bytes[11] == 0);
    buf_reset(&out);
    question.ad = true;
    dns_message_query(&out, &question);
    CHECK(out.used == 12 + 13 + 4 && bytes[2] == 1 && bytes[3] == 0x20);
}

TEST(longest_query_fits)
{
    uint8_t bytes[DNS_QUERY_SIZE_MAX];
    struct buf out;

    buf_init(&out, bytes, sizeof(bytes));
    ask("a", DNS_MX);
    memset(question.name.wire, 1, NAME_WIRE_SIZE_MAX);
    question.name.wire[NAME_WIRE_SIZE_MAX - 1] = 0;
    question.name.size = NAME_WIRE_SIZE_MAX;
    dns_message_query(&out, &question);
    CHECK(!out.full && out.used == sizeof(bytes));
}

TEST(reads_records)
{
    struct dns_answers answers;
    struct dns_record r;
    struct dns_name alias = name_of("alias.example.com");
    struct dns_name mx = name_of("mx.example.net"), n;

    rich_reply();
    CHECK(read_all() == DNS_READING_SOUND);
    CHECK(message.rcode == 0 && message.recursive && !message.authoritative);
    CHECK(message.referral && !message.trailing && message.answer_count == 4);
    dns_message_answers(&message, &answers);
    CHECK(dns_answers_next(&answers, &r));
    CHECK(r.type == DNS_CNAME && r.ttl == 300);
    CHECK(dns_name_identical(&r.owner, &question.name));
    dns_record_alias(message.whole, &r, &n);
    CHECK(dns_name_identical(&n, &alias));
    CHECK(dns_answers_next(&answers, &r));
    CHECK(r.type == DNS_MX && dns_name_identical(&r.owner, &alias));
    CHECK(dns_record_exchanger(message.whole, &r, &n) == 10);
    CHECK(dns_name_identical(&n, &mx));
    CHECK(dns_answers_next(&answers, &r));
    CHECK(r.type == DNS_A && r.rdata.size == 4 && r.rdata.data[3] == 1);
    CHECK(dns_answers_next(&answers, &r));
    CHECK(r.type == DNS_AAAA && r.rdata.size == 16);
    CHECK(!dns_answers_next(&answers, &r));
    CHECK(!dns_answers_next(&answers, &r));
}

TEST(every_prefix_is_refused)
{
    struct slice whole;

    rich_reply();
    whole = packet_slice(&packet);
    for (size_t size = 0; size < whole.size; size++) {
        enum dns_reading reading = read_part(slice_part(whole, 0, size));

        CHECK(reading ==
              (size < 12 + 13 + 4 ? DNS_READING_FOREIGN : DNS_READING_RUBBISH));
    }
    CHECK(read_all() == DNS_READING_SOUND);
}

/* All that a sound message has can be read. */
static bool
walk(void)
{
    struct dns_answers answers;
    struct dns_record r;
    struct dns_name n;
    bool named = true;

    dns_message_answers(&message, &answers);
    while (dns_answers_next(&answers, &r)) {
        named = named && r.owner.size > 0;
        if (r.type == DNS_MX)
            dns_record_exchanger(message.whole, &r, &n);
        if (r.type == DNS_CNAME)
            dns_record_alias(message.whole, &r, &n);
    }
    return named;
}

TEST(every_byte_may_be_wrong)
{
    uint8_t good = 0;

    rich_reply();
    for (size_t at = 0; at < packet.buf.used; at++) {
        good = packet.bytes[at];
        for (uint32_t bad = 0; bad < 256; bad++) {
            bool question_differs = bad != good && at >= 12 && at < 29;
            bool letter_differs =
                at < 24 && ascii_alpha(good) &&
                ascii_lower((uint8_t)bad) == ascii_lower(good);
            enum dns_reading reading = DNS_READING_SOUND;

            packet.bytes[at] = (uint8_t)bad;
            reading = read_all();
            CHECK(!question_differs ||
                  reading == (letter_differs ? DNS_READING_OTHER_CASE
                                             : DNS_READING_FOREIGN));
            CHECK(reading != DNS_READING_SOUND || walk());
        }
        packet.bytes[at] = good;
    }
}

TEST(ignores_what_is_not_its_reply)
{
    struct dns_name other = name_of("example.net");

    ask("example.com", DNS_A);
    for (uint32_t bit = 0; bit < 16; bit++) {
        packet_begin(&packet, 0x1234 ^ 1u << bit, REPLY);
        packet_question(&packet, &question.name, DNS_A);
        CHECK(read_all() == DNS_READING_FOREIGN);
    }
    reply(RD); /* a query */
    CHECK(read_all() == DNS_READING_FOREIGN);
    for (uint32_t opcode = 1; opcode < 16; opcode++) {
        reply(REPLY | opcode << 11);
        CHECK(read_all() == DNS_READING_FOREIGN);
    }
    packet_begin(&packet, question.id, REPLY);
    packet_question(&packet, &other, DNS_A);
    CHECK(read_all() == DNS_READING_FOREIGN);
    packet_begin(&packet, question.id, REPLY);
    packet_question(&packet, &question.name, DNS_AAAA);
    CHECK(read_all() == DNS_READING_FOREIGN);
    reply(REPLY);
    packet.bytes[12 + 13 + 3] = 3; /* class CHAOS */
    CHECK(read_all() == DNS_READING_FOREIGN);
}

TEST(wants_one_question)
{
    ask("example.com", DNS_A);
    packet_begin(&packet, question.id, REPLY);
    CHECK(read_all() == DNS_READING_FOREIGN);
    packet_address(&packet, ANSWER, "example.com", "192.0.2.1");
    CHECK(read_all() == DNS_READING_FOREIGN);
    reply(REPLY);
    packet_question(&packet, &question.name, question.type);
    CHECK(read_all() == DNS_READING_FOREIGN);
}

TEST(bare_errors_are_replies)
{
    ask("example.com", DNS_A);
    for (uint32_t rcode = 0; rcode < 16; rcode++) {
        bool error = rcode != DNS_RCODE_NOERROR && rcode != DNS_RCODE_NXDOMAIN;

        packet_begin(&packet, question.id, REPLY | rcode);
        CHECK(read_all() == (error ? DNS_READING_SOUND : DNS_READING_FOREIGN));
        CHECK(!error || (message.rcode == rcode && message.answer_count == 0));
        packet_begin(&packet, question.id, REPLY | TC | rcode);
        CHECK(read_all() == DNS_READING_FOREIGN);
        packet_begin(&packet, question.id, REPLY | rcode);
        packet_address(&packet, ANSWER, "@", "192.0.2.1");
        CHECK(read_all() == DNS_READING_FOREIGN);
    }
}

TEST(case_must_be_kept)
{
    ask("eXAmple.com", DNS_A);
    reply(REPLY);
    CHECK(read_all() == DNS_READING_SOUND);
    dns_name_lower(&question.name);
    CHECK(read_all() == DNS_READING_OTHER_CASE);
    question.type = DNS_AAAA;
    CHECK(read_all() == DNS_READING_FOREIGN);
    question.type = DNS_A;
    question.exact = false;
    CHECK(read_all() == DNS_READING_SOUND);
}

TEST(truncated_needs_no_records)
{
    ask("example.com", DNS_A);
    reply(REPLY | TC);
    CHECK(read_all() == DNS_READING_TRUNCATED);
    packet_count(&packet, ANSWER, 9);
    CHECK(read_all() == DNS_READING_TRUNCATED);
    packet_begin(&packet, question.id ^ 1, REPLY | TC);
    packet_question(&packet, &question.name, question.type);
    CHECK(read_all() == DNS_READING_FOREIGN);
}

TEST(counts_that_lie)
{
    for (enum section s = ANSWER; s <= ADDITIONAL; s += 2) {
        rich_reply();
        packet_count(&packet, s, 1);
        CHECK(read_all() == DNS_READING_RUBBISH);
        rich_reply();
        packet_count(&packet, s, 60000);
        CHECK(read_all() == DNS_READING_RUBBISH);
    }
    ask("example.com", DNS_A);
    reply(REPLY);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    packet_count(&packet, ANSWER, -1);
    CHECK(read_all() == DNS_READING_SOUND);
    CHECK(message.trailing && message.answer_count == 0);
}

/* A record whose RDLENGTH is said to be `said`, in a section. */
static enum dns_reading
read_length(enum section section, uint32_t type, size_t said, size_t real)
{
    static const uint8_t zeros[64];

    ask("example.com", DNS_A);
    reply(REPLY);
    packet_record(&packet, section, "@", type, said);
    buf_put(&packet.buf, slice_of(zeros, real));
    return read_all();
}

TEST(record_lengths_must_fit)
{
    for (size_t size = 0; size < 64; size++) {
        CHECK(read_length(ANSWER, DNS_A, size, size) ==
              (size == 4 ? DNS_READING_SOUND : DNS_READING_RUBBISH));
        CHECK(read_length(ANSWER, DNS_AAAA, size, size) ==
              (size == 16 ? DNS_READING_SOUND : DNS_READING_RUBBISH));
        CHECK(read_length(ANSWER, DNS_CNAME, size, size) ==
              (size == 1 ? DNS_READING_SOUND : DNS_READING_RUBBISH));
        CHECK(read_length(ANSWER, DNS_MX, size, size) ==
              (size == 3 ? DNS_READING_SOUND : DNS_READING_RUBBISH));
        CHECK(read_length(ANSWER, 99, size, size) == DNS_READING_SOUND);
        CHECK(read_length(ADDITIONAL, 99, size + 1, size) ==
              DNS_READING_RUBBISH);
        CHECK(read_length(AUTHORITY, 99, 65535, size) == DNS_READING_RUBBISH);
    }
}

TEST(bad_targets_are_rubbish)
{
    static const char *const bad[] = {"@2", "@11", "@30000", "@43"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ask("example.com", DNS_MX); /* the first record starts at 29, */
        reply(REPLY);
        packet_alias(&packet, "@", bad[i]); /* RDATA at 41 */
        CHECK(read_all() == DNS_READING_RUBBISH);
        ask("example.com", DNS_MX);
        reply(REPLY);
        packet_mx(&packet, "@", 0, bad[i]);
        CHECK(read_all() == DNS_READING_RUBBISH);
        reply(REPLY);
        packet_record(&packet, ANSWER, bad[i], 99, 0);
        CHECK(read_all() == DNS_READING_RUBBISH);
    }
    /* a name that goes on where RDATA has ended */
    reply(REPLY);
    packet_record(&packet, ANSWER, "@", DNS_CNAME, 3);
    packet_name(&packet, "ab.c");
    CHECK(read_all() == DNS_READING_RUBBISH);
    /* and one that ends before */
    reply(REPLY);
    packet_record(&packet, ANSWER, "@", DNS_CNAME, 7);
    packet_name(&packet, "ab.c");
    buf_put_byte(&packet.buf, 0);
    CHECK(read_all() == DNS_READING_RUBBISH);
}

TEST(other_classes_are_skipped)
{
    struct dns_answers answers;
    struct dns_record r;

    ask("example.com", DNS_A);
    reply(REPLY);
    packet_address(&packet, ANSWER, "@", "192.0.2.1");
    packet.bytes[packet.buf.used - 11] = 3;
    packet_address(&packet, ANSWER, "@", "192.0.2.2");
    CHECK(read_all() == DNS_READING_SOUND && message.answer_count == 2);
    dns_message_answers(&message, &answers);
    CHECK(dns_answers_next(&answers, &r) && r.rdata.data[3] == 2);
    CHECK(!dns_answers_next(&answers, &r));
}

TEST(reads_edns)
{
    ask("example.com", DNS_A);
    reply(REPLY);
    packet_record(&packet, ADDITIONAL, "", TYPE_OPT, 0);
    packet.bytes[packet.buf.used - 6] = 1; /* extended RCODE: BADVERS */
    CHECK(read_all() == DNS_READING_SOUND);
    CHECK(message.rcode == DNS_RCODE_BADVERS);
    packet_record(&packet, ADDITIONAL, "", TYPE_OPT, 0);
    CHECK(read_all() == DNS_READING_RUBBISH);
}

TEST(tells_referrals)
{
    ask("example.com", DNS_A);
    reply(QR);
    packet_target(&packet, AUTHORITY, "com", TYPE_NS, "a");
    CHECK(read_all() == DNS_READING_SOUND && message.referral);
    CHECK(!message.authoritative && !message.recursive);
    packet_record(&packet, AUTHORITY, "com", TYPE_SOA, 0);
    CHECK(read_all() == DNS_READING_SOUND && !message.referral);
    reply(QR | AA | RA);
    CHECK(read_all() == DNS_READING_SOUND && !message.referral);
    CHECK(message.authoritative && message.recursive);
}

#define CASES(X)                     \
    X(writes_queries)                \
    X(longest_query_fits)            \
    X(reads_records)                 \
    X(every_prefix_is_refused)       \
    X(every_byte_may_be_wrong)       \
    X(ignores_what_is_not_its_reply) \
    X(wants_one_question)            \
    X(bare_errors_are_replies)       \
    X(case_must_be_kept)             \
    X(truncated_needs_no_records)    \
    X(counts_that_lie)               \
    X(record_lengths_must_fit)       \
    X(bad_targets_are_rubbish)       \
    X(other_classes_are_skipped)     \
    X(reads_edns)                    \
    X(tells_referrals)

TEST_MAIN(CASES)
