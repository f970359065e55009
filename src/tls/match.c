/* SPDX-License-Identifier: ISC */
#include "tls/match.h"

#include "base/ascii.h"
#include "tls/der.h"

static struct slice
after_label(struct slice name)
{
    return slice_part(name, slice_find(name, '.') + 1, name.size);
}

bool
tls_match_name(uint8_t tag, struct slice entry, struct slice name)
{
    struct slice domain = after_label(entry);

    if (tag != TLS_DER_DNS_NAME || name.size == 0)
        return false;
    if (slice_equal_nocase(entry, name))
        return true;
    if (!slice_equal(slice_part(entry, 0, 2), SLICE("*.")) ||
        after_label(domain).size == 0)
        return false;
    return slice_find(name, '.') > 0 &&
           slice_equal_nocase(domain, after_label(name));
}

bool
tls_match_address(uint8_t tag, struct slice entry, const struct addr *address)
{
    return tag == TLS_DER_IP_ADDRESS &&
           slice_equal(entry, slice_of(address->bytes, addr_size(address)));
}

bool
tls_match_is_host(const char *name)
{
    uint8_t last = '.';

    for (;; name++) {
        uint8_t byte = (uint8_t)*name;
        bool edge = byte == '.' || byte == '\0';

        if (edge ? last == '.' || last == '-'
                 : !ascii_alpha(byte) && !ascii_digit(byte) &&
                       (byte != '-' || last == '.'))
            return false;
        if (byte == '\0')
            return true;
        last = byte;
    }
}
