# SPDX-License-Identifier: ISC
"""The message: where it comes from, how long it is, what is said about it."""

import os
import random
import sys
import threading
import time

import messages
from checks import failed
from harness import Suite, equal, is_musl
from tracing import peak_memory_kib
from wire import CLEAR, END, Setting, is_partial, policy, strings, unwrapped
from world import run_suite

CHUNK = 32768  # MESSAGE_CHUNK_SIZE
RETRY_AGE_S = 300
BIG_MB = int(os.environ.get("MOTE_BIG_MB", "300"))
PEAK_KIB_MAX = 512
PARTIAL = "SMTP cannot transfer messages with partial final lines. (#5.6.2)\n"
UNREADABLE = "Unable to read message. (#4.3.0)\n"
suite = Suite()


def usual(setting, security="clear", offers=("PIPELINING",), secure=None):
    """A receiver that offers just this."""
    setting.home.control(**({"trustanchors": "x"} if security == "tls" else {}))
    receiver = setting.receivers[security]
    receiver.offers, receiver.hello_secure = list(offers), secure
    receiver.at = {}
    return receiver


def arrives(receiver, outcome, message):
    equal(outcome.letter, "K", outcome.text)
    got = unwrapped(receiver.wire)
    assert got == policy(message).replace(b"\n", b"\r\n"), f"{len(got)} bytes came"


def mail(receiver):
    """The parameters of MAIL."""
    line = next(c for c in receiver.commands if c.startswith("MAIL"))
    return line.partition("> ")[2]


# ---- a pipe

def piped(receiver, pieces, pause_s=0.0, end=None):
    """A delivery whose message is written in pieces by another thread."""
    out, into = os.pipe()

    def write():
        try:
            for piece in pieces:
                os.write(into, piece)
                time.sleep(pause_s)
            if end:
                end()
        except BrokenPipeError:
            pass
        os.close(into)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        outcome = receiver.deliver_fd(out)
    finally:
        os.close(out)
        writer.join()
    return outcome


def pipe_arrives(setting, security, pieces, pause_s=0.0):
    receiver = usual(setting, security)
    outcome = piped(receiver, pieces, pause_s)
    arrives(receiver, outcome, b"".join(pieces))


def single(data):
    return [bytes([byte]) for byte in data]


def cut(data, seed):
    choose, out = random.Random(seed), []
    while data:
        size = choose.choice((1, 2, 3, 100, 4096, CHUNK))
        out.append(data[:size])
        data = data[size:]
    return out


AWKWARD = b"a\r\n.\r\n\r.\r\r\n..\n.\n"
MEGABYTE = messages.message("pipe", 1 << 20)
for security in ("clear", "tls"):
    suite.add(f"pipe_{security}", pipe_arrives, security, [messages.small()])
    suite.add(f"pipe_empty_{security}", pipe_arrives, security, [])
    suite.add(f"pipe_slow_{security}", pipe_arrives, security, single(AWKWARD), 0.02)
    suite.add(f"pipe_1m_{security}", pipe_arrives, security, [MEGABYTE])
    suite.add(f"pipe_1m_in_pieces_{security}", pipe_arrives, security,
              cut(MEGABYTE, security))


def no_end(receiver):
    """The server never saw the message end."""
    equal(receiver.wire, b"")
    assert "QUIT" not in receiver.commands, receiver.commands


def pipe_partial(setting, security, pieces):
    receiver = usual(setting, security)
    failed(piped(receiver, pieces, 0.01), "D", PARTIAL)
    no_end(receiver)


for security in ("clear", "tls"):
    for name, pieces in {
        "text": [b"no line end"],
        "after_lines": [b"one\ntwo\n", b"three"],
        "dot": [b"one\n", b"."],
        "cr": [b"one\n", b"\r"],
        "end_without_lf": [b"one\n.\r"],
        "1m": [MEGABYTE, b"x"],
    }.items():
        suite.add(f"pipe_partial_{name}_{security}", pipe_partial, security, pieces)


@suite.case
def pipe_all_of_4_bytes(setting):
    receiver = usual(setting)
    for size in range(5):
        for message in strings(size):
            outcome = piped(receiver, [message] if message else [])
            if is_partial(message):
                failed(outcome, "D", PARTIAL)
                no_end(receiver)
            else:
                arrives(receiver, outcome, message)


@suite.case
def pipe_that_stalls(setting):
    """Nothing comes for timeoutremote: not delivered, and not for ever."""
    receiver = usual(setting)
    setting.home.control(timeoutremote="1")
    began = time.monotonic()
    failed(piped(receiver, [b"one\n"], end=lambda: time.sleep(4)), "Z",
           f"Connected to {CLEAR} but connection died. (#4.4.2)\n")
    assert time.monotonic() - began >= 1
    no_end(receiver)


@suite.case
def pipe_tells_no_size(setting):
    """What is in it is not known before it is sent."""
    receiver = usual(setting, offers=("SIZE 10", "8BITMIME"))
    arrives(receiver, piped(receiver, [b"caf\xc3\xa9 and more than ten\n"]),
            b"caf\xc3\xa9 and more than ten\n")
    equal(mail(receiver), "")


# ---- other kinds of descriptor 0

def opened(setting, path, flags, letter, text, connects=True):
    receiver = usual(setting)
    fd = os.open(path, flags)
    try:
        outcome = receiver.deliver_fd(fd, connects=connects)
    finally:
        os.close(fd)
    if letter == "K":
        arrives(receiver, outcome, text)
    else:
        failed(outcome, letter, text)
        equal(receiver.wire, b"")


suite.add("stdin_directory", opened, "/", os.O_RDONLY, "Z", UNREADABLE, False)
suite.add("stdin_dev_null", opened, "/dev/null", os.O_RDONLY, "K", b"")
for name, size in (("small", 100), ("large", 3 * CHUNK)):
    suite.add(f"stdin_write_only_{name}", lambda s, n: write_only(s, n), size)


def write_only(setting, size):
    path = setting.home.message(b"x" * (size - 1) + b"\n")
    opened(setting, path, os.O_WRONLY, "Z", UNREADABLE, connects=False)


def changes_on_the_way(setting, security, change):
    """The file changes once it was looked at: part of it is not the whole."""
    receiver = usual(setting, security)
    path = setting.home.message(b"line\n" * CHUNK)
    receiver.at = {"DATA": lambda: change(path)}
    fd = os.open(path, os.O_RDONLY)
    failed(receiver.deliver_fd(fd), "Z", UNREADABLE)
    os.close(fd)
    no_end(receiver)


def append(path):
    with open(path, "ab") as file:
        file.write(b"more\n")


for security in ("clear", "tls"):
    suite.add(f"file_truncated_{security}", changes_on_the_way, security,
              lambda path: os.truncate(path, CHUNK // 5 * 5))
    suite.add(f"file_emptied_{security}", changes_on_the_way, security,
              lambda path: os.truncate(path, 0))
    suite.add(f"file_appended_{security}", changes_on_the_way, security, append)


# ---- the empty message

for security in ("clear", "tls"):
    suite.add(f"empty_{security}", lambda s, k: empty(s, k), security)


def empty(setting, security):
    receiver = usual(setting, security, ("PIPELINING", "SIZE", "8BITMIME"))
    arrives(receiver, receiver.deliver(b""), b"")
    equal(receiver.wire, END[2:])
    equal(mail(receiver), "SIZE=0")


# ---- SIZE

def wire_size(message):
    """RFC 1870: line ends are two octets, stuffed dots do not count."""
    return len(policy(message)) + policy(message).count(b"\n")


@suite.case
def size_of_all_of_4_bytes(setting):
    receiver = usual(setting, offers=("SIZE",))
    for size in range(5):
        for message in strings(size):
            if not is_partial(message):
                arrives(receiver, receiver.deliver(message), message)
                equal(mail(receiver), f"SIZE={wire_size(message)}", message)


def size_exact(setting, message):
    receiver = usual(setting, offers=("SIZE 0", "PIPELINING"))
    arrives(receiver, receiver.deliver(message), message)
    equal(mail(receiver), f"SIZE={wire_size(message)}")


for name, message in {
    "crlf_across_a_chunk": b"x" * (CHUNK - 1) + b"\r\n",
    "lf_behind_a_chunk": b"x" * CHUNK + b"\n",
    "cr_ends_a_chunk": b"x" * (CHUNK - 1) + b"\rx\n",
    "dots": b".\n" * 50000,
    "lines": b"\n" * (4 * CHUNK),
    "awkward": AWKWARD * 10000,
}.items():
    suite.add(f"size_{name}", size_exact, message)


def size_limit(setting, security, limit, fits):
    """1000 bytes of which 100 are line ends: 1100 as SIZE counts."""
    message = b".12345678\n" * 100
    receiver = usual(setting, security, ("PIPELINING", f"SIZE {limit}"))
    outcome = receiver.deliver(message)
    if fits:
        arrives(receiver, outcome, message)
        equal(mail(receiver), "SIZE=1100")
        return
    failed(outcome, "D",
           f"Connected to {receiver.address} but the message is too big for it: "
           f"1100 bytes, limit {limit}. (#5.3.4)\n")
    equal([c for c in receiver.commands if c[:4] not in ("EHLO", "STAR", "QUIT")], [])


for security in ("clear", "tls"):
    for limit, fits in {"1100": True, "1099": False, "1": False, "0": True,
                        "1101": True, "4294967296": True,
                        "18446744073709551615": True,
                        "18446744073709551616": True, "many": True,
                        "-1": True, "": True}.items():
        suite.add(f"limit_{limit or 'none'}_{security}", size_limit, security, limit,
                  fits)


@suite.case
def limit_in_lower_case(setting):
    receiver = usual(setting, offers=("size 10",))
    failed(receiver.deliver(b"0123456789\n"), "D", "12 bytes, limit 10. (#5.3.4)")


@suite.case
def limit_said_in_clear_is_forgotten(setting):
    receiver = usual(setting, "tls", ("SIZE 10",), secure=("HELP",))
    message = messages.small()
    arrives(receiver, receiver.deliver(message), message)
    equal(mail(receiver), "")


@suite.case
def limit_said_under_tls_counts(setting):
    receiver = usual(setting, "tls", (), secure=("SIZE 10",))
    failed(receiver.deliver(b"0123456789\n"), "D", "12 bytes, limit 10. (#5.3.4)")


@suite.case
def size_not_offered(setting):
    receiver = usual(setting, offers=("PIPELINING", "XSIZE", "SIZES 1"))
    arrives(receiver, receiver.deliver(b"x\n"), b"x\n")
    equal(mail(receiver), "")


# ---- 8BITMIME

def eight_bit(setting, security, message, offered, asked):
    receiver = usual(setting, security, ("8BITMIME",) if offered else ())
    arrives(receiver, receiver.deliver(message), message)
    equal(mail(receiver), "BODY=8BITMIME" if asked else "")


HIGH = b"x" * 70000
for security in ("clear", "tls"):
    for name, args in {
        "needed": (b"caf\xe9\n", True, True),
        "needed_not_offered": (b"caf\xe9\n", False, False),
        "not_needed": (b"cafe\0\x7f\n", True, False),
        "first_byte": (b"\x80" + HIGH + b"\n", True, True),
        "last_byte": (HIGH + b"\xff\n", True, True),
        "end_of_chunk": (HIGH[: CHUNK - 1] + b"\x80" + HIGH + b"\n", True, True),
        "start_of_chunk": (HIGH[:CHUNK] + b"\x80" + HIGH + b"\n", True, True),
        "nowhere_in_many": (HIGH + b"\n", True, False),
    }.items():
        suite.add(f"8bit_{name}_{security}", eight_bit, security, *args)


@suite.case
def size_and_body_together(setting):
    receiver = usual(setting, offers=("8BITMIME", "SIZE 100"))
    arrives(receiver, receiver.deliver(b"\xe9\n"), b"\xe9\n")
    equal(mail(receiver), "SIZE=3 BODY=8BITMIME")


# ---- a retry is sent the careful way

def careful(setting, security, age_s, lock_step):
    receiver = usual(setting, security, ("PIPELINING", "CHUNKING", "8BITMIME"))
    message = messages.small()
    outcome = receiver.deliver(message, mtime=time.time() - age_s)
    arrives(receiver, outcome, message)
    equal([c[:4] for c in receiver.commands if c[:4] not in ("EHLO", "STAR")],
          ["MAIL", "RCPT", "DATA", "QUIT"])
    equal([c[:4] for c in receiver.ahead],
          [] if lock_step else ["MAIL", "RCPT"])


for security in ("clear", "tls"):
    for name, age_s, lock_step in (
        ("fresh", 0, False), ("290_s_old", RETRY_AGE_S - 10, False),
        ("302_s_old", RETRY_AGE_S + 2, True), ("a_week_old", 604800, True),
        ("from_the_future", -1000000, False), ("of_1970", time.time(), True),
    ):
        suite.add(f"message_{name}_{security}", careful, security, age_s, lock_step)


# ---- large ones in constant memory

def big(setting, security, source):
    """BIG_MB of lines, compared on the way; VmHWM while the server thinks."""
    setting.home.control(**({"trustanchors": "x"} if security == "tls" else {}))
    block = messages.message("block", 1 << 20)
    # What comes from a pipe may or may not fill a buffer, a file always does.
    few = max(peak(setting, security, kind, block, 1) for kind in (source, "file"))
    many = peak(setting, security, source, block, BIG_MB)
    assert many <= few + 16, f"{few} KiB with 1 MB, {many} KiB with {BIG_MB} MB"
    assert many <= PEAK_KIB_MAX or not is_musl(), f"{many} KiB"


def peak(setting, security, source, block, count):
    receiver = usual(setting, security, ("PIPELINING", "SIZE"))
    kib = []
    receiver.at = {".": lambda: kib.append(peak_memory_kib(receiver.pid))}
    receiver.content = lambda stream: repeated(stream, block, count)
    try:
        if source == "pipe":
            outcome = piped(receiver, (block for _ in range(count)))
        else:
            outcome = filed(setting, receiver, block, count)
            equal(mail(receiver), f"SIZE={count * wire_size(block)}")
    finally:
        del receiver.content
    equal(outcome.letter, "K", outcome.text)
    return kib[0]


def filed(setting, receiver, block, count):
    path = setting.home.message(b"")
    with open(path, "r+b") as file:
        for _ in range(count):
            file.write(block)
        file.flush()
        os.unlink(path)
        file.seek(0)
        return receiver.deliver_fd(file.fileno())


def repeated(stream, block, count):
    """Reads just so many encoded blocks and the end; keeps none of it."""
    unit = block.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
    size, done = len(unit), 0
    while done < count * size:
        data = stream.some()
        begin = 0
        while begin < len(data) and done < count * size:
            part = data[begin : begin + size - done % size]
            want = unit[done % size : done % size + len(part)]
            assert part == want, f"other bytes from {done} on"
            begin, done = begin + len(part), done + len(part)
        stream.buffer = data[begin:]
    while len(stream.buffer) < 3:
        stream.buffer += stream.connection.recv(100)
    end, stream.buffer = stream.buffer[:3], stream.buffer[3:]
    equal(end, b".\r\n")
    return end


for security in ("clear", "tls"):
    for source in ("file", "pipe"):
        suite.add(f"big_{source}_{security}", big, security, source)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
