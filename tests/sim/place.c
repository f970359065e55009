/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "sim/world.h"

enum { BUFFER_COUNT = 4 };

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool
place_equal(const struct place *a, const struct place *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

struct place
place_plain(const struct place *p)
{
    struct place four = {.size = 4};

    if (p->size != 16 || memcmp(p->bytes, mapped, sizeof(mapped)) != 0)
        return *p;
    memcpy(four.bytes, p->bytes + sizeof(mapped), 4);
    return four;
}

struct place
place_of(const struct addr *a)
{
    struct place p = {.size = a->family == ADDR_IPV6 ? 16 : 4};

    memcpy(p.bytes, a->bytes, p.size);
    return p;
}

static bool
is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

bool
place_is_loopback(const struct place *p)
{
    size_t head = (size_t)p->size - 1;

    return p->size == 4 ? p->bytes[0] == 127
                        : is_zero(p->bytes, head) && p->bytes[head] == 1;
}

/* What control/ipme lists, the unspecified address, and but for what an
 * administrator has named the loopback too. */
bool
place_is_own(const struct place *given, bool named_by_others)
{
    struct place p = place_plain(given);

    for (uint32_t i = 0; i < world.own_count; i++)
        if (place_equal(&world.own[i], &p))
            return true;
    if (is_zero(p.bytes, p.size))
        return true;
    return named_by_others && place_is_loopback(&p);
}

bool
place_is_usable(const struct place *given)
{
    struct place p = place_plain(given);

    if (p.size == 4)
        return p.bytes[0] < 224 || (p.bytes[0] >= 240 && p.bytes[3] != 255);
    return p.bytes[0] != 0xff &&
           !(p.bytes[0] == 0xfe && p.bytes[1] >= 0x80 && p.bytes[1] <= 0xbf);
}

const char *
place_text(const struct place *p)
{
    static char texts[BUFFER_COUNT][INET6_ADDRSTRLEN];
    static uint32_t next;
    char *text = texts[next++ % BUFFER_COUNT];

    inet_ntop(p->size == 4 ? AF_INET : AF_INET6, p->bytes, text,
              INET6_ADDRSTRLEN);
    return text;
}

/* 192.0.2.N, 2001:db8::N (RFC 5737, 3849), with N in decimal digits. */
struct place
place_make(uint32_t index, bool six)
{
    struct place p = {.size = six ? 16 : 4};

    if (six) {
        p.bytes[0] = 0x20;
        p.bytes[1] = 0x01;
        p.bytes[2] = 0x0d;
        p.bytes[3] = 0xb8;
        p.bytes[14] = (uint8_t)(index / 100);
        p.bytes[15] = (uint8_t)(index / 10 % 10 << 4 | index % 10);
    } else {
        p.bytes[0] = 192;
        p.bytes[2] = 2;
        p.bytes[3] = (uint8_t)index;
    }
    return p;
}

/* fe80::N */
struct place
place_make_local(uint32_t index)
{
    struct place p = {.size = 16, .bytes = {0xfe, 0x80}};

    p.bytes[15] = (uint8_t)index;
    return p;
}
