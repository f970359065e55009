# SPDX-License-Identifier: ISC
"""Servers that refuse, delay, lie and hang up: what the report then says."""

import sys

import messages
from checks import delivered, failed, same
from harness import Suite, contains, equal
from nameserver import serve_names
from scripted import DROP, HOLD, RESET, Scripted
from world import run_suite

HOST, ADDRESS, SECOND = "dest.example", "192.0.2.10", "192.0.2.11"
PAIR = "pair.example"
RECORDS = [
    "dest MX 10 mx1", "pair MX 10 mx1", "pair MX 20 mx2",
    f"mx1 A {ADDRESS}", f"mx2 A {SECOND}",
    "many MX 10 many1", "many MX 10 many2",
]
# Seven addresses, one more than sessions are tried in a pass, and one over.
MANY = [f"192.0.2.{n}" for n in range(20, 27)]
RECORDS += [f"many{1 + n % 2} A {a}" for n, a in enumerate(MANY)]
SAID = "Remote host said: "
CONNECTED = f"Connected to {ADDRESS} but "
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, RECORDS)
        self.home = world.home()

    def deliver(self, script, recipients=f"bob@{HOST}", host=HOST, data=None,
                control=None, **options):
        """A delivery to one scripted server: the outcome and the server."""
        self.home.control(**(control or {}))
        if data is None:
            data = messages.small()
        with Scripted(self.world, ADDRESS, script) as server:
            outcome = self.home.deliver(host, recipients, data, **options)
            server.settle()
        return outcome, server

    def deliver_pair(self, script, control=None, data=None):
        """The same with a second exchanger that takes everything."""
        self.home.control(**(control or {}))
        with Scripted(self.world, SECOND) as second:
            with Scripted(self.world, ADDRESS, script) as first:
                outcome = self.home.deliver(PAIR, f"bob@{PAIR}",
                                            data or messages.small())
                first.settle()
            second.settle()
        return outcome, first, second


def does_not_like(letter, said):
    return f"{letter}{ADDRESS} does not like recipient.\n{SAID}{said}\n"


# ---- recipients

BOTH = [f"{name}@{HOST}" for name in ("one", "two")]
THREE = BOTH + [f"three@{HOST}"]


@suite.case
def three_recipients_three_fates(setting):
    script = {"RCPT": ["550 5.1.1 no such user", "450 busy", "250 ok"]}
    outcome, server = setting.deliver(script, THREE)
    equal(outcome.records[:3], [
        does_not_like("h", "550 5.1.1 no such user"),
        does_not_like("s", "450 busy"),
        "r",
    ])
    contains(outcome.records[3], f"K{ADDRESS} accepted message.\n{SAID}250 ")
    equal(len(outcome.records), 4)
    equal(len(server.contents()), 1)


@suite.case
def one_recipient_refused(setting):
    outcome, server = setting.deliver({"RCPT": "550 no"})
    failed(outcome, "D", f"{ADDRESS} does not like recipient.\n{SAID}550 no\n",
           f"Giving up on {ADDRESS}.\n")
    equal(outcome.records,
          [does_not_like("h", "550 no"), f"DGiving up on {ADDRESS}.\n"])
    assert "DATA" not in server.sessions[0].verbs()


@suite.case
def one_recipient_deferred(setting):
    outcome, _ = setting.deliver({"RCPT": "450 later"})
    failed(outcome, "Z", f"Giving up on {ADDRESS}.\n")
    equal(outcome.records,
          [does_not_like("s", "450 later"), f"DGiving up on {ADDRESS}.\n"])


@suite.case
def all_recipients_refused(setting):
    outcome, _ = setting.deliver({"RCPT": ["550 no", "450 later"]}, BOTH)
    equal(outcome.recipients, "hs")
    equal(outcome.message, f"DGiving up on {ADDRESS}.\n")


@suite.case
def other_2xx_to_rcpt(setting):
    script = {"RCPT": "251 will forward", "MAIL": "252 hm"}
    outcome, server = setting.deliver(script)
    delivered(outcome, ADDRESS)
    equal(len(server.contents()), 1)


# ---- refusals, by step: script, letter, text

STEPS = {
    "greeting_554": ({"greeting": "554 go away"}, "Z",
                     f"{CONNECTED}greeting failed.\n{SAID}554 go away\n"),
    "greeting_421": ({"greeting": "421 busy"}, "Z",
                     f"{CONNECTED}greeting failed.\n{SAID}421 busy\n"),
    "greeting_250": ({"greeting": "250 hello"}, "Z",
                     f"{CONNECTED}greeting failed.\n{SAID}250 hello\n"),
    "names_refused": ({"EHLO": "550 no", "HELO": "550 not you"}, "Z",
                      f"{CONNECTED}my name was rejected.\n{SAID}550 no\n"),
    "ehlo_421": ({"EHLO": "421 later"}, "Z",
                 f"{CONNECTED}my name was rejected.\n{SAID}421 later\n"),
    "mail_550": ({"MAIL": "550 no"}, "D",
                 f"{CONNECTED}sender was rejected.\n{SAID}550 no\n"),
    "mail_451": ({"MAIL": "451 later"}, "Z",
                 f"{CONNECTED}sender was rejected.\n{SAID}451 later\n"),
    "mail_421": ({"MAIL": "421 later"}, "Z",
                 f"{CONNECTED}sender was rejected.\n{SAID}421 later\n"),
    "rcpt_421": ({"RCPT": "421 later"}, "Z",
                 f"{CONNECTED}connection died. (#4.4.2)\n{SAID}421 later\n"),
    "data_421": ({"DATA": "421 later"}, "Z",
                 f"{CONNECTED}connection died. (#4.4.2)\n{SAID}421 later\n"),
    "data_550": ({"DATA": "550 no"}, "D",
                 f"{ADDRESS} failed on DATA command.\n{SAID}550 no\n"),
    "data_450": ({"DATA": "450 no"}, "Z",
                 f"{ADDRESS} failed on DATA command.\n{SAID}450 no\n"),
    "message_554": ({".": "554 spam"}, "D",
                    f"{ADDRESS} failed after I sent the message.\n{SAID}554 spam\n"),
    "message_451": ({".": "451 later"}, "Z",
                    f"{ADDRESS} failed after I sent the message.\n{SAID}451 later\n"),
    "message_421": ({".": "421 later"}, "Z",
                    f"{ADDRESS} failed after I sent the message.\n{SAID}421 later\n"),
    "multiline_reply": ({".": "554-one\r\n554-two\r\n554 three"}, "D",
                        f"{SAID}554-one\n554-two\n554 three\n"),
}
DIED = f"{CONNECTED}connection died. (#4.4.2)\n"
DUPLICATE = f"{CONNECTED}connection died. Possible duplicate! (#4.4.2)\n"
for step in ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "content"):
    # Where EHLO is not liked HELO is said, on another connection.
    STEPS[f"drop_at_{step.lower()}"] = ({"HELO": DROP, step: DROP}, "Z", DIED)
    # The pause: a reset that is there at once is a failure to connect.
    STEPS[f"reset_at_{step.lower()}"] = ({"HELO": DROP, step: (0.2, RESET)}, "Z", DIED)
for name, bad in {
    "mixed_codes": b"550-one\r\n250 two\r\n",
    "no_code": b"hello\r\n",
    "two_digits": b"25 ok\r\n",
    "four_digits": b"2500 ok\r\n",
    "code_199": b"199 ok\r\n",
    "code_600": b"600 ok\r\n",
    "letter_after_code": b"250ok\r\n",
    "354_to_mail": b"354 go on\r\n",
    "unfinished": (b"250-never\r\n", DROP),
    "endless_line": b"250 " + b"x" * 100000 + b"\r\n",
    "endless_lines": b"250-x\r\n" * 2000 + b"250 x\r\n",
}.items():
    STEPS[f"protocol_error_{name}"] = ({"MAIL": bad}, "Z", DIED)
for name, bad in {
    "drop": DROP,
    "reset": RESET,
    "garbage": b"what?\r\n",
    "354": "354 more?",
    "unfinished": (b"250-kept\r\n", DROP),
}.items():
    STEPS[f"after_the_dot_{name}"] = ({".": bad}, "Z", DUPLICATE)


def ends_so(setting, script, letter, text):
    # A small message is gone, its end too, before "content" can happen.
    data = messages.large() if "content" in script else messages.small()
    outcome, _ = setting.deliver(script, data=data)
    failed(outcome, letter, text)


for name, (script, letter, text) in STEPS.items():
    suite.add(name, ends_so, script, letter, text)


# ---- the next candidate, or not

GOES_ON = {
    "greeting_554": {"greeting": "554 no"},
    "greeting_421": {"greeting": "421 no"},
    "names_refused": {"EHLO": "550 no", "HELO": "550 no"},
    "mail_421": {"MAIL": "421 no"},
    "rcpt_421": {"RCPT": "421 no"},
    "data_421": {"DATA": "421 no"},
    "half_a_reply_to_ehlo": {"EHLO": (b"250-", DROP)},
    "drop_at_rcpt": {"RCPT": DROP},
    "drop_in_message": {"content": DROP},
    "garbage_to_mail": {"MAIL": b"what?\r\n"},
}
STOPS = {
    "mail_550": ({"MAIL": "550 no"}, "D"),
    "mail_450": ({"MAIL": "450 no"}, "Z"),
    "rcpt_550": ({"RCPT": "550 no"}, "D"),
    "data_550": ({"DATA": "550 no"}, "D"),
    "message_554": ({".": "554 no"}, "D"),
    "message_451": ({".": "451 no"}, "Z"),
    "message_421": ({".": "421 no"}, "Z"),
    "drop_after_the_dot": ({".": DROP}, "Z"),
    "reset_after_the_dot": ({".": RESET}, "Z"),
    "garbage_after_the_dot": ({".": b"what?\r\n"}, "Z"),
}


def next_candidate(setting, script):
    data = messages.large() if "content" in script else messages.small()
    outcome, first, second = setting.deliver_pair(script, data=data)
    delivered(outcome, SECOND)
    equal(len(first.sessions), 1, "sessions at the first")
    same(messages.as_received(second.contents()[0]), data)


def no_next_candidate(setting, script, letter):
    outcome, _, second = setting.deliver_pair(script)
    equal(outcome.letter, letter, outcome.text)
    assert ADDRESS in outcome.text, outcome.text
    assert all("MAIL" not in s.verbs() for s in second.sessions)


for name, script in GOES_ON.items():
    suite.add(f"next_candidate_after_{name}", next_candidate, script)
for name, (script, letter) in STOPS.items():
    suite.add(f"no_next_candidate_after_{name}", no_next_candidate, script, letter)


@suite.case
def at_most_five_sessions(setting):
    setting.home.control()
    servers = [Scripted(setting.world, a, {"greeting": "554 no"}) for a in MANY]
    outcome = setting.home.deliver("many.example", "bob@many.example",
                                   messages.small())
    failed(outcome, "Z", "greeting failed.\n")
    used = 0
    for server in servers:
        used += len(server.settle())
        server.close()
    equal(used, 5, "sessions")


@suite.case
def both_fail_the_furthest_is_reported(setting):
    setting.home.control()
    with Scripted(setting.world, ADDRESS, {"RCPT": DROP}) as first:
        with Scripted(setting.world, SECOND, {"greeting": "554 no"}) as second:
            outcome = setting.home.deliver(PAIR, f"bob@{PAIR}", messages.small())
            first.settle()
            second.settle()
    failed(outcome, "Z", DIED)


# ---- time-outs

def times_out(setting, script, text):
    outcome, _ = setting.deliver(script, control={"timeoutremote": 1})
    failed(outcome, "Z", text)


suite.add("silence_for_greeting", times_out, {"greeting": (2.5, "220 late")}, DIED)
suite.add("silence_after_the_dot", times_out, {".": (2.5, "250 late")}, DUPLICATE)
suite.add("dripping_reply", times_out,
          {"MAIL": tuple(p for _ in range(8) for p in (b"250-x\r\n", 0.4))}, DIED)


# ---- the message on the wire

def offers(*words):
    return "\r\n".join([f"250-{w}" for w in ("x", *words)] + ["250 HELP"])


def arrives(setting, script, data, retry=False):
    outcome, server = setting.deliver(script, data=data, retry=retry)
    delivered(outcome, ADDRESS)
    same(messages.as_received(server.contents()[0]), data)
    assert "BDAT" not in server.sessions[0].verbs(), server.sessions[0].commands
    return server.sessions[0]


OFFERS = {
    "nothing": (),
    "pipelining": ("PIPELINING",),
    "chunking": ("CHUNKING",),
    "both": ("PIPELINING", "CHUNKING", "8BITMIME", "SIZE 100000000"),
}
for name, words in OFFERS.items():
    for label, make in (("4k", messages.small), ("20m", messages.large)):
        suite.add(f"offer_{name}_{label}",
                  lambda s, w, m: arrives(s, {"EHLO": offers(*w)}, m()), words, make)


@suite.case
def retry_goes_the_careful_way(setting):
    script = {"EHLO": offers(*OFFERS["both"])}
    session = arrives(setting, script, messages.small(), retry=True)
    equal(session.verbs()[:4], ["EHLO", "MAIL", "RCPT", "DATA"])


@suite.case
def helo_after_ehlo_refused(setting):
    session = arrives(setting, {"EHLO": "502 no such command"}, messages.small())
    equal(session.verbs()[:3], ["EHLO", "HELO", "MAIL"])
    equal(session.commands[1], "HELO client.example")


@suite.case
def helohost_is_said(setting):
    outcome, server = setting.deliver({}, control={"helohost": "other.example"})
    delivered(outcome, ADDRESS)
    equal(server.sessions[0].commands[0], "EHLO other.example")


@suite.case
def carriage_returns(setting):
    """CR LF is one line end, any other CR a space."""
    outcome, server = setting.deliver({}, data=b"a\rb\r\n\r\r\nc\r\n.\r.\n")
    delivered(outcome, ADDRESS)
    equal(server.contents()[0], b"a b\r\n \r\nc\r\n. .\r\n")


@suite.case
def smuggled_end_stays_inside(setting):
    data = b"one\n.\r\nMAIL FROM:<x@x>\n\r.\r\n.\n"
    outcome, server = setting.deliver({}, data=data)
    delivered(outcome, ADDRESS)
    equal(server.sessions[0].verbs().count("MAIL"), 1)
    equal(server.contents()[0], b"one\r\n.\r\nMAIL FROM:<x@x>\r\n .\r\n.\r\n")


@suite.case
def partial_last_line(setting):
    outcome, server = setting.deliver({}, data=b"no line end")
    failed(outcome, "D", "SMTP cannot transfer messages with partial final "
           "lines. (#5.6.2)\n")
    assert all("DATA" not in s.verbs() for s in server.sessions)


@suite.case
def message_over_the_size_limit(setting):
    outcome, server = setting.deliver({"EHLO": offers("SIZE 1000")})
    failed(outcome, "D", f"{CONNECTED}the message is too big for it: ",
           ", limit 1000. (#5.3.4)\n")
    assert "MAIL" not in server.sessions[0].verbs()


def early_refusal(setting, reply, letter):
    outcome, _ = setting.deliver({"content": (reply, 0.3, DROP)},
                                 data=messages.large())
    failed(outcome, letter, f"{ADDRESS} failed on DATA command.\n{SAID}{reply}\n")


suite.add("early_552_while_sending", early_refusal, "552 too much", "D")
suite.add("early_452_while_sending", early_refusal, "452 disk full", "Z")


@suite.case
def hostile_bytes_are_made_safe(setting):
    reply = b"554 \x1b[31m\0K\ttab\x7f \xff\xc3\xa9 %s\r\n"
    outcome, _ = setting.deliver({".": reply})
    failed(outcome, "D", f"{SAID}554 ?[31m?K tab? ?\u00e9 %s\n")
    equal(len(outcome.records), 2)


@suite.case
def reply_text_is_bounded(setting):
    reply = b"554-" + b"y" * 200 + b"\r\n"
    outcome, _ = setting.deliver({".": reply * 100 + b"554 end\r\n"})
    failed(outcome, "D", f"{ADDRESS} failed after I sent the message.\n")
    assert len(outcome.output) < 10000, len(outcome.output)


# ---- arguments and configuration

@suite.case
def null_sender(setting):
    outcome, server = setting.deliver({}, sender="")
    delivered(outcome, ADDRESS)
    equal(server.sessions[0].commands[1].split(" ")[:2], ["MAIL", "FROM:<>"])


@suite.case
def no_recipients(setting):
    outcome, server = setting.deliver({}, recipients=[])
    failed(outcome, "D", "I (qmail-remote) was invoked improperly. (#5.3.5)\n")
    equal(server.sessions, [])


@suite.case
def address_that_is_not_ascii(setting):
    outcome, server = setting.deliver({}, recipients="b\udcf6b@dest.example")
    failed(outcome, "D", "I can't send to or from an address that is not ASCII. (#5.6.7)")
    equal(server.sessions, [])


def one_mail_one_rcpt(setting, recipient):
    """Whatever the address holds: one MAIL and one RCPT, or a D."""
    outcome, server = setting.deliver({}, recipients=recipient)
    equal(len(server.contents()), 1 if outcome.letter == "K" else 0)
    for session in server.sessions:
        for verb in ("MAIL", "RCPT", "DATA"):
            assert session.verbs().count(verb) <= 1, session.commands
        assert set(session.verbs()) <= {
            "EHLO", "MAIL", "RCPT", "DATA", "QUIT"}, session.commands
    assert outcome.letter in "KD", outcome.text


for name, recipient in {
    "newline": "x@dest.example>\r\nRCPT TO:<evil@dest.example",
    "bracket": "x>y@dest.example",
    "space": "x y@dest.example",
    "quote": 'x"y@dest.example',
    "backslash": "x\\@dest.example",
    "long": "x" * 60000 + "@dest.example",
}.items():
    suite.add(f"recipient_with_{name}", one_mail_one_rcpt, recipient)


@suite.case
def no_name_of_our_own(setting):
    outcome, server = setting.deliver({}, control={"me": None})
    failed(outcome, "Z", "Unable to read control files. (#4.3.0)\n")
    equal(server.sessions, [])


@suite.case
def held_reply_is_waited_for(setting):
    setting.home.control()
    with Scripted(setting.world, ADDRESS, {".": HOLD}) as server:
        run = setting.home.start(HOST, f"bob@{HOST}", messages.small())
        server.wait_hold()
        server.release()
        delivered(run.finish(), ADDRESS)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
