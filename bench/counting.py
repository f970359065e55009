# SPDX-License-Identifier: ISC
"""Instructions by callgrind, in all and by part of the work."""

import glob
import os
import re
import shutil
import subprocess

from harness import Skip
from places import OUT



def callgrind(folder):
    """The command that counts, and where its files are."""
    if not shutil.which("valgrind"):
        raise Skip("valgrind is not installed")
    pattern = os.path.join(folder, "callgrind")
    for old in glob.glob(pattern + ".*"):
        os.unlink(old)
    return ["/usr/bin/valgrind", "-q", "--tool=callgrind",
            f"--callgrind-out-file={pattern}.%p"], pattern


def total(pattern):
    """Thousands of instructions, over all processes."""
    count = 0
    for path in glob.glob(pattern + ".*"):
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(("totals:", "summary:")):
                    count += int(line.split()[1])
                    break
    return count / 1000


def inclusive(path):
    """Thousands of instructions by function, calls included."""
    run = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100",
                          path], capture_output=True, text=True, check=True)
    counts = {}
    for line in run.stdout.splitlines():
        match = re.match(r" *([\d,]+) \([\d. ]+%\) +\S*?:(\w+)", line)
        if match:
            count = int(match[1].replace(",", "")) / 1000
            counts[match[2]] = max(count, counts.get(match[2], 0))
    return counts


def stages(pattern):
    """Of mote: what each part of the work took."""
    (path,) = glob.glob(pattern + ".*")
    counts = inclusive(path)
    secure = counts.get("link_secure", 0)
    parts = {"names": counts.get("resolve", 0), "handshake, verification": secure,
             "session and body": counts.get("deliver", 0) - secure}
    return {"start-up": counts["main"] - sum(parts.values()), **parts}


UNCONFINED = os.path.join(OUT, "unconfined")
