# SPDX-License-Identifier: ISC
"""How many instructions a delivery takes, by callgrind: a first one to a server, and
one to a server that is known. They are nearly the same in each run, whatever else
the machine does."""

import glob
import os
import platform
import shutil
import ssl
import sys

import messages
import unpacked
from aiosmtp import server_context
from authority import Issuer
from checks import delivered, encrypted
from harness import BINARY, Skip, Suite, equal, needs_musl
from nameserver import serve_names
from resuming import File, Resuming
from scripted import EHLO_STARTTLS, Scripted
from tlsserver import python_tls
from world import run_suite

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
UNCONFINED = os.path.join(os.path.dirname(BINARY), "bench/unconfined")
# Of a message of 4 KB, with a chain of two certificates below the root, each in
# thousands as measured (gcc 12); what is asserted leaves a tenth.
MEASURED = {
    ("1.3", "unverified"): 14820,
    ("1.3", "verified"): 37200,
    ("1.2", "verified"): 38210,
}
# The same at strictness 2, by a session of the delivery before it.
KNOWN = {"1.3": 3800, "1.2": 1045}
ROOM = 1.1
suite = Suite()


class Setting:
    def __init__(self, world):
        needs_musl()
        if platform.machine() != "x86_64":
            raise Skip("the counts are those of x86_64")
        if not unpacked.program("valgrind"):
            raise Skip("valgrind is not there")
        self.world = world
        serve_names(world, [f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}"])
        self.issuer = Issuer(world)
        between = self.issuer.intermediate("between")
        self.leaf = self.issuer.leaf("leaf", f"DNS:{NAME}", issuer=between)
        self.home = world.home()
        shutil.copyfile(UNCONFINED, self.home.binary)
        self.counts = world.folder("counts", 0o777)


def callgrind(world, pattern):
    """What counts a program's instructions into the files PATTERN.PID, as any user."""
    tools = world.place("/usr/libexec/valgrind")
    return ["/usr/bin/env", f"VALGRIND_LIB={tools}", world.place("/usr/bin/valgrind"),
            "-q", "--tool=callgrind", f"--callgrind-out-file={pattern}.%p"]


def total(pattern):
    """Thousands of instructions."""
    (path,) = glob.glob(pattern + ".*")
    with open(path, encoding="ascii", errors="replace") as file:
        (count,) = (line for line in file if line.startswith("totals:"))
    return int(count.split()[1]) / 1000


def known(setting, version):
    setting.home.control(trustanchors=setting.issuer.bundle, tlsstrictness=2)
    file = File(setting.home)
    file.make()
    upgrade = Resuming(setting.leaf, version)
    with Scripted(setting.world, ADDRESS, {"EHLO": EHLO_STARTTLS}, upgrade):
        for number in range(2):
            pattern = os.path.join(setting.counts, f"known{version}-{number}")
            outcome = setting.home.deliver(
                HOST, f"bob@{HOST}", messages.small(),
                wrapper=callgrind(setting.world, pattern))
            delivered(outcome, ADDRESS)
            encrypted(outcome, "verified", version)
    file.remove()
    equal(upgrade.resumed, [False, True])
    thousands, limit = total(pattern), KNOWN[version] * ROOM
    print(f"    {thousands:.0f} thousand instructions")
    assert thousands <= limit, f"{thousands:.0f} thousand, limit {limit:.0f}"


def first(setting, version, verify):
    setting.home.control(trustanchors=setting.issuer.bundle,
                         tlsstrictness=2 if verify == "verified" else 0)
    only = ssl.TLSVersion["TLSv" + version.replace(".", "_")]
    upgrade = python_tls(setting.leaf, server_context(setting.leaf, only, only))
    pattern = os.path.join(setting.counts, f"{version}-{verify}")
    with Scripted(setting.world, ADDRESS, {"EHLO": EHLO_STARTTLS}, upgrade):
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small(),
                                       wrapper=callgrind(setting.world, pattern))
    delivered(outcome, ADDRESS)
    encrypted(outcome, verify, version)
    thousands, limit = total(pattern), MEASURED[version, verify] * ROOM
    print(f"    {thousands:.0f} thousand instructions")
    if os.environ.get("KEEP"):
        for path in glob.glob(pattern + ".*"):
            shutil.copy(path, os.environ["KEEP"])
    assert thousands <= limit, f"{thousands:.0f} thousand, limit {limit:.0f}"


for v, how in MEASURED:
    suite.add(f"first_tls{v}_{how}", first, v, how)
for v in KNOWN:
    suite.add(f"known_tls{v}", known, v)

if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
