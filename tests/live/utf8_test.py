# SPDX-License-Identifier: ISC
"""Addresses and hosts that are not ASCII: SMTPUTF8, A-labels, and Postfix that
takes such addresses or does not."""

import sys

import messages
from authority import Issuer
from checks import delivered, encrypted, failed, in_clear
from harness import Suite, contains, equal
from names import Names
from postfix import Postfix
from scripted import DROP, Scripted
from tlsfaults import close_politely
from tlsserver import python_tls
from world import run_suite

YES, NO, ADDRESS = "192.0.2.10", "192.0.2.11", "192.0.2.12"
HOST, A_LABELS = "b\u00fccher.example", "xn--bcher-kva.example"
BOB = f"b\u00f6b@{HOST}"
ALICE = "\u00e5lice@client.example"
TAKES_NONE = ("Connected to {} but it takes no addresses that are not ASCII. "
              "(#{}.6.7)\n")
NO_HOST = "Sorry, I couldn't find any host named {}. (#5.1.2)\n"
HELLO = "250-scripted.example\r\n"
OFFERED = {"EHLO": HELLO + "250-8BITMIME\r\n250-SIZE\r\n250 SMTPUTF8"}
SECURE = {"EHLO": HELLO + "250-SMTPUTF8\r\n250 STARTTLS"}
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.names = Names(world)
        self.names.add(A_LABELS, A=ADDRESS)
        self.names.add("yes.example", A=YES).add("no.example", A=NO)
        self.names.add("xn--mnchen-3ya.example", MX=(10, "xn--mx-fka.example"))
        self.names.add("xn--mx-fka.example", A=ADDRESS)
        self.names.add("scripted.example", A=ADDRESS)
        self.issuer = Issuer(world)
        self.leaf = self.issuer.leaf("leaf", f"DNS:{A_LABELS}")
        self.home = world.home()
        self.postfix = None

    def real(self):
        """Postfix, with and without the extension."""
        if not self.postfix:
            self.postfix = Postfix(self.world)
            self.postfix.listen(YES)
            self.postfix.listen(NO, smtputf8_enable="no")
            self.postfix.start()
        return self.postfix

    def deliver(self, host=HOST, recipient=None, control=None, **options):
        self.home.control(**(control or {}))
        return self.home.deliver(host, recipient or f"b\u00f6b@{host}",
                                 options.pop("data", messages.small()), **options)

    def server(self, script=None, upgrade=None):
        return Scripted(self.world, ADDRESS, script or OFFERED, upgrade)


def mail_of(session):
    return [c for c in session.commands if "MAIL FROM" in c][0]


# ---- Postfix

def postfix_takes(setting, sender, recipient, retry):
    postfix = setting.real()
    outcome = setting.deliver("yes.example", recipient, sender=sender, retry=retry)
    delivered(outcome, YES)
    stored = postfix.take()
    contains(stored, f"Return-Path: <{sender}>\n".encode())
    contains(stored, f"X-Original-To: {recipient}\n".encode())


for name, sender, recipient in (
    ("recipient", "alice@client.example", "b\u00f6b@yes.example"),
    ("sender", ALICE, "bob@yes.example"),
    ("both", ALICE, "\U0001f4ea@yes.example"),
    ("domain", "alice@client.example", BOB),
):
    for retry in (False, True):
        suite.add(f"postfix_takes_{name}{'_again' * retry}", postfix_takes,
                  sender, recipient, retry)


def postfix_takes_none(setting, sender, recipient):
    """It is asked nothing more."""
    postfix = setting.real()
    before = len(postfix.log())
    outcome = setting.deliver("no.example", recipient, sender=sender)
    failed(outcome, "D", TAKES_NONE.format(NO, 5))
    assert not any("reject" in line for line in postfix.log()[before:])


suite.add("postfix_without_it_recipient", postfix_takes_none,
          "alice@client.example", "b\u00f6b@no.example")
suite.add("postfix_without_it_sender", postfix_takes_none, ALICE, "bob@no.example")


@suite.case
def postfix_without_it_takes_ascii(setting):
    """Whatever the header has."""
    postfix = setting.real()
    data = "Subject: b\u00fccher\n\nb\u00fccher\n".encode()
    delivered(setting.deliver("no.example", "bob@no.example", data=data), NO)
    contains(postfix.take(), data)


# ---- what is said

@suite.case
def mail_says_so(setting):
    for sender, recipients in ((ALICE, ["bob@x.example"]),
                               ("", ["bob@x.example", BOB]), (ALICE, [BOB])):
        with setting.server() as server:
            outcome = setting.deliver(recipient=recipients, sender=sender)
            delivered(outcome, ADDRESS)
            session, = server.settle()
            mail = mail_of(session)
            assert mail.startswith(f"MAIL FROM:<{sender}> SIZE="), mail
            assert mail.endswith(" SMTPUTF8"), mail
            for each in recipients:
                contains(session.commands, f"RCPT TO:<{each}>")


@suite.case
def ascii_says_nothing_new(setting):
    with setting.server() as server:
        data = "Subject: b\u00fccher\n\nb\u00fccher\n".encode()
        delivered(setting.deliver(recipient="bob@x.example", data=data), ADDRESS)
        session, = server.settle()
        assert "SMTPUTF8" not in mail_of(session), session.commands


@suite.case
def the_careful_way_keeps_it(setting):
    """All other parameters go."""
    with setting.server([{**OFFERED, "MAIL": "555 what?"}, OFFERED]) as server:
        delivered(setting.deliver(recipient=BOB), ADDRESS)
        mails = [mail_of(session) for session in server.settle()]
        equal(len(mails), 2)
        contains(mails[0], " SIZE=")
        equal(mails[1], "MAIL FROM:<alice@client.example> SMTPUTF8")


@suite.case
def not_offered(setting):
    """Before MAIL; the server has said nothing to it."""
    with setting.server({"EHLO": HELLO + "250 8BITMIME"}) as server:
        outcome = setting.deliver(recipient=BOB)
        failed(outcome, "D", TAKES_NONE.format(ADDRESS, 5))
        session, = server.settle()
        equal(session.verbs(), ["EHLO", "QUIT"])


@suite.case
def no_extension_at_all(setting):
    with setting.server({"EHLO": "502 no"}) as server:
        outcome = setting.deliver(recipient=BOB)
        failed(outcome, "D", TAKES_NONE.format(ADDRESS, 5))
        equal(server.settle()[0].verbs(), ["EHLO", "HELO", "QUIT"])


@suite.case
def an_ehlo_without_an_answer_is_no_judge(setting):
    """HELO, on a second connection, has no extensions that could be offered."""
    with setting.server([{"EHLO": DROP}, {}]) as server:
        outcome = setting.deliver(recipient=BOB)
        failed(outcome, "Z", TAKES_NONE.format(ADDRESS, 4))
        equal([s.verbs() for s in server.settle()], [["EHLO"], ["HELO", "QUIT"]])


@suite.case
def a_fallen_session_is_no_judge(setting):
    """TLS fails, and in clear it is not offered."""
    anchors = {"trustanchors": setting.issuer.bundle}
    script = [SECURE, {"EHLO": HELLO + "250 8BITMIME"}]
    with setting.server(script, close_politely) as server:
        outcome = setting.deliver(recipient=BOB, control=anchors)
        failed(outcome, "Z", TAKES_NONE.format(ADDRESS, 4))
        equal(len(server.settle()), 2)


@suite.case
def what_is_offered_inside_tls_counts(setting):
    anchors = {"trustanchors": setting.issuer.bundle}
    upgrade = python_tls(setting.leaf)
    for inside, letter in ((HELLO + "250 SIZE", "D"), (OFFERED["EHLO"], "K")):
        script = {**SECURE, "tls EHLO": inside}
        with setting.server(script, upgrade):
            equal(setting.deliver(recipient=BOB, control=anchors).letter, letter)
    script = {"EHLO": HELLO + "250 STARTTLS", "tls EHLO": OFFERED["EHLO"]}
    with setting.server(script, upgrade):
        delivered(setting.deliver(recipient=BOB, control=anchors), ADDRESS)


# ---- the host

def looked_up(setting, given, asked):
    """By its A-labels, whatever is ASCII in any case."""
    setting.names.forget()
    with setting.server():
        delivered(setting.deliver(given, BOB), ADDRESS)
    equal({q.name.lower() for q in setting.names.queries}, asked)


suite.add("host_is_looked_up", looked_up, HOST, {A_LABELS})
suite.add("host_in_capitals", looked_up, "B\u00fcCHER.Example", {A_LABELS})
suite.add("host_with_a_dot", looked_up, f"{HOST}.", {A_LABELS})
suite.add("host_in_a_labels", looked_up, A_LABELS, {A_LABELS})
suite.add("host_with_an_exchanger", looked_up, "m\u00fcnchen.example",
          {"xn--mnchen-3ya.example", "xn--mx-fka.example"})


def no_such_name(setting, host, queries):
    setting.names.forget()
    outcome = setting.deliver(host, "bob@x.example")
    failed(outcome, "D", NO_HOST.format(host))
    equal(len(setting.names.queries) > 0, queries)


# Nothing is mapped: a capital beyond ASCII is another name.
suite.add("host_in_other_capitals", no_such_name, "b\u00dccher.example", True)
suite.add("host_of_64_octets", no_such_name, "\u00fc" * 58 + ".example", False)
suite.add("host_of_63_octets", no_such_name, "\u00fc" * 57 + ".example", True)


@suite.case
def certificate_of_the_a_labels(setting):
    strict = {"trustanchors": setting.issuer.bundle, "tlsstrictness": 2}
    script = {**SECURE, "tls EHLO": OFFERED["EHLO"]}
    with setting.server(script, python_tls(setting.leaf)):
        outcome = setting.deliver(recipient=BOB, control=strict)
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified")
        outcome = setting.deliver("m\u00fcnchen.example", BOB, control=strict)
        failed(outcome, "Z", f"Connected to {ADDRESS} but its certificate was refused")


def route_is_found(setting, host, key):
    setting.names.forget()
    with setting.server():
        control = {"smtproutes": f"{key}:[{ADDRESS}]\n:[192.0.2.99]"}
        delivered(setting.deliver(host, BOB, control=control), ADDRESS)
    equal(setting.names.queries, [])


def policy_is_found(setting, host, key):
    control = {"trustanchors": setting.issuer.bundle, "tlspolicy": f"{key}:none"}
    script = {**SECURE, "tls EHLO": OFFERED["EHLO"]}
    with setting.server(script, python_tls(setting.leaf)):
        outcome = setting.deliver(host, BOB, control=control)
        delivered(outcome, ADDRESS)
        in_clear(outcome)


for label, host, key in (
    ("utf8", HOST, HOST), ("a_labels", A_LABELS, A_LABELS),
    ("host_utf8", HOST, A_LABELS), ("key_utf8", A_LABELS, HOST),
):
    suite.add(f"route_{label}", route_is_found, host, key)
    suite.add(f"policy_{label}", policy_is_found, host, key)
suite.add("route_of_an_end", route_is_found, f"a.{HOST}", f".{A_LABELS}")
suite.add("route_of_what_is_no_name", route_is_found, "\u00fc" * 58, "\u00fc" * 58)

if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
