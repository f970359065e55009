# SPDX-License-Identifier: ISC
"""Messages to deliver, and what a server must have stored of them."""

import random

HEADER = b"""\
From: alice@client.example
To: bob@dest.example
Subject: %s
Message-ID: <%s@client.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

"""
PIECES = [
    b".\n",
    b"..\n",
    b"...three dots\n",
    b".dot and text\n",
    b"\n",
    b"\xc3\xa9t\xc3\xa9 \xff\xfe\x80 bytes above 0x7f\n",
    b"From here, a line that mbox writers change\n",
    b"tab\there, trailing space \n",
    b"x" * 997 + b"\n",
]


def message(name, size):
    """A message of exactly size bytes with awkward lines; same name, same
    bytes."""
    header = HEADER % (name.encode(), name.encode())
    out = [header]
    length = len(header)
    choose = random.Random(name)
    while length < size:
        if choose.random() < 0.2:
            piece = choose.choice(PIECES)
        else:
            piece = b"%d " % choose.getrandbits(60) * choose.randint(1, 6) + b"\n"
        out.append(piece)
        length += len(piece)
    return b"".join(out)[: size - 1].rstrip(b"\n").ljust(size - 1, b"=") + b"\n"


def small(name="small"):
    return message(name, 4096)


def large(name="large"):
    return message(name, 20 * 1024 * 1024)


EMPTY = b""
DOTS_ONLY = b".\n.\n..\n.\n"
LONG_LINE = HEADER % (b"long", b"long") + b"y" * 70000 + b"\n.z\n"
CONTROLS = bytes(b for b in range(1, 256) if b not in b"\r\n") + b"\n\0\n"


def as_received(stored):
    """Undo the wire's line ends: what a receiver has, with LF."""
    return stored.replace(b"\r\n", b"\n")


def difference(got, want):
    """A sentence that says where two messages differ, or ''."""
    if got == want:
        return ""
    limit = min(len(got), len(want))
    at = next((i for i in range(limit) if got[i] != want[i]), limit)
    return (
        f"{len(got)} bytes stored, {len(want)} sent, first difference at {at}: "
        f"{got[at:at + 40]!r} for {want[at:at + 40]!r}"
    )
