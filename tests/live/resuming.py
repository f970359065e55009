# SPDX-License-Identifier: ISC
"""Servers that resume TLS sessions or fail at it, and the file that keeps them."""

import ctypes
import hashlib
import os
import socket
import ssl
import struct
import threading
import time

import rspawn
from aiosmtp import server_context
from tls13 import HANDSHAKE, Forgetful
from tlsserver import GnutlsSession, gnutls_library

RECORD_SIZE, RECORD_COUNT = 2048, 32
MAGIC = b"mote-s02"
TIMES = struct.Struct("!qqq")  # proved, given, until; behind magic and digest
TIMES_AT = len(MAGIC) + 32
LIFETIME_AT = TIMES_AT + TIMES.size
STATE_AT = LIFETIME_AT + 8
PRE_SHARED_KEY, SESSION_TICKET, NEW_SESSION_TICKET = 41, 35, 4
PEEK_COUNT_MAX, PEEK_PAUSE_S = 1000, 0.005
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class File:
    """run/qmail-remote/tlssessions of a home."""

    def __init__(self, home):
        self.path = os.path.join(home.path, "run/qmail-remote/tlssessions")
        os.makedirs(os.path.dirname(self.path), exist_ok=True)

    def make(self, data=bytes(RECORD_SIZE * RECORD_COUNT), mode=0o600):
        self.remove()
        with open(self.path, "wb") as file:
            file.write(data)
        os.chmod(self.path, mode)
        if rspawn.may_change_user():
            os.chown(self.path, rspawn.NOBODY, rspawn.NOBODY)

    def remove(self):
        if os.path.lexists(self.path):
            os.unlink(self.path)

    def read(self):
        with open(self.path, "rb") as file:
            return file.read()

    def records(self):
        """By their index; the places that are empty left out."""
        data = self.read()
        records = (data[at:at + RECORD_SIZE]
                   for at in range(0, len(data), RECORD_SIZE))
        return {index: record for index, record in enumerate(records)
                if record.startswith(MAGIC)}

    def write(self, index, record):
        with open(self.path, "r+b") as file:
            file.seek(index * RECORD_SIZE)
            file.write(record)

    def change(self, how):
        """Each record by a function of a bytearray."""
        for index, record in self.records().items():
            changed = bytearray(record)
            how(changed)
            self.write(index, bytes(changed))

    def shift(self, proved=0, given=0, until=0):
        def later(record):
            times = TIMES.unpack_from(record, TIMES_AT)
            TIMES.pack_into(record, TIMES_AT, times[0] + proved, times[1] + given,
                            min(times[2] + until, 2**63 - 1))
        self.change(later)


class Resuming:
    """For scripted.py: OpenSSL by Python, one context, so that it knows its own
    sessions again. `resumed` has whether each handshake was one."""

    def __init__(self, certificate, version=None, tickets=2, by_number=False):
        self.context = server_context(certificate)
        if version:
            self.context.minimum_version = VERSIONS[version]
            self.context.maximum_version = VERSIONS[version]
        self.context.num_tickets = tickets
        if by_number:
            self.context.options |= ssl.OP_NO_TICKET
        self.lock = threading.Lock()
        self.resumed = []
        self.offers = []  # SHA-256 of each session that was offered

    def __call__(self, connection):
        offer = offered(connection)
        with self.lock:
            self.offers.append(offer)
        secure = self.context.wrap_socket(connection, server_side=True)
        with self.lock:
            self.resumed.append(secure.session_reused)
        secure.describe = lambda: (secure.version(), secure.cipher()[0])
        secure.close = lambda: part(secure)
        return secure


def part(secure):
    """Close with a goodbye: OpenSSL forgets a session that ends without."""
    try:
        secure.unwrap()
    except (OSError, ValueError):  # it has failed, or was parted from before
        pass
    ssl.SSLSocket.close(secure)


class Breaking(Resuming):
    """It cannot bear being offered a session: it goes away, says `answer`, or
    says nothing at all."""

    def __init__(self, certificate, version=None, answer=b""):
        super().__init__(certificate, version)
        self.answer = answer
        self.broke = 0

    def __call__(self, connection):
        if offered(connection) is None:
            return super().__call__(connection)
        with self.lock:
            self.broke += 1
        connection.recv(65536)
        connection.sendall(self.answer)
        raise OSError("a session was offered")


class Datum(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_uint)]


class Gnutls:
    """As Resuming, by GnuTLS; with tickets only."""

    def __init__(self, certificate, version=None):
        self.key = Datum()
        gnutls_library().gnutls_session_ticket_key_generate(ctypes.byref(self.key))
        self.arguments = certificate, version
        self.resumed = []

    def __call__(self, connection):
        key = self.key

        class Session(GnutlsSession):
            def prepare(self):
                self.call("session_ticket_enable_server", self.session,
                          ctypes.byref(key))

        session = Session(connection, *self.arguments)
        self.resumed.append(
            bool(session.library.gnutls_session_is_resumed(session.session)))
        return session


def peek_hello(connection):
    """A ClientHello that is still to be read."""
    for _ in range(PEEK_COUNT_MAX):
        data = connection.recv(65536, socket.MSG_PEEK)
        end = 5 + int.from_bytes(data[3:5], "big")
        if len(data) >= 5 and len(data) >= end:
            return data[5:end]
        if not data:
            break
        time.sleep(PEEK_PAUSE_S)
    raise OSError("the client left")


def offered(connection):
    """What stands for the session that is offered; None: there is none."""
    body = peek_hello(connection)
    number, rest = body[39:39 + body[38]], body[39 + body[38]:]
    rest = rest[2 + int.from_bytes(rest[:2], "big"):]
    rest = rest[1 + rest[0] + 2:]
    extensions = {}
    while rest:
        kind, size = struct.unpack("!HH", rest[:4])
        extensions[kind], rest = rest[4:4 + size], rest[4 + size:]
    if PRE_SHARED_KEY in extensions:
        size = int.from_bytes(extensions[PRE_SHARED_KEY][2:4], "big")
        return hashlib.sha256(extensions[PRE_SHARED_KEY][4:4 + size]).digest()
    if extensions.get(SESSION_TICKET):
        return hashlib.sha256(extensions[SESSION_TICKET]).digest()
    # A number is made up for TLS 1.3, for middleboxes.
    versions = extensions.get(43, b"")
    return hashlib.sha256(number).digest() if number and not versions else None


class Ticketing(Forgetful):
    """One whose tickets are whatever the test wants: messages, each with
    LIFETIME seconds, a nonce and `ticket`, or octets as they are."""

    def __init__(self, connection, certificate, tickets):
        super().__init__(connection, certificate)
        out = b"".join(self.message(t) if isinstance(t, bytes) else self.ticket(*t)
                       for t in tickets)
        if out:
            connection.sendall(self.ours.seal(out, HANDSHAKE))

    @staticmethod
    def ticket(lifetime, ticket, nonce=b"1", extensions=b""):
        body = (struct.pack("!II", lifetime, 7) + bytes([len(nonce)]) + nonce
                + struct.pack("!H", len(ticket)) + ticket
                + struct.pack("!H", len(extensions)) + extensions)
        return Ticketing.message(body)

    @staticmethod
    def message(body):
        return struct.pack("!I", NEW_SESSION_TICKET << 24 | len(body)) + body
