/* SPDX-License-Identifier: ISC */
#include "qmail/login.h"

#include "test.h"

static struct qmail_login login;
static uint8_t bytes[2 * CONTROL_KEPT_SIZE_MAX];

static bool
is_text(const uint8_t *data, size_t size, const char *text)
{
    return slice_equal(slice_of(data, size), slice_text(text));
}

/* A value with these parts; without a user it is no login. */
static bool
parts(const char *value, const char *relay, const char *user,
      const char *secret)
{
    struct slice got;

    if (qmail_login_parse(slice_text(value), &got, &login) != PROBLEM_NONE ||
        !slice_equal(got, slice_text(relay)))
        return false;
    if (!user)
        return login.kind == LOGIN_NONE && login.user_size == 0 &&
               login.secret_size == 0;
    return (login.kind == LOGIN_PASSWORD || login.kind == LOGIN_FILE) &&
           is_text(login.user, login.user_size, user) &&
           is_text(login.secret, login.secret_size, secret);
}

static enum qmail_problem
problem_of(const char *value)
{
    struct slice relay;

    return qmail_login_parse(slice_text(value), &relay, &login);
}

TEST(a_bar_parts_relay_user_and_password)
{
    CHECK(parts("r.example|u|p", "r.example", "u", "p"));
    CHECK(parts("r.example:587|e=mc2|a|b:c d", "r.example:587", "e=mc2",
                "a|b:c d"));
    CHECK(parts("r.example;587|u|p", "r.example;587", "u", "p"));
    CHECK(parts("[2001:db8::1]:465|u@d|p", "[2001:db8::1]:465", "u@d", "p"));
    CHECK(parts("r.example:587|u v|p", "r.example:587", "u v", "p"));
    CHECK(parts("r|u\tv|p\tq", "r", "u\tv", "p\tq"));
    CHECK(parts("r|u| p", "r", "u", " p"));
    CHECK(parts("r|u||", "r", "u", "|"));
    CHECK(parts("r|u|p#q\"<\\:[]", "r", "u", "p#q\"<\\:[]"));
    CHECK(parts("r|\xff|\xfe\x01\x7f", "r", "\xff", "\xfe\x01\x7f"));
    CHECK(login.kind == LOGIN_PASSWORD);
}

TEST(a_blank_parts_them_as_well)
{
    CHECK(parts("r.example:587 u p q", "r.example:587", "u", "p q"));
    CHECK(parts("r.example:587 u\\v p", "r.example:587", "u\\v", "p"));
    CHECK(parts("r.example:587 u|v p", "r.example:587", "u|v", "p"));
    CHECK(parts("r u  p", "r", "u", " p"));
    CHECK(parts("r\tu\tp", "r", "u", "p"));
    CHECK(parts("r u |p", "r", "u", "|p"));
    CHECK(parts("[2001:db8::1]:465 u@d p", "[2001:db8::1]:465", "u@d", "p"));
}

TEST(what_stands_in_brackets_parts_nothing)
{
    CHECK(parts("[a|b c] u p", "[a|b c]", "u", "p"));
    CHECK(parts("[a b]|u|p", "[a b]", "u", "p"));
    CHECK(parts("[a|u|p", "[a", "u", "p"));
    CHECK(parts("[a|u|p]", "[a|u|p]", NULL, NULL));
    CHECK(parts("r|u[|p]", "r", "u[", "p]"));
}

TEST(a_value_may_have_no_login)
{
    CHECK(parts("", "", NULL, NULL));
    CHECK(parts(":26", ":26", NULL, NULL));
    CHECK(parts("r.example:587", "r.example:587", NULL, NULL));
    CHECK(parts("[2001:db8::1]", "[2001:db8::1]", NULL, NULL));
    CHECK(parts("r_x!.example", "r_x!.example", NULL, NULL));
}

TEST(a_secret_may_be_in_a_file)
{
    CHECK(parts("r.example|u|</etc/s", "r.example", "u", "/etc/s"));
    CHECK(login.kind == LOGIN_FILE);
    CHECK(parts("r.example u <control/a b", "r.example", "u", "control/a b"));
    CHECK(login.kind == LOGIN_FILE);
    CHECK(parts("r|u|p<q", "r", "u", "p<q"));
    CHECK(login.kind == LOGIN_PASSWORD);
    CHECK(problem_of("r|u|<") == PROBLEM_USER_ALONE);
}

TEST(a_user_needs_a_password_and_it_a_user)
{
    CHECK(problem_of("r.example|u") == PROBLEM_USER_ALONE);
    CHECK(problem_of("r.example|u|") == PROBLEM_USER_ALONE);
    CHECK(problem_of("r.example u") == PROBLEM_USER_ALONE);
    CHECK(problem_of("r.example|") == PROBLEM_USER_ALONE);
    CHECK(problem_of("r.example||") == PROBLEM_USER_ALONE);
    CHECK(problem_of("r.example|u p") == PROBLEM_USER_ALONE);
    CHECK(problem_of("r.example u|p") == PROBLEM_USER_ALONE);
    CHECK(problem_of("re lay") == PROBLEM_USER_ALONE);
    CHECK(problem_of("r.example||p") == PROBLEM_SECRET_ALONE);
    CHECK(problem_of("r.example  u p") == PROBLEM_SECRET_ALONE);
    CHECK(login.kind == LOGIN_NONE);
    /* Without a relay: qmail_route_test. */
    CHECK(parts("|u|p", "", "u", "p"));
    CHECK(parts(":587|u|p", ":587", "u", "p"));
}

/* `r|` with a user and a secret of these sizes. */
static enum qmail_problem
of_sizes(size_t user, size_t secret, const char *begins)
{
    struct slice relay;
    struct buf b;

    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, "r|", 2);
    bytes[2 + user] = '|';
    buf_init(&b, bytes + 3 + user, secret);
    buf_put_text(&b, begins);
    return qmail_login_parse(slice_of(bytes, 3 + user + secret), &relay,
                             &login);
}

TEST(user_and_password_have_limits)
{
    CHECK(of_sizes(LOGIN_USER_SIZE_MAX - 1, 1, "") == PROBLEM_NONE);
    CHECK(of_sizes(LOGIN_USER_SIZE_MAX, 1, "") == PROBLEM_NONE);
    CHECK(login.user_size == LOGIN_USER_SIZE_MAX);
    CHECK(of_sizes(LOGIN_USER_SIZE_MAX + 1, 1, "") == PROBLEM_USER_LONG);
    CHECK(login.kind == LOGIN_NONE);
    CHECK(of_sizes(1, 1, "") == PROBLEM_NONE);
    CHECK(of_sizes(1, LOGIN_SECRET_SIZE_MAX - 1, "") == PROBLEM_NONE);
    CHECK(of_sizes(LOGIN_USER_SIZE_MAX, LOGIN_SECRET_SIZE_MAX, "") ==
          PROBLEM_NONE);
    CHECK(login.secret_size == LOGIN_SECRET_SIZE_MAX);
    CHECK(login.secret[LOGIN_SECRET_SIZE_MAX - 1] == 'x');
    CHECK(of_sizes(1, LOGIN_SECRET_SIZE_MAX + 1, "") == PROBLEM_SECRET_LONG);
    CHECK(login.kind == LOGIN_NONE);
    CHECK(of_sizes(1, 1 + CONTROL_LINE_SIZE_MAX, "<") == PROBLEM_NONE);
    CHECK(login.kind == LOGIN_FILE);
    CHECK(login.secret_size == CONTROL_LINE_SIZE_MAX);
    CHECK(of_sizes(1, 2 + CONTROL_LINE_SIZE_MAX, "<") == PROBLEM_LINE_LONG);
}

/* ---- files ---- */

static bool
takes(struct slice file, enum qmail_login_kind kind, const char *secret)
{
    login.kind = LOGIN_FILE;
    return qmail_login_take(&login, file) == PROBLEM_NONE &&
           login.kind == kind &&
           is_text(login.secret, login.secret_size, secret);
}

TEST(the_first_line_of_a_file_is_the_secret)
{
    CHECK(takes(SLICE("p"), LOGIN_PASSWORD, "p"));
    CHECK(takes(SLICE("p\n"), LOGIN_PASSWORD, "p"));
    CHECK(takes(SLICE("p\r\n"), LOGIN_PASSWORD, "p"));
    CHECK(takes(SLICE("p\nq\n"), LOGIN_PASSWORD, "p"));
    CHECK(takes(SLICE("p\n\0"), LOGIN_PASSWORD, "p"));
    CHECK(takes(SLICE(" p q \t\n"), LOGIN_PASSWORD, " p q \t"));
    CHECK(takes(SLICE("<p|\xff\x01\n"), LOGIN_PASSWORD, "<p|\xff\x01"));
    CHECK(takes(SLICE("# p\n"), LOGIN_PASSWORD, "# p"));
}

TEST(a_token_says_so)
{
    CHECK(takes(SLICE("Bearer t\n"), LOGIN_TOKEN, "t"));
    CHECK(takes(SLICE("bEARER t.u_v-w=="), LOGIN_TOKEN, "t.u_v-w=="));
    CHECK(takes(SLICE("BEARER  t \r\n"), LOGIN_TOKEN, "t"));
    CHECK(takes(SLICE("Bearer\n"), LOGIN_PASSWORD, "Bearer"));
    CHECK(takes(SLICE("Bearert\n"), LOGIN_PASSWORD, "Bearert"));
    CHECK(takes(SLICE(" Bearer t\n"), LOGIN_PASSWORD, " Bearer t"));
    CHECK(takes(SLICE("Bearer\tt\n"), LOGIN_PASSWORD, "Bearer\tt"));
}

TEST(a_file_without_a_secret_is_a_problem)
{
    CHECK(qmail_login_take(&login, SLICE("")) == PROBLEM_EMPTY);
    CHECK(qmail_login_take(&login, SLICE("\n")) == PROBLEM_EMPTY);
    CHECK(qmail_login_take(&login, SLICE("\r\n")) == PROBLEM_EMPTY);
    CHECK(qmail_login_take(&login, SLICE("\np\n")) == PROBLEM_EMPTY);
    CHECK(qmail_login_take(&login, SLICE("Bearer \n")) == PROBLEM_EMPTY);
    CHECK(qmail_login_take(&login, SLICE("p\0q\n")) == PROBLEM_NUL);
    CHECK(qmail_login_take(&login, SLICE("\0")) == PROBLEM_NUL);
    CHECK(qmail_login_take(&login, SLICE("p\rq\n")) == PROBLEM_CONTROL);
    CHECK(qmail_login_take(&login, SLICE("p\r\r\n")) == PROBLEM_CONTROL);
    CHECK(qmail_login_take(&login, SLICE("Bearer p\0\n")) == PROBLEM_NUL);
}

TEST(a_file_s_first_line_has_a_limit)
{
    struct slice whole = slice_of(bytes, LOGIN_SECRET_SIZE_MAX + 1);

    memset(bytes, 'x', sizeof(bytes));
    CHECK(qmail_login_take(&login, whole) == PROBLEM_SECRET_LONG);
    bytes[LOGIN_SECRET_SIZE_MAX] = '\n';
    CHECK(qmail_login_take(&login, whole) == PROBLEM_NONE);
    CHECK(login.secret_size == LOGIN_SECRET_SIZE_MAX);
    bytes[LOGIN_SECRET_SIZE_MAX - 1] = '\r';
    CHECK(qmail_login_take(&login, whole) == PROBLEM_NONE);
    CHECK(login.secret_size == LOGIN_SECRET_SIZE_MAX - 1);
}

/* ---- lines ---- */

static enum qmail_problem
check(struct slice line)
{
    struct qmail_lines l = {.too_long = line.size > CONTROL_LINE_SIZE_MAX};

    return qmail_login_check(&l, line);
}

TEST(only_a_secret_may_have_control_bytes)
{
    CHECK(check(SLICE("k:r|u|\x01\x7f\xff\t")) == PROBLEM_NONE);
    CHECK(check(SLICE("k:r u \x01")) == PROBLEM_NONE);
    CHECK(check(SLICE("k:r|u|p\0q")) == PROBLEM_NUL);
    CHECK(check(SLICE("k:r|u|p\rq")) == PROBLEM_CONTROL);
    CHECK(check(SLICE("k:r|u\x01|p")) == PROBLEM_CONTROL);
    CHECK(check(SLICE("k:r|u\0|p")) == PROBLEM_NUL);
    CHECK(check(SLICE("k:r\x01|u|p")) == PROBLEM_CONTROL);
    CHECK(check(SLICE("k\x01:r|u|p")) == PROBLEM_CONTROL);
    CHECK(check(SLICE("k\x01:r|u|p\x01")) == PROBLEM_CONTROL);
    CHECK(check(SLICE("k:r|u\x01")) == PROBLEM_CONTROL);
    CHECK(check(SLICE("k:\x01")) == PROBLEM_CONTROL);
    CHECK(check(SLICE("r|u|\x01")) == PROBLEM_CONTROL);
    CHECK(check(SLICE("k:r|u|p")) == PROBLEM_NONE);
}

/* A line with a key of that size and `rest`. */
static enum qmail_problem
check_long(size_t key, const char *rest, size_t secret)
{
    size_t size = strlen(rest);

    memset(bytes, 'k', sizeof(bytes));
    memcpy(bytes + key, rest, size);
    return check(slice_of(bytes, key + size + secret));
}

TEST(a_secret_does_not_count_for_the_length_of_its_line)
{
    const size_t max = CONTROL_LINE_SIZE_MAX - strlen(":r|u|");
    const size_t kept = CONTROL_KEPT_SIZE_MAX - CONTROL_LINE_SIZE_MAX;

    CHECK(check_long(max, ":r|u|", LOGIN_SECRET_SIZE_MAX) == PROBLEM_NONE);
    CHECK(check_long(max, ":r|u|", kept) == PROBLEM_NONE);
    CHECK(kept > LOGIN_SECRET_SIZE_MAX);
    CHECK(check_long(max, ":r|u|", 1) == PROBLEM_NONE);
    CHECK(check_long(max + 1, ":r|u|", 1) == PROBLEM_LINE_LONG);
    CHECK(check_long(max + 1, ":r|u|", 9000 - max) == PROBLEM_LINE_LONG);
    CHECK(check_long(max, ":r|uv", 1) == PROBLEM_LINE_LONG);
    CHECK(check_long(max, ":rouv", 0) == PROBLEM_NONE);
    CHECK(check_long(max, ":rouv", 1) == PROBLEM_LINE_LONG);
}

#define CASES(X)                              \
    X(a_bar_parts_relay_user_and_password)    \
    X(a_blank_parts_them_as_well)             \
    X(what_stands_in_brackets_parts_nothing)  \
    X(a_value_may_have_no_login)              \
    X(a_secret_may_be_in_a_file)              \
    X(a_user_needs_a_password_and_it_a_user)  \
    X(user_and_password_have_limits)          \
    X(the_first_line_of_a_file_is_the_secret) \
    X(a_token_says_so)                        \
    X(a_file_without_a_secret_is_a_problem)   \
    X(a_file_s_first_line_has_a_limit)        \
    X(only_a_secret_may_have_control_bytes)   \
    X(a_secret_does_not_count_for_the_length_of_its_line)

TEST_MAIN(CASES)
