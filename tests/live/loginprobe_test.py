# SPDX-License-Identifier: ISC
"""mote-probe where a relay wants a login: it logs in, for that is what is asked
of it, and not again where it was refused; it says as whom, and never the secret; and it prints the
pin of a server."""

import sys

from checks import delivered, encrypted
from harness import Suite, contains, equal
from logins import (ADDRESS, BOX, PASSWORD, USER, Setting, logins, no_login, offer,
                    route, wants)
from world import run_suite

suite = Suite()
FULL = wants("AUTH PLAIN LOGIN")
INSIDE = {"EHLO": offer("AUTH LOGIN PLAIN"), "AUTH": "235 welcome"}


def accepted(setting, value, script, **options):
    setting.controls(route(value))
    with setting.server(script, **options) as server:
        said = setting.probe(BOX, secrets=[PASSWORD])
        contains(said, f"accepted as {USER}, by PLAIN")
        assert logins(server) in (1, 2), "once for each of its connections"
        for session in server.settle():
            assert "DATA" not in session.verbs(), session.commands
        return server


@suite.case
def logs_in(setting):
    accepted(setting, "relay.example", FULL)


@suite.case
def logs_in_at_465(setting):
    server = accepted(setting, "relay.example:465", INSIDE, port=465, implicit=True)
    for session in server.settle():
        equal(session.clear_verbs(), [])
        assert "STARTTLS" not in session.verbs(), session.commands


@suite.case
def is_refused_once(setting):
    """Another would count towards a lock-out; and the quoted secret is hidden."""
    setting.controls(route())
    script = wants("AUTH PLAIN", AUTH=lambda line: f"535 5.7.8 not {line}")
    with setting.server(script) as server:
        said = setting.probe(BOX, secrets=[PASSWORD])
        contains(said, "535 5.7.8 not ")
        contains(said, "***")
        equal(logins(server), 1)


@suite.case
def does_not_log_in_without_a_proof(setting):
    setting.controls(route())
    with setting.server(FULL, "wrong_name") as server:
        contains(setting.probe(BOX, secrets=[PASSWORD]), "not valid for relay.example")
        no_login(server)


@suite.case
def prints_a_pin_to_be_pasted(setting):
    """Found in what it says, put into control/tlspolicy, it is the proof."""
    found = f"pin={setting.pin_of(setting.leaves['self_signed'])}"
    setting.controls("relay.example", trustanchors=None, tlspolicy="relay.example:0")
    with setting.server(FULL, "self_signed") as server:
        contains(setting.probe(BOX), found)
        outcome = setting.deliver(route(), PASSWORD, trustanchors=None,
                                  tlspolicy=f"relay.example:0 {found}")
        delivered(outcome, ADDRESS)
        encrypted(outcome, "pinned")
        equal(logins(server), 1)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
