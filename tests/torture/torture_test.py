# SPDX-License-Identifier: ISC
"""Every call fails.

Each system call of each delivery fails in turn, once and for ever, with each
error it can give; reads and writes are short, signals rain, descriptors are
closed, disks are full. The verdict is right, or Z, or death by a signal before
the report.

By itself this runs a sample, the same each time. TORTURE=all runs everything
and prints a table; TORTURE='clear read:EIO:7+' repeats one run.
"""

import os
import signal
import sys
import time
from collections import Counter, defaultdict

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
sys.dont_write_bytecode = True

import calls
import checks
from bench import DELIVERIES, RUN_LIMIT_S, Shop
from harness import Skip, Suite, contains, equal, needs_musl
from qmailhome import CONTROL_FILES
from scripted import HOLD
from world import full_listener, mount, run_suite

WHAT = os.environ.get("TORTURE", "sample")
ALL = WHAT == "all"
SAMPLE_COUNT = 16  # of each delivery
PROGRAMS = "build/test/torture"
STORM = "inject=read,write,openat,poll,getrandom:error=EINTR:when=1+2"
BY_NAME = {delivery.name: delivery for delivery in DELIVERIES}
suite = Suite()


# ---- each system call


class Setting(Shop):
    def __init__(self, world):
        self.short = world.program(f"{PROGRAMS}/short", "short")
        self.allocating = world.program(f"{PROGRAMS}/qmail-remote", "allocating")
        super().__init__(world)
        self.table = defaultdict(Counter)


def sample(items, count=SAMPLE_COUNT):
    """So many, spread evenly; or all."""
    step = 1 if ALL else max(1, len(items) // count)
    return items[step // 2 :: step]


def check(jobs, results):
    wrong = [f"{job}: {why}" for job, (_, why) in zip(jobs, results) if why]
    assert not wrong, f"{len(wrong)} of {len(jobs)}:\n" + "\n".join(wrong)


def each_call_fails(setting, index):
    needs_musl()
    delivery = DELIVERIES[index]
    setting.use(delivery.resolver)
    faults = sample(calls.plan(setting.bench.counts(delivery)))
    results = setting.spoil([(index, fault) for fault in faults])
    for fault, (result, _) in zip(faults, results):
        setting.table[fault.call][result] += 1
        setting.table[fault.call]["ever" if fault.ever else "once"] += 1
    print(f"# {delivery.name}: {len(faults)} runs", flush=True)
    check([f"TORTURE='{delivery.name} {fault}'" for fault in faults], results)


def one_run(setting):
    name, fault = WHAT.split()
    index = DELIVERIES.index(BY_NAME[name])
    setting.use(BY_NAME[name].resolver)
    results = setting.spoil([(index, calls.Fault.parse(fault))])
    print(f"# {WHAT}: {results[0][0]}")
    check([WHAT], results)


for number, one in enumerate(DELIVERIES):
    suite.add(f"each_call_fails_{one.name}", each_call_fails, number)

# Each of these was wrong once: hung, sent the end of a message after the
# failure, feared for a message that never went, lost its way behind a refused
# rule, missed a route.
FOUND = [f"client_certificate write:ENOBUFS:{n}" for n in range(9, 16)]
FOUND += [f"secure_flight write:ECONNRESET:{n}" for n in range(4, 12)]
FOUND += """\
mx connect:ENOBUFS:1+
mx connect:ENETUNREACH:2+
route socket:EMFILE:1+
clear landlock_add_rule:EINVAL:1
route landlock_add_rule:EINVAL:1+
route read:=0:5
clear openat:EINTR:1+
clear poll:EINTR:1+
clear poll:EINTR:3+
clear read:EINTR:12+
clear write:EAGAIN:4+
clear write:=0:7+
clear getrandom:EINTR:1+
""".splitlines()


@suite.case
def found_before(setting):
    setting.use("udp")
    jobs = [line.split() for line in FOUND]
    jobs = [(DELIVERIES.index(BY_NAME[name]), calls.Fault.parse(fault))
            for name, fault in jobs]
    check(FOUND, setting.spoil(jobs))


@suite.case
def no_route_to_the_name_server(setting):
    """No fault but the network's: each look-up ends at once."""
    setting.use("unreachable")
    outcome = setting.bench.run(BY_NAME["mx"])
    checks.failed(outcome, "Z", "couldn't find any host by that name. (#4.1.2)\n")


@suite.case
def table(setting):
    """What was covered."""
    columns = ("once", "ever", "K", "Z", "signal")
    print("# call                      once  ever     K     Z signal  errors")
    for call, row in sorted(setting.table.items()):
        numbers = " ".join(f"{row[column]:5}" for column in columns)
        print(f"# {call:24}{numbers}   {calls.ERRORS[call]}")
    total = sum(row["once"] + row["ever"] for row in setting.table.values())
    print(f"# {total} runs of {len(setting.table)} calls")


# ---- less than asked for, and signals


def spoilt(setting, name, wrapper, **options):
    """A delivery that nothing may keep from its end."""
    delivery = BY_NAME[name]
    setting.use(delivery.resolver)
    outcome = setting.bench.run(delivery, wrapper, **options)
    equal(setting.bench.wrong(outcome), "")
    return outcome


def short_calls(setting, name):
    """1 to 7 bytes at a time."""
    outcome = spoilt(setting, name, [setting.short])
    if outcome.status == 77:
        raise Skip("short is written for x86_64")
    # A stream that takes part of a question is given up.
    equal(outcome.letter, "Z" if name == "tcp_dns" else "K", outcome.text)


def eintr_storm(setting, name):
    wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", STORM]
    equal(spoilt(setting, name, wrapper).letter, "K")


for one in DELIVERIES:
    if one.name not in ("mx", "route"):  # a datagram is taken whole or cut
        suite.add(f"short_reads_and_writes_{one.name}", short_calls, one.name)
    suite.add(f"eintr_storm_{one.name}", eintr_storm, one.name)


def stopped(setting, name, event, span_s):
    """SIGSTOP while the server owes the reply; SIGCONT after it was sent."""
    bench, delivery = setting.bench, BY_NAME[name]
    setting.use(delivery.resolver)
    bench.prepare(delivery)
    server = bench.server
    server.holding.clear()
    server.released.clear()
    server.scripts = [{**delivery.script, event: HOLD}]
    try:
        run = bench.start(delivery)
        server.wait_hold()
        os.kill(run.pid, signal.SIGSTOP)
        server.release()
        time.sleep(span_s)
        os.kill(run.pid, signal.SIGCONT)
        outcome = run.finish(RUN_LIMIT_S)
    finally:
        server.scripts = [delivery.script]
    equal(bench.wrong(outcome), "")
    if span_s < 1:
        equal(outcome.letter, "K", outcome.text)


for step in ("greeting", "MAIL", "RCPT", "DATA", "content", "."):
    suite.add(f"stopped_at_{step}", stopped, "clear", step, 0.05)
    if step != "greeting":
        suite.add(f"stopped_at_tls_{step}", stopped, "tls_bundle", f"tls {step}", 0.05)
suite.add("stopped_longer_than_timeoutremote", stopped, "clear", ".", 3.2)


@suite.case
def stopped_at_each_wait(setting):
    """Every poll, those for name servers and connections among them."""
    delivery = BY_NAME["mx"]
    setting.use(delivery.resolver)
    count = setting.bench.counts(delivery)["poll"]
    for number in range(1, count + 1):
        inject = f"inject=poll:signal=SIGSTOP:when={number}"
        wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", inject]
        run = setting.bench.start(delivery, wrapper)
        while run.process.poll() is None:
            time.sleep(0.02)
            os.kill(run.pid, signal.SIGCONT)
        outcome = run.finish(RUN_LIMIT_S)
        equal(setting.bench.wrong(outcome), "", f"poll {number}")
        equal(outcome.letter, "K", f"poll {number}")


# ---- descriptors, disks, files


def closed(setting, numbers):
    """Some of descriptors 0 to 2 are closed when the program starts."""
    redirections = " ".join(f"{n}>&-" for n in numbers)
    shell = ["sh", "-c", f'exec "$@" {redirections}', "sh"]
    outcome = spoilt(setting, "clear", shell)
    if 1 in numbers:
        assert outcome.status < 0, "went on without a report pipe"
        equal(setting.bench.server.sessions, [])
    elif 0 in numbers:
        contains(outcome.text, "Unable to read message. (#4.3.0)\n")
    else:
        equal(outcome.letter, "K", outcome.text)


for mask in range(8):
    ones = [n for n in range(3) if mask >> n & 1]
    suite.add(f"closed_{''.join(map(str, ones)) or 'none'}", closed, ones)


@suite.case
def report_on_a_full_disk(setting):
    shell = ["sh", "-c", 'exec "$@" >/dev/full', "sh"]
    assert spoilt(setting, "clear", shell).status < 0, "no signal"


@suite.case
def report_into_a_file(setting):
    """As long as it may be, and what is there already stays."""
    path = setting.world.file("report", "before\n")
    os.chmod(path, 0o666)
    shell = ["sh", "-c", f'exec "$@" >>{path}', "sh"]
    outcome = setting.bench.run(BY_NAME["clear"], shell)
    equal((outcome.status, outcome.output), (0, b""))
    with open(path, "rb") as file:
        equal(file.read()[:13], b"before\nr\0K192")


@suite.case
def tcpto_on_a_full_disk(setting):
    """A time-out that cannot be noted changes nothing else."""
    bench, delivery = setting.bench, BY_NAME["clear"]
    bench.prepare(delivery)
    disk = setting.world.folder("disk")
    mount("-t", "tmpfs", "-o", "size=16k", "tmpfs", disk)
    table_path = os.path.join(disk, "tcpto")
    with open(table_path, "wb") as file:
        file.truncate(1024)
    os.chmod(table_path, 0o666)
    with open(os.path.join(disk, "filler"), "wb", 0) as file:
        try:
            while file.write(bytes(1024)):
                pass
        except OSError:
            pass
    os.unlink(bench.home.tcpto)
    os.symlink(table_path, bench.home.tcpto)
    silent = "192.0.2.90"
    full_listener(setting.world, silent)
    routes = os.path.join(bench.home.path, "control/smtproutes")
    with open(routes, "w", encoding="ascii") as file:
        file.write(f":[{silent}]\n")
    outcome = bench.run(delivery)
    os.unlink(bench.home.tcpto)
    bench.delivery = None
    checks.failed(outcome, "Z", f"{silent}: timed out\n")
    with open(table_path, "rb") as file:
        equal(file.read(), bytes(1024))


def bad_files(setting, spoil, letters):
    """Each file of the home in turn; the others as they should be."""
    bench, delivery = setting.bench, BY_NAME["client_certificate"]
    for name in (*CONTROL_FILES, "../queue/lock/tcpto"):
        bench.delivery = None
        bench.prepare(delivery)
        path = os.path.join(bench.home.path, "control", name)
        spoil(path)
        outcome = bench.run(delivery)
        os.chmod(path, 0o644)
        equal(bench.wrong(outcome), "", name)
        equal(outcome.letter in letters, True, f"{name}: {outcome.text}")
        if outcome.letter == "Z":
            contains(outcome.text, name)
        if name.endswith("tcpto"):
            equal(outcome.letter, "K", name)
        else:
            os.unlink(path)
    bench.delivery = None


def make_unreadable(path):
    open(path, "a", encoding="ascii").close()
    os.chmod(path, 0)


def make_huge(path):
    with open(path, "wb") as file:
        file.write(b"x" * (16 << 20))


suite.add("unreadable_files", bad_files, make_unreadable, "KZ")
suite.add("huge_files", bad_files, make_huge, "KZ")


# ---- allocations


def each_allocation_fails(setting, name):
    """tests/unit has the engine with less and less memory; here the whole
    program, and each allocation alone."""
    delivery = BY_NAME[name]
    setting.use(delivery.resolver)
    outcome = setting.bench.run(delivery, program=setting.allocating,
                                env={"FAIL_ALLOCATION": "count"})
    count = outcome.output.count(b"\1")
    assert count > 100, f"{count} allocations"
    numbers = [f"{n}{ever}" for n in range(1, count + 1) for ever in ("", "+")]
    numbers = sample(numbers)
    results = setting.spoil([(DELIVERIES.index(delivery), n) for n in numbers])
    letters = Counter(result for result, _ in results)
    print(f"# {name}: {count} allocations, {len(numbers)} runs: {dict(letters)}")
    check(numbers, results)


suite.add("each_allocation_fails_strict2", each_allocation_fails, "tls_bundle")
suite.add("each_allocation_fails_client", each_allocation_fails, "client_certificate")

if WHAT not in ("all", "sample"):
    suite = Suite()
    suite.add("one_run", one_run)

if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
