# SPDX-License-Identifier: ISC
"""mote-probe where a relay wants a login: it logs in, for that is what is asked
of it, and not again where it was refused; it says as whom, and never the secret;
it prints the pin of a server, and what in the control files deserves a look."""

import os
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


# ---- files that deserve a look

def looks(setting, *arguments):
    return [line for line in setting.probe(BOX, *arguments, secrets=[PASSWORD]).splitlines()
            if line.startswith("look: ")]


@suite.case
def a_password_that_others_can_read(setting):
    setting.controls(route("closed.example"))
    path = setting.home.control_path("smtproutes")
    os.chmod(path, 0o644)
    equal(looks(setting), ["look: control/smtproutes has a password and others can "
                           "read it: chgrp qmail, chmod 640"])
    os.chmod(path, 0o640)
    equal(looks(setting), [])


@suite.case
def a_secret_elsewhere_is_no_password_here(setting):
    path = setting.home.secret("elsewhere", PASSWORD.encode())
    setting.controls(route("closed.example", secret=f"<{path}"))
    os.chmod(setting.home.control_path("smtproutes"), 0o644)
    equal(looks(setting), [])


@suite.case
def a_line_without_a_colon(setting):
    setting.controls("closed.example", authsenders="# a@b\n\na@b.example")
    equal(looks(setting), ["look: control/authsenders:3 has no colon: it is not used"])


@suite.case
def files_of_other_patches(setting):
    setting.controls("closed.example")
    for name in ("tlshosts", "notlshosts", "tlsdestinations", "domaincerts",
                 "clientcert.pem"):
        setting.home.plant(name, b"")
        seen = looks(setting)
        os.unlink(setting.home.control_path(name))
        equal(len(seen), 1, name)
        contains(seen[0], f"look: control/{name} is not used; write ")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
