/* SPDX-License-Identifier: ISC */
#include "smtp/auth.h"

#include <string.h>

#include "base/ascii.h"
#include "base/assert.h"

enum {
    GROUP_SIZE = 3, /* octets that are four characters of base64 */
    GROUP_TEXT_SIZE = 4,
    PIECE_COUNT_MAX = 9,
    PORT_TEXT_SIZE = 5
};

struct way {
    const char *name;
    bool token;
    bool initial;          /* the first response may go with the command */
    uint32_t count;        /* responses, ... */
    uint32_t secret_index; /* ... the one with the secret */
};

static const struct way ways[SMTP_AUTH_COUNT] = {
    [SMTP_AUTH_NONE] = {"", false, false, 0, 0},
    [SMTP_AUTH_PLAIN] = {"PLAIN", false, true, 1, 0},
    [SMTP_AUTH_LOGIN] = {"LOGIN", false, false, 2, 1},
    /* These two have a second response: to the reason for a refusal. */
    [SMTP_AUTH_XOAUTH2] = {"XOAUTH2", true, true, 2, 0},
    [SMTP_AUTH_OAUTHBEARER] = {"OAUTHBEARER", true, true, 2, 0}};

const char *
smtp_auth_name(enum smtp_auth_mechanism mechanism)
{
    return ways[mechanism].name;
}

uint32_t
smtp_auth_response_count(enum smtp_auth_mechanism mechanism)
{
    return ways[mechanism].count;
}

enum smtp_auth_mechanism
smtp_auth_find(struct slice name)
{
    uint32_t m = SMTP_AUTH_COUNT - 1;

    while (m > SMTP_AUTH_NONE &&
           !slice_equal_nocase(name, slice_text(ways[m].name)))
        m--;
    return (enum smtp_auth_mechanism)m;
}

enum smtp_auth_mechanism
smtp_auth_choose(const struct smtp_login *login, uint32_t bits)
{
    for (uint32_t m = SMTP_AUTH_NONE + 1; m < SMTP_AUTH_COUNT; m++)
        if (bits >> m & 1 && ways[m].token == login->token)
            return (enum smtp_auth_mechanism)m;
    return SMTP_AUTH_NONE;
}

/* ---- a response: pieces one behind the other, read once ---- */

struct response {
    struct slice pieces[PIECE_COUNT_MAX];
    uint32_t count, at;
    size_t size;
    uint8_t user_bytes[SMTP_AUTH_USER_SIZE_MAX];
    uint8_t port_bytes[PORT_TEXT_SIZE];
};

static void
add(struct response *r, struct slice piece)
{
    assert(r->count < PIECE_COUNT_MAX);
    r->pieces[r->count++] = piece;
    r->size += piece.size;
}

/* RFC 5801 section 4: a saslname. */
static void
add_user(struct response *r, struct slice user)
{
    struct buf b;

    buf_init(&b, r->user_bytes, sizeof(r->user_bytes));
    for (size_t i = 0; i < user.size; i++)
        if (user.data[i] == ',')
            buf_put_text(&b, "=2C");
        else if (user.data[i] == '=')
            buf_put_text(&b, "=3D");
        else
            buf_put_byte(&b, user.data[i]);
    assert(!b.full);
    add(r, buf_slice(&b));
}

static void
add_port(struct response *r, uint16_t port)
{
    struct buf b;

    buf_init(&b, r->port_bytes, sizeof(r->port_bytes));
    buf_put_number(&b, port, 1);
    add(r, buf_slice(&b));
}

/* RFC 7628 section 3.1. */
static void
add_bearer(struct response *r, const struct smtp_login *login)
{
    add(r, SLICE("n,a="));
    add_user(r, login->user);
    add(r, SLICE(",\1host="));
    add(r, login->host);
    add(r, SLICE("\1port="));
    add_port(r, login->port);
}

/* The first response of those that begin with the user and end with the
 * secret. RFC 4616 section 2: a NUL in front of each, and nothing in front of
 * the first, for to ask for another identity is what some servers refuse. */
static void
add_first(struct response *r, enum smtp_auth_mechanism mechanism,
          const struct smtp_login *login)
{
    if (mechanism == SMTP_AUTH_OAUTHBEARER) {
        add_bearer(r, login);
    } else {
        add(r, mechanism == SMTP_AUTH_PLAIN ? SLICE("\0") : SLICE("user="));
        add(r, login->user);
    }
    if (mechanism == SMTP_AUTH_PLAIN) {
        add(r, SLICE("\0"));
        add(r, login->secret);
        return;
    }
    add(r, SLICE("\1auth=Bearer "));
    add(r, login->secret);
    add(r, SLICE("\1\1"));
}

static void
begin(struct response *r, enum smtp_auth_mechanism mechanism,
      const struct smtp_login *login, uint32_t index)
{
    assert(index < ways[mechanism].count);
    r->count = r->at = 0;
    r->size = 0;
    if (mechanism == SMTP_AUTH_LOGIN)
        add(r, index == 0 ? login->user : login->secret);
    else if (index == 0)
        add_first(r, mechanism, login);
    else if (mechanism == SMTP_AUTH_OAUTHBEARER)
        add(r, SLICE("\1")); /* RFC 7628 section 3.2.3 */
}

static bool
next_octet(struct response *r, uint8_t *octet)
{
    struct slice *piece = &r->pieces[r->at];

    while (r->at < r->count && piece->size == 0)
        piece = &r->pieces[++r->at];
    if (r->at == r->count)
        return false;
    *octet = piece->data[0];
    *piece = slice_part(*piece, 1, piece->size);
    return true;
}

/* The next characters of its base64 (RFC 4648 section 4); false: no more. */
static bool
next_group(struct response *r, uint8_t text[static GROUP_TEXT_SIZE])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t octets[GROUP_SIZE] = {0};
    uint32_t count = 0, bits = 0;

    while (count < GROUP_SIZE && next_octet(r, &octets[count]))
        count++;
    bits = (uint32_t)octets[0] << 16 | (uint32_t)octets[1] << 8 | octets[2];
    for (uint32_t i = 0; i < GROUP_TEXT_SIZE; i++)
        text[i] =
            i <= count ? (uint8_t)alphabet[bits >> (18 - 6 * i) & 63] : '=';
    return count > 0;
}

static void
put_base64(struct buf *out, struct response *r)
{
    uint8_t text[GROUP_TEXT_SIZE];

    while (next_group(r, text))
        buf_put(out, slice_of(text, sizeof(text)));
}

bool
smtp_auth_put_command(struct buf *out, enum smtp_auth_mechanism mechanism,
                      const struct smtp_login *login)
{
    const size_t end_size = 2, blank_size = 1;
    size_t start = out->used, size = 0;
    bool initial = ways[mechanism].initial;
    struct response r;

    buf_put_text(out, "AUTH ");
    buf_put_text(out, ways[mechanism].name);
    begin(&r, mechanism, login, 0);
    size = out->used - start + blank_size +
           (r.size + GROUP_SIZE - 1) / GROUP_SIZE * GROUP_TEXT_SIZE + end_size;
    initial = initial && size <= SMTP_COMMAND_SIZE_MAX;
    if (initial) {
        buf_put_byte(out, ' ');
        put_base64(out, &r);
    }
    buf_put_text(out, "\r\n");
    return initial;
}

void
smtp_auth_put_response(struct buf *out, enum smtp_auth_mechanism mechanism,
                       const struct smtp_login *login, uint32_t index)
{
    struct response r;

    begin(&r, mechanism, login, index);
    put_base64(out, &r);
    buf_put_text(out, "\r\n");
}

/* ---- what a reply must not tell ---- */

/* Runs are numbers: their octets in lower case. */
struct hider {
    struct slice text;
    size_t size;   /* of a run */
    uint64_t ones; /* all its bits */
    uint64_t run;  /* the last octets of what must not be told, ... */
    size_t count;  /* ... of which so many have passed */
    uint8_t seen[SMTP_HIDE_FILTER_SIZE]; /* runs of the text, by their hash */
    uint8_t hidden[(REPLY_TEXT_SIZE_MAX + 7) / 8]; /* a bit an octet of text */
};

static bool
get_bit(const uint8_t *bits, size_t i)
{
    return bits[i / 8] >> i % 8 & 1;
}

static void
set_bit(uint8_t *bits, size_t i)
{
    bits[i / 8] = (uint8_t)(bits[i / 8] | 1U << i % 8);
}

static uint64_t
shift(const struct hider *h, uint64_t run, uint8_t octet)
{
    return (run << 8 | ascii_lower(octet)) & h->ones;
}

/* Where in `seen` it is: 2^64 over the golden ratio spreads what is alike. */
static size_t
place(uint64_t run)
{
    return (size_t)((run * UINT64_C(0x9e3779b97f4a7c15)) >> 32) %
           (8 * (size_t)SMTP_HIDE_FILTER_SIZE);
}

static void
begin_hiding(struct hider *h, struct slice text, size_t size)
{
    uint64_t run = 0;

    assert(text.size <= REPLY_TEXT_SIZE_MAX);
    memset(h, 0, sizeof(*h));
    h->text = text;
    h->size = size;
    h->ones = (UINT64_C(1) << 8 * size) - 1;
    for (size_t i = 0; i < text.size; i++) {
        run = shift(h, run, text.data[i]);
        if (i + 1 >= size)
            set_bit(h->seen, place(run));
    }
}

/* Hides the run that has just passed wherever it is in the text. */
static void
hide_run(struct hider *h)
{
    uint64_t run = 0;

    for (size_t i = 0; i < h->text.size; i++) {
        run = shift(h, run, h->text.data[i]);
        for (size_t k = 0; run == h->run && i + 1 >= h->size && k < h->size;
             k++)
            set_bit(h->hidden, i - k);
    }
}

static void
hide_octet(struct hider *h, uint8_t octet)
{
    h->run = shift(h, h->run, octet);
    if (++h->count >= h->size && get_bit(h->seen, place(h->run)))
        hide_run(h);
}

static void
hide_secret(struct hider *h, struct slice secret)
{
    h->count = 0;
    for (size_t i = 0; i < secret.size; i++)
        hide_octet(h, secret.data[i]);
}

/* The line of base64 that holds the secret, said or not. */
static void
hide_line(struct hider *h, enum smtp_auth_mechanism mechanism,
          const struct smtp_login *login)
{
    uint8_t text[GROUP_TEXT_SIZE];
    struct response r;

    h->count = 0;
    begin(&r, mechanism, login, ways[mechanism].secret_index);
    while (next_group(&r, text))
        for (size_t i = 0; i < GROUP_TEXT_SIZE; i++)
            hide_octet(h, text[i]);
}

/* Never longer than before: a run has more octets than what stands for it. */
static void
rewrite(const struct hider *h, struct buf *text)
{
    size_t size = text->used;

    buf_reset(text);
    for (size_t i = 0; i < size; i++)
        if (!get_bit(h->hidden, i))
            buf_put_byte(text, text->data[i]);
        else if (i + 1 == size || !get_bit(h->hidden, i + 1))
            buf_put_text(text, "***");
}

size_t
smtp_auth_run(const struct smtp_login *login)
{
    return login->token ? SMTP_HIDE_TOKEN_RUN : SMTP_HIDE_PASSWORD_RUN;
}

bool
smtp_auth_hide(struct buf *text, const struct smtp_login *login)
{
    size_t size = smtp_auth_run(login);
    struct hider h;

    assert(text->size >= size);
    if (login->secret.size < size)
        return false;
    begin_hiding(&h, buf_slice(text), size);
    hide_secret(&h, login->secret);
    for (uint32_t m = SMTP_AUTH_NONE + 1; m < SMTP_AUTH_COUNT; m++)
        if (ways[m].token == login->token)
            hide_line(&h, (enum smtp_auth_mechanism)m, login);
    for (size_t k = 1; buf_room(text) == 0 && k < size; k++)
        set_bit(h.hidden, text->used - k);
    rewrite(&h, text);
    return true;
}
