/* SPDX-License-Identifier: ISC */
#include "smtp/features.h"

#include "base/ascii.h"
#include "smtp/auth.h"

enum { AUTH_SIZE = 4 };

static void
read_size(struct smtp_features *f, struct slice parameter)
{
    f->size = true;
    f->size_max = 0;
    /* A limit that is no number, or over 2^64, limits nothing. */
    if (!ascii_number(parameter, UINT64_MAX, &f->size_max))
        f->size_max = 0;
}

/* The next word, which is taken; empty: there is none. */
static struct slice
take_word(struct slice *rest)
{
    struct slice word = {0};
    size_t size = 0;

    *rest = slice_trim(*rest);
    while (size < rest->size && !ascii_space(rest->data[size]))
        size++;
    word = slice_part(*rest, 0, size);
    *rest = slice_part(*rest, size, rest->size);
    return word;
}

static bool
has_name(struct slice names, struct slice name)
{
    for (struct slice word = take_word(&names); word.size > 0;
         word = take_word(&names))
        if (slice_equal_nocase(word, name))
            return true;
    return false;
}

static void
keep_name(struct smtp_features *f, struct slice name)
{
    size_t blank_size = f->names_size > 0;

    if (has_name(slice_of(f->names, f->names_size), name))
        return;
    f->names_full = f->names_full ||
                    name.size + blank_size > sizeof(f->names) - f->names_size;
    if (f->names_full)
        return;
    if (blank_size > 0)
        f->names[f->names_size++] = ' ';
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        bool fine = ascii_alpha(byte) || ascii_digit(byte) || byte == '-' ||
                    byte == '_';

        f->names[f->names_size++] = fine ? byte : '?';
    }
}

/* `AUTH`, or `AUTH=NAME`: how it was before RFC 2554, and is for the sake of
 * old clients. */
static bool
is_auth(struct slice keyword)
{
    return slice_equal_nocase(slice_part(keyword, 0, AUTH_SIZE),
                              SLICE("AUTH")) &&
           (keyword.size == AUTH_SIZE || keyword.data[AUTH_SIZE] == '=');
}

static void
read_auth(struct smtp_features *f, struct slice parameters)
{
    for (struct slice name = take_word(&parameters); name.size > 0;
         name = take_word(&parameters)) {
        f->auth |= UINT32_C(1) << smtp_auth_find(name);
        keep_name(f, name);
    }
}

struct slice
smtp_features_names(const struct smtp_features *f)
{
    return f->names_size > 0 ? slice_of(f->names, f->names_size)
                             : SLICE("none");
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
    else if (slice_equal_nocase(keyword, SLICE("SMTPUTF8")))
        f->utf8 = true;
    else if (slice_equal_nocase(keyword, SLICE("SIZE")))
        read_size(f, slice_trim(slice_part(line, space, line.size)));
    else if (is_auth(keyword))
        read_auth(f, slice_part(line, AUTH_SIZE + 1, line.size));
}
