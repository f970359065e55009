# SPDX-License-Identifier: ISC
"""Sessions that are in clear only because TLS failed or was refused in this
run: what a server says there is temporary, for over TLS it might say another
thing. And what the report says of the TLS that failed."""

import sys

import messages
from authority import Issuer
from checks import delivered, encrypted, failed, in_clear, same
from harness import Suite, contains, equal
from names import Names
from scripted import DROP, EHLO_STARTTLS, RESET, Scripted
from tlsfaults import drop, reset
from tlsserver import python_tls
from world import run_suite

HOST, PAIR = "dest.example", "pair.example"
ADDRESS, SECOND, NAME = "192.0.2.10", "192.0.2.11", "mx.dest.example"
UNCONNECTED = "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n"
PIPELINING = "250-x\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 8BITMIME"
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        world.resolv_conf("nameserver 127.0.0.1\n")
        names = Names(world)
        names.add(NAME, A=ADDRESS).add("mx2.dest.example", A=SECOND)
        names.add(HOST, MX=(10, NAME))
        names.add(PAIR, MX=[(10, NAME), (20, "mx2.dest.example")])
        self.issuer = Issuer(world)
        self.good = python_tls(self.issuer.leaf("good", f"DNS:{NAME}"))
        self.home = world.home()

    def run(self, strictness, scripts, upgrade=None, host=HOST, **options):
        """The outcome, and the sessions of the first server."""
        self.home.control(**{
            "tlsstrictness": strictness, "trustanchors": self.issuer.bundle,
            **options.pop("control", {})})
        recipients = options.pop("recipients", f"bob@{host}")
        data = options.pop("data", messages.small())
        with Scripted(self.world, SECOND) as second:
            with Scripted(self.world, ADDRESS, scripts, upgrade or drop) as server:
                outcome = self.home.deliver(host, recipients, data, **options)
                sessions = server.settle()
            self.second = second.settle()
        return outcome, sessions


def failed_line(outcome):
    """The last line tells that TLS was tried in vain."""
    line = outcome.last_line
    assert line.startswith("STARTTLS failed: ") and line.endswith(";"), outcome.text
    assert len(line) > len("STARTTLS failed: ;"), line


def temporary(outcome):
    """Z, or s; the record behind an s is Z, or stock's for recipients that were
    all refused."""
    equal(outcome.letter, "Z", outcome.text)
    assert "h" not in outcome.recipients, outcome.records
    last = outcome.message
    assert last[0] == "Z" or (last.startswith("DGiving up on") and
                              outcome.recipients.startswith("s")), outcome.records


# ---- refused in clear, behind TLS that failed

TLS_FAILS = {
    "refused": ({"STARTTLS": "454 4.7.0 TLS not available"}, drop),
    "reset": ({}, reset),
    "dropped": ({}, drop),
    "closed_at_starttls": ({"STARTTLS": DROP}, drop),
}
REFUSALS = {
    "530_to_mail": ({"MAIL": "530 5.7.0 Must issue a STARTTLS command first"},
                    "sender was rejected.\n"),
    "554_to_rcpt": ({"RCPT": "554 5.7.1 Relay access denied"},
                    "does not like recipient.\n"),
    "550_to_data": ({"DATA": "550 5.7.1 not so"}, "failed on DATA command.\n"),
    "554_to_the_end": ({".": "554 5.7.1 not like this"},
                       "failed after I sent the message.\n"),
    "early_552": ({"content": ("552 5.3.4 too much", 0.3, DROP)},
                  "failed on DATA command.\n"),
}


def refused_in_clear(setting, strictness, fault, refusal, ehlo):
    script, upgrade = TLS_FAILS[fault]
    script = {"EHLO": ehlo, **script, **REFUSALS[refusal][0]}
    data = messages.large() if "content" in script else messages.small()
    outcome, sessions = setting.run(strictness, script, upgrade, data=data)
    temporary(outcome)
    contains(outcome.text, REFUSALS[refusal][1])
    said = [v for k, v in REFUSALS[refusal][0].items()][0]
    contains(outcome.text, said[0] if isinstance(said, tuple) else said)
    failed_line(outcome)
    assert "MAIL" in sessions[-1].clear_verbs(), sessions[-1].commands


for strictness in (0, 1):
    for fault in TLS_FAILS:
        for refusal in REFUSALS:
            suite.add(f"strict{strictness}_{fault}_then_{refusal}", refused_in_clear,
                      strictness, fault, refusal, EHLO_STARTTLS)
for refusal in REFUSALS:
    suite.add(f"pipelined_refused_then_{refusal}", refused_in_clear, 0, "refused",
              refusal, PIPELINING)


@suite.case
def once_is_enough(setting):
    """TLS works in every other run: what is refused in clear is sent later."""
    scripts = [{"EHLO": EHLO_STARTTLS, "STARTTLS": "454 later", "MAIL": "530 TLS"},
               {"EHLO": EHLO_STARTTLS}]
    temporary(setting.run(0, scripts, setting.good)[0])
    outcome, _ = setting.run(0, scripts[1:], setting.good)
    delivered(outcome, ADDRESS)
    encrypted(outcome, "unverified")


@suite.case
def one_of_two_recipients(setting):
    script = {"EHLO": EHLO_STARTTLS, "STARTTLS": "454 no",
              "RCPT": ["250 ok", "554 Relay access denied"]}
    outcome, _ = setting.run(0, script, recipients=[f"a@{HOST}", f"b@{HOST}"])
    equal(outcome.recipients, "rs")
    equal(outcome.message[0], "K")


@suite.case
def temporary_replies_stay_what_they_are(setting):
    for event, letter in (("MAIL", "Z"), ("RCPT", "Z"), ("DATA", "Z"), (".", "Z")):
        script = {"EHLO": EHLO_STARTTLS, "STARTTLS": "454 no", event: "451 later"}
        outcome, _ = setting.run(0, script)
        equal(outcome.letter, letter)
        failed_line(outcome)


# ---- not so where TLS was never on the way

def final(setting, strictness, refusal, script, upgrade=None, control=None):
    outcome, sessions = setting.run(strictness, {**script, **refusal}, upgrade,
                                    control=control or {})
    equal(outcome.letter, "D", outcome.text)
    equal(len(sessions[-1].contents), int("." in refusal))
    return outcome


FINAL = {"mail": "MAIL", "rcpt": "RCPT", "data": "DATA", "end": "."}
for label, event in FINAL.items():
    refusal = {event: "550 5.1.1 no"}
    for strictness in (0, 1):
        suite.add(f"strict{strictness}_not_offered_{label}_is_final",
                  lambda s, n, r: in_clear(final(s, n, r, {})), strictness, refusal)
        suite.add(f"strict{strictness}_over_tls_{label}_is_final",
                  lambda s, n, r: encrypted(final(s, n, r, {"EHLO": EHLO_STARTTLS},
                                                  s.good), "unverified"),
                  strictness, refusal)
    suite.add(f"not_wanted_{label}_is_final",
              lambda s, r: in_clear(final(s, 0, r, {"EHLO": EHLO_STARTTLS},
                                          control={"trustanchors": ""})), refusal)


# ---- strictness 0 delivers where 1 does

BROKEN = {
    "closes": DROP,
    "resets": (0.2, RESET),
    "is_silent": (4.0, DROP),
    "says_rubbish": b"hello\r\n",
    "says_250": "250 ok",
    "says_354": "354 go on",
    "says_600": "600 what",
    "says_half_a_reply": (b"220-go\r\n22", DROP),
    "says_421": "421 4.3.2 bye",
    "says_421_and_closes": ("421 4.3.2 bye", DROP),
    "says_too_much": b"220-x\r\n" * 1100 + b"220 go\r\n",
}
INJECTED = {
    "a_reply": b"250 injected\r\n",
    "a_byte": b"x",
    "replies": b"250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n250 kept\r\n",
    "a_refusal": b"554 injected\r\n",
    "a_bye": b"421 injected\r\n",
}


def broken_at_starttls(setting, strictness, reply):
    """A new connection to the same server, in clear, and the reason in the
    report. Nothing of the first one is used."""
    data = messages.small()
    script = {"EHLO": EHLO_STARTTLS, "STARTTLS": reply}
    outcome, sessions = setting.run(strictness, script, setting.good, data=data,
                                    control={"timeoutremote": 2})
    delivered(outcome, ADDRESS)
    failed_line(outcome)
    equal(sessions[0].verbs()[:2], ["EHLO", "STARTTLS"])
    equal(len(sessions), 2, "connections")
    equal(sessions[1].verbs()[:4], ["EHLO", "MAIL", "RCPT", "DATA"])
    assert not sessions[0].contents and not sessions[1].over_tls
    same(messages.as_received(sessions[1].contents[0]), data)
    assert "injected" not in outcome.text, outcome.text


for strictness in (0, 1):
    for label, reply in BROKEN.items():
        suite.add(f"strict{strictness}_server_{label}_at_starttls", broken_at_starttls,
                  strictness, reply)
    for label, extra in INJECTED.items():
        suite.add(f"strict{strictness}_injects_{label}", broken_at_starttls,
                  strictness, b"220 go\r\n" + extra)


@suite.case
def the_next_one_is_not_asked(setting):
    """The first one takes the mail in clear: nobody is passed over."""
    for reply in (DROP, "421 bye", b"220 go\r\n250 x\r\n"):
        outcome, _ = setting.run(0, {"EHLO": EHLO_STARTTLS, "STARTTLS": reply},
                                 setting.good, host=PAIR)
        delivered(outcome, ADDRESS)
        failed_line(outcome)
        equal(setting.second, [])


@suite.case
def the_next_one_when_clear_fails_too(setting):
    """Its own session is not one that TLS had failed in: no line."""
    scripts = [{"EHLO": EHLO_STARTTLS, "STARTTLS": DROP}, {"greeting": "554 no"}]
    outcome, sessions = setting.run(0, scripts, setting.good, host=PAIR)
    delivered(outcome, SECOND)
    in_clear(outcome)
    equal(len(sessions), 2)


# ---- the second connection is refused

@suite.case
def second_connection_refused(setting):
    """Where to, why not, and why there was a second connection at all."""
    setting.home.control(tlsstrictness=0, trustanchors=setting.issuer.bundle)
    server = Scripted(setting.world, ADDRESS, {"EHLO": EHLO_STARTTLS},
                      lambda connection: leave(server, connection))

    def leave(listening, connection):
        listening.close()
        drop(connection)

    outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small())
    failed(outcome, "Z", UNCONNECTED, f"{ADDRESS}: Connection refused",
           "STARTTLS failed: connection closed during the handshake;\n")
    failed_line(outcome)
    equal(len(outcome.records), 1)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
