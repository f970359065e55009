/* SPDX-License-Identifier: ISC */
/* A value of smtproutes, read octet by octet; the file that it may name; the
 * line that it stands in. The first octet says which, and how long runs of 0xff
 * 0xff are. */
#include "qmail/login.h"

#include "fuzz.h"

enum { TEXT_SIZE_MAX = 65536 };

static struct qmail_login login;
static uint8_t text[TEXT_SIZE_MAX];

/* ---- values ---- */

struct reading {
    struct slice relay, user, secret;
    bool login;
};

static bool
closes(struct slice s, size_t at)
{
    while (at < s.size && s.data[at] != ']')
        at++;
    return at < s.size;
}

static struct reading
slow_read(struct slice s)
{
    enum { RELAY, LITERAL, USER, SECRET } where = RELAY;
    struct reading r = {.login = false};
    size_t from = 0, i = 0;
    bool bar = false;

    for (; i < s.size && where != SECRET; i++) {
        uint8_t byte = s.data[i];
        bool blank = byte == ' ' || byte == '\t';

        if (where == RELAY && byte == '[' && closes(s, i)) {
            where = LITERAL;
        } else if (where == LITERAL && byte == ']') {
            where = RELAY;
        } else if (where == RELAY && (blank || byte == '|')) {
            r.relay = slice_part(s, 0, i);
            r.login = true;
            bar = byte == '|';
            from = i + 1;
            where = USER;
        } else if (where == USER && (bar ? byte == '|' : blank)) {
            r.user = slice_part(s, from, i);
            r.secret = slice_part(s, i + 1, s.size);
            where = SECRET;
        }
    }
    if (!r.login)
        r.relay = s;
    else if (where == USER)
        r.user = slice_part(s, from, s.size);
    return r;
}

static enum qmail_problem
slow_judge(const struct reading *r)
{
    bool path = r->secret.size > 0 && r->secret.data[0] == '<';

    if (!r->login)
        return PROBLEM_NONE;
    if (r->secret.size == 0)
        return PROBLEM_USER_ALONE;
    if (r->user.size == 0)
        return PROBLEM_SECRET_ALONE;
    if (r->user.size > LOGIN_USER_SIZE_MAX)
        return PROBLEM_USER_LONG;
    if (path && r->secret.size == 1)
        return PROBLEM_USER_ALONE;
    if (path && r->secret.size - 1 > CONTROL_LINE_SIZE_MAX)
        return PROBLEM_LINE_LONG;
    if (!path && r->secret.size > LOGIN_SECRET_SIZE_MAX)
        return PROBLEM_SECRET_LONG;
    return PROBLEM_NONE;
}

static void
check_value(struct slice value)
{
    struct reading r = slow_read(value);
    struct slice relay, secret = r.secret;
    enum qmail_problem problem = qmail_login_parse(value, &relay, &login);

    MUST(problem == slow_judge(&r));
    MUST(slice_equal(relay, r.relay));
    if (problem != PROBLEM_NONE || !r.login) {
        MUST(login.kind == LOGIN_NONE);
        return;
    }
    MUST((login.kind == LOGIN_FILE) == (secret.data[0] == '<'));
    MUST(login.kind == LOGIN_FILE || login.kind == LOGIN_PASSWORD);
    if (login.kind == LOGIN_FILE)
        secret = slice_part(secret, 1, secret.size);
    MUST(slice_equal(slice_of(login.user, login.user_size), r.user));
    MUST(slice_equal(slice_of(login.secret, login.secret_size), secret));
}

/* ---- files ---- */

static void
check_file(struct slice file)
{
    enum qmail_problem problem = PROBLEM_NONE;
    size_t end = 0;
    struct slice got;

    login.kind = LOGIN_FILE;
    problem = qmail_login_take(&login, file);
    while (end < file.size && file.data[end] != '\n')
        end++;
    if (problem != PROBLEM_NONE) {
        MUST(login.kind == LOGIN_FILE);
        MUST(problem == PROBLEM_EMPTY || problem == PROBLEM_NUL ||
             problem == PROBLEM_CONTROL ||
             (problem == PROBLEM_SECRET_LONG && end > LOGIN_SECRET_SIZE_MAX));
        return;
    }
    got = slice_of(login.secret, login.secret_size);
    MUST(got.size > 0 && slice_find(got, 0) == got.size);
    MUST(slice_find(got, '\r') == got.size);
    MUST(slice_find(got, '\n') == got.size);
    if (login.kind == LOGIN_PASSWORD) {
        MUST(end - got.size <= 1);
        MUST(slice_equal(got, slice_part(file, 0, got.size)));
        MUST(end == got.size || file.data[got.size] == '\r');
    } else {
        MUST(login.kind == LOGIN_TOKEN && strchr("bB", file.data[0]));
        MUST(got.data[0] != ' ' && got.data[got.size - 1] != ' ');
    }
}

/* ---- lines ---- */

static bool
strict(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if ((s.data[i] < ' ' && s.data[i] != '\t') || s.data[i] == 0x7f)
            return false;
    return true;
}

static void
check_line(struct slice line)
{
    struct qmail_lines l = {.too_long = line.size > CONTROL_LINE_SIZE_MAX};
    size_t colon = 0, front = 0;
    struct reading r;
    bool fine = strict(line) && !l.too_long;

    for (colon = 0; colon < line.size && line.data[colon] != ':'; colon++)
        while (colon < line.size && line.data[colon] == '[' &&
               closes(line, colon))
            while (line.data[colon] != ']')
                colon++;
    r = slow_read(slice_part(line, colon + 1, line.size));
    front = line.size - r.secret.size;
    if (r.secret.size > 0)
        fine = front <= CONTROL_LINE_SIZE_MAX &&
               strict(slice_part(line, 0, front)) &&
               slice_find(r.secret, 0) == r.secret.size &&
               slice_find(r.secret, '\r') == r.secret.size;
    MUST((qmail_login_check(&l, line) == PROBLEM_NONE) == fine);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    uint8_t which = fuzz_u8(&in);
    size_t run = (size_t[]){LOGIN_USER_SIZE_MAX - 1, CONTROL_LINE_SIZE_MAX - 2,
                            LOGIN_SECRET_SIZE_MAX - 2, 2}[which / 4 % 4];
    uint8_t *copy = NULL;
    struct slice s;
    struct buf b;

    buf_init(&b, text, sizeof(text));
    while (in.size > 0) {
        uint8_t byte = fuzz_u8(&in);

        buf_put_byte(&b, byte);
        if (byte == 0xff && in.size > 0 && in.data[0] == 0xff)
            for (size_t i = 0; i < run; i++)
                buf_put_byte(&b, 'x');
    }
    copy = fuzz_copy(buf_slice(&b));
    s = slice_of(copy, b.used);
    if (which % 4 == 0)
        check_file(s);
    else if (which % 4 == 1)
        check_line(s);
    else
        check_value(s);
    free(copy);
    return 0;
}
