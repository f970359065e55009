/* SPDX-License-Identifier: ISC */
/* Buffers, cursors and numbers, each against plain arithmetic. */
#include "base/slice.h"

#include <errno.h>

#include "base/ascii.h"
#include "base/fault.h"
#include "base/mix.h"
#include "fuzz.h"

/* Puts: all or nothing, and `full` sticks until the buffer is reset. */
static void
check_buf(struct slice in)
{
    uint8_t model[64];
    size_t size = fuzz_u8(&in) % 48u, used = 0;
    uint8_t *room = malloc(size ? size : 1);
    bool full = false;
    struct buf b;

    buf_init(&b, room, size);
    while (in.size > 0) {
        uint8_t op = fuzz_u8(&in);
        char text[64];
        struct slice s;

        if (op & 1) {
            s = fuzz_take(&in, op >> 1 & 15);
            buf_put(&b, s);
        } else if (op & 2) {
            int n = snprintf(text, sizeof(text), "%0*llu", op >> 2 & 15,
                             (unsigned long long)fuzz_u32(&in) * (op >> 6));
            unsigned long long number = strtoull(text, NULL, 10);

            s = slice_of(text, (size_t)n);
            buf_put_number(&b, number, op >> 2 & 15);
        } else if (op == 0) {
            buf_reset(&b);
            used = 0;
            full = false;
            continue;
        } else {
            text[0] = (char)op;
            s = slice_of(text, 1);
            buf_put_byte(&b, op);
        }
        if (used + s.size > size) {
            full = true;
        } else if (s.size > 0) {
            memcpy(model + used, s.data, s.size);
            used += s.size;
        }
        MUST(b.full == full && b.used == used && buf_room(&b) == size - used);
        MUST(slice_equal(buf_slice(&b), slice_of(model, used)));
    }
    free(room);
}

static void
check_cursor(struct slice in)
{
    struct slice steer = fuzz_take(&in, fuzz_u8(&in));
    uint8_t *copy = fuzz_copy(in);
    size_t at = 0;
    bool bad = false;
    struct cursor c;

    cursor_init(&c, slice_of(copy, in.size));
    while (steer.size > 0) {
        uint8_t op = fuzz_u8(&steer);
        size_t want = op & 3 ? (op & 3) + ((op & 3) == 3) : op >> 2;
        uint32_t value = 0, got = 0;
        struct slice taken;

        bad = bad || want > in.size - at;
        for (size_t i = 0; i < want && op & 3 && !bad; i++)
            value = value << 8 | copy[at + i];
        switch (op & 3) {
        case 0:
            taken = cursor_take(&c, want);
            MUST(taken.size == (bad ? 0 : want));
            break;
        case 1:
            got = cursor_u8(&c);
            break;
        case 2:
            got = cursor_u16(&c);
            break;
        default:
            got = cursor_u32(&c);
        }
        MUST(got == value && c.bad == bad);
        at += bad ? 0 : want;
        MUST(c.rest.size == in.size - at);
    }
    free(copy);
}

static void
check_number(struct slice in)
{
    uint64_t max = (uint64_t)fuzz_u32(&in) << (fuzz_u8(&in) & 63), out = 7;
    uint64_t value = 0;
    bool fine = in.size > 0;

    for (size_t i = 0; i < in.size && fine; i++) {
        uint64_t digit = (uint64_t)in.data[i] - '0';

        /* No number of 128 bits on 32-bit machines: so ask beforehand. */
        fine = digit <= 9 && value <= max / 10 && digit <= max - value * 10;
        value = value * 10 + digit;
    }
    MUST(ascii_number(in, max, &out) == fine);
    MUST(out == (fine ? value : 7));
}

static void
check_slice(struct slice in)
{
    size_t from = fuzz_u8(&in), to = fuzz_u8(&in);
    struct slice part = slice_part(in, from, to), trim = slice_trim(in);
    size_t begin = 0, end = in.size, at = 0;
    uint64_t state = from;

    MUST(part.size <= in.size && part.size <= to);
    while (end > 0 && strchr(" \t\r\n", in.data[end - 1]) && in.data[end - 1])
        end--;
    while (begin < end && strchr(" \t\r\n", in.data[begin]) && in.data[begin])
        begin++;
    MUST(slice_chomp(in).size == end && trim.size == end - begin);
    MUST(slice_equal(trim, slice_part(in, begin, end)));
    MUST(slice_equal(part, trim) ==
         (part.size == trim.size &&
          (trim.size == 0 || memcmp(part.data, trim.data, trim.size) == 0)));
    while (at < in.size && in.data[at] != (uint8_t)to)
        at++;
    MUST(slice_find(in, (uint8_t)to) == at);
    for (size_t i = 0; i < in.size; i++) {
        char digit[2] = {(char)in.data[i], 0};
        char *after = digit;
        unsigned long hex = strtoul(digit, &after, 16);

        MUST(ascii_hex(in.data[i]) == (*after || !digit[0] ? 0xff : hex));
        MUST(mix_below(&state, (uint32_t)i + 1) <= i);
    }
    MUST(fault_row((enum fault)(from % FAULT_COUNT))->text != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);

    switch (fuzz_u8(&in) & 3) {
    case 0:
        check_buf(in);
        break;
    case 1:
        check_cursor(in);
        break;
    case 2:
        check_number(in);
        break;
    default:
        check_slice(in);
    }
    return 0;
}
