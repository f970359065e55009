/* SPDX-License-Identifier: ISC */
/*
 * Logins and offers of any bytes: what is said decodes to what it must, what is
 * offered is told in a safe form, and of a text with pieces of a login in it no
 * run stays.
 */
#include "session_login.h"
#include "smtp/auth.h"
#include "smtp/features.h"

enum { TEXT_SIZE = 2048, MECHANISM_COUNT = SMTP_AUTH_COUNT - 1 };

/* ---- offers ---- */

static bool
is_safe(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || (byte != 0 && strchr("-_? ", byte));
}

static void
check_offers(struct slice text)
{
    struct smtp_features f = {0};
    struct slice names;

    while (text.size > 0)
        smtp_features_line(&f, fuzz_until(&text, '\n'));
    names = smtp_features_names(&f);
    MUST(names.size > 0 && names.size <= SMTP_AUTH_NAMES_SIZE_MAX);
    for (size_t i = 0; i < names.size; i++)
        MUST(is_safe(names.data[i]) &&
             (names.data[i] != ' ' || (i > 0 && names.data[i - 1] != ' ')));
    for (uint32_t m = 1; m < SMTP_AUTH_COUNT && !f.names_full; m++) {
        const char *ours = smtp_auth_name((enum smtp_auth_mechanism)m);
        struct slice rest = names;
        bool told = false;

        while (rest.size > 0)
            told =
                slice_equal_nocase(fuzz_until(&rest, ' '), slice_text(ours)) ||
                told;
        MUST(told == (f.auth >> m & 1));
    }
}

/* ---- lines ---- */

static void
put_user(char *out, struct slice user)
{
    for (size_t i = 0; i < user.size; i++) {
        const char *text = user.data[i] == ','   ? "=2C"
                           : user.data[i] == '=' ? "=3D"
                                                 : NULL;

        if (text)
            out += snprintf(out, 4, "%s", text);
        else
            *out++ = (char)user.data[i];
    }
    *out = '\0';
}

static void
check_lines(const struct lines *l, const struct smtp_login *login)
{
    static const enum line lines[][2] = {
        [SMTP_AUTH_PLAIN] = {LINE_PLAIN},
        [SMTP_AUTH_LOGIN] = {LINE_USER, LINE_PASSWORD},
        [SMTP_AUTH_XOAUTH2] = {LINE_XOAUTH2, LINE_EMPTY},
        [SMTP_AUTH_OAUTHBEARER] = {LINE_BEARER, LINE_DUMMY}};
    uint8_t bytes[2 * LOGIN_LINE_SIZE];
    struct buf b;

    for (uint32_t m = 1; m < SMTP_AUTH_COUNT; m++) {
        enum smtp_auth_mechanism mechanism = (enum smtp_auth_mechanism)m;

        for (uint32_t i = 0; i < smtp_auth_response_count(mechanism); i++) {
            struct slice line = line_of(l, lines[m][i]);

            buf_init(&b, bytes, sizeof(bytes));
            smtp_auth_put_response(&b, mechanism, login, i);
            MUST(b.used == line.size + 2 &&
                 memcmp(bytes + line.size, "\r\n", 2) == 0);
            MUST(slice_equal(slice_of(bytes, line.size), line));
        }
        buf_init(&b, bytes, sizeof(bytes));
        (void)smtp_auth_put_command(&b, mechanism, login);
        MUST(b.used <= COMMAND_SIZE);
        MUST(is_auth_command(l, slice_of(bytes, b.used - 2),
                             smtp_auth_name(mechanism), lines[m][0]));
    }
}

/* ---- what is hidden ---- */

/* Pieces of the login, and bytes of any kind between them. */
static void
put_pieces(struct buf *b, const struct lines *l, const struct smtp_login *login,
           struct slice *in)
{
    while (in->size > 0 && buf_room(b) > 0) {
        uint8_t op = fuzz_u8(in);
        size_t from = fuzz_u8(in), size = fuzz_u8(in);
        struct slice piece =
            op & 4 ? login->secret : line_of(l, (enum line)(op & 3));

        piece = slice_part(piece, from, from + size);
        if (op & 8)
            piece = fuzz_take(in, size % 8);
        buf_put(b, slice_part(piece, 0, buf_room(b)));
    }
}

static void
check_hide(const struct lines *l, const struct smtp_login *login,
           struct slice *in)
{
    uint8_t bytes[TEXT_SIZE], before[TEXT_SIZE];
    size_t run = login->token ? TOKEN_RUN : PASSWORD_RUN, size = 0;
    struct buf b;

    buf_init(&b, bytes, 16 + fuzz_u16(in) % (TEXT_SIZE - 16));
    put_pieces(&b, l, login, in);
    size = b.used;
    memcpy(before, bytes, size);
    if (!smtp_auth_hide(&b, login)) {
        MUST(login->secret.size < run && b.used == size);
        MUST(memcmp(bytes, before, size) == 0);
        return;
    }
    MUST(login->secret.size >= run && !b.full);
    MUST(b.used <= size);
    check_hidden(l, login, buf_slice(&b));
    /* What is no part of it stays. */
    if (b.used == size && size < b.size)
        MUST(memcmp(bytes, before, size) == 0 || memchr(bytes, '*', size));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lines lines;
    struct slice in = slice_of(data, size);
    struct slice user = fuzz_take(&in, 1 + fuzz_u8(&in) % 64);
    struct slice secret = fuzz_take(&in, 1 + fuzz_u8(&in));
    struct smtp_login login = {.user = user,
                               .secret = secret,
                               .token = fuzz_u8(&in) & 1,
                               .host = SLICE("r.example"),
                               .port = 587};
    char escaped[256];

    check_offers(in);
    if (user.size == 0 || secret.size == 0)
        return 0;
    for (size_t i = 0; i < user.size + secret.size; i++) {
        uint8_t byte =
            i < user.size ? user.data[i] : secret.data[i - user.size];

        if (byte == 0 || byte == '\r' || byte == '\n')
            return 0;
    }
    put_user(escaped, user);
    make_lines(&lines, &login);
    make_bearer(&lines, &login, escaped);
    check_lines(&lines, &login);
    check_hide(&lines, &login, &in);
    return 0;
}
