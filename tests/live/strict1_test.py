# SPDX-License-Identifier: ISC
"""tlsstrictness 1: TLS with whomever has it, however hidden behind passing
faults, many addresses or slow names; in clear only when each was asked and none
had TLS that worked, and then only with those whose TLS was found broken or is
not there."""

import sys

import messages
from authority import Issuer
from checks import delivered, encrypted, failed, in_clear
from harness import Suite, equal
from late_test import LATENESS, Setting as LateSetting
from scripted import DROP, EHLO_STARTTLS, RESET, Scripted
from tlsfaults import drop, reset
from tlsserver import python_tls
from world import run_suite

BEST, SECOND = "192.0.2.20", "192.0.2.21"
SIX = [f"192.0.2.{n}" for n in range(20, 26)]
RUNS = 12
STARTTLS = {"EHLO": EHLO_STARTTLS}
suite = Suite()


class Setting(LateSetting):
    def __init__(self, world):
        super().__init__(world)
        self.issuer = Issuer(world)
        self.good = python_tls(self.issuer.leaf("good", "DNS:mx.example"))

    def run(self, host, **control):
        self.home.control(tlsstrictness=1, trustanchors=self.issuer.bundle, **control)
        return self.home.deliver(host, f"bob@{host}", messages.small())

    def serve(self, address, scripts=None, upgrade=None):
        scripts = STARTTLS if scripts is None else scripts
        return Scripted(self.world, address, scripts, upgrade or self.good)

    def exchangers(self, *addresses):
        """One at each address, best first."""
        return self.host(MX=[(10 * n, self.host(A=a))
                             for n, a in enumerate(addresses, 1)])


def no_mail_in_clear(*servers):
    for server in servers:
        for session in server.settle():
            assert "MAIL" not in session.clear_verbs(), session.commands


def over_tls(outcome, *addresses):
    equal(outcome.letter, "K", outcome.text)
    assert any(outcome.message.startswith(f"K{a} ") for a in addresses), outcome.text
    encrypted(outcome, "unverified")


# ---- the first connection has bad luck, every other offers TLS

PASSING = {
    "greeting_421": {"greeting": "421 busy"},
    "greeting_554": {"greeting": "554 busy"},
    "closed_before_the_greeting": {"greeting": DROP},
    "reset_before_the_greeting": {"greeting": (0.1, RESET)},
    "ehlo_450": {"EHLO": "450 later"},
    "ehlo_421": {"EHLO": "421 later"},
    "half_a_greeting": {"greeting": (b"220-x\r\n22", DROP)},
    "rubbish": {"greeting": b"what?\r\n"},
    "half_a_reply_to_ehlo": {"EHLO": (b"250-x\r\n250-START", DROP)},
}


def bad_luck(setting, script):
    """Nothing was learnt about its TLS: it is asked again."""
    with setting.serve(BEST, [script, STARTTLS]) as server:
        over_tls(setting.run(setting.exchangers(BEST)), BEST)
        no_mail_in_clear(server)


def bad_luck_of_two(setting, script):
    with setting.serve(BEST, [script, STARTTLS]) as one:
        with setting.serve(SECOND, [script, STARTTLS]) as two:
            over_tls(setting.run(setting.exchangers(BEST, SECOND)), BEST, SECOND)
            no_mail_in_clear(one, two)


def bad_luck_beside_clear(setting, script):
    """The other one has no TLS; this one has, when it is asked again."""
    with setting.serve(BEST, [script, STARTTLS]) as one:
        with setting.serve(SECOND, {}) as two:
            outcome = setting.run(setting.exchangers(BEST, SECOND))
            over_tls(outcome, BEST)
            no_mail_in_clear(one, two)


for name, script in PASSING.items():
    suite.add(f"tls_after_{name}", bad_luck, script)
    suite.add(f"tls_after_{name}_of_two", bad_luck_of_two, script)
    suite.add(f"tls_after_{name}_beside_clear", bad_luck_beside_clear, script)


# ---- six addresses, one of them with TLS

OTHERS = {
    "have_no_tls": ({}, None),
    "refuse_it": ({**STARTTLS, "STARTTLS": "454 not now"}, None),
    "drop_the_handshake": (STARTTLS, drop),
    "reset_the_handshake": (STARTTLS, reset),
    "close_at_starttls": ({**STARTTLS, "STARTTLS": DROP}, None),
}


def one_of_six(setting, script, upgrade, make):
    """make(setting, n): the host, if the server with TLS is the nth."""
    for run in range(RUNS):
        good = run % len(SIX)
        servers = [setting.serve(a) if n == good else setting.serve(a, script, upgrade)
                   for n, a in enumerate(SIX)]
        try:
            over_tls(setting.run(make(setting)), SIX[good])
            no_mail_in_clear(*servers)
        finally:
            for server in servers:
                server.close()


for name, (script, upgrade) in OTHERS.items():
    suite.add(f"five_of_six_addresses_{name}", one_of_six, script, upgrade,
              lambda s: s.host(A=SIX))
    suite.add(f"five_of_six_exchangers_{name}", one_of_six, script, upgrade,
              lambda s: s.exchangers(*SIX))


@suite.case
def none_of_six(setting):
    """Then in clear, with the best one."""
    servers = [setting.serve(a, {}) for a in SIX]
    try:
        outcome = setting.run(setting.exchangers(*SIX))
        delivered(outcome, SIX[0])
        in_clear(outcome)
        assert all(server.settle() for server in servers), "one was not asked"
    finally:
        for server in servers:
            server.close()


# ---- the one with TLS has a slow name

def slow_name(setting, script, upgrade):
    """Not passed over for the clear of the other."""
    for lateness in LATENESS:
        with setting.serve(BEST, script, upgrade) as one:
            with setting.serve(SECOND):
                slow = setting.slow(lateness, A=SECOND)
                host = setting.host(MX=[(10, setting.host(A=BEST)), (20, slow)])
                over_tls(setting.run(host), SECOND)
                no_mail_in_clear(one)


for label, name in (("has_no_tls", "have_no_tls"), ("refuses_it", "refuse_it"),
                    ("drops_the_handshake", "drop_the_handshake")):
    suite.add(f"best_{label}_the_other_is_slow", slow_name, *OTHERS[name])


# ---- the second pass

@suite.case
def a_server_that_died_behind_the_handshake(setting):
    """Its TLS counts as broken: in clear in the second pass."""
    for script in ({"tls EHLO": DROP}, {"tls EHLO": (b"250-x\r\n25", DROP)},
                   {"tls EHLO": (0.1, RESET)}):
        with setting.serve(BEST, {**STARTTLS, **script}) as server:
            outcome = setting.run(setting.exchangers(BEST))
            delivered(outcome, BEST)
            assert outcome.last_line.startswith("STARTTLS failed: "), outcome.text
            no_mail_in_clear_but_last(server)


def no_mail_in_clear_but_last(server):
    sessions = server.settle()
    assert all("MAIL" not in s.verbs() for s in sessions[:-1])
    equal(sessions[-1].verbs()[:2], ["EHLO", "MAIL"])


@suite.case
def tls_worked_so_there_is_no_second_pass(setting):
    """A server that is busy over TLS, and one that takes all in clear."""
    busy = {**STARTTLS, "tls MAIL": "421 busy"}
    for first, second in ((BEST, SECOND), (SECOND, BEST)):
        with setting.serve(first, busy), setting.serve(second, {}) as clear:
            outcome = setting.run(setting.exchangers(BEST, SECOND))
            failed(outcome, "Z", "421 busy\n")
            encrypted(outcome, "unverified")
            no_mail_in_clear(clear)


@suite.case
def broken_tls_is_not_tried_again(setting):
    """In the second pass: TLS with the one that had bad luck, clear with the one
    that refused."""
    refuses = {**STARTTLS, "STARTTLS": "454 no", "greeting": ["220 x"]}
    with setting.serve(BEST, refuses) as one:
        with setting.serve(SECOND, {"greeting": "554 never"}):
            outcome = setting.run(setting.exchangers(BEST, SECOND))
            delivered(outcome, BEST)
            equal(outcome.last_line, "STARTTLS failed: refused by the server;")
            sessions = one.settle()
    equal([s.verbs()[:2] for s in sessions], [["EHLO", "STARTTLS"], ["EHLO", "MAIL"]])


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
