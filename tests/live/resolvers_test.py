# SPDX-License-Identifier: ISC
"""Slow answers, of a real resolver that drops what comes too late for a
question (Unbound as Debian ships it), and of one that only takes its time: none
is lost."""

import sys
import threading
import time

import messages
from checks import delivered
from harness import Suite, equal
from nameserver import UNBOUND_AS_SHIPPED, Resolved, Unbound
from names import Names, late
from scripted import Scripted
from world import free_port, run_suite

ADDRESS, SLOW = "192.0.2.10", "192.0.2.53"
SLACK_S = 3
# When a name server that says nothing is asked: at the beginning of each round, and
# 3 s into those of 5 s.
ASKED_S = (0, 1, 3, 6, 10, 13, 15, 18, 20, 23, 25, 28, 30)
CLOCK_S = 1  # how much its clock and ours may differ
HEARD_S = 2  # of the next question: what is known at 17 s is heard before 20
# Of one that is silent Unbound gives up after some ten seconds.
AUTHORITIES = [f"127.0.0.{n}" for n in range(1, 6)]
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        self.home = world.home()
        self.home.control(timeoutdns=None)
        self.server = Scripted(world, ADDRESS)
        port = free_port()
        all_of_them = [Names(world, a, port) for a in AUTHORITIES]
        self.authority = all_of_them[0]
        self.authority.add("ns.example", A="192.0.2.1").add("mx.example", A=ADDRESS)
        for other in all_of_them:
            other.zone, other.rules = self.authority.zone, self.authority.rules
        lines = "".join(f"    stub-addr: {a}@{port}\n" for a in AUTHORITIES[1:])
        self.unbound = Unbound(world, self.authority, text=UNBOUND_AS_SHIPPED + lines)
        self.slow = Names(world, SLOW)
        self.slow.add("mx.example", A=ADDRESS)

    def deliver_all(self, hosts, conf):
        """Side by side: the outcomes, and how long each took."""
        self.world.resolv_conf(conf)
        self.took_s, outcomes = {}, {}
        began = time.monotonic()
        runs = {h: self.home.start(h, f"bob@{h}", messages.small()) for h in hosts}

        def wait(host):
            outcomes[host] = runs[host].finish()
            self.took_s[host] = time.monotonic() - began

        threads = [threading.Thread(target=wait, args=(h,)) for h in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes


def silent_for(seconds, told):
    """Nothing before `seconds` after the first question; then the usual answer.
    `told`: when that was, after the first question."""
    begun = []

    def act(query):
        begun.append(query.time)
        age = query.time - begun[0]
        if age < seconds:
            return []
        told.append(age)
        return [query.server.healthy(query)]

    return act


@suite.case
def unbound_that_knows_late(setting):
    """It has the answer after 3, 6 and 17 s or, as it asks silent servers more and more
    seldom, some seconds later, and tells those only who asked within the last two. So it
    is asked again and again, and heard as soon as it knows."""
    told = {}
    for seconds in (3, 6, 17):
        host = f"known{seconds}.example"
        told[host] = []
        setting.authority.add(host, MX=(10, "mx.example"))
        setting.authority.rule(host, "MX", silent_for(seconds, told[host]))
    outcomes = setting.deliver_all(told, "nameserver 127.0.0.1\n")
    for host, ages in told.items():
        delivered(outcomes[host], ADDRESS)
        assert ages, f"{host}: nothing was ever told"
        took = setting.took_s[host]
        asked = [q.lower() for q in setting.unbound.queries()].count(f"{host}. mx")
        print(f"# {host}: known after {ages[0]:.1f} s, delivered after {took:.1f} s, "
              f"asked {asked} times")
        following = min(t for t in ASKED_S if t >= ages[0])
        assert took < following + HEARD_S, f"{host}: {took:.1f} s"
        few, many = (sum(t < took + d for t in ASKED_S) for d in (-CLOCK_S, CLOCK_S))
        assert few <= asked <= many, f"{host}: {asked}, not {few} to {many}"


def lost_once():
    count = []

    def act(query):
        count.append(query)
        return [] if len(count) == 1 else [query.server.healthy(query)]

    return act


@suite.case
def resolved_that_knows_late(setting):
    """systemd-resolved, whose server is quick, slow, and once silent."""
    Resolved(setting.world, setting.authority.port)
    ends = {}
    for number, rule in enumerate((late(0.0), late(0.9), late(3.0), late(6.0),
                                    lost_once())):
        host = f"resolved{number}.example"
        ends[host] = 15
        setting.authority.add(host, MX=(10, "mx.example"))
        setting.authority.rule(host, "MX", rule)
    outcomes = setting.deliver_all(ends, f"nameserver {Resolved.ADDRESS}\n")
    for host, end in ends.items():
        delivered(outcomes[host], ADDRESS)
        took = setting.took_s[host]
        print(f"# {host}: delivered after {took:.1f} s")
        assert took < end, f"{host}: {took:.1f} s"


@suite.case
def answers_that_take_their_time(setting):
    """Of a server that forgets no question: no later than they come. With the
    options that are glibc's own defaults, which once cut the schedule."""
    delays = (0.9, 2.5, 4.5, 8.0, 12.5)
    hosts = [f"late{n}.example" for n in range(len(delays))]
    for host, delay in zip(hosts, delays):
        setting.slow.add(host, MX=(10, "mx.example"))
        setting.slow.rule(host, "MX", late(delay))
    outcomes = setting.deliver_all(
        hosts, f"nameserver {SLOW}\noptions timeout:5 attempts:2\n")
    for host, delay in zip(hosts, delays):
        delivered(outcomes[host], ADDRESS)
        took = setting.took_s[host]
        assert delay <= took < delay + SLACK_S, f"{host}: {took:.1f} s"


@suite.case
def no_option_makes_it_give_up(setting):
    """One try of one second, says resolv.conf. The question is put again and
    again: first with EDNS, then by one packet, from one port."""
    host = "patient.example"
    setting.slow.add(host, MX=(10, "mx.example"))
    setting.slow.rule(host, "MX", late(7.5))
    outcomes = setting.deliver_all(
        [host], f"nameserver {SLOW}\noptions timeout:1 attempts:1\n")
    delivered(outcomes[host], ADDRESS)
    asked = setting.slow.asked(host, "MX")
    equal([q.edns for q in asked], [True, False, False, False])
    equal(len({q.id for q in asked[1:]}), 1, "ids")
    assert asked[0].id != asked[1].id
    equal({q.name for q in asked[1:]}, {host})


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
