# SPDX-License-Identifier: ISC
"""Connections that end at each byte of a session, said or heard."""

import socket
import struct
import sys
import threading

from checks import delivered, failed
from harness import Suite, equal
from next_test import ADDRESS, DIED, DUPLICATE, HELO, HOST, Setting
from scripted import DROP, RESET
from world import listener, run_suite

suite = Suite()
REPLIES = {"greeting": {}, "EHLO": {}, "HELO": HELO, "MAIL": {}, "RCPT": {},
           "DATA": {}, ".": {}}
CODES = {"greeting": b"220", "DATA": b"354"}


def cut_reply(setting, event, before, end):
    """The reply ends after each of its bytes; only all of it counts."""
    reply = CODES.get(event, b"250") + b"-a\r\n"
    reply += reply.replace(b"-", b" ")
    text = {".": DUPLICATE, "HELO": "Remote host said: 500 what?\n"}.get(event, DIED)
    for size in range(1, len(reply)):
        outcome, _ = setting.alone({**before, event: (reply[:size], 0.02, end)})
        failed(outcome, "Z", text)
        equal(outcome.recipients, "r" if event == "." else "")


for event, before in REPLIES.items():
    for label, end in (("drop", DROP), ("reset", RESET)):
        suite.add(f"{label}_at_each_byte_of_the_reply_to_{event}", cut_reply,
                  event, before, end)

MESSAGE = b"Subject: x\n\n.one\ntwo\n"


class Reader:
    """Takes so many bytes of a session in all, then hangs up."""

    def __init__(self, address, limit, offer, reset):
        self.listener = listener(address, 25)
        self.limit, self.offer, self.reset = limit, offer, reset
        self.received = b""
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        """The connections behind the first are ended at once: HELO, where EHLO
        got no answer."""
        try:
            while True:
                connection, _ = self.listener.accept()
                with connection:
                    self.session(connection)
        except OSError:
            pass  # closed

    def session(self, connection):
        try:
            self.talk(connection)
        except OSError:
            pass
        if self.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))

    def talk(self, connection):
        connection.sendall(b"220 x\r\n")
        in_message, line = False, b""
        while len(self.received) < self.limit:
            byte = connection.recv(1)
            if not byte:
                return
            self.received += byte
            line += byte
            if byte != b"\n" or len(self.received) == self.limit:
                continue
            if not in_message or line == b".\r\n":
                in_message = line == b"DATA\r\n"
                connection.sendall(self.reply(line))
            line = b""

    def reply(self, line):
        if line.startswith(b"EHLO"):
            return self.offer
        return b"354 x\r\n" if line == b"DATA\r\n" else b"250 x\r\n"

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.listener.close()


def one_session(setting, limit, offer, reset):
    server = Reader(ADDRESS, limit, offer, reset)
    try:
        return setting.home.deliver(HOST, f"bob@{HOST}", MESSAGE), server
    finally:
        server.close()


def hangs_up_at_each_byte(setting, offer, reset):
    """Z whatever was received; only once the message was under way may it be
    a duplicate, and behind the end it is one."""
    setting.home.control()
    outcome, server = one_session(setting, 10000, offer, False)
    delivered(outcome, ADDRESS)
    whole = server.received
    start = whole.index(b"DATA\r\n") + len(b"DATA\r\n")
    end = whole.index(b"\r\n.\r\n") + len(b"\r\n.\r\n")
    for size in range(1, end + 1):
        outcome, _ = one_session(setting, size, offer, reset)
        equal(outcome.letter, "Z", f"after {size} bytes: {outcome.text}")
        duplicate = DUPLICATE in outcome.text
        assert duplicate or DIED in outcome.text, outcome.text
        assert size != end or duplicate, outcome.text
        assert not duplicate or size >= start, outcome.text


for label, offer in (("lock_step", b"250 x\r\n"),
                     ("pipelined", b"250-x\r\n250 PIPELINING\r\n")):
    suite.add(f"hangs_up_at_each_byte_{label}", hangs_up_at_each_byte, offer, False)
    suite.add(f"resets_at_each_byte_{label}", hangs_up_at_each_byte, offer, True)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
