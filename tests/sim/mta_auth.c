/* SPDX-License-Identifier: ISC */
#include <ctype.h>
#include <string.h>

#include "sim/check.h"
#include "sim/mta.h"

/* AUTH as a server has it: RFC 4954, 4616, 7628, and LOGIN and XOAUTH2 as they
 * are deployed. */
enum {
    CONTINUE = 334,
    ACCEPTED = 235,
    REFUSED = 535,
    CANCELLED = 501,
    QUOTE_SIZE_MAX = 300,
    WAY_COUNT = 4
};

static const struct way {
    const char *name;
    uint32_t bit;
    bool token, initial;
    uint32_t responses; /* that it has */
} ways[WAY_COUNT] = {
    {"PLAIN", MECHANISM_PLAIN, false, true, 1},
    {"LOGIN", MECHANISM_LOGIN, false, false, 2},
    {"XOAUTH2", MECHANISM_XOAUTH2, true, true, 2},
    {"OAUTHBEARER", MECHANISM_OAUTHBEARER, true, true, 2},
};

void
put_auth_offer(const struct session *s, struct bytes *b)
{
    static const char *const names[MECHANISM_COUNT] = {
        "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "CRAM-MD5 X\x1b-TRA"};
    size_t from = b->size;

    if (s->auth_offered == 0)
        return;
    bytes_text(b, "250-AUTH");
    for (uint32_t i = MECHANISM_COUNT; i > 0; i--)
        if (s->auth_offered >> (i - 1) & 1)
            bytes_text(b, "%s%s",
                       s->mta->auth_equals && b->size - from == 8 ? "=" : " ",
                       names[i - 1]);
    for (size_t i = from; s->mta->auth_lower && i < b->size; i++)
        b->data[i] = (uint8_t)tolower(b->data[i]);
    bytes_text(b, "\r\n");
}

/* ---- what a client has to say ---- */

/* RFC 5801 section 4. */
static void
put_saslname(struct bytes *b)
{
    const struct bytes *user = &world.hop.user;

    for (size_t i = 0; i < user->size; i++)
        if (user->data[i] == ',' || user->data[i] == '=')
            bytes_text(b, "%s", user->data[i] == ',' ? "=2C" : "=3D");
        else
            bytes_put(b, user->data + i, 1);
}

static void
put_token(const struct session *s, struct bytes *b)
{
    const struct hop *h = &world.hop;

    if (ways[s->auth_way].bit == MECHANISM_XOAUTH2) {
        bytes_text(b, "user=");
        bytes_put(b, h->user.data, h->user.size);
    } else {
        bytes_text(b, "n,a=");
        put_saslname(b);
        bytes_text(b, ",\1host=%s\1port=%u",
                   world.route == TO_RELAY ? "relay.sim.test" : "", world.port);
    }
    bytes_text(b, "\1auth=Bearer ");
    bytes_put(b, h->secret.data, h->secret.size);
    bytes_text(b, "\1\1");
}

static void
put_response(const struct session *s, struct bytes *b, uint32_t index)
{
    const struct hop *h = &world.hop;
    struct bytes plain = {0};

    switch (ways[s->auth_way].bit) {
    case MECHANISM_PLAIN:
        bytes_put(&plain, "", 1);
        bytes_put(&plain, h->user.data, h->user.size);
        bytes_put(&plain, "", 1);
        bytes_put(&plain, h->secret.data, h->secret.size);
        break;
    case MECHANISM_LOGIN:
        plain = index == 0 ? h->user : h->secret;
        break;
    default:
        if (index == 0)
            put_token(s, &plain);
        else if (ways[s->auth_way].bit == MECHANISM_OAUTHBEARER)
            bytes_text(&plain, "\1");
    }
    world_put_base64(b, plain.data, plain.size);
}

static void
check_response(const struct session *s, const char *line, uint32_t index)
{
    struct bytes wanted = {0};

    put_response(s, &wanted, index);
    if (strlen(line) != wanted.size ||
        (wanted.size > 0 && memcmp(line, wanted.data, wanted.size) != 0))
        mta_complain(s, "does not log in as it should", line);
}

/* ---- the server's part ---- */

/* Somewhere out of what it was sent, or of what that means. */
static void
keep_quote(struct session *s, const char *line)
{
    uint32_t value = s->mta->mischief_value;
    struct bytes all = {0};
    size_t from = 0;

    if (!s->mta->auth_quotes)
        return;
    if (value % 3 == 0)
        all = world.hop.secret;
    else
        bytes_put(&all, line, strlen(line));
    if (all.size == 0)
        return;
    from = (value >> 8) % all.size;
    if (all.size <= QUOTE_SIZE_MAX)
        from = from % 2 ? 0 : from;
    s->quote = (struct bytes){0};
    bytes_text(&s->quote, " \"");
    for (size_t i = from; i < all.size && i < from + QUOTE_SIZE_MAX; i++) {
        uint8_t c = all.data[i];

        c = value % 3 == 1 ? (uint8_t)tolower(c) : c;
        bytes_put(&s->quote, &c, 1);
    }
    bytes_text(&s->quote, "\"");
}

/* Of those that it offers and the client can use, one was not tried. */
static bool
has_other(const struct session *s)
{
    const struct way *way = &ways[s->auth_way];
    uint32_t ours = world.hop.token ? MECHANISMS_TOKEN : MECHANISMS_PASSWORD;

    return (s->auth_offered & ours & ~s->auth_tried) != 0 &&
           !(way->token && s->auth_responses > 1);
}

static bool
is_complete(const struct session *s)
{
    const struct way *way = &ways[s->auth_way];

    return way->token ? s->auth_responses > 0
                      : s->auth_responses == way->responses || s->auth_initial;
}

static void
go_on(struct session *s)
{
    const struct mta *m = s->mta;
    const struct way *way = &ways[s->auth_way];
    uint32_t code = mta_code(s, AT_AUTH, world.hop.right ? ACCEPTED : REFUSED);

    if (!is_complete(s))
        code = CONTINUE;
    if (m->auth_again && s->auth_initial && !way->token &&
        s->auth_responses == 0)
        code = CONTINUE;
    if (m->auth_challenges && way->token && code >= 400 &&
        s->auth_responses == 1)
        code = CONTINUE;
    s->auth_waits = code == CONTINUE;
    s->auth_other = has_other(s);
    s->logged_in = code / 100 == 2;
    mta_answer(s, AT_AUTH, code);
}

void
hear_auth(struct session *s, const char *line)
{
    const char *name = line + 5, *initial = strchr(name, ' ');
    size_t size = initial ? (size_t)(initial - name) : strlen(name);
    uint32_t way = 0;

    check_auth(s);
    keep_quote(s, line);
    while (way < WAY_COUNT && (strlen(ways[way].name) != size ||
                               memcmp(ways[way].name, name, size) != 0))
        way++;
    if (way == WAY_COUNT || !(s->auth_offered & ways[way].bit) ||
        ways[way].token != world.hop.token) {
        mta_complain(s, "wants to log in by what was not offered", line);
        return;
    }
    if (s->mail_asked || s->logged_in || !s->hello ||
        s->auth_tried & ways[way].bit)
        mta_complain(s, "logs in out of turn", line);
    s->auth_way = way;
    s->auth_tried |= ways[way].bit;
    s->auth_responses = 0;
    s->auth_initial = initial != NULL;
    if (initial) {
        check_response(s, initial + 1, 0);
        s->auth_responses = ways[way].token;
    }
    if (s->mta->auth_picky & ways[way].bit) {
        s->auth_other = has_other(s);
        mta_answer(s, AT_AUTH, s->mta->auth_picky_code);
        return;
    }
    go_on(s);
}

void
hear_response(struct session *s, const char *line)
{
    static const uint32_t codes[] = {CANCELLED, 250, REFUSED, 454};
    const struct way *way = &ways[s->auth_way];
    uint32_t left = way->responses - s->auth_responses;

    s->auth_waits = false;
    if (strcmp(line, "*") == 0) {
        if (left > 0)
            mta_complain(s, "gives a login up", line);
        s->auth_cancelled = true;
        mta_answer(s, AT_AUTH, codes[s->mta->mischief_value % 4]);
        return;
    }
    if (left == 0) {
        mta_complain(s, "goes on with a login", line);
        return;
    }
    check_response(s, line, s->auth_responses++);
    keep_quote(s, line);
    go_on(s);
}
