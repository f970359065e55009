/* SPDX-License-Identifier: ISC */
#include "dns/conf.h"

#include <string.h>

#include "base/ascii.h"

void
dns_conf_init(struct dns_conf *conf)
{
    *conf = (struct dns_conf){.server_count = 0};
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

/* RFC 4007 section 11: a name, or the index itself. */
static bool
scope_take(struct slice text, struct dns_server *out)
{
    uint64_t index = 0;

    if (text.size == 0 || text.size > DNS_INTERFACE_SIZE_MAX ||
        slice_find(text, 0) < text.size)
        return false;
    memcpy(out->interface, text.data, text.size);
    if (ascii_number(text, UINT32_MAX, &index))
        out->at.scope = (uint32_t)index;
    return true;
}

/* A link-local address, and no other, has a scope: `address%scope`, or
 * `[address%scope]:port`. */
static bool
server_take(struct slice text, struct dns_server *out)
{
    size_t percent = slice_find(text, '%');
    size_t close = slice_find(text, ']');
    uint8_t bytes[ENDPOINT_TEXT_SIZE_MAX];
    struct buf rest;

    if (percent == text.size)
        return addr_parse_endpoint(text, DNS_PORT, &out->at) &&
               !addr_is_unusable(&out->at.addr);
    buf_init(&rest, bytes, sizeof(bytes));
    buf_put(&rest, slice_part(text, 0, percent));
    buf_put(&rest, slice_part(text, close, text.size));
    return !rest.full &&
           addr_parse_endpoint(buf_slice(&rest), DNS_PORT, &out->at) &&
           addr_is_link_local(&out->at.addr) &&
           scope_take(slice_part(text, percent + 1, close), out);
}

static void
server_put(struct dns_conf *conf, struct slice text)
{
    struct dns_server server = {.interface = ""};

    if (conf->server_count < DNS_SERVER_COUNT_MAX && server_take(text, &server))
        conf->servers[conf->server_count++] = server;
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
    /* The others change nothing: `timeout:` and `attempts:` could only make
     * the schedule shorter than it has to be, `edns0` is always on. */
    while (word.size > 0 && !word_is_comment(word)) {
        conf->tcp = conf->tcp || slice_equal(word, SLICE("use-vc"));
        conf->trust_ad = conf->trust_ad || slice_equal(word, SLICE("trust-ad"));
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
    uint32_t count = 0;

    for (uint32_t i = 0; i < conf->server_count; i++)
        if (!conf->servers[i].interface[0] || conf->servers[i].at.scope > 0)
            conf->servers[count++] = conf->servers[i];
    conf->server_count = count;
    if (count == 0)
        server_put(conf, SLICE("127.0.0.1"));
}

bool
dns_conf_is_believable(const struct dns_conf *conf)
{
    bool local = true;

    for (uint32_t i = 0; i < conf->server_count; i++)
        local = local && addr_is_loopback(&conf->servers[i].at.addr);
    return local || (conf->trust_ad && !conf->cacheip);
}
