/* SPDX-License-Identifier: ISC */
/* The report: a peer's bytes made safe, against a slow reading of UTF-8, and
 * records as qmail-rspawn reads them. */
#include "qmail/report.h"

#include "fuzz.h"

/* ---- made safe ---- */

/* RFC 3629, from the code point: size of the character at the start, or 0. */
static size_t
slow_utf8(struct slice s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t code = s.data[0], size = 0;

    for (uint32_t bit = 0x80; bit >= 0x08 && code & bit; bit >>= 1) {
        code -= bit;
        size++;
    }
    if (size < 2 || size > 4 || s.size < size)
        return 0;
    for (uint32_t i = 1; i < size; i++) {
        if (s.data[i] / 0x40 != 2)
            return 0;
        code = code * 0x40 + s.data[i] % 0x40;
    }
    if (code < least[size] || code > 0x10ffff)
        return 0;
    return code >= 0xd800 && code <= 0xdfff ? 0 : size;
}

static void
slow_safe(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        uint8_t byte = s.data[i];
        size_t size = byte < 0x80 ? 1 : slow_utf8(slice_part(s, i, s.size));

        if (byte == '\r')
            continue;
        if (byte == '\t')
            byte = ' ';
        if (size == 0 || byte == 0x7f || (byte < 0x20 && byte != '\n'))
            byte = '?';
        if (size < 2) {
            buf_put_byte(out, byte);
            continue;
        }
        buf_put(out, slice_part(s, i, i + size));
        i += size - 1;
    }
}

static void
check_safe(struct slice s)
{
    uint8_t *copy = fuzz_copy(s);
    uint8_t *fast = malloc(s.size + 1), *slow = malloc(s.size + 1);
    struct buf f, r;

    buf_init(&f, fast, s.size);
    buf_init(&r, slow, s.size);
    qmail_report_put_safe(&f, slice_of(copy, s.size));
    slow_safe(&r, s);
    MUST(!f.full && slice_equal(buf_slice(&f), buf_slice(&r)));
    /* What is safe stays as it is. */
    buf_reset(&r);
    qmail_report_put_safe(&r, buf_slice(&f));
    MUST(slice_equal(buf_slice(&f), buf_slice(&r)));
    free(copy);
    free(fast);
    free(slow);
}

/* ---- a whole report ---- */

static void
check_record(struct slice record, bool final)
{
    struct slice text = slice_part(record, 1, record.size);

    MUST(record.size > 0);
    if (final)
        MUST(strchr("KZD", record.data[0]));
    else
        MUST(strchr("rhs", record.data[0]));
    MUST(text.size == 0 ? record.data[0] == 'r'
                        : text.data[text.size - 1] == '\n');
    for (size_t i = 0; i < text.size; i++)
        MUST(text.data[i] == '\n' ||
             (text.data[i] >= 0x20 && text.data[i] != 0x7f));
}

/* Records to the last NUL: one a recipient, then one verdict, nothing else. */
static void
check_report(const struct qmail_report *r, uint32_t recipient_count)
{
    struct slice rest = buf_slice(&r->out);

    MUST(!r->out.full && rest.size <= REPORT_SIZE_MAX);
    for (uint32_t i = 0; i <= recipient_count; i++) {
        MUST(slice_find(rest, 0) < rest.size);
        check_record(fuzz_until(&rest, 0), i == recipient_count);
    }
    MUST(rest.size == 0);
}

/* Some text of the input, or a long one made of it. */
static struct slice
text_of(struct slice *in)
{
    static uint8_t bytes[2 * REPLY_TEXT_SIZE_MAX];
    uint8_t how = fuzz_u8(in);
    struct slice s = fuzz_take(in, how & 0x7f);
    struct buf b;

    if (how < 0x80 || s.size == 0)
        return s;
    buf_init(&b, bytes, sizeof(bytes));
    while (!b.full)
        buf_put(&b, s);
    return buf_slice(&b);
}

static void
whole(struct slice in)
{
    static struct qmail_report r;
    uint8_t kind = fuzz_u8(&in), flags = fuzz_u8(&in);
    uint32_t count = flags == 0x55 ? RECIPIENT_COUNT_MAX : flags & 3;
    struct qmail_verdict v = {.fault = (enum fault)(kind % FAULT_COUNT)};
    uint8_t bytes[ADDR_SIZE_MAX] = {32, 1, flags, kind};
    struct addr ip;

    addr_from_ipv6(&ip, bytes);
    v.ip = flags & 0x80 ? NULL : &ip;
    qmail_report_init(&r, count);
    for (uint32_t i = 0; i < count; i++)
        qmail_report_recipient(&r, "rhs"[fuzz_u8(&in) % 3], &ip, text_of(&in));
    v.host = fuzz_take(&in, fuzz_u8(&in));
    v.why = fuzz_take(&in, fuzz_u8(&in));
    v.detail = fuzz_take(&in, fuzz_u8(&in));
    v.starttls = fuzz_take(&in, fuzz_u8(&in));
    v.said = text_of(&in);
    qmail_report_final(&r, &v);
    check_report(&r, count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);

    if (fuzz_u8(&in) & 1)
        whole(in);
    else
        check_safe(in);
    return 0;
}
