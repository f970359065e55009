/* SPDX-License-Identifier: ISC */
/* Records of TLSA, each with its length in front, against a table. */
#include "base/tlsa.h"

#include "fuzz.h"

enum { COUNT_MAX = 20 };

struct row {
    uint32_t usage, selector, type;
    uint8_t *data;
    size_t size;
};

static struct row rows[COUNT_MAX];

/* Something can be proved by it alone. */
static bool
is_usable(const struct row *r)
{
    if (r->usage < 2 || r->usage > 3 || r->selector > 1)
        return false;
    if (r->type == 0)
        return r->usage == 3;
    return (r->type == 1 && r->size == 32) || (r->type == 2 && r->size == 64);
}

static void
check(const struct tlsa_set *set)
{
    bool any = false;

    for (uint32_t i = 0; i < set->count; i++) {
        struct slice data = tlsa_data(set, i);
        bool counts = is_usable(&rows[i]);

        any = any || counts;
        MUST(set->list[i].usage == rows[i].usage);
        MUST(set->list[i].selector == rows[i].selector);
        MUST(set->list[i].type == rows[i].type);
        MUST(data.size <= sizeof(set->data));
        if (counts || rows[i].size <= 64)
            MUST(slice_equal(data, slice_of(rows[i].data, rows[i].size)));
        else
            MUST(data.size == 0);
        for (uint32_t k = 0; k < set->count; k++)
            if (rows[i].type == 1 && rows[k].type == 2 && is_usable(&rows[k]) &&
                rows[i].usage == rows[k].usage &&
                rows[i].selector == rows[k].selector)
                counts = false;
        MUST(tlsa_counts(set, i) == counts);
    }
    MUST(tlsa_set_any(set) == any);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t sizes[] = {35, 67, 3, 200, 1500, 4099, 0, 2};
    struct slice in = slice_of(data, size);
    struct tlsa_set set;
    uint32_t count = 0;
    size_t kept = 0;
    bool good = true;

    tlsa_set_init(&set);
    while (good && in.size > 0 && count < COUNT_MAX) {
        uint8_t how = fuzz_u8(&in);
        struct slice rdata = fuzz_take(
            &in, how & 8 ? sizes[how & 7] : sizes[how & 1] - (how >> 6));
        uint8_t *copy = fuzz_copy(rdata);
        struct row *r = &rows[count];
        bool fits = true;

        if (rdata.size >= 3) {
            *r = (struct row){copy[0], copy[1], copy[2],
                              fuzz_copy(slice_part(rdata, 3, rdata.size)),
                              rdata.size - 3};
            kept += is_usable(r) || r->size <= 64 ? r->size : 0;
            fits = count < 16 && kept <= sizeof(set.data);
            count++;
        }
        good = tlsa_set_add(&set, slice_of(copy, rdata.size));
        free(copy);
        MUST(good == (rdata.size >= 3 && fits));
        MUST(set.count == count - (rdata.size >= 3 && !good));
    }
    check(&set);
    while (count > 0)
        free(rows[--count].data);
    return 0;
}
