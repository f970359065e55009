# SPDX-License-Identifier: ISC
"""The mail server of the lab: takes all and keeps nothing.

    sink.py FOLDER KEY CHAIN

Listens on port 25 of every address, in two processes. Offers PIPELINING,
8BITMIME and SIZE, and STARTTLS at the addresses for that. Answers
all commands that have come with one write. A line of JSON for each message
goes to FOLDER/messages. At the addresses that hold, a message is answered once
FOLDER/release exists.
"""

import json
import os
import socket
import ssl
import sys
import threading
import time

from places import HOLDING, OVER_TLS

PROCESS_COUNT = 2
IDLE_TIMEOUT_S = 120
READ_SIZE = 1 << 18
END = b"\r\n.\r\n"
REPLIES = {
    b"HELO": b"250 sink.example\r\n",
    b"MAIL": b"250 2.1.0 ok\r\n",
    b"RCPT": b"250 2.1.5 ok\r\n",
    b"RSET": b"250 2.0.0 ok\r\n",
    b"NOOP": b"250 2.0.0 ok\r\n",
}
EXTENSIONS = [b"PIPELINING", b"8BITMIME", b"SIZE"]


class Gone(Exception):
    """The client has closed, or may not go on."""


class Session:
    """One connection."""

    def __init__(self, server, connection):
        self.server, self.connection = server, connection
        self.address = connection.getsockname()[0]
        self.buffer, self.out = b"", b""
        self.secure, self.resumed, self.recipients, self.host = None, False, 0, ""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(IDLE_TIMEOUT_S)

    def serve(self):
        self.out = b"220 sink.example ready\r\n"
        while True:
            self.command(self.line())

    def fill(self):
        """More to read; what is due is said first."""
        if self.out:
            self.connection.sendall(self.out)
            self.out = b""
        data = self.connection.recv(READ_SIZE)
        if not data:
            raise Gone
        return data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.buffer += self.fill()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def command(self, line):
        verb = line[:4].upper()
        if verb == b"EHLO":
            self.say_hello()
        elif verb == b"STAR":
            self.start_tls()
        elif verb == b"DATA":
            self.out += b"354 go on\r\n"
            self.took(self.dotted(), "DATA")
        elif verb == b"BDAT":
            self.chunk(line.split())
        elif verb == b"QUIT":
            self.connection.sendall(self.out + b"221 2.0.0 bye\r\n")
            raise Gone
        else:
            if verb == b"RCPT":
                self.recipients += 1
                self.host = line.partition(b"@")[2].partition(b">")[0].decode("latin-1")
            self.out += REPLIES.get(verb, b"500 5.5.1 unknown\r\n")

    def say_hello(self):
        offers = [b"sink.example", *EXTENSIONS]
        if self.address in OVER_TLS and not self.secure:
            offers.append(b"STARTTLS")
        self.out += b"".join(b"250-%s\r\n" % offer for offer in offers[:-1])
        self.out += b"250 %s\r\n" % offers[-1]

    def start_tls(self):
        self.connection.sendall(self.out + b"220 2.0.0 go ahead\r\n")
        self.out = b""
        self.connection = self.server.context.wrap_socket(
            self.connection, server_side=True)
        self.secure = [self.connection.version(), self.connection.cipher()[0]]
        self.resumed = self.connection.session_reused

    def dotted(self):
        """A message up to the lone dot: its size."""
        size, tail = 0, b"\r\n"
        while True:
            data, self.buffer = self.buffer or self.fill(), b""
            at = (tail + data).find(END)
            if at >= 0:
                whole = tail + data
                self.buffer = whole[at + len(END):]
                return size + at - len(tail) + 2
            size += len(data)
            tail = (tail + data)[-4:]

    def chunk(self, words):
        left = size = int(words[1])
        while left > 0:
            data, self.buffer = self.buffer or self.fill(), b""
            self.buffer = data[left:]
            left -= min(left, len(data))
        if len(words) > 2:
            self.took(size, "BDAT")
        else:
            self.out += b"250 2.0.0 chunk\r\n"

    def took(self, size, how):
        self.server.note({"size": size, "recipients": self.recipients, "host": self.host,
                          "how": how, "tls": self.secure, "resumed": self.resumed})
        self.recipients = 0
        if self.address in HOLDING:
            self.server.hold()
        self.out += b"250 2.0.0 taken\r\n"


class Server:
    """What the connections of a process share."""

    def __init__(self, folder, key, chain):
        self.release = os.path.join(folder, "release")
        self.notes = os.open(os.path.join(folder, "messages"),
                             os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(chain, key)

    def note(self, facts):
        os.write(self.notes, (json.dumps(facts) + "\n").encode())

    def hold(self):
        deadline = time.monotonic() + IDLE_TIMEOUT_S
        while not os.path.exists(self.release) and time.monotonic() < deadline:
            time.sleep(0.02)

    def serve(self, connection):
        session = Session(self, connection)
        try:
            session.serve()
        except (Gone, OSError):
            pass
        finally:
            session.connection.close()

    def accept(self, listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()


def main():
    server = Server(*sys.argv[1:4])
    listener = socket.create_server(("", 25), backlog=512)
    print("ready", flush=True)
    for _ in range(PROCESS_COUNT - 1):
        if os.fork() == 0:
            break
    server.accept(listener)


if __name__ == "__main__":
    main()
