/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "sim/ns.h"

/* TLSA records, as the zone has them (RFC 6698 section 2.1). */
enum {
    DANE_EE = 3,
    SPKI = 1,
    SHA_256 = 1,
    SHORT_SIZE = 2 /* less than the three numbers */
};

static void
put_one(struct bytes *b, const uint8_t numbers[static 3], const uint8_t *digest)
{
    struct bytes rdata = {0};

    bytes_put(&rdata, numbers, 3);
    bytes_put(&rdata, digest, PEER_PIN_SIZE);
    ns_put_record(b, NULL, NS_TYPE_TLSA, &rdata, NS_ANSWER_AT);
}

/* Authorities', of selectors and digests that nobody knows. */
static void
put_unusable(struct bytes *b, uint32_t count)
{
    static const uint8_t kinds[][3] = {
        {0, SPKI, SHA_256}, {1, 0, SHA_256}, {DANE_EE, 9, SHA_256},
        {DANE_EE, SPKI, 7}, {2, 0, 0},       {9, SPKI, SHA_256}};

    for (uint32_t i = 0; i < count; i++)
        put_one(b, kinds[draw(6)], peer_pin(CERT_GOOD));
}

uint32_t
ns_put_tlsa(struct bytes *b, const struct zone_tlsa *t)
{
    static const uint8_t numbers[] = {DANE_EE, SPKI, SHA_256};
    uint8_t stranger[PEER_PIN_SIZE] = {1, 2, 3};
    struct bytes rdata = {0};

    if (t->state != TLSA_THERE)
        return 0;
    if (t->stranger)
        put_one(b, numbers, stranger);
    put_unusable(b, t->unusable);
    for (uint32_t cert = 0; cert < CERT_COUNT; cert++)
        if (t->pins >> cert & 1)
            put_one(b, numbers, peer_pin(cert));
    bytes_put(&rdata, numbers, SHORT_SIZE);
    if (t->malformed)
        ns_put_record(b, NULL, NS_TYPE_TLSA, &rdata, NS_ANSWER_AT);
    return ns_u16(b->data + NS_ANSWER_AT);
}
