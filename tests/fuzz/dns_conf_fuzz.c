/* SPDX-License-Identifier: ISC */
/* resolv.conf and DNSCACHEIP, against a reading by words. */
#include "dns/conf.h"

#include "fuzz.h"

struct slow {
    struct endpoint servers[DNS_SERVER_COUNT_MAX];
    uint32_t server_count, rounds, round_s;
    bool tcp;
};

static bool
is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static struct slice
slow_word(struct slice *rest)
{
    size_t from = 0, to = 0;
    struct slice word;

    while (from < rest->size && is_space(rest->data[from]))
        from++;
    to = from;
    while (to < rest->size && !is_space(rest->data[to]))
        to++;
    word = slice_part(*rest, from, to);
    *rest = slice_part(*rest, to, rest->size);
    return word;
}

static bool
word_is(struct slice word, const char *text)
{
    return slice_equal(word, slice_text(text));
}

static void
slow_server(struct slow *s, struct slice word)
{
    struct endpoint e;

    if (!addr_parse_endpoint(word, DNS_PORT, &e) || addr_is_unusable(&e.addr))
        return;
    if (s->server_count < DNS_SERVER_COUNT_MAX)
        s->servers[s->server_count++] = e;
}

/* The number behind the name, at most `max`; 0: there is none. */
static uint32_t
slow_number(struct slice word, const char *name, uint32_t max)
{
    size_t size = strlen(name);
    uint64_t value = 0;

    if (word.size <= size || memcmp(word.data, name, size) != 0)
        return 0;
    for (size_t i = size; i < word.size; i++) {
        if (word.data[i] < '0' || word.data[i] > '9')
            return 0;
        value = value * 10 + (uint64_t)(word.data[i] - '0');
        if (value > UINT32_MAX)
            return 0;
    }
    return value > max ? max : (uint32_t)value;
}

static void
slow_options(struct slow *s, struct slice rest)
{
    struct slice word = slow_word(&rest);
    uint32_t value = 0;

    while (word.size > 0 && word.data[0] != '#' && word.data[0] != ';') {
        s->tcp |= word_is(word, "use-vc");
        if ((value = slow_number(word, "attempts:", 4)) > 0)
            s->rounds = value;
        if ((value = slow_number(word, "timeout:", 45)) > 0)
            s->round_s = value;
        word = slow_word(&rest);
    }
}

static void
slow_read(struct slow *s, struct slice file, struct slice cacheip)
{
    struct slice word;

    *s = (struct slow){.rounds = 4, .round_s = 45};
    while ((word = slow_word(&cacheip)).size > 0)
        slow_server(s, word);
    while (file.size > 0) {
        struct slice line = fuzz_until(&file, '\n');

        word = slow_word(&line);
        if (word_is(word, "options"))
            slow_options(s, line);
    }
}

static void
slow_servers(struct slow *s, struct slice file)
{
    while (file.size > 0) {
        struct slice line = fuzz_until(&file, '\n');

        if (word_is(slow_word(&line), "nameserver"))
            slow_server(s, slow_word(&line));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    uint8_t flags = fuzz_u8(&in);
    struct slice cacheip = fuzz_until(&in, 0), rest = in;
    struct dns_conf conf;
    struct slow s;

    dns_conf_init(&conf);
    if (flags & 1)
        dns_conf_cacheip(&conf, cacheip);
    while (rest.size > 0) {
        struct slice line = fuzz_until(&rest, '\n');
        uint8_t *copy = fuzz_copy(line);

        dns_conf_line(&conf, slice_of(copy, line.size));
        free(copy);
    }
    if (!(flags & 1))
        dns_conf_cacheip(&conf, cacheip);
    dns_conf_end(&conf);

    slow_read(&s, in, cacheip);
    if (s.server_count == 0)
        slow_servers(&s, in);
    if (s.server_count == 0)
        slow_server(&s, SLICE("127.0.0.1"));
    MUST(conf.server_count == s.server_count && conf.tcp == s.tcp);
    MUST(conf.round_count == s.rounds && conf.round_ms_max == 1000 * s.round_s);
    for (uint32_t i = 0; i < s.server_count; i++)
        MUST(addr_equal(&conf.servers[i].addr, &s.servers[i].addr) &&
             conf.servers[i].port == s.servers[i].port);
    return 0;
}
