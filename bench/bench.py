# SPDX-License-Identifier: ISC
"""mote and what else delivers mail, side by side, in one run.

    make bench              all of it
    make bench BENCH=far    one measure, or several: small far large many
                            faults size instructions

The table goes to the terminal and to build/bench/table.txt, as Markdown to
build/bench/table.md, the medians as JSON to build/bench/results.json.
"""

import glob
import json
import os
import platform
import subprocess
import sys
import time

from places import LIVE, OUT, PEERS, ROUND_TRIP_MS

sys.path.insert(1, LIVE)

import counting
import messages
import unpacked
from harness import Skip
from lab import Lab
from measures import MEASURES
from peers import Dma, Floor, Mote, Msmtp, Nullmailer, Ssmtp
from postfixclient import PostfixClient
from runner import Runner, interleaved
from table import HEADS, markdown, text_line
from world import World, enter

PROGRAMS = (Mote, Floor, Msmtp, Dma, Nullmailer, Ssmtp, PostfixClient)
BLOCK_SIZE = 1 << 20


def progress(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Bench:
    """The lab, the programs, and what the measures share."""

    def __init__(self, world):
        self.lab = Lab(world)
        self.runner = Runner(self.lab)
        self.small = self.message("small", messages.small())
        self.programs, self.asides = [], []
        for kind in PROGRAMS:
            program = kind()
            try:
                program.ready(self.lab)
                self.programs.append(program)
            except Skip as why:
                self.tell(f"{program.name}: {why}")

    def message(self, name, data):
        path = os.path.join(self.lab.world.path, f"{name}.message")
        with open(path, "wb") as file:
            file.write(data)
        return path

    def large_message(self, size):
        block = messages.message("large", BLOCK_SIZE)
        return self.message("large", block * (size // BLOCK_SIZE))

    def tell(self, text):
        """For the reader of the table, below it."""
        progress(text)
        self.asides.append(text)

    # ---- who takes part

    def able(self, kind, downgrade=False):
        """Those who can do the kind of session, or a lesser one."""
        return [p for p in self.programs if "nothing" in p.abilities
                or (self.security(p, kind) if downgrade else kind) in p.abilities]

    def working(self, kind, downgrade=False):
        """The same without the one that does nothing."""
        return [p for p in self.able(kind, downgrade) if "nothing" not in p.abilities]

    def security(self, program, kind):
        return "open" if kind == "tls" and "tls" not in program.abilities else kind

    # ---- runs

    def run(self, program, job, traced=False, limit_ms=60000):
        return self.runner.run(program, job, traced, limit_ms=limit_ms)

    def interleaved(self, title, programs, runs, once):
        progress(title)
        found, failures = interleaved(programs, once, runs)
        for name, why in failures.items():
            self.tell(f"{title}, {name}: {why}")
        return found

    def instructions(self, program, job):
        progress(f"instructions {job.security} {program.name}")
        command, pattern = counting.callgrind(self.lab.folder)
        mine = program.name == "mote"

        def run():
            whole = program.command(job)
            # valgrind needs more of the system than mote leaves itself.
            binary = counting.UNCONFINED if mine else whole.argv[0]
            whole.argv = [*command, binary, *whole.argv[1:]]
            return self.runner.meter(whole)

        self.runner.watch(program, job, 1, run)
        return counting.total(pattern), counting.stages(pattern) if mine else {}


def versions():
    """Of the peers, by their packages."""
    found = []
    for path in sorted(glob.glob(os.path.join(PEERS, "archives/*.deb"))):
        run = subprocess.run(["dpkg-deb", "-W", path], capture_output=True, text=True,
                             check=False)
        found.append(" ".join(run.stdout.split()))
    postconf = unpacked.program("postconf")
    if postconf:
        run = subprocess.run([postconf, "-dh", "mail_version"], capture_output=True,
                             text=True, check=True)
        found.append(f"postfix {run.stdout.strip()}")
    return found


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def preface(load):
    return f"""\
{machine()}; load before {load[0]:.1f}, after {os.getloadavg()[0]:.1f}
peers: {", ".join(versions())}
Medians of interleaved runs. "best peer" is how many times better mote is than
the best of the packaged programs; "-": cannot do it, or not like this. "floor"
is a static program that does nothing; {ROUND_TRIP_MS} ms away it is the time of the round
trips that DNS and SMTP cannot do without. The way there is a delay line of TUN
devices: every packet takes {ROUND_TRIP_MS // 2} ms, SYN and datagrams too. Of what is broken,
the worst run counts. Instructions are nearly the same in every run; times are
not, where others use the machine.
"""


def remarks(bench):
    lines = [f"{program.name}: {note}" for program in bench.programs
             for note in program.notes]
    return "".join(f"  {line}\n" for line in lines + bench.asides)


def measure(names, world):
    load, began = os.getloadavg(), time.monotonic()
    bench = Bench(world)
    rows = []
    for name in names:
        rows += list(MEASURES[name](bench))
    text = "\n".join([preface(load), text_line(HEADS),
                      *(text_line(row.cells()) for row in rows), "", remarks(bench)])
    keep("table.txt", text)
    keep("table.md", markdown(rows))
    keep("results.json", json.dumps([vars(row) for row in rows], indent=1))
    print(text)
    met = sum(row.met is True for row in rows)
    missed = [row.title for row in rows if row.met is False]
    print(f"{time.monotonic() - began:.0f} s; {met} bars met, {len(missed)} missed")
    for title in missed:
        print(f"  missed: {title}")
    print(f"as Markdown: {os.path.join(os.path.relpath(OUT), 'table.md')}")


def keep(name, text):
    with open(os.path.join(OUT, name), "w", encoding="ascii") as file:
        file.write(text)


def main():
    names = sys.argv[1:] or list(MEASURES)
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        print(f"bench: no measure {unknown[0]}; there are: {' '.join(MEASURES)}")
        return 2
    if os.getuid() != 0:
        print("bench: needs root: network namespaces, TUN devices, other users")
        return 2
    why = enter()
    if why:
        print(f"bench: {why}")
        return 2
    with World() as world:
        try:
            measure(names, world)
        except Skip as reason:
            print(f"bench: {reason}; ./bootstrap bench installs what it needs")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
