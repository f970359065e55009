/* SPDX-License-Identifier: ISC */
/*
 * A second, slow reading of names in messages (RFC 1035 section 4.1.4).
 *
 * in     a message and an offset
 * out    the labels with their lengths and the root; where the name ends
 * bound  NAME_WIRE_SIZE_MAX octets
 * fault  false: src/dns/name.h must refuse it too
 */
#ifndef FUZZ_DNS_REFERENCE_H
#define FUZZ_DNS_REFERENCE_H

#include "dns/name.h"
#include "fuzz.h"

/* `end`: where the part that holds the name ends; pointers leave it. */
static inline bool
slow_name(struct slice m, size_t *at, size_t end, struct dns_name *out)
{
    size_t pos = *at, floor = *at, size = 0, hops = 0;
    bool moved = false;

    for (;;) {
        uint8_t head = 0;

        if (pos >= end)
            return false;
        head = m.data[pos++];
        if (head >= 0xc0) {
            size_t target = 0;

            if (pos >= end)
                return false;
            target = (head - 0xc0u) * 256u + m.data[pos++];
            if (!moved)
                *at = pos;
            moved = true;
            if (target < 12 || target >= floor || ++hops > 127)
                return false;
            pos = floor = target;
            end = m.size;
            continue;
        }
        if (head > 63 || head > end - pos || size + 1 + head > 255)
            return false;
        memcpy(out->wire + size, m.data + pos - 1, 1u + head);
        size += 1u + head;
        pos += head;
        if (head == 0)
            break;
    }
    if (!moved)
        *at = pos;
    out->size = (uint8_t)size;
    return true;
}

#endif
