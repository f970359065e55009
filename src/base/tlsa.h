/* SPDX-License-Identifier: ISC */
/*
 * The TLSA records of one name, and which of them count (RFC 6698 section 2.1,
 * RFC 7671 sections 5 and 9, RFC 7672 section 3.1.3).
 *
 * in     RDATA of one record after the other
 * out    the records, in their order
 * bound  TLSA_COUNT_MAX records, TLSA_DATA_SIZE_MAX octets of data
 * fault  `bad`: the set is of no use, for a record that holds no three numbers,
 *        or more than is kept
 * order  init, add ...; then the others
 */
#ifndef BASE_TLSA_H
#define BASE_TLSA_H

#include "base/slice.h"
#include "limits.h"

enum tlsa_usage { TLSA_PKIX_TA, TLSA_PKIX_EE, TLSA_DANE_TA, TLSA_DANE_EE };
enum tlsa_selector { TLSA_CERT, TLSA_SPKI };
enum tlsa_type { TLSA_FULL, TLSA_SHA256, TLSA_SHA512 };

struct tlsa {
    uint8_t usage, selector, type; /* as they came: others are no error */
    bool usable;                   /* something can be proved by it */
    uint16_t start, size;          /* its data, among the set's */
};

struct tlsa_set {
    uint32_t count;
    uint32_t used; /* of `data` */
    bool bad;      /* an add was refused */
    struct tlsa list[TLSA_COUNT_MAX];
    uint8_t data[TLSA_DATA_SIZE_MAX];
};

void tlsa_set_init(struct tlsa_set *set);
/* False: it is bad by now. */
bool tlsa_set_add(struct tlsa_set *set, struct slice rdata);
/* One of them is usable. */
bool tlsa_set_any(const struct tlsa_set *set);
/* It is usable, and no stronger digest stands beside it. */
bool tlsa_counts(const struct tlsa_set *set, uint32_t index);
/* Of one that is not usable it is empty where it is no digest. */
struct slice tlsa_data(const struct tlsa_set *set, uint32_t index);

#endif
