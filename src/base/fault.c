/* SPDX-License-Identifier: ISC */
#include "base/fault.h"

#include "base/assert.h"

#define FAULT_ROW(NAME, class, text, code) \
    [FAULT_##NAME] = {#NAME, text, code, class},

static const struct fault_row rows[FAULT_COUNT] = {FAULTS(FAULT_ROW)};

const struct fault_row *
fault_row(enum fault fault)
{
    assert(fault < FAULT_COUNT);
    return &rows[fault];
}
