# SPDX-License-Identifier: ISC
"""CR, LF and dot across the edges of buffers and TLS records."""

import os
import random
import sys

from harness import Suite
from wire import LETTERS, Setting, policy, strings
from world import run_suite

CHUNK = 32768  # MESSAGE_CHUNK_SIZE: what is read
# What is sent at once, SMTP_TX_SIZE, and as a TLS record, SMTP_SECURE_TX_SIZE,
# without the last two octets in the middle of a line.
WRITE = {"clear": 65534, "tls": 16382}
NEAR = range(-8, 9)
# Of the strings that an edge divides; CR LF . CR LF is five. make edges: six.
SIZE = int(os.environ.get("EDGES", "5"))
suite = Suite()

FILLER = b"x" * (3 * CHUNK)


def encoded_size(message):
    """Bytes on the wire: line ends are two, a dot that begins a line too."""
    lines = policy(message).replace(b"\n.", b"\n..")
    return len(lines) + lines.count(b"\n") + message.startswith(b".")


def chunk_edges(setting, security, shift, texts):
    """Each text begins so far from the end of a chunk that is read."""
    parts, size = [], 0
    for count, text in enumerate(texts, 1):
        parts += [FILLER[: count * CHUNK + shift - size], text]
        size = count * CHUNK + shift + len(text)
    setting.check(security, b"".join([*parts, b"\n"]))


def all_chunk_edges(setting, letter):
    """All strings of SIZE that begin with the letter, at each place where the
    edge divides them."""
    texts = [letter + rest for rest in strings(SIZE - 1)]
    for shift in range(1 - SIZE, 0):
        chunk_edges(setting, "clear", shift, texts)


def record_edges(setting, security, shift, texts):
    """Each text begins so far from a multiple of what is sent at once."""
    for first in range(0, len(texts), 4):
        message = b""
        for count, text in enumerate(texts[first : first + 4], 1):
            gap = count * WRITE[security] + shift - encoded_size(message)
            message += FILLER[:gap] + text
        setting.check(security, message + b"\n" + FILLER[:80] + b"\n")


def all_record_edges(setting):
    """All strings of SIZE, each at one of the places where the edge divides it."""
    texts = list(strings(SIZE))
    random.Random(0).shuffle(texts)
    for shift in range(1 - SIZE, 0):
        record_edges(setting, "tls", shift, texts[shift + SIZE - 1 :: SIZE - 1])


def ends(setting, security, edge):
    """The end of the message, so near an edge, after each kind of last line."""
    for last in (b"x\n", b"\n", b"\n.\n", b"x\r\n", b"\r\n.\r\n", b"\r\r\n"):
        for size in NEAR:
            gap = edge + size - encoded_size(last)
            setting.check(security, FILLER[:gap] + last)


def dense(setting, security, seed):
    """Random strings without any filler: every edge there is meets them."""
    choose = random.Random(seed)
    table = bytes(b"\r\n.a"[byte & 3] for byte in range(256))
    data = choose.randbytes(1 << 24).translate(table)
    setting.check(security, data + b"\n")


for security in ("clear", "tls"):
    for shift in NEAR:
        suite.add(f"chunk_edges_{shift}_{security}", chunk_edges, security, shift,
                  list(strings(4)))
        suite.add(f"record_edges_{shift}_{security}", record_edges, security, shift,
                  list(strings(4)))
    write = WRITE[security]
    for edge in (write, 2 * write, CHUNK, CHUNK + write, 2 * CHUNK):
        suite.add(f"ends_near_{edge}_{security}", ends, security, edge)
    suite.add(f"dense_{security}", dense, security, 0)

for name, letter in zip(("cr", "lf", "dot", "a"), LETTERS):
    suite.add(f"all_at_chunk_edges_{name}", all_chunk_edges, letter)
suite.add("all_at_record_edges", all_record_edges)

if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
