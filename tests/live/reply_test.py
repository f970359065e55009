# SPDX-License-Identifier: ISC
"""The form of replies: odd ones that are replies all the same, and those that
are none, whose line the report shows. Each at every step of a session."""

import sys

from checks import delivered, failed
from harness import Suite, contains, equal
from next_test import (ADDRESS, DIED, DUPLICATE, GREETING, SAID, Setting,
                       with_pipelining)
from scripted import DROP
from world import run_suite

USUAL = {"greeting": "220", "EHLO": "250", "MAIL": "250", "RCPT": "250",
         "DATA": "354", ".": "250"}
suite = Suite()


# ---- replies

FAIR = {
    "no_text": "{0}\r\n",
    "no_text_lf": "{0}\n",
    "bare_lf": "{0}-x\n{0} x\n",
    "code_alone_at_the_end": "{0}-\r\n{0}\r\n",
    "thousand_lines": "{0}-x\r\n" * 999 + "{0} x\r\n",
    "hostile": "{0}-\0\x1b%s%n\r\n{0} \x80\xff\r\r\n",
    "tab": "{0}\tx\r\n",
    "tab_alone": "{0}\t\r\n",
    "tab_behind_lines": "{0}-x\r\n{0}-\ty\r\n{0}\tz\r\n",
    "cr_cr_lf": "{0} x\r\r\n",
    "code_cr_cr_lf": "{0}\r\r\n",
    "crs_on_every_line": "{0}-x\r\r\r\n{0}-\r\r\n{0} y\r\r\r\r\n",
    "spaces": "{0}    x  \r\n",
}


def made(form, code):
    return form.format(code).encode("latin-1")


def fair_reply(setting, form):
    """At every step, alone and in a flight, and as a refusal."""
    script = {event: made(form, code) for event, code in USUAL.items()}
    delivered(setting.alone(script)[0], ADDRESS)
    del script["EHLO"]
    delivered(setting.alone(with_pipelining(script))[0], ADDRESS)
    for change in (dict, with_pipelining):
        outcome, _ = setting.alone(change({"RCPT": made(form, "553")}))
        equal([r[:1] for r in outcome.records], ["h", "D"])
        outcome, _ = setting.alone(change({"MAIL": made(form, "451")}))
        failed(outcome, "Z", "sender was rejected.\n", "451")


for name, form in FAIR.items():
    suite.add(f"fair_reply_{name}", fair_reply, form)


@suite.case
def the_text_behind_a_tab(setting):
    outcome, _ = setting.alone({"RCPT": b"550\t5.1.1 no such user\r\n"})
    equal(outcome.records[0], f"h{ADDRESS} does not like recipient.\n{SAID}"
          "550 5.1.1 no such user\n")
    outcome, _ = setting.alone({".": b"554-one\r\r\n554\ttwo\r\r\n"})
    failed(outcome, "D", f"failed after I sent the message.\n{SAID}554-one\n554 two\n")


# ---- several codes: the last one counts

LAST = {
    "blocked": ("greeting", "220-wait\r\n220-a moment\r\n521 5.7.1 blocked", "Z", "",
                f"{GREETING}220-wait\n220-a moment\n521 5.7.1 blocked\n"),
    "busy": ("greeting", "220-wait\r\n421 busy", "Z", "",
             f"{GREETING}220-wait\n421 busy\n"),
    "sender_refused": ("MAIL", "250-ok\r\n550 no", "D", "",
                       f"sender was rejected.\n{SAID}250-ok\n550 no\n"),
    "sender_deferred": ("MAIL", "250-ok\r\n550-no\r\n451 later", "Z", "",
                        f"sender was rejected.\n{SAID}250-ok\n550-no\n451 later\n"),
    "recipient_refused": ("RCPT", "250-ok\r\n550 no", "D", "h",
                          f"recipient.\n{SAID}250-ok\n550 no\n"),
    "recipient_deferred": ("RCPT", "550-no\r\n450 later", "Z", "s",
                           f"recipient.\n{SAID}550-no\n450 later\n"),
    "recipient_refused_after_all": ("RCPT", "450-later\r\n550 never", "D", "h",
                                    f"recipient.\n{SAID}450-later\n550 never\n"),
    "data_refused": ("DATA", "354-go\r\n554 no", "D", "r",
                     f"failed on DATA command.\n{SAID}354-go\n554 no\n"),
    "message_refused": (".", "250-kept\r\n554 no", "D", "r",
                        f"failed after I sent the message.\n{SAID}250-kept\n554 no\n"),
    "message_deferred": (".", "250-kept\r\n451 no", "Z", "r",
                         f"failed after I sent the message.\n{SAID}250-kept\n451 no\n"),
}


def last_counts(setting, event, reply, letter, recipients, text):
    for change in (dict, with_pipelining):
        outcome, _ = setting.alone(change({event: reply}))
        failed(outcome, letter, text)
        equal(outcome.recipients, recipients)


for name, args in LAST.items():
    suite.add(f"last_code_counts_{name}", last_counts, *args)


@suite.case
def last_code_counts_of_good_ones(setting):
    outcome, _ = setting.alone({"MAIL": "251-x\r\n250 y", "RCPT": "250-x\r\n252 y",
                                ".": "250-x\r\n251 kept"})
    delivered(outcome, ADDRESS)


@suite.case
def last_code_counts_of_ehlo(setting):
    """Refused after all: HELO, on the same connection."""
    outcome, sessions = setting.alone({"EHLO": "250-x\r\n502 no"})
    delivered(outcome, ADDRESS)
    equal(sessions[0].verbs()[:3], ["EHLO", "HELO", "MAIL"])


# ---- what is no reply

ODD = {
    "no_code": (b"hello there\r\n", "hello there"),
    "empty_line": (b"\r\n", ""),
    "two_digits": (b"25\r\n", "25"),
    "four_digits": (b"2500 x\r\n", "2500 x"),
    "code_then_letter": (b"250x\r\n", "250x"),
    "space_before": (b" 250 x\r\n", " 250 x"),
    "code_0": (b"050 x\r\n", "050 x"),
    "code_100": (b"100 x\r\n", "100 x"),
    "code_199": (b"199 x\r\n", "199 x"),
    "code_600": (b"600 x\r\n", "600 x"),
    "code_999": (b"999 x\r\n", "999 x"),
    "code_600_amid_lines": (b"250-x\r\n600-y\r\n250 z\r\n", "600-y"),
    "cr_in_the_code": (b"25\r0 x\r\n", "25"),
    "minus": (b"-250 x\r\n", "-250 x"),
    "no_code_amid_lines": (b"250-x\r\nbut no\r\n250 z\r\n", "but no"),
    "good_behind_refused": (b"550-no\r\n250 oh well\r\n", "250 oh well"),
    "good_behind_deferred": (b"450-later\r\n250 now\r\n", "250 now"),
    "354_behind_refused": (b"554-no\r\n354 go on\r\n", "354 go on"),
    "good_amid_refused": (b"550-no\r\n250-yes\r\n550 no\r\n", "250-yes"),
    "too_many_lines": (b"250-x\r\n" * 1000 + b"250 x\r\n", ""),
    "too_long": (b"250 " + b"x" * 65536 + b"\r\n", ""),
    "hostile": (b"\x1b[2J\0K\xff\r\n", "?[2J?K?"),
}


def odd_reply(setting, bad, shown):
    """At every step the connection is dead, and the report has the line."""
    for event in USUAL:
        outcome, _ = setting.alone({event: (bad, DROP)})
        failed(outcome, "Z", DUPLICATE if event == "." else DIED)
        equal(outcome.recipients, "r" if event == "." else "", event)
        contains(outcome.text, shown)
        equal(outcome.output.count(b"\0"), 2 if event == "." else 1, "records")


for name, args in ODD.items():
    suite.add(f"odd_reply_{name}", odd_reply, *args)


@suite.case
def odd_reply_to_helo(setting):
    for bad in (b"hello\r\n", b"550-no\r\n250 x\r\n"):
        outcome, _ = setting.alone({"EHLO": "502 what", "HELO": (bad, DROP)})
        failed(outcome, "Z", f"Connected to {ADDRESS} but ")


@suite.case
def what_is_shown_is_bounded(setting):
    """A line of 60,000 octets, not understood."""
    outcome, _ = setting.alone({"MAIL": b"x" * 60000 + b"\r\n"})
    failed(outcome, "Z", DIED, "xxx")
    assert len(outcome.output) < 10000, len(outcome.output)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
