/* SPDX-License-Identifier: ISC */
/* The same crossing as in smtp_steps_test.c, of all that comes before MAIL. */
#include "smtp/steps.h"

#include "smtp_cross.h"

enum hello {
    AT_GREETING,
    AT_EHLO,
    AT_HELO,
    AT_STARTTLS,
    AT_EHLO_2, /* inside TLS */
    AT_HELO_2,
    AT_MAIL_AT_LAST,
    AT_NOTHING
};

struct opening {
    enum smtp_tls tls;
    enum smtp_hello hello;
    enum kind replies[AT_MAIL_AT_LAST + 1];
    enum hello steps[AT_MAIL_AT_LAST + 1]; /* of each reply */
};

static const struct outcome none = {SMTP_END_NONE, FAULT_OK};
static const struct outcome dead = {SMTP_END_DIED, FAULT_DIED};
static const struct outcome busy = {SMTP_END_DIED, FAULT_HELLO};
static const struct outcome rejected = {SMTP_END_UNFIT, FAULT_HELLO};
static const struct outcome broken = {SMTP_END_TLS_BROKEN, FAULT_TLS_FAILED};

static enum hello
step_of(const struct opening *o, int at)
{
    return at < 0 ? AT_NOTHING : o->steps[at];
}

/* HELO, where EHLO was refused before. */
static bool
is_second_try(const struct opening *o, int at)
{
    enum hello before = step_of(o, at - 1);

    return before == AT_EHLO || before == AT_EHLO_2;
}

static struct outcome
on_hello(const struct opening *o, int at, enum hello *next)
{
    bool secure = o->steps[at] == AT_EHLO_2;
    enum kind k = o->replies[at];

    if (is_permanent(k))
        *next = secure ? AT_HELO_2 : AT_HELO;
    if (k == FINE)
        *next =
            secure || o->tls == SMTP_TLS_OFF ? AT_MAIL_AT_LAST : AT_STARTTLS;
    if (k == FINE || is_permanent(k))
        return none;
    if (k == BUSY)
        return busy;
    if (k == LATER)
        return rejected;
    return secure ? broken : dead;
}

static struct outcome
on_helo(const struct opening *o, int at, enum hello *next)
{
    enum kind k = o->replies[at];

    if (k == FINE && o->steps[at] == AT_HELO && o->tls == SMTP_TLS_MUST)
        return (struct outcome){SMTP_END_TLS_ABSENT, FAULT_TLS_ABSENT};
    *next = AT_MAIL_AT_LAST;
    if (k == FINE)
        return none;
    if (is_second_try(o, at) || (is_refusal(k) && k != BUSY))
        return rejected;
    return k == BUSY ? busy : dead;
}

static struct outcome
on_starttls(const struct opening *o, int at, enum hello *next)
{
    enum kind k = o->replies[at];

    *next = k == GREET ? AT_EHLO_2 : AT_MAIL_AT_LAST;
    if (k == GREET)
        return none;
    if (!is_refusal(k) || k == BUSY)
        return broken;
    return o->tls == SMTP_TLS_TRY
               ? none
               : (struct outcome){SMTP_END_TLS_REFUSED, FAULT_TLS_REFUSED};
}

static struct outcome
on_opening(const struct opening *o, int at, enum hello *next)
{
    enum kind k = o->replies[at];

    switch (o->steps[at]) {
    case AT_GREETING:
        *next = o->hello == SMTP_HELLO_HELO ? AT_HELO : AT_EHLO;
        if (k == GREET)
            return none;
        return (struct outcome){k == BUSY ? SMTP_END_DIED : SMTP_END_UNFIT,
                                FAULT_GREETING};
    case AT_EHLO:
    case AT_EHLO_2:
        return on_hello(o, at, next);
    case AT_HELO:
    case AT_HELO_2:
        return on_helo(o, at, next);
    case AT_STARTTLS:
        return on_starttls(o, at, next);
    default: /* MAIL was said: any refusal will do */
        return (struct outcome){SMTP_END_VERDICT, FAULT_SENDER_PERM};
    }
}

static struct outcome
on_opening_death(const struct opening *o, int at, bool mute)
{
    switch (o->steps[at]) {
    case AT_EHLO:
        return mute ? (struct outcome){SMTP_END_MUTE, FAULT_DIED} : dead;
    case AT_HELO:
    case AT_HELO_2:
        return is_second_try(o, at) ? rejected : dead;
    case AT_STARTTLS:
    case AT_EHLO_2:
        return broken;
    case AT_MAIL_AT_LAST:
        return step_of(o, at - 1) == AT_STARTTLS ? broken : dead;
    default:
        return dead;
    }
}

static void
say_opening(const struct opening *o, int count)
{
    scene = (struct scene){.config = {.tls = o->tls, .hello = o->hello}};
    (void)ends_in("", SIZE_MAX, SIZE_MAX);
    hear_all();
    for (int i = 0; i < count; i++) {
        char line[LINE_SIZE];

        snprintf(line, sizeof(line), "%s-x\r\n%s STARTTLS\r\n",
                 codes_of[o->replies[i]], codes_of[o->replies[i]]);
        server_say(&server, slice_text(line));
        if (smtp_want(&server.smtp) & SMTP_WANT_SECURE)
            smtp_secured(&server.smtp, true, server.now_ms);
        hear_all();
    }
}

/* The report has the server's reason: that to EHLO where HELO followed. */
static bool
has_said(const struct opening *o, int at)
{
    char text[LINE_SIZE];
    int from = is_second_try(o, at) ? at - 1 : at;

    snprintf(text, sizeof(text), "%s-x\n%s STARTTLS\n",
             codes_of[o->replies[from]], codes_of[o->replies[from]]);
    return server.smtp.fault != FAULT_HELLO || said(text);
}

static bool
check_opening_deaths(const struct opening *o, int at)
{
    for (int i = 0; i < CUT_COUNT * DEATH_COUNT; i++) {
        enum death way = (enum death)(i % DEATH_COUNT);
        size_t size = (size_t)(i / DEATH_COUNT);
        struct outcome wanted =
            on_opening_death(o, at, way == CLOSED && size == 0);

        if (way == SAYS_421) /* a reply like others */
            continue;
        say_opening(o, at);
        die(way, codes_of[o->replies[at]], size);
        if (!ended_so(&wanted, "") || !quits(false) ||
            server.smtp.why.size == 0 || !(is_second_try(o, at) || said("")))
            return false;
    }
    return true;
}

static bool
check_opening(struct opening *o, int *at)
{
    struct outcome wanted = none;
    enum hello next = AT_GREETING;
    bool quit = false;

    for (*at = -1; wanted.end == SMTP_END_NONE;) {
        o->steps[++*at] = next;
        if (next == AT_MAIL_AT_LAST)
            o->replies[*at] = NO;
        wanted = on_opening(o, *at, &next);
    }
    quit = wanted.end != SMTP_END_DIED && wanted.end != SMTP_END_TLS_BROKEN &&
           is_refusal(o->replies[*at]) && o->replies[*at] != BUSY;
    quit = quit || wanted.end == SMTP_END_TLS_ABSENT ||
           (wanted.fault == FAULT_GREETING && o->replies[*at] != BUSY);
    say_opening(o, *at + 1);
    return ended_so(&wanted, "") && has_said(o, *at) && quits(quit) &&
           check_opening_deaths(o, *at);
}

static bool
check_openings(enum smtp_tls tls, enum smtp_hello hello)
{
    struct opening o = {.tls = tls, .hello = hello};
    int at = 0;

    for (;;) {
        if (!check_opening(&o, &at)) {
            for (int i = 0; i <= at; i++)
                printf(" %s", codes_of[o.replies[i]]);
            printf("\n");
            return false;
        }
        while (at >= 0 && (o.steps[at] == AT_MAIL_AT_LAST ||
                           o.replies[at] + 1 == KIND_COUNT))
            o.replies[at--] = GREET;
        if (at < 0)
            return true;
        o.replies[at] = (enum kind)(o.replies[at] + 1);
    }
}

TEST(openings_without_tls)
{
    CHECK(check_openings(SMTP_TLS_OFF, SMTP_HELLO_EHLO));
}

TEST(openings_that_try_tls)
{
    CHECK(check_openings(SMTP_TLS_TRY, SMTP_HELLO_EHLO));
}

TEST(openings_that_must_have_tls)
{
    CHECK(check_openings(SMTP_TLS_MUST, SMTP_HELLO_EHLO));
}

TEST(openings_with_helo)
{
    CHECK(check_openings(SMTP_TLS_OFF, SMTP_HELLO_HELO));
    CHECK(check_openings(SMTP_TLS_TRY, SMTP_HELLO_HELO));
    CHECK(check_openings(SMTP_TLS_MUST, SMTP_HELLO_HELO));
}

#define CASES(X)                   \
    X(openings_without_tls)        \
    X(openings_that_try_tls)       \
    X(openings_that_must_have_tls) \
    X(openings_with_helo)

TEST_MAIN(CASES)
