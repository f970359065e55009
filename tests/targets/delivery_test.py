# SPDX-License-Identifier: ISC
"""Deliveries by one target's qmail-remote, as it is installed, under qemu's user
mode: names by UDP and TCP, Postfix in clear and over TLS, the year 2040, and
kernels that lack what is new.

Where this machine runs the target's programs itself, that is done too.
"""

import os
import re
import subprocess
import sys
import time
from calendar import timegm

from machines import BINARY, NATIVE, TARGET, emulator, leave, missing

import messages
import rspawn
from authority import Issuer
from checks import delivered, encrypted, failed, in_clear, same
from harness import Skip, Suite, equal
from nameserver import Authority, Unbound
from postfix import Postfix, without_trace
from qmailhome import SENDER, QmailHome
from resuming import File, Resuming
from scripted import EHLO_STARTTLS, Scripted
from tcptotable import Table
from tlsserver import python_tls
from tracing import Trace
from world import full_listener, run_suite

KERNEL = os.path.abspath("build/test/targets/kernel")
HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
ADDRESS_6 = "2001:db8::10"
OTHER, OTHER_NAME, FULL = "192.0.2.20", "other.example", "192.0.2.51"
RECORDS = [
    f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}", f"six AAAA {ADDRESS_6}",
    f"other A {OTHER}", "late MX 10 full", "late MX 20 other", f"full A {FULL}",
    "big MX 1 mx.dest",
] + [f"big MX 100 a-long-name-for-an-exchanger-{n}.sub" for n in range(60)]
VERSIONS = {"1.2": ">=TLSv1.2, <=TLSv1.2", "1.3": ">=TLSv1.3"}
KEYS = ("ecdsa", "rsa")
STARTTLS = {"EHLO": EHLO_STARTTLS}
PIPELINING = {"EHLO": "250-scripted.example\r\n250 PIPELINING"}
IN_2040 = timegm((2040, 7, 1, 0, 0, 0))
BEFORE_2038 = ("20200101000000Z", "20380101000000Z")
AROUND_2040 = ("20390101000000Z", "20410101000000Z")
# Calls by the numbers of the machine that makes them. The host's fail inside
# qemu, which hands the errors of these on.
LACKING = {
    "x86_64": {"getrandom": [318], "landlock": [444, 445, 446], "prctl": [157],
               "prlimit64": [302], "statx": [332]},
    "i386": {"getrandom": [355], "landlock": [444, 445, 446], "prctl": [172],
             "prlimit64": [340], "statx": [383], "clock_gettime64": [403],
             "ppoll_time64": [414], "time64": list(range(403, 424))},
}
suite = Suite()


def runs_here():
    """Not everywhere does a kernel of 64 bits run programs of 32."""
    try:
        subprocess.run([BINARY, "--version"], capture_output=True, check=False)
    except OSError:
        return False
    return True


class Setting:
    def __init__(self, world):
        self.world = world
        Unbound(world, Authority(world, RECORDS))
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.issuer = Issuer(world, days=36500)
        stranger = Issuer(world, "stranger")
        leaf, names = self.issuer.leaf, f"DNS:{NAME}"
        other = f"DNS:{OTHER_NAME}"
        self.leaves = {key: leaf(key, names, key) for key in KEYS}
        self.leaves["other"] = leaf("other", other)
        self.leaves["stranger"] = stranger.leaf("strange", names)
        self.leaves["until_2038"] = leaf("until_2038", other, dates=BEFORE_2038)
        self.leaves["around_2040"] = leaf("around_2040", other, dates=AROUND_2040)
        self.hashed = self.issuer.hashed("hashed", self.issuer.root)
        self.homes = {"qemu": self.install(world, "qemu", emulator())}
        if TARGET in NATIVE and runs_here():
            self.homes["native"] = self.install(world, "native", [])
        self.kernel = world.program(KERNEL, "kernel")
        self.start_postfix()

    def install(self, world, name, command):
        program = world.program(BINARY, f"qmail-remote.{name}")
        script = world.file(f"{name}.sh", "#!/bin/sh\nexec "
                            + " ".join([*command, program]) + ' "$@"\n')
        return QmailHome(os.path.join(world.path, f"home.{name}"), script)

    def other_kernel(self, *options):
        """The wrapper for that; its tool is for one kind of machine."""
        done = subprocess.run([self.kernel, "true"], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise Skip(done.stderr)
        return [self.kernel, *options]

    def start_postfix(self):
        self.postfix = Postfix(self.world)
        self.postfix.listen(ADDRESS)
        if self.world.has_ipv6:
            self.postfix.listen(ADDRESS_6)
        for leaf in (*KEYS, "stranger"):
            for version, protocols in VERSIONS.items():
                self.postfix.listen(ADDRESS, self.leaves[leaf], port(leaf, version),
                                    smtpd_tls_protocols=protocols)
        self.postfix.start()

    def at_postfix(self, host=HOST, data=None, how="qemu", wrapper=(), address=ADDRESS,
                   **control):
        """A delivery that Postfix has to have kept as it was."""
        data = data or messages.small()
        if how not in self.homes:
            raise Skip(f"this kernel does not run programs of {TARGET}")
        home = self.homes[how]
        home.control(**control)
        outcome = home.deliver(host, f"bob@{host}", data, wrapper=wrapper)
        delivered(outcome, address)
        same(without_trace(self.postfix.take()), data)
        return outcome

    def verified(self, port_number, **options):
        """The same at strictness 2."""
        return self.at_postfix(smtproutes=f"{HOST}:{NAME}:{port_number}",
                               tlsstrictness=2, **{"trustanchors": self.issuer.bundle,
                                                   **options})


def port(leaf, version):
    return 2500 + 10 * list(VERSIONS).index(version) + len(leaf)


# ---- a server and a name server as they are

def over_clear(setting, how):
    in_clear(setting.at_postfix(how=how))


def over_tls(setting, how, version, key):
    outcome = setting.verified(port(key, version), how=how)
    encrypted(outcome, "verified", version)


for way in ("qemu", "native") if TARGET in NATIVE else ("qemu",):
    suite.add(f"{way}_clear", over_clear, way)
    for tls in VERSIONS:
        for kind in KEYS:
            suite.add(f"{way}_tls{tls}_{kind}", over_tls, way, tls, kind)


def known(setting, version):
    """What one delivery has left, the next one reads."""
    home, file = setting.homes["qemu"], File(setting.homes["qemu"])
    home.control(trustanchors=setting.issuer.bundle, tlsstrictness=2)
    file.make()
    upgrade = Resuming(setting.leaves["other"], version)
    with Scripted(setting.world, OTHER, STARTTLS, upgrade):
        for _ in range(3):
            outcome = home.deliver(OTHER_NAME, f"bob@{OTHER_NAME}", messages.small())
            delivered(outcome, OTHER)
            encrypted(outcome, "verified", version)
    file.remove()
    equal(upgrade.resumed, [False, True, True])


for tls in VERSIONS:
    suite.add(f"known_tls{tls}", known, tls)


@suite.case
def large_message_over_tls(setting):
    encrypted(setting.verified(port("ecdsa", "1.3"), data=messages.message("2m", 1 << 21)),
              "verified")


@suite.case
def awkward_message(setting):
    setting.at_postfix(data=messages.message("awkward", 50000) + messages.DOTS_ONLY)


@suite.case
def hashed_directory_of_anchors(setting):
    outcome = setting.verified(port("rsa", "1.3"), trustanchors=setting.hashed)
    encrypted(outcome, "verified")


@suite.case
def unknown_authority_is_refused(setting):
    home = setting.homes["qemu"]
    home.control(trustanchors=setting.issuer.bundle, tlsstrictness=2,
                 smtproutes=f"{HOST}:{NAME}:{port('stranger', '1.3')}")
    outcome = home.deliver(HOST, f"bob@{HOST}", messages.small())
    failed(outcome, "Z", "its certificate was refused: issued by an unknown authority")


@suite.case
def to_ipv6(setting):
    if not setting.world.has_ipv6:
        raise Skip("no IPv6 here")
    setting.at_postfix(host="six.example", address=ADDRESS_6)


def names_by(setting, host, conf, queries):
    """How many TCP connections to the name server the delivery took."""
    setting.world.resolv_conf(f"nameserver 127.0.0.1\n{conf}")
    trace = Trace(setting.world, f"names{queries}")
    setting.at_postfix(host=host, wrapper=trace.wrapper)
    setting.world.resolv_conf("nameserver 127.0.0.1\n")
    assert (trace.stream_connects(53) > 0) == (queries > 0), trace.stream_connects(53)


suite.add("names_by_udp", names_by, HOST, "", 0)
suite.add("names_by_tcp", names_by, HOST, "options use-vc\n", 1)
suite.add("names_by_tcp_when_truncated", names_by, "big.example", "", 1)


# ---- the year 2040

def ahead(setting):
    return setting.other_kernel("-t", str(IN_2040 - int(time.time())))


def at_scripted(setting, leaf, wrapper, how="qemu"):
    home = setting.homes[how]
    home.control(trustanchors=setting.issuer.bundle, tlsstrictness=2)
    with Scripted(setting.world, OTHER, STARTTLS, python_tls(setting.leaves[leaf])):
        return home.deliver(OTHER_NAME, f"bob@{OTHER_NAME}", messages.small(),
                            wrapper=wrapper)


@suite.case
def certificate_of_2039_today(setting):
    failed(at_scripted(setting, "around_2040", ()), "Z",
           "certificate not valid before 2039-01-01")


def in_2040(setting, how):
    wrapper = ahead(setting)
    outcome = at_scripted(setting, "around_2040", wrapper, how)
    delivered(outcome, OTHER)
    encrypted(outcome, "verified")
    failed(at_scripted(setting, "until_2038", wrapper, how), "Z",
           "certificate expired on 2038-01-01")


def queued_in_2040(setting, how):
    """A message's age: new ones are sent in flights, after an hour with care."""
    wrapper, home = ahead(setting), setting.homes[how]
    home.control()
    for age_s, in_flights in ((60, True), (7200, False), (IN_2040, False)):
        path = home.message(messages.small())
        os.utime(path, (IN_2040 - age_s, IN_2040 - age_s))
        command = [*wrapper, home.binary, OTHER_NAME, SENDER, f"bob@{OTHER_NAME}"]
        with Scripted(setting.world, OTHER, PIPELINING) as server:
            delivered(rspawn.spawn(command, home.path, path).finish(), OTHER)
            ahead_of_replies = server.settle()[0].ahead
        assert bool(ahead_of_replies) == in_flights, f"{age_s}: {ahead_of_replies}"


def time_out_in_2040(setting, how):
    """What tcpto is told, in a number of 32 bits that lasts until 2106."""
    wrapper, home = ahead(setting), setting.homes[how]
    home.control(timeoutconnect=2)
    server, clients = full_listener(setting.world, FULL)
    with Scripted(setting.world, OTHER):
        outcome = home.deliver("late.example", "bob@late.example", messages.small(),
                               wrapper=wrapper)
        delivered(outcome, OTHER)
    for one in (server, *clients):
        one.close()
    with open(home.tcpto, "rb") as file:
        table = Table(file.read())
    index = table.find(FULL)
    assert index is not None, "no record"
    assert 0 <= table.time(index) - IN_2040 < 60, table.time(index)


for way in ("qemu", "native") if TARGET in NATIVE else ("qemu",):
    suite.add(f"{way}_certificates_in_2040", in_2040, way)
    suite.add(f"{way}_messages_in_2040", queued_in_2040, way)
    suite.add(f"{way}_time_outs_in_2040", time_out_in_2040, way)


# ---- kernels that lack something

def without(setting, how, numbers):
    wrapper = setting.other_kernel(*(word for n in numbers for word in ("-n", str(n))))
    encrypted(setting.verified(port("ecdsa", "1.3"), how=how, wrapper=wrapper),
              "verified")
    in_clear(setting.at_postfix(how=how, wrapper=wrapper))


def everything(calls):
    return sorted({number for numbers in calls.values() for number in numbers})


if TARGET in NATIVE:
    for call, chosen in LACKING[TARGET].items():
        suite.add(f"native_without_{call}", without, "native", chosen)
    suite.add("native_without_any", without, "native", everything(LACKING[TARGET]))
if os.uname().machine == "x86_64":
    for call in ("getrandom", "statx", "prlimit64"):
        suite.add(f"qemu_without_{call}", without, "qemu", LACKING["x86_64"][call])


@suite.case
def native_confines_itself(setting):
    """The filter and the ruleset of the target, taken by a whole kernel."""
    if TARGET not in NATIVE:
        raise Skip("seccomp and landlock are not in qemu's user mode")
    trace = Trace(setting.world, "confined")
    setting.at_postfix(how="native", wrapper=trace.wrapper)
    lines = trace.calls()
    at = [i for i, line in enumerate(lines)
          if re.search(r"prctl\(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, .* = 0$", line)]
    equal(len(at), 1, "filters")
    refused = [line for line in lines[at[0]:] if "ENOSYS" in line]
    equal(refused, [])


if __name__ == "__main__":
    absent = missing()
    if absent:
        leave(absent)
    sys.exit(run_suite(suite, Setting))
