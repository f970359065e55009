/* SPDX-License-Identifier: ISC */
/*
 * Each way to talk, crossed with each kind of reply to each command from MAIL
 * to the end of the message, and with each way and place for the connection to
 * end. What must come of it is written here from the decisions.
 */
#include <stdlib.h>

#include "smtp/steps.h"

#include "smtp_cross.h"

enum { RECIPIENT_COUNT = 2 };

enum way { FLIGHT, PARAMETERS, PLAIN, CAREFUL, WAY_COUNT };
enum at {
    AT_MAIL_STEP,
    AT_RCPT_1,
    AT_RCPT_2,
    AT_DATA_STEP,
    AT_END_STEP,
    AT_COUNT
};

struct mail {
    enum way way;
    enum kind replies[AT_COUNT];
};

static void
begin_mail(enum way way)
{
    static const char *const hellos[] = {
        [FLIGHT] = "> 250-mx\n> 250 PIPELINING\n",
        [PARAMETERS] = "> 250-mx\n> 250-8BITMIME\n> 250 SIZE\n",
        [PLAIN] = "> 250 mx\n",
        [CAREFUL] = "> 250-mx\n> 250-PIPELINING\n> 250-8BITMIME\n> 250 SIZE\n"};
    char script[TEXT_SIZE];

    scene = (struct scene){.recipient_count = RECIPIENT_COUNT};
    scene.config.survey = scene.config.eight_bit = true;
    scene.config.careful = way == CAREFUL;
    snprintf(script, sizeof(script), GREETED "%s", hellos[way]);
    (void)ends_in(script, SIZE_MAX, SIZE_MAX);
}

/* Says all replies before `at`. */
static void
say_mail(const struct mail *m, int at)
{
    begin_mail(m->way);
    hear_all();
    for (int i = 0; i < at; i++) {
        char line[LINE_SIZE];

        snprintf(line, sizeof(line), "%s x\r\n", codes_of[m->replies[i]]);
        server_say(&server, slice_text(line));
        hear_all();
    }
}

static bool
all_refused(const struct mail *m)
{
    return is_refusal(m->replies[AT_RCPT_1]) &&
           is_refusal(m->replies[AT_RCPT_2]);
}

static struct outcome
on_mail(const struct mail *m)
{
    enum kind k = m->replies[AT_MAIL_STEP];

    if (is_positive(k))
        return (struct outcome){SMTP_END_NONE, FAULT_OK};
    if (k == BUSY)
        return (struct outcome){SMTP_END_DIED, FAULT_SENDER_TEMP};
    if (is_not_understood(k) && (m->way == FLIGHT || m->way == PARAMETERS))
        return (struct outcome){SMTP_END_SYNTAX, FAULT_SENDER_PERM};
    if (is_refusal(k))
        return (struct outcome){SMTP_END_VERDICT, is_permanent(k)
                                                      ? FAULT_SENDER_PERM
                                                      : FAULT_SENDER_TEMP};
    return (struct outcome){SMTP_END_DIED, FAULT_DIED};
}

static struct outcome
on_rcpt(const struct mail *m, int at)
{
    enum kind k = m->replies[at];

    if (k == BUSY || k == GO || k == ODD)
        return (struct outcome){SMTP_END_DIED, FAULT_DIED};
    if (is_not_understood(k) && m->way == FLIGHT)
        return (struct outcome){SMTP_END_SYNTAX, FAULT_DIED};
    if (at == AT_RCPT_2 && all_refused(m) && m->way != FLIGHT)
        return (struct outcome){SMTP_END_VERDICT, FAULT_RECIPIENTS};
    return (struct outcome){SMTP_END_NONE, FAULT_OK};
}

static struct outcome
on_data(const struct mail *m)
{
    enum kind k = m->replies[AT_DATA_STEP];

    if (is_positive(k) || k == ODD)
        return (struct outcome){SMTP_END_DIED, FAULT_DIED};
    if (all_refused(m))
        return (struct outcome){SMTP_END_VERDICT, FAULT_RECIPIENTS};
    if (k == GO)
        return (struct outcome){SMTP_END_NONE, FAULT_OK};
    if (k == BUSY)
        return (struct outcome){SMTP_END_DIED, FAULT_DIED};
    if (is_not_understood(k) && m->way == FLIGHT)
        return (struct outcome){SMTP_END_SYNTAX, FAULT_DATA_PERM};
    return (struct outcome){
        SMTP_END_VERDICT, is_permanent(k) ? FAULT_DATA_PERM : FAULT_DATA_TEMP};
}

static struct outcome
on_end(const struct mail *m)
{
    enum kind k = m->replies[AT_END_STEP];

    if (is_refusal(k))
        return (struct outcome){SMTP_END_VERDICT, is_permanent(k)
                                                      ? FAULT_BODY_PERM
                                                      : FAULT_BODY_TEMP};
    if (is_positive(k) && !(k == BYE && m->way == FLIGHT))
        return (struct outcome){SMTP_END_VERDICT, FAULT_ACCEPTED};
    return (struct outcome){SMTP_END_DUPLICATE, FAULT_DUPLICATE};
}

static struct outcome
on_reply(const struct mail *m, int at)
{
    switch (at) {
    case AT_MAIL_STEP:
        return on_mail(m);
    case AT_RCPT_1:
    case AT_RCPT_2:
        return on_rcpt(m, at);
    case AT_DATA_STEP:
        return on_data(m);
    default:
        return on_end(m);
    }
}

static struct outcome
on_death(const struct mail *m, int at)
{
    if (at == AT_END_STEP)
        return (struct outcome){SMTP_END_DUPLICATE, FAULT_DUPLICATE};
    if (at == AT_DATA_STEP && all_refused(m))
        return (struct outcome){SMTP_END_VERDICT, FAULT_RECIPIENTS};
    return (struct outcome){SMTP_END_DIED, FAULT_DIED};
}

/* Of the recipients that were answered before the reply `at`; that one too, if
 * it is a verdict. */
static void
write_verdicts(const struct mail *m, int at, bool whole, char *out)
{
    for (int i = AT_RCPT_1; i <= AT_RCPT_2 && i <= at; i++) {
        enum kind k = m->replies[i];
        bool said = i < at || (whole && on_rcpt(m, i).fault != FAULT_DIED);

        if (said)
            *out++ = is_positive(k) ? 'r' : is_permanent(k) ? 'h' : 's';
    }
    *out = '\0';
}

/* QUIT went with the message, or is a courtesy behind what the server said. */
static bool
wants_quit(const struct mail *m, int at, const struct outcome *o)
{
    enum kind k = m->replies[at];

    if (m->way == FLIGHT && at == AT_END_STEP)
        return true;
    if (o->end == SMTP_END_SYNTAX)
        return m->way != FLIGHT || at == AT_DATA_STEP;
    return o->end == SMTP_END_VERDICT && k != BUSY;
}

/* Dies where the reply `at` is due, in all ways. */
static bool
check_deaths(const struct mail *m, int at)
{
    struct outcome wanted = on_death(m, at);
    char verdicts[RECIPIENT_COUNT + 1];

    write_verdicts(m, at, false, verdicts);
    /* An emulated machine takes one in seven. */
    for (int i = 0; i < CUT_COUNT * DEATH_COUNT;
         i += getenv("MOTE_TARGET") ? 7 : 1) {
        enum death way = (enum death)(i % DEATH_COUNT);
        size_t size = (size_t)(i / DEATH_COUNT);
        bool own = at == AT_MAIL_STEP || at == AT_END_STEP;

        /* There 421 is a reply like others, looked at above. */
        if (!can_die(way, size) || (way == SAYS_421 && own))
            continue;
        say_mail(m, at);
        die(way, codes_of[m->replies[at]], size);
        if (!ended_so(&wanted, verdicts) ||
            !quits(m->way == FLIGHT && at == AT_END_STEP)) {
            printf("death %d after %zu bytes\n", (int)way, size);
            return false;
        }
    }
    return true;
}

/* What comes of the replies; *at: which of them decided. */
static bool
check_mail(const struct mail *m, int *at)
{
    struct outcome wanted = {SMTP_END_NONE, FAULT_OK};
    char verdicts[RECIPIENT_COUNT + 1];

    for (*at = 0; *at < AT_COUNT; (*at)++) {
        wanted = on_reply(m, *at);
        if (wanted.end != SMTP_END_NONE)
            break;
    }
    write_verdicts(m, *at, true, verdicts);
    say_mail(m, *at + 1);
    if (!ended_so(&wanted, verdicts) || !quits(wants_quit(m, *at, &wanted)))
        return false;
    return check_deaths(m, *at);
}

/* All trees of replies: where one decides, those behind it are not varied. */
static bool
check_way(enum way way)
{
    struct mail m = {.way = way};
    int at = 0;

    for (;;) {
        if (!check_mail(&m, &at)) {
            printf("way %d:", (int)way);
            for (int i = 0; i <= at; i++)
                printf(" %s", codes_of[m.replies[i]]);
            printf("\n");
            return false;
        }
        while (at >= 0 && m.replies[at] + 1 == KIND_COUNT)
            m.replies[at--] = GREET;
        if (at < 0)
            return true;
        m.replies[at] = (enum kind)(m.replies[at] + 1);
    }
}

TEST(mail_in_a_flight)
{
    CHECK(check_way(FLIGHT));
}

TEST(mail_with_parameters)
{
    CHECK(check_way(PARAMETERS));
}

TEST(mail_one_by_one)
{
    CHECK(check_way(PLAIN));
}

TEST(mail_the_careful_way)
{
    CHECK(check_way(CAREFUL));
}

#define CASES(X)            \
    X(mail_in_a_flight)     \
    X(mail_with_parameters) \
    X(mail_one_by_one)      \
    X(mail_the_careful_way)

TEST_MAIN(CASES)
