# SPDX-License-Identifier: ISC
"""Stand-in for qmail-rspawn: starts qmail-remote and judges what it returns.

spawn() gives the program the descriptors, directory, umask and signals it
gets from the real one; judge() applies the real one's rules to exit status
and output and yields the letter and text that qmail-send would see.
"""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field

RUN_TIMEOUT_S = 120
NOBODY = 65534


@dataclass
class Outcome:
    """What the queue learns from one run, and what it was derived from."""

    letter: str  # K delivered, Z try again later, D bounce
    text: str  # goes to the log, and into the bounce
    status: int = 0  # exit code, or minus the signal number
    output: bytes = b""
    records: list = field(default_factory=list)

    @property
    def recipients(self):
        """The letters of the recipient records, in order."""
        return "".join(r[:1] for r in self.records if r[:1] in ("r", "h", "s"))

    @property
    def message(self):
        """The message record (K, Z or D), or None."""
        found = [r for r in self.records if r[:1] in ("K", "Z", "D")]
        return found[-1] if found else None

    @property
    def last_line(self):
        lines = (self.message or "").rstrip("\n").split("\n")
        return lines[-1]


def text_of(data):
    """Bytes as text, one character a byte where they are not UTF-8."""
    return data.decode("utf-8", "backslashreplace")


def split_records(output):
    """The NUL-ended records; what follows the last NUL does not count."""
    return [text_of(r) for r in output.split(b"\0")[:-1]]


def judge(status, output):
    """qmail-rspawn's verdict on one run."""
    records = split_records(output)

    def outcome(letter, text):
        return Outcome(letter, text, status, output, records)

    if status < 0:
        return outcome("Z", "qmail-remote crashed.\n")
    if status == 111:
        return outcome("Z", "Unable to run qmail-remote.\n")
    if status != 0:
        return outcome("D", "Unable to run qmail-remote.\n")
    if not output:
        return outcome("Z", "qmail-remote produced no output.\n")
    return outcome(*combine(records, output))


# How good a letter is: the same three steps qmail-rspawn counts in.
GRADE = {"K": 1, "Z": 0, "D": -1}
RECIPIENT_GRADE = {"s": 0, "h": -1}


def combine(records, output):
    """Letter and text of a run that ended well and said something.

    The last message record gives the result, a bounce if there is none; the
    first byte of the output overrides it when it is a refused recipient. The
    text of the first record is kept, and that of the second if it is a
    message record that is no better than the verdict.
    """
    result = -1
    for record in records:
        result = GRADE.get(record[:1], result)
    verdict = RECIPIENT_GRADE.get(text_of(output[:1]), result)
    letter = {1: "K", 0: "Z", -1: "D"}[verdict]
    if not records:
        return letter, ""
    text = records[0][1:]
    if result <= verdict and len(records) > 1 and records[1][:1] in GRADE:
        text += records[1][1:]
    return letter, text


class Run:
    """One started qmail-remote."""

    def __init__(self, process):
        self.process = process
        self.pid = process.pid

    def finish(self, timeout_s=RUN_TIMEOUT_S):
        """Wait for the end and judge it."""
        try:
            output, _ = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise AssertionError(f"qmail-remote ran over {timeout_s} s")
        return judge(self.process.returncode, output)


def may_change_user():
    """Whether this process can become an unprivileged user."""
    if os.getuid() != 0:
        return False
    with open("/proc/self/uid_map", encoding="ascii") as lines:
        spans = [line.split() for line in lines]
    return any(int(s[0]) <= NOBODY < int(s[0]) + int(s[2]) for s in spans)


def spawn(command, home, message, env=None):
    """Start command on the message file as qmail-rspawn would.

    command is the whole argument list; home the qmail home; message the
    path of the queued message. env is added to a small environment.
    """
    user = {}
    if may_change_user():
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    environment = {"PATH": "/usr/bin:/bin", "QMAILHOME": home, **(env or {})}
    # Looked for in our PATH: a tool may be unpacked.
    command = [shutil.which(command[0]) or command[0], *command[1:]]
    fd = os.open(message, os.O_RDONLY)
    # A child inherits the signal mask: SIGCHLD blocked, and SIGPIPE ignored,
    # as Python itself has it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        process = subprocess.Popen(
            command,
            stdin=fd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=os.path.join(home, "queue/mess"),
            env=environment,
            umask=0o077,
            restore_signals=False,
            **user,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(fd)
    return Run(process)
