# SPDX-License-Identifier: ISC
"""Handshakes that go wrong, each in its own way, for scripted.py's upgrade.

A fault is a function of the connection that raises, or returns a TLS
connection on which nothing good happens.
"""

import socket
import ssl
import struct
import time

from aiosmtp import server_context
from authority import LEAF
from tlsserver import python_tls

HANG_S = 8  # below scripted.py's idle time, above the tests' timeoutremote
HELLO_SIZE = 4096


class Fault(Exception):
    """The handshake ended as it was meant to."""


def answer(data):
    """The client's hello, then these bytes, then the end."""

    def fault(connection):
        connection.recv(HELLO_SIZE)
        connection.sendall(data)
        drain(connection)
        raise Fault

    return fault


def drain(connection):
    """So that closing sends a FIN, not a reset that overtakes the bytes."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(2)
    try:
        while connection.recv(HELLO_SIZE):
            pass
    except OSError:
        pass


def drop(connection):
    connection.recv(HELLO_SIZE)
    drain(connection)
    raise Fault


def reset(connection):
    connection.recv(HELLO_SIZE)
    reset_now(connection)
    raise Fault


def reset_now(connection):
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def hang(connection):
    """Takes everything and says nothing, until the client leaves."""
    connection.settimeout(HANG_S)
    while connection.recv(HELLO_SIZE):
        pass
    raise Fault


def drip(connection):
    """A record that never ends, a byte at a time."""
    connection.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb\x03\x03")
    end = time.monotonic() + HANG_S
    while time.monotonic() < end:
        connection.sendall(b"\0")
        time.sleep(0.1)
    raise Fault


def alert(level, number):
    return answer(bytes([21, 3, 3, 0, 2, level, number]))


def old_versions(certificate):
    """TLS 1.0 and 1.1 only."""
    context = server_context(certificate, ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
    context.set_ciphers("ALL:@SECLEVEL=0")
    return python_tls(None, context)


def insisting(certificate, version):
    """A server that wants a client certificate; what it saw goes to .seen."""
    context = server_context(certificate, maximum=version)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificate.chain)
    return python_tls(None, context)


def overheard(context, heard):
    """A handshake; what the client sends in it goes to `heard`, as bytes."""

    def fault(connection):
        theirs, ours = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = context.wrap_bio(theirs, ours, server_side=True)
        connection.settimeout(HANG_S)
        try:
            while True:
                try:
                    return secure.do_handshake()
                except ssl.SSLWantReadError:
                    connection.sendall(ours.read())
                    data = connection.recv(HELLO_SIZE)
                    heard.extend(data)
                    if not data:
                        raise Fault
                    theirs.write(data)
        finally:
            heard.extend(rest_of(connection))

    return fault


def rest_of(connection):
    """What comes until the client leaves."""
    data = b""
    try:
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(HELLO_SIZE):
            data += part
    except OSError:
        pass
    return data


def record_types(data):
    """The content types of TLS records, in order."""
    types = []
    while data:
        types.append(data[0])
        data = data[5 + int.from_bytes(data[3:5], "big"):]
    return types


def then(certificate, end):
    """The handshake is fine; then this happens to the connection."""

    def fault(connection):
        secure = python_tls(certificate)(connection)
        end(secure)
        raise Fault

    return fault


def close_politely(secure):
    """close_notify, then FIN."""
    secure.settimeout(2)
    try:
        secure.unwrap()
    except OSError:
        pass


def close_rudely(secure):
    secure.recv(HELLO_SIZE)  # EHLO
    bare = socket.socket(fileno=secure.detach())
    drain(bare)
    bare.close()


def close_by_reset(secure):
    secure.recv(HELLO_SIZE)
    bare = socket.socket(fileno=secure.detach())
    reset_now(bare)
    bare.close()


CRITICAL = LEAF + "1.2.3.4.5 = critical, ASN1:UTF8String:what\n"


def all_faults(good, critical, huge):
    """Every handshake fault by name; the certificates are given."""
    tls12, tls13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    return {
        "words": answer(b"500 what was that\r\n"),
        "injected_words": answer(b"250 ok\r\n" * 20),
        "zeros": answer(bytes(200)),
        "junk_record": answer(b"\x16\x03\x03\x00\x20" + bytes(range(32))),
        "long_record": answer(b"\x16\x03\x03\xff\xff" + bytes(65535)),
        "ssl2": answer(b"\x80\x2e\x04\x00\x01\x00\x02" + bytes(41)),
        "fatal_alert": alert(2, 40),
        "closing_alert": alert(1, 0),
        "warning_then_end": alert(1, 112),
        "drop": drop,
        "reset": reset,
        "tls1.0_only": old_versions(good),
        "unknown_critical_extension": python_tls(critical),
        "long_chain": python_tls(huge),
        "client_certificate_tls1.2": insisting(good, tls12),
        "client_certificate_tls1.3": insisting(good, tls13),
        "politely_closed_behind": then(good, close_politely),
        "rudely_closed_behind": then(good, close_rudely),
        "reset_behind": then(good, close_by_reset),
    }


def write_huge_chain(certificate, other):
    """64 KiB of certificates behind a good one."""
    with open(other.cert, "rb") as file:
        text = file.read()
    with open(certificate.cert, "rb") as file:
        leaf = file.read()
    with open(certificate.chain, "wb") as out:
        out.write(leaf + text * (65536 // 400))
