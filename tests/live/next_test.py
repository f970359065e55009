# SPDX-License-Identifier: ISC
"""The next candidate or the report: failures at each step of a session, with
and without PIPELINING, and what the report says when nobody is left."""

import sys

import messages
from checks import delivered, failed, same
from harness import Suite, contains, equal
from names import Names
from scripted import DROP, Scripted
from world import run_suite

HOST, PAIR, TRIO = "dest.example", "pair.example", "trio.example"
ADDRESS, SECOND, THIRD, CLOSED = (f"192.0.2.{n}" for n in (10, 11, 12, 50))
SAID = "Remote host said: "
CONNECTED = f"Connected to {ADDRESS} but "
DIED = f"{CONNECTED}connection died. (#4.4.2)\n"
DUPLICATE = f"{CONNECTED}connection died. Possible duplicate! (#4.4.2)\n"
GREETING = f"{CONNECTED}greeting failed.\n{SAID}"
HELLO = f"{CONNECTED}my name was rejected.\n{SAID}"
SENDER = f"{CONNECTED}sender was rejected.\n{SAID}"
UNCONNECTED = "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n"
PIPELINING = "250-x\r\n250-PIPELINING\r\n250 8BITMIME"
# The program as the last of a pipeline: its descriptor 0 cannot seek.
FROM_A_PIPE = ["sh", "-c", 'cat | "$@"', "sh"]
FROM_A_SLOW_PIPE = ["sh", "-c", '{ head -c 100; sleep 0.3; cat; } | "$@"', "sh"]
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        self.home = world.home()
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.names = names = Names(world)
        names.add("a.example", A=ADDRESS).add("b.example", A=SECOND)
        names.add("c.example", A=THIRD).add("shut.example", A=CLOSED)
        names.add(HOST, MX=(10, "a.example"))
        names.add(PAIR, MX=[(10, "a.example"), (20, "b.example")])
        names.add(TRIO, MX=[(10, "a.example"), (20, "b.example"), (30, "c.example")])
        names.add("mixed.example", MX=[(10, "shut.example"), (20, "a.example")])
        names.add("shut2.example", MX=(10, "shut.example"))

    def run(self, scripts, host, control=None, data=None, recipients=None, **options):
        """Servers at the first addresses: the outcome and all sessions."""
        self.home.control(**(control or {}))
        servers = [Scripted(self.world, a, s)
                   for a, s in zip((ADDRESS, SECOND, THIRD), scripts)]
        try:
            outcome = self.home.deliver(host, recipients or f"bob@{host}",
                                        data or messages.small(), **options)
            for server in servers:
                server.settle()
        finally:
            for server in servers:
                server.close()
        return outcome, [s.sessions for s in servers]

    def alone(self, script, **options):
        outcome, (sessions,) = self.run([script], HOST, **options)
        return outcome, sessions

    def pair(self, script, **options):
        return self.run([script, {}], PAIR, **options)


def data_for(script):
    """A small message is gone before "content" can happen."""
    return messages.large() if "content" in script else messages.small()


# ---- 421 at each step, alone and before another candidate

CLOSING = {
    "greeting": ({"greeting": "421 x"}, f"{GREETING}421 x\n"),
    "ehlo": ({"EHLO": "421 x"}, f"{HELLO}421 x\n"),
    "helo": ({"EHLO": "502 no", "HELO": "421 x"}, f"{HELLO}502 no\n"),
    "mail": ({"MAIL": "421 x"}, f"{SENDER}421 x\n"),
    "rcpt": ({"RCPT": "421-x\r\n421 y"}, f"{DIED}{SAID}421-x\n421 y\n"),
    "data": ({"DATA": "421 x"}, f"{DIED}{SAID}421 x\n"),
    "content": ({"content": ("421 x", 0.3, DROP)}, f"{DIED}{SAID}421 x\n"),
}


def with_pipelining(script):
    return script if "EHLO" in script else {**script, "EHLO": PIPELINING}


def is_421(setting, script, text):
    outcome, _ = setting.alone(script, data=data_for(script))
    failed(outcome, "Z")
    equal(len(outcome.records), 1)
    assert outcome.records[0].startswith("Z" + text), outcome.records


def next_after(setting, script, sessions=1, **options):
    """The first had so many sessions, then the second takes the mail."""
    data = options.pop("data", None) or data_for(script)
    outcome, (first, second) = setting.pair(script, data=data, **options)
    delivered(outcome, SECOND)
    equal(outcome.records[0], "r")
    equal((len(first), len(second)), (sessions, 1), "sessions")
    same(messages.as_received(second[0].contents[0]), data)


for step, (script, text) in CLOSING.items():
    suite.add(f"421_at_{step}", is_421, script, text)
    suite.add(f"421_at_{step}_goes_on", next_after, script)
    if step not in ("greeting", "ehlo", "helo"):
        script = with_pipelining(script)
        suite.add(f"421_at_{step}_pipelined", is_421, script, text)
        suite.add(f"421_at_{step}_pipelined_goes_on", next_after, script)


@suite.case
def closing_after_verdicts_leaves_no_records(setting):
    three = [f"{n}@{HOST}" for n in "xyz"]
    for script in ({"RCPT": ["250 ok", "550 no", "421 bye"]},
                   {"RCPT": ["250 ok", "550 no", DROP]},
                   {"RCPT": ["250 ok", "550 no", "what?"]}):
        for offered in (script, with_pipelining(script)):
            outcome, _ = setting.alone(offered, recipients=three)
            equal([r[:1] for r in outcome.records], ["Z"])
            contains(outcome.text, DIED)


@suite.case
def closing_after_the_message_is_a_refusal(setting):
    text = f"Z{ADDRESS} failed after I sent the message.\n{SAID}421 x\n"
    for script in ({".": "421 x"}, with_pipelining({".": "421 x"})):
        outcome, (_, second) = setting.pair(script)
        equal(outcome.records, ["r", text])
        equal(second, [])


# ---- final replies: no other candidate

FINAL = {
    "mail_450": ({"MAIL": "450 x"}, [f"Z{SENDER}450 x\n"]),
    "mail_550": ({"MAIL": "550 x"}, [f"D{SENDER}550 x\n"]),
    "rcpt_450": ({"RCPT": "450 x"},
                 [f"s{ADDRESS} does not like recipient.\n{SAID}450 x\n",
                  f"DGiving up on {ADDRESS}.\n"]),
    "rcpt_550": ({"RCPT": "550 x"},
                 [f"h{ADDRESS} does not like recipient.\n{SAID}550 x\n",
                  f"DGiving up on {ADDRESS}.\n"]),
    "data_450": ({"DATA": "450 x"},
                 ["r", f"Z{ADDRESS} failed on DATA command.\n{SAID}450 x\n"]),
    "data_550": ({"DATA": "550 x"},
                 ["r", f"D{ADDRESS} failed on DATA command.\n{SAID}550 x\n"]),
    "early_452": ({"content": ("452 x", 0.3, DROP)},
                  ["r", f"Z{ADDRESS} failed on DATA command.\n{SAID}452 x\n"]),
    "early_552": ({"content": ("552 x", 0.3, DROP)},
                  ["r", f"D{ADDRESS} failed on DATA command.\n{SAID}552 x\n"]),
    "message_452": ({".": "452 x"},
                    ["r", f"Z{ADDRESS} failed after I sent the message.\n{SAID}452 x\n"]),
    "message_552": ({".": "552 x"},
                    ["r", f"D{ADDRESS} failed after I sent the message.\n{SAID}552 x\n"]),
}


def is_final(setting, script, records):
    outcome, (_, second) = setting.pair(script, data=data_for(script))
    equal(outcome.records, records)
    equal(second, [], "sessions at the second")


for step, (script, records) in FINAL.items():
    suite.add(f"{step}_is_final", is_final, script, records)
    suite.add(f"{step}_is_final_pipelined", is_final, with_pipelining(script), records)


# ---- the replies that are expected

HELO = {"EHLO": "500 what?"}
UNEXPECTED = {
    "ehlo_251": {"EHLO": "251 x"},
    "ehlo_220": {"EHLO": "220 x"},
    "ehlo_354": {"EHLO": "354 x"},
    "helo_251": {**HELO, "HELO": "251 x"},
    "helo_354": {**HELO, "HELO": "354 x"},
    "mail_354": {"MAIL": "354 x"},
    "mail_334": {"MAIL": "334 x"},
    "rcpt_354": {"RCPT": "354 x"},
    "data_250": {"DATA": "250 x"},
    "data_355": {"DATA": "355 x"},
    "early_250": {"content": ("250 x", 0.3)},
    "early_354": {"content": ("354 x", 0.3)},
    "early_garbage": {"content": ("what?", 0.3)},
}


def goes_on(setting, script, sessions=1):
    """A dead connection before the end: next candidate, else died. Behind an
    EHLO that was refused its reply is what is reported."""
    next_after(setting, script, sessions)
    outcome, _ = setting.alone(script, data=data_for(script))
    equal(len(outcome.records), 1)
    failed(outcome, "Z", f"{SAID}{HELO['EHLO']}\n" if "HELO" in script and
           script["EHLO"] == HELO["EHLO"] else DIED)


for step, script in UNEXPECTED.items():
    suite.add(f"unexpected_{step}", goes_on, script)


@suite.case
def other_greetings_fail(setting):
    for code in ("221", "250", "354", "450", "554"):
        script = {"greeting": f"{code} x"}
        outcome, _ = setting.alone(script)
        equal(outcome.records, [f"Z{GREETING}{code} x\n"])
        next_after(setting, script)


@suite.case
def ehlo_deferred_is_not_repeated_as_helo(setting):
    outcome, sessions = setting.alone({"EHLO": "450 x"})
    equal(outcome.records, [f"Z{HELLO}450 x\n"])
    assert "HELO" not in sessions[0].verbs()
    next_after(setting, {"EHLO": "450 x"})


@suite.case
def ehlo_and_helo_refused(setting):
    for code in ("450", "550"):
        script = {"EHLO": "502 no", "HELO": f"{code} x"}
        outcome, sessions = setting.alone(script)
        equal(outcome.records, [f"Z{HELLO}502 no\n"])
        equal(sessions[0].verbs()[:2], ["EHLO", "HELO"])
        next_after(setting, script)


@suite.case
def any_2xx_will_do(setting):
    for script in ({"MAIL": "299 x"}, {"RCPT": "252 x"}, {".": "200 x"}):
        outcome, _ = setting.alone(script)
        delivered(outcome, ADDRESS)


@suite.case
def a_354_after_no_recipient_is_taken_back(setting):
    """RFC 2920: the message to nobody is ended at once."""
    script = with_pipelining({"RCPT": "550 x", ".": "554 nobody"})
    outcome, sessions = setting.alone(script)
    equal(outcome.records, FINAL["rcpt_550"][1])
    assert all(c in (b"", b"\r\n") for c in sessions[0].contents), sessions[0].contents


@suite.case
def replies_before_their_commands(setting):
    for script in ({"greeting": b"220 hi\r\n250 ok\r\n"},
                   {"EHLO": b"250 x\r\n250 sender ok\r\n"},
                   {"RCPT": b"250 ok\r\n354 go on\r\n"},
                   {"MAIL": b"250 ok\r\n550 "}):
        script = {**script, "QUIT": DROP}
        outcome, sessions = setting.alone(script)
        equal([r[:1] for r in outcome.records], ["Z"], script)
        contains(outcome.text, DIED)
        equal(sessions[0].contents, [])


# ---- which failure is reported

RANK = [{"greeting": DROP}, {"EHLO": (b"250-", DROP)}, {"MAIL": DROP},
        {"RCPT": DROP}, {"DATA": DROP}]


def furthest(setting, scripts, address, step):
    outcome, _ = setting.run(scripts, TRIO)
    failed(outcome, "Z", f"Connected to {address} but ", f"At {step}: ")
    equal(len(outcome.records), 1)


for name, order, address, step in (
    ("first", (4, 3, 2), ADDRESS, "DATA"),
    ("second", (1, 4, 0), SECOND, "DATA"),
    ("third", (0, 1, 2), THIRD, "MAIL"),
    ("first_of_equals", (3, 3, 3), ADDRESS, "RCPT"),
):
    suite.add(f"the_furthest_is_reported_{name}", furthest,
              [RANK[n] for n in order], address, step)


@suite.case
def a_session_is_further_than_no_connection(setting):
    outcome, _ = setting.run([{"greeting": "554 x"}], "mixed.example")
    equal(outcome.records, [f"Z{GREETING}554 x\n"])


@suite.case
def no_connection_names_the_last_failure(setting):
    outcome, _ = setting.run([], "shut2.example")
    equal(outcome.records, [f"Z{UNCONNECTED}{CLOSED}: Connection refused\n"])


# ---- a message that cannot be read twice

def piped(setting, script, wrapper, **options):
    return setting.pair(script, wrapper=wrapper, data=data_for(script), **options)


for name, wrapper in (("pipe", FROM_A_PIPE), ("slow_pipe", FROM_A_SLOW_PIPE)):
    suite.add(f"{name}_delivers", lambda s, w: delivered(
        s.alone({}, wrapper=w)[0], ADDRESS), wrapper)
    suite.add(f"{name}_goes_on_before_the_message",
              lambda s, w: [next_after(s, script, wrapper=w)
                            for script in (*RANK, {"DATA": "421 x"})], wrapper)


def stops_in_the_message(setting, how, letter, text):
    script = {"content": how}
    outcome, (_, second) = piped(setting, script, FROM_A_PIPE)
    failed(outcome, letter, text)
    equal(len(outcome.records), 1, "records")
    equal(second, [], "sessions at the second")


for name, how in (("drop", DROP), ("421", ("421 x", 0.3, DROP)),
                  ("garbage", ("what?", 0.3, DROP))):
    suite.add(f"pipe_{name}_in_the_message_is_reported", stops_in_the_message,
              how, "Z", DIED)


# ---- QUIT

@suite.case
def quit_is_not_waited_for(setting):
    outcome, _ = setting.alone({"QUIT": 1.0})
    delivered(outcome, ADDRESS)
    outcome, sessions = setting.alone({**with_pipelining({}), "QUIT": DROP})
    delivered(outcome, ADDRESS)
    equal(sessions[0].verbs()[-1], "QUIT")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
