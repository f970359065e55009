# SPDX-License-Identifier: ISC
"""How many questions a delivery asks, and how many at once; and exchangers
behind the best five, which are asked for only when those decided nothing."""

import sys
import threading
import time

from checks import delivered, failed
from harness import Suite, equal
from late_test import HOLE, IPME, MINE, Setting as LateSetting
from names import NXDOMAIN, SERVFAIL, late, rcode
from where_test import CLOSED, ONE, UNCONNECTED
from world import run_suite

BEST_COUNT = 5  # exchangers that are asked for first
BURST_MAX = 15  # questions open at once stay below
ANSWER_S, SETTLE_S = 0.3, 0.1
suite = Suite()


class Setting(LateSetting):
    def exchangers(self, count, preference=lambda n: 10 * n, good=None):
        """A host with so many, refusing connections but for the good one."""
        self.counter += 1
        names = [f"x{n}.c{self.counter}.example" for n in range(count)]
        for n, name in enumerate(names):
            self.names.add(name, A=ONE if n == good else CLOSED[n])
        host = self.host(MX=[(preference(n), name) for n, name in enumerate(names)])
        self.names.forget()
        return host, names

    def questions(self):
        """(name, type) of all that was asked, once no more come in."""
        before, asked = None, self.names.asked()
        while asked != before:
            time.sleep(SETTLE_S)
            before, asked = asked, self.names.asked()
        return [(q.name.lower(), q.type) for q in asked]


def pairs(names):
    return {(name, kind) for name in names for kind in ("A", "AAAA")}


# ---- how many

def count(setting, number):
    """The best one takes the mail."""
    host, names = setting.exchangers(number, good=0)
    delivered(setting.deliver(host), ONE)
    asked = setting.questions()
    equal(len(asked), 3 + 2 * min(number, BEST_COUNT), "questions")
    equal(set(asked), {(host, "MX")} | pairs([host]) | pairs(names[:BEST_COUNT]))


for label, number in (("one", 1), ("two", 2), ("five", 5), ("six", 6), ("twenty", 20)):
    suite.add(f"questions_for_{label}", count, number)


@suite.case
def questions_for_twenty_equal_ones(setting):
    """Which five is left to chance."""
    seen = set()
    for _ in range(6):
        host, names = setting.exchangers(20, preference=lambda n: 10)
        for name in names:
            setting.names.zone[name]["A"] = [ONE]
        delivered(setting.deliver(host), ONE)
        asked = setting.questions()
        equal(len(asked), 3 + 2 * BEST_COUNT, "questions")
        seen.add(frozenset(name.partition(".")[0] for name, _ in asked if name != host))
    assert len(seen) > 1, "the same five of twenty in six runs"


class Meter:
    """A rule that answers after a while, and counts what is open meanwhile."""

    def __init__(self):
        self.lock = threading.Lock()
        self.open = self.most = 0

    def __call__(self, query):
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        yield ANSWER_S
        with self.lock:
            self.open -= 1
        yield query.server.healthy(query)


def burst(setting, number, preference):
    """Nobody takes the mail, so that all are asked for."""
    host, names = setting.exchangers(number, preference)
    meter = Meter()
    for name in (host, *names):
        setting.names.rule(name, "*", meter)
    failed(setting.deliver(host), "Z", UNCONNECTED)
    equal({name for name, _ in setting.questions()}, {host, *names})
    assert meter.most < BURST_MAX, f"{meter.most} questions were open at once"


suite.add("burst_for_twenty", burst, 20, lambda n: 10 * n)
suite.add("burst_for_twenty_equal_ones", burst, 20, lambda n: 10)
suite.add("burst_for_seven", burst, 7, lambda n: 10 * n)


# ---- those behind the best five

def behind(setting, number, good, change=None):
    """Only the good one works. change(setting, host) spoils each other one."""
    host, names = setting.exchangers(number, good=good)
    for name in names[:good]:
        if change:
            change(setting, name)
    delivered(setting.deliver(host), ONE)
    asked = {name for name, _ in setting.questions()}
    assert set(names[:good + 1]) <= asked, asked


for number, good in ((6, 5), (7, 6), (11, 10), (20, 5), (20, 12), (20, 19)):
    suite.add(f"of_{number}_only_number_{good + 1}_works", behind, number, good)


def rule(answer):
    return lambda setting, name: setting.names.rule(name, "*", answer)


def no_address(setting, name):
    setting.names.zone[name] = {"TXT": ["x"]}


SPOILT = {
    "do_not_exist": rule(rcode(NXDOMAIN)),
    "have_no_address": no_address,
    "fail": rule(rcode(SERVFAIL)),
    "are_late": rule(late(ANSWER_S)),
}
for label, change in SPOILT.items():
    suite.add(f"the_sixth_when_the_best_{label}", behind, 8, 5, change)


@suite.case
def the_sixth_is_late(setting):
    for lateness in (0.08, 0.3, 1.0, None):
        _, names = setting.exchangers(5)
        sixth = setting.slow(lateness, A=ONE)
        host = setting.host(MX=[(10, n) for n in names] + [(20, sixth)])
        delivered(setting.deliver(host), ONE)


@suite.case
def the_sixth_when_the_best_are_black_holes(setting):
    """One of them is known by five names, so that it is tried once."""
    names = [setting.host(A=HOLE) for _ in range(5)]
    host = setting.host(MX=[(10, n) for n in names] + [(20, "one.example")])
    delivered(setting.deliver(host, {"timeoutconnect": 5}), ONE)


@suite.case
def the_sixth_is_this_machine(setting):
    """Those behind it are not for us, whichever answer comes first."""
    for lateness in (0.0, 0.08, 0.3):
        _, names = setting.exchangers(5)
        mine = setting.slow(lateness, A=MINE)
        host = setting.host(MX=[(10, n) for n in names]
                            + [(20, mine), (30, "one.example"), (20, "two.example")])
        failed(setting.deliver(host, IPME), "Z", UNCONNECTED)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
