# SPDX-License-Identifier: ISC
"""Servers that hang up, fall silent or drip, at each step."""

import sys
import time

from checks import delivered, failed
from harness import Suite, equal
from next_test import ADDRESS, DUPLICATE, HELO, Setting, goes_on, next_after
from scripted import DROP, RESET
from world import run_suite

suite = Suite()


# ---- drops and silence at each step

STEPS = {"greeting": {}, "EHLO": {"HELO": DROP}, "HELO": HELO, "MAIL": {}, "RCPT": {},
         "DATA": {}, "content": {}}


def times_out(setting, event, before):
    """Nothing for longer than timeoutremote: next candidate, as for a drop."""
    # The next one has to take 20 MB within it, on a machine that is busy.
    limit_s = 4 if event == "content" else 1
    script = {**before, event: (2.0 * limit_s, DROP)}
    began = time.monotonic()
    next_after(setting, script, control={"timeoutremote": limit_s})
    assert time.monotonic() - began >= limit_s


for event, before in STEPS.items():
    for label, how in (("drop", DROP), ("reset", (0.1, RESET)),
                       ("half_a_reply", (b"250-x\r\n250", 0.05, DROP))):
        # Who hangs up at EHLO without a word is asked once more, with HELO.
        sessions = 2 if event == "EHLO" and label != "half_a_reply" else 1
        suite.add(f"{label}_at_{event.lower()}", goes_on, {**before, event: how}, sessions)
    suite.add(f"silence_at_{event.lower()}", times_out, event, before)


@suite.case
def silence_after_the_end(setting):
    outcome, (_, second) = setting.pair({".": (1.5, "250 late")},
                                        control={"timeoutremote": 1})
    equal(outcome.records[0], "r")
    failed(outcome, "Z", DUPLICATE)
    equal(second, [])


def drips(setting, reply):
    """Bytes keep coming, each in time; the whole reply does not."""
    drip = tuple(p for byte in reply for p in (bytes([byte]), 0.3))
    next_after(setting, {"MAIL": drip}, control={"timeoutremote": 1})


suite.add("a_byte_at_a_time_is_too_slow", drips, b"250 sender accepted\r\n")
suite.add("a_reply_in_bytes_but_in_time",
          lambda s: delivered(s.alone({"MAIL": tuple(
              bytes([b]) for b in b"250-a\r\n250 b\r\n")})[0], ADDRESS))


@suite.case
def a_server_that_stops_reading(setting):
    next_after(setting, {"content": (8.0, DROP)}, control={"timeoutremote": 4})


@suite.case
def a_line_of_one_mebibyte(setting):
    for event in ("greeting", "MAIL"):
        goes_on(setting, {event: b"250 " + b"x" * (1 << 20)})


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
