# SPDX-License-Identifier: ISC
"""A receiver that takes nothing but what RFC 5321 allows, and is quick.

Delivery and server run in one thread: the program is started, its connection
accepted, and the two speak in turn. That makes thousands of sessions cheap.
"""

import itertools
import os
import socket

import rspawn
from aiosmtp import server_context
from authority import Issuer
from checks import encrypted
from harness import equal
from qmailhome import SENDER
from world import listener

HOST_NAME = "wire.example"
TIMEOUT_S = 60  # more than qmailhome's timeoutremote: a stall is the report's
CLEAR, SECURE = "192.0.2.10", "192.0.2.11"
END = b"\r\n.\r\n"
LETTERS = [bytes([b]) for b in b"\r\n.a"]
SIZE_MAX = 6


def strings(size):
    """All of that size over the letters that matter."""
    for letters in itertools.product(LETTERS, repeat=size):
        yield b"".join(letters)


def policy(message):
    """What has to arrive: policy.md, Message; line ends are LF."""
    return message.replace(b"\r\n", b"\n").replace(b"\r", b" ")


def is_partial(message):
    return message != b"" and not message.endswith(b"\n")


def unwrapped(wire):
    """The content of what came between 354 and the end, read strictly."""
    assert wire.endswith(END[2:]), f"no end: {wire[-40:]!r}"
    whole = b"\r\n" + wire
    at = whole.find(END)
    assert at == len(whole) - len(END), f"ends early at {at}: {around(whole, at)}"
    lines = whole[2 : at + 2]
    # Nothing is left of CR and LF once each pair is gone.
    rest = lines.replace(b"\r\n", b"")
    assert b"\r" not in rest, "bare CR on the wire"
    assert b"\n" not in rest, "bare LF on the wire"
    return whole[:at].replace(b"\r\n.", b"\r\n")[2:] + b"\r\n" if at else b""


def around(data, at):
    return repr(data[max(at - 20, 0) : at + 20])


class Receiver:
    """The address it listens at, and one delivery at a time."""

    def __init__(self, home, address, context=None, offers=("PIPELINING",)):
        self.home = home
        self.address = address
        self.context = context  # ssl, for STARTTLS
        self.offers = list(offers)
        self.listener = listener(address, 25)
        self.listener.settimeout(TIMEOUT_S)
        self.commands = []  # of the last delivery
        self.ahead = []  # those of them that more was sent behind at once
        self.wire = b""  # what it sent between 354 and the end
        self.hello_secure = None  # offers under TLS, where they differ
        self.at = {}  # what else to do at a verb, or at "." before its reply

    def spawn(self, fd, sender=SENDER, recipients=(f"bob@{HOST_NAME}",)):
        """Start the program with fd as its message: pid and report pipe.

        subprocess is too slow for thousands; this sets what matters here.
        """
        report, end = os.pipe()
        actions = [(os.POSIX_SPAWN_DUP2, fd, 0), (os.POSIX_SPAWN_DUP2, end, 1),
                   (os.POSIX_SPAWN_DUP2, end, 2)]
        command = [self.home.binary, f"[{self.address}]", sender, *recipients]
        environment = {"QMAILHOME": self.home.path}
        pid = os.posix_spawn(command[0], command, environment,
                             file_actions=actions)
        os.close(end)
        return pid, report

    def finish(self, pid, report):
        with os.fdopen(report, "rb") as pipe:
            output = pipe.read()
        _, status = os.waitpid(pid, 0)
        return rspawn.judge(os.waitstatus_to_exitcode(status), output)

    def deliver(self, message, mtime=None, **options):
        """One whole delivery of these bytes: the rspawn.Outcome."""
        fd = os.memfd_create("message")
        os.write(fd, message)
        assert os.fstat(fd).st_size == len(message)
        os.lseek(fd, 0, os.SEEK_SET)
        if mtime is not None:
            os.utime(fd, (mtime, mtime))
        try:
            return self.deliver_fd(fd, **options)
        finally:
            os.close(fd)

    def drain(self):
        """Forget connections that a delivery before this one left behind."""
        self.listener.settimeout(0)
        try:
            while True:
                self.listener.accept()[0].close()
        except BlockingIOError:
            self.listener.settimeout(TIMEOUT_S)

    def deliver_fd(self, fd, connects=True, **envelope):
        self.commands, self.ahead, self.wire = [], [], b""
        self.error = None
        self.drain()
        self.pid, report = self.spawn(fd, **envelope)
        if connects:
            connection, _ = self.listener.accept()
            connection.settimeout(TIMEOUT_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.serve(connection)
            except (OSError, EOFError) as error:
                self.error = error  # the report says what came of it
            connection.close()
        return self.finish(self.pid, report)

    def serve(self, connection):
        """One session, up to QUIT or the end of the connection."""
        stream = Stream(connection)
        stream.send(b"220 wire.example\r\n")
        secure = False
        while True:
            line = stream.line()
            self.commands.append(line)
            if stream.buffer:
                self.ahead.append(line)
            verb = line[:4].upper()
            self.at.get(verb, lambda: None)()
            if verb == "EHLO":
                stream.send(self.hello(secure))
            elif verb == "STAR":
                stream.send(b"220 go ahead\r\n")
                assert not stream.buffer, "bytes behind STARTTLS"
                connection = self.context.wrap_socket(connection, server_side=True)
                stream = Stream(connection)
                secure = True
            elif verb == "DATA":
                stream.send(b"354 go on\r\n")
                self.wire = self.content(stream)
                self.at.get(".", lambda: None)()
                stream.send(b"250 kept\r\n")
            elif verb == "QUIT":
                stream.send(b"221 bye\r\n")
                connection.close()
                return
            else:
                stream.send(b"250 ok\r\n")

    def hello(self, secure):
        offers = self.offers
        if secure and self.hello_secure is not None:
            offers = self.hello_secure
        words = ["wire.example", *offers]
        if self.context and not secure:
            words.append("STARTTLS")
        lines = [f"250-{word}\r\n" for word in words[:-1]]
        return "".join([*lines, f"250 {words[-1]}\r\n"]).encode()

    def content(self, stream):
        """All bytes up to the first end a receiver may see."""
        parts, tail = [b"\r\n"], b"\r\n"
        while True:
            data = stream.some()
            parts.append(data)
            tail += data
            if END in tail:
                break
            tail = tail[-4:]
        whole = b"".join(parts)
        at = whole.find(END) + len(END)
        stream.buffer = whole[at:]
        assert b"QUIT\r\n".startswith(stream.buffer), \
            f"behind the end: {around(whole, at)}"
        return whole[2:at]


class Stream:
    """Lines and bytes of a connection, clear or secured."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""

    def send(self, data):
        self.connection.sendall(data)

    def some(self):
        """What is there, or the next bytes."""
        if self.buffer:
            data, self.buffer = self.buffer, b""
            return data
        data = self.connection.recv(1 << 18)
        if not data:
            raise EOFError
        return data

    def line(self):
        while b"\r\n" not in self.buffer:
            data = self.connection.recv(1 << 18)
            if not data:
                raise EOFError
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        assert b"\r" not in line and b"\n" not in line, line
        return line.decode("ascii")


class Setting:
    def __init__(self, world):
        issuer = Issuer(world)
        leaf = issuer.leaf("mx", f"IP:{SECURE}")
        self.home = world.home()
        self.home.control(trustanchors=issuer.bundle)
        self.receivers = {
            "clear": Receiver(self.home, CLEAR),
            "tls": Receiver(self.home, SECURE, server_context(leaf)),
        }

    def check(self, security, message):
        """One delivery: all of the policy holds."""
        receiver = self.receivers[security]
        outcome = receiver.deliver(message)
        equal(outcome.letter, "K",
              f"{message[:40]!r}: {outcome.text} ({receiver.error!r})")
        if security == "tls":
            encrypted(outcome, "unverified")
        got = unwrapped(receiver.wire)
        want = policy(message).replace(b"\n", b"\r\n")
        assert got == want, difference(message, got, want)
        verbs = [c[:4] for c in receiver.commands]
        equal(verbs.count("MAIL"), 1, "MAIL")
        equal(verbs.count("DATA"), 1, "DATA")


def difference(message, got, want):
    at = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w),
              min(len(got), len(want)))
    return (f"{len(message)} bytes, {len(got)} came, {len(want)} due, at {at}: "
            f"{got[at - 10:at + 20]!r} for {want[at - 10:at + 20]!r}")
