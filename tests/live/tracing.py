# SPDX-License-Identifier: ISC
"""What a run did: its system calls by strace, its memory by /proc."""

import os
import re
import shutil

from harness import Skip

MEMORY_CALLS = re.compile(r"\b(brk|mmap|mmap2|mremap|remap_file_pages)\(")


class Trace:
    """Put .wrapper in front of a command, then read .calls()."""

    def __init__(self, world, name):
        if not shutil.which("strace"):
            raise Skip("strace is not installed")
        self.path = world.file(f"{name}.strace", "")
        os.chmod(self.path, 0o666)  # the program runs as another user
        self.wrapper = ["strace", "-f", "-qq", "-s", "64", "-o", self.path]

    def calls(self):
        """The lines after execve."""
        with open(self.path, encoding="ascii", errors="replace") as file:
            lines = file.read().splitlines()
        assert lines and "execve(" in lines[0], "strace recorded nothing"
        return lines[1:]

    def memory_calls(self):
        return [line for line in self.calls() if MEMORY_CALLS.search(line)]

    def stream_connects(self, port):
        """How many TCP connections it began to the port."""
        streams, count = set(), 0
        for line in self.calls():
            made = re.search(r"socket\(AF_INET6?, SOCK_STREAM.* = (\d+)$", line)
            closed = re.search(r"close\((\d+)\)", line)
            begun = re.search(r"connect\((\d+), .*htons\((\d+)\)", line)
            if made:
                streams.add(made[1])
            elif closed:
                streams.discard(closed[1])
            elif begun and begun[1] in streams and int(begun[2]) == port:
                count += 1
        return count

    def addresses(self, port):
        """Where it began connections or sent datagrams to, in order."""
        found = []
        for line in self.calls():
            if "connect(" in line and f"htons({port})" in line:
                found.append(re.search(r'inet_(?:addr|pton)\((?:AF_INET6, )?"([^"]+)"',
                                       line)[1])
        return found


def peak_memory_kib(pid):
    """VmHWM of a process, in KiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    raise AssertionError(f"process {pid} has no VmHWM")


def stack_used(pid):
    """Bytes of stack that a process has written to, below what it was given.

    The kernel hands out zeros and the program does not clean up, so the lowest
    byte that is not zero tells how deep it went."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        start = int(file.read().rpartition(")")[2].split()[25])
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        lines = [line for line in file if line.endswith("[stack]\n")]
    low = int(lines[0].partition("-")[0], 16)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        file.seek(low)
        below = file.read(start - low)
    assert len(below) == start - low, "the stack cannot be read whole"
    return len(below.lstrip(b"\0"))
