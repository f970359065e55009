# SPDX-License-Identifier: ISC
"""Runs the cases of one test program and prints a line for each."""

import os
import sys
import time
import traceback

import unpacked  # noqa: F401  for what it does to PATH

# MOTE_TRACE=1 in the environment: stack traces and the time of each case.
BINARY = os.path.abspath(os.environ.get("MOTE", "build/qmail-remote"))


class Skip(Exception):
    """Raised by a case that cannot run here; its text says why."""


def is_musl():
    """Whether the program is linked with musl: not with glibc, which names itself."""
    with open(BINARY, "rb") as program:
        return b"GLIBC_TUNABLES" not in program.read()


def needs_musl():
    """For what is promised with musl only, of memory and of system calls."""
    if not is_musl():
        raise Skip("the C library of this build is not musl")


def one_line(text):
    return " | ".join(str(text).strip().split("\n"))


class Suite:
    """The cases of a test program, in the order they were added."""

    def __init__(self):
        self.cases = []
        self.failed = 0

    def add(self, name, function, *args):
        self.cases.append((name, function, args))

    def case(self, function):
        """Decorator: the case has the function's name."""
        self.add(function.__name__, function)
        return function

    def run(self, *context):
        """Run each case with context in front of its own arguments.

        The names on the command line, if any, choose the cases (a name
        ending in * chooses all that begin so).
        """
        for name, function, args in self.cases:
            if wanted(name, sys.argv[1:]):
                self.run_one(name, function, (*context, *args))
        return 1 if self.failed else 0

    def run_one(self, name, function, args):
        begin = time.monotonic()
        try:
            function(*args)
        except Skip as why:
            print(f"skip {name}: {one_line(why)}", flush=True)
        except Exception as why:  # a broken rig is a failed case too
            self.failed += 1
            kind = "" if isinstance(why, AssertionError) else type(why).__name__ + " "
            print(f"not ok {name}: {kind}{one_line(why)}", flush=True)
            if os.environ.get("MOTE_TRACE"):
                traceback.print_exc()
        else:
            print(f"ok {name}", flush=True)
        if os.environ.get("MOTE_TRACE"):
            print(f"# {time.monotonic() - begin:.1f} s", flush=True)

    def skip_all(self, why):
        for name, _, _ in self.cases:
            print(f"skip {name}: {one_line(why)}", flush=True)
        return 0


def wanted(name, chosen):
    def fits(pattern):
        if pattern.endswith("*"):
            return name.startswith(pattern[:-1])
        return name == pattern

    return not chosen or any(fits(pattern) for pattern in chosen)


def equal(got, want, what=""):
    """Assert that two values are equal, showing both when they are not."""
    label = f"{what}: " if what else ""
    assert got == want, f"{label}got {shown(got)}, want {shown(want)}"


def shown(value):
    text = repr(value)
    return text if len(text) < 600 else text[:300] + "..." + text[-200:]


def contains(text, part):
    assert part in text, f"no {part!r} in {shown(text)}"
