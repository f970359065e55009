/* SPDX-License-Identifier: ISC */
#include "qmail/mtasts.h"

#include <string.h>

#include "base/ascii.h"
#include "qmail/key.h"

enum field { VERSION, MODE, MAX_AGE, MX, FIELD_COUNT };

void
qmail_mtasts_init(struct qmail_mtasts *m, int64_t size)
{
    *m = (struct qmail_mtasts){
        .problem = size > MTASTS_SIZE_MAX ? PROBLEM_STS_SIZE : PROBLEM_NONE};
}

static enum qmail_problem
read_mode(struct qmail_mtasts *m, struct slice value)
{
    static const char *const modes[] = {[MTASTS_NONE] = "none",
                                        [MTASTS_TESTING] = "testing",
                                        [MTASTS_ENFORCE] = "enforce"};

    for (int i = MTASTS_NONE; i <= MTASTS_ENFORCE; i++)
        if (slice_equal(value, slice_text(modes[i])))
            m->mode = (enum qmail_mtasts_mode)i;
    return m->mode == MTASTS_UNKNOWN ? PROBLEM_STS_MODE : PROBLEM_NONE;
}

static enum qmail_problem
read_age(struct qmail_mtasts *m, struct slice value)
{
    uint64_t age = 0;

    m->aged = ascii_number(value, MTASTS_AGE_S_MAX, &age);
    m->max_age_s = (uint32_t)age;
    return m->aged ? PROBLEM_NONE : PROBLEM_STS_AGE;
}

static enum qmail_problem
add_mx(struct qmail_mtasts *m, struct slice value)
{
    static const size_t star_size = 2;
    bool below = slice_equal(slice_part(value, 0, star_size), SLICE("*."));
    struct slice name = slice_part(value, below ? star_size : 0, value.size);
    struct qmail_mtasts_mx *mx = &m->mx[m->mx_count];

    name = qmail_key_undot(name);
    if (qmail_control_name(name) != PROBLEM_NONE)
        return PROBLEM_STS_MX;
    if (m->mx_count == MTASTS_MX_COUNT_MAX)
        return PROBLEM_STS_MX_COUNT;
    mx->below = below;
    mx->size = (uint8_t)name.size;
    memcpy(mx->name, name.data, name.size);
    m->mx_count++;
    return PROBLEM_NONE;
}

static enum qmail_problem
read_field(struct qmail_mtasts *m, enum field field, struct slice value)
{
    bool again = m->seen >> field & 1;

    m->seen |= UINT32_C(1) << field;
    if (field == MX)
        return add_mx(m, value);
    if (again)
        return PROBLEM_NONE;
    if (field == MODE)
        return read_mode(m, value);
    if (field == MAX_AGE)
        return read_age(m, value);
    return slice_equal(value, SLICE("STSv1")) ? PROBLEM_NONE
                                              : PROBLEM_STS_VERSION;
}

static enum qmail_problem
read_line(struct qmail_mtasts *m, struct slice line)
{
    static const char *const fields[FIELD_COUNT] = {[VERSION] = "version",
                                                    [MODE] = "mode",
                                                    [MAX_AGE] = "max_age",
                                                    [MX] = "mx"};
    size_t colon = slice_find(line, ':');
    struct slice value = slice_trim(slice_part(line, colon + 1, line.size));

    if (slice_chomp(line).size == 0)
        return PROBLEM_NONE;
    if (colon == line.size)
        return PROBLEM_STS_LINE;
    for (int i = 0; i < FIELD_COUNT; i++)
        if (slice_equal(slice_part(line, 0, colon), slice_text(fields[i])))
            return read_field(m, (enum field)i, value);
    return PROBLEM_NONE;
}

static void
complain(struct qmail_mtasts *m, enum qmail_problem problem)
{
    if (m->problem == PROBLEM_NONE)
        m->problem = problem;
}

void
qmail_mtasts_line(struct qmail_mtasts *m, struct slice line)
{
    complain(m, read_line(m, line));
}

void
qmail_mtasts_end(struct qmail_mtasts *m)
{
    static const enum qmail_problem missing[] = {[VERSION] =
                                                     PROBLEM_STS_VERSION,
                                                 [MODE] = PROBLEM_STS_MODE,
                                                 [MAX_AGE] = PROBLEM_STS_AGE};

    for (int i = 0; i < MX; i++)
        if (!(m->seen >> i & 1))
            complain(m, missing[i]);
    if (m->mx_count == 0 && m->mode != MTASTS_NONE)
        complain(m, PROBLEM_STS_MX);
}

bool
qmail_mtasts_holds(const struct qmail_mtasts *m, int64_t modified_s,
                   int64_t now_s)
{
    return m->mode == MTASTS_ENFORCE &&
           (!m->aged || modified_s + m->max_age_s > now_s);
}

bool
qmail_mtasts_matches(const struct qmail_mtasts *m, struct slice host)
{
    size_t dot = 0;

    host = qmail_key_undot(host);
    dot = slice_find(host, '.');
    for (uint32_t i = 0; i < m->mx_count; i++) {
        const struct qmail_mtasts_mx *mx = &m->mx[i];
        size_t from = mx->below ? dot + 1 : 0;

        if ((!mx->below || dot > 0) &&
            slice_equal_nocase(slice_part(host, from, host.size),
                               slice_of(mx->name, mx->size)))
            return true;
    }
    return false;
}
