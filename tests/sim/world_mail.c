/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "sim/world.h"

enum {
    SMALL_SIZE = 400,
    MIDDLE_SIZE = 6000,
    EDGE_SIZE = 32768, /* of the program's buffers */
    BIG_SIZE = 140000,
    OLD_S = 100000
};

/* ---- the message ---- */

/* What was ever misread somewhere, between runs of letters. */
static void
put_piece(struct bytes *b)
{
    static const char *const pieces[] = {
        "\n",        "\n",     "\n",          "\r\n",      "\r",
        ".",         "..",     "\n.\n",       "\r\n.\r\n", "\r.\r",
        "\n.\r\n",   "\r\r\n", "\n\n",        "\n..\n",    "\r\n.\n",
        "\n.\r\r\n", "\xff",   "caf\xc3\xa9", "From x",    "QUIT\r\n",
        "\x1a",      "\r\n.\r"};
    uint32_t which = draw(30);

    if (which < sizeof(pieces) / sizeof(pieces[0]))
        bytes_put(b, pieces[which], strlen(pieces[which]));
    else if (which == 29)
        bytes_put(b, "\0", 1);
    else
        for (uint32_t i = draw(60); i > 0; i--)
            bytes_put(b, "abcdefgh" + i % 8, 1);
}

static void
put_run(struct bytes *b, size_t size)
{
    static uint8_t line[80];

    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    while (b->size < size)
        bytes_put(b, line,
                  size - b->size < sizeof(line) ? size - b->size
                                                : sizeof(line));
}

static void
write_message(struct bytes *b)
{
    uint32_t kind = draw(100);
    uint32_t size = draw(SMALL_SIZE);

    if (kind < 3 && !world.bulky)
        return;
    if (kind >= 70)
        size = draw(MIDDLE_SIZE);
    if (kind >= 90) {
        /* Pieces around an edge of the buffers, of input or output. */
        put_run(b, EDGE_SIZE * (1 + draw(2)) - draw(200));
        size = (uint32_t)b->size + draw(400);
    }
    if (kind >= 98 || world.bulky)
        put_run(b, BIG_SIZE);
    bytes_text(b, "Subject: simulated\n");
    if (chance(80))
        bytes_text(b, "\n");
    while (b->size < size)
        put_piece(b);
    if (b->data[b->size - 1] != '\n')
        bytes_text(b, "\n");
}

/* policy.md: LF and CRLF end a line, any other CR is a space. */
static void
expect_wire(void)
{
    const struct bytes *m = &world.message;

    for (size_t i = 0; i < m->size; i++) {
        uint8_t c = m->data[i];

        world.eight_bit = world.eight_bit || c >= 0x80;
        if (c == '\n')
            bytes_put(&world.expected, "\r\n", 2);
        else if (c != '\r')
            bytes_put(&world.expected, &c, 1);
        else if (i + 1 == m->size || m->data[i + 1] != '\n')
            bytes_put(&world.expected, " ", 1);
    }
}

void
world_make_message(void)
{
    write_message(&world.message);
    if (world.message.size > 0 && !world.scene && once_in(30)) {
        while (world.message.size > 0 &&
               world.message.data[world.message.size - 1] == '\n')
            world.message.size--;
        world.message_partial = world.message.size > 0;
    }
    world.message_pipe = chance(10);
    world.message_modified_s = world.wall_s - draw(300);
    if (chance(25))
        world.message_modified_s = world.wall_s - 301 - draw(OLD_S);
    expect_wire();
}

/* ---- argv ---- */

static char *
copy(const char *text)
{
    char *out = sim_alloc(strlen(text) + 1);

    memcpy(out, text, strlen(text));
    return out;
}

struct pair {
    const char *given, *wire;
};

static const struct pair senders[] = {
    {"", ""},
    {"me@from.test", "me@from.test"},
    {"list-return-17-joe=dest.sim.test@from.test",
     "list-return-17-joe=dest.sim.test@from.test"},
    {"#@[]", "#@[]"},
    {"a b@from.test", "\"a b\"@from.test"}};

static const struct pair locals[] = {{"joe", "joe"},
                                     {"joe+x", "joe+x"},
                                     {"-f", "-f"},
                                     {"a b", "\"a b\""},
                                     {".dot", "\".dot\""},
                                     {"q\"uote", "\"q\\\"uote\""},
                                     {"ba\\ck", "\"ba\\\\ck\""},
                                     {"a@b", "\"a@b\""},
                                     {"a>b", "\"a>b\""},
                                     {"x..y", "\"x..y\""}};

static const char *const bad_locals[] = {"a\nb", "a\rb", "a\x01", "a\x7f"};

static void
add_arg(const char *text)
{
    world.args[world.arg_count++] = copy(text);
}

static void
add_recipient(void)
{
    const struct pair *p = &locals[chance(60) ? 0 : draw(10)];
    char text[4 * TEXT_SIZE];
    uint32_t index = world.recipient_count++;

    snprintf(text, sizeof(text), "%s@%s", p->given, "dest.sim.test");
    add_arg(text);
    snprintf(text, sizeof(text), "%s@%s", p->wire, "dest.sim.test");
    world.recipient_wires[index] = copy(text);
}

static void
spoil_args(void)
{
    char text[2 * TEXT_SIZE];

    switch (draw(5)) {
    case 0:
        world.arg_count = (int)draw(4);
        break;
    case 1:
        snprintf(text, sizeof(text), "%s@dest.sim.test", bad_locals[draw(4)]);
        world.args[draw_between(2, 3)] = copy(text);
        break;
    case 2:
        world.args[draw_between(1, 3)] = copy("caf\xe9@dest.sim.test");
        world.not_ascii = true;
        return;
    case 3:
        world.args[3] = copy("joe@de>st.sim.test");
        break;
    default:
        world.args[3] = copy("");
    }
    world.bad_args = true;
}

void
world_make_args(void)
{
    const struct pair *sender = &senders[draw(5)];
    uint32_t count = chance(70) ? 1 : draw_between(2, 5);

    if (once_in(100))
        count = 100;
    add_arg("qmail-remote");
    add_arg(world.host);
    add_arg(sender->given);
    snprintf(world.sender_wire, sizeof(world.sender_wire), "%s", sender->wire);
    while (count-- > 0)
        add_recipient();
    if (!world.focused && once_in(40))
        spoil_args();
    world.args[world.arg_count] = NULL;
}
