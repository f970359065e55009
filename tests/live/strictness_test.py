# SPDX-License-Identifier: ISC
"""tlsstrictness 0, 1 and 2 against servers whose TLS is missing or bad."""

import ssl
import sys

import messages
from aiosmtp import server_context
from authority import EXPIRED, FUTURE, Issuer
from checks import delivered, encrypted, failed, in_clear, same
from harness import Suite, contains, equal
from nameserver import serve_names
from scripted import EHLO_STARTTLS, Scripted
from tlsserver import python_tls
from world import run_suite

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
SECOND = "192.0.2.11"
RECORDS = [
    f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}",
    "pair MX 10 mx.dest", "pair MX 20 mx2.dest", f"mx2.dest A {SECOND}",
]
STARTTLS = {"EHLO": EHLO_STARTTLS}
REFUSED = {"EHLO": EHLO_STARTTLS, "STARTTLS": "454 4.7.0 not now"}
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, RECORDS)
        self.issuer = Issuer(world)
        self.stranger = Issuer(world, "stranger")
        issuer, names = self.issuer, f"DNS:{NAME}"
        self.leaves = {
            "good": issuer.leaf("good", names + ",DNS:mx2.dest.example"),
            "wrong_name": issuer.leaf("wrong", "DNS:other.example"),
            "host_not_mx": issuer.leaf("host", f"DNS:{HOST}"),
            "deep_wildcard": issuer.leaf("deep", "DNS:*.example"),
            "expired": issuer.leaf("expired", names, dates=EXPIRED),
            "not_yet_valid": issuer.leaf("future", names, dates=FUTURE),
            "self_signed": issuer.self_signed("self", NAME, "ecdsa", names),
            "unknown_authority": self.stranger.leaf("strange", names),
        }
        self.home = world.home()

    def tls(self, name):
        return python_tls(self.leaves[name])

    def controls(self, strictness, **values):
        values.setdefault("trustanchors", self.issuer.bundle)
        self.home.control(tlsstrictness=strictness, **values)

    def deliver(self, host=HOST, data=None, **options):
        return self.home.deliver(host, f"bob@{host}", data or messages.small(),
                                 **options)


def no_mail_in_clear(server):
    for session in server.settle():
        for verb in ("MAIL", "RCPT", "DATA"):
            assert verb not in session.clear_verbs(), session.commands


def no_mail(server):
    no_mail_in_clear(server)
    for session in server.settle():
        assert "MAIL" not in session.verbs(), session.commands


BAD = ("wrong_name", "host_not_mx", "deep_wildcard", "expired", "not_yet_valid",
       "self_signed", "unknown_authority")


def refused_at_2(setting, name):
    setting.controls(2)
    with Scripted(setting.world, ADDRESS, STARTTLS, setting.tls(name)) as server:
        outcome = setting.deliver()
        start = f"Connected to {ADDRESS} but its certificate was refused: "
        failed(outcome, "Z", start, " (#4.7.5)\n")
        reason = outcome.text[len(start):].split(". (#4.7.5)")[0]
        assert reason, "no reason given"
        no_mail(server)


def accepted_below_2(setting, name, strictness):
    setting.controls(strictness)
    data = messages.small()
    with Scripted(setting.world, ADDRESS, STARTTLS, setting.tls(name)) as server:
        outcome = setting.deliver(data=data)
        delivered(outcome, ADDRESS)
        encrypted(outcome, "unverified")
        same(messages.as_received(server.contents()[0]), data)
        no_mail_in_clear(server)


for bad in BAD:
    suite.add(f"strict2_{bad}_refused", refused_at_2, bad)
for bad in ("wrong_name", "expired", "self_signed", "unknown_authority"):
    suite.add(f"strict0_{bad}_accepted", accepted_below_2, bad, 0)
    suite.add(f"strict1_{bad}_accepted", accepted_below_2, bad, 1)


@suite.case
def strict2_good_certificate(setting):
    setting.controls(2)
    with Scripted(setting.world, ADDRESS, STARTTLS, setting.tls("good")) as server:
        outcome = setting.deliver()
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified")
        no_mail_in_clear(server)
        equal(len(server.contents()), 1)


def strict2_without_tls(setting, script, text):
    setting.controls(2)
    with Scripted(setting.world, ADDRESS, script, setting.tls("good")) as server:
        outcome = setting.deliver()
        failed(outcome, "Z", f"Connected to {ADDRESS} but {text}")
        no_mail(server)


REQUIRED = "STARTTLS is required and not offered. (#4.7.4)\n"
LOOK_ALIKE = "250-scripted.example\r\n250-XSTARTTLS\r\n250 STARTTLSX"
suite.add("strict2_not_offered", strict2_without_tls, {}, REQUIRED)
suite.add("strict2_look_alikes", strict2_without_tls, {"EHLO": LOOK_ALIKE}, REQUIRED)
suite.add("strict2_helo_only", strict2_without_tls,
          {"EHLO": "502 no such command"}, REQUIRED)
suite.add("strict2_refused_454", strict2_without_tls, REFUSED,
          "STARTTLS was refused. (#4.7.4)\n")
suite.add("strict2_refused_501", strict2_without_tls,
          {**STARTTLS, "STARTTLS": "501 no"}, "STARTTLS was refused. (#4.7.4)\n")


def refuse_handshake(connection):
    """Not TLS at all: the client's hello gets words for an answer."""
    connection.recv(4096)
    connection.sendall(b"500 what was that\r\n")
    raise OSError("no TLS here")


def drop_handshake(connection):
    connection.recv(4096)
    raise OSError("dropped")


def without_handshake(setting, strictness, upgrade):
    """STARTTLS accepted, handshake fails: clear at 0 and 1, Z at 2."""
    setting.controls(strictness)
    data = messages.small()
    with Scripted(setting.world, ADDRESS, STARTTLS, upgrade) as server:
        outcome = setting.deliver(data=data)
        if strictness == 2:
            failed(outcome, "Z", f"Connected to {ADDRESS} but TLS failed: ", "(#4.7.5)")
            no_mail(server)
            return
        delivered(outcome, ADDRESS)
        contains(outcome.last_line, "STARTTLS failed: ")
        same(messages.as_received(server.contents()[0]), data)
        assert len(server.sessions) >= 2, "clear text needs a new connection"
        assert "MAIL" not in server.sessions[0].verbs(), server.sessions[0].commands


for level in (0, 1, 2):
    suite.add(f"strict{level}_not_tls", without_handshake, level, refuse_handshake)
    suite.add(f"strict{level}_handshake_dropped", without_handshake, level,
              drop_handshake)


@suite.case
def strict2_old_tls_only(setting):
    """No common version."""
    context = server_context(setting.leaves["good"], ssl.TLSVersion.TLSv1,
                             ssl.TLSVersion.TLSv1_1)
    context.set_ciphers("ALL:@SECLEVEL=0")
    setting.controls(2)
    with Scripted(setting.world, ADDRESS, STARTTLS, python_tls(None, context)) as server:
        failed(setting.deliver(), "Z", "but TLS failed: ", "(#4.7.5)")
        no_mail(server)


def clear_when(setting, strictness, script, line):
    """On in clear: the last line of the report is line, or no TLS line."""
    setting.controls(strictness)
    data = messages.small()
    with Scripted(setting.world, ADDRESS, script, setting.tls("good")) as server:
        outcome = setting.deliver(data=data)
        delivered(outcome, ADDRESS)
        if line:
            contains(outcome.last_line, line)
        else:
            in_clear(outcome)
        same(messages.as_received(server.contents()[0]), data)
        return server


suite.add("strict0_not_offered_goes_clear", clear_when, 0, {}, None)
suite.add("strict0_refused_goes_clear", clear_when, 0, REFUSED, "STARTTLS failed: ")
suite.add("strict1_refused_goes_clear", clear_when, 1, REFUSED, "STARTTLS failed: ")


@suite.case
def strict1_not_offered_goes_clear(setting):
    """Nothing to find with TLS: a second pass in clear."""
    setting.controls(1)
    with Scripted(setting.world, ADDRESS, {}) as server:
        delivered(setting.deliver(), ADDRESS)
        sessions = server.settle()
        assert all("MAIL" not in s.verbs() for s in sessions[:-1])
        equal(len(server.contents()), 1)


@suite.case
def strict0_refused_stays_on_the_connection(setting):
    server = clear_when(setting, 0, REFUSED, "STARTTLS failed: ")
    equal(len(server.sessions), 1, "connections")


@suite.case
def strict0_offer_ignored_without_anchors(setting):
    setting.home.control()
    with Scripted(setting.world, ADDRESS, STARTTLS, setting.tls("good")) as server:
        outcome = setting.deliver()
        delivered(outcome, ADDRESS)
        in_clear(outcome)
        assert "STARTTLS" not in server.settle()[0].verbs()


def two_servers(setting, strictness, first, second):
    """The outcome and the scripted servers of pair.example."""
    setting.controls(strictness)
    with Scripted(setting.world, ADDRESS, first, setting.tls("good")) as one:
        with Scripted(setting.world, SECOND, second, setting.tls("good")) as two:
            outcome = setting.deliver("pair.example")
            one.settle()
            two.settle()
            return outcome, one, two


@suite.case
def strict1_prefers_the_server_with_tls(setting):
    outcome, one, _ = two_servers(setting, 1, {}, STARTTLS)
    delivered(outcome, SECOND)
    encrypted(outcome, "unverified")
    assert all("MAIL" not in s.verbs() for s in one.sessions)


@suite.case
def strict0_takes_the_first_server(setting):
    outcome, _, two = two_servers(setting, 0, {}, STARTTLS)
    delivered(outcome, ADDRESS)
    in_clear(outcome)
    assert all("MAIL" not in s.verbs() for s in two.sessions)


@suite.case
def strict2_takes_the_second_server(setting):
    outcome, one, _ = two_servers(setting, 2, {}, STARTTLS)
    delivered(outcome, SECOND)
    encrypted(outcome, "verified")
    no_mail_in_clear(one)


@suite.case
def strict2_route_by_address_needs_that_address(setting):
    """The certificate names the host, not the address."""
    setting.controls(2, smtproutes=f"{HOST}:[{ADDRESS}]")
    with Scripted(setting.world, ADDRESS, STARTTLS, setting.tls("good")) as server:
        failed(setting.deliver(), "Z", "but its certificate was refused: ")
        no_mail(server)


@suite.case
def capabilities_are_asked_again_over_tls(setting):
    """What was offered in clear does not hold after the handshake."""
    setting.controls(2)
    offer = "250-x\r\n250-STARTTLS\r\n250-SIZE 10\r\n250 PIPELINING"
    script = {"EHLO": offer, "tls EHLO": "250 x"}
    with Scripted(setting.world, ADDRESS, script, setting.tls("good")) as server:
        delivered(setting.deliver(), ADDRESS)
        said = [c for c in server.settle()[0].commands if c.startswith("tls ")]
        equal(said[0], "tls EHLO client.example")
        assert not any(" SIZE=" in c for c in said), said


@suite.case
def strict2_injection_after_starttls(setting):
    """Bytes behind the reply to STARTTLS: that connection is dead."""
    setting.controls(2)
    script = {**STARTTLS, "STARTTLS": b"220 go\r\n250 injected\r\n"}
    with Scripted(setting.world, ADDRESS, script, setting.tls("good")) as server:
        outcome = setting.deliver()
        failed(outcome, "Z", ADDRESS)
        equal(server.settle()[0].verbs(), ["EHLO", "STARTTLS"])
        no_mail(server)


@suite.case
def strict2_without_trustanchors(setting):
    setting.controls(2, trustanchors=None)
    with Scripted(setting.world, ADDRESS, STARTTLS, setting.tls("good")) as server:
        failed(setting.deliver(), "Z", "trustanchors")
        no_mail(server)


def bad_anchors(setting, path):
    setting.controls(2, trustanchors=path)
    with Scripted(setting.world, ADDRESS, STARTTLS, setting.tls("good")) as server:
        failed(setting.deliver(), "Z", path)
        no_mail(server)


suite.add("strict2_anchors_missing", bad_anchors, "/run/mote/none.pem")
suite.add("strict2_anchors_missing_folder", bad_anchors, "/run/mote/none/")
suite.add("strict2_anchors_not_certificates", bad_anchors, "/run/mote/resolv.conf")


def bad_strictness(setting, value):
    setting.controls(value)
    with Scripted(setting.world, ADDRESS, STARTTLS, setting.tls("good")) as server:
        failed(setting.deliver(), "Z", "Unable to read control files. (#4.3.0)\n",
               "control/tlsstrictness: must be 0, 1 or 2")
        equal(server.sessions, [])


for value in ("3", "-1", "yes", ""):
    suite.add(f"tlsstrictness_{value or 'empty'}", bad_strictness, value)

if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
