# SPDX-License-Identifier: ISC
"""Exchangers that share an address, and exchangers that are addresses in the
dress of a name: which name a certificate is held against, and how often one
address is asked."""

import sys

import messages
from aiosmtp import server_context
from authority import Issuer
from checks import delivered, encrypted, failed
from harness import Suite, equal
from names import Names
from scripted import EHLO_STARTTLS, Scripted
from tlsserver import python_tls
from world import run_suite

ADDRESS, OTHER = "192.0.2.10", "192.0.2.11"
FIRST, SECOND, THIRD = (f"mx{n}.dest.example" for n in (1, 2, 3))
REFUSED = "but its certificate was refused: "
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.names = names = Names(world)
        for name in (FIRST, SECOND, THIRD):
            names.add(name, A=ADDRESS)
        names.add("dest.example", MX=[(10, FIRST), (20, SECOND), (30, THIRD)])
        names.add("equal.example", MX=[(10, FIRST), (10, SECOND), (10, THIRD)])
        names.add("dress.example", MX=(10, ADDRESS))
        names.add("both.example", MX=[(10, FIRST), (20, ADDRESS)])
        self.issuer = Issuer(world)
        self.leaves = {name: self.issuer.leaf(name, f"DNS:{name}")
                       for name in (FIRST, SECOND, THIRD, "other.example")}
        self.leaves[ADDRESS] = self.issuer.leaf("address", f"IP:{ADDRESS}")
        self.leaves[OTHER] = self.issuer.leaf("address2", f"IP:{OTHER}")
        self.home = world.home()

    def run(self, certificate, strictness, host="dest.example"):
        """The outcome, the sessions, and the names the client asked for."""
        self.home.control(trustanchors=self.issuer.bundle, tlsstrictness=strictness)
        context = server_context(self.leaves[certificate])
        asked = []
        context.sni_callback = lambda _socket, name, _context: asked.append(name)
        with Scripted(self.world, ADDRESS, {"EHLO": EHLO_STARTTLS},
                      python_tls(None, context)) as server:
            outcome = self.home.deliver(host, f"bob@{host}", messages.small())
            sessions = server.settle()
        return outcome, sessions, asked


def proved(setting, name, host, runs=1):
    """The certificate has one of the names: the mail goes, and to none of the
    others before."""
    for _ in range(runs):
        outcome, sessions, asked = setting.run(name, 2, host)
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified")
        equal(asked[-1], name)
        equal(len(asked), len(set(asked)), "names asked for")
        equal(["MAIL" in s.verbs() for s in sessions],
              [False] * (len(sessions) - 1) + [True])
        assert all("MAIL" not in s.clear_verbs() for s in sessions)


for label, name in (("first", FIRST), ("second", SECOND), ("third", THIRD)):
    suite.add(f"certificate_of_the_{label}_of_three", proved, name, "dest.example")
suite.add("certificate_of_one_of_three_equals", proved, SECOND, "equal.example", 8)


@suite.case
def certificate_of_none_of_three(setting):
    """Once for each name, no more."""
    outcome, sessions, asked = setting.run("other.example", 2)
    failed(outcome, "Z", REFUSED)
    equal(sorted(asked), [FIRST, SECOND, THIRD])
    equal(len(sessions), 3)
    assert all("MAIL" not in s.verbs() for s in sessions)


def once(setting, strictness, script):
    """Below proof the name makes no difference."""
    setting.home.control(trustanchors=setting.issuer.bundle, tlsstrictness=strictness)
    for host in ("dest.example", "equal.example"):
        with Scripted(setting.world, ADDRESS, script,
                      python_tls(setting.leaves[FIRST])) as server:
            outcome = setting.home.deliver(host, f"bob@{host}", messages.small())
            equal(outcome.letter, "Z", outcome.text)
            equal(len(server.settle()), 1, "sessions")


suite.add("below_proof_it_is_tried_once", once, 0, {"greeting": "554 no"})
suite.add("below_proof_it_is_tried_once_over_tls", once, 0,
          {"EHLO": EHLO_STARTTLS, "tls MAIL": "421 no"})
suite.add("at_1_it_is_tried_once_over_tls", once, 1,
          {"EHLO": EHLO_STARTTLS, "tls MAIL": "421 no"})


# ---- `MX 10 192.0.2.10.`

def in_dress(setting, certificate, strictness, verify):
    outcome, _, asked = setting.run(certificate, strictness, "dress.example")
    delivered(outcome, ADDRESS)
    encrypted(outcome, verify)
    assert not [name for name in asked if name], asked


suite.add("address_in_dress_at_0", in_dress, FIRST, 0, "unverified")
suite.add("address_in_dress_at_2", in_dress, ADDRESS, 2, "verified")


@suite.case
def address_in_dress_with_another_certificate(setting):
    for name in (FIRST, OTHER):
        outcome, sessions, _ = setting.run(name, 2, "dress.example")
        failed(outcome, "Z", REFUSED)
        assert all("MAIL" not in s.verbs() for s in sessions)


@suite.case
def name_and_address_in_dress(setting):
    """The second of them is what the certificate proves."""
    outcome, _, _ = setting.run(ADDRESS, 2, "both.example")
    delivered(outcome, ADDRESS)
    encrypted(outcome, "verified")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
