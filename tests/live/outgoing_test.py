# SPDX-License-Identifier: ISC
"""The address that mail comes from, by control/outgoingip and outgoingip6: of
every connection to a mail server, of none to a name server, and never another
one in its place."""

import os
import subprocess
import sys
import time

import messages
from authority import Issuer
from checks import delivered, encrypted, failed
from harness import Skip, Suite, contains, equal
from names import QR, RA, RD, TC, Names
from scripted import DROP, EHLO_STARTTLS, Scripted
from tcptotable import record
from tlsserver import python_tls
from tracing import Trace
from world import run_suite

ONE, TWO, ONE_6, TWO_6 = "192.0.2.10", "192.0.2.11", "2001:db8::10", "2001:db8::11"
# Where the system would never begin a connection to those, and what this
# machine has not.
FROM, FROM_6 = "192.0.2.77", "2001:db8::77"
FOREIGN, FOREIGN_6 = "203.0.113.9", "2001:db9::9"
DNS = "127.0.0.1"
UNCONNECTED = "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n"
STARTTLS = {"EHLO": EHLO_STARTTLS}
BOTH = {"outgoingip": FROM, "outgoingip6": FROM_6}
SOON_S = 5  # of timeoutconnect's 60
suite = Suite()


def foreign(address):
    return f"cannot send from {address}: Address not available"


class Setting:
    def __init__(self, world):
        self.world = world
        self.home = world.home()
        world.resolv_conf(f"nameserver {DNS}\n")
        self.names = Names(world)
        self.issuer = Issuer(world)
        self.leaf = self.issuer.leaf("mx", "DNS:x0.h.example")
        self.counter = 0

    def server(self, address, script=None, upgrade=None):
        if ":" in address and not self.world.has_ipv6:
            raise Skip("no IPv6 here")
        return Scripted(self.world, address, script or {}, upgrade)

    def run(self, *groups, **control):
        """To a name with an exchanger for each group of addresses."""
        self.counter += 1
        host = f"h{self.counter}.example"
        for n, addresses in enumerate(groups):
            self.names.add(f"x{n}.{host}", A=[a for a in addresses if ":" not in a],
                           AAAA=[a for a in addresses if ":" in a])
        self.names.add(host, MX=[(n * 10, f"x{n}.{host}") for n in range(len(groups))])
        return self.to(host, **control)

    def to(self, host, tcpto=None, **control):
        self.home.control(timeoutconnect=60, **control)
        if tcpto is not None:
            with open(self.home.tcpto, "r+b") as file:
                file.write(tcpto)
        self.names.forget()
        return self.home.deliver(host, f"bob@{host}", messages.small())

    def tcpto(self):
        with open(self.home.tcpto, "rb") as file:
            return file.read()


def peers(server):
    return [session.peer for session in server.settle()]


# ---- the address is used

@suite.case
def an_ipv4_address(setting):
    with setting.server(ONE) as server:
        delivered(setting.run([ONE], outgoingip=FROM), ONE)
        equal(peers(server), [FROM])
        equal(setting.names.peers, {DNS})


@suite.case
def an_ipv6_address(setting):
    with setting.server(ONE_6) as server:
        delivered(setting.run([ONE_6], outgoingip6=FROM_6), ONE_6)
        equal(peers(server), [FROM_6])
        equal(setting.names.peers, {DNS})


@suite.case
def each_family_has_its_own(setting):
    with setting.server(ONE) as four, setting.server(ONE_6) as six:
        delivered(setting.run([ONE], [ONE_6], **BOTH), ONE)
        delivered(setting.run([ONE_6], [ONE], **BOTH), ONE_6)
        equal([peers(four), peers(six)], [[FROM], [FROM_6]])


@suite.case
def the_other_family_is_the_systems(setting):
    with setting.server(ONE) as four, setting.server(ONE_6) as six:
        delivered(setting.run([ONE_6], outgoingip=FROM), ONE_6)
        delivered(setting.run([ONE], outgoingip6=FROM_6), ONE)
        assert FROM not in peers(four) and FROM_6 not in peers(six)
        equal([len(peers(four)), len(peers(six))], [1, 1])


@suite.case
def without_one_the_system_chooses(setting):
    with setting.server(ONE) as server:
        delivered(setting.run([ONE]), ONE)
        assert peers(server)[0] not in (FROM, DNS)


@suite.case
def by_address(setting):
    with setting.server(ONE) as server:
        delivered(setting.to(f"[{ONE}]", outgoingip=FROM), ONE)
        delivered(setting.to("d.example", outgoingip=FROM, smtproutes=f":[{ONE}]"), ONE)
        equal(peers(server), [FROM] * 2)


# ---- of every connection of a run

@suite.case
def over_tls(setting):
    with setting.server(ONE, STARTTLS, python_tls(setting.leaf)) as server:
        outcome = setting.run([ONE], outgoingip=FROM, tlsstrictness=0,
                              trustanchors=setting.issuer.bundle)
        encrypted(outcome, "unverified")
        equal(peers(server), [FROM])


def no_tls(connection):
    connection.recv(4096)
    raise OSError("dropped")


@suite.case
def the_second_connection_in_clear(setting):
    with setting.server(ONE, STARTTLS, no_tls) as server:
        outcome = setting.run([ONE], outgoingip=FROM, tlsstrictness=0,
                              trustanchors=setting.issuer.bundle)
        delivered(outcome, ONE)
        equal(peers(server), [FROM] * 2)


@suite.case
def the_second_connection_with_helo(setting):
    with setting.server(ONE, {"EHLO": DROP}) as server:
        delivered(setting.run([ONE], outgoingip=FROM), ONE)
        equal(peers(server), [FROM] * 2)


@suite.case
def the_second_candidate(setting):
    with setting.server(ONE, {"greeting": "554 no"}) as one, setting.server(TWO) as two:
        delivered(setting.run([ONE], [TWO], outgoingip=FROM), TWO)
        equal([peers(one), peers(two)], [[FROM], [FROM]])
    with setting.server(ONE, {"MAIL": DROP}) as one, setting.server(TWO_6) as two:
        delivered(setting.run([ONE], [TWO_6], **BOTH), TWO_6)
        equal([peers(one), peers(two)], [[FROM], [FROM_6]])


@suite.case
def name_servers_see_the_systems(setting):
    """Over TCP as well."""
    setting.names.rule("tcp.example", "*", lambda q: [
        setting.names.healthy(q) if q.tcp else q.reply(flags=QR | RD | RA | TC)])
    setting.names.add("tcp.example", A=[ONE])
    with setting.server(ONE) as server:
        delivered(setting.to("tcp.example", **BOTH), ONE)
        equal(peers(server), [FROM])
    assert {q.tcp for q in setting.names.queries} == {True, False}
    equal(setting.names.peers, {DNS})


@suite.case
def the_port_is_chosen_late(setting):
    """By connect, so that one address serves as many servers as ever."""
    trace = Trace(setting.world, "late")
    with setting.server(ONE):
        setting.home.control(outgoingip=FROM)
        outcome = setting.home.deliver(f"[{ONE}]", f"bob@[{ONE}]", messages.small(),
                                       wrapper=trace.wrapper)
        delivered(outcome, ONE)
        binds = [line for line in trace.calls() if "bind(" in line]
        equal(len(binds), 1)
        contains(binds[0], "htons(0)")
        contains("".join(trace.calls()), "IP_BIND_ADDRESS_NO_PORT, [1], 4) = 0")
    with setting.server(ONE):
        trace = Trace(setting.world, "none")
        setting.home.control()
        outcome = setting.home.deliver(f"[{ONE}]", f"bob@[{ONE}]", messages.small(),
                                       wrapper=trace.wrapper)
        delivered(outcome, ONE)
        equal([line for line in trace.calls() if "bind(" in line], [])


# ---- an address that this machine has not

def table_of(*addresses):
    return b"".join(record(a, 1, int(time.time())) for a in addresses).ljust(1024, b"\0")


def never_there(setting, server_at, named, address):
    """At once, with the text; tcpto is as it was, its count of one failure too."""
    before = table_of(ONE, TWO)
    with setting.server(server_at) as server:
        begin = time.monotonic()
        outcome = setting.run([server_at], tcpto=before, **{named: address})
        assert time.monotonic() - begin < SOON_S
        failed(outcome, "Z", f"{UNCONNECTED}{server_at}: {foreign(address)}\n")
        equal(server.settle(), [])
    equal(setting.tcpto(), before)


suite.add("a_foreign_ipv4_address", never_there, ONE, "outgoingip", FOREIGN)
suite.add("a_foreign_ipv6_address", never_there, ONE_6, "outgoingip6", FOREIGN_6)


@suite.case
def a_candidate_that_fails_clears_its_count(setting):
    """What the case above does not see: of an address of this machine."""
    outcome = setting.run([TWO], tcpto=table_of(TWO), outgoingip=FROM)
    failed(outcome, "Z", f"{UNCONNECTED}{TWO}: Connection refused")
    assert setting.tcpto() != table_of(TWO)


@suite.case
def the_other_family_delivers(setting):
    with setting.server(ONE) as four, setting.server(ONE_6) as six:
        delivered(setting.run([ONE, ONE_6], outgoingip=FOREIGN), ONE_6)
        delivered(setting.run([ONE], [ONE_6], outgoingip=FOREIGN), ONE_6)
        delivered(setting.run([ONE], [ONE_6], outgoingip=FOREIGN, outgoingip6=FROM_6),
                  ONE_6)
        equal(peers(four), [])
        equal(peers(six)[2], FROM_6)
        delivered(setting.run([ONE, ONE_6], outgoingip6=FOREIGN_6), ONE)
        delivered(setting.run([ONE_6], [ONE], outgoingip6=FOREIGN_6, outgoingip=FROM),
                  ONE)
        equal(len(peers(six)), 3)
        equal(peers(four)[1], FROM)


@suite.case
def all_of_the_family_fail(setting):
    with setting.server(ONE) as one, setting.server(TWO) as two:
        failed(setting.run([ONE], [TWO], outgoingip=FOREIGN), "Z",
               f"{UNCONNECTED}{TWO}: {foreign(FOREIGN)}\n")
        equal([peers(one), peers(two)], [[], []])


@suite.case
def the_probe_says_it(setting):
    probe = os.path.join(setting.home.path, "bin/mote-probe")
    os.symlink("qmail-remote", probe)
    with setting.server(ONE) as server:
        for address, want in ((FOREIGN, f"To {ONE}: {foreign(FOREIGN)}"),
                              (FROM, f"To {ONE}: connected")):
            setting.home.control(outgoingip=address)
            run = subprocess.run([probe, f"bob@[{ONE}]"], capture_output=True, text=True,
                                 env={"QMAILHOME": setting.home.path})
            contains(run.stdout, want)
        equal(set(peers(server)), {FROM})


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
