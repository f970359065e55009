# SPDX-License-Identifier: ISC
"""How much stack the program can use: the longest path of calls, in bytes.

    tests/stack.py           checks, one result a line, and the longest path
    tests/stack.py bound     "stack_bound BYTES", for BUDGET

Frames of our code and mbedTLS's are the compiler's (-fcallgraph-info=su).
Those of libc, and who calls whom, are read from the finished program; calls
through pointers, which neither tells, from tests/stack.calls. A function whose
address is in the program but in no row there is an error, so that the table
cannot lack one unnoticed. Any cycle of calls needs a row too.

The path begins at the program's entry point: all of the stack below what the
kernel put there.
"""

import collections
import glob
import os
import re
import struct
import subprocess
import sys
from bisect import bisect

PROGRAM = "build/qmail-remote.debug"
OBJECTS = "build/obj"
TABLE = "tests/stack.calls"
ENTRY = "_start"
RETURN_SIZE = 8     # of a return address, x86-64
ALIGN_SIZE = 16     # what `and $-16,%rsp` may take
RED_ZONE_SIZE = 128  # below the last frame, which the compiler does not count


class Function:
    """One function: its frame, whom it calls, through which pointers."""

    def __init__(self, name):
        self.name = name
        self.frame = RETURN_SIZE
        self.problem = None
        self.calls = set()
        self.pointers = set()


def base_name(name):
    """A name without what the compiler adds to its variants."""
    return re.split(r"[.#]", name.split(".c:")[-1])[0]


def short_title(title):
    """A static function is FILE.c:NAME, any other NAME."""
    return os.path.basename(title)


def lines_of(*command):
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


# ---- what the compiler says ----

class Sources:
    """The text at a place that the compiler named."""

    def __init__(self):
        self.files = {}

    def pointer(self, place):
        """The name through which the call at FILE:LINE:COLUMN goes."""
        path, line, column = place.rsplit(":", 2)
        if path not in self.files:
            with open(path, encoding="utf-8", errors="replace") as file:
                self.files[path] = file.read().splitlines()
        at = int(line) - 1
        text = " ".join([self.files[path][at][int(column) - 1:],
                         *self.files[path][at + 1:at + 4]])
        for match in re.finditer(r"(\w+)\s*\)?\s*\(", text):
            is_macro = match[1].isupper()
            behind = text[closing(text, match.end()):]
            if not is_macro and not behind.startswith("->"):
                return match[1]
        return place


def closing(text, start):
    """Behind the parenthesis that ends what is open at start."""
    depth = 1
    for index in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return index + 1
    return len(text)


NODE = re.compile(r'node: { title: "([^"]*)" label: ".*?(\d+) bytes \(([a-z,]*)\)')
EDGE = re.compile(r'edge: { sourcename: "([^"]*)" targetname: "([^"]*)"'
                  r'(?: label: "([^"]*)")?')


def read_compiled(path, functions, sources):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for title, size, kind in NODE.findall(text):
        title = short_title(title)
        function = functions.setdefault(title, Function(title))
        function.frame = max(function.frame, int(size))
        if kind == "dynamic":
            function.problem = "its frame has no bound"
    for source, target, place in EDGE.findall(text):
        # gcc 16 names what it inlined too: it has no frame of its own.
        title = short_title(source)
        function = functions.setdefault(title, Function(title))
        if target == "__indirect_call":
            function.pointers.add(sources.pointer(place))
        else:
            function.calls.add(short_title(target))


# ---- what the program says ----

class Program:
    """The linked program: symbols, disassembly, and the words of its data."""

    def __init__(self, path, compiled):
        self.path = path
        self.compiled = compiled
        self.names = {}     # address -> name of the function there
        self.places = {}    # any of its names -> address
        self.functions = {}
        self.indirect = set()
        self.immediates = set()
        self.read_symbols()
        self.starts = sorted(self.names)
        self.read_code()

    def read_symbols(self):
        """Static functions are told apart by the file they are from."""
        file = ""
        for line in lines_of("readelf", "-sW", self.path):
            column = line.split()
            if len(column) < 8 or not column[0][0].isdigit():
                continue
            kind, binding = column[3], column[4]
            name = column[7].removesuffix(".cold")  # a part of that function
            address = int(column[1], 16)
            if kind == "FILE":
                file = os.path.basename(name)
            elif kind in ("FUNC", "IFUNC") or name == ENTRY:
                title = name if binding != "LOCAL" else f"{file}:{name}"
                self.places[title] = address
                if binding == "LOCAL" and title not in self.compiled:
                    title = f"{name}#{address:x}"
                if title in self.compiled or address not in self.names:
                    self.names[address] = title

    def resolve(self, title):
        """The name of the function that a title has become: two that are
        equal, or a name and its alias, are one."""
        if title in self.compiled:
            return title
        return self.names.get(self.places.get(title), title)

    def read_code(self):
        function = None
        for line in lines_of("objdump", "-d", "--no-show-raw-insn", self.path):
            label = re.match(r"([0-9a-f]+) <(.*)>:$", line)
            code = re.match(r" +[0-9a-f]+:\t(.*)$", line)
            if label:
                address = int(label[1], 16)
                if address in self.names:
                    name = self.names[address]
                    function = self.functions.setdefault(name, Function(name))
            elif code and function:
                self.read_instruction(code[1], function)

    def read_instruction(self, code, function):
        operation, _, rest = code.partition(" ")
        operand = rest.strip()
        if operation in ("call", "jmp", "notrack", "bnd") or (
                operation.startswith("j") and "<" in operand):
            self.read_jump(operation, operand, function)
        self.count_stack(operation, operand, function)
        # the address of a function: an immediate, or relative to the next
        for match in re.finditer(r"\$0x([0-9a-f]+)|# ([0-9a-f]+) <", operand):
            self.immediates.add(int(match[1] or match[2], 16))

    def read_jump(self, operation, operand, function):
        target = re.match(r"([0-9a-f]+) <", operand)
        if target:
            address = int(target[1], 16)
            starts = address in self.names
            name = self.names[self.starts[bisect(self.starts, address) - 1]]
            if name != function.name or (starts and operation == "call"):
                function.calls.add(name)
        elif "*" in operand and not re.search(r"\*.*\(,%r..?,8\)", operand):
            self.indirect.add(function.name)

    @staticmethod
    def count_stack(operation, operand, function):
        """All that the code takes, in any order: never less than it uses."""
        taken = re.match(r"\$0x([0-9a-f]+),%rsp$", operand)
        moved = re.match(r"-?0x[0-9a-f]+\(%rsp\),%rsp$", operand)
        if operation.startswith("push"):
            function.frame += RETURN_SIZE
        elif operation == "sub" and taken:
            function.frame += int(taken[1], 16)
        elif operation == "lea" and moved:
            function.frame += abs(int(operand.partition("(")[0], 16))
        elif operation == "and" and operand.endswith(",%rsp"):
            function.frame += ALIGN_SIZE
        elif operand.endswith(",%rsp") and operation not in ("add", "cmp", "test"):
            function.problem = f"its frame cannot be read: {operation} {operand}"

    def addresses_taken(self):
        """Functions whose address is somewhere in the program's data or code."""
        words = set(self.immediates)
        with open(self.path, "rb") as file:
            image = file.read()
        for line in lines_of("readelf", "-SW", self.path):
            section = re.match(r" *\[ *\d+\] (\.\S+) +PROGBITS|"
                               r" *\[ *\d+\] (\.\S+_array) ", line)
            if not section or " A" not in line and " WA" not in line:
                continue
            if (section[1] or section[2]) in (".text", ".init", ".fini"):
                continue
            column = line.split("]")[1].split()
            start, size = int(column[3], 16), int(column[4], 16)
            size -= size % 8
            words.update(struct.unpack(f"<{size // 8}Q", image[start:start + size]))
        return {self.names[word] for word in words if word in self.names}


# ---- what people say: tests/stack.calls ----

class Table:
    """Rows `call POINTER: FUNCTION...` and `cycle COUNT: FUNCTION...`."""

    def __init__(self, path):
        self.calls = {}
        self.cycles = []
        self.never = set()
        self.frames = {}
        self.wrong = []
        self.used = set()
        with open(path, encoding="ascii") as file:
            text = re.sub(r"#.*", "", file.read())
        for row in re.sub(r"\n[ \t]+", " ", text).splitlines():
            match = re.match(r"(call|cycle) (\S+):(.*)$", row)
            if match and match[1] == "call":
                self.calls[match[2]] = match[3].split()
            elif match:
                self.cycles.append((int(match[2]), set(match[3].split())))
            elif row.startswith("never "):
                self.never.update(row.split()[1:])
            elif row.startswith("frame "):
                self.frames[row.split()[1]] = int(row.split()[2])
            elif row.strip():
                self.wrong.append(f"{path}: {row}")

    def targets(self, pointer, function):
        """A row for the pointer in that one function goes first."""
        for key in (f"{pointer}@{base_name(function)}", pointer):
            if key in self.calls:
                self.used.add(key)
                return self.calls[key]
        return None


# ---- both together ----

class Graph:
    """Every function that can be reached, and what is wrong with any."""

    def __init__(self):
        self.compiled = {}
        sources = Sources()
        for path in glob.glob(OBJECTS + "/**/*.ci", recursive=True):
            read_compiled(path, self.compiled, sources)
        self.program = Program(PROGRAM, self.compiled)
        self.table = Table(TABLE)
        for name, size in self.table.frames.items():
            self.compiled[name] = Function(name)
            self.compiled[name].frame = size
        self.by_base = collections.defaultdict(set)
        for name in [*self.compiled, *self.program.functions]:
            self.by_base[base_name(name)].add(name)
            self.by_base[name].add(name)
        self.unknown = []   # functions without code or frame
        self.blind = []     # calls through pointers without a row
        self.calls = {}
        self.reach()

    def function(self, name):
        return self.compiled.get(name) or self.program.functions.get(name)

    def named(self, name):
        """Those that a name of the table may mean; linked ones only."""
        return {full for full in self.by_base.get(name, ())
                if full in self.program.functions or name in self.table.frames}

    def callees(self, name):
        function = self.function(name)
        linked = self.program.functions.get(name)
        found = {self.program.resolve(title) for title in function.calls}
        pointers = set(function.pointers)
        if linked is not None:
            found |= linked.calls
            if name in self.program.indirect and not pointers:
                pointers.add("*")
        for pointer in pointers:
            targets = self.table.targets(pointer, name)
            if targets is None:
                self.blind.append(f"{name} calls through {pointer}")
            for target in targets or ():
                found |= self.named(target)
        return found

    def reach(self):
        waiting = [ENTRY]
        while waiting:
            name = waiting.pop()
            if name in self.calls:
                continue
            function = self.function(name)
            if function is None:
                self.unknown.append(f"{name}: no frame is known")
                self.calls[name] = set()
                continue
            if function.problem:
                self.unknown.append(f"{name}: {function.problem}")
            self.calls[name] = self.callees(name)
            waiting.extend(self.calls[name])

    def frame(self, name):
        function = self.function(name)
        return function.frame if function else 0

    def untold(self):
        """Addresses in the program that no row of the table knows."""
        told = set()
        for target in self.listed() | self.table.never:
            told |= self.named(target)
        return sorted(self.program.addresses_taken() - told)

    def listed(self):
        return {name for names in self.table.calls.values() for name in names}

    def stale(self):
        """Rows that nothing uses, and functions that are not in the program."""
        rows = [key for key in self.table.calls if key not in self.table.used]
        names = [name for name in sorted(self.listed() | self.table.never)
                 if not self.named(name)]
        return [f"row {key} is not used" for key in rows] + [
            f"{name} is not in the program" for name in names]

    def components(self):
        """Cycles and single functions, callees before callers (Tarjan)."""
        index, low, on_path, path, out = {}, {}, set(), [], []
        work = [(ENTRY, iter(sorted(self.calls[ENTRY])))]
        index[ENTRY] = low[ENTRY] = 0
        path.append(ENTRY)
        on_path.add(ENTRY)
        while work:
            name, rest = work[-1]
            for callee in rest:
                if callee not in index:
                    index[callee] = low[callee] = len(index)
                    path.append(callee)
                    on_path.add(callee)
                    work.append((callee, iter(sorted(self.calls[callee]))))
                    break
                if callee in on_path:
                    low[name] = min(low[name], index[callee])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    cut = path.index(name)
                    out.append(path[cut:])
                    on_path.difference_update(path[cut:])
                    del path[cut:]
        return out

    def is_cycle(self, members):
        return len(members) > 1 or members[0] in self.calls[members[0]]

    def depth(self, members):
        """How often each of them can be on the stack at once; None: no row."""
        if not self.is_cycle(members):
            return 1
        bases = {base_name(name) for name in members}
        for count, names in self.table.cycles:
            if bases == names:
                return count
        return None

    def longest(self):
        """Bytes and names of the longest path; what cycles are not bounded."""
        best, problems = {}, []
        for members in self.components():
            count = self.depth(members)
            if count is None:
                problems.append("no row cycle for " + " ".join(
                    sorted(base_name(name) for name in members)))
            size = (count or 1) * sum(self.frame(name) for name in members)
            tail = max((best[callee] for name in members
                        for callee in self.calls[name] if callee not in members),
                       default=(0, ()))
            label = " + ".join(members) + (
                f", {count} times" if count and count > 1 else "")
            entry = (size + tail[0], ((size, label), *tail[1]))
            for name in members:
                best[name] = entry
        size, path = best[ENTRY]
        return size + RED_ZONE_SIZE, path, problems


def verdict(name, problems):
    if problems:
        print(f"not ok {name}: {'; '.join(problems[:20])}")
    else:
        print(f"ok {name}")


def main():
    arguments = sys.argv[1:]
    if not glob.glob(OBJECTS + "/src/*.ci"):
        if not arguments:
            print("skip stack_bound: this compiler writes no call graph")
        return
    if "Advanced Micro Devices X86-64" not in "".join(
            lines_of("readelf", "-h", PROGRAM)):
        if not arguments:
            print("skip stack_bound: code is only read for x86_64")
        return
    with open(OBJECTS + "/flags", encoding="utf-8") as flags:
        if " -nostdinc " not in flags.read():
            if not arguments:
                print("skip stack_bound: the table is for bootstrap's musl")
            return
    graph = Graph()
    size, path, cycles = graph.longest()
    if arguments == ["bound"]:
        if not (graph.blind or graph.unknown or cycles or graph.untold()):
            print(f"stack_bound {size}")
        return
    verdict("stack_frames_known", graph.unknown)
    verdict("stack_pointers_have_targets", graph.table.wrong + graph.blind)
    verdict("stack_addresses_have_callers", graph.untold())
    verdict("stack_table_is_current", graph.stale())
    verdict("stack_cycles_bounded", cycles)
    print(f"    {size} bytes at most, over {len(graph.calls)} functions:")
    for bytes_, name in path:
        print(f"    {bytes_:6} {name}")
    print(f"    {RED_ZONE_SIZE:6} below the last one (red zone)")


if __name__ == "__main__":
    main()
