# SPDX-License-Identifier: ISC
"""The name server of the lab, a process of its own.

    namesd.py ADDRESS ZONE

ZONE is JSON: records by name, as Names.add() takes them, and under "silent"
the questions that are never answered. A line on standard input is answered
with how many questions came since the one before.
"""

import json
import sys

from places import LIVE

sys.path.insert(0, LIVE)

from names import Names, silent


class Inline(Names):
    """Answers in the order of the questions, without a thread for each."""

    def start(self, function, *args):
        try:
            function(*args)
        except OSError:  # the client is gone
            pass


class Nobody:
    """In place of a World: this process is ended from outside."""

    closers = []


def main():
    with open(sys.argv[2], encoding="ascii") as file:
        zone = json.load(file)
    names = Inline(Nobody, sys.argv[1])
    for name, kind in zone.pop("silent", ()):
        names.rule(name, kind, silent)
    for name, records in zone.items():
        names.add(name, **records)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(len(names.queries), flush=True)
        names.forget()


if __name__ == "__main__":
    main()
