# SPDX-License-Identifier: ISC
"""Servers that hang up at EHLO and take HELO, and what is reported of those
that refuse both."""

import sys
import threading

import messages
from authority import Issuer
from checks import delivered, encrypted, failed, in_clear, same
from harness import Suite, contains, equal
from next_test import ADDRESS, DIED, HOST, SECOND, Setting as NextSetting
from scripted import DROP, EHLO_STARTTLS, RESET, Scripted
from tlsserver import python_tls
from world import listener, run_suite

MANY = [f"192.0.2.{n}" for n in range(20, 26)]
SESSION_COUNT_MAX = 5
suite = Suite()


class Setting(NextSetting):
    def __init__(self, world):
        super().__init__(world)
        self.issuer = Issuer(world)
        self.good = python_tls(self.issuer.leaf("good", "DNS:a.example,DNS:b.example"))

        self.names.add("six.example", A=MANY)

    def names_of(self, sessions):
        return [s.verbs()[:2] for s in sessions]

    def secure(self, strictness, scripts, host=HOST):
        """Servers with TLS at hand: the outcome and the sessions of each."""
        self.home.control(tlsstrictness=strictness, trustanchors=self.issuer.bundle)
        servers = [Scripted(self.world, a, s, self.good)
                   for a, s in zip((ADDRESS, SECOND), scripts)]
        try:
            outcome = self.home.deliver(host, f"bob@{host}", messages.small())
            return outcome, [server.settle() for server in servers]
        finally:
            for server in servers:
                server.close()


HANGS_UP = {"closes": DROP, "resets": (0.2, RESET)}
ALLERGIC = [["EHLO"], ["HELO", "MAIL"]]


# ---- it hangs up at EHLO

def takes_helo(setting, how):
    data = messages.small()
    outcome, sessions = setting.alone({"EHLO": how}, data=data)
    delivered(outcome, ADDRESS)
    equal(setting.names_of(sessions), ALLERGIC)
    equal(sessions[1].commands[0], "HELO client.example")
    equal(sessions[1].commands[1], "MAIL FROM:<alice@client.example>")
    same(messages.as_received(sessions[1].contents[0]), data)


def takes_helo_in_clear(setting, how):
    """TLS cannot be offered to HELO."""
    outcome, (sessions,) = setting.secure(0, [{"EHLO": how}])
    delivered(outcome, ADDRESS)
    in_clear(outcome)
    equal(setting.names_of(sessions), ALLERGIC)


def takes_helo_in_the_second_pass(setting, how):
    outcome, (sessions,) = setting.secure(1, [{"EHLO": how}])
    delivered(outcome, ADDRESS)
    in_clear(outcome)
    equal(sessions[-1].verbs()[:2], ["HELO", "MAIL"])
    assert all("MAIL" not in s.verbs() for s in sessions[:-1])


def never_where_tls_must_be(setting, how):
    outcome, (sessions,) = setting.secure(2, [{"EHLO": how}])
    failed(outcome, "Z", f"Connected to {ADDRESS} but ")
    for session in sessions:
        equal(session.verbs(), ["EHLO"])


def tls_of_the_other(setting, how):
    """At 1 the first pass is for TLS."""
    outcome, (first, _) = setting.secure(1, [{"EHLO": how}, {"EHLO": EHLO_STARTTLS}],
                                         "pair.example")
    delivered(outcome, SECOND)
    encrypted(outcome, "unverified")
    assert all("MAIL" not in s.verbs() for s in first)


for label, how in HANGS_UP.items():
    suite.add(f"server_{label}_at_ehlo_takes_helo", takes_helo, how)
    suite.add(f"strict0_server_{label}_at_ehlo_takes_helo", takes_helo_in_clear, how)
    suite.add(f"strict1_server_{label}_at_ehlo_takes_helo",
              takes_helo_in_the_second_pass, how)
    suite.add(f"strict1_server_{label}_at_ehlo_another_has_tls", tls_of_the_other, how)
    suite.add(f"strict2_server_{label}_at_ehlo", never_where_tls_must_be, how)


@suite.case
def once_a_candidate(setting):
    """HELO does not help: the next one, and at the end what happened."""
    script = {"EHLO": DROP, "HELO": DROP}
    outcome, (first, second) = setting.pair(script)
    delivered(outcome, SECOND)
    equal(setting.names_of(first), [["EHLO"], ["HELO"]])
    equal(len(second), 1)
    outcome, sessions = setting.alone(script)
    failed(outcome, "Z", DIED)
    equal(len(outcome.records), 1)
    equal(len(sessions), 2)


def no_second_try(setting, script, control=None):
    """Not an end without a word: the next one at once."""
    outcome, (first, _) = setting.pair(script, control=control)
    delivered(outcome, SECOND)
    equal(setting.names_of(first), [["EHLO"]])


suite.add("half_a_reply_to_ehlo", no_second_try, {"EHLO": (b"250-x\r\n25", DROP)})
suite.add("a_byte_of_a_reply_to_ehlo", no_second_try, {"EHLO": (b"2", DROP)})
suite.add("rubbish_to_ehlo", no_second_try, {"EHLO": (b"what?\r\n", DROP)})
suite.add("bye_to_ehlo", no_second_try, {"EHLO": ("421 bye", DROP)})
suite.add("silence_to_ehlo", no_second_try, {"EHLO": (2.5, DROP)}, {"timeoutremote": 1})


@suite.case
def five_candidates_as_ever(setting):
    """The repetition belongs to its session: it is not counted."""
    host = "six.example"
    setting.home.control()
    servers = [Scripted(setting.world, a, {"EHLO": DROP, "HELO": DROP}) for a in MANY]
    try:
        outcome = setting.home.deliver(host, f"bob@{host}", messages.small())
        said = [v for server in servers for s in server.settle() for v in s.verbs()]
    finally:
        for server in servers:
            server.close()
    failed(outcome, "Z", "connection died. (#4.4.2)\n")
    equal([said.count("EHLO"), said.count("HELO")], [SESSION_COUNT_MAX] * 2)


@suite.case
def helo_cannot_connect(setting):
    """It had hung up for good."""
    setting.home.control()
    closing = listener(ADDRESS, 25)

    def serve():
        connection, _ = closing.accept()
        closing.close()
        with connection:
            connection.sendall(b"220 x\r\n")
            connection.recv(1000)

    threading.Thread(target=serve, daemon=True).start()
    outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small())
    failed(outcome, "Z", ADDRESS)
    equal(len(outcome.records), 1)


@suite.case
def refused_behind_helo(setting):
    """Without anchors TLS is not wanted, so that what is said counts; with them
    the session is in clear because a connection had ended."""
    script = {"EHLO": DROP, "MAIL": "530 Must issue a STARTTLS command first"}
    outcome, _ = setting.alone(script)
    failed(outcome, "D", "530 Must")
    for strictness in (0, 1):
        outcome, _ = setting.secure(strictness, [script])
        failed(outcome, "Z", "530 Must")


@suite.case
def hanging_up_over_tls(setting):
    """No HELO there, and none in clear where TLS must be."""
    script = {"EHLO": EHLO_STARTTLS, "tls EHLO": DROP}
    outcome, (sessions,) = setting.secure(2, [script])
    failed(outcome, "Z", f"Connected to {ADDRESS} but ")
    for session in sessions:
        equal(session.clear_verbs(), ["EHLO", "STARTTLS"])
        assert "MAIL" not in session.verbs(), session.commands


# ---- both are refused: the report has what EHLO was told

TEXT = "550 5.7.1 You are listed, see http://list.example/?192.0.2.1"
HELOS = {
    "closes": DROP,
    "resets": (0.2, RESET),
    "503": "503 5.5.1 no",
    "550": "550 not you",
    "450": "450 later",
    "421": ("421 bye", DROP),
    "rubbish": (b"what?\r\n", DROP),
    "half_a_reply": (b"250-x\r\n", DROP),
}


def keeps_the_text(setting, script):
    outcome, sessions = setting.alone(script)
    failed(outcome, "Z", f"Connected to {ADDRESS} but ", TEXT)
    equal(len(sessions), 1, "sessions")
    outcome, (first, _) = setting.pair(script)
    delivered(outcome, SECOND)
    equal(len(first), 1, "sessions")


suite.add("ehlo_550_then_closed", keeps_the_text, {"EHLO": (TEXT, DROP)})
suite.add("ehlo_550_then_reset", keeps_the_text, {"EHLO": (TEXT, 0.2, RESET)})
for label, reply in HELOS.items():
    suite.add(f"ehlo_550_helo_{label}", keeps_the_text, {"EHLO": TEXT, "HELO": reply})


@suite.case
def ehlo_550_helo_is_silent(setting):
    outcome, _ = setting.alone({"EHLO": TEXT, "HELO": (2.5, DROP)},
                               control={"timeoutremote": 1})
    failed(outcome, "Z", f"Connected to {ADDRESS} but ", TEXT)


@suite.case
def ehlo_of_several_lines(setting):
    outcome, _ = setting.alone({"EHLO": "554-one\r\n554 two", "HELO": "503 no"})
    failed(outcome, "Z", f"Connected to {ADDRESS} but my name was rejected.\n"
           "Remote host said: 554-one\n554 two\n")


@suite.case
def helo_taken_the_text_is_forgotten(setting):
    outcome, _ = setting.alone({"EHLO": TEXT})
    delivered(outcome, ADDRESS)
    assert "listed" not in outcome.text, outcome.text
    outcome, _ = setting.alone({"EHLO": TEXT, "MAIL": "550 no sender"})
    failed(outcome, "D", "550 no sender\n")
    assert "listed" not in outcome.text, outcome.text
    contains(outcome.text, "sender was rejected.\n")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
