# SPDX-License-Identifier: ISC
"""Commands that went in one flight: verdicts on recipients that stand though
the connection ends, servers that cannot take a flight or a parameter and get
the mail the careful way, and replies whose number is wrong."""

import sys
import threading

import messages
from authority import Issuer
from checks import delivered, encrypted, failed, same
from harness import Suite, equal
from next_test import (ADDRESS, DIED, FROM_A_PIPE, HOST, PAIR, SECOND, PIPELINING,
                       Setting as NextSetting)
from scripted import DROP, EHLO_STARTTLS, RESET, Scripted
from tlsserver import python_tls
from world import listener, run_suite

SIZED = "250-x\r\n250-SIZE 99999999\r\n250 8BITMIME"
BOTH = "250-x\r\n250-PIPELINING\r\n250-SIZE 99999999\r\n250 8BITMIME"
CHUNKING = "250-x\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 8BITMIME"
SAID = "Remote host said: "
HIGH = b"Subject: x\n\ncaf\xe9\n"
suite = Suite()


class Setting(NextSetting):
    def __init__(self, world):
        super().__init__(world)
        self.issuer = Issuer(world)
        self.good = python_tls(self.issuer.leaf("good", "DNS:a.example"))


def likes_not(letter, said):
    return f"{letter}{ADDRESS} does not like recipient.\n{SAID}{said}\n"


GIVING_UP = f"DGiving up on {ADDRESS}.\n"


# ---- every recipient is refused, then the connection ends

ENDS = {"closes": (DROP,), "resets": (0.3, RESET), "says_421": ("421 4.7.0 bye", DROP),
        "is_silent": (2.5, DROP)}
OFFERED = {"flight": PIPELINING, "lock_step": "250 x"}


def refused_then(setting, ehlo, end, fates, records):
    """The verdicts stand; nobody else is asked."""
    replies = [*fates[:-1], (fates[-1], *end)]
    people = [f"r{n}@{PAIR}" for n in range(len(fates))]
    outcome, (first, second) = setting.pair(
        {"EHLO": ehlo, "RCPT": replies}, recipients=people,
        control={"timeoutremote": 1 if 2.5 in end else 20})
    equal(outcome.records, [*records, GIVING_UP])
    equal((len(first), len(second)), (1, 0), "sessions")


FATES = {
    "refused": (["550 5.1.1 no"], [likes_not("h", "550 5.1.1 no")]),
    "deferred": (["450 later"], [likes_not("s", "450 later")]),
    "both_refused": (["550 a", "551 b"],
                     [likes_not("h", "550 a"), likes_not("h", "551 b")]),
    "mixed": (["450 a", "550 b"], [likes_not("s", "450 a"), likes_not("h", "550 b")]),
}
for offer, ehlo in OFFERED.items():
    for label, end in ENDS.items():
        for fate, (fates, records) in FATES.items():
            if label == "is_silent" and fate not in ("refused", "mixed"):
                continue  # for the sake of time
            suite.add(f"{offer}_{fate}_then_{label}", refused_then, ehlo, end,
                      fates, records)
suite.add("flight_refused_then_says_rubbish", refused_then, PIPELINING,
          (b"what?\r\n", DROP), *FATES["refused"])


def not_all_refused(setting, ehlo, replies):
    """One is taken, or not spoken of: nothing is decided."""
    outcome, (first, second) = setting.pair(
        {"EHLO": ehlo, "RCPT": replies}, recipients=[f"a@{PAIR}", f"b@{PAIR}"])
    delivered(outcome, SECOND)
    equal(outcome.recipients, "rr")
    equal((len(first), len(second)), (1, 1), "sessions")


for offer, ehlo in OFFERED.items():
    suite.add(f"{offer}_one_taken_then_closes", not_all_refused, ehlo,
              ["550 no", ("250 ok", DROP)])
    suite.add(f"{offer}_one_not_spoken_of", not_all_refused, ehlo, [("550 no", DROP)])


@suite.case
def data_refused_behind_refused_recipients(setting):
    """503 to DATA only says that there was nobody to send to."""
    for code in ("503", "554", "550", "501"):
        outcome, (_, second) = setting.pair(
            {"EHLO": PIPELINING, "RCPT": "550 no", "DATA": f"{code} no recipients"})
        equal(outcome.records, [likes_not("h", "550 no"), GIVING_UP])
        equal(second, [])


# ---- once more, the careful way

CODES = ("500", "501", "502", "503", "504", "555")
STEPS = {"mail": "MAIL", "rcpt": "RCPT", "data": "DATA"}


def careful(session):
    """One command at a time, and nothing behind MAIL's path."""
    equal(session.ahead, [], "commands with more behind them")
    said = [c for c in session.commands if c.startswith("MAIL")]
    equal(said, ["MAIL FROM:<alice@client.example>"])


def once_more(setting, ehlo, event, reply, data=None):
    data = data or messages.small()
    outcome, sessions = setting.alone([{"EHLO": ehlo, event: reply}, {"EHLO": ehlo}],
                                      data=data)
    delivered(outcome, ADDRESS)
    equal(len(sessions), 2, "sessions")
    assert not any(c.strip() for c in sessions[0].contents), sessions[0].contents
    careful(sessions[1])
    same(messages.as_received(sessions[1].contents[0]), data)


for step, event in STEPS.items():
    for code in CODES:
        suite.add(f"{code}_to_{step}_in_a_flight", once_more, PIPELINING, event,
                  f"{code} 5.5.1 not now")
for code in CODES:
    suite.add(f"{code}_to_mail_with_size", once_more, SIZED, "MAIL", f"{code} x")
    suite.add(f"{code}_to_mail_with_body", once_more, "250-x\r\n250 8BITMIME", "MAIL",
              f"{code} x", HIGH)
suite.add("555_to_mail_with_size_in_a_flight", once_more, BOTH, "MAIL", "555 no SIZE")
suite.add("rubbish_behind_503", once_more, PIPELINING, "MAIL",
          ("503 x", b"what?\r\n", DROP))
suite.add("closed_behind_503", once_more, PIPELINING, "MAIL", ("503 x", DROP))


@suite.case
def two_recipients_once_more(setting):
    """One of the two was not understood; the mail goes once, to both."""
    outcome, sessions = setting.alone(
        [{"EHLO": PIPELINING, "RCPT": ["250 ok", "503 x"]}, {"EHLO": PIPELINING}],
        recipients=[f"a@{HOST}", f"b@{HOST}"])
    delivered(outcome, ADDRESS)
    equal(outcome.recipients, "rr")
    equal([len(s.contents) for s in sessions], [0, 1], "messages")


REFUSED = {
    "mail": ("MAIL", f"Connected to {ADDRESS} but sender was rejected.\n"),
    "rcpt": ("RCPT", f"{ADDRESS} does not like recipient.\n"),
    "data": ("DATA", f"{ADDRESS} failed on DATA command.\n"),
}


def refused_twice(setting, step, second, letter):
    """What is said the careful way counts."""
    event, text = REFUSED[step]
    outcome, (first, other) = setting.pair(
        [{"EHLO": PIPELINING, event: "503 first"}, {"EHLO": PIPELINING, event: second}])
    failed(outcome, letter, text, f"{SAID}{second}\n")
    equal(outcome.recipients, {"rcpt": "h" if letter == "D" else "s", "mail": "",
                               "data": "r"}[step])
    equal((len(first), len(other)), (2, 0), "sessions")
    careful(first[1])


for step in REFUSED:
    suite.add(f"{step}_refused_the_careful_way_too", refused_twice, step,
              "503 second", "D")
    suite.add(f"{step}_refused_otherwise", refused_twice, step, "550 second", "D")
    suite.add(f"{step}_deferred_the_careful_way", refused_twice, step,
              "451 second", "Z")


@suite.case
def the_careful_way_dies(setting):
    """A connection that ended decides nothing: the next one."""
    for second in ({"greeting": "421 busy"}, {"MAIL": DROP}, {"RCPT": "421 bye"}):
        outcome, (first, other) = setting.pair([{"EHLO": PIPELINING, "MAIL": "503 x"},
                                                second])
        delivered(outcome, SECOND)
        equal((len(first), len(other)), (2, 1), "sessions")


@suite.case
def the_careful_way_cannot_connect(setting):
    """Whether it would have been taken is not known."""
    setting.home.control()
    closing = listener(ADDRESS, 25)

    def serve():
        connection, _ = closing.accept()
        closing.close()
        with connection:
            connection.sendall(b"220 x\r\n")
            connection.recv(1000)
            connection.sendall(PIPELINING.encode() + b"\r\n")
            connection.recv(1000)
            connection.sendall(b"503 x\r\n" * 3)
            connection.recv(1000)

    threading.Thread(target=serve, daemon=True).start()
    outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small())
    equal(outcome.letter, "Z", outcome.text)
    equal(len(outcome.records), 1)


def final(setting, script, **options):
    """No flight and no parameter, so no other way to say it."""
    outcome, sessions = setting.alone(script, **options)
    equal(outcome.letter, "D", outcome.text)
    equal(len(sessions), 1, "sessions")


for step, event in STEPS.items():
    suite.add(f"503_to_{step}_in_lock_step_is_final", final, {"EHLO": "250 x",
                                                              event: "503 x"})
    suite.add(f"550_to_{step}_in_a_flight_is_final", final, {"EHLO": PIPELINING,
                                                             event: "550 x"})


@suite.case
def a_retry_is_careful_already(setting):
    for event in STEPS.values():
        final(setting, {"EHLO": BOTH, event: "503 x"}, retry=True)


@suite.case
def once_more_from_a_pipe(setting):
    """Of which nothing was read yet."""
    outcome, sessions = setting.alone(
        [{"EHLO": PIPELINING, "MAIL": "503 x"}, {"EHLO": PIPELINING}],
        wrapper=FROM_A_PIPE)
    delivered(outcome, ADDRESS)
    careful(sessions[1])


@suite.case
def once_more_over_tls(setting):
    """What had to be proved has to be proved again."""
    setting.home.control(tlsstrictness=2, trustanchors=setting.issuer.bundle)
    script = {"EHLO": EHLO_STARTTLS, "tls EHLO": PIPELINING}
    with Scripted(setting.world, ADDRESS, [{**script, "tls MAIL": "503 x"}, script],
                  setting.good) as server:
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small())
        sessions = server.settle()
    delivered(outcome, ADDRESS)
    encrypted(outcome, "verified")
    equal([s.clear_verbs() for s in sessions], [["EHLO", "STARTTLS"]] * 2)
    equal(sessions[1].ahead, [])


# ---- CHUNKING

def no_chunks(setting, ehlo, data, **options):
    outcome, sessions = setting.alone({"EHLO": ehlo}, data=data, **options)
    delivered(outcome, ADDRESS)
    assert "BDAT" not in sessions[0].verbs(), sessions[0].commands
    same(messages.as_received(sessions[0].contents[0]), data)


for label, data in (("4k", messages.small()), ("1", b"\n"),
                    ("60k", messages.message("60k", 60000))):
    suite.add(f"chunking_is_not_used_{label}", no_chunks, CHUNKING, data)
    suite.add(f"chunking_alone_is_not_used_{label}", no_chunks,
              "250-x\r\n250 CHUNKING", data)


# ---- a reply too many

def too_many(setting, event, ehlo, extra):
    """K is for a message that was taken, and for nothing else."""
    usual = {"greeting": "220 x", "EHLO": ehlo, "MAIL": "250 ok", "RCPT": "250 ok",
             "DATA": "354 go", ".": "554 no"}
    for end in ("554 no", "250 kept"):
        for rcpt in ("250 ok", "550 no"):
            script = {**usual, "RCPT": rcpt, ".": end}
            if rcpt == "550 no":
                script["DATA"] = "503 nobody"
            script[event] = script[event].encode() + b"\r\n" + extra
            outcome, sessions = setting.alone(script)
            taken = end == "250 kept" and any(s.contents for s in sessions)
            assert outcome.letter != "K" or taken, outcome.text


for event in ("greeting", "EHLO", "MAIL", "RCPT", "DATA"):
    for offer, ehlo in (("flight", PIPELINING), ("lock_step", "250 x"),
                        ("chunks", CHUNKING)):
        suite.add(f"a_reply_too_many_to_{event.lower()}_{offer}", too_many,
                  event, ehlo, b"250 ok\r\n")
        suite.add(f"a_354_too_many_to_{event.lower()}_{offer}", too_many,
                  event, ehlo, b"354 ok\r\n")


@suite.case
def a_reply_too_many_is_no_refusal(setting):
    """Where it is seen at once, the connection is dead."""
    outcome, _ = setting.alone({"MAIL": b"250 ok\r\n250 ok\r\n"})
    failed(outcome, "Z", DIED)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
