/* SPDX-License-Identifier: ISC */
#include "smtp/address.h"

#include <string.h>

#include "base/addr.h"
#include "base/ascii.h"
#include "base/assert.h"
#include "base/utf8.h"

/* Plain in a local part besides letters and digits. */
static const char plain[] = "!#$%&'*+-/=?^_`{|}~.";
/* Wrong in a domain, outside a literal's brackets. */
static const char special[] = "<>()[]@,;:\\\" ";

static bool
contains(const char *set, size_t size, uint8_t byte)
{
    return memchr(set, byte, size) != NULL;
}

static size_t
find_last_at(struct slice s)
{
    for (size_t i = s.size; i > 0; i--)
        if (s.data[i - 1] == '@')
            return i - 1;
    return s.size;
}

static bool
needs_quotes(struct slice local)
{
    if (local.size == 0)
        return true;
    if (local.data[0] == '.' || local.data[local.size - 1] == '.')
        return true;
    for (size_t i = 0; i < local.size; i++) {
        uint8_t byte = local.data[i];

        /* RFC 6531 section 3.3: what is not ASCII is an atom's, too. */
        if (!ascii_alpha(byte) && !ascii_digit(byte) && byte <= 0x7f &&
            !contains(plain, sizeof(plain) - 1, byte))
            return true;
        if (byte == '.' && i > 0 && local.data[i - 1] == '.')
            return true;
    }
    return false;
}

static bool
needs_backslash(uint8_t byte)
{
    return byte == '"' || byte == '\\';
}

static size_t
quoted_size(struct slice local)
{
    size_t size = local.size + 2;

    if (!needs_quotes(local))
        return local.size;
    for (size_t i = 0; i < local.size; i++)
        size += needs_backslash(local.data[i]);
    return size;
}

/* Behind the `@`: a name, an address, or a literal in brackets. qmail's own
 * double bounces come from `#@[]`, so an empty literal is one. */
static bool
domain_is_clean(struct slice domain)
{
    struct addr bare;

    if (addr_parse(domain, &bare))
        return true;
    if (domain.size >= 2 && domain.data[0] == '[' &&
        domain.data[domain.size - 1] == ']') {
        domain = slice_part(domain, 1, domain.size - 1);
        for (size_t i = 0; i < domain.size; i++)
            if (domain.data[i] != ':' &&
                contains(special, sizeof(special) - 1, domain.data[i]))
                return false;
        return true;
    }
    for (size_t i = 0; i < domain.size; i++)
        if (contains(special, sizeof(special) - 1, domain.data[i]))
            return false;
    return true;
}

enum smtp_address_problem
smtp_address_check(struct slice address)
{
    size_t at = find_last_at(address);
    struct slice local = slice_part(address, 0, at);
    struct slice domain = slice_part(address, at + 1, address.size);

    if (!utf8_is_text(address))
        return SMTP_ADDRESS_NOT_TEXT;
    for (size_t i = 0; i < address.size; i++)
        if (ascii_control(address.data[i]))
            return SMTP_ADDRESS_CONTROL;
    if (!domain_is_clean(domain))
        return SMTP_ADDRESS_DOMAIN;
    if (domain.size > NAME_WIRE_SIZE_MAX)
        return SMTP_ADDRESS_DOMAIN_LONG;
    if (quoted_size(local) + (address.size - at) > ADDRESS_SIZE_MAX)
        return SMTP_ADDRESS_LONG;
    return SMTP_ADDRESS_OK;
}

const char *
smtp_address_why(enum smtp_address_problem problem)
{
    switch (problem) {
    case SMTP_ADDRESS_OK:
        return "";
    case SMTP_ADDRESS_NOT_TEXT:
        return "address is neither ASCII nor UTF-8";
    case SMTP_ADDRESS_CONTROL:
        return "address contains a control character";
    case SMTP_ADDRESS_DOMAIN:
        return "domain contains a character no domain can have";
    case SMTP_ADDRESS_DOMAIN_LONG:
        return "domain is longer than 255 octets";
    case SMTP_ADDRESS_LONG:
        return "address is longer than 254 octets";
    }
    assert(false);
    return "";
}

void
smtp_address_put(struct buf *out, struct slice address)
{
    size_t at = find_last_at(address);
    struct slice local = slice_part(address, 0, at);

    if (address.size == 0)
        return;
    if (!needs_quotes(local)) {
        buf_put(out, address);
        return;
    }
    buf_put_byte(out, '"');
    for (size_t i = 0; i < local.size; i++) {
        if (needs_backslash(local.data[i]))
            buf_put_byte(out, '\\');
        buf_put_byte(out, local.data[i]);
    }
    buf_put_byte(out, '"');
    buf_put(out, slice_part(address, at, address.size));
}
