/* SPDX-License-Identifier: ISC */
#include "lock.h"

#include "os/os.h"

/* Deliveries that end at once come here at once. */
bool
lock_take(int fd)
{
    for (uint32_t i = 0; i < TCPTO_LOCK_TRY_COUNT; i++) {
        if (os_lock(fd, true))
            return true;
        (void)os_poll(NULL, 0, os_now_ms() + TCPTO_LOCK_PAUSE_MS);
    }
    return false;
}

void
lock_give(int fd)
{
    (void)os_lock(fd, false);
}
