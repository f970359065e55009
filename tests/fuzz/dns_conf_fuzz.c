/* SPDX-License-Identifier: ISC */
/* resolv.conf and DNSCACHEIP, against a reading by words. */
#include "dns/conf.h"

#include "fuzz.h"

struct slow {
    struct endpoint servers[DNS_SERVER_COUNT_MAX];
    struct slice interfaces[DNS_SERVER_COUNT_MAX];
    uint32_t server_count;
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

/* Takes the scope out of the word; false: it has none, or a wrong one. */
static bool
slow_scope(struct slice word, struct slice *scope, struct buf *rest)
{
    size_t from = 0, to = 0;

    while (from < word.size && word.data[from] != '%')
        from++;
    while (to < word.size && word.data[to] != ']')
        to++;
    if (from == word.size || to < from + 2 || to - from - 1 > 15)
        return false;
    *scope = slice_part(word, from + 1, to);
    for (size_t i = 0; i < scope->size; i++)
        if (scope->data[i] == 0)
            return false;
    buf_put(rest, slice_part(word, 0, from));
    buf_put(rest, slice_part(word, to, word.size));
    return !rest->full;
}

static void
slow_server(struct slow *s, struct slice word)
{
    uint8_t bytes[64];
    struct slice scope = slice_text("");
    struct buf rest;
    struct endpoint e;
    bool scoped = false;

    buf_init(&rest, bytes, sizeof(bytes));
    scoped = slow_scope(word, &scope, &rest);
    if (!addr_parse_endpoint(scoped ? buf_slice(&rest) : word, DNS_PORT, &e))
        return;
    if (scoped ? e.addr.family != ADDR_IPV6 || e.addr.bytes[0] != 0xfe ||
                     e.addr.bytes[1] >> 6 != 2
               : addr_is_unusable(&e.addr))
        return;
    if (s->server_count == DNS_SERVER_COUNT_MAX)
        return;
    s->interfaces[s->server_count] = scope;
    s->servers[s->server_count++] = e;
}

static void
slow_options(struct slow *s, struct slice rest)
{
    struct slice word = slow_word(&rest);

    while (word.size > 0 && word.data[0] != '#' && word.data[0] != ';') {
        s->tcp |= word_is(word, "use-vc");
        word = slow_word(&rest);
    }
}

static void
slow_read(struct slow *s, struct slice file, struct slice cacheip)
{
    struct slice word;

    *s = (struct slow){.server_count = 0};
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

/* Of a number the index is known already; of a name whose first octet is odd
 * the interface is there. */
static uint32_t
slow_index(struct slice interface)
{
    uint64_t value = 0;
    size_t i = 0;

    for (; i < interface.size && interface.data[i] >= '0' &&
           interface.data[i] <= '9';
         i++)
        value = value * 10 + (uint64_t)(interface.data[i] - '0');
    if (i == interface.size && value > 0 && value <= UINT32_MAX)
        return (uint32_t)value;
    return interface.data[0] & 1 ? 9 : 0;
}

static void
check(const struct dns_conf *conf, const struct slow *s)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < s->server_count; i++) {
        const struct dns_server *server = &conf->servers[count];
        struct slice name = s->interfaces[i];

        if (name.size > 0 && slow_index(name) == 0)
            continue;
        count++;
        MUST(count <= conf->server_count);
        MUST(addr_equal(&server->at.addr, &s->servers[i].addr) &&
             server->at.port == s->servers[i].port);
        MUST(slice_equal(slice_text(server->interface), name));
        MUST(server->at.scope == (name.size > 0 ? slow_index(name) : 0));
    }
    if (count == 0)
        MUST(addr_is_local(&conf->servers[0].at.addr) &&
             conf->servers[0].at.port == DNS_PORT);
    MUST(conf->server_count == (count > 0 ? count : 1));
    MUST(conf->tcp == s->tcp);
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
    for (uint32_t i = 0; i < conf.server_count; i++) {
        struct slice name = slice_text(conf.servers[i].interface);

        if (name.size > 0 && conf.servers[i].at.scope == 0)
            conf.servers[i].at.scope = slow_index(name);
    }
    dns_conf_end(&conf);

    slow_read(&s, in, cacheip);
    if (s.server_count == 0)
        slow_servers(&s, in);
    check(&conf, &s);
    return 0;
}
