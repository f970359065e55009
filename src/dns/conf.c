/* SPDX-License-Identifier: ISC */
#include "dns/conf.h"

#include "base/ascii.h"
#include "base/assert.h"

void
dns_conf_init(struct dns_conf *conf)
{
    *conf = (struct dns_conf){.round_count = DNS_ROUND_COUNT_MAX,
                              .round_ms_max = DNS_ROUND_4_MS};
}

/* The first word of *rest, which then is what follows it; empty: no more. */
static struct slice
word_next(struct slice *rest)
{
    struct slice text = slice_trim(*rest);
    size_t size = 0;

    while (size < text.size && !ascii_space(text.data[size]))
        size++;
    *rest = slice_part(text, size, text.size);
    return slice_part(text, 0, size);
}

static void
server_put(struct dns_conf *conf, struct slice text)
{
    struct endpoint server;

    if (conf->server_count == DNS_SERVER_COUNT_MAX ||
        !addr_parse_endpoint(text, DNS_PORT, &server))
        return;
    /* A link-local one would need its scope, which is not carried here. */
    if (addr_is_unusable(&server.addr))
        return;
    conf->servers[conf->server_count++] = server;
}

/* `name:` and a number from 1; else `value` stays. */
static void
option_number(struct slice word, struct slice name, uint32_t max,
              uint32_t *value)
{
    uint64_t number = 0;

    if (!slice_equal(slice_part(word, 0, name.size), name))
        return;
    word = slice_part(word, name.size, word.size);
    if (ascii_number(word, UINT32_MAX, &number) && number > 0)
        *value = number < max ? (uint32_t)number : max;
}

/* `edns0` is always on, `trust-ad` is about a bit nobody here reads. */
static void
option_put(struct dns_conf *conf, struct slice word)
{
    uint32_t round_s = 0;

    if (slice_equal(word, SLICE("use-vc")))
        conf->tcp = true;
    option_number(word, SLICE("attempts:"), DNS_ROUND_COUNT_MAX,
                  &conf->round_count);
    option_number(word, SLICE("timeout:"), DNS_ROUND_4_MS / 1000, &round_s);
    if (round_s > 0)
        conf->round_ms_max = round_s * 1000;
}

static bool
word_is_comment(struct slice word)
{
    return word.size > 0 && (word.data[0] == '#' || word.data[0] == ';');
}

void
dns_conf_line(struct dns_conf *conf, struct slice line)
{
    struct slice keyword = word_next(&line);
    struct slice word = word_next(&line);

    if (slice_equal(keyword, SLICE("nameserver"))) {
        if (!conf->cacheip)
            server_put(conf, word);
        return;
    }
    if (!slice_equal(keyword, SLICE("options")))
        return;
    while (word.size > 0 && !word_is_comment(word)) {
        option_put(conf, word);
        word = word_next(&line);
    }
}

void
dns_conf_cacheip(struct dns_conf *conf, struct slice value)
{
    struct dns_conf cache = *conf;
    struct slice word = word_next(&value);

    cache.server_count = 0;
    while (word.size > 0) {
        server_put(&cache, word);
        word = word_next(&value);
    }
    if (cache.server_count == 0)
        return;
    cache.cacheip = true;
    *conf = cache;
}

void
dns_conf_end(struct dns_conf *conf)
{
    static const uint8_t loopback[ADDR_IPV4_SIZE] = {127, 0, 0, 1};

    if (conf->server_count == 0) {
        addr_from_ipv4(&conf->servers[0].addr, loopback);
        conf->servers[0].port = DNS_PORT;
        conf->server_count = 1;
    }
    assert(conf->round_count > 0 && conf->round_count <= DNS_ROUND_COUNT_MAX);
}
