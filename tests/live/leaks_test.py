# SPDX-License-Identifier: ISC
"""The search for secrets finds one that is planted, wherever it is said."""

import base64
import socket
import struct
import sys

from harness import Suite, contains
from leaks import Leaks
from names import Names, wire_name
from world import listener, run_suite

SECRET = b"correct-Horse.battery|staple"
ADDRESS, PORT = "192.0.2.10", 2525
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        self.names = Names(world)


def complaint(check):
    try:
        check()
    except AssertionError as why:
        return str(why)
    raise AssertionError("nothing was found")


def say(*parts):
    """On a connection, a part a packet."""
    with listener(ADDRESS, PORT) as server:
        with socket.create_connection((ADDRESS, PORT)) as client:
            peer, _ = server.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with peer:
                for part in parts:
                    client.sendall(part)
                    peer.recv(1 << 16)


def ask(name, tcp=False):
    message = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + wire_name(name) + b"\0\1\0\1"
    if tcp:
        with socket.create_connection(("127.0.0.1", 53)) as client:
            client.sendall(struct.pack("!H", len(message)) + message)
            client.recv(1 << 16)
    else:
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", 53))
            client.send(message)
            client.recv(1 << 16)


def on_a_wire(_setting, *parts):
    with Leaks(SECRET) as leaks:
        say(*parts)
    contains(complaint(leaks.none), f"is in the wire to port {PORT}")
    leaks.clear(SECRET)


suite.add("finds_it_raw", on_a_wire, b"PASS " + SECRET + b"\r\n")
suite.add("finds_it_in_two_packets", on_a_wire, b"x" + SECRET[:9], SECRET[9:] + b"\r\n")
for before in range(3):
    for behind in range(3):
        text = base64.b64encode(b"u" * before + SECRET + b"v" * behind)
        suite.add(f"finds_it_in_base64_{before}_{behind}", on_a_wire,
                  b"AUTH PLAIN " + text + b"\r\n")


def in_a_question(_setting, tcp):
    with Leaks(SECRET) as leaks:
        ask("r.example|user|" + SECRET.decode().upper(), tcp)
    contains(complaint(leaks.none), "is in a question")


suite.add("finds_it_in_a_question", in_a_question, False)
suite.add("finds_it_in_a_question_by_tcp", in_a_question, True)


@suite.case
def finds_it_in_print(_setting):
    for text in (b"Z535 " + SECRET, b"Z535 " + base64.b64encode(b"\0me\0" + SECRET)):
        with Leaks(SECRET) as leaks:
            leaks.printed(b"nothing", text)
        contains(complaint(leaks.none), "is in what was printed")


@suite.case
def finds_nothing_where_nothing_is(_setting):
    with Leaks(SECRET) as leaks:
        leaks.printed("Z535 ***")
        ask("r.example")
        say(b"AUTH PLAIN " + base64.b64encode(SECRET[::-1]) + b"\r\n")
    leaks.none()
    contains(complaint(lambda: leaks.clear(SECRET)), "not in clear on any wire")


@suite.case
def knows_octets_above_0x7f(_setting):
    with Leaks(b"pass\xff\xfeword that goes on") as leaks:
        leaks.printed(b"Zpass??word that goes on")
    contains(complaint(leaks.none), "is in what was printed")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
