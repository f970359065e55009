# SPDX-License-Identifier: ISC
"""A mail server that does what a script says, faults included.

A script maps events to replies. Events are "greeting", a command verb,
"content" when the first bytes of the message are there, "." for its end, and
"answer" for a line behind a reply 334; inside TLS an event "tls VERB" is looked
for first. A reply is

    a string          sent with CRLF added
    bytes             sent as they are
    DROP, RESET       close the connection, by FIN or by RST
    HOLD              wait until release(), then send the usual reply
    a float           wait so many seconds
    a function        of the line just heard, makes the reply
    a tuple           each of its parts in turn
    a list            one entry each time the event happens, the last repeats

A verb that the script leaves out gets the usual reply.
"""

import socket
import struct
import threading
import time

from world import listener

DROP, RESET, HOLD = "<drop>", "<reset>", "<hold>"
HOLD_TIMEOUT_S = 60
# A client that says nothing for this long when it is its turn is hung up on.
# Shorter than qmailhome's timeoutremote, so a client that stalls until its
# own time-out fails its test.
IDLE_TIMEOUT_S = 10
USUAL = {
    "greeting": "220 scripted.example ready",
    "EHLO": "250-scripted.example\r\n250-8BITMIME\r\n250 SIZE",
    "HELO": "250 scripted.example",
    "STARTTLS": "220 go ahead",
    "content": (),
    "MAIL": "250 sender ok",
    "RCPT": "250 recipient ok",
    "DATA": "354 go on",
    ".": "250 2.0.0 kept",
    "QUIT": "221 bye",
}
EHLO_STARTTLS = "250-scripted.example\r\n250-STARTTLS\r\n250 8BITMIME"


class Gone(Exception):
    """The connection is closed."""


class Session:
    """One connection: what was said in it and what was delivered."""

    def __init__(self, number, peer):
        self.number = number
        self.peer = peer  # its address
        self.began = time.monotonic()
        # Lines as received, "tls " in front when over TLS, "answer " before
        # what follows a reply 334.
        self.commands = []
        self.ahead = []  # verbs of those that more was sent behind at once
        self.contents = []  # messages, dots undone, line ends as received
        self.over_tls = False
        self.tls_error = None
        self.counts = {}
        self.challenged = False
        self.ended = threading.Event()

    def verbs(self):
        """The verbs in order, for comparison."""
        return [verb_of(c.removeprefix("tls ")) for c in self.commands]

    def logins(self):
        """The commands AUTH, and what answered the server's challenges."""
        return [c for c in (c.removeprefix("tls ") for c in self.commands)
                if verb_of(c) in ("AUTH", "ANSWER")]

    def clear_verbs(self):
        return [verb_of(c) for c in self.commands if not c.startswith("tls ")]


def verb_of(line):
    return line.split(" ")[0].split(":")[0].upper()


def code_of(sent):
    """Of the first whole reply in these bytes: the code of its last line."""
    for line in sent.split(b"\n"):
        if line[3:4] != b"-":
            return line[:3]
    return b""


class Scripted:
    """The server: one thread accepts, one more serves each connection.

    scripts: one script for all connections, or a list, one each, the last
    repeats. upgrade(socket) turns a connection into its TLS form (an object
    with recv, sendall, close), see tlsserver.py; with implicit=True that comes
    before all else.
    """

    def __init__(self, world, address, scripts=None, upgrade=None, port=25,
                 implicit=False):
        self.scripts = scripts if isinstance(scripts, list) else [scripts or {}]
        self.upgrade = upgrade
        self.implicit = implicit
        self.sessions = []
        self.released = threading.Event()
        self.holding = threading.Event()
        self.closed = False
        self.listener = listener(address, port)
        self.address = address
        self.port = self.listener.getsockname()[1]
        world.closers.append(self.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        if not self.closed:
            self.closed = True
            self.released.set()
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def accept(self):
        while not self.closed:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            number = len(self.sessions)
            session = Session(number, peer[0])
            self.sessions.append(session)
            script = self.scripts[min(number, len(self.scripts) - 1)]
            wire = Wire(self, connection, session, script)
            threading.Thread(target=wire.serve, daemon=True).start()

    def wait_hold(self, timeout_s=HOLD_TIMEOUT_S):
        """Wait until a session is at its HOLD."""
        assert self.holding.wait(timeout_s), "the server was never at its HOLD"

    def release(self):
        self.released.set()

    def contents(self):
        self.settle()
        return [content for s in self.sessions for content in s.contents]

    def settle(self):
        """Wait until no session is under way."""
        for session in list(self.sessions):
            assert session.ended.wait(20), "a session is still open"
        return self.sessions


class Wire:
    """Runs one session."""

    def __init__(self, server, connection, session, script):
        self.server = server
        self.connection = connection
        self.session = session
        self.script = script
        self.buffer = b""

    def serve(self):
        try:
            self.connection.settimeout(IDLE_TIMEOUT_S)
            if self.server.implicit:
                self.start_tls()
            self.react("greeting")
            while True:
                self.command(self.read_line())
        except (Gone, OSError):
            pass
        finally:
            try:
                self.connection.close()
            except OSError:
                pass
            self.session.ended.set()

    def command(self, line):
        session = self.session
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if session.challenged:
            text = "answer " + text
        session.commands.append(("tls " if session.over_tls else "") + text)
        verb = verb_of(text)
        if self.buffer:
            session.ahead.append(verb)
        code = code_of(self.react("answer" if session.challenged else verb))
        session.challenged = code == b"334"
        if verb == "STARTTLS" and code == b"220":
            self.start_tls()
        elif verb == "DATA" and code == b"354":
            session.contents.append(self.read_content())
            self.react(".")
        elif verb == "QUIT":
            raise Gone

    def start_tls(self):
        assert self.server.upgrade, "the script has STARTTLS but no upgrade"
        try:
            self.connection = self.server.upgrade(self.connection)
        except Exception as error:  # the handshake failed: that may be the test
            self.session.tls_error = error
            raise Gone
        self.session.over_tls = True
        self.buffer = b""

    def react(self, event):
        """Do what the script says for the event; the bytes sent."""
        reply = USUAL.get(event, "500 unknown")
        key = event
        if self.session.over_tls and f"tls {event}" in self.script:
            key = f"tls {event}"
        reply = self.script.get(key, reply)
        if isinstance(reply, list):
            count = self.session.counts.get(key, 0)
            self.session.counts[key] = count + 1
            reply = reply[min(count, len(reply) - 1)]
        parts = reply if isinstance(reply, tuple) else (reply,)
        return b"".join(self.act(event, part) for part in parts)

    def act(self, event, part):
        if callable(part):
            part = part(self.session.commands[-1])
        if part == HOLD:
            self.server.holding.set()
            self.server.released.wait(HOLD_TIMEOUT_S)
            part = USUAL[event] or b""
        elif part == DROP:
            raise Gone
        elif part == RESET:
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            raise Gone
        elif isinstance(part, float):
            time.sleep(part)
            return b""
        data = part if isinstance(part, bytes) else part.encode() + b"\r\n"
        self.send(data)
        return data

    def send(self, data):
        self.connection.sendall(data)

    def fill(self):
        data = self.connection.recv(65536)
        if not data:
            raise Gone
        self.buffer += data

    def read_line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    def read_content(self):
        """The message up to the lone dot, stuffed dots removed."""
        if not self.buffer:
            self.fill()
        self.react("content")
        parts = [b"\r\n", self.buffer]
        tail = b"\r\n" + self.buffer
        while b"\r\n.\r\n" not in tail:
            data = self.connection.recv(65536)
            if not data:
                raise Gone
            parts.append(data)
            tail = tail[-4:] + data
        whole = b"".join(parts)
        content, _, self.buffer = whole.partition(b"\r\n.\r\n")
        return (content + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
