# SPDX-License-Identifier: ISC
"""Where rules meet: what is late beside what is skipped or refused, flights that
were not liked beside TLS that fails, and one repetition behind another."""

import sys
import time

import messages
from authority import Issuer
from checks import delivered, encrypted, failed
from harness import Suite, equal
from late_test import GREETS, LATENESS, Setting as LateSetting, lost, three_tries
from names import NXDOMAIN, SERVFAIL, late, rcode, record
from scripted import DROP, EHLO_STARTTLS, Scripted
from tcptotable import record as tcpto_record
from tlsfaults import drop
from tlsserver import python_tls
from where_test import CLOSED, ONE, TWO, UNCONNECTED
from world import run_suite

AT, OTHER = "192.0.2.20", "192.0.2.21"
MANY = [f"192.0.2.{n}" for n in range(20, 27)]
FLIGHT = "250-x\r\n250-PIPELINING\r\n250 8BITMIME"
SECURE_FLIGHT = {"EHLO": EHLO_STARTTLS, "tls EHLO": FLIGHT}
CLEAR_FLIGHT = "250-x\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 8BITMIME"
SESSION_COUNT_MAX = 5
suite = Suite()


class Setting(LateSetting):
    def __init__(self, world):
        super().__init__(world)
        self.issuer = Issuer(world)
        self.good = python_tls(self.issuer.leaf("mx", f"IP:{AT}"))

    def secure(self, strictness, scripts, upgrades):
        """One server by its address; upgrades: one for each STARTTLS, the last
        repeats. The outcome and the sessions."""
        left = list(upgrades)

        def upgrade(connection):
            return (left.pop(0) if len(left) > 1 else left[0])(connection)

        self.home.control(tlsstrictness=strictness, trustanchors=self.issuer.bundle)
        with Scripted(self.world, AT, scripts, upgrade) as server:
            outcome = self.home.deliver(f"[{AT}]", f"bob@[{AT}]", messages.small())
            return outcome, server.settle()

    def one(self, host, **control):
        return self.together([host], control)[0]


# ---- what is late

@suite.case
def the_exchangers_are_late(setting):
    """The host's own address is there at once, and is not where mail goes."""
    for lateness in LATENESS:
        host = setting.slow(lateness, ("MX",), MX=(10, "one.example"), A=TWO)
        delivered(setting.one(host), ONE)


@suite.case
def no_exchanger_is_late(setting):
    for lateness in LATENESS:
        host = setting.slow(lateness, ("MX", "A"), A=TWO)
        delivered(setting.one(host), TWO)


@suite.case
def late_by_an_alias(setting):
    """Two answers for one address, each of them late."""
    def alone(alias):
        return lambda q: [0.3, q.reply([record(q.name, "CNAME", alias)])]

    target = setting.slow(0.3, A=ONE)
    alias = setting.host()
    for kind in ("A", "AAAA"):
        setting.names.rule(alias, kind, alone(target))
    host = setting.host(MX=[(10, setting.host(A=CLOSED[0])), (20, alias)])
    delivered(setting.one(host), ONE)


def remembered(setting, lateness):
    """The best one timed out lately: it is skipped, and the backup is late."""
    best = "192.0.2.70"
    backup = setting.slow(lateness, A=ONE)
    host = setting.host(MX=[(10, setting.host(A=best)), (20, backup)])
    setting.home.control()
    with open(setting.home.tcpto, "r+b") as table:
        table.write(tcpto_record(best, 2, int(time.time()) - 10))
    with Scripted(setting.world, best) as server:
        delivered(setting.home.deliver(host, f"b@{host}", messages.small()), ONE)
        equal(server.sessions, [])


for lateness in (0.08, 0.3, 1.0, None):
    label = "lost_once" if lateness is None else f"{int(lateness * 1000)}_ms"
    suite.add(f"best_is_skipped_backup_late_{label}", remembered, lateness)


def fails_late(setting, answer, address, text):
    """The backup turns out not to be one: what the best said is reported."""
    def act(query):
        yield 0.3
        yield from answer(query)

    backup = setting.host()
    setting.names.rule(backup, "*", act)
    host = setting.host(MX=[(10, setting.host(A=address)), (20, backup)])
    failed(setting.one(host), "Z", text)


for label, answer in (("fails", rcode(SERVFAIL)), ("does_not_exist", rcode(NXDOMAIN))):
    suite.add(f"best_refuses_backup_{label}_late", fails_late, answer, CLOSED[0],
              UNCONNECTED)
    suite.add(f"best_greets_554_backup_{label}_late", fails_late, answer, GREETS,
              "greeting failed.\n")


@suite.case
def both_families_of_all_are_lost_once(setting):
    names = [setting.slow(None, A=a) for a in (CLOSED[0], GREETS, ONE)]
    host = setting.slow(None, ("MX",), MX=[(10 * n, x) for n, x in enumerate(names)])
    delivered(setting.one(host), ONE)


@suite.case
@three_tries
def the_best_is_late_and_fine(setting):
    """A better one is waited for, not passed over; once it is there nothing
    else is."""
    best = setting.host(A=ONE)
    setting.names.rule(best, "A", late(0.6))
    other = setting.host(A=TWO)
    setting.names.rule(other, "AAAA", lost())
    delivered(setting.one(setting.host(MX=[(10, best), (20, other)])), ONE)
    assert setting.seconds < 2, setting.seconds


# ---- a flight that was not liked, and TLS that fails

@suite.case
def flight_not_liked_over_tls_then_tls_fails(setting):
    """The careful way is asked for over TLS, which is gone by then: what clear
    is told is temporary."""
    scripts = [{**SECURE_FLIGHT, "tls MAIL": "503 x"},
               {**SECURE_FLIGHT, "MAIL": "530 TLS first"}]
    outcome, sessions = setting.secure(0, scripts, [setting.good, drop])
    failed(outcome, "Z", "530 TLS first", "STARTTLS failed: ")
    equal([s.clear_verbs()[:2] for s in sessions],
          [["EHLO", "STARTTLS"], ["EHLO", "STARTTLS"], ["EHLO", "MAIL"]])
    outcome, sessions = setting.secure(0, [scripts[0], SECURE_FLIGHT],
                                       [setting.good, drop])
    delivered(outcome, AT)
    equal(sessions[2].ahead, [])
    outcome, sessions = setting.secure(2, [scripts[0], SECURE_FLIGHT],
                                       [setting.good, drop])
    failed(outcome, "Z", "TLS failed: ")
    assert all("MAIL" not in s.clear_verbs() for s in sessions)


@suite.case
def tls_fails_then_the_flight_is_not_liked(setting):
    """Clear because TLS failed, and careful because of the flight: still
    temporary, and still taken."""
    for fault, count in (({}, 3), ({"STARTTLS": "454 no"}, 2)):
        script = {"EHLO": CLEAR_FLIGHT, **fault}
        not_liked = {**script, "MAIL": "503 x"}
        scripts = [not_liked] * (count - 1)
        outcome, sessions = setting.secure(0, [*scripts, {**script, "MAIL": "550 no"}],
                                           [drop])
        failed(outcome, "Z", "550 no", "STARTTLS failed: ")
        equal(len(sessions), count)
        outcome, sessions = setting.secure(0, [*scripts, script], [drop])
        delivered(outcome, AT)
        equal(sessions[-1].ahead, [])
        equal(len(sessions), count)


@suite.case
def recipients_refused_in_clear_then_the_end(setting):
    """Their verdicts stand, as far as clear text goes: s, not h."""
    script = {"EHLO": CLEAR_FLIGHT, "STARTTLS": "454 no", "RCPT": ("550 no", DROP)}
    outcome, _ = setting.secure(0, script, [drop])
    equal((outcome.letter, outcome.recipients), ("Z", "s"))


@suite.case
def hangs_up_at_ehlo_then_at_helo_by_flight(setting):
    """HELO offers nothing, so that there is no flight and no other way."""
    outcome, sessions = setting.secure(0, {"EHLO": DROP, "MAIL": "503 x"}, [drop])
    equal(len(sessions), 2)
    failed(outcome, "Z", "503 x")
    assert outcome.letter == "Z"


@suite.case
def closes_at_starttls_then_at_ehlo(setting):
    """In clear because TLS failed, and by HELO because of EHLO: once each."""
    for strictness in (0, 1):
        scripts = [{"EHLO": EHLO_STARTTLS, "STARTTLS": DROP}, {"EHLO": DROP}, {}]
        outcome, sessions = setting.secure(strictness, scripts, [drop])
        delivered(outcome, AT)
        equal([s.verbs()[:2] for s in sessions],
              [["EHLO", "STARTTLS"], ["EHLO"], ["HELO", "MAIL"]])
        outcome, _ = setting.secure(strictness, [*scripts[:2], {"RCPT": "550 no"}],
                                    [drop])
        equal((outcome.letter, outcome.recipients), ("Z", "s"))


@suite.case
def starttls_refused_by_several_codes(setting):
    """220, and in the last line of the same reply 454: refused."""
    script = {"EHLO": EHLO_STARTTLS, "STARTTLS": b"220-go\r\n454 no\r\n"}
    outcome, sessions = setting.secure(0, script, [drop])
    delivered(outcome, AT)
    equal(outcome.last_line, "STARTTLS failed: refused by the server;")
    equal(sessions[0].verbs()[:3], ["EHLO", "STARTTLS", "MAIL"])
    equal(len(sessions), 1)


def repetitions(setting, scripts):
    """They belong to their sessions: five candidates have them, not two."""
    host = setting.host(MX=[(10 * n, setting.host(A=a)) for n, a in enumerate(MANY)])
    setting.home.control()
    servers = [Scripted(setting.world, a, scripts) for a in MANY]
    try:
        outcome = setting.home.deliver(host, f"b@{host}", messages.small())
        used = [len(server.settle()) for server in servers]
    finally:
        for server in servers:
            server.close()
    failed(outcome, "Z")
    equal(used, [2] * SESSION_COUNT_MAX + [0] * (len(MANY) - SESSION_COUNT_MAX))


suite.add("repetitions_of_flights", repetitions,
          [{"EHLO": FLIGHT, "MAIL": "503 x"}, {"EHLO": FLIGHT, "MAIL": "421 x"}])
suite.add("repetitions_of_flights_that_cannot_greet", repetitions,
          [{"EHLO": FLIGHT, "RCPT": "503 x"}, {"greeting": "554 x"}])


@suite.case
def verified_by_the_careful_way_too(setting):
    """A second connection shows another certificate: it is not taken for the
    first one's sake."""
    stranger = python_tls(setting.issuer.leaf("other", "DNS:other.example"))
    scripts = [{**SECURE_FLIGHT, "tls MAIL": "503 x"}, SECURE_FLIGHT]
    outcome, sessions = setting.secure(2, scripts, [setting.good, stranger])
    failed(outcome, "Z", "its certificate was refused: ")
    assert not any(s.contents for s in sessions)
    outcome, sessions = setting.secure(2, scripts, [setting.good])
    delivered(outcome, AT)
    encrypted(outcome, "verified")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
