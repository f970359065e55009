# SPDX-License-Identifier: ISC
"""One target's unit tests and corpora, built by its own compiler of the objects
of its own qmail-remote, under qemu's user mode. make check leaves out those
that take longest."""

import glob
import os
import re
import resource
import subprocess
import sys
from multiprocessing.pool import ThreadPool

from machines import FOLDER, TARGET, emulator, leave, missing

LIMIT_S = 900
TRY = os.path.join(FOLDER, "try")
FIRST_THAT_MENDS = 11  # of qemu
# Left to make check-targets.
LONG = ("tls_tls_test", "tls_tls_arena_test", "tls_verify_names_test",
        "dns_query_test")


def run(program):
    """The lines of its results, with the program's name in front."""
    name = os.path.basename(program)
    try:
        done = subprocess.run([*emulator(), program], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return [f"not ok {name}: over {LIMIT_S} s"]
    text = done.stdout.decode("utf-8", "backslashreplace")
    lines = []
    for line in text.splitlines():
        for word in ("ok ", "not ok ", "skip "):
            if line.startswith(word):
                lines.append(f"{word}{name}.{line.removeprefix(word)}")
    if done.returncode != 0 and not any(l.startswith("not ok") for l in lines):
        last = " | ".join(text.splitlines()[-3:])
        lines.append(f"not ok {name}: exit code {done.returncode}: {last}")
    return lines or [f"not ok {name}: no result printed"]


def unaligned_reads_are_seen():
    """What makes the corpora a test of alignment. Later versions of qemu mend such a
    read, as Linux does."""
    if TARGET not in ("mips", "mipsel", "armv5"):
        return
    done = subprocess.run([*emulator(), f"{TRY}/unaligned"], capture_output=True,
                          check=False)
    said = subprocess.run([emulator()[0], "--version"], capture_output=True, text=True,
                          check=True).stdout
    version = re.search(r"version (\d+)", said)[1]
    word = "ok" if done.returncode < 0 else "not ok"
    if done.returncode == 0 and int(version) >= FIRST_THAT_MENDS:
        word = "skip"
    print(f"{word} unaligned_reads_are_seen: exit code {done.returncode}, qemu {version}")


def main():
    why = missing()
    if why:
        leave(why)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unaligned_reads_are_seen()
    print("skip os_sandbox_test: qemu's user mode has no seccomp and no landlock")
    programs = sorted(glob.glob(f"{TRY}/*_test") + glob.glob(f"{TRY}/*_corpus"))
    if not os.environ.get("TARGETS_NEEDED"):
        programs = [name for name in programs if os.path.basename(name) not in LONG]
        print(f"skip {' '.join(LONG)}: make check-targets has the time")
    # The long ones first, two at a time.
    programs.sort(key=lambda name: "/tls_" not in name)
    with ThreadPool(2) as pool:
        for lines in pool.imap(run, programs):
            print("\n".join(lines), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
