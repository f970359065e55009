# SPDX-License-Identifier: ISC
"""Unit tests of rspawn.py: the verdict on exit status and output, and spawn()."""

import os
import sys
import tempfile

import rspawn
from harness import Suite, contains, equal

suite = Suite()

# name, status, output, letter, text
VERDICTS = [
    ("signal_is_temporary", -9, b"r\0Kok\n\0", "Z", "qmail-remote crashed.\n"),
    ("exit_111_is_temporary", 111, b"", "Z", "Unable to run qmail-remote.\n"),
    ("exit_1_bounces", 1, b"r\0Kok\n\0", "D", "Unable to run qmail-remote.\n"),
    ("exit_100_bounces", 100, b"", "D", "Unable to run qmail-remote.\n"),
    ("silence_is_temporary", 0, b"", "Z", "qmail-remote produced no output.\n"),
    ("accepted", 0, b"r\0Kip accepted\n\0", "K", "ip accepted\n"),
    ("refused_and_given_up", 0, b"hno\n\0Dgiving up\n\0", "D", "no\ngiving up\n"),
    ("deferred_and_given_up", 0, b"slater\n\0Dgiving up\n\0", "Z", "later\ngiving up\n"),
    ("refused_beats_accepted", 0, b"hno\n\0Kok\n\0", "D", "no\n"),
    ("deferred_beats_accepted", 0, b"slater\n\0Kok\n\0", "Z", "later\n"),
    ("refused_beats_deferred", 0, b"hno\n\0Zlater\n\0", "D", "no\n"),
    ("accepted_then_message_refused", 0, b"r\0Dbad\n\0", "D", "bad\n"),
    ("accepted_then_message_deferred", 0, b"r\0Zbusy\n\0", "Z", "busy\n"),
    ("message_record_alone_z", 0, b"Zno host\n\0", "Z", "no host\n"),
    ("message_record_alone_d", 0, b"Dno host\n\0", "D", "no host\n"),
    ("no_message_record_bounces", 0, b"r\0", "D", ""),
    ("no_message_record_keeps_s", 0, b"slater\n\0", "Z", "later\n"),
    ("unterminated_record_is_ignored", 0, b"r\0Kok\n", "D", ""),
    ("only_unterminated_bounces", 0, b"Zfoo", "D", ""),
    ("last_message_record_decides", 0, b"Zone\n\0Ktwo\n\0", "K", "one\ntwo\n"),
    ("stderr_byte_in_front_hides_s", 0, b"!slater\n\0Dgive up\n\0", "D", "slater\ngive up\n"),
    ("first_recipient_decides", 0, b"r\0hno\n\0Kok\n\0", "K", ""),
]


def verdict(status, output, letter, text):
    outcome = rspawn.judge(status, output)
    equal((outcome.letter, outcome.text), (letter, text))


for name, *args in VERDICTS:
    suite.add(name, verdict, *args)


@suite.case
def records_are_told_apart():
    outcome = rspawn.judge(0, b"r\0hno\n\0slater\n\0Kok\nSTARTTLS x;\n\0")
    equal(outcome.recipients, "rhs")
    equal(outcome.message, "Kok\nSTARTTLS x;\n")
    equal(outcome.last_line, "STARTTLS x;")


PROBE = r"""
import os, signal, sys
same = os.path.sameopenfile(1, 2)
flags = __import__("fcntl").fcntl(0, 3) & os.O_ACCMODE
blocked = signal.SIGCHLD in signal.pthread_sigmask(signal.SIG_BLOCK, [])
with open("/proc/self/status") as f:
    ignored = int([l for l in f if l.startswith("SigIgn")][0].split()[1], 16)
sys.stdout.write("Z" + " ".join(map(str, [
    os.getcwd(), oct(os.umask(0)), same, flags == os.O_RDONLY, os.lseek(0, 0, 1),
    os.read(0, 99).decode(), blocked, bool(ignored >> (signal.SIGPIPE - 1) & 1),
    os.environ["QMAILHOME"], len(os.listdir("/proc/self/fd")),
])) + "\n\0")
"""


@suite.case
def child_gets_what_rspawn_gives():
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o755)
        mess = os.path.join(home, "queue/mess")
        os.makedirs(mess)
        path = os.path.join(mess, "1")
        with open(path, "w") as file:
            file.write("hello")
        command = [sys.executable, "-I", "-c", PROBE]
        outcome = rspawn.spawn(command, home, path).finish()
        want = f"{mess} 0o77 True True 0 hello True True {home} 4\n"
        equal((outcome.letter, outcome.text), ("Z", want))


@suite.case
def both_streams_share_the_report():
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o755)
        os.makedirs(os.path.join(home, "queue/mess"))
        script = r"printf 'r\0'; echo oops >&2; printf 'Kok\n\0'"
        outcome = rspawn.spawn(["sh", "-c", script], home, "/dev/null").finish()
        equal(outcome.letter, "D")
        contains(outcome.output.decode(), "oops\nK")


if __name__ == "__main__":
    sys.exit(suite.run())
