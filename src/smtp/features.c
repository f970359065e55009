/* SPDX-License-Identifier: ISC */
#include "smtp/features.h"

#include "base/ascii.h"

static void
read_size(struct smtp_features *f, struct slice parameter)
{
    f->size = true;
    f->size_max = 0;
    /* A limit that is no number, or over 2^64, limits nothing. */
    if (!ascii_number(parameter, UINT64_MAX, &f->size_max))
        f->size_max = 0;
}

void
smtp_features_line(struct smtp_features *f, struct slice line)
{
    size_t space = slice_find(line, ' ');
    struct slice keyword = slice_chomp(slice_part(line, 0, space));

    if (slice_equal_nocase(keyword, SLICE("STARTTLS")))
        f->starttls = true;
    else if (slice_equal_nocase(keyword, SLICE("PIPELINING")))
        f->pipelining = true;
    else if (slice_equal_nocase(keyword, SLICE("8BITMIME")))
        f->eight_bit = true;
    else if (slice_equal_nocase(keyword, SLICE("SIZE")))
        read_size(f, slice_trim(slice_part(line, space, line.size)));
}
