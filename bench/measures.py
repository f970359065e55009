# SPDX-License-Identifier: ISC
"""What is measured. Each measure is a function of a Bench that yields Rows."""

import os
import time

from harness import Skip
from peers import Job, size_on_disk
from places import ROUND_TRIP_MS
from runner import Failed, Result
from table import Row
from world import wait_until

SMALL_RUNS, FAR_RUNS, LARGE_RUNS, MANY_RUNS, FAULT_RUNS = 15, 5, 3, 3, 5
MANY = 200
FAULT_LIMIT_MS = 5500
LARGE_SIZE = 50 << 20
MIB, GIB = 1 << 20, 1 << 30
KINDS = {"clear": "clear", "open": "TLS unverified", "tls": "TLS verified",
         "known": "TLS verified, known server"}
# Round trips at least: names 2, TCP 1, greeting 1, EHLO 1, transaction 1; and
# STARTTLS 1, handshake 1, EHLO 1.
ROUND_TRIPS = {"clear": 7, "tls": 10}
FAR_FACTOR = {"clear": 1.07, "tls": 1.06}
BINARY_SIZE_MAX = 272 << 10
CALLS_MAX = 60
PEAK_KIB_MAX = {"clear": 384, "tls": 512}


def pick(medians_by_name, fact, factor=1.0):
    return {name: getattr(m, fact) * factor for name, m in medians_by_name.items()
            if getattr(m, fact) is not None}


def at_most(row, limit, text):
    """The row with its bar; a program that gave nothing has not met it."""
    value = row.values.get("mote")
    row.bar, row.met = text, isinstance(value, (int, float)) and value <= limit
    return row


def below_best(row, factor, text):
    """mote's value at most so many times the best peer's."""
    best = row.best()
    return at_most(row, best * factor, text) if best else row


# ---- one delivery of 4 KB, next door

def small(bench):
    for kind in ("clear", "open", "tls"):
        yield from one_delivery(bench, kind)


def known(bench):
    """By a session of the run before: the first of them is not in the median."""
    yield from one_delivery(bench, "known")
    for program in bench.working("known"):
        bench.run(program, Job("known.example", bench.small, "known"))
        if not bench.lab.taken()[0]["resumed"]:
            bench.tell(f"known, {program.name}: it was not resumed")


def one_delivery(bench, kind):
    title, programs = f"4 KB {KINDS[kind]}", bench.able(kind)
    job = Job(f"{kind}.example", bench.small, kind)
    found = bench.interleaved(f"small {kind}", programs, SMALL_RUNS,
                              lambda p: bench.run(p, job))
    traced = bench.interleaved(f"small {kind} traced", programs, 1,
                               lambda p: bench.run(p, job, True))
    yield Row(f"{title}: wall, ms", pick(found, "wall_ms"))
    cpu = Row(f"{title}: CPU, ms", pick(found, "cpu_ms"))
    factor, text = (1 / 3, "1/3 of the best peer") if kind == "clear" else (
        1, "below the best peer")
    yield below_best(cpu, factor, text)
    calls = Row(f"{title}: system calls", pick(traced, "calls"))
    yield at_most(calls, CALLS_MAX, f"{CALLS_MAX}") if kind == "clear" else calls
    peaks = {**pick(found, "hwm_kib"), **pick(traced, "hwm_kib")}
    peak = Row(f"{title}: VmHWM, KiB", peaks)
    limit = PEAK_KIB_MAX.get(kind)
    yield at_most(peak, limit, f"{limit} KiB") if limit else peak
    yield Row(f"{title}: DNS questions", {n: v for n, v in pick(
        found, "queries").items() if n != "floor"})


# ---- the same, far away

def far(bench):
    bench.lab.go("far")
    try:
        for kind, suffix, count, what in (
                ("clear", "", 1, "1 recipient"), ("clear", "", 50, "50 recipients"),
                ("clear", "-five", 1, "5 MX"), ("tls", "", 1, "1 recipient"),
                ("tls", "", 50, "50 recipients"), ("tls", "-five", 1, "5 MX")):
            yield from far_case(bench, kind, suffix, count, what)
    finally:
        bench.lab.go("near")


def far_case(bench, kind, suffix, count, what):
    programs = [p for p in bench.working(kind, downgrade=True)
                if not suffix or "mx" in p.abilities]

    def once(program):
        security = bench.security(program, kind)
        host = f"{security}{suffix}.example"
        return bench.run(program, Job(host, bench.small, security, count))

    found = bench.interleaved(f"far {kind} {what}", programs, FAR_RUNS, once)
    floor_ms = ROUND_TRIPS[kind] * ROUND_TRIP_MS
    title = f"{ROUND_TRIP_MS} ms away, {kind}, {what}"
    row = Row(f"{title}: wall, ms", pick(found, "wall_ms"), floor=floor_ms)
    factor = FAR_FACTOR[kind]
    yield at_most(row, factor * floor_ms, f"{factor} x floor")
    row = Row(f"{title}: round trips", pick(found, "trips"), floor=ROUND_TRIPS[kind])
    yield at_most(row, ROUND_TRIPS[kind], f"{ROUND_TRIPS[kind]}")
    yield Row(f"{title}: octets on the line", pick(found, "octets"))


# ---- 50 MB

def large(bench):
    message = bench.large_message(LARGE_SIZE)
    for kind in ("clear", "open"):
        job = Job(f"{kind}.example", message, kind)
        found = bench.interleaved(f"large {kind}", bench.working(kind), LARGE_RUNS,
                                  lambda p, job=job: bench.run(p, job))
        rates = {n: LARGE_SIZE / MIB / (m.wall_ms / 1e3) for n, m in found.items()}
        yield Row(f"50 MB {KINDS[kind]}: MB/s", rates, more=True)
        cpu = Row(f"50 MB {KINDS[kind]}: CPU, s/GB",
                  pick(found, "cpu_ms", GIB / LARGE_SIZE / 1e3))
        if kind == "clear":
            yield below_best(cpu, 1 / 3, "1/3 of the best peer")
        else:
            yield below_best(cpu, 1.5, "1.5 x the best peer")


# ---- 200 at once

def many(bench):
    for kind in ("clear", "open"):
        programs = bench.working(kind)
        job = Job(f"{kind}-hold.example", bench.small, kind)
        bench.lab.release(True)
        found = bench.interleaved(
            f"many {kind}", programs, MANY_RUNS,
            lambda p, job=job: bench.runner.run(p, job, count=MANY))
        wall = Row(f"{MANY} at once, {KINDS[kind]}: wall, s",
                   pick(found, "wall_ms", 1e-3))
        yield below_best(wall, 1, "not slower") if kind == "open" else wall
        bench.lab.release(False)
        held = bench.interleaved(f"many {kind} held", programs, 1,
                                 lambda p, job=job: memory_of_all(bench, p, job))
        pss = Row(f"{MANY} at once, {KINDS[kind]}: PSS, MiB",
                  pick(held, "pss_kib", 1 / 1024))
        yield below_best(pss, 0.5, "1/2 of the best peer") if kind == "open" else pss


def memory_of_all(bench, program, job):
    """The PSS of all processes, summed while the server answers nobody."""
    lab = bench.lab
    lab.forget()
    lab.release(False)
    if hasattr(program, "start"):
        finish, processes = program.start(job, MANY)
    else:
        process = bench.runner.start(program.command(job), count=MANY)
        finish = process.communicate

        def processes():
            return descendants(process.pid)

    try:
        wait_until(lambda: len(lab.taken()) >= MANY, f"{MANY} messages", timeout_s=60)
        kib = sum(pss_kib(pid) for pid in processes())
    finally:
        lab.release(True)
        finish()
        lab.release(False)
    return Result({"pss_kib": kib})


def descendants(pid):
    """All below a process."""
    found, todo = [], [pid]
    while todo:
        each = todo.pop()
        try:
            with open(f"/proc/{each}/task/{each}/children", encoding="ascii") as file:
                children = [int(word) for word in file.read().split()]
        except OSError:
            continue
        found += children
        todo += children
    return found


def pss_kib(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


# ---- what is broken

def faults(bench):
    """More time than a healthy delivery took, the worst of the runs."""
    programs = bench.working("clear")
    healthy = bench.interleaved("faults healthy", programs, FAULT_RUNS,
                                lambda p: bench.run(p, Job("clear.example", bench.small,
                                                           "clear")))
    cases = [("one of two equal exchangers dead", "equal", "mx", 600),
             ("the best of two exchangers dead", "best", "mx", 3300),
             ("first name server dead", "clear", "clear", 500),
             ("one look-up never answered", "mute", "clear", None)]
    if bench.lab.world.has_ipv6:
        cases.insert(1, ("the path of IPv6 dead", "six", "clear", 600))
    for title, host, ability, limit in cases:
        bench.lab.first_name_server_dead("name server" in title)
        values = {}
        for program in programs:
            if ability in program.abilities and program.name in healthy:
                values[program.name] = delay(bench, program, f"{host}.example",
                                             healthy[program.name].wall_ms)
        bench.lab.first_name_server_dead(False)
        row = Row(f"{title}: more, ms", values)
        yield at_most(row, limit, f"{limit} ms") if limit else row


def delay(bench, program, host, healthy_ms):
    """The worst of the runs that fit into the limit: some programs draw lots between
    ways that are equal."""
    worst = 0
    end = time.monotonic() + FAULT_LIMIT_MS / 1000
    for _ in range(FAULT_RUNS):
        began = time.monotonic()
        if began > end:
            break
        try:
            took = bench.run(program, Job(host, bench.small, "clear"),
                             limit_ms=FAULT_LIMIT_MS).wall_ms
        except (Failed, AssertionError) as why:
            program.forget()
            if (time.monotonic() - began) * 1000 < FAULT_LIMIT_MS * 0.9:
                bench.tell(f"{program.name}, {host}: {why}")
                return "fails"
            return f">{FAULT_LIMIT_MS}"
        worst = max(worst, took - healthy_ms)
    return max(worst, 0)


# ---- on disk

def size(bench):
    programs = bench.programs
    alone = {p.name: sum(os.path.getsize(b) for b in p.binaries) / 1024 for p in programs}
    row = Row("program on disk, KiB", alone)
    row = at_most(row, BINARY_SIZE_MAX / 1024, f"{BINARY_SIZE_MAX >> 10} KiB")
    yield row
    yield Row("program and all libraries mapped, KiB",
              {p.name: size_on_disk(p.binaries) for p in programs})


# ---- instructions

def instructions(bench):
    """In thousands: they are nearly the same in each run."""
    for kind, name in KINDS.items():
        totals, parts = {}, {}
        for program in bench.able(kind):
            if not program.countable:
                continue
            job = Job(f"{kind}.example", bench.small, kind)
            try:
                if kind == "known":
                    bench.run(program, job)
                totals[program.name], parts[program.name] = bench.instructions(program, job)
            except (Failed, AssertionError, OSError, Skip) as why:
                bench.tell(f"instructions {kind}, {program.name}: {why}")
        yield Row(f"4 KB {name}: instructions, 1000", totals)
        for part, count in parts.get("mote", {}).items():
            if count:
                yield Row(f"    of these {part}", {"mote": count})


MEASURES = {f.__name__: f for f in (small, known, far, large, many, faults, size,
                                   instructions)}
