# SPDX-License-Identifier: ISC
"""TLS 1.3 servers made here, for what no library would say.

TLS_CHACHA20_POLY1305_SHA256, X25519, an ECDSA certificate on P-256; small and
slow. openssl signs. Each can serve a whole delivery.
"""

import hashlib
import hmac
import socket
import ssl
import struct
import subprocess

ALERT, HANDSHAKE, TEXT = 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, EXTENSIONS, CERTIFICATE = 1, 2, 8, 11
CERTIFICATE_VERIFY, FINISHED, MESSAGE_HASH = 15, 20, 254
VERSIONS, COOKIE, KEY_SHARE = 43, 44, 51
SUITE = 0x1303  # TLS_CHACHA20_POLY1305_SHA256
SECP256R1_SHA256, SECP384R1, X25519 = 0x0403, 0x0018, 0x001d
RETRY = hashlib.sha256(b"HelloRetryRequest").digest()
ZEROS = bytes(32)
SIGNED = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"


class Refused(Exception):
    """The client ended the handshake."""


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


def x25519(scalar, point):
    """RFC 7748 section 5: the Montgomery ladder."""
    prime = 2**255 - 19
    k = int.from_bytes(scalar, "little") & ~7 & (1 << 254) - 1 | 1 << 254
    x1 = int.from_bytes(point, "little") & (1 << 255) - 1
    x2, z2, x3, z3 = 1, 0, x1, 1
    for bit in range(254, -1, -1):
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        x3, z3 = (d * a + c * b) ** 2 % prime, x1 * (d * a - c * b) ** 2 % prime
        e = (a * a - b * b) % prime
        x2, z2 = a * a * b * b % prime, e * (a * a + 121665 * e) % prime
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, prime - 2, prime) % prime).to_bytes(32, "little")


def extension(kind, data):
    return struct.pack("!HH", kind, len(data)) + data


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

    def seal(self, text, kind=TEXT):
        nonce = self.nonce()
        header = struct.pack("!BHH", TEXT, 0x0303, len(text) + 1 + 16)
        sealed = chacha20(self.key, 1, nonce, text + bytes([kind]))
        return header + sealed + tag_of(self.key, nonce, header, sealed)

    def open(self, header, body):
        nonce = self.nonce()
        sealed, tag = body[:-16], body[-16:]
        if tag_of(self.key, nonce, header, sealed) != tag:
            raise Refused("the client has other keys")
        inner = chacha20(self.key, 1, nonce, sealed).rstrip(b"\0")
        return inner[-1], inner[:-1]


class Server:
    """A connection, and RFC 8446 on it: kinds of servers are below."""

    def __init__(self, connection, certificate):
        self.connection = connection
        self.certificate = certificate
        self.heard = b""
        self.talk = b""  # the transcript
        self.flight = b""  # sent before the client is listened to
        self.pending = b""
        self.ours = self.theirs = None
        connection.settimeout(10)

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
        """The content type and the content of the next one."""
        header = self.exactly(5)
        body = self.exactly(struct.unpack("!H", header[3:])[0])
        if self.theirs and header[0] == TEXT:
            return self.theirs.open(header, body)
        return header[0], body

    def handshake(self):
        """The next message of the client, without its CCS."""
        while True:
            kind, body = self.record()
            if kind == ALERT:
                raise Refused(f"alert {body[1]}")
            if kind == HANDSHAKE:
                self.talk += body
                return body

    def hear_hello(self):
        """The session id, and the extensions by their kind."""
        body = self.handshake()
        assert body[0] == CLIENT_HELLO, body[0]
        session, rest = body[39:39 + body[38]], body[39 + body[38]:]
        rest = rest[2 + int.from_bytes(rest[:2], "big"):]  # suites
        rest = rest[1 + rest[0] + 2:]  # compression
        extensions = {}
        while rest:
            kind, size = struct.unpack("!HH", rest[:4])
            extensions[kind], rest = rest[4:4 + size], rest[4 + size:]
        return session, extensions

    def say(self, kind, body):
        message = struct.pack("!I", kind << 24 | len(body)) + body
        self.talk += message
        self.flight += (self.ours.seal(message, HANDSHAKE) if self.ours else
                        struct.pack("!BHH", HANDSHAKE, 0x0303, len(message)) + message)

    @staticmethod
    def hello(version, random, session, extensions):
        return (struct.pack("!H", version) + random + bytes([len(session)])
                + session + struct.pack("!HBH", SUITE, 0, len(extensions))
                + extensions)

    def ask_again(self, session, extensions):
        """HelloRetryRequest (section 4.4.1)."""
        self.talk = (struct.pack("!I", MESSAGE_HASH << 24 | 32)
                     + sha256(self.talk))
        versions = extension(VERSIONS, b"\x03\x04")
        self.say(SERVER_HELLO, self.hello(0x0303, RETRY, session,
                                          versions + extensions))
        return self.hear_hello()

    def prove(self, secret):
        """Certificate, CertificateVerify, Finished."""
        with open(self.certificate.cert) as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        entry = len(der).to_bytes(3, "big") + der + b"\0\0"
        self.say(CERTIFICATE, b"\0" + len(entry).to_bytes(3, "big") + entry)
        run = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.certificate.key],
            input=SIGNED + sha256(self.talk), capture_output=True, check=True)
        self.say(CERTIFICATE_VERIFY, struct.pack(
            "!HH", SECP256R1_SHA256, len(run.stdout)) + run.stdout)
        key = expand(secret, b"finished", b"", 32)
        self.say(FINISHED, hmac256(key, sha256(self.talk)))

    def agree(self, handshake_secret, client_secret):
        """The keys of the text, once the client's Finished is right."""
        salt = expand(handshake_secret, b"derived", sha256(b""), 32)
        master, talk = hmac256(salt, ZEROS), sha256(self.talk)
        finished = self.handshake()
        key = expand(client_secret, b"finished", b"", 32)
        if finished[4:] != hmac256(key, talk):
            raise Refused("the client has other keys")
        self.theirs = Keys(expand(master, b"c ap traffic", talk, 32))
        self.ours = Keys(expand(master, b"s ap traffic", talk, 32))

    def recv(self, size):
        while not self.pending:
            kind, text = self.record()
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


class ZeroKeys(Server):
    """One that talks mbedTLS 3.6.7 into TLS 1.3 without a secret: a ServerHello
    without supported_versions, of version 0x0304 (CVE-2026-115490). Whoever
    falls for it derives the keys from zeros and what went over the wire."""

    def __init__(self, connection, certificate, retry=False, echo=False):
        super().__init__(connection, certificate)
        session, _ = self.hear_hello()
        if retry:
            group = struct.pack("!H", SECP384R1)
            self.ask_again(session, extension(KEY_SHARE, group))
        self.say(SERVER_HELLO, self.hello(0x0304, bytes(range(32)),
                                          session if echo else b"", b""))
        self.prove(ZEROS)
        self.agree(ZEROS, ZEROS)


class Forgetful(Server):
    """One that first asks for its cookie, as those that keep no state do."""

    SECRET = bytes(range(1, 33))
    BASE = bytes([9]) + bytes(31)

    def __init__(self, connection, certificate):
        super().__init__(connection, certificate)
        session, _ = self.hear_hello()
        cookie = b"\0\x0ba cookie of"
        session, asked = self.ask_again(session, extension(COOKIE, cookie))
        assert asked.get(COOKIE) == cookie, asked.get(COOKIE)
        share = asked[KEY_SHARE][2:]
        assert share[:4] == struct.pack("!HH", X25519, 32), share[:4]
        ours = struct.pack("!HH", X25519, 32) + x25519(self.SECRET, self.BASE)
        self.say(SERVER_HELLO, self.hello(
            0x0303, bytes(range(32)), session,
            extension(VERSIONS, b"\x03\x04") + extension(KEY_SHARE, ours)))
        early = hmac256(ZEROS, ZEROS)
        salt = expand(early, b"derived", sha256(b""), 32)
        secret = hmac256(salt, x25519(self.SECRET, share[4:36]))
        talk = sha256(self.talk)
        client = expand(secret, b"c hs traffic", talk, 32)
        server = expand(secret, b"s hs traffic", talk, 32)
        self.theirs, self.ours = Keys(client), Keys(server)
        self.say(EXTENSIONS, b"\0\0")
        self.prove(server)
        self.agree(secret, client)


def serving(kind, certificate, **how):
    """For scripted.py."""
    return lambda connection: kind(connection, certificate, **how)
