# SPDX-License-Identifier: ISC
"""Servers that flood the TLS connection with what holds no text, or that cut
their records in odd ways: an end within bounds, or a delivery."""

import ctypes
import socket
import ssl
import sys
import threading
import time

import messages
from aiosmtp import server_context
from authority import Issuer
from checks import delivered, encrypted, failed
from harness import Suite, equal
from nameserver import serve_names
from scripted import EHLO_STARTTLS, Scripted
from tlsserver import GnutlsSession, gnutls_library, python_tls
from tracing import Trace
from world import run_suite

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
STARTTLS = {"EHLO": EHLO_STARTTLS}
FLOOD_S = 45  # far over the tests' timeoutremote
BOUND_S = 30
WARNING, USER_CANCELED, NO_RENEGOTIATION = 1, 90, 100
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, [f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}"])
        self.issuer = Issuer(world)
        self.leaf = self.issuer.leaf("leaf", f"DNS:{NAME}")
        self.home = world.home()

    def deliver(self, upgrade, script=None, seconds=2, **options):
        self.home.control(trustanchors=self.issuer.bundle, tlsstrictness=2,
                          timeoutremote=seconds)
        with Scripted(self.world, ADDRESS, {**STARTTLS, **(script or {})},
                      upgrade) as server:
            began = time.monotonic()
            outcome = self.home.deliver(HOST, f"bob@{HOST}", messages.small(),
                                        **options)
            self.seconds = time.monotonic() - began
            server.close()
        return outcome


class Flooder(GnutlsSession):
    """GnuTLS that can send what an application never would."""

    TICKET_KEY_SIZE = 64

    def __init__(self, connection, certificate, version):
        super().__init__(connection, certificate, version)
        self.stop = time.monotonic() + FLOOD_S

    def call(self, name, *arguments):
        if name == "handshake":
            self.prepare()
        return super().call(name, *arguments)

    def prepare(self):
        class Datum(ctypes.Structure):
            _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_uint)]

        self.key = Datum()
        super().call("session_ticket_key_generate", ctypes.byref(self.key))
        super().call("session_ticket_enable_server", self.session,
                     ctypes.byref(self.key))

    def tickets(self):
        self.call("session_ticket_send", self.session, 1, 0)

    def warnings(self):
        self.call("alert_send", self.session, WARNING, NO_RENEGOTIATION)

    def canceled(self):
        self.call("alert_send", self.session, WARNING, USER_CANCELED)

    def key_updates(self):
        self.call("session_key_update", self.session, 0)

    def empty(self):
        self.call("record_send", self.session, b"", ctypes.c_size_t(0))

    def flood(self, what):
        """Until the client leaves, or for a time no client may take."""
        try:
            while time.monotonic() < self.stop:
                getattr(self, what)()
        except OSError:
            pass


def flooding(setting, what, version):
    """The flood begins right behind the handshake and has no reply in it."""
    def upgrade(connection):
        session = Flooder(connection, setting.leaf, version)
        session.flood(what)
        raise OSError("over")

    return upgrade


FLOODS = {"tickets_tls1.3": ("tickets", "1.3"), "warnings_tls1.2": ("warnings", "1.2"),
          "canceled_tls1.3": ("canceled", "1.3"), "canceled_tls1.2": ("canceled", "1.2"),
          "key_updates_tls1.3": ("key_updates", "1.3")}


def bounded(setting, what, version, wrapper=()):
    gnutls_library()
    outcome = setting.deliver(flooding(setting, what, version), wrapper=wrapper)
    failed(outcome, "Z", f"Connected to {ADDRESS} but ")
    equal(outcome.output.count(b"\0"), 1, "records")
    assert setting.seconds < BOUND_S, f"{setting.seconds:.0f} s"


for name, args in FLOODS.items():
    suite.add(f"flood_of_{name}", bounded, *args)


@suite.case
def flood_faster_than_the_client(setting):
    """Reading is slowed down, so there always is more to read: the clock has
    to be looked at all the same."""
    trace = Trace(setting.world, "slow")
    slow = [*trace.wrapper, "-e", "inject=recvfrom:delay_exit=20000"]
    bounded(setting, "tickets", "1.3", slow)


def some_amid_a_session(setting, what, version, count):
    """A few of them before each reply do no harm."""
    gnutls_library()

    def upgrade(connection):
        session = Flooder(connection, setting.leaf, version)
        send = session.sendall

        def sendall(data):
            for _ in range(count):
                getattr(session, what)()
            send(data)

        session.sendall = sendall
        return session

    outcome = setting.deliver(upgrade, seconds=20)
    delivered(outcome, ADDRESS)
    encrypted(outcome, "verified", version)


suite.add("some_tickets_tls1.3", some_amid_a_session, "tickets", "1.3", 50)
suite.add("some_warnings_tls1.2", some_amid_a_session, "warnings", "1.2", 3)


@suite.case
def warning_before_the_server_hello(setting):
    """unrecognized_name: servers say so and go on."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = server_context(setting.leaf, maximum=version)

        def upgrade(connection):
            connection.sendall(bytes([21, 3, 3, 0, 2, WARNING, 112]))
            return python_tls(None, context)(connection)

        outcome = setting.deliver(upgrade, seconds=20)
        if version == ssl.TLSVersion.TLSv1_2:
            delivered(outcome, ADDRESS)
            encrypted(outcome, "verified")
        else:
            assert outcome.letter in "KZ", outcome.text


# ---- the shape of the bytes

class Cut:
    """A TLS connection whose bytes pass a relay that cuts them up."""

    def __init__(self, connection, certificate, size, pause):
        inner, outer = socket.socketpair()
        for source, sink in ((connection, outer), (outer, connection)):
            threading.Thread(target=self.relay, daemon=True,
                             args=(source, sink, size, pause)).start()
        self.secure = python_tls(certificate)(inner)
        self.recv, self.sendall = self.secure.recv, self.secure.sendall

    @staticmethod
    def relay(source, sink, size, pause):
        try:
            source.settimeout(None)
            if sink.family != socket.AF_UNIX:
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := source.recv(65536):
                for at in range(0, len(data), size):
                    sink.sendall(data[at:at + size])
                    time.sleep(pause)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.secure.close()


def in_pieces(setting, size, pause):
    def upgrade(connection):
        return Cut(connection, setting.leaf, size, pause)

    outcome = setting.deliver(upgrade, seconds=20)
    delivered(outcome, ADDRESS)
    encrypted(outcome, "verified")


suite.add("byte_by_byte", in_pieces, 1, 0)
suite.add("seven_bytes_at_a_time", in_pieces, 7, 0.001)
suite.add("all_but_whole_records", in_pieces, 1000, 0.01)


@suite.case
def a_byte_a_record(setting):
    """Each byte of each reply in a TLS record of its own."""
    def upgrade(connection):
        secure = python_tls(setting.leaf)(connection)
        send = secure.sendall

        class Dripping:
            recv, close = secure.recv, secure.close

            @staticmethod
            def sendall(data):
                for byte in data:
                    send(bytes([byte]))

        return Dripping

    outcome = setting.deliver(upgrade, seconds=20)
    delivered(outcome, ADDRESS)
    encrypted(outcome, "verified")


@suite.case
def a_reply_that_drips_over_tls(setting):
    """A record now and then does not extend timeoutremote."""
    drip = tuple(p for _ in range(20) for p in (b"250-x\r\n", 0.4))
    outcome = setting.deliver(python_tls(setting.leaf), {"tls MAIL": drip})
    failed(outcome, "Z", f"Connected to {ADDRESS} but connection died. (#4.4.2)\n"
           "At MAIL: timed out\n")


@suite.case
def an_endless_reply_over_tls(setting):
    reply = b"250-" + b"x" * 996 + b"\r\n"
    outcome = setting.deliver(python_tls(setting.leaf), {"tls MAIL": reply * 2000})
    failed(outcome, "Z", "connection died. (#4.4.2)\nAt MAIL: the reply is malformed "
           "or too long")
    encrypted(outcome, "verified")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
