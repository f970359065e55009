/* SPDX-License-Identifier: ISC */
#include "dns/conf.h"

#include "test.h"

static struct dns_conf conf;

static void
line(const char *text)
{
    dns_conf_line(&conf, slice_text(text));
}

static bool
server_is(uint32_t index, const char *address, uint16_t port)
{
    struct addr a;

    return index < conf.server_count && addr_parse(slice_text(address), &a) &&
           addr_equal(&conf.servers[index].at.addr, &a) &&
           conf.servers[index].at.port == port;
}

static bool
interface_is(uint32_t index, const char *interface, uint32_t scope)
{
    return index < conf.server_count &&
           strcmp(conf.servers[index].interface, interface) == 0 &&
           conf.servers[index].at.scope == scope;
}

TEST(reads_servers)
{
    dns_conf_init(&conf);
    line("nameserver 192.0.2.1");
    line("nameserver\t 2001:db8::1 \t");
    line("  nameserver 192.0.2.3\r\n");
    line("nameserver 192.0.2.4 # the last");
    dns_conf_end(&conf);
    CHECK(conf.server_count == 4);
    CHECK(server_is(0, "192.0.2.1", 53));
    CHECK(server_is(1, "2001:db8::1", 53));
    CHECK(server_is(2, "192.0.2.3", 53));
    CHECK(server_is(3, "192.0.2.4", 53));
    CHECK(interface_is(0, "", 0) && interface_is(1, "", 0));
}

TEST(first_servers_count)
{
    dns_conf_init(&conf);
    for (uint8_t i = 0; i < 100; i++) {
        char text[sizeof("nameserver 192.0.2.") + 10];

        snprintf(text, sizeof(text), "nameserver 192.0.2.%u", i);
        line(text);
    }
    dns_conf_end(&conf);
    CHECK(conf.server_count == DNS_SERVER_COUNT_MAX);
    CHECK(server_is(0, "192.0.2.0", 53));
    CHECK(server_is(3, "192.0.2.3", 53));
}

TEST(ignores_what_is_no_server)
{
    dns_conf_init(&conf);
    line("");
    line("\r\n");
    line("nameserver");
    line("nameserver ");
    line("nameserver example.com");
    line("nameserver 192.0.2");
    line("nameserver 192.0.2.256");
    line("nameserver 192.0.2.1x");
    line("nameserver192.0.2.1");
    line("nameservers 192.0.2.1");
    line("# nameserver 192.0.2.1");
    line("#nameserver 192.0.2.1");
    line(";nameserver 192.0.2.1");
    line("nameserver # 192.0.2.1");
    line("nameserver 2001:db8::1%1");
    line("nameserver 2001:db8::1%eth0");
    line("nameserver ::1%lo");
    line("nameserver ff02::1%eth0");
    line("nameserver 192.0.2.1%eth0");
    line("nameserver ::ffff:192.0.2.1%eth0");
    line("nameserver fe80::1%");
    line("nameserver fe80::1%a-name-of-16-oct");
    line("nameserver fe80::x%eth0");
    line("nameserver %eth0");
    line("nameserver %");
    line("nameserver [fe80::1%eth0");
    line("nameserver fe80::1%eth0]");
    line("nameserver [fe80::1%]");
    line("nameserver [fe80::1]%eth0");
    line("nameserver [fe80::1%eth0]:0");
    line("nameserver [fe80::1%eth0]:65536");
    line("nameserver fe80::1");
    line("nameserver ff02::1");
    line("nameserver 255.255.255.255");
    line("search example.com");
    line("domain example.com");
    line("sortlist 192.0.2.0");
    dns_conf_line(&conf, slice_of("nameserver 192.0.2.1\0", 21));
    dns_conf_line(&conf, slice_of("nameserver\000192.0.2.1", 20));
    dns_conf_line(&conf, slice_of("nameserver fe80::1%a\0b", 22));
    dns_conf_line(&conf, slice_of(NULL, 0));
    CHECK(conf.server_count == 0);
    dns_conf_end(&conf);
    CHECK(conf.server_count == 1 && server_is(0, "127.0.0.1", 53));
}

TEST(reads_options)
{
    dns_conf_init(&conf);
    CHECK(!conf.tcp && conf.timeout_ms == 0);
    line("options trust-ad edns0 timeout:2\trotate ndots:5 attempts:3");
    line("options");
    line("options use-vcx xuse-vc USE-VC");
    line("options # use-vc");
    line("options ;timeout:2 use-vc");
    line("option use-vc");
    CHECK(!conf.tcp);
    line("options trust-ad edns0 timeout:2\tuse-vc rotate ndots:5 attempts:3");
    CHECK(conf.tcp);
    line("options attempts:2\r\n");
    CHECK(conf.tcp && conf.timeout_ms == 0);
}

/* Link-local servers, through an interface. */
TEST(reads_scopes)
{
    dns_conf_init(&conf);
    line("nameserver fe80::1%eth0");
    line("nameserver FE80::2%a-name-of-15-oc\r\n");
    line("nameserver febf::3%7");
    line("nameserver fe80::4%4294967296");
    CHECK(conf.server_count == 4);
    CHECK(server_is(0, "fe80::1", 53) && interface_is(0, "eth0", 0));
    CHECK(server_is(1, "fe80::2", 53));
    CHECK(interface_is(1, "a-name-of-15-oc", 0));
    CHECK(server_is(2, "febf::3", 53) && interface_is(2, "7", 7));
    CHECK(interface_is(3, "4294967296", 0));
    conf.servers[1].at.scope = 2; /* the only one that is there */
    dns_conf_end(&conf);
    CHECK(conf.server_count == 2);
    CHECK(server_is(0, "fe80::2", 53));
    CHECK(interface_is(0, "a-name-of-15-oc", 2));
    CHECK(server_is(1, "febf::3", 53) && interface_is(1, "7", 7));
}

TEST(no_interface_is_there)
{
    dns_conf_init(&conf);
    line("nameserver fe80::1%eth0");
    dns_conf_end(&conf);
    CHECK(conf.server_count == 1 && server_is(0, "127.0.0.1", 53));
    CHECK(interface_is(0, "", 0));
}

TEST(cacheip_replaces_servers)
{
    dns_conf_init(&conf);
    line("nameserver 192.0.2.1");
    dns_conf_cacheip(&conf, SLICE(" 198.51.100.1  bad [2001:db8::1]:5353 "
                                  "[198.51.100.2]:54 ::1%lo fe80::1 "
                                  "[fe80::2%eth0]:55"));
    line("nameserver 192.0.2.2");
    line("options use-vc");
    conf.servers[3].at.scope = 3;
    dns_conf_end(&conf);
    CHECK(conf.server_count == 4 && conf.tcp);
    CHECK(server_is(0, "198.51.100.1", 53));
    CHECK(server_is(1, "2001:db8::1", 5353));
    CHECK(server_is(2, "198.51.100.2", 54));
    CHECK(server_is(3, "fe80::2", 55) && interface_is(3, "eth0", 3));
}

TEST(cacheip_first_addresses_count)
{
    dns_conf_init(&conf);
    dns_conf_cacheip(&conf, SLICE("192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 "
                                  "192.0.2.5 192.0.2.6"));
    CHECK(conf.server_count == 4 && server_is(3, "192.0.2.4", 53));
}

TEST(cacheip_is_alone)
{
    dns_conf_init(&conf);
    dns_conf_cacheip(&conf, SLICE("198.51.100.1"));
    line("nameserver 192.0.2.2");
    dns_conf_end(&conf);
    CHECK(conf.server_count == 1 && server_is(0, "198.51.100.1", 53));
}

TEST(bad_cacheip_leaves_servers)
{
    dns_conf_init(&conf);
    dns_conf_cacheip(&conf, SLICE(""));
    dns_conf_cacheip(&conf, SLICE(" "));
    dns_conf_cacheip(&conf, SLICE("none [192.0.2.9]:0 [192.0.2.9]:65536 "
                                  "192.0.2.9:53 [192.0.2.9 192.0.2.9]"));
    line("nameserver 192.0.2.1");
    dns_conf_cacheip(&conf, SLICE("none"));
    dns_conf_end(&conf);
    CHECK(conf.server_count == 1 && server_is(0, "192.0.2.1", 53));
}

/* Whose word counts on what is authentic. */
TEST(believable)
{
    static const struct {
        const char *lines[3];
        const char *cacheip;
        bool believable;
    } rows[] = {
        {{"nameserver 127.0.0.1"}, "", true},
        {{"nameserver ::1", "nameserver 127.9.9.9"}, "", true},
        {{"options edns0"}, "", true},
        {{"nameserver 192.0.2.1"}, "", false},
        {{"nameserver 127.0.0.1", "nameserver 192.0.2.1"}, "", false},
        {{"nameserver ::1", "nameserver 2001:db8::1"}, "", false},
        {{"nameserver ::2"}, "", false},
        {{"nameserver 192.0.2.1", "options trust-ad"}, "", true},
        {{"options use-vc trust-ad", "nameserver 192.0.2.1"}, "", true},
        {{"options trust-ads # trust-ad", "nameserver 192.0.2.1"}, "", false},
        {{"#options trust-ad", "nameserver 192.0.2.1"}, "", false},
        {{"nameserver 192.0.2.1"}, "127.0.0.1", true},
        {{"nameserver 127.0.0.1"}, "192.0.2.1", false},
        {{"nameserver 127.0.0.1", "options trust-ad"}, "192.0.2.1", false},
        {{"options trust-ad"}, "127.0.0.1 192.0.2.1", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        dns_conf_init(&conf);
        dns_conf_cacheip(&conf, slice_text(rows[i].cacheip));
        for (size_t k = 0; k < 3 && rows[i].lines[k]; k++)
            line(rows[i].lines[k]);
        dns_conf_end(&conf);
        CHECK(dns_conf_is_believable(&conf) == rows[i].believable);
        CHECK(!conf.secure);
    }
}

#define CASES(X)                     \
    X(believable)                    \
    X(reads_servers)                 \
    X(first_servers_count)           \
    X(ignores_what_is_no_server)     \
    X(reads_options)                 \
    X(reads_scopes)                  \
    X(no_interface_is_there)         \
    X(cacheip_replaces_servers)      \
    X(cacheip_first_addresses_count) \
    X(cacheip_is_alone)              \
    X(bad_cacheip_leaves_servers)

TEST_MAIN(CASES)
