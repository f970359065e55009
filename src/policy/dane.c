/* SPDX-License-Identifier: ISC */
#include "policy/dane.h"

enum policy_dane
policy_dane_of(const struct policy_dane_answer *answer)
{
    if (answer->pending)
        return POLICY_DANE_PENDING;
    /* Whoever can make look-ups fail could else have the mail in clear. */
    if (answer->failed)
        return POLICY_DANE_SKIP;
    if (!answer->found || !answer->secure)
        return POLICY_DANE_NONE;
    return answer->usable ? POLICY_DANE_AUTH : POLICY_DANE_ENCRYPT;
}
