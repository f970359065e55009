/* SPDX-License-Identifier: ISC */
#include "qmail/control.h"

#include <string.h>

#include "base/ascii.h"
#include "base/assert.h"

const char *
qmail_problem_text(enum qmail_problem problem)
{
#define PROBLEM_TEXT(NAME, text) [PROBLEM_##NAME] = (text),
    static const char *const texts[] = {QMAIL_PROBLEMS(PROBLEM_TEXT)};
#undef PROBLEM_TEXT

    assert(problem < PROBLEM_COUNT);
    return texts[problem];
}

void
qmail_lines_init(struct qmail_lines *l)
{
    l->number = 0;
    l->too_long = false;
    l->inside = false;
    l->used = 0;
}

/* White space that does not fit is harmless if the line ends with it. */
static void
lines_put(struct qmail_lines *l, struct slice part)
{
    size_t room = sizeof(l->line) - l->used;
    struct slice fits = slice_part(part, 0, room);
    struct slice rest = slice_part(part, room, part.size);

    if (fits.size > 0)
        memcpy(l->line + l->used, fits.data, fits.size);
    l->used += fits.size;
    if (slice_chomp(rest).size > 0)
        l->too_long = true;
}

bool
qmail_lines_next(struct qmail_lines *l, struct slice *chunk, bool end,
                 struct slice *line)
{
    size_t at = slice_find(*chunk, '\n');
    bool ended = at < chunk->size;

    if (chunk->size > 0 && !l->inside) {
        l->inside = true;
        l->too_long = false;
        l->used = 0;
        l->number++;
    }
    lines_put(l, slice_part(*chunk, 0, at));
    *chunk = slice_part(*chunk, at + 1, chunk->size);
    if (!l->inside || !(ended || end))
        return false;
    l->inside = false;
    *line = slice_chomp(slice_of(l->line, l->used));
    l->too_long = l->too_long || line->size > CONTROL_LINE_SIZE_MAX;
    return true;
}

enum qmail_problem
qmail_control_bytes(struct slice s)
{
    if (slice_find(s, 0) < s.size)
        return PROBLEM_NUL;
    for (size_t i = 0; i < s.size; i++)
        if (ascii_control(s.data[i]) && s.data[i] != '\t')
            return PROBLEM_CONTROL;
    return PROBLEM_NONE;
}

enum qmail_problem
qmail_lines_check(const struct qmail_lines *l, struct slice line)
{
    return l->too_long ? PROBLEM_LINE_LONG : qmail_control_bytes(line);
}

bool
qmail_control_skip(struct slice line)
{
    return line.size == 0 || line.data[0] == '#';
}

enum qmail_problem
qmail_control_seconds(struct slice line, uint32_t normal, uint32_t *out)
{
    uint64_t seconds = normal;
    size_t size = 0;

    while (size < line.size && ascii_digit(line.data[size]))
        size++;
    if (size > 0 &&
        !ascii_number(slice_part(line, 0, size), CONTROL_SECONDS_MAX, &seconds))
        return PROBLEM_NUMBER_LARGE;
    *out = (uint32_t)seconds;
    return PROBLEM_NONE;
}

enum qmail_problem
qmail_control_strictness(struct slice line, uint32_t *out)
{
    if (line.size != 1 || line.data[0] < '0' || line.data[0] > '2')
        return PROBLEM_STRICTNESS;
    *out = (uint32_t)(line.data[0] - '0');
    return PROBLEM_NONE;
}

enum qmail_problem
qmail_control_switch(struct slice line, bool *out)
{
    if (line.size != 1 || (line.data[0] != '0' && line.data[0] != '1'))
        return PROBLEM_SWITCH;
    *out = line.data[0] == '1';
    return PROBLEM_NONE;
}

enum qmail_problem
qmail_control_host(struct slice line)
{
    if (line.size == 0)
        return PROBLEM_EMPTY;
    for (size_t i = 0; i < line.size; i++) {
        uint8_t byte = line.data[i];

        if (byte == 0)
            return PROBLEM_NUL;
        if (ascii_space(byte))
            return PROBLEM_SPACE;
        if (ascii_control(byte))
            return PROBLEM_CONTROL;
        if (byte > 0x7f)
            return PROBLEM_NOT_ASCII;
    }
    if (line.size > NAME_TEXT_SIZE_MAX)
        return PROBLEM_NAME_LONG;
    return PROBLEM_NONE;
}

enum qmail_problem
qmail_control_name(struct slice name)
{
    size_t label_size = 0;
    bool number = true;

    if (name.size > NAME_TEXT_SIZE_MAX)
        return PROBLEM_NAME_LONG;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];

        if (byte == '.' && label_size == 0)
            return PROBLEM_RELAY;
        if (byte == '.') {
            label_size = 0;
            continue;
        }
        number = number && ascii_digit(byte);
        if (!ascii_digit(byte) && !ascii_alpha(byte) && byte != '-' &&
            byte != '_')
            return PROBLEM_RELAY;
        if (++label_size > NAME_LABEL_SIZE_MAX)
            return PROBLEM_NAME_LONG;
    }
    if (label_size == 0)
        return PROBLEM_RELAY;
    return number ? PROBLEM_NOT_ADDRESS : PROBLEM_NONE;
}
