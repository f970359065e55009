# SPDX-License-Identifier: ISC
"""Answers that come late, or after their first question was lost: a run does
not end undecided while they are on their way, and one that is decided does not
wait for them."""

import functools
import sys
import time

import messages
from checks import delivered, failed
from harness import Suite, equal
from names import late, silent
from scripted import DROP, Scripted
from where_test import (CLOSED, CLOSED_6, ONE, OWN, TWO, UNCONNECTED,
                        Setting as WhereSetting, need_ipv6)
from world import full_listener, run_suite

BACKUP_6 = "2001:db8::11"
GREETS, CLOSES, HOLE, HOLE_6 = ("192.0.2.31", "192.0.2.32", "192.0.2.33",
                                "2001:db8::33")
NOWHERE, NOWHERE_6 = "203.0.113.1", "2001:db9::1"
MINE, MINE_6 = "192.0.2.40", "2001:db8::40"
IPME = {"ipme": f"{MINE}\n{MINE_6}"}
DOWN = {"refuses": CLOSED[0], "black_hole": HOLE, "greets_with_554": GREETS,
        "closes": CLOSES}
# Seconds; None: the first datagram of each question is lost.
LATENESS = (0.0, 0.03, 0.08, 0.3, 1.0, None)
# Far above what a delivery takes, far below any wait that must not be.
AT_ONCE_S, NO_TIMEOUT_S = 2, 20
PATIENT = {"timeoutconnect": 40}
suite = Suite()


class Setting(WhereSetting):
    def __init__(self, world):
        super().__init__(world)
        Scripted(world, GREETS, {"greeting": "554 5.3.2 not today"})
        Scripted(world, CLOSES, {"greeting": DROP})
        full_listener(world, HOLE)
        if world.has_ipv6:
            full_listener(world, HOLE_6)
            Scripted(world, BACKUP_6)

    def slow(self, lateness, kinds=("A", "AAAA"), **records):
        """A new name whose answers of these kinds come late."""
        host = self.host(**records)
        for kind in kinds:
            self.names.rule(host, kind, lost() if lateness is None else late(lateness))
        return host

    def together(self, hosts, control=None):
        """Deliveries to all of them at once: their outcomes, and how long the
        last one took."""
        self.home.control(**{**PATIENT, **(control or {})})
        began = time.monotonic()
        runs = [self.home.start(h, f"bob@{h}", messages.small()) for h in hosts]
        outcomes = [run.finish() for run in runs]
        self.seconds = time.monotonic() - began
        return outcomes


def lost():
    """Nothing for the first question, then the usual answers."""
    count = []

    def act(query):
        count.append(1)
        return [query.server.healthy(query)] if len(count) > 1 else []

    return act


def three_tries(case):
    """Once more if a machine that is busy was too slow."""
    @functools.wraps(case)
    def run(*args):
        for _ in range(2):
            try:
                return case(*args)
            except AssertionError:
                pass
        return case(*args)
    return run


def all_delivered(setting, labelled, control=None):
    """labelled: (host, addresses, what it is); to all of them at once."""
    outcomes = setting.together([host for host, _, _ in labelled], control)
    for (_, addresses, label), outcome in zip(labelled, outcomes):
        equal(outcome.letter, "K", f"{label}: {outcome.text}")
        assert outcome.message.startswith(tuple(f"K{a} " for a in addresses)), \
            outcome.message
    assert setting.seconds < NO_TIMEOUT_S, f"{setting.seconds:.1f} s"


def named(lateness):
    return "lost once" if lateness is None else f"{lateness} s late"


# ---- the best exchanger is down, its backup's addresses come late

BACKUPS = {"A": {"A": TWO}, "AAAA": {"AAAA": BACKUP_6},
           "both": {"A": TWO, "AAAA": BACKUP_6}}


def down(setting, address, preference):
    """The backup has an address of either family, or of both."""
    need_ipv6(setting)
    best, labelled = setting.host(A=address), []
    for label, records in BACKUPS.items():
        for lateness in LATENESS:
            backup = setting.slow(lateness, tuple(records), **records)
            host = setting.host(MX=[(10, best), (preference, backup)])
            labelled.append((host, tuple(records.values()),
                             f"{label} {named(lateness)}"))
    all_delivered(setting, labelled)


for how, where in DOWN.items():
    suite.add(f"best_{how}_backup_late", down, where, 20)
    suite.add(f"equal_{how}_other_late", down, where, 10)


@suite.case
def one_after_the_other_is_late_and_down(setting):
    labelled = []
    for lateness in LATENESS:
        best = setting.slow(0.08, A=CLOSED[0])
        second = setting.slow(lateness, A=GREETS)
        third = setting.slow(lateness, A=CLOSED[1])
        fourth = setting.slow(1.3, A=ONE)
        host = setting.host(MX=[(10, best), (20, second), (30, third), (40, fourth)])
        labelled.append((host, (ONE,), named(lateness)))
    all_delivered(setting, labelled)


# ---- one family is dead, the other one's answer comes late

DEAD = {"unreachable": (NOWHERE, NOWHERE_6), "refused": (CLOSED[0], CLOSED_6[0]),
        "black_hole": (HOLE, HOLE_6)}


def family(setting, dead, live):
    """The dead address comes first, of an exchanger, a host without one, or a
    relay. It costs no timeoutconnect either."""
    need_ipv6(setting)
    kind = "AAAA" if ":" in live else "A"
    records = {kind: live, "A" if ":" in live else "AAAA": dead}
    labelled, routes = [], []
    for lateness in LATENESS:
        made = [setting.slow(lateness, (kind,), **records) for _ in range(3)]
        routed = setting.host(MX=(10, "gone.example"))
        routes.append(f"{routed}:{made[2]}")
        labelled += [(setting.host(MX=(10, made[0])), (live,), f"mx {named(lateness)}"),
                     (made[1], (live,), f"host {named(lateness)}"),
                     (routed, (live,), f"relay {named(lateness)}")]
    all_delivered(setting, labelled, {"smtproutes": "\n".join(routes)})


for how, (four, six) in DEAD.items():
    suite.add(f"ipv6_{how}_ipv4_late", family, six, ONE)
    suite.add(f"ipv4_{how}_ipv6_late", family, four, BACKUP_6)


@suite.case
def relay_ours_in_one_family_late_in_the_other(setting):
    need_ipv6(setting)
    labelled, routes = [], []
    for lateness in LATENESS:
        relay = setting.slow(lateness, ("A",), A=ONE, AAAA=MINE_6)
        routed = setting.host(MX=(10, "gone.example"))
        routes.append(f"{routed}:{relay}")
        labelled.append((routed, (ONE,), named(lateness)))
    all_delivered(setting, labelled, {**IPME, "smtproutes": "\n".join(routes)})


# ---- an address of our own among them: it cuts, whichever answer came first

def ours(setting, make, letter, text):
    need_ipv6(setting)
    before = [len(s.sessions) for s in setting.servers.values()]
    for outcome in setting.together([make(setting, l) for l in LATENESS], IPME):
        failed(outcome, letter, text)
    equal([len(s.sessions) for s in setting.servers.values()], before, "sessions")


def mine(setting, lateness, kind="A"):
    return setting.slow(lateness, A=MINE if kind == "A" else [],
                        AAAA=MINE_6 if kind == "AAAA" else [])


def beside(kind, preference):
    """Ours at 20, a good one that is known at once."""
    return lambda s, l: s.host(MX=[(20, mine(s, l, kind)), (preference, "two.example")])


for kind in ("A", "AAAA"):
    suite.add(f"ours_late_{kind.lower()}_equal_known", ours, beside(kind, 20), "D", OWN)
    suite.add(f"ours_late_{kind.lower()}_worse_known", ours, beside(kind, 30), "D", OWN)
suite.add("ours_late_equal_down", ours,
          lambda s, l: s.host(MX=[(20, mine(s, l)), (20, s.host(A=CLOSED[0])),
                                  (20, "two.example")]), "D", OWN)


@suite.case
def ours_late_behind_the_best_that_is_down(setting):
    """What is better than ours was tried; what is worse is not."""
    ours(setting, lambda s, l: s.host(MX=[
        (10, s.host(A=CLOSED[0])), (20, mine(s, l)), (30, "two.example")]),
         "Z", UNCONNECTED)


# ---- what is decided waits for nothing

ENDLESS = {"worse": 20, "equal": 10}


@three_tries
def decided(setting, script, letter, preference, control=None):
    """The other exchanger's look-up never ends."""
    endless = setting.host()
    setting.names.rule(endless, "*", silent)
    setting.home.control(**(control or {}))
    host = setting.host(MX=[(10, "best.example"), (preference, endless)])
    setting.names.add("best.example", A="192.0.2.41")
    with Scripted(setting.world, "192.0.2.41", script):
        outcome = setting.together([host], control)[0]
    equal(outcome.letter, letter, outcome.text)
    assert setting.seconds < AT_ONCE_S, setting.seconds


for label, preference in ENDLESS.items():
    suite.add(f"accepted_{label}_one_never_ends", decided, {}, "K", preference)
    for name, script, letter in (
        ("recipient_refused", {"RCPT": "550 no"}, "D"),
        ("sender_deferred", {"MAIL": "450 later"}, "Z"),
        ("message_refused", {".": "554 no"}, "D"),
        ("died_after_the_end", {".": DROP}, "Z"),
    ):
        suite.add(f"{name}_{label}_one_never_ends", decided, script, letter, preference)
suite.add("accepted_ipme_worse_one_never_ends", decided, {}, "K", 20, IPME)


@suite.case
@three_tries
def the_second_family_never_ends(setting):
    need_ipv6(setting)
    for kind, records, address in (("AAAA", {"A": ONE}, ONE),
                                   ("A", {"AAAA": BACKUP_6}, BACKUP_6)):
        name = setting.host(**records)
        setting.names.rule(name, kind, silent)
        for host in (name, setting.host(MX=(10, name))):
            delivered(setting.together([host])[0], address)
            assert setting.seconds < AT_ONCE_S, setting.seconds


@suite.case
def undecided_waits_no_longer_than_timeoutdns(setting):
    endless = setting.host()
    setting.names.rule(endless, "*", silent)
    for address in (CLOSED[0], GREETS):
        host = setting.host(MX=[(10, setting.host(A=address)), (20, endless)])
        failed(setting.together([host], {"timeoutdns": 3})[0], "Z")
        assert setting.seconds < NO_TIMEOUT_S, setting.seconds


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
