/* SPDX-License-Identifier: ISC */
#include "smtp/address.h"

#include "test.h"

enum { OUT_SIZE = 4 * ADDRESS_SIZE_MAX, TRIAL_COUNT = 200000 };

static uint8_t text[70000];

static enum smtp_address_problem
check(const char *address)
{
    return smtp_address_check(slice_text(address));
}

/* The address can be sent and looks so in a path. */
static bool
put_slice(struct slice address, struct slice expected)
{
    uint8_t bytes[OUT_SIZE];
    struct buf out;

    if (smtp_address_check(address) != SMTP_ADDRESS_OK)
        return false;
    buf_init(&out, bytes, sizeof(bytes));
    smtp_address_put(&out, address);
    return !out.full && slice_equal(buf_slice(&out), expected);
}

static bool
put(const char *address, const char *expected)
{
    return put_slice(slice_text(address), slice_text(expected));
}

static bool
plain(const char *address)
{
    return put(address, address);
}

/* `local_size` octets of `byte`, then '@' and `domain_size` octets. */
static struct slice
long_address(size_t local_size, char byte, size_t domain_size)
{
    memset(text, byte, local_size);
    text[local_size] = '@';
    memset(text + local_size + 1, 'd', domain_size);
    return slice_of(text, local_size + 1 + domain_size);
}

TEST(plain_addresses_stay)
{
    CHECK(plain("joe@example.org"));
    CHECK(plain("JOE+tag=a.b-c_d@Example.ORG"));
    CHECK(plain("!#$%&'*+-/=?^_`{|}~@example"));
    CHECK(plain("a.b.c@d"));
    CHECK(plain("-leading@example.org"));
    CHECK(plain("bounce-42-joe=example.net@example.org"));
    CHECK(plain("joe"));
    CHECK(plain("joe@[192.0.2.1]"));
    CHECK(plain("joe@[IPv6:2001:db8::1]"));
    CHECK(plain("joe@"));
    CHECK(plain("joe@example.org."));
    CHECK(plain("joe@-x_y.example"));
}

TEST(the_null_sender_is_empty)
{
    CHECK(plain(""));
    CHECK(put_slice(slice_of(NULL, 0), SLICE("")));
}

/* qmail's double bounces. */
TEST(the_double_bounce_sender)
{
    CHECK(plain("#@[]"));
}

TEST(quotes_as_qmail)
{
    CHECK(put("a b@c", "\"a b\"@c"));
    CHECK(put("a\"b@c", "\"a\\\"b\"@c"));
    CHECK(put("a\\b@c", "\"a\\\\b\"@c"));
    CHECK(put("\"a b\"@c", "\"\\\"a b\\\"\"@c"));
    CHECK(put("a,b@c", "\"a,b\"@c"));
    CHECK(put("a:b@c", "\"a:b\"@c"));
    CHECK(put("a;b@c", "\"a;b\"@c"));
    CHECK(put("a(b)@c", "\"a(b)\"@c"));
    CHECK(put("a<b>@c", "\"a<b>\"@c"));
    CHECK(put("a[b]@c", "\"a[b]\"@c"));
    CHECK(put(" @c", "\" \"@c"));
    CHECK(put("\\@c", "\"\\\\\"@c"));
    CHECK(put("\"@c", "\"\\\"\"@c"));
}

TEST(quotes_dots_at_odd_places)
{
    CHECK(put(".a@c", "\".a\"@c"));
    CHECK(put("a.@c", "\"a.\"@c"));
    CHECK(put("a..b@c", "\"a..b\"@c"));
    CHECK(put(".@c", "\".\"@c"));
    CHECK(put("..@c", "\"..\"@c"));
    CHECK(plain("a.b@c"));
}

TEST(the_last_at_parts)
{
    CHECK(put("@c", "\"\"@c"));
    CHECK(put("a@b@c", "\"a@b\"@c"));
    CHECK(put("@@c", "\"@\"@c"));
    CHECK(put("@", "\"\"@"));
    CHECK(put("a@[", "") == false);
}

TEST(without_an_at_it_is_all_local)
{
    CHECK(plain("joe.doe"));
    CHECK(put("joe doe", "\"joe doe\""));
    CHECK(put("a>b", "\"a>b\""));
    CHECK(put("a.", "\"a.\""));
}

TEST(control_bytes_are_refused_everywhere)
{
    for (int i = 0; i < 128; i++) {
        uint8_t local[] = {'a', (uint8_t)i, 'b', '@', 'c'};
        uint8_t domain[] = {'a', '@', 'c', (uint8_t)i, 'd'};
        uint8_t literal[] = {'a', '@', '[', (uint8_t)i, ']'};
        uint8_t alone[] = {(uint8_t)i};
        bool control = i < 32 || i == 127;
        enum smtp_address_problem wrong = SMTP_ADDRESS_CONTROL;

        CHECK((smtp_address_check(slice_of(local, 5)) == wrong) == control);
        CHECK((smtp_address_check(slice_of(domain, 5)) == wrong) == control);
        CHECK((smtp_address_check(slice_of(literal, 5)) == wrong) == control);
        CHECK((smtp_address_check(slice_of(alone, 1)) == wrong) == control);
    }
    CHECK(check("a\r\nRCPT TO:<x@y>@c") == SMTP_ADDRESS_CONTROL);
    CHECK(smtp_address_check(SLICE("a@b\0")) == SMTP_ADDRESS_CONTROL);
}

/* RFC 6531 section 3.3. It is an atom: quotes would be another address. */
TEST(utf8_stays_as_it_is)
{
    CHECK(plain("caf\xc3\xa9@example.org"));
    CHECK(plain("\xe2\x82\xac.\xf0\x9f\x93\xa7@b\xc3\xbc"
                "cher.example"));
    CHECK(plain("joe@b\xc3\xbc"
                "cher.example"));
    CHECK(plain("\xc2\xa0@\xc2\xa0"));
    CHECK(put("caf\xc3\xa9 x@b", "\"caf\xc3\xa9 x\"@b"));
    CHECK(put("\xc3\xa9\"@b", "\"\xc3\xa9\\\"\"@b"));
    CHECK(put(".\xc3\xa9@b", "\".\xc3\xa9\"@b"));
    CHECK(check("\xc3\xa9@b>c") == SMTP_ADDRESS_DOMAIN);
    CHECK(check("\xc3\xa9\n@b") == SMTP_ADDRESS_CONTROL);
}

TEST(bytes_that_are_no_text_are_refused_everywhere)
{
    for (int i = 0x80; i <= UINT8_MAX; i++) {
        uint8_t local[] = {'a', (uint8_t)i, '@', 'c'};
        uint8_t domain[] = {'a', '@', 'c', (uint8_t)i};

        CHECK(smtp_address_check(slice_of(local, 4)) == SMTP_ADDRESS_NOT_TEXT);
        CHECK(smtp_address_check(slice_of(domain, 4)) == SMTP_ADDRESS_NOT_TEXT);
    }
    /* What it is says more than that it is also something else. */
    CHECK(check("\xc3\n@b>") == SMTP_ADDRESS_NOT_TEXT);
    CHECK(check("\xc2\x85@b") == SMTP_ADDRESS_NOT_TEXT);
    CHECK(check("a@\xed\xa0\x80") == SMTP_ADDRESS_NOT_TEXT);
    memset(text, 0xff, sizeof(text));
    CHECK(smtp_address_check(slice_of(text, sizeof(text))) ==
          SMTP_ADDRESS_NOT_TEXT);
}

/* A `>` there would end the path, a space the argument. */
TEST(a_domain_has_no_special_characters)
{
    static const char specials[] = "<>()[]@,;:\\\" ";

    for (size_t i = 0; i < sizeof(specials) - 1; i++) {
        char domain[] = "a@b?c", end[] = "a@bc?", literal[] = "a@[b?c]";

        domain[3] = end[4] = literal[4] = specials[i];
        if (specials[i] == '@')
            continue;
        CHECK(check(domain) == SMTP_ADDRESS_DOMAIN);
        CHECK(check(end) == SMTP_ADDRESS_DOMAIN);
        if (specials[i] != ':')
            CHECK(check(literal) == SMTP_ADDRESS_DOMAIN);
    }
    CHECK(check("a@::1") == SMTP_ADDRESS_OK); /* an address needs no brackets */
    CHECK(check("a@::1::") == SMTP_ADDRESS_DOMAIN);
    CHECK(check("a@b> SIZE=1") == SMTP_ADDRESS_DOMAIN);
    CHECK(check("a@[b]> x<[c]") == SMTP_ADDRESS_DOMAIN);
    CHECK(check("a@[b][c]") == SMTP_ADDRESS_DOMAIN);
    CHECK(check("a@[") == SMTP_ADDRESS_DOMAIN);
    CHECK(check("a@]") == SMTP_ADDRESS_DOMAIN);
    CHECK(check("a@[b]c") == SMTP_ADDRESS_DOMAIN);
}

TEST(bounds_the_address_to_the_octet)
{
    CHECK(smtp_address_check(long_address(100, 'a', 153)) == SMTP_ADDRESS_OK);
    CHECK(smtp_address_check(long_address(100, 'a', 154)) == SMTP_ADDRESS_LONG);
    CHECK(smtp_address_check(long_address(101, 'a', 153)) == SMTP_ADDRESS_LONG);
    CHECK(smtp_address_check(long_address(253, 'a', 0)) == SMTP_ADDRESS_OK);
    CHECK(smtp_address_check(long_address(254, 'a', 0)) == SMTP_ADDRESS_LONG);
    /* No `@`: all is local. */
    memset(text, 'a', 255);
    CHECK(smtp_address_check(slice_of(text, 254)) == SMTP_ADDRESS_OK);
    CHECK(smtp_address_check(slice_of(text, 255)) == SMTP_ADDRESS_LONG);
}

TEST(quotes_and_backslashes_count)
{
    /* 126 pairs and two quotes are 254. */
    CHECK(smtp_address_check(long_address(126, '"', 0)) == SMTP_ADDRESS_LONG);
    CHECK(smtp_address_check(long_address(125, '"', 1)) == SMTP_ADDRESS_OK);
    CHECK(smtp_address_check(long_address(125, '"', 2)) == SMTP_ADDRESS_LONG);
    CHECK(smtp_address_check(long_address(251, ' ', 0)) == SMTP_ADDRESS_OK);
    CHECK(smtp_address_check(long_address(252, ' ', 0)) == SMTP_ADDRESS_LONG);
    CHECK(smtp_address_check(long_address(125, '\\', 1)) == SMTP_ADDRESS_OK);
    CHECK(smtp_address_check(long_address(126, '\\', 1)) == SMTP_ADDRESS_LONG);
}

TEST(names_what_is_too_long)
{
    CHECK(smtp_address_check(long_address(1, 'a', 256)) ==
          SMTP_ADDRESS_DOMAIN_LONG);
    CHECK(smtp_address_check(long_address(1, 'a', 65000)) ==
          SMTP_ADDRESS_DOMAIN_LONG);
    CHECK(smtp_address_check(long_address(65000, 'a', 1)) == SMTP_ADDRESS_LONG);
    CHECK(smtp_address_check(long_address(65000, '"', 1)) == SMTP_ADDRESS_LONG);
}

TEST(every_problem_has_words)
{
    CHECK(strcmp(smtp_address_why(SMTP_ADDRESS_OK), "") == 0);
    for (int i = SMTP_ADDRESS_OK + 1; i <= SMTP_ADDRESS_LONG; i++) {
        const char *why = smtp_address_why((enum smtp_address_problem)i);

        CHECK(why[0] != '\0' && strchr(why, '\n') == NULL);
        for (int j = SMTP_ADDRESS_OK; j < i; j++)
            CHECK(strcmp(why, smtp_address_why((enum smtp_address_problem)j)) !=
                  0);
    }
}

/* Reads a path as a server does (RFC 5321 section 4.1.2): the address that it
 * means, or false when it is none. */
static bool
server_reads(struct slice path, struct buf *out)
{
    size_t i = 0;

    if (path.size > 0 && path.data[0] == '"') {
        for (i = 1; i < path.size && path.data[i] != '"'; i++) {
            if (path.data[i] == '\\' && ++i == path.size)
                return false;
            buf_put_byte(out, path.data[i]);
        }
        if (i++ >= path.size)
            return false;
    } else {
        for (; i < path.size && path.data[i] != '@'; i++) {
            if (strchr("<>()[],;:\\\" ", path.data[i]))
                return false;
            buf_put_byte(out, path.data[i]);
        }
    }
    if (i < path.size && path.data[i] != '@')
        return false;
    for (; i < path.size; i++) {
        if (strchr("<>\" ", path.data[i]))
            return false;
        buf_put_byte(out, path.data[i]);
    }
    return true;
}

TEST(a_server_reads_what_was_meant)
{
    static const char bytes[] = "ab.@\\\"<>[] ,:";
    uint32_t seed = 1;
    int sent = 0;

    for (int i = 0; i < TRIAL_COUNT; i++) {
        uint8_t address[8], path_bytes[32], back_bytes[32];
        struct buf path, back;
        size_t size = i % (sizeof(address) + 1);

        for (size_t j = 0; j < size; j++) {
            seed = seed * 1664525 + 1013904223;
            address[j] = (uint8_t)bytes[(seed >> 8) % (sizeof(bytes) - 1)];
        }
        if (smtp_address_check(slice_of(address, size)) != SMTP_ADDRESS_OK)
            continue;
        sent++;
        buf_init(&path, path_bytes, sizeof(path_bytes));
        buf_init(&back, back_bytes, sizeof(back_bytes));
        smtp_address_put(&path, slice_of(address, size));
        CHECK(!path.full && server_reads(buf_slice(&path), &back));
        CHECK(slice_equal(buf_slice(&back), slice_of(address, size)));
    }
    CHECK(sent > TRIAL_COUNT / 20);
}

#define CASES(X)                                     \
    X(plain_addresses_stay)                          \
    X(the_null_sender_is_empty)                      \
    X(the_double_bounce_sender)                      \
    X(quotes_as_qmail)                               \
    X(quotes_dots_at_odd_places)                     \
    X(the_last_at_parts)                             \
    X(without_an_at_it_is_all_local)                 \
    X(control_bytes_are_refused_everywhere)          \
    X(utf8_stays_as_it_is)                           \
    X(bytes_that_are_no_text_are_refused_everywhere) \
    X(a_domain_has_no_special_characters)            \
    X(bounds_the_address_to_the_octet)               \
    X(quotes_and_backslashes_count)                  \
    X(names_what_is_too_long)                        \
    X(every_problem_has_words)                       \
    X(a_server_reads_what_was_meant)

TEST_MAIN(CASES)
