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
           addr_equal(&conf.servers[index].addr, &a) &&
           conf.servers[index].port == port;
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
    line("nameserver fe80::1%eth0");
    line("nameserver 2001:db8::1%1");
    line("nameserver fe80::1");
    line("nameserver ff02::1");
    line("nameserver 255.255.255.255");
    line("search example.com");
    line("domain example.com");
    line("sortlist 192.0.2.0");
    dns_conf_line(&conf, slice_of("nameserver 192.0.2.1\0", 21));
    dns_conf_line(&conf, slice_of("nameserver\000192.0.2.1", 20));
    dns_conf_line(&conf, slice_of(NULL, 0));
    CHECK(conf.server_count == 0);
    dns_conf_end(&conf);
    CHECK(conf.server_count == 1 && server_is(0, "127.0.0.1", 53));
}

TEST(reads_options)
{
    dns_conf_init(&conf);
    CHECK(conf.round_count == DNS_ROUND_COUNT_MAX && !conf.tcp);
    CHECK(conf.round_ms_max == DNS_ROUND_4_MS && conf.timeout_ms == 0);
    line("options trust-ad edns0 timeout:2\tuse-vc rotate ndots:5 attempts:3");
    CHECK(conf.round_count == 3 && conf.round_ms_max == 2000 && conf.tcp);
    line("options attempts:2\r\n");
    CHECK(conf.round_count == 2 && conf.round_ms_max == 2000 && conf.tcp);
}

TEST(options_only_shorten)
{
    dns_conf_init(&conf);
    line("options attempts:5 timeout:46");
    CHECK(conf.round_count == 4 && conf.round_ms_max == 45000);
    line("options attempts:4294967295 timeout:4294967295");
    CHECK(conf.round_count == 4 && conf.round_ms_max == 45000);
    line("options attempts:0 timeout:0");
    line("options attempts: timeout:");
    line("options attempts:-1 timeout:-1");
    line("options attempts:2x timeout:x2");
    line("options attempts:4294967298 timeout:18446744073709551617");
    line("options");
    line("options Attempts:2 TIMEOUT:2 use-vcx xuse-vc");
    line("options # attempts:2");
    line("options ;timeout:2 use-vc");
    line("option attempts:2");
    CHECK(conf.round_count == 4 && conf.round_ms_max == 45000 && !conf.tcp);
}

TEST(cacheip_replaces_servers)
{
    dns_conf_init(&conf);
    line("nameserver 192.0.2.1");
    dns_conf_cacheip(&conf, SLICE(" 198.51.100.1  bad [2001:db8::1]:5353 "
                                  "[198.51.100.2]:54 [::1] ::1%lo fe80::1"));
    line("nameserver 192.0.2.2");
    line("options attempts:1");
    dns_conf_end(&conf);
    CHECK(conf.server_count == 4 && conf.round_count == 1);
    CHECK(server_is(0, "198.51.100.1", 53));
    CHECK(server_is(1, "2001:db8::1", 5353));
    CHECK(server_is(2, "198.51.100.2", 54));
    CHECK(server_is(3, "::1", 53));
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

#define CASES(X)                     \
    X(reads_servers)                 \
    X(first_servers_count)           \
    X(ignores_what_is_no_server)     \
    X(reads_options)                 \
    X(options_only_shorten)          \
    X(cacheip_replaces_servers)      \
    X(cacheip_first_addresses_count) \
    X(cacheip_is_alone)              \
    X(bad_cacheip_leaves_servers)

TEST_MAIN(CASES)
