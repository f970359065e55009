/* SPDX-License-Identifier: ISC */
#include "qmail/ipme.h"

#include "base/assert.h"

void
qmail_ipme_init(struct qmail_ipme *m)
{
    m->count = 0;
}

enum qmail_problem
qmail_ipme_add(struct qmail_ipme *m, struct slice line)
{
    struct addr a;

    assert(m->count <= IPME_COUNT_MAX);
    if (!addr_parse_literal(line, &a))
        return PROBLEM_NOT_ADDRESS;
    if (qmail_ipme_contains(m, &a))
        return PROBLEM_NONE;
    if (m->count == IPME_COUNT_MAX)
        return PROBLEM_ADDRESS_COUNT;
    m->addrs[m->count++] = a;
    return PROBLEM_NONE;
}

bool
qmail_ipme_contains(const struct qmail_ipme *m, const struct addr *a)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (addr_equal(&m->addrs[i], a))
            return true;
    return false;
}
