# SPDX-License-Identifier: ISC
"""Round trips, counted from the packets on the delay line.

What a side sends can only be caused by what had reached it before. So a packet
of the client gets the number of the last round trip it had heard the end of,
plus one, and a packet of a server the highest number that had reached it on that
connection. The highest number that came back before the client closed is how
often it waited, whatever it was doing in parallel.
"""

from collections import defaultdict
from dataclasses import dataclass


@dataclass
class Packet:
    out: bool  # from the client
    sent_us: int
    due_us: int
    flow: tuple
    kind: str
    payload: int
    size: int


def read_packets(path, offset):
    with open(path, encoding="ascii") as file:
        file.seek(offset)
        return [parse(line) for line in file if line.endswith("\n")]


def parse(line):
    way, sent, due, protocol, client, server, kind, payload, size = line.split()
    return Packet(way == ">", int(sent), int(due), (protocol, client, server), kind,
                  int(payload), int(size))


def says_something(packet, answered):
    """Whether it moves the conversation on. Acknowledgements do not, but the
    one that completes a connection, for it is what the greeting waits for."""
    return packet.payload > 0 or packet.kind == "S" or packet.flow not in answered


def round_trips(packets):
    heard = 0  # by the client
    reached = defaultdict(int)  # a server, on a flow
    answered, closed = set(), set()
    events = [(p.sent_us, 1, p) for p in packets] + [(p.due_us, 0, p) for p in packets]
    numbers = {}
    for _, leaves, packet in sorted(events, key=lambda e: e[:2]):
        key = id(packet)
        if leaves and packet.out:
            if says_something(packet, answered):
                numbers[key] = heard + 1
            if packet.kind == "A":
                answered.add(packet.flow)
            if packet.kind in "FR":
                closed.add(packet.flow)
        elif leaves and (packet.payload > 0 or packet.kind == "S"):
            numbers[key] = reached[packet.flow]
        elif packet.out:
            reached[packet.flow] = max(reached[packet.flow], numbers.get(key, 0))
        elif packet.flow not in closed:
            heard = max(heard, numbers.get(key, 0))
    return heard


def octets(packets):
    """What the line carried, headers and acknowledgements included."""
    return sum(packet.size for packet in packets)
