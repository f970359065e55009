/* SPDX-License-Identifier: ISC */
#include "qmail/route.h"

#include "base/ascii.h"
#include "test.h"

enum { FILE_LINE_COUNT_MAX = 12, WORD_SIZE_MAX = 8 };

static uint32_t seed;

static uint32_t
random_below(uint32_t count)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % count;
}

/* The route of a host for a sender, by a file of lines parted by LF. */
static struct qmail_route_search
search_for(const char *sender, const char *host, enum qmail_key_kind kind,
           const char *file)
{
    struct qmail_route_search s;
    struct slice rest = slice_text(file);

    qmail_route_init(&s, slice_text(host), slice_text(sender), kind);
    for (uint32_t number = 1; rest.size > 0; number++) {
        size_t at = slice_find(rest, '\n');

        qmail_route_offer(&s, slice_part(rest, 0, at), number);
        rest = slice_part(rest, at + 1, rest.size);
    }
    return s;
}

static struct qmail_route_search
search(const char *host, const char *file)
{
    return search_for("alice@example.net", host, KEY_HOST, file);
}

static bool
leads_to(const struct qmail_route_search *s, const char *relay)
{
    return s->problem == PROBLEM_NONE && s->route.relay &&
           s->route.kind == ROUTE_NAME &&
           slice_equal(qmail_route_name(&s->route), slice_text(relay));
}

static bool
goes_to(const char *host, const char *file, const char *relay)
{
    struct qmail_route_search s = search(host, file);

    return leads_to(&s, relay);
}

static bool
goes_to_mx(const char *host, const char *file, uint16_t port)
{
    struct qmail_route_search s = search(host, file);

    return s.problem == PROBLEM_NONE && s.route.kind == ROUTE_MX &&
           !s.route.relay && s.route.port == port;
}

TEST(without_a_match_the_exchangers_are_looked_up)
{
    CHECK(goes_to_mx("example.org", "", 25));
    CHECK(goes_to_mx("example.org", "example.net:r", 25));
    CHECK(goes_to_mx("example.org", "xample.org:r\n.example.org:r", 25));
    CHECK(goes_to_mx("example.org", "www.example.org:r\n.com:r", 25));
    CHECK(goes_to_mx("example.org", "example.or:r\nexample.orgs:r", 25));
    CHECK(search("example.org", "example.net:r").key.line == 0);
}

TEST(the_host_beats_its_longest_end_beats_the_empty_key)
{
    static const char file[] = ":all\n"
                               ".b.c:bc\n"
                               "a.b.c:abc\n"
                               ".c:c\n"
                               "b.c:only";

    CHECK(goes_to("a.b.c", file, "abc"));
    CHECK(goes_to("x.b.c", file, "bc"));
    CHECK(goes_to("y.x.b.c", file, "bc"));
    CHECK(goes_to("b.c", file, "only"));
    CHECK(goes_to("x.c", file, "c"));
    CHECK(goes_to("c", file, "all"));
    CHECK(goes_to("", file, "all"));
    CHECK(search("x.b.c", file).key.line == 2);
    CHECK(search("c", file).key.line == 1);
}

TEST(of_equal_keys_the_last_counts)
{
    CHECK(goes_to("a.b", "a.b:one\nA.B:two\n.b:three\n:four", "two"));
    CHECK(goes_to("x.b", ".b:one\n.b:two\n:three\n:four", "two"));
    CHECK(goes_to("x", ":one\n:two", "two"));
    CHECK(goes_to_mx("a.b", "a.b:one\na.b:\n.b:two", 25));
    CHECK(search("a.b", "a.b:one\na.b:two:0\n").problem == PROBLEM_PORT);
    CHECK(goes_to("a.b", "a.b:two:0\na.b:one", "one"));
}

TEST(case_does_not_matter)
{
    CHECK(goes_to("EXAMPLE.org", "example.ORG:r", "r"));
    CHECK(goes_to("a.EXAMPLE.org", ".example.ORG:r", "r"));
    CHECK(goes_to("a", "A:Relay.Example", "Relay.Example"));
}

TEST(a_dot_at_the_end_does_not_matter)
{
    CHECK(goes_to("a.b.", "a.b:r", "r"));
    CHECK(goes_to("a.b", "a.b.:r", "r"));
    CHECK(goes_to("x.b.", ".b:r", "r"));
    CHECK(goes_to("x.b", ".b.:r", "r"));
    CHECK(goes_to("a.b", "a.b:relay.example.", "relay.example"));
    CHECK(goes_to_mx("a.b.", ".:r", 25));
}

TEST(a_line_without_a_colon_is_ignored)
{
    CHECK(goes_to_mx("a.b", "a.b\n", 25));
    CHECK(goes_to_mx("a.b", "\n.b", 25));
    CHECK(goes_to("a.b", ".b:r\na.b", "r"));
}

TEST(white_space_in_a_key_matches_nothing)
{
    CHECK(goes_to_mx("a.b", " a.b:r\na.b :r\na\t.b:r", 25));
}

TEST(an_empty_relay_means_the_exchangers_also_at_another_port)
{
    CHECK(goes_to_mx("a.b", "a.b:\n:r", 25));
    CHECK(goes_to_mx("a.b", "a.b::\n:r", 25));
    CHECK(goes_to_mx("a.b", "a.b::26\n:r", 26));
    CHECK(goes_to_mx("x.b", ".b::26\n:r", 26));
    CHECK(goes_to_mx("x.b", ":::587", 587) == false);
    CHECK(search("x.b", "::0").problem == PROBLEM_PORT);
}

TEST(a_key_in_brackets_matches_the_address_in_any_spelling)
{
    CHECK(goes_to("[192.0.2.1]", "[192.0.2.1]:r\n:all", "r"));
    CHECK(goes_to("192.0.2.1", "[192.0.2.1]:r\n:all", "r"));
    CHECK(goes_to("[192.0.2.1]", "192.0.2.1:r\n:all", "r"));
    CHECK(goes_to("[192.0.2.2]", "[192.0.2.1]:r\n:all", "all"));
    CHECK(goes_to("[IPv6:2001:db8::1]", "[2001:DB8:0::1]:r\n:all", "r"));
    CHECK(goes_to("2001:db8::1", "[ipv6:2001:db8::1]:r\n:all", "r"));
    CHECK(goes_to("[2001:db8::1]", "[2001:db8::1]:r:26\n:all", "r"));
    CHECK(goes_to("[2001:db8::2]", "[2001:db8::1]:r\n:all", "all"));
    CHECK(goes_to("[x:y]", "[x:y]:r\n:all", "r"));
    CHECK(goes_to("[x", "[x:r\n:all", "r"));
    CHECK(goes_to("[1.2.3.4]", "[1.2.3.4]:one\n1.2.3.4:two\n:all", "two"));
}

TEST(a_host_that_is_an_address_is_connected_to)
{
    static const char *const hosts[] = {"[2001:db8::1]", "[IPv6:2001:db8::1]",
                                        "2001:db8::1", "2001:DB8:0::1",
                                        "[2001:db8::1]."};
    struct addr a;

    CHECK(addr_parse(SLICE("2001:db8::1"), &a));
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct qmail_route_search s = search(hosts[i], "x:y");

        CHECK(s.route.kind == ROUTE_ADDRESS && !s.route.relay);
        CHECK(addr_equal(&s.route.addr, &a) && s.route.port == 25);
        s = search(hosts[i], "[2001:db8::1]::26");
        CHECK(s.route.kind == ROUTE_ADDRESS && !s.route.relay);
        CHECK(addr_equal(&s.route.addr, &a) && s.route.port == 26);
        CHECK(qmail_route_name(&s.route).size == 0);
        CHECK(goes_to(hosts[i], ":r", "r"));
    }
    CHECK(search("[192.0.2.1]", "").route.kind == ROUTE_ADDRESS);
    CHECK(search("192.0.2.1", "").route.kind == ROUTE_ADDRESS);
    CHECK(search("[example.org]", "").route.kind == ROUTE_MX);
    CHECK(search("192.0.2.256", "").route.kind == ROUTE_MX);
}

static bool
relay_is_address(const char *relay, const char *address, uint16_t port)
{
    struct qmail_route r;
    struct addr a;

    return addr_parse(slice_text(address), &a) &&
           qmail_route_parse(slice_text(relay), &r) == PROBLEM_NONE &&
           r.kind == ROUTE_ADDRESS && r.relay && addr_equal(&r.addr, &a) &&
           r.port == port && r.name_size == 0;
}

TEST(a_relay_may_be_an_address)
{
    CHECK(relay_is_address("[192.0.2.1]", "192.0.2.1", 25));
    CHECK(relay_is_address("[192.0.2.1]:26", "192.0.2.1", 26));
    CHECK(relay_is_address("[192.0.2.1]:", "192.0.2.1", 25));
    CHECK(relay_is_address("192.0.2.1", "192.0.2.1", 25));
    CHECK(relay_is_address("192.0.2.1.", "192.0.2.1", 25));
    CHECK(relay_is_address("192.0.2.1:587", "192.0.2.1", 587));
    CHECK(relay_is_address("[2001:db8::1]", "2001:db8::1", 25));
    CHECK(relay_is_address("[2001:db8::1]:26", "2001:db8::1", 26));
    CHECK(relay_is_address("[IPv6:2001:db8::1]", "2001:db8::1", 25));
    CHECK(relay_is_address("[IPv6:2001:db8::1]:26", "2001:db8::1", 26));
    CHECK(relay_is_address("2001:db8::1", "2001:db8::1", 25));
    CHECK(relay_is_address("::1", "::1", 25));
    CHECK(relay_is_address("[::ffff:192.0.2.1]:26", "192.0.2.1", 26));
    CHECK(relay_is_address("2001:db8::1:26", "2001:db8::1:26", 25));
}

static bool
relay_is_name(const char *relay, const char *name, uint16_t port)
{
    struct qmail_route r;

    return qmail_route_parse(slice_text(relay), &r) == PROBLEM_NONE &&
           r.kind == ROUTE_NAME && r.relay && r.port == port &&
           slice_equal(qmail_route_name(&r), slice_text(name));
}

TEST(a_relay_may_be_a_name_with_a_port)
{
    CHECK(relay_is_name("relay", "relay", 25));
    CHECK(relay_is_name("relay.example.", "relay.example", 25));
    CHECK(relay_is_name("relay.example.:26", "relay.example", 26));
    CHECK(relay_is_name("relay:", "relay", 25));
    CHECK(relay_is_name("relay:1", "relay", 1));
    CHECK(relay_is_name("relay:0025", "relay", 25));
    CHECK(relay_is_name("relay:65535", "relay", 65535));
    CHECK(relay_is_name("mail_out-1.x", "mail_out-1.x", 25));
}

static enum qmail_problem
problem_of(const char *relay)
{
    struct qmail_route r = {.port = 1};
    enum qmail_problem problem = qmail_route_parse(slice_text(relay), &r);

    /* What is wrong is not written. */
    return r.port == 1 ? problem : PROBLEM_NONE;
}

TEST(what_is_wrong_in_a_relay_is_named)
{
    CHECK(problem_of("relay:0") == PROBLEM_PORT);
    CHECK(problem_of("relay:65536") == PROBLEM_PORT);
    CHECK(problem_of("relay:4294967321") == PROBLEM_PORT);
    CHECK(problem_of("relay:smtp") == PROBLEM_PORT);
    CHECK(problem_of("relay:25x") == PROBLEM_PORT);
    CHECK(problem_of("relay: 25") == PROBLEM_PORT);
    CHECK(problem_of("relay:25:26") == PROBLEM_PORT);
    CHECK(problem_of("192.0.2.1:+25") == PROBLEM_PORT);
    CHECK(problem_of("[192.0.2.1]:99999") == PROBLEM_PORT);
    CHECK(problem_of("2001:db8:0:0:0:0:0:1:25") == PROBLEM_BRACKETS);
    CHECK(problem_of("2001:db8::1:00025") == PROBLEM_BRACKETS);
    CHECK(problem_of("[relay.example]") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("[relay.example]:25") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("[192.0.2.1") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("[192.0.2.1]25") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("[192.0.2.1]x:25") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("[]") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("[fe80::1%eth0]") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("re lay") == PROBLEM_RELAY);
    CHECK(problem_of(" relay") == PROBLEM_RELAY);
    CHECK(problem_of("relay # main") == PROBLEM_RELAY);
    CHECK(problem_of("relay\x01") == PROBLEM_RELAY);
    CHECK(problem_of("r\xc3\xa4lay") == PROBLEM_RELAY);
    CHECK(problem_of("relay\x7f") == PROBLEM_RELAY);
    CHECK(problem_of("192.0.2.1]") == PROBLEM_RELAY);
    CHECK(problem_of(".") == PROBLEM_RELAY);
    CHECK(problem_of("..") == PROBLEM_RELAY);
    CHECK(problem_of(".relay") == PROBLEM_RELAY);
    CHECK(problem_of("relay..example") == PROBLEM_RELAY);
    CHECK(problem_of("relay..") == PROBLEM_RELAY);
    CHECK(problem_of("relay;0") == PROBLEM_PORT);
    CHECK(problem_of("relay;smtp") == PROBLEM_PORT);
    CHECK(problem_of("relay;25;26") == PROBLEM_PORT);
    CHECK(problem_of("relay;25:26") == PROBLEM_PORT);
    CHECK(problem_of("relay:25;26") == PROBLEM_RELAY);
}

TEST(a_name_has_letters_digits_and_three_marks)
{
    for (int byte = 1; byte < 256; byte++) {
        char relay[] = {'a', (char)byte, 'b', 0};
        bool fine = ascii_alpha((uint8_t)byte) || ascii_digit((uint8_t)byte) ||
                    strchr("-_.", byte);

        /* These end the name, and `b` is no port. */
        if (byte == ':' || byte == ';')
            CHECK(problem_of(relay) == PROBLEM_PORT);
        else
            CHECK(problem_of(relay) == (fine ? PROBLEM_NONE : PROBLEM_RELAY));
    }
    CHECK(problem_of("r_x!.example") == PROBLEM_RELAY);
    CHECK(problem_of("relay|user|password") == PROBLEM_RELAY);
}

TEST(digits_and_dots_are_an_address_or_nothing)
{
    CHECK(problem_of("192.168.001.010") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("192.168.001.010:25") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("192.0.2.256") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("192.0.2") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("1.2.3.4.5") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("3232235777") == PROBLEM_NOT_ADDRESS);
    CHECK(problem_of("192.0.2.1.") == PROBLEM_NONE);
    CHECK(relay_is_name("1.example", "1.example", 25));
    CHECK(relay_is_name("1.2.3.x4", "1.2.3.x4", 25));
    CHECK(relay_is_name("0x7f.1", "0x7f.1", 25));
    CHECK(relay_is_name("1-2", "1-2", 25));
}

TEST(a_semicolon_parts_a_port_too)
{
    CHECK(relay_is_name("relay;587", "relay", 587));
    CHECK(relay_is_name("relay.example.;26", "relay.example", 26));
    CHECK(relay_is_name("relay;", "relay", 25));
    CHECK(relay_is_address("192.0.2.1;587", "192.0.2.1", 587));
    CHECK(relay_is_address("[192.0.2.1];587", "192.0.2.1", 587));
    CHECK(relay_is_address("[2001:db8::1];587", "2001:db8::1", 587));
    CHECK(relay_is_address("2001:db8::1;587", "2001:db8::1", 587));
    CHECK(goes_to_mx("a.b", "a.b:;26\n:r", 26));
    CHECK(goes_to_mx("a.b", "a.b:;\n:r", 25));
}

/* ---- by sender ---- */

static bool
sends_to(const char *sender, const char *file, const char *relay)
{
    struct qmail_route_search s = search_for(sender, "a.b", KEY_SENDER, file);

    return leads_to(&s, relay) && !s.empty;
}

TEST(a_sender_is_looked_for_by_its_ends)
{
    static const char file[] = ":all\n"
                               ".example:tld\n"
                               "@d.example:domain\n"
                               "bob@d.example:bob\n"
                               "d.example:none\n"
                               "ob@d.example:none";

    CHECK(sends_to("bob@d.example", file, "bob"));
    CHECK(sends_to("BOB@d.EXAMPLE", file, "bob"));
    CHECK(sends_to("bobob@d.example", file, "domain"));
    CHECK(sends_to("al@sub.d.example", file, "tld"));
    CHECK(sends_to("al@other", file, "all"));
    CHECK(sends_to("", file, "all"));
    CHECK(search_for("al@other", "a.b", KEY_SENDER, "a.b:r").key.line == 0);
}

TEST(a_line_of_a_sender_that_says_nothing_is_empty)
{
    struct qmail_route_search s =
        search_for("a@b", "h", KEY_SENDER, "@b:r\na@b:");

    CHECK(s.key.line == 2 && s.empty && s.problem == PROBLEM_NONE);
    s = search_for("a@b", "h", KEY_SENDER, "@b:r\na@b::26");
    CHECK(s.key.line == 2 && !s.empty && s.route.kind == ROUTE_MX);
    CHECK(s.route.port == 26 && !s.route.relay);
    s = search_for("a@b", "h", KEY_SENDER, "a@b:\nA@b:r");
    CHECK(s.key.line == 2 && !s.empty && leads_to(&s, "r"));
}

TEST(a_sender_s_route_holds_for_hosts_that_are_addresses)
{
    struct qmail_route_search s =
        search_for("a@b", "[192.0.2.1]", KEY_SENDER, "@b:r");

    CHECK(leads_to(&s, "r"));
    s = search_for("a@b", "[192.0.2.1]", KEY_SENDER, "@b::26");
    CHECK(s.route.kind == ROUTE_ADDRESS && !s.route.relay);
    CHECK(s.route.port == 26 && s.route.addr.bytes[3] == 1);
    /* Keys are senders: an address among them is text. */
    CHECK(
        search_for("a@[192.0.2.1]", "h", KEY_SENDER, "192.0.2.1:r").key.line ==
        0);
    s = search_for("a@[192.0.2.1]", "h", KEY_SENDER, "@[192.0.2.1]:r");
    CHECK(leads_to(&s, "r"));
}

TEST(mail_of_the_null_sender_has_a_key_of_its_own)
{
    static const char file[] = "!@:bounces\na.b:r\n:all";
    struct qmail_route_search s = search_for("", "a.b", KEY_HOST, file);

    CHECK(leads_to(&s, "bounces") && s.key.line == 1);
    s = search_for("", "[192.0.2.1]", KEY_HOST, file);
    CHECK(leads_to(&s, "bounces"));
    s = search_for("", "a.b", KEY_HOST, "!@:one\n!@:two\na.b:r");
    CHECK(leads_to(&s, "two"));
    s = search_for("", "a.b", KEY_HOST, "!@:\na.b:r");
    CHECK(s.route.kind == ROUTE_MX && s.key.line == 1);
    CHECK(goes_to("a.b", file, "r"));
    CHECK(goes_to("b", "!@:bounces\n:all", "all"));
    s = search_for("", "a.b", KEY_HOST, ":all");
    CHECK(leads_to(&s, "all"));
    s = search_for("", "a.b", KEY_SENDER, "!@:r");
    CHECK(s.key.line == 0);
}

/* ---- with a login ---- */

TEST(a_login_needs_a_relay)
{
    static const char *const values[] = {"|u|p",  ":587|u|p", ";587|u|p",
                                         ".|u|p", " u p",     ":587 u p"};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct qmail_route_search s;
        char line[32];

        snprintf(line, sizeof(line), "a.b:%s", values[i]);
        s = search("a.b", line);
        CHECK(s.problem ==
              (values[i][0] == '.' ? PROBLEM_RELAY : PROBLEM_RELAY_ABSENT));
    }
    CHECK(search("a.b", "a.b:r|u|p").problem == PROBLEM_NONE);
    CHECK(search("a.b", "a.b:r|u|p").login.kind == LOGIN_PASSWORD);
    CHECK(search("a.b", "a.b:r|u|p\nA.b:r").login.kind == LOGIN_NONE);
    CHECK(search("a.b", "a.b:r|u").problem == PROBLEM_USER_ALONE);
    CHECK(search("a.b", "a.b:r|u\n:r").problem == PROBLEM_USER_ALONE);
    CHECK(search("a", "a.b:r|u\n:r").problem == PROBLEM_NONE);
    CHECK(search("a.b", "a.b:r:0|u|p").problem == PROBLEM_PORT);
    CHECK(search("a.b", "a.b:r_x!|u|p").problem == PROBLEM_RELAY);
}

TEST(a_relay_may_be_as_long_as_a_name_may)
{
    uint8_t name[NAME_TEXT_SIZE_MAX + 2];
    struct qmail_route r;

    memset(name, 'a', sizeof(name));
    CHECK(qmail_route_parse(slice_of(name, NAME_LABEL_SIZE_MAX), &r) ==
          PROBLEM_NONE);
    CHECK(qmail_route_parse(slice_of(name, NAME_LABEL_SIZE_MAX + 1), &r) ==
          PROBLEM_NAME_LONG);
    for (size_t i = 1; i < sizeof(name); i += 2)
        name[i] = '.';
    CHECK(qmail_route_parse(slice_of(name, NAME_TEXT_SIZE_MAX), &r) ==
          PROBLEM_NONE);
    CHECK(r.name_size == NAME_TEXT_SIZE_MAX);
    CHECK(qmail_route_parse(slice_of(name, NAME_TEXT_SIZE_MAX + 1), &r) ==
          PROBLEM_NONE);
    CHECK(r.name_size == NAME_TEXT_SIZE_MAX);
    CHECK(qmail_route_parse(slice_of(name, NAME_TEXT_SIZE_MAX + 2), &r) ==
          PROBLEM_NAME_LONG);
}

TEST(a_wrong_relay_is_a_problem_of_the_hosts_it_is_for)
{
    static const char file[] = "a.b:r:0\n.b:[x]\nc:r";

    CHECK(search("a.b", file).problem == PROBLEM_PORT);
    CHECK(search("a.b", file).key.line == 1);
    CHECK(search("x.b", file).problem == PROBLEM_NOT_ADDRESS);
    CHECK(goes_to("c", file, "r"));
    CHECK(goes_to_mx("d", file, 25));
}

/* A file in memory, for the plain way to look something up. */
struct file {
    uint32_t count;
    char keys[FILE_LINE_COUNT_MAX][WORD_SIZE_MAX];
};

static bool
same_name(const char *a, const char *b)
{
    for (; *a != 0 && ascii_lower((uint8_t)*a) == ascii_lower((uint8_t)*b); a++)
        b++;
    return *a == *b;
}

/* Number of the line that interface.md means, 0 for none. */
static uint32_t
plain_search(const struct file *f, const char *host)
{
    size_t size = strlen(host);

    for (size_t i = 0; i <= size; i++) {
        if (i > 0 && i < size && host[i] != '.')
            continue;
        for (uint32_t n = f->count; n > 0; n--)
            if (same_name(f->keys[n - 1], host + i))
                return n;
    }
    return 0;
}

static void
random_word(char word[static WORD_SIZE_MAX])
{
    size_t size = random_below(WORD_SIZE_MAX);

    memset(word, 0, WORD_SIZE_MAX);
    for (size_t i = 0; i < size; i++)
        word[i] = "aAb.."[random_below(5)];
    /* One dot at the end is the same name without it: see its own case. */
    while (size > 0 && word[size - 1] == '.')
        word[--size] = 0;
}

TEST(random_files_give_the_line_that_a_plain_search_gives)
{
    uint32_t found = 0;

    for (uint32_t round = 0; round < 50000; round++) {
        struct file f = {.count = random_below(FILE_LINE_COUNT_MAX + 1)};
        struct qmail_route_search s;
        char host[WORD_SIZE_MAX];
        uint32_t want = 0;

        random_word(host);
        qmail_route_init(&s, slice_text(host), SLICE("a"), KEY_HOST);
        for (uint32_t i = 0; i < f.count; i++) {
            uint8_t line[2 * WORD_SIZE_MAX];
            struct buf b;

            random_word(f.keys[i]);
            buf_init(&b, line, sizeof(line));
            buf_put_text(&b, f.keys[i]);
            buf_put_text(&b, ":r");
            buf_put_number(&b, i + 1, 1);
            qmail_route_offer(&s, buf_slice(&b), i + 1);
        }
        want = plain_search(&f, host);
        found += want > 0;
        CHECK(s.key.line == want);
        CHECK((s.route.kind == ROUTE_NAME) == (want > 0));
        CHECK(s.route.kind == ROUTE_MX || s.route.name[1] == '1' ||
              s.route.name[1] == (uint8_t)('0' + want));
    }
    CHECK(found > 10000 && found < 50000);
}

TEST(a_hundred_thousand_lines_need_no_more_memory)
{
    struct qmail_route_search s;
    uint8_t line[64];
    struct buf b;

    qmail_route_init(&s, SLICE("www.host77777.example"), SLICE("a"), KEY_HOST);
    for (uint32_t i = 1; i <= 100000; i++) {
        buf_init(&b, line, sizeof(line));
        buf_put_text(&b, ".host");
        buf_put_number(&b, i, 1);
        buf_put_text(&b, ".example:relay");
        buf_put_number(&b, i, 1);
        qmail_route_offer(&s, buf_slice(&b), i);
    }
    CHECK(s.key.line == 77777 && s.problem == PROBLEM_NONE);
    CHECK(slice_equal(qmail_route_name(&s.route), SLICE("relay77777")));
    CHECK(sizeof(s) < sizeof(struct qmail_login) + 512);
}

#define CASES(X)                                                \
    X(without_a_match_the_exchangers_are_looked_up)             \
    X(the_host_beats_its_longest_end_beats_the_empty_key)       \
    X(of_equal_keys_the_last_counts)                            \
    X(case_does_not_matter)                                     \
    X(a_dot_at_the_end_does_not_matter)                         \
    X(a_line_without_a_colon_is_ignored)                        \
    X(white_space_in_a_key_matches_nothing)                     \
    X(an_empty_relay_means_the_exchangers_also_at_another_port) \
    X(a_key_in_brackets_matches_the_address_in_any_spelling)    \
    X(a_host_that_is_an_address_is_connected_to)                \
    X(a_relay_may_be_an_address)                                \
    X(a_relay_may_be_a_name_with_a_port)                        \
    X(what_is_wrong_in_a_relay_is_named)                        \
    X(a_name_has_letters_digits_and_three_marks)                \
    X(digits_and_dots_are_an_address_or_nothing)                \
    X(a_semicolon_parts_a_port_too)                             \
    X(a_sender_is_looked_for_by_its_ends)                       \
    X(a_line_of_a_sender_that_says_nothing_is_empty)            \
    X(a_sender_s_route_holds_for_hosts_that_are_addresses)      \
    X(mail_of_the_null_sender_has_a_key_of_its_own)             \
    X(a_login_needs_a_relay)                                    \
    X(a_relay_may_be_as_long_as_a_name_may)                     \
    X(a_wrong_relay_is_a_problem_of_the_hosts_it_is_for)        \
    X(random_files_give_the_line_that_a_plain_search_gives)     \
    X(a_hundred_thousand_lines_need_no_more_memory)

TEST_MAIN(CASES)
