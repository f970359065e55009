/* SPDX-License-Identifier: ISC */
/* A value of tlspolicy against a reading of it as a list of C strings. */
#include "qmail/tlspolicy.h"

#include "fuzz.h"

enum { VALUE_SIZE_MAX = 4096 };

static struct qmail_tlspolicy want;

static bool
slow_pins(char *list)
{
    static const char digits[] = "0123456789abcdefABCDEF";

    for (char *at = list; at; list = at) {
        unsigned byte = 0;

        at = strchr(list, ',');
        if (at)
            *at++ = 0;
        if (strlen(list) != 64 || strspn(list, digits) != 64 ||
            want.pin_count == PIN_COUNT_MAX)
            return false;
        for (size_t i = 0; i < TLS_PIN_SIZE; i++) {
            MUST(sscanf(list + 2 * i, "%2x", &byte) == 1);
            want.pins[want.pin_count][i] = (uint8_t)byte;
        }
        want.pin_count++;
    }
    return true;
}

static bool
slow_name(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    size_t size = strlen(name);

    if (size > 1 && name[size - 1] == '.')
        size--;
    if (want.name_size > 0 || size == 0 || size > NAME_TEXT_SIZE_MAX ||
        !strpbrk(name, letters))
        return false;
    memcpy(want.name, name, size);
    want.name_size = size;
    for (const char *at = name; at < name + size; at++) {
        size_t label = strcspn(at, ".");

        if (at + label > name + size)
            label = (size_t)(name + size - at);
        if (label == 0 || label > NAME_LABEL_SIZE_MAX)
            return false;
        for (const char *end = at + label; at < end; at++)
            if (!strchr(letters, *at) && (*at < '0' || *at > '9'))
                return false;
        if (at + 1 == name + size)
            return false;
    }
    return true;
}

static bool
slow_word(char *word)
{
    if (strncmp(word, "pin=", 4) == 0)
        return slow_pins(word + 4);
    if (strncmp(word, "name=", 5) == 0)
        return slow_name(word + 5);
    if (strcmp(word, "implicit") == 0)
        want.implicit = true;
    else if (strcmp(word, "unsafe-login") == 0)
        want.unsafe_login = true;
    else
        return false;
    return true;
}

static bool
slow_parse(char *value)
{
    static const char *const levels[] = {"none", "0", "1", "2", "dane"};
    char *word = strtok(value, " \t");

    want = (struct qmail_tlspolicy){.level = TLS_LEVEL_DEFAULT};
    for (uint32_t i = 0; word && i < 5; i++)
        if (strcmp(word, levels[i]) == 0)
            want.level = TLS_LEVEL_NONE + i;
    if (want.level == TLS_LEVEL_DEFAULT)
        return false;
    while ((word = strtok(NULL, " \t")))
        if (!slow_word(word))
            return false;
    return want.level != TLS_LEVEL_NONE ||
           (want.pin_count == 0 && !want.implicit);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct qmail_tlspolicy_search s;
    char value[VALUE_SIZE_MAX];
    uint8_t *line = NULL;
    size_t used = 0;

    for (size_t i = 0; i < size && used < sizeof(value) - 100; i++) {
        /* A pin, or many letters, in one octet. */
        if (data[i] >= 0xf0)
            used += (size_t)snprintf(value + used, sizeof(value) - used,
                                     "%062d%02x", 0, data[i]);
        else if (data[i] != 0)
            value[used++] = (char)data[i];
    }
    value[used] = 0;
    line = malloc(used + 1);
    MUST(line != NULL);
    line[0] = ':';
    memcpy(line + 1, value, used);
    qmail_tlspolicy_init(&s, SLICE("a.b"));
    qmail_tlspolicy_offer(&s, slice_of(line, used + 1), 1);
    free(line);
    MUST(s.key.line == 1);
    MUST((s.problem == PROBLEM_NONE) == slow_parse(value));
    if (s.problem != PROBLEM_NONE)
        return 0;
    MUST(s.policy.level == want.level && s.policy.implicit == want.implicit);
    MUST(s.policy.unsafe_login == want.unsafe_login);
    MUST(s.policy.pin_count == want.pin_count);
    MUST(memcmp(s.policy.pins, want.pins, sizeof(want.pins)) == 0);
    MUST(slice_equal(slice_of(s.policy.name, s.policy.name_size),
                     slice_of(want.name, want.name_size)));
    return 0;
}
