# SPDX-License-Identifier: ISC
"""A login that is refused, at each of its steps: always a Z and never a bounce;
who is asked next; and no secret in what is told of it."""

import sys
import threading

from checks import delivered, failed
from harness import Suite, contains, equal
from logins import (ADDRESS, HOST, PAIR, PASSWORD, REJECTED, SECOND, TOKEN, USER,
                    Setting, heard, in_clear_wants, logins, one_session, plain,
                    route, wants)
from scripted import DROP, RESET
from world import run_suite

FINAL = ("500", "504", "530", "534", "535", "538", "550")
PASSING = ("421", "432", "454")
WELCOME = "235 2.7.0 welcome"
suite = Suite()

# A step: what is offered, and after how many lines of the login it comes.
STEPS = {
    "plain": ("AUTH PLAIN", 0),
    "plain_asked": ("AUTH PLAIN", 1),
    "login": ("AUTH LOGIN", 0),
    "login_user": ("AUTH LOGIN", 1),
    "login_password": ("AUTH LOGIN", 2),
    "xoauth2": ("AUTH XOAUTH2", 0),
    "xoauth2_error": ("AUTH XOAUTH2", 1),
    "oauthbearer": ("AUTH OAUTHBEARER", 0),
    "oauthbearer_error": ("AUTH OAUTHBEARER", 1),
}
PROMPTS = {"AUTH PLAIN": 0, "AUTH LOGIN": 2, "AUTH XOAUTH2": 0, "AUTH OAUTHBEARER": 0}


class Doorkeeper:
    """Answers the lines of logins, whichever server hears them: the first that
    comes to the step has the reply, later ones are let in."""

    def __init__(self, offered, step, reply, always=False):
        self.prompts, self.step, self.reply = PROMPTS[offered], step, reply
        self.always = always
        self.refused, self.lock = False, threading.Lock()

    def script(self, offered):
        """One for each connection: the lines of a login are counted."""
        return wants(offered, AUTH=lambda line: self.answer(line, 0),
                     answer=[lambda line, n=n: self.answer(line, n) for n in (1, 2, 3)])

    def answer(self, _line, count):
        with self.lock:
            if self.refused and not self.always:
                return "334 " if count < self.prompts else WELCOME
            if count < self.step:
                return "334 "
            self.refused = True
            return self.reply


def given(setting, offered):
    if offered in ("AUTH PLAIN", "AUTH LOGIN"):
        return PASSWORD
    return "<" + setting.home.secret("token", f"bearer {TOKEN}\n".encode())


def refused(setting, name, reply, goes_on):
    """At one of two addresses of the relay; the other would let it in."""
    offered, step = STEPS[name]
    door = Doorkeeper(offered, step, reply)
    with setting.server(door.script(offered)) as one, \
            setting.server(door.script(offered), address=SECOND) as two:
        secret = given(setting, offered)
        outcome = setting.deliver(route(PAIR, secret=secret), PASSWORD, TOKEN)
        asked = logins(one, two)
        contents = one.contents() + two.contents()
    assert door.refused, "the login did not come to that step"
    if goes_on:
        delivered(outcome)
        equal(asked, 2, "logins")
        equal(len(contents), 1, "messages")
        return
    failed(outcome, "Z", REJECTED, f"Remote host said: {reply}")
    equal(outcome.recipients, "", "recipients")
    equal(asked, 1, "logins")
    equal(contents, [], "messages")


for name in STEPS:
    for code in FINAL:
        suite.add(f"{name}_{code}", refused, name, f"{code} 5.7.0 no", False)
    for code in PASSING:
        suite.add(f"{name}_{code}", refused, name, f"{code} 4.7.0 no", True)
    suite.add(f"{name}_drop", refused, name, DROP, True)
    suite.add(f"{name}_reset", refused, name, RESET, True)


def refused_everywhere(setting, reply):
    """For now, by all: a Z with the reply, and one login an address."""
    door = Doorkeeper("AUTH PLAIN", 0, reply, always=True)
    with setting.server(door.script("AUTH PLAIN")) as one, \
            setting.server(door.script("AUTH PLAIN"), address=SECOND) as two:
        outcome = setting.deliver(route(PAIR), PASSWORD)
        failed(outcome, "Z", REJECTED, f"Remote host said: {reply}")
        equal(logins(one, two), 2)


suite.add("everywhere_454", refused_everywhere, "454 4.7.0 it is down")
suite.add("everywhere_432", refused_everywhere, "432 4.7.12 a new password is needed")


def odd(setting, reply):
    """What cannot stand there ends the session; nobody's mail is sent on."""
    with setting.server(wants("AUTH PLAIN", AUTH=reply)) as server:
        outcome = setting.deliver(route(), PASSWORD)
        failed(outcome, "Z", f"Connected to {ADDRESS} but ")
        equal(logins(server), 1)
        assert "MAIL" not in one_session(server).verbs()


for code in ("354 go on", "199 what", "999 what", "words"):
    suite.add(f"odd_{code.split()[0]}", odd, code)


# ---- another mechanism, on the same connection

def another(setting, code):
    """Microsoft's servers take PLAIN's name for what they do not know: 504."""
    def answer(line):
        return f"{code} 5.7.4 no" if "PLAIN" in line else "334 "

    script = wants("AUTH PLAIN LOGIN", AUTH=answer, answer=["334 ", WELCOME])
    with setting.server(script) as server:
        delivered(setting.deliver(route(), PASSWORD), ADDRESS)
        equal(heard(one_session(server)),
              ["PLAIN", plain(), "LOGIN", USER.encode(), PASSWORD.encode()])


def another_is_the_last(setting, code):
    script = wants("AUTH LOGIN PLAIN", AUTH=f"{code} 5.7.4 no")
    with setting.server(script) as server:
        outcome = setting.deliver(route(), PASSWORD)
        failed(outcome, "Z", REJECTED, f"{code} 5.7.4 no")
        equal(heard(one_session(server)), ["PLAIN", plain(), "LOGIN"])


for code in ("500", "502", "503", "504"):
    suite.add(f"another_after_{code}", another, code)
    suite.add(f"another_is_the_last_{code}", another_is_the_last, code)


@suite.case
def no_other_after_535(setting):
    with setting.server(wants("AUTH LOGIN PLAIN", AUTH="535 5.7.8 no")) as server:
        failed(setting.deliver(route(), PASSWORD), "Z", REJECTED, "535 5.7.8 no")
        equal(heard(one_session(server)), ["PLAIN", plain()])


# ---- what is told

def quoted(setting, offered, step, code):
    """A reply that says again what was said: hidden in the report."""
    secret = given(setting, offered)
    word = PASSWORD if secret == PASSWORD else TOKEN

    def quote(line):
        return f"{code}-5.7.8 unknown: {line}\r\n{code} {line}, {word}"

    script = wants(offered, AUTH="334 " if step else quote,
                   answer=["334 "] * (step - 1) + [quote])
    with setting.server(script) as server:
        outcome = setting.deliver(route(secret=secret), PASSWORD, TOKEN)
        failed(outcome, "Z", REJECTED, f"{code}-5.7.8 unknown: ", "***")
        equal(logins(server), 1)


for name, (offered, step) in STEPS.items():
    suite.add(f"quoted_{name}", quoted, offered, step, "535")
suite.add("quoted_for_now", quoted, "AUTH PLAIN", 0, "454")


@suite.case
def quoted_in_a_long_reply(setting):
    """Where the text is cut, half a secret is one too."""
    for size in range(4800, 5001, 7):
        script = wants("AUTH PLAIN", AUTH=lambda line, size=size:
                       "535 " + "x" * size + line)
        with setting.server(script):
            outcome = setting.deliver(route(secret="hidden-" * 60), "hidden-hidden-")
        failed(outcome, "Z", REJECTED)
        for part in ("hidden", "aGlkZGVu", "hpZGRlb", "oaWRkZW"):
            assert part not in outcome.text, outcome.text[-300:]


@suite.case
def quoted_behind_the_login(setting):
    """By the replies to what follows it: they are reported as any."""
    script = wants("AUTH PLAIN", MAIL=f"550 5.7.1 {USER} may not send as that")
    with setting.server(script):
        outcome = setting.deliver(route(), PASSWORD)
    failed(outcome, "D", "sender was rejected.", f"550 5.7.1 {USER} may not send")


# ---- a relay that begins to ask for a login

def asks_later(setting, event, code, on_route, letter):
    """530 534 535 538 mean us, not the mail, on a route; without one the server
    judges the mail."""
    script = in_clear_wants(**{event: f"{code} 5.7.0 authentication required"})
    relay = ADDRESS if on_route else ""
    with setting.server(script) as server:
        outcome = setting.deliver(relay, trustanchors=None)
        equal(len(server.settle()), 1)
    failed(outcome, letter, f"{code} 5.7.0 authentication required")
    if event == "RCPT":
        equal(outcome.recipients, {"Z": "s", "D": "h"}[letter])


for event in ("MAIL", "RCPT"):
    for code in ("530", "534", "535", "538"):
        suite.add(f"{event.lower()}_{code}_on_a_route", asks_later, event, code, True, "Z")
        suite.add(f"{event.lower()}_{code}_without", asks_later, event, code, False, "D")
    suite.add(f"{event.lower()}_550_on_a_route", asks_later, event, "550", True, "D")


@suite.case
def some_recipients_want_a_login(setting):
    script = in_clear_wants(RCPT=["250 ok", "530 5.7.0 log in", "550 5.1.1 who"])
    setting.home.control(smtproutes=f":{ADDRESS}")
    with setting.server(script):
        names = [f"{n}@{HOST}" for n in ("a", "b", "c")]
        outcome = setting.home.deliver(HOST, names, b"Subject: x\n\nx\n")
    equal(outcome.recipients, "rsh")
    contains(outcome.message, "accepted message")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
