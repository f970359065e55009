# SPDX-License-Identifier: ISC
"""A name server that is asked only because the first one took its time may know
a part of the world: its "no" waits, its answers do not."""

import sys
import time

import messages
from checks import delivered, failed
from harness import Suite, equal
from nameserver import SilentServer
from names import NXDOMAIN, REFUSED, SERVFAIL, Names, late, rcode, silent, soa
from scripted import Scripted
from world import run_suite

ADDRESS = "192.0.2.10"
PUBLIC, INSIDE, THIRD = "127.0.0.1", "192.0.2.53", "192.0.2.54"
SILENT, CLOSED = "192.0.2.55", "192.0.2.56"
NO_HOST = "Sorry, I couldn't find any host named {}. (#5.1.2)\n"
NO_EXCHANGER = "Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)\n"
suite = Suite()


def knows_nothing(query):
    return [query.reply(rcode=NXDOMAIN, authority=[soa()])]


def has_nothing(query):
    return [query.reply(authority=[soa()])]


class Setting:
    def __init__(self, world):
        self.world = world
        self.home = world.home()
        self.server = Scripted(world, ADDRESS)
        self.public, self.inside, self.third = (
            Names(world, a) for a in (PUBLIC, INSIDE, THIRD))
        SilentServer(world, SILENT)
        for names in (self.public, self.third):
            names.add("mx.example", A=ADDRESS)
        self.counter = 0

    def host(self, say=None, inside=knows_nothing):
        """A new host that the public servers know; `say`: how the first one
        says so of it and of its exchanger."""
        self.counter += 1
        name, mx = f"h{self.counter}.example", f"mx{self.counter}.example"
        for names in (self.public, self.third):
            names.add(name, MX=(10, mx)).add(mx, A=ADDRESS)
        for each in (name, mx):
            self.inside.rule(each, "*", inside)
            if say:
                self.public.rule(each, "*", say)
        return name

    def deliver(self, host, *servers):
        self.world.resolv_conf("".join(f"nameserver {s}\n" for s in servers))
        self.home.control()
        began = time.monotonic()
        outcome = self.home.deliver(host, f"bob@{host}", messages.small())
        self.took_s = time.monotonic() - began
        return outcome


for label, no in (("nxdomain", knows_nothing), ("nodata", has_nothing)):
    def a_slow_first_server(setting, no=no):
        delivered(setting.deliver(setting.host(late(0.45), no), PUBLIC, INSIDE), ADDRESS)
        delivered(setting.deliver(setting.host(late(0.45), no), PUBLIC, INSIDE, THIRD),
                  ADDRESS)

    suite.add(f"a_slow_first_server_and_{label}_of_the_second", a_slow_first_server)


@suite.case
def a_third_server_knows(setting):
    """The first is dead, the second knows the inside only."""
    for dead in (SILENT, CLOSED):
        host = setting.host()
        outcome = setting.deliver(host, dead, INSIDE, THIRD)
        if dead == SILENT:
            delivered(outcome, ADDRESS)
        else:  # it has failed: the second stands in its place
            failed(outcome, "D", NO_HOST.format(host))


@suite.case
def a_hedge_may_bounce(setting):
    """If those before it are dead, fail, refuse, or had their share."""
    for first in (SILENT, CLOSED):
        host = setting.host()
        failed(setting.deliver(host, first, INSIDE), "D", NO_HOST.format(host))
        assert setting.took_s < 5, setting.took_s
        host = setting.host(inside=has_nothing)
        failed(setting.deliver(host, first, first, INSIDE), "D", NO_EXCHANGER)
        assert setting.took_s < 5, setting.took_s
    for say in (rcode(SERVFAIL), rcode(REFUSED), silent):
        host = setting.host(say)
        failed(setting.deliver(host, PUBLIC, INSIDE), "D", NO_HOST.format(host))
        assert setting.took_s < 5, setting.took_s


@suite.case
def the_first_server_may_bounce_at_once(setting):
    host = setting.host()
    failed(setting.deliver(host, INSIDE, PUBLIC), "D", NO_HOST.format(host))
    equal(setting.public.asked(host), [])


@suite.case
def an_answer_of_a_hedge_counts_at_once(setting):
    host = setting.host(silent)
    delivered(setting.deliver(host, PUBLIC, THIRD), ADDRESS)
    assert setting.took_s < 2, setting.took_s
    # who answered is asked first for what comes next
    mx = host.replace("h", "mx", 1)
    equal(len(setting.public.asked(host, "MX")), 1)
    equal(setting.public.asked(mx), [])


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
