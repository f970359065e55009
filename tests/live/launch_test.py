# SPDX-License-Identifier: ISC
"""How qmail-rspawn runs the program, and worse ways: descriptors, directory,
signals, exit status."""

import os
import signal
import subprocess
import sys

import messages
import rspawn
from checks import delivered, failed
from harness import Skip, Suite, equal
from qmailhome import SENDER
from scripted import HOLD, Scripted
from world import run_suite, wait_until

ADDRESS = "192.0.2.10"
HOST = f"[{ADDRESS}]"
RECIPIENT = "bob@dest.example"
USAGE = "I (qmail-remote) was invoked improperly. (#5.3.5)\n"
UNREADABLE = "Unable to read message. (#4.3.0)\n"
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        self.home = world.home()
        self.server = Scripted(world, ADDRESS)

    def deliver(self, wrapper=(), recipients=RECIPIENT, **options):
        self.home.control()
        self.server.sessions.clear()
        outcome = self.home.deliver(HOST, recipients, messages.small(),
                                    wrapper=wrapper, **options)
        self.server.settle()
        return outcome


def shell(words):
    """Run the program with these redirections or settings."""
    return ["sh", "-c", f'{words} "$@"' if ";" in words else f'exec "$@" {words}',
            "sh"]


# ---- descriptors closed at exec

def closed(setting, words, letter, text):
    outcome = setting.deliver(shell(words))
    if letter == "K":
        delivered(outcome, ADDRESS)
        return
    failed(outcome, letter, text)
    equal(setting.server.sessions, [])


suite.add("closed_0", closed, "<&-", "Z", UNREADABLE)
suite.add("closed_0_and_2", closed, "<&- 2>&-", "Z", UNREADABLE)
suite.add("closed_2", closed, "2>&-", "K", "")


def without_report(setting, words):
    """It cannot report: it ends by a signal before it has sent anything."""
    outcome = setting.deliver(shell(words))
    assert outcome.status < 0 or outcome.status > 128, outcome.status
    equal(outcome.output, b"")
    equal(setting.server.sessions, [])


for name, words in {"1": ">&-", "0_and_1": "<&- >&-", "1_and_2": ">&- 2>&-",
                    "all": "<&- >&- 2>&-"}.items():
    suite.add(f"closed_{name}", without_report, words)


@suite.case
def nothing_but_the_report_is_written(setting):
    """Descriptor 2 is the report pipe too: what comes is records only."""
    for recipients in (RECIPIENT, [], "b\u00f6b@x", ["a@b c"]):
        outcome = setting.deliver(recipients=recipients)
        assert outcome.output.endswith(b"\n\0"), outcome.output
        equal("".join(r + "\0" for r in outcome.records).encode(), outcome.output)
        equal([r[0] for r in outcome.records if r[0] not in "rhs"],
              [outcome.letter])


def read_only_report(setting, how):
    """A report pipe that cannot be written: death by a signal, not an exit
    code; qmail-rspawn takes it for temporary."""
    setting.home.control()
    path = setting.home.message(messages.small())
    out, into = os.pipe()
    command = [setting.home.binary, HOST, SENDER, RECIPIENT]
    env = {"QMAILHOME": setting.home.path}
    with open(path, "rb") as message:
        target = out if how == "read_only" else into
        process = subprocess.Popen(command, stdin=message, stdout=target,
                                   stderr=target, env=env,
                                   restore_signals=how == "sigpipe_default")
    os.close(out)
    os.close(into)
    process.wait(60)
    assert process.returncode < 0, process.returncode
    setting.server.settle()


for how in ("reader_gone", "read_only", "sigpipe_default"):
    suite.add(f"report_{how}", read_only_report, how)


@suite.case
def report_nobody_reads_from_the_start(setting):
    """Nothing is sent that would be sent again."""
    setting.home.control()
    path = setting.home.message(messages.small())
    out, into = os.pipe()
    os.close(out)
    setting.server.sessions.clear()
    with open(path, "rb") as message:
        run = subprocess.run([setting.home.binary, HOST, SENDER, RECIPIENT],
                             check=False, stdin=message, stdout=into, stderr=into,
                             env={"QMAILHOME": setting.home.path})
    os.close(into)
    assert run.returncode < 0, run.returncode
    equal(setting.server.sessions, [])


@suite.case
def report_to_a_file(setting):
    setting.home.control()
    path = setting.home.message(messages.small())
    report = setting.world.file("report", "")
    with open(path, "rb") as message, open(report, "wb") as out:
        subprocess.run([setting.home.binary, HOST, SENDER, RECIPIENT], check=True,
                       stdin=message, stdout=out, stderr=out,
                       env={"QMAILHOME": setting.home.path})
    with open(report, "rb") as file:
        delivered(rspawn.judge(0, file.read()), ADDRESS)


@suite.case
def report_pipe_that_does_not_wait(setting):
    """O_NONBLOCK on the report pipe, and nobody reads it for a while."""
    setting.home.control()
    path = setting.home.message(messages.small())
    out, into = os.pipe()
    os.set_blocking(into, False)
    os.write(into, b"x" * 65536)
    with open(path, "rb") as message:
        process = subprocess.Popen(
            [setting.home.binary, HOST, SENDER, RECIPIENT], stdin=message,
            stdout=into, stderr=into, env={"QMAILHOME": setting.home.path})
    os.close(into)
    wait_until(lambda: setting.server.sessions, "a connection", process)
    setting.server.settle()
    with os.fdopen(out, "rb") as pipe:
        output = pipe.read()
    equal(process.wait(60), 0)
    delivered(rspawn.judge(0, output[65536:]), ADDRESS)


# ---- directory, user, signals, environment

@suite.case
def directory_that_is_gone(setting):
    parent = setting.world.folder("gone", 0o777)
    script = f"mkdir {parent}/x && cd {parent}/x && rmdir {parent}/x; exec"
    delivered(setting.deliver(shell(script)), ADDRESS)


@suite.case
def runs_as_an_unprivileged_user(setting):
    if not rspawn.may_change_user():
        raise Skip("there is no other user here")
    with Scripted(setting.world, "192.0.2.11", {".": HOLD}) as server:
        setting.home.control()
        run = setting.home.start("[192.0.2.11]", RECIPIENT, messages.small())
        server.wait_hold()
        with open(f"/proc/{run.pid}/status", encoding="ascii") as lines:
            uids = next(line for line in lines if line.startswith("Uid:"))
        server.release()
        delivered(run.finish())
    equal(set(uids.split()[1:]), {str(rspawn.NOBODY)})


@suite.case
def empty_environment(setting):
    delivered(setting.deliver(["env", "-i", f"QMAILHOME={setting.home.path}"]),
              ADDRESS)


@suite.case
def strange_environment(setting):
    env = {"LANG": "tr_TR.UTF-8", "LD_PRELOAD": "/nowhere.so", "IFS": "x",
           "MALLOC_PERTURB_": "1", "X" * 5000: "y" * 50000, "DNSCACHEIP": "junk"}
    delivered(setting.deliver(env=env), ADDRESS)


@suite.case
def many_descriptors_are_open(setting):
    words = " ".join(f"{n}</dev/null" for n in range(3, 10))
    delivered(setting.deliver(shell(words)), ADDRESS)


# ---- argv

ARGUMENTS = {
    "none": [], "host": ["h"], "host_and_sender": ["h", "s@x"],
}


def too_few(setting, arguments):
    run = subprocess.run([setting.home.binary, *arguments], check=False,
                         stdin=subprocess.DEVNULL, capture_output=True)
    equal((run.returncode, run.stdout, run.stderr),
          (0, b"D" + USAGE.encode() + b"\0", b""))


for name, arguments in ARGUMENTS.items():
    suite.add(f"arguments_{name}", too_few, arguments)


@suite.case
def a_hundred_recipients(setting):
    recipients = [f"user{n}@dest.example" for n in range(100)]
    outcome = setting.deliver(recipients=recipients)
    delivered(outcome, ADDRESS)
    equal(outcome.recipients, "r" * 100)
    said = [c for c in setting.server.sessions[0].commands if c.startswith("RCPT")]
    equal(said, [f"RCPT TO:<{r}>" for r in recipients])


@suite.case
def more_than_a_hundred_recipients(setting):
    outcome = setting.deliver(recipients=[f"u{n}@dest.example" for n in range(101)])
    failed(outcome, "D", USAGE + "too many recipients\n")
    equal(setting.server.sessions, [])


@suite.case
def many_signals(setting):
    """A storm of signals that others left at their default: none of ours."""
    with Scripted(setting.world, "192.0.2.12", {".": HOLD}) as server:
        setting.home.control()
        run = setting.home.start("[192.0.2.12]", RECIPIENT, messages.small())
        server.wait_hold()
        for _ in range(1000):
            os.kill(run.pid, signal.SIGCHLD)
            os.kill(run.pid, signal.SIGCONT)
            os.kill(run.pid, signal.SIGWINCH)
        for _ in range(20):
            os.kill(run.pid, signal.SIGSTOP)
            os.kill(run.pid, signal.SIGCONT)
        server.release()
        delivered(run.finish())


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
