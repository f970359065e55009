# SPDX-License-Identifier: ISC
"""What the machine may be like: filters of system calls and limits from
outside, a kernel that has no randomness yet, a report that goes to a file."""

import errno
import os
import re
import signal
import subprocess
import sys
import time

import messages
import rspawn
from authority import Issuer
from callfilter import (ERRNO, KILL_PROCESS, KILL_THREAD, SYSTEM_SERVICE, TRAP,
                        ALLOW, Filter, needs_no_filter, of_systemd, without)
from checks import delivered, encrypted, failed, in_clear
from harness import Skip, Suite, equal, needs_musl
from qmailhome import SENDER
from scripted import EHLO_STARTTLS, HOLD, Scripted
from tlsserver import python_tls
from tracing import Trace
from world import run_suite

CLEAR, SECURE, HELD = "192.0.2.10", "192.0.2.20", "192.0.2.30"
RECIPIENT = "bob@dest.example"
LANDLOCK = ["landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"]
LIMITS = ["prlimit64", "setrlimit"]
CONFINED = re.compile(r"prctl\(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, .* = 0$")
# Long enough that a file which may have 64 KiB is over it.
LONG = b"x" * 70000
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        self.home = world.home()
        issuer = Issuer(world)
        self.leaf = issuer.leaf("leaf", f"IP:{SECURE}")
        os.chmod(self.leaf.key, 0o644)
        self.clear = Scripted(world, CLEAR)
        self.secure = Scripted(world, SECURE, {"EHLO": EHLO_STARTTLS},
                               python_tls(self.leaf))
        self.anchors = {"clear": issuer.bundle, "bundle": issuer.bundle,
                        "directory": issuer.hashed("hashed", issuer.root)}

    def deliver(self, way, wrapper=(), **control):
        """To one of the servers: in clear, or verified by these anchors."""
        server = self.clear if way == "clear" else self.secure
        strictness = 0 if way == "clear" else 2
        self.home.control(**{"trustanchors": self.anchors[way],
                             "tlsstrictness": strictness, **control})
        server.sessions.clear()
        outcome = self.home.deliver(f"[{server.address}]", RECIPIENT,
                                    messages.small(), wrapper=wrapper)
        server.settle()
        return outcome

    def goes(self, way, wrapper=(), **control):
        outcome = self.deliver(way, wrapper, **control)
        survives_strace(outcome, wrapper)
        assert outcome.status >= 0, f"{way}: ended by signal {-outcome.status}"
        delivered(outcome)
        if way == "clear":
            in_clear(outcome)
        else:
            encrypted(outcome, "verified")


def survives_strace(outcome, wrapper):
    """strace's way to fail a call is a call that no filter names."""
    if outcome.status == -signal.SIGSYS and "strace" in wrapper:
        raise Skip("the program of make check-calls dies of it")


# ---- filters of system calls, set up before the program starts

def under_filter(setting, *arguments):
    wrapper = Filter(setting.world, *arguments).wrapper
    for way in setting.anchors:
        setting.goes(way, wrapper)


ERROR = {"eperm": ERRNO | errno.EPERM, "enosys": ERRNO | errno.ENOSYS}
for how, action in {"kill": KILL_PROCESS, "kill_thread": KILL_THREAD, "trap": TRAP,
                    **ERROR}.items():
    suite.add(f"system_service_or_{how}", under_filter, SYSTEM_SERVICE, ALLOW, action)


def under_one_of_limits(setting, *arguments):
    """glibc asks for them before the program begins, and dies of it."""
    needs_musl()
    under_filter(setting, *arguments)


# `SystemCallFilter=~...` behind it, or alone.
suite.add("system_service_without_limits", under_one_of_limits, without(*LIMITS))
suite.add("no_landlock", under_filter, LANDLOCK, KILL_PROCESS, ALLOW)
suite.add("no_limits", under_one_of_limits, LIMITS, KILL_PROCESS, ALLOW)
suite.add("no_new_privileges", under_filter)
for how, action in ERROR.items():
    suite.add(f"system_service_without_prctl_{how}", under_filter,
              without("prctl"), ALLOW, action)
    suite.add(f"asking_for_the_filter_{how}", under_filter, SYSTEM_SERVICE, ALLOW,
              KILL_PROCESS, action)


@suite.case
def system_service_of_this_machine(setting):
    under_filter(setting, of_systemd())


@suite.case
def its_own_filter_all_the_same(setting):
    """What is left out under another filter, and what is not."""
    needs_musl()
    needs_no_filter()
    for names, whole in ((SYSTEM_SERVICE, False), (None, True)):
        trace = Trace(setting.world, f"filtered{whole}")
        setting.goes("clear", [*trace.wrapper, *Filter(setting.world, names).wrapper])
        text = "\n".join(trace.calls()).rpartition("execve(")[2]
        for call in ("landlock_create_ruleset(", "prlimit64("):
            equal(call in text, whole, f"{call} under {names and 'a filter'}")
        equal("prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE)" in text, not whole)
        assert any(CONFINED.search(line) for line in text.splitlines()), "no filter"


# ---- keys: of a kernel that says it has the randomness for them

def getrandom(*words):
    return ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e",
            "inject=getrandom:error=" + ":".join(words)]


def needs_strace(setting):
    Trace(setting.world, "none")


def no_randomness(setting, way, **control):
    """For ever: no TLS, for as long as a server is waited for, and no mail in
    clear instead; the queue tries again."""
    needs_strace(setting)
    begun = time.monotonic()
    wrapper = getrandom("EAGAIN")
    outcome = setting.deliver(way, wrapper, timeoutremote=2, **control)
    survives_strace(outcome, wrapper)
    failed(outcome, "Z", "System resources temporarily unavailable. (#4.3.0)",
           "the kernel has no randomness yet")
    assert time.monotonic() - begun > 1.5, "it did not wait"
    for session in setting.secure.sessions:
        assert not session.over_tls and "MAIL" not in session.verbs(), session.commands
    return outcome


suite.add("no_randomness_at_strictness_2", no_randomness, "bundle")
for strictness in (0, 1):
    suite.add(f"no_randomness_at_strictness_{strictness}", lambda setting, level:
              no_randomness(setting, "bundle", tlsstrictness=level), strictness)


@suite.case
def no_randomness_for_a_client_certificate(setting):
    """Looked at before the first connection."""
    no_randomness(setting, "bundle", clientcert=setting.leaf.chain,
                  clientkey=setting.leaf.key)
    equal(setting.secure.sessions, [])


@suite.case
def no_randomness_in_clear(setting):
    needs_strace(setting)
    setting.goes("clear", getrandom("EAGAIN"))


@suite.case
def randomness_that_comes_late(setting):
    """The kernel is asked again until it says so; no key comes from elsewhere."""
    needs_musl()
    trace = Trace(setting.world, "late")
    wrapper = [*trace.wrapper, "-e", "inject=getrandom:error=EAGAIN:when=1..15"]
    for way in ("bundle", "directory"):
        setting.goes(way, wrapper)
        asked = [line for line in trace.calls() if "getrandom(" in line]
        assert len(asked) > 15 and asked[15].endswith(" = 256"), asked[15:]
        late = "\n".join(trace.calls()).partition(asked[15])[2]
        assert "SOCK_STREAM" not in late, "the key came before the connection"


@suite.case
def kernel_without_getrandom(setting):
    """Before Linux 3.17: /dev/urandom."""
    needs_strace(setting)
    for way in setting.anchors:
        setting.goes(way, getrandom("ENOSYS"))


# ---- a report that goes to a file

def report_to(setting, out, address=CLEAR):
    setting.home.control()
    with open(setting.home.message(messages.small()), "rb") as message:
        return subprocess.Popen([setting.home.binary, f"[{address}]", SENDER, RECIPIENT],
                                stdin=message, stdout=out, stderr=out,
                                env={"QMAILHOME": setting.home.path})


def report_of(process, path):
    """What came behind the long part."""
    equal(process.wait(60), 0)
    with open(path, "rb") as file:
        content = file.read()
    delivered(rspawn.judge(0, content[content.rindex(b"x") + 1:].lstrip(b"\0")))


def report_to_a_long_file(setting, mode):
    """Appended, or written at the end by its offset."""
    path = setting.world.file(f"report.{mode}", "")
    with open(path, "wb") as file:
        file.write(LONG)
    with open(path, mode) as out:
        out.seek(0, os.SEEK_END)
        report_of(report_to(setting, out), path)


suite.add("report_appended_to_a_long_file", report_to_a_long_file, "ab")
suite.add("report_at_the_end_of_a_long_file", report_to_a_long_file, "r+b")


@suite.case
def report_far_into_a_short_file(setting):
    path = setting.world.file("report.far", "x")
    with open(path, "r+b") as out:
        out.seek(1 << 20)
        report_of(report_to(setting, out), path)


@suite.case
def report_to_a_file_that_grows(setting):
    """Others append to it while the message is sent."""
    path = setting.world.file("report.grows", "")
    with Scripted(setting.world, HELD, {".": HOLD}) as server, open(path, "ab") as out:
        process = report_to(setting, out, HELD)
        server.wait_hold()
        out.write(LONG)
        out.flush()
        server.release()
        report_of(process, path)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
