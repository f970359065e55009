# SPDX-License-Identifier: ISC
"""Records every octet that is said in this world, and searches it for secrets.

    with Leaks(secret, ...) as leaks:
        leaks.printed(outcome.output)
    leaks.none()        no secret in clear, in any form, on any wire or in print
    leaks.clear(secret) one was said in clear, as it may be here

All of it goes through the loopback device of the world, so one packet socket
sees SMTP and DNS alike, before and after any TLS. What is searched for: the
secret raw; as the middle of base64, at its three alignments; and in the names
that the DNS is asked for, whose labels are joined and whose case is nothing.
"""

import base64
import re
import socket
import struct

ETH_P_ALL = 0x0003
SOL_PACKET, PACKET_STATISTICS = 263, 6
SO_RCVBUFFORCE = 33
BUFFER_SIZE = 1 << 26
PACKET_SIZE = 1 << 17
TCP, UDP = 6, 17
DNS_PORT = 53
NEEDLE_MIN = 6  # less is found by chance


def needles(secret):
    """The forms of a secret that no reader may find, as octets."""
    found = {secret}
    printable = max(re.findall(rb"[ -~]*", secret), key=len)
    if len(printable) >= NEEDLE_MIN:
        found.add(printable)
    for before in range(3):
        coded = base64.b64encode(bytes(before) + secret)
        first = -(-before * 8 // 6)  # the first letter that is the secret's alone
        last = (before + len(secret)) * 8 // 6
        found.add(coded[first:last])
    assert min(map(len, found)) >= NEEDLE_MIN, f"too short to search for: {found}"
    return found


def search(secret, text):
    """The first form of the secret that is in the text, or None."""
    return next((needle for needle in needles(secret) if needle in text), None)


class Stream:
    """One direction of a TCP connection, put together by sequence numbers."""

    def __init__(self):
        self.first, self.parts = None, {}

    def add(self, sequence, data):
        if self.first is None:
            self.first = sequence
        at = (sequence - self.first) & 0xFFFFFFFF
        if len(data) > len(self.parts.get(at, b"")):
            self.parts[at] = data

    def octets(self):
        whole = bytearray()
        for at in sorted(self.parts):
            if at <= len(whole):
                whole[at:] = self.parts[at] + whole[at + len(self.parts[at]):]
            else:
                whole += self.parts[at]
        return bytes(whole)


def packet_parts(packet):
    """Addresses, protocol and what it carries; None for no IP."""
    if packet[:1] and packet[0] >> 4 == 4:
        head, size = (packet[0] & 15) * 4, struct.unpack("!H", packet[2:4])[0]
        return packet[12:16], packet[16:20], packet[9], packet[head:size or None]
    if packet[:1] and packet[0] >> 4 == 6:
        return packet[8:24], packet[24:40], packet[6], packet[40:]
    return None


def question_names(message):
    """The name a DNS message asks for, its labels joined by dots."""
    labels, at = [], 12
    while at < len(message) and 0 < message[at] < 64:
        labels.append(message[at + 1:at + 1 + message[at]])
        at += 1 + message[at]
    return b".".join(labels).lower()


class Leaks:
    def __init__(self, *secrets):
        self.secrets = [s if isinstance(s, bytes) else s.encode() for s in secrets]
        self.streams, self.datagrams, self.prints = {}, [], []
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                    socket.htons(ETH_P_ALL))
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_SIZE)
        except PermissionError:  # not root outside: as much as anybody may have
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_SIZE)
        self.socket.bind(("lo", ETH_P_ALL))
        self.socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.read()
        lost = self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self.socket.close()
        assert struct.unpack("II", lost)[1] == 0, "packets were not recorded"

    def read(self):
        """All that the kernel has kept for us so far."""
        while True:
            try:
                packet, (_, _, kind, _, _) = self.socket.recvfrom(PACKET_SIZE)
            except BlockingIOError:
                return
            if kind == socket.PACKET_OUTGOING:  # else it is seen twice
                self.keep(packet_parts(packet))

    def keep(self, parts):
        if parts is None or parts[2] not in (TCP, UDP):
            return
        source, target, protocol, data = parts
        ports = struct.unpack("!HH", data[:4])
        if protocol == UDP:
            self.datagrams.append((ports[1], data[8:]))
            return
        sequence, head = struct.unpack("!I", data[4:8])[0], (data[12] >> 4) * 4
        payload = data[head:]
        if payload:
            key = (source, ports[0], target, ports[1])
            self.streams.setdefault(key, Stream()).add(sequence, payload)

    def printed(self, *texts):
        """What the program printed or reported: octets, or a text."""
        self.prints += [t if isinstance(t, bytes) else t.encode() for t in texts]

    def wires(self):
        """Pairs: where it was seen, and what."""
        for (_, _, _, port), stream in self.streams.items():
            octets = stream.octets()
            yield f"the wire to port {port}", octets
            if port == DNS_PORT:
                yield "a question by TCP", question_names(octets[2:])
        for port, data in self.datagrams:
            yield f"a datagram to port {port}", data
            if port == DNS_PORT:
                yield "a question", question_names(data)

    def found(self, secret, places):
        for where, octets in places:
            form = search(secret, octets)
            if not form and where.startswith("a question"):
                form = search(secret.lower(), octets)
            if form:
                return f"{secret!r} is in {where}, as {form!r}"
        return None

    def none(self):
        """No secret was said in clear, and none printed."""
        for secret in self.secrets:
            why = self.found(secret, self.wires())
            assert not why, why
        self.none_printed()

    def none_printed(self):
        for secret in self.secrets:
            why = self.found(secret, (("what was printed", p) for p in self.prints))
            assert not why, why

    def clear(self, secret):
        """It was said in clear, as the search finds; and still not printed."""
        octets = secret if isinstance(secret, bytes) else secret.encode()
        assert self.found(octets, self.wires()), "not in clear on any wire"
        self.none_printed()

    def said(self, text, port):
        """How often these octets were said in clear to servers at that port."""
        return sum(octets.count(text) for where, octets in self.wires()
                   if where == f"the wire to port {port}")
