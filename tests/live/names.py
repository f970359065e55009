# SPDX-License-Identifier: ISC
"""A name server that does what a rule says, faults included.

Names(world).add("host.example", MX=[(10, "mx.example")], A=["192.0.2.10"])
answers as a healthy recursive server does: CNAMEs are followed, what is not
there is NXDOMAIN or NODATA, what is over 1232 bytes is truncated over UDP.

A rule replaces the answer to one question: rule(name, type, f), where type
may be "*". f(query) yields what is done:

    bytes             a message, sent as the reply
    a float           a wait of so many seconds
    Raw(bytes)        bytes of the stream, without a length in front
    Elsewhere(bytes)  a datagram from another port of the server
    CLOSE             the end of the stream
"""

import socket
import struct
import threading
import time
from dataclasses import dataclass

from world import listener

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16,
         "AAAA": 28, "OPT": 41, "TLSA": 52}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
QR, AA, TC, RD, RA, AD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020
UDP_SIZE = 1232
CLOSE = "<close>"


@dataclass
class Raw:
    data: bytes


@dataclass
class Elsewhere:
    data: bytes


def wire_name(text):
    """A name as it travels; bytes are taken as they are."""
    if isinstance(text, bytes):
        return text
    labels = [label.encode("latin-1") for label in text.rstrip(".").split(".")]
    return b"".join(bytes([len(x)]) + x for x in labels if x) + b"\0"


def rdata(kind, value):
    if isinstance(value, bytes):
        return value
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "MX":
        return struct.pack("!H", value[0]) + wire_name(value[1])
    if kind == "TXT":
        return bytes([len(value)]) + value.encode()
    return wire_name(value)


def record(owner, kind, value, klass=1, length=None):
    """One resource record; length, if given, is a lie."""
    data = rdata(kind, value)
    head = struct.pack("!HHIH", TYPES[kind], klass, 60,
                       len(data) if length is None else length)
    return wire_name(owner) + head + data


def soa(owner="example"):
    data = wire_name("ns.example") + wire_name("root.example")
    return record(owner, "SOA", data + struct.pack("!5I", 1, 60, 60, 60, 5))


class Query:
    """A question as it came."""

    def __init__(self, server, data, tcp):
        self.server, self.data, self.tcp = server, data, tcp
        self.time = time.monotonic()
        self.id, _, _, _, _, extra = struct.unpack("!6H", data[:12])
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
            at += 1 + data[at]
        self.name = ".".join(labels)
        self.question = data[12:at + 5]
        self.type = TYPE_NAMES.get(struct.unpack("!H", data[at + 1:at + 3])[0])
        self.edns = extra > 0
        self.flags = getattr(server, "flags", QR | RD | RA)  # of a reply
        self.authentic = data[3] & AD != 0  # whether that is wanted

    @property
    def key(self):
        return self.name.lower(), self.type

    def reply(self, answers=(), rcode=NOERROR, **changes):
        """A message; changes: id, flags, question, authority, additional,
        counts (of answers, authority, additional)."""
        question = changes.get("question", self.question)
        sections = [list(answers), list(changes.get("authority", ())),
                    list(changes.get("additional", ()))]
        counts = changes.get("counts", [len(s) for s in sections])
        head = struct.pack("!6H", changes.get("id", self.id),
                           changes.get("flags", self.flags) | rcode,
                           1 if question else 0, *counts)
        return head + question + b"".join(b"".join(s) for s in sections)


class Names:
    """The server; queries has every question that came, in order, peers the
    addresses they came from."""

    def __init__(self, world, address="127.0.0.1", port=53):
        self.address, self.port = address, port
        self.flags = QR | RD | RA  # and AD, if all is authentic
        self.zone, self.rules, self.queries, self.peers = {}, {}, [], set()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.udp.bind((address, port))
        self.other = socket.socket(family, socket.SOCK_DGRAM)
        self.other.bind((address, 0))
        self.tcp = listener(address, port)
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()
        world.closers.append(self.close)

    def close(self):
        for each in (self.udp, self.other, self.tcp):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def add(self, name, **records):
        """Records by type; a single value may go without its list."""
        entry = self.zone.setdefault(name.lower(), {})
        for kind, values in records.items():
            entry[kind] = values if isinstance(values, list) else [values]
        return self

    def rule(self, name, kind, function):
        self.rules[name.lower(), kind] = function

    def asked(self, name=None, kind=None):
        """The queries for a name and type so far; None: any."""
        return [q for q in list(self.queries)
                if name in (None, q.name.lower()) and kind in (None, q.type)]

    def forget(self):
        self.queries, self.peers = [], set()

    # ---- serving

    def serve_udp(self):
        while True:
            try:
                data, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if data:  # nothing: the socket was shut down
                self.start(self.answer_udp, data, peer)

    def serve_tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            self.start(self.answer_tcp, connection)

    def start(self, function, *args):
        def guarded():
            try:
                function(*args)
            except OSError:  # the client, or the test, is gone
                pass

        threading.Thread(target=guarded, daemon=True).start()

    def answer_udp(self, data, peer):
        self.peers.add(peer[0])
        for action in self.actions(data, False):
            if isinstance(action, float):
                time.sleep(action)
            elif isinstance(action, Elsewhere):
                self.other.sendto(action.data, peer)
            else:
                self.udp.sendto(action, peer)

    def answer_tcp(self, connection):
        with connection:
            connection.settimeout(30)
            self.peers.add(connection.getpeername()[0])
            head = self.exactly(connection, 2)
            data = self.exactly(connection, struct.unpack("!H", head)[0])
            for action in self.actions(data, True):
                if action == CLOSE:
                    return
                if isinstance(action, float):
                    time.sleep(action)
                elif isinstance(action, Raw):
                    connection.sendall(action.data)
                else:
                    size = struct.pack("!H", len(action))
                    connection.sendall(size + action)
            connection.recv(1)  # the client closes first

    def exactly(self, connection, size):
        data = b""
        while len(data) < size:
            some = connection.recv(size - len(data))
            if not some:
                raise OSError("the client hung up")
            data += some
        return data

    def actions(self, data, tcp):
        query = Query(self, data, tcp)
        self.queries.append(query)
        name, kind = query.key
        found = self.rules.get((name, kind)) or self.rules.get((name, "*"))
        return found(query) if found else [self.healthy(query)]

    # ---- the usual answer

    def healthy(self, query, limit=UDP_SIZE):
        """What the zone says."""
        name, kind = query.key
        owner, answers = query.name, []
        entry = self.zone.get(name)
        for _ in range(9):
            if not entry or "CNAME" not in entry or kind in entry:
                break
            target = entry["CNAME"][0]
            answers.append(record(owner, "CNAME", target))
            owner, entry = target, self.zone.get(target.lower())
        answers += [record(owner, kind, v) for v in (entry or {}).get(kind, ())]
        if entry is None:
            return query.reply(answers, NXDOMAIN, authority=[soa()])
        if not entry.get(kind):
            return query.reply(answers, authority=[soa()])
        whole = query.reply(answers)
        if not query.tcp and len(whole) > limit:
            return query.reply(flags=query.flags | TC)
        return whole


# ---- rules

def rcode(number, count=None):
    """Always this code; with count, so many times before the usual answer."""
    left = [count]

    def act(query):
        if left[0] == 0:
            return [query.server.healthy(query)]
        if left[0] is not None:
            left[0] -= 1
        return [query.reply(rcode=number)]

    return act


def silent(_query):
    return []


def late(seconds):
    return lambda query: [seconds, query.server.healthy(query)]


def forged(query):
    """The usual answer, which nobody vouches for."""
    query.flags &= ~AD
    return [query.server.healthy(query)]


def first(*makers):
    """Messages made of the query, then the usual answer."""
    return lambda query: [*(m(query) for m in makers), query.server.healthy(query)]


def only(*makers):
    return lambda query: [m(query) for m in makers]
