# SPDX-License-Identifier: ISC
"""Servers that ask for another handshake (HelloRequest, TLS 1.2), as GnuTLS can:
without end it is no progress, and beside a reply it hides nothing."""

import socket
import sys
import time

import messages
from authority import Issuer
from checks import delivered, encrypted, failed, same
from harness import Suite, equal
from scripted import DROP, EHLO_STARTTLS, Scripted
from tlsserver import GnutlsSession, gnutls_library
from world import run_suite

ADDRESS, HOST = "192.0.2.10", "[192.0.2.10]"
TIMEOUT_S = 2
BOUND_S = 2 * TIMEOUT_S + 1  # twice, and what a busy machine adds
EVERY_S, END_S = 0.5, 20
TCP_CORK = 3  # linux/tcp.h
WARNING_ALERT = "warning alert"  # the client's no_renegotiation, as GnuTLS says
DIED = f"Connected to {ADDRESS} but connection died. (#4.4.2)\n"
DUPLICATE = f"Connected to {ADDRESS} but connection died. Possible duplicate! (#4.4.2)\n"
suite = Suite()


class Setting:
    def __init__(self, world):
        gnutls_library()
        self.world = world
        issuer = Issuer(world)
        self.bundle = issuer.bundle
        self.leaf = issuer.leaf("mx", f"IP:{ADDRESS}")
        self.home = world.home()

    def deliver(self, session, script, timeout_s, data=None):
        """session: the class of the server's end of TLS."""
        self.home.control(trustanchors=self.bundle, tlsstrictness=2,
                          timeoutremote=timeout_s)
        script = {"EHLO": EHLO_STARTTLS, **script}
        with Scripted(self.world, ADDRESS, script,
                      lambda c: session(c, self.leaf, "1.2")) as server:
            began = time.monotonic()
            outcome = self.home.deliver(HOST, f"bob@{HOST}", data or messages.small())
            self.seconds = time.monotonic() - began
            self.sessions = server.settle()
        return outcome


class Asking(GnutlsSession):
    """Knows how to ask, and takes the client's no for an answer."""

    def ask(self):
        self.call("rehandshake", self.session)

    def recv(self, size):
        while True:
            try:
                return super().recv(size)
            except OSError as error:
                if WARNING_ALERT not in str(error):
                    raise


class AskingWithoutEnd(Asking):
    """Where the script says "...", asks and asks instead."""

    def sendall(self, data):
        if data != b"...":
            super().sendall(data)
            return
        end = time.monotonic() + END_S
        while time.monotonic() < end:
            self.ask()
            time.sleep(EVERY_S)


def without_end(setting, event):
    """Nothing of a reply comes, so the time for it runs out."""
    outcome = setting.deliver(AskingWithoutEnd, {f"tls {event}": (b"...", DROP)},
                              TIMEOUT_S)
    if event == "EHLO":  # an end there counts as one of the handshake
        failed(outcome, "Z", f"Connected to {ADDRESS} but ")
    else:
        failed(outcome, "Z", DUPLICATE if event == "." else DIED)
        encrypted(outcome, "verified", "1.2")
    assert TIMEOUT_S <= setting.seconds <= BOUND_S, f"it took {setting.seconds:.1f} s"
    equal([s.clear_verbs() for s in setting.sessions], [["EHLO", "STARTTLS"]])


for event in ("EHLO", "MAIL", "RCPT", "DATA", "."):
    name = "the_message" if event == "." else event.lower()
    suite.add(f"asked_without_end_at_{name}", without_end, event)


class AskingBeside(Asking):
    """Each reply is in one segment with what it asks in front."""

    count = 1

    def sendall(self, data):
        self.connection.setsockopt(socket.IPPROTO_TCP, TCP_CORK, 1)
        for _ in range(self.count):
            self.ask()
        super().sendall(data)
        self.connection.setsockopt(socket.IPPROTO_TCP, TCP_CORK, 0)


class AskingBehind(AskingBeside):
    def sendall(self, data):
        self.connection.setsockopt(socket.IPPROTO_TCP, TCP_CORK, 1)
        GnutlsSession.sendall(self, data)
        self.ask()
        self.connection.setsockopt(socket.IPPROTO_TCP, TCP_CORK, 0)


class AskingThrice(AskingBeside):
    count = 3


class AskingAndLeaving(AskingBeside):
    """The end of the connection comes along with the last reply."""

    def sendall(self, data):
        super().sendall(data)
        if data.startswith(b"250 2.0.0"):
            self.connection.shutdown(socket.SHUT_WR)


def beside(setting, session, offer):
    """It is a reply all the same: the mail is taken, and known to be."""
    data = messages.small()
    outcome = setting.deliver(session, {"tls EHLO": offer}, 20, data)
    delivered(outcome, ADDRESS)
    encrypted(outcome, "verified", "1.2")
    assert setting.seconds < 10, f"it took {setting.seconds:.1f} s"
    equal([len(s.contents) for s in setting.sessions], [1])
    same(messages.as_received(setting.sessions[0].contents[0]), data)


for label, session in (("in_front", AskingBeside), ("three_in_front", AskingThrice),
                       ("behind", AskingBehind), ("and_leaves_in_front", AskingAndLeaving)):
    suite.add(f"asked_{label}_of_each_reply", beside, session, "250 x")
    suite.add(f"asked_{label}_of_each_reply_pipelined", beside, session,
              "250-x\r\n250 PIPELINING")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
