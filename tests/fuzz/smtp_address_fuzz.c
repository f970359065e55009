/* SPDX-License-Identifier: ISC */
/* Addresses: what may be said stays in its angle brackets, and means the same
 * when a server reads it. */
#include "smtp/address.h"

#include "fuzz.h"

/* Reads a path as RFC 5321 4.1.2 has it, up to `>`; false: it has none. */
static bool
slow_read(struct slice path, struct buf *out)
{
    bool quoted = false;

    for (size_t i = 0; i < path.size; i++) {
        uint8_t byte = path.data[i];

        if (quoted && byte == '\\' && i + 1 < path.size)
            buf_put_byte(out, path.data[++i]);
        else if (byte == '"')
            quoted = !quoted;
        else if (byte == '>' && !quoted)
            return i + 1 == path.size;
        else if (byte == ' ' && !quoted)
            return false;
        else
            buf_put_byte(out, byte);
    }
    return false;
}

/* `plain` characters of a local part do without quotes: stock's rule. */
static bool
slow_is_plain(struct slice local)
{
    for (size_t i = 0; i < local.size; i++) {
        uint8_t byte = local.data[i];

        if (byte < 0x80 &&
            !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                    "0123456789!#$%&'*+-/=?^_`{|}~.",
                    byte))
            return false;
        if (byte == '.' &&
            (i == 0 || i + 1 == local.size || local.data[i + 1] == '.'))
            return false;
    }
    return local.size > 0;
}

/* Each character alone, and the bytes it should have (RFC 3629 section 3). */
static bool
slow_is_text(struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        static const uint32_t from[] = {0, 0x80, 0x800, 0x10000, 0x110000};
        uint32_t size = s.data[i] < 0x80   ? 1
                        : s.data[i] < 0xe0 ? 2
                        : s.data[i] < 0xf0 ? 3
                                           : 4;
        uint32_t point = s.data[i] - (size > 1 ? 0xf00u >> size & 0xff : 0);

        if ((s.data[i] & 0xc0) == 0x80 || i + size > s.size)
            return false;
        for (uint32_t n = 1; n < size; n++) {
            if (s.data[++i] / 64 != 2)
                return false;
            point = point * 64 + s.data[i] % 64;
        }
        if (point < from[size - 1] || point >= from[size] ||
            point / 0x800 == 0x1b || (point >= 0x80 && point < 0xa0))
            return false;
    }
    return true;
}

static void
check_put(struct slice address)
{
    uint8_t path[ADDRESS_SIZE_MAX + 1], read[ADDRESS_SIZE_MAX + 1];
    size_t at = address.size;
    struct buf b, r;

    buf_init(&b, path, sizeof(path));
    smtp_address_put(&b, address);
    MUST(!b.full && b.used <= ADDRESS_SIZE_MAX);
    for (size_t i = 0; i < b.used; i++)
        MUST(path[i] >= 0x20 && path[i] != 0x7f);
    while (at > 0 && address.data[at - 1] != '@')
        at--;
    at = at > 0 ? at - 1 : address.size;
    if (address.size > 0)
        MUST((b.data[0] == '"') == !slow_is_plain(slice_part(address, 0, at)));
    buf_put_byte(&b, '>');
    buf_init(&r, read, sizeof(read));
    MUST(slow_read(buf_slice(&b), &r));
    MUST(slice_equal(buf_slice(&r), address));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[1024];
    struct slice in = slice_of(data, size);
    uint8_t times = fuzz_u8(&in);
    enum smtp_address_problem problem = SMTP_ADDRESS_OK;
    uint8_t *copy = NULL;
    struct buf b;

    /* Long ones: the first byte is repeated. */
    buf_init(&b, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < times && in.size > 0 && times >= 0x80; i++)
        buf_put_byte(&b, in.data[0]);
    buf_put(&b, in);
    copy = fuzz_copy(buf_slice(&b));
    problem = smtp_address_check(slice_of(copy, b.used));
    MUST((smtp_address_why(problem)[0] == '\0') ==
         (problem == SMTP_ADDRESS_OK));
    if (problem == SMTP_ADDRESS_OK)
        check_put(slice_of(copy, b.used));
    for (size_t i = 0; i < b.used; i++)
        if (copy[i] == 0x7f || copy[i] < 0x20)
            MUST(problem == SMTP_ADDRESS_NOT_TEXT ||
                 problem == SMTP_ADDRESS_CONTROL);
    MUST((problem == SMTP_ADDRESS_NOT_TEXT) ==
         !slow_is_text(slice_of(copy, b.used)));
    free(copy);
    return 0;
}
