# SPDX-License-Identifier: ISC
"""Where a secret may be said: to a server that has proved its name, on the
loopback, or where control/tlspolicy says so; else no AUTH on any wire."""

import sys

import messages
from checks import delivered, encrypted, failed, in_clear
from harness import Skip, Suite, equal
from logins import (ADDRESS, LOOPBACK, PAIR, PASSWORD, RELAY, SECOND, TOKEN, USER,
                    Setting, heard, in_clear_wants, logins, no_login, offer, one_session,
                    plain, route, wants)
from names import AD
from scripted import DROP
from signed import tlsa
from world import run_suite

LOOPBACK_PORT = 2525
STRICTNESSES = (0, 1, 2)
CONTROL = "Unable to read control files. (#4.3.0)\n"
suite = Suite()


def drop_handshake(connection):
    connection.recv(4096)
    raise OSError("dropped")


def answer_in_clear(connection):
    connection.recv(4096)
    connection.sendall(b"500 what was that\r\n")
    raise OSError("no TLS here")


# ---- no proof, no login

FULL = wants("AUTH PLAIN LOGIN XOAUTH2")
OUTSIDE = in_clear_wants("AUTH PLAIN LOGIN")  # nothing else is offered
# name: script, certificate or what comes in the place of TLS, part of the text
FAULTS = {
    "stripped": (OUTSIDE, "good", "STARTTLS is required and not offered. (#4.7.4)"),
    "refused_454": ({**FULL, "EHLO": offer("STARTTLS", "AUTH PLAIN"), "AUTH": "235 ok",
                     "STARTTLS": "454 4.7.0 not now"}, "good",
                    "STARTTLS was refused. (#4.7.4)"),
    "refused_501": ({**FULL, "STARTTLS": "501 no"}, "good",
                    "STARTTLS was refused. (#4.7.4)"),
    "self_signed": (FULL, "self_signed", "its certificate was refused: self-signed"),
    "wrong_name": (FULL, "wrong_name", "its certificate was refused: not valid for"),
    "stranger": (FULL, "stranger", "its certificate was refused: issued by an unknown"),
    "handshake_dropped": (FULL, drop_handshake, "TLS failed: "),
    "handshake_in_clear": (FULL, answer_in_clear, "TLS failed: "),
    "helo_only": ({"EHLO": "502 5.5.1 what"}, "good", ""),
    "ehlo_dropped": ({"EHLO": DROP}, "good", ""),
}


def not_proved(setting, name, strictness):
    """At either of two addresses; not in clear, not by HELO, not in a second
    pass."""
    script, how, text = FAULTS[name]

    def server(address):
        if callable(how):
            made = setting.server(script, address=address)
            made.upgrade = how
            return made
        return setting.server(script, how, address)

    with server(ADDRESS) as one, server(SECOND) as two:
        outcome = setting.deliver(route(PAIR), PASSWORD, tlsstrictness=strictness)
        failed(outcome, "Z", text)
        no_login(one, two)
        for session in one.settle() + two.settle():
            assert "HELO" not in session.verbs(), session.commands
        equal([len(one.settle()), len(two.settle())], [1, 1], "connections")
    equal(outcome.leaks.said(b"AUTH", 25), 0)
    equal(outcome.recipients, "")


for name in FAULTS:
    for strictness in STRICTNESSES:
        suite.add(f"{name}_strict{strictness}", not_proved, name, strictness)


@suite.case
def no_token_either(setting):
    path = setting.home.secret("token", f"Bearer {TOKEN}\n".encode())
    with setting.server(FULL, "wrong_name") as server:
        outcome = setting.deliver(route(secret="<" + path), TOKEN)
        failed(outcome, "Z", "its certificate was refused: not valid for")
        no_login(server)


@suite.case
def a_sender_without_login_is_not_held_to_it(setting):
    """The same relay, self-signed, takes the mail of others at strictness 0."""
    with setting.server(FULL, "self_signed") as server:
        outcome = setting.deliver("relay.example", PASSWORD,
                                  authsenders=b"@other.example:" + route())
        delivered(outcome, ADDRESS)
        encrypted(outcome, "unverified")
        equal(logins(server), 0)


@suite.case
def helo_only_on_the_loopback(setting):
    """No HELO is said, for with it there is no login."""
    script = {"EHLO": "502 5.5.1 what"}
    with setting.server(script, address=LOOPBACK, port=LOOPBACK_PORT) as server:
        outcome = setting.deliver(route(f"{LOOPBACK}:{LOOPBACK_PORT}"), PASSWORD)
        failed(outcome, "Z", "502 5.5.1 what")
        no_login(server)
        assert "HELO" not in one_session(server).verbs()


@suite.case
def anchors_are_needed(setting):
    """Or a pin, the loopback, or unsafe-login: else it cannot come to a proof."""
    with setting.server(FULL) as server:
        outcome = setting.deliver(route(), PASSWORD, trustanchors=None)
        failed(outcome, "Z", CONTROL,
               "control/trustanchors: needed to log in at relay.example")
        equal([s.commands for s in server.settle() if s.commands], [])


# ---- mail that says it needs no proof


@suite.case
def a_login_is_not_the_mails_to_waive(setting):
    """What proves the relay is its records, with the field and without it, whatever
    the anchors make of its certificate."""
    data = bytes.fromhex(tlsa("3 1 1", setting.leaves["self_signed"]).split()[3])
    setting.names.add(f"_25._tcp.{RELAY}", TLSA=[b"\3\1\1" + data])
    setting.names.flags |= AD
    try:
        for field in (b"", b"TLS-Required: No\n"):
            mail = {"data": field + messages.small(), "dane": "1"}
            for anchors in ({}, {"trustanchors": None}):
                with setting.server(FULL, "self_signed") as server:
                    outcome = setting.deliver(route(), PASSWORD, **mail, **anchors)
                    delivered(outcome, ADDRESS)
                    encrypted(outcome, "dane")
                    equal(logins(server), 1)
                with setting.server(FULL, "good") as server:
                    outcome = setting.deliver(route(), PASSWORD, **mail, **anchors)
                    failed(outcome, "Z", "none of its 1 TLSA records matches")
                    no_login(server)
    finally:
        setting.names.flags &= ~AD
        del setting.names.zone[f"_25._tcp.{RELAY}"]


# ---- the loopback

def on_loopback(setting, address, strictness, anchors):
    """A tunnel ends there: what is said to it is in clear, as it may be; at
    strictness 1 on a second connection, as ever."""
    if ":" in address and not setting.world.has_ipv6:
        raise Skip("no IPv6 here")
    relay = f"[{address}]:{LOOPBACK_PORT}"
    values = {"trustanchors": setting.issuer.bundle} if anchors else {"trustanchors": None}
    script = in_clear_wants("AUTH PLAIN")
    with setting.server(script, address=address, port=LOOPBACK_PORT) as server:
        outcome = setting.deliver(route(relay), PASSWORD, leak=True,
                                  tlsstrictness=strictness, **values)
        delivered(outcome, address)
        in_clear(outcome)
        equal(len(server.settle()), 1 + strictness, "connections")
        equal(heard(server.settle()[-1]), ["PLAIN", plain()])
        equal(logins(server), 1)


for name, address in (("ipv4", LOOPBACK), ("ipv4_high", "127.9.8.7"), ("ipv6", "::1")):
    suite.add(f"loopback_{name}", on_loopback, address, 0, False)
    suite.add(f"loopback_{name}_with_anchors", on_loopback, address, 1, True)


@suite.case
def loopback_at_strictness_2(setting):
    """What the level asks for, it asks for there too."""
    relay = f"{LOOPBACK}:{LOOPBACK_PORT}"
    script = in_clear_wants("AUTH PLAIN")
    with setting.server(script, address=LOOPBACK, port=LOOPBACK_PORT) as server:
        outcome = setting.deliver(route(relay), PASSWORD, tlsstrictness=2)
        failed(outcome, "Z", "STARTTLS is required and not offered.")
        no_login(server)


# ---- unsafe-login

def unsafe(setting, script, leaf, verify):
    with setting.server(script, leaf) as server:
        outcome = setting.deliver(route(), PASSWORD, leak=verify is None,
                                  tlspolicy="relay.example:0 unsafe-login",
                                  trustanchors=None)
        delivered(outcome, ADDRESS)
        encrypted(outcome, verify) if verify else in_clear(outcome)
        equal(heard(one_session(server)), ["PLAIN", plain()])


suite.add("unsafe_in_clear", unsafe, OUTSIDE, "good", None)
suite.add("unsafe_self_signed", unsafe, FULL, "self_signed", "unverified")
suite.add("unsafe_wrong_name", unsafe, FULL, "wrong_name", "unverified")


@suite.case
def unsafe_holds_for_its_relay_alone(setting):
    with setting.server(OUTSIDE) as server:
        outcome = setting.deliver(route(), PASSWORD,
                                  tlspolicy="other.example:0 unsafe-login")
        failed(outcome, "Z", "STARTTLS is required and not offered.")
        no_login(server)


@suite.case
def unsafe_at_2_is_safe(setting):
    with setting.server(FULL, "self_signed") as server:
        outcome = setting.deliver(route(), PASSWORD,
                                  tlspolicy="relay.example:2 unsafe-login")
        failed(outcome, "Z", "its certificate was refused: self-signed")
        no_login(server)


# ---- pins and names

def pinned(setting, leaf, pins, good):
    policy = f"relay.example:0 pin={','.join(pins)}"
    with setting.server(FULL, leaf) as server:
        outcome = setting.deliver(route(), PASSWORD, tlspolicy=policy, trustanchors=None)
        if good:
            delivered(outcome, ADDRESS)
            encrypted(outcome, "pinned")
            equal(heard(one_session(server)), ["PLAIN", plain()])
        else:
            failed(outcome, "Z", "its certificate was refused: ")
            no_login(server)


@suite.case
def pin_of_the_key(setting):
    """The name, the dates and the issuer are nothing to it."""
    for leaf in ("good", "self_signed", "wrong_name"):
        pinned(setting, leaf, [setting.pin_of(setting.leaves[leaf])], True)


@suite.case
def pin_of_several(setting):
    pins = ["0" * 64, setting.pin_of(setting.leaves["self_signed"]).upper()]
    pinned(setting, "self_signed", pins, True)


@suite.case
def pin_of_another_key(setting):
    pinned(setting, "good", [setting.pin_of(setting.leaves["self_signed"])], False)
    pinned(setting, "good", ["0" * 64, "f" * 64], False)


@suite.case
def pin_where_tls_is_stripped(setting):
    policy = f"relay.example:0 pin={setting.pin_of(setting.leaves['good'])}"
    with setting.server(OUTSIDE) as server:
        outcome = setting.deliver(route(), PASSWORD, tlspolicy=policy)
        failed(outcome, "Z", "STARTTLS is required and not offered.")
        no_login(server)


@suite.case
def name_of_another(setting):
    """`name=` is what has to be proved, in the place of the relay's."""
    policy = "relay.example:0 name=other.example"
    with setting.server(FULL, "wrong_name") as server:
        outcome = setting.deliver(route(), PASSWORD, tlspolicy=policy)
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified")
        equal(logins(server), 1)
    with setting.server(FULL, "good") as server:
        outcome = setting.deliver(route(), PASSWORD, tlspolicy=policy)
        failed(outcome, "Z", "not valid for other.example")
        no_login(server)


# ---- a route from authsenders is held to the same

@suite.case
def by_sender(setting):
    """Proved, it is used; else nothing of it is said."""
    line = b"alice@client.example:" + route()
    for leaf, good in (("good", True), ("wrong_name", False)):
        with setting.server(FULL, leaf) as server:
            data = messages.small()
            outcome = setting.deliver("unknown.example", PASSWORD, USER,
                                      authsenders=line, data=data)
            if good:
                delivered(outcome, ADDRESS)
                equal(heard(one_session(server)), ["PLAIN", plain()])
            else:
                failed(outcome, "Z", "its certificate was refused: not valid for")
                no_login(server)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
