# SPDX-License-Identifier: ISC
"""tlsstrictness 0, 1 and 2 when STARTTLS or the handshake fails in every way
there is: what goes over which connection, and what the report says."""

import sys

import messages
from authority import Issuer
from checks import delivered, encrypted, failed, in_clear, same
from harness import Suite, equal
from nameserver import serve_names
from scripted import DROP, EHLO_STARTTLS, RESET, Scripted, Wire
from tlsfaults import (CRITICAL, all_faults, close_politely, drip, hang,
                       write_huge_chain)
from tlsserver import python_tls
from tracing import Trace
from world import run_suite

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
SECOND, THIRD = "192.0.2.11", "192.0.2.12"
PAIR = "pair.example"
RECORDS = [
    f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}",
    "pair MX 10 mx.dest", "pair MX 20 mx2.dest", f"mx2.dest A {SECOND}",
    "three MX 10 mx.dest", "three MX 20 mx2.dest", "three MX 30 mx3.dest",
    f"mx3.dest A {THIRD}",
]
STARTTLS = {"EHLO": EHLO_STARTTLS}
CONNECTED = f"Connected to {ADDRESS} but "
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, RECORDS)
        issuer = self.issuer = Issuer(world)
        names = f"DNS:{NAME},DNS:mx2.dest.example,DNS:mx3.dest.example"
        self.good = issuer.leaf("good", names)
        critical = issuer.leaf("critical", names, extensions=CRITICAL)
        huge = issuer.leaf("huge", names)
        write_huge_chain(huge, issuer.root)
        many = names + ",DNS:a" * 2500
        many_names = issuer.leaf("many", many, key="rsa")
        self.faults = {**all_faults(self.good, critical, huge),
                       "2500_names": python_tls(many_names)}
        # Trusted, but one certificate of the chain is not understood.
        odd = issuer.leaf("odd", "DNS:other.example", extensions=CRITICAL)
        self.faults["critical_in_the_chain"] = python_tls(
            issuer.leaf("beside", names, issuer=odd))
        self.home = world.home()

    def controls(self, strictness, **values):
        values.setdefault("trustanchors", self.issuer.bundle)
        self.home.control(tlsstrictness=strictness, **values)

    def deliver(self, host=HOST, data=None, **options):
        return self.home.deliver(host, f"bob@{host}", data or messages.small(),
                                 **options)

    def server(self, script=None, upgrade=None, address=ADDRESS):
        return Scripted(self.world, address, script or {}, upgrade)

    def failing(self, name):
        return self.faults[name]


FAULTS = [
    "words", "injected_words", "zeros", "junk_record", "long_record", "ssl2",
    "fatal_alert", "closing_alert", "warning_then_end", "drop", "reset",
    "tls1.0_only", "unknown_critical_extension", "long_chain",
    "client_certificate_tls1.2", "client_certificate_tls1.3",
    "politely_closed_behind", "rudely_closed_behind", "reset_behind",
    "2500_names", "critical_in_the_chain",
]
REASONS = {
    "words": "the server goes on in clear after STARTTLS",
    "injected_words": "the server goes on in clear after STARTTLS",
    "fatal_alert": "peer sent alert 40 (handshake_failure)",
    "drop": "connection closed during the handshake",
    "reset": "Connection reset by peer",
    "unknown_critical_extension": "certificate has an unknown critical extension",
    "critical_in_the_chain": "certificate has an unknown critical extension",
    "client_certificate_tls1.2": "peer sent alert 40 (handshake_failure)",
    "client_certificate_tls1.3": "peer sent alert 116 (certificate_required)",
    "politely_closed_behind": "closed by the server",
    "rudely_closed_behind": "connection closed without a goodbye",
    "2500_names": "out of TLS memory",
    "long_chain": "the peer sent a TLS message too long",
}


def reason_of(outcome):
    line = outcome.last_line
    assert line.startswith("STARTTLS failed: ") and line.endswith(";"), line
    return line.removeprefix("STARTTLS failed: ")[:-1]


def no_mail_before(sessions):
    """Neither in clear nor over TLS."""
    for session in sessions:
        assert "MAIL" not in session.verbs(), session.commands


def new_connection_in_clear(setting, name, strictness):
    """Two connections to one address: the second never sees STARTTLS."""
    setting.controls(strictness)
    data = messages.small()
    with setting.server(STARTTLS, setting.failing(name)) as server:
        outcome = setting.deliver(data=data)
        delivered(outcome, ADDRESS)
        equal(reason_of(outcome), REASONS.get(name, reason_of(outcome)))
        sessions = server.settle()
        equal(len(sessions), 2, "connections")
        equal(sessions[0].clear_verbs(), ["EHLO", "STARTTLS"])
        equal(sessions[1].verbs()[:4], ["EHLO", "MAIL", "RCPT", "DATA"])
        no_mail_before(sessions[:1])
        same(messages.as_received(server.contents()[0]), data)


def refused_at_2(setting, name):
    setting.controls(2)
    with setting.server(STARTTLS, setting.failing(name)) as server:
        outcome = setting.deliver()
        failed(outcome, "Z", f"{CONNECTED}TLS failed: {reason_of(outcome)}. (#4.7.5)\n")
        equal(reason_of(outcome), REASONS.get(name, reason_of(outcome)))
        sessions = server.settle()
        equal(len(sessions), 1, "connections")
        no_mail_before(sessions)


for name in FAULTS:
    suite.add(f"strict0_{name}", new_connection_in_clear, name, 0)
    suite.add(f"strict1_{name}", new_connection_in_clear, name, 1)
    suite.add(f"strict2_{name}", refused_at_2, name)


def hangs(setting, upgrade, strictness):
    """The whole handshake has timeoutremote, however it drips."""
    setting.controls(strictness, timeoutremote=2)
    with setting.server(STARTTLS, upgrade) as server:
        outcome = setting.deliver()
        equal(reason_of(outcome), "timed out during the handshake")
        if strictness == 2:
            failed(outcome, "Z", f"{CONNECTED}TLS failed: ")
        else:
            delivered(outcome, ADDRESS)
        sessions = server.settle()
        equal(len(sessions), 1 if strictness == 2 else 2, "connections")
        no_mail_before(sessions[:1])


for strictness in (0, 1, 2):
    suite.add(f"strict{strictness}_handshake_hangs", hangs, hang, strictness)
    suite.add(f"strict{strictness}_handshake_drips", hangs, drip, strictness)


# ---- the reply to STARTTLS

def refused_goes_on(setting, reply):
    """Strictness 0: in clear on the same connection, no second EHLO."""
    setting.controls(0)
    script = {**STARTTLS, "STARTTLS": reply}
    with setting.server(script, setting.failing("drop")) as server:
        outcome = setting.deliver()
        delivered(outcome, ADDRESS)
        equal(reason_of(outcome), "refused by the server")
        equal(len(server.settle()), 1, "connections")
        equal(server.sessions[0].verbs()[:4], ["EHLO", "STARTTLS", "MAIL", "RCPT"])


for reply in ("454 4.7.0 not now", "501 no", "502 no such command", "500 what",
              "554-no\r\n554 never", "450", "421-no\r\n455 not"):
    suite.add(f"strict0_starttls_{reply[:3]}_same_connection", refused_goes_on, reply)


def dead_at_starttls(setting, reply):
    """No reply, or not a reply to STARTTLS: that connection is over. The other
    strictnesses go on in clear: failedtls_test.py."""
    setting.controls(2)
    script = {**STARTTLS, "STARTTLS": reply}
    with setting.server({}, address=SECOND) as second:
        with setting.server(script, setting.failing("drop")) as first:
            outcome = setting.deliver(PAIR)
            no_mail_before(first.settle())
        equal(outcome.letter, "Z", outcome.text)
        no_mail_before(second.settle())


DEAD = {"drop": DROP, "reset": (0.2, RESET), "250": "250 ok", "354": "354 go",
        "garbage": b"hello\r\n", "injected": b"220 go\r\n250 ok\r\n",
        "injected_byte": b"220 go\r\nx", "421": "421 4.3.2 bye",
        "mixed": b"454-no\r\n220 go\r\n"}
for name, reply in DEAD.items():
    suite.add(f"strict2_starttls_{name}_no_mail", dead_at_starttls, reply)


@suite.case
def stale_reply_is_not_an_answer(setting):
    """220 came along with the reply to EHLO, before STARTTLS was said."""
    early = EHLO_STARTTLS + "\r\n220 go ahead"
    for strictness in (0, 2):
        setting.controls(strictness)
        with setting.server({"EHLO": early}, setting.failing("drop")) as server:
            failed(setting.deliver(), "Z", CONNECTED)
            no_mail_before(server.settle())


def leftovers_later(setting, strictness, pause):
    """In clear behind the reply, in its own segment: not TLS, never read."""
    setting.controls(strictness)
    script = {**STARTTLS, "STARTTLS": ("220 go", pause, b"250-x\r\n250 y\r\n250 z\r\n")}
    good = python_tls(setting.good)
    with setting.server(script, good) as server:
        outcome = setting.deliver()
        sessions = server.settle()
        no_mail_before(sessions[:1])
        if strictness == 0 and outcome.letter == "K":
            # The repeat on a new connection is in clear.
            equal(sessions[1].clear_verbs()[:2], ["EHLO", "MAIL"])
        else:
            failed(outcome, "Z", CONNECTED)


for strictness in (0, 2):
    for pause in (0.005, 0.1):
        suite.add(f"strict{strictness}_leftovers_{int(pause * 1000)}_ms",
                  leftovers_later, strictness, pause)


# ---- what was offered in clear is forgotten

def forgotten(setting, clear, secure, want):
    """EHLO over TLS again; MAIL has what that one offers, and no more."""
    setting.controls(2)
    script = {"EHLO": clear, "tls EHLO": secure}
    with setting.server(script, python_tls(setting.good)) as server:
        data = messages.small() + b"\xe9\n"
        outcome = setting.deliver(data=data)
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified")
        commands = [c for c in server.settle()[0].commands if c.startswith("tls ")]
        equal(commands[0], "tls EHLO client.example")
        mail = [c for c in commands if c.startswith("tls MAIL")][0]
        equal(mail.partition("> ")[2].rstrip(), want(data))
        assert not any(c.startswith("tls BDAT") for c in commands), commands
        same(messages.as_received(server.contents()[0]), data)


def with_size(data):
    return f"SIZE={len(data) + data.count(10)} BODY=8BITMIME"


ALL_OFFERS = ("250-x\r\n250-STARTTLS\r\n250-8BITMIME\r\n250-PIPELINING\r\n"
              "250-CHUNKING\r\n250 SIZE {}")
suite.add("offers_in_clear_are_forgotten", forgotten, ALL_OFFERS.format(1), "250 x",
          lambda data: "")
suite.add("offers_over_tls_count", forgotten, EHLO_STARTTLS, ALL_OFFERS.format(99999999),
          with_size)


@suite.case
def starttls_is_not_said_twice(setting):
    setting.controls(2)
    script = {"EHLO": EHLO_STARTTLS, "tls EHLO": EHLO_STARTTLS}
    with setting.server(script, python_tls(setting.good)) as server:
        delivered(setting.deliver(), ADDRESS)
        equal(server.settle()[0].verbs().count("STARTTLS"), 1)


@suite.case
def helo_over_tls(setting):
    """EHLO refused over TLS: HELO there, still over TLS."""
    setting.controls(2)
    script = {**STARTTLS, "tls EHLO": "502 no"}
    with setting.server(script, python_tls(setting.good)) as server:
        outcome = setting.deliver()
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified")
        equal(server.settle()[0].clear_verbs(), ["EHLO", "STARTTLS"])


# ---- several candidates

def pair(setting, strictness, first, second, host=PAIR):
    """first, second: (script, upgrade). The outcome and both servers."""
    setting.controls(strictness)
    with setting.server(*first) as one:
        with setting.server(*second, address=SECOND) as two:
            outcome = setting.deliver(host)
            one.settle()
            two.settle()
    return outcome, one, two


def tls_ok(setting):
    return STARTTLS, python_tls(setting.good)


CLEAR_ONLY = ({}, None)


@suite.case
def strict0_failed_handshake_stays_with_the_address(setting):
    """The next exchanger has TLS, but this one takes the mail in clear."""
    broken = (STARTTLS, setting.failing("words"))
    outcome, one, two = pair(setting, 0, broken, tls_ok(setting))
    delivered(outcome, ADDRESS)
    equal(len(one.sessions), 2)
    no_mail_before(two.sessions)


@suite.case
def strict1_two_passes(setting):
    """Each candidate with TLS first, then the best one in clear."""
    broken = (STARTTLS, setting.failing("words"))
    refusing = ({**STARTTLS, "STARTTLS": "454 no"}, None)
    outcome, one, two = pair(setting, 1, broken, refusing)
    delivered(outcome, ADDRESS)
    equal(reason_of(outcome), "the server goes on in clear after STARTTLS")
    equal([len(one.sessions), len(two.sessions)], [2, 1])
    no_mail_before([one.sessions[0], two.sessions[0]])
    equal(one.sessions[1].verbs()[:2], ["EHLO", "MAIL"])


@suite.case
def strict1_second_pass_takes_the_next_too(setting):
    """In clear the best one is down by then; its reason is not the other's."""
    broken = ([STARTTLS, {"greeting": "554 no"}], setting.failing("words"))
    refusing = ({**STARTTLS, "STARTTLS": "454 no"}, None)
    outcome, one, two = pair(setting, 1, broken, refusing)
    delivered(outcome, SECOND)
    equal(reason_of(outcome), "refused by the server")
    equal([len(one.sessions), len(two.sessions)], [2, 2])


@suite.case
def strict1_takes_any_tls_before_clear(setting):
    broken = (STARTTLS, setting.failing("drop"))
    outcome, one, two = pair(setting, 1, broken, tls_ok(setting))
    delivered(outcome, SECOND)
    encrypted(outcome, "unverified")
    no_mail_before(one.sessions)
    equal([len(one.sessions), len(two.sessions)], [1, 1])


@suite.case
def strict1_no_second_pass_where_tls_works(setting):
    """A server with TLS was found; that it is busy is no reason to go clear."""
    busy = {**STARTTLS, "tls MAIL": "421 busy"}
    outcome, one, two = pair(setting, 1, (busy, python_tls(setting.good)), CLEAR_ONLY)
    failed(outcome, "Z", f"{CONNECTED}sender was rejected.\n", "421 busy\n")
    encrypted(outcome, "unverified")
    no_mail_before(two.sessions)
    equal([s.clear_verbs() for s in one.sessions], [["EHLO", "STARTTLS"]])


@suite.case
def strict1_report_without_a_second_session(setting):
    """The server goes away between the passes: its last word is reported."""
    setting.controls(1)
    server = setting.server({"EHLO": EHLO_STARTTLS, "STARTTLS": "454 no"})

    def leave(_connection):
        server.close()
        raise OSError("gone")

    server.upgrade = leave
    server.scripts = [STARTTLS]
    outcome = setting.deliver()
    failed(outcome, "Z", f"{CONNECTED}TLS failed: ", "STARTTLS failed: ")
    server.close()


@suite.case
def strict1_final_word_over_tls_is_final(setting):
    refusing = {**STARTTLS, "tls RCPT": "550 no"}
    outcome, _, two = pair(setting, 1, (refusing, python_tls(setting.good)), CLEAR_ONLY)
    failed(outcome, "D", "550 no\n")
    no_mail_before(two.sessions)


@suite.case
def strict2_walks_on_until_one_is_right(setting):
    setting.controls(2)
    wrong = setting.issuer.leaf("elsewhere", "DNS:elsewhere.example")
    with setting.server(STARTTLS, python_tls(wrong)) as one:
        with setting.server({}, address=SECOND) as two:
            with setting.server(*tls_ok(setting), address=THIRD) as three:
                outcome = setting.deliver("three.example")
                delivered(outcome, THIRD)
                encrypted(outcome, "verified")
                no_mail_before(one.settle() + two.settle())
                equal(three.settle()[0].clear_verbs(), ["EHLO", "STARTTLS"])


@suite.case
def strict2_reports_the_furthest(setting):
    """Refused certificate is further than no offer."""
    wrong = setting.issuer.leaf("elsewhere2", "DNS:elsewhere.example")
    outcome, one, two = pair(setting, 2, ({}, None), (STARTTLS, python_tls(wrong)))
    failed(outcome, "Z", f"Connected to {SECOND} but its certificate was refused: "
           "not valid for mx2.dest.example. (#4.7.5)\n")
    no_mail_before(one.sessions + two.sessions)


@suite.case
def clear_connection_refused_after_the_handshake(setting):
    """Strictness 0: the repeat in clear cannot connect."""
    setting.controls(0)
    server = setting.server(STARTTLS)

    def leave(_connection):
        server.close()
        raise OSError("gone")

    server.upgrade = leave
    outcome = setting.deliver()
    failed(outcome, "Z", "Sorry, I wasn't able to establish an SMTP connection. "
           f"(#4.4.1)\n{ADDRESS}: Connection refused", "STARTTLS failed: ")


# ---- the end of the connection

def close_at(setting, event, letter, *parts):
    """No close_notify: fine behind the final reply, else the connection died."""
    setting.controls(2)
    with setting.server({**STARTTLS, **event}, python_tls(setting.good)) as server:
        outcome = setting.deliver()
        if letter == "K":
            delivered(outcome, ADDRESS)
        else:
            failed(outcome, letter, *parts)
        encrypted(outcome, "verified")
        no_clear = [s.clear_verbs() for s in server.settle()]
        equal(no_clear, [["EHLO", "STARTTLS"]])


DUPLICATE = f"{CONNECTED}connection died. Possible duplicate! (#4.4.2)\n"
for name, args in {
    "behind_the_final_reply": ({".": ("250 kept", DROP)}, "K"),
    "reset_behind_the_final_reply": ({".": ("250 kept", 0.1, RESET)}, "K"),
    "before_the_final_reply": ({".": DROP}, "Z", DUPLICATE,
                               "connection closed without a goodbye\n"),
    "amid_the_final_reply": ({".": (b"250-kept\r\n25", DROP)}, "Z", DUPLICATE),
    "behind_mail": ({"tls MAIL": DROP}, "Z",
                    f"{CONNECTED}connection died. (#4.4.2)\n"),
    "amid_the_reply_to_ehlo": ({"tls EHLO": (b"250-x\r\n", DROP)}, "Z",
                               f"{CONNECTED}connection died. (#4.4.2)\n"),
}.items():
    suite.add(f"no_close_notify_{name}", close_at, *args)


@suite.case
def polite_end_before_the_final_reply(setting):
    """close_notify is an end too, not an answer."""
    setting.controls(2)
    made = []

    def upgrade(connection):
        secure = python_tls(setting.good)(connection)
        made.append(secure)
        return secure

    script = {**STARTTLS, ".": (b"", DROP)}
    with setting.server(script, upgrade) as server:
        server_act = Wire.act

        def act(wire, event, part):
            if event == "." and part == DROP:
                close_politely(made[0])
            return server_act(wire, event, part)

        Wire.act = act
        try:
            outcome = setting.deliver()
            server.settle()
        finally:
            Wire.act = server_act
    failed(outcome, "Z", DUPLICATE + "At the message: closed by the server\n")


@suite.case
def entropy_without_getrandom(setting):
    """An old kernel: /dev/urandom is read instead."""
    setting.controls(2)
    trace = Trace(setting.world, "urandom")
    denied = [*trace.wrapper, "-e", "inject=getrandom:error=ENOSYS"]
    with setting.server(STARTTLS, python_tls(setting.good)):
        outcome = setting.deliver(wrapper=denied)
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified")
    assert any("/dev/urandom" in line for line in trace.calls())


@suite.case
def strictness_without_anchors_is_clear(setting):
    """At 0 and 1 no trustanchors means no STARTTLS, at 2 a Z."""
    for anchors in (None, "", " \t"):
        for strictness in (0, 1):
            setting.controls(strictness, trustanchors=anchors)
            with setting.server(STARTTLS) as server:
                outcome = setting.deliver()
                delivered(outcome, ADDRESS)
                in_clear(outcome)
                equal(server.settle()[0].verbs()[:2], ["EHLO", "MAIL"])
        setting.controls(2, trustanchors=anchors)
        with setting.server(STARTTLS) as server:
            failed(setting.deliver(), "Z", "Unable to read control files. (#4.3.0)\n"
                   "control/trustanchors: needed at tlsstrictness 2\n")
            equal(server.settle(), [])


def anchors_unread(setting, strictness):
    """Below 2 what trustanchors points to is not even looked at."""
    setting.controls(strictness, trustanchors="/run/mote/there/is/none")
    with setting.server(*tls_ok(setting)):
        outcome = setting.deliver()
        delivered(outcome, ADDRESS)
        encrypted(outcome, "unverified")


suite.add("strict0_anchors_are_not_read", anchors_unread, 0)
suite.add("strict1_anchors_are_not_read", anchors_unread, 1)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
