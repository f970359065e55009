# SPDX-License-Identifier: ISC
"""How long a run may last: in a pass no session begins later than timeoutremote
after its first one began, so that a run takes that and one session."""

import sys
import time

import messages
from authority import Issuer
from checks import delivered, failed
from harness import Suite, equal
from names import Names
from scripted import DROP, EHLO_STARTTLS, Scripted
from tlsserver import python_tls
from world import run_suite

ADDRESSES = [f"192.0.2.{n}" for n in range(20, 25)]
HOST = "five.example"
TIMEOUT_S = 2
PART_S = 1.2  # a reply: in time, and so are its parts
LATE_S = TIMEOUT_S + 1.5  # after the first session; what a busy machine adds
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        world.resolv_conf("nameserver 127.0.0.1\n")
        names = Names(world)
        for n, address in enumerate(ADDRESSES):
            names.add(f"mx{n}.example", A=address)
        names.add(HOST, MX=[(10 * n, f"mx{n}.example") for n in range(len(ADDRESSES))])
        issuer = Issuer(world)
        self.bundle = issuer.bundle
        self.good = python_tls(issuer.leaf("mx", "DNS:mx.example"))
        self.home = world.home()

    def run(self, scripts, **control):
        """The outcome, and when each session began in which something was said,
        after the first."""
        self.home.control(timeoutremote=TIMEOUT_S, **control)
        servers = [Scripted(self.world, a, s, self.good)
                   for a, s in zip(ADDRESSES, scripts)]
        began = time.monotonic()
        try:
            outcome = self.home.deliver(HOST, f"bob@{HOST}", messages.small())
            self.seconds = time.monotonic() - began
            sessions = [s for server in servers for s in server.settle()]
        finally:
            for server in servers:
                server.close()
        begun = sorted(s.began for s in sessions if s.commands)
        return outcome, [when - min(s.began for s in sessions) for when in begun]


def drips(code):
    """A whole reply, a piece now and then."""
    piece = PART_S / 4
    return (f"{code}-x\r\n".encode(), piece, f"{code}-y\r\n".encode(), piece,
            f"{code} ".encode(), 2 * piece, b"z\r\n")


# Ends without a verdict, after as long as it can; longer than timeoutremote.
SLOW = {"greeting": drips(220), "EHLO": drips(250), "MAIL": drips(250),
        "RCPT": drips(250), "DATA": (PART_S, DROP)}
SESSION_S = 5 * PART_S
REFUSING = {"MAIL": "421 not now"}


def dripping(setting, scripts, count):
    """So many sessions, and none of them begun late."""
    outcome, begun = setting.run(scripts)
    failed(outcome, "Z")
    assert begun[-1] < LATE_S, f"a session began {begun[-1]:.1f} s after the first"
    equal(len(begun), count, "sessions")
    assert setting.seconds < 2 * (TIMEOUT_S + SESSION_S), setting.seconds


suite.add("all_five_drip", dripping, [SLOW] * 5, 1)
suite.add("the_second_drips", dripping, [REFUSING, *[SLOW] * 4], 2)
suite.add("the_fifth_drips", dripping, [REFUSING] * 4 + [SLOW], 5)


@suite.case
def all_five_are_silent(setting):
    outcome, _ = setting.run([{"greeting": (3.0 * TIMEOUT_S, DROP)}] * 5)
    failed(outcome, "Z")
    assert setting.seconds < 2 * TIMEOUT_S + 1, setting.seconds


@suite.case
def all_five_drip_at_strictness_1(setting):
    """Each of the two passes has its time."""
    outcome, begun = setting.run([SLOW] * 5, tlsstrictness=1,
                                 trustanchors=setting.bundle)
    failed(outcome, "Z")
    assert len(begun) <= 10, begun
    assert begun[-1] < 2 * LATE_S + SESSION_S, begun
    assert setting.seconds < 2 * (TIMEOUT_S + SESSION_S) + LATE_S, setting.seconds


@suite.case
def a_session_may_take_longer_than_that(setting):
    """Only its beginning is bounded: who drips and takes the mail has it."""
    slow = {**SLOW, "DATA": drips(354), ".": drips(250)}
    outcome, begun = setting.run([slow])
    delivered(outcome, ADDRESSES[0])
    equal(len(begun), 1)
    assert setting.seconds > SESSION_S, setting.seconds


@suite.case
def the_repeat_in_clear_belongs_to_its_session(setting):
    """The handshake took all the time there was: the mail goes all the same."""
    def hang(connection):
        connection.settimeout(4 * TIMEOUT_S)
        while connection.recv(4096):
            pass
        raise OSError("hung")

    server = Scripted(setting.world, ADDRESSES[0], {"EHLO": EHLO_STARTTLS}, hang)
    try:
        setting.home.control(timeoutremote=TIMEOUT_S, trustanchors=setting.bundle)
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small())
        sessions = server.settle()
    finally:
        server.close()
    delivered(outcome, ADDRESSES[0])
    equal([s.verbs()[1] for s in sessions], ["STARTTLS", "MAIL"])


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
