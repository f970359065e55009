# SPDX-License-Identifier: ISC
"""How many instructions a first delivery takes, by callgrind. They are nearly the
same in each run, whatever else the machine does."""

import glob
import os
import platform
import shutil
import ssl
import sys

import messages
from aiosmtp import server_context
from authority import Issuer
from checks import delivered, encrypted
from harness import BINARY, Skip, Suite, needs_musl
from nameserver import serve_names
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
ROOM = 1.1
suite = Suite()


class Setting:
    def __init__(self, world):
        needs_musl()
        if platform.machine() != "x86_64":
            raise Skip("the counts are those of x86_64")
        if not shutil.which("valgrind"):
            raise Skip("valgrind is not installed")
        self.world = world
        serve_names(world, [f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}"])
        self.issuer = Issuer(world)
        between = self.issuer.intermediate("between")
        self.leaf = self.issuer.leaf("leaf", f"DNS:{NAME}", issuer=between)
        self.home = world.home()
        shutil.copyfile(UNCONFINED, self.home.binary)
        self.counts = world.folder("counts", 0o777)


def total(pattern):
    """Thousands of instructions."""
    (path,) = glob.glob(pattern + ".*")
    with open(path, encoding="ascii", errors="replace") as file:
        (count,) = (line for line in file if line.startswith("totals:"))
    return int(count.split()[1]) / 1000


def first(setting, version, verify):
    setting.home.control(trustanchors=setting.issuer.bundle,
                         tlsstrictness=2 if verify == "verified" else 0)
    only = ssl.TLSVersion["TLSv" + version.replace(".", "_")]
    upgrade = python_tls(setting.leaf, server_context(setting.leaf, only, only))
    pattern = os.path.join(setting.counts, f"{version}-{verify}")
    count = ["/usr/bin/valgrind", "-q", "--tool=callgrind",
             f"--callgrind-out-file={pattern}.%p"]
    with Scripted(setting.world, ADDRESS, {"EHLO": EHLO_STARTTLS}, upgrade):
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small(),
                                       wrapper=count)
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

if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
