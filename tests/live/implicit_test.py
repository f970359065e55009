# SPDX-License-Identifier: ISC
"""TLS from the first byte (RFC 8314): at port 465 and where control/tlspolicy
says `implicit`. STARTTLS is neither looked for nor said, and nothing is ever
said in clear."""

import functools
import socket
import sys
import threading
import time

import messages
from checks import delivered, encrypted, failed
from flights import Relay, RoundNames
from harness import Suite, equal
from logins import (ADDRESS, HOST, PAIR, PASSWORD, SECOND, Setting, heard, logins,
                    no_login, offer, one_session, plain, route)
from scripted import Scripted
from tlsserver import openssl_s_server, python_tls
from world import listener, run_suite

PORT, OTHER_PORT = 465, 4465
BEHIND, BEHIND_PORT = "127.0.0.1", 2465
STRICTNESSES = (0, 1, 2)
ROUND_TRIPS_MAX = 8  # DNS 1, TCP 1, TLS 1, greeting 1, EHLO, AUTH, up to DATA, message
QUICK_S = 10  # a third of timeoutremote
suite = Suite()


def script(*lines, **events):
    """Everything is inside TLS. STARTTLS is offered there, as some do."""
    return {"EHLO": offer("STARTTLS", *lines), "AUTH": "235 2.7.0 welcome", **events}


def server(setting, leaf="good", address=ADDRESS, port=PORT, **options):
    return setting.server(options.pop("script", script("AUTH PLAIN")), leaf, address,
                          port=port, implicit=True, **options)


def whole(session, *login):
    """One EHLO, no STARTTLS, every command inside TLS."""
    equal(session.verbs(), ["EHLO", *login, "MAIL", "RCPT", "DATA", "QUIT"])
    equal(session.clear_verbs(), [], "said in clear")
    equal(len(session.contents), 1, "messages")


# ---- what begins with TLS

@suite.case
def port_465_with_a_login(setting):
    data = messages.small()
    with server(setting) as relay:
        outcome = setting.deliver(route("relay.example:465"), PASSWORD, data=data)
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified")
        session = one_session(relay)
    whole(session, "AUTH")
    equal(heard(session), ["PLAIN", plain()])
    equal(messages.as_received(session.contents[0]), data)


def without_login(setting, value, policy, strictness, port=PORT):
    """No anchors are needed where no proof is."""
    verify = "verified" if strictness == 2 else "unverified"
    anchors = setting.issuer.bundle if strictness == 2 else None
    with server(setting, "good" if strictness == 2 else "self_signed", port=port) as relay:
        outcome = setting.deliver(value, trustanchors=anchors, tlspolicy=policy,
                                  tlsstrictness=strictness)
        delivered(outcome, ADDRESS)
        encrypted(outcome, verify)
        whole(one_session(relay))


for strictness in STRICTNESSES:
    suite.add(f"port_465_strict{strictness}", without_login, "relay.example:465", None,
              strictness)
    suite.add(f"implicit_strict{strictness}", without_login, f"relay.example:{OTHER_PORT}",
              f"relay.example:{strictness} implicit", strictness, OTHER_PORT)
    suite.add(f"address_465_strict{strictness}", without_login, f"{ADDRESS}:465", None,
              min(strictness, 1))


@suite.case
def implicit_at_port_25(setting):
    with server(setting, port=25) as relay:
        outcome = setting.deliver(route(), PASSWORD,
                                  tlspolicy="relay.example:0 implicit")
        delivered(outcome, ADDRESS)
        whole(one_session(relay), "AUTH")


@suite.case
def implicit_with_the_login_unsafe(setting):
    """unsafe-login spares the proof, not TLS."""
    with server(setting, "self_signed", port=OTHER_PORT) as relay:
        outcome = setting.deliver(
            route(f"relay.example:{OTHER_PORT}"), PASSWORD, trustanchors=None,
            tlspolicy="relay.example:0 implicit unsafe-login")
        delivered(outcome, ADDRESS)
        encrypted(outcome, "unverified")
        whole(one_session(relay), "AUTH")


@suite.case
def the_hosts_own_exchangers_at_465(setting):
    """`host::465` in smtproutes."""
    setting.home.control(smtproutes=f"{HOST}::465")
    with server(setting, "self_signed") as relay:
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small())
        delivered(outcome, ADDRESS)
        encrypted(outcome, "unverified")
        whole(one_session(relay))


@suite.case
def openssl_s_server_as_the_relay(setting):
    """Somebody else's TLS from the first byte, in both versions."""
    for version in ("1.2", "1.3"):
        upgrade = openssl_s_server(setting.world, setting.leaves["good"], version)
        with Scripted(setting.world, ADDRESS, script("AUTH PLAIN"), upgrade, PORT,
                      implicit=True) as relay:
            outcome = setting.deliver(route("relay.example:465"), PASSWORD)
            delivered(outcome, ADDRESS)
            encrypted(outcome, "verified", version)
            whole(one_session(relay), "AUTH")


# ---- what fails

class Plain:
    """A server that greets in clear at once; and keeps what it hears."""

    def __init__(self, world, address, words):
        self.words, self.heard = words, []
        self.listener = listener(address, PORT)
        world.closers.append(self.listener.close)
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        """Waits for the client to leave: it must not wait for the server."""
        said = b""
        self.heard.append(said)
        number = len(self.heard) - 1
        try:
            connection.sendall(self.words)
            while True:
                some = connection.recv(65536)
                if not some:
                    break
                said += some
                self.heard[number] = said
        except OSError:
            pass
        connection.close()


def speaks_in_clear(setting, words, strictness, with_login):
    """At once, and by a reason that says so."""
    value = "relay.example:465"
    values = {"tlsstrictness": strictness}
    began = time.monotonic()
    with Plain(setting.world, ADDRESS, words) as relay:
        outcome = setting.deliver(route(value) if with_login else value,
                                  *([PASSWORD] if with_login else []), **values)
        equal(len(relay.heard), 1, "connections")
        assert b"EHLO" not in relay.heard[0] and b"HELO" not in relay.heard[0]
    took = time.monotonic() - began
    failed(outcome, "Z", f"Connected to {ADDRESS} but TLS failed: ", "clear", "(#4.7.5)")
    assert took < QUICK_S, f"took {took:.1f} s"


for strictness in STRICTNESSES:
    suite.add(f"greets_in_clear_strict{strictness}", speaks_in_clear,
              b"220 relay.example ESMTP\r\n", strictness, True)
    suite.add(f"greets_in_clear_strict{strictness}_without_login", speaks_in_clear,
              b"220-relay.example\r\n220 ESMTP\r\n", strictness, False)
suite.add("refuses_in_clear", speaks_in_clear, b"554 5.3.2 go away\r\n", 0, True)


def broken(connection):
    connection.recv(4096)
    raise OSError("dropped")


def alerted(connection):
    connection.recv(4096)
    connection.sendall(bytes.fromhex("15030300020228"))
    raise OSError("alert 40")


BREAKS = {"dropped": broken, "alert": alerted}


def handshake_fails(setting, how, strictness, with_login):
    """Never in clear, not by STARTTLS, no second pass: the next, and then a Z."""
    value = f"{PAIR}:465"
    with server(setting) as one, server(setting, address=SECOND) as two:
        one.upgrade = two.upgrade = BREAKS[how]
        outcome = setting.deliver(route(value) if with_login else value,
                                  *([PASSWORD] if with_login else []),
                                  tlsstrictness=strictness)
        failed(outcome, "Z", " but TLS failed: ", "(#4.7.5)")
        no_login(one, two)
        equal([len(one.settle()), len(two.settle())], [1, 1], "connections")
    for word in (b"EHLO", b"STARTTLS", b"MAIL FROM"):
        equal(outcome.leaks.said(word, PORT), 0, f"{word} in clear")


for how in BREAKS:
    for strictness in STRICTNESSES:
        suite.add(f"handshake_{how}_strict{strictness}", handshake_fails, how,
                  strictness, True)
        suite.add(f"handshake_{how}_strict{strictness}_without_login", handshake_fails,
                  how, strictness, False)


def next_candidate(setting, fault):
    """The other address of the relay takes it, however the two are shuffled."""
    for _ in range(4):
        with server(setting) as good:
            with server(setting, address=SECOND) as bad:
                if fault == "handshake":
                    bad.upgrade = broken
                else:
                    bad.upgrade = python_tls(setting.leaves["wrong_name"])
                outcome = setting.deliver(route(f"{PAIR}:465"), PASSWORD)
                delivered(outcome, ADDRESS)
                encrypted(outcome, "verified")
                equal(len(good.contents()), 1)
                no_login(bad)


suite.add("next_after_a_broken_handshake", next_candidate, "handshake")
suite.add("next_after_a_wrong_name", next_candidate, "name")


def not_proved(setting, leaf, strictness):
    with server(setting, leaf) as relay:
        outcome = setting.deliver(route("relay.example:465"), PASSWORD,
                                  tlsstrictness=strictness)
        failed(outcome, "Z", "its certificate was refused: ")
        no_login(relay)
        equal(len(relay.settle()), 1, "connections")


for leaf in ("self_signed", "wrong_name", "stranger"):
    for strictness in STRICTNESSES:
        suite.add(f"{leaf}_strict{strictness}", not_proved, leaf, strictness)


@suite.case
def nobody_there(setting):
    outcome = setting.deliver(route("relay.example:465"), PASSWORD)
    failed(outcome, "Z", "(#4.4.1)\n", "Connection refused")


# ---- round trips

def three_tries(case):
    """Once more if it failed: a gap in a flight, on a machine that is busy, is
    taken for two flights."""
    @functools.wraps(case)
    def run(*args):
        for _ in range(2):
            try:
                return case(*args)
            except AssertionError:
                pass
        return case(*args)
    return run


@suite.case
@three_tries
def round_trips(setting):
    """465 with PLAIN over TLS 1.3: the names of the relay, then the connection.
    The greeting comes with the end of the handshake, so what a relay counts for
    it apart is none here."""
    setting.names.forget()
    offered = script("PIPELINING", "AUTH PLAIN")
    with Scripted(setting.world, BEHIND, offered, setting.tls(), BEHIND_PORT,
                  implicit=True) as behind:
        with Relay(setting.world, ADDRESS, behind, PORT) as relay:
            outcome = setting.deliver(route("relay.example:465"), PASSWORD)
            delivered(outcome, ADDRESS)
            encrypted(outcome, "verified", "1.3")
            count = relay.round_trips() - 1
        whole(one_session(behind), "AUTH")
    equal(len(setting.names.rounds), 1, "rounds of DNS")
    assert count + 1 <= ROUND_TRIPS_MAX, f"{count} of the connection: {relay.waited}"


if __name__ == "__main__":
    sys.exit(run_suite(suite, lambda world: Setting(world, RoundNames)))
