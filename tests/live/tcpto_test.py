# SPDX-License-Identifier: ISC
"""queue/lock/tcpto and tcpto6 against a checker of their own: the file after
a run is what the rules make of the file before it."""

import fcntl
import os
import sys
import time

import messages
import rspawn
from checks import delivered, failed
from harness import Skip, Suite, equal
from names import Names
from scripted import DROP, Scripted
from tcptotable import Table, record
from world import full_listener, run_suite

ONE, TWO, CLOSED, NOWHERE = "192.0.2.10", "192.0.2.11", "192.0.2.60", "203.0.113.1"
FULL = [f"192.0.2.{n}" for n in range(51, 58)]
FULL_6, ONE_6 = "2001:db8::51", "2001:db8::10"
UNCONNECTED = "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n"
DAY = 86400
EMPTY = bytes(1024)
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        self.home = world.home()
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.names = Names(world)
        self.servers = [Scripted(world, a) for a in (ONE, TWO)]
        self.full = [full_listener(world, a) for a in FULL]
        if world.has_ipv6:
            self.full.append(full_listener(world, FULL_6))
            self.servers.append(Scripted(world, ONE_6))
        self.home.control(timeoutconnect=1)
        self.tcpto = self.home.tcpto
        self.tcpto6 = os.path.join(self.home.path, "run/qmail-remote/tcpto6")

    def run(self, host, data=EMPTY, path=None):
        """One delivery with this table before it: outcome, table after it,
        the seconds in which it ran, and its process id."""
        path = path or self.tcpto
        put(path, data)
        begin = int(time.time())
        run = self.home.start(host, "bob@dest.example", messages.small())
        outcome = run.finish()
        return outcome, read(path), (begin, int(time.time())), run.pid


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o644)
    if rspawn.may_change_user():
        os.chown(path, rspawn.NOBODY, rspawn.NOBODY)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def some_second(span, make):
    """The tables that are right, one for each second of the run."""
    return [bytes(make(now).data) for now in range(span[0], span[1] + 1)]


def becomes(setting, host, data, change, letter="Z", path=None, size=4):
    """A run on this table leaves what change(table, now) makes of it."""
    outcome, after, span, _ = setting.run(host, data, path)
    equal((outcome.letter, outcome.status), (letter, 0), outcome.text)

    def make(now):
        table = Table(data, size)
        change(table, now)
        return table

    assert after in some_second(span, make), (
        after.rstrip(b"\0").hex(), span, outcome.text)


def table_of(*records):
    return b"".join(records).ljust(1024, b"\0")


def filled(time_of, count_of=lambda n: 1):
    return b"".join(record(f"198.51.100.{n}", count_of(n), time_of(n))
                    for n in range(64))


def times_out(address):
    return lambda table, now: table.timed_out(address, now)


def answers(address):
    return lambda table, now: table.answered(address)


def nothing(_table, _now):
    pass


# ---- what is written

def now_minus(age):
    return int(time.time()) - age


# name, record before or None, of an address that times out in this run
COUNTED = {
    "first": None,
    "second": (1, 130),
    "repeat_within_120_seconds": (1, 60),
    "repeat_of_a_cleared_one": (0, 60),
    "ninth": (9, 2 * DAY),
    "saturated": (10, 2 * DAY),
    "far_over": (255, 2 * DAY),
}


def counted(setting, before):
    """The address stands between two others, which stay as they are."""
    data = [record("198.51.100.1", 3, now_minus(5))]
    if before:
        count, age = before
        data.append(record(FULL[0], count, now_minus(age)))
    data.append(record("198.51.100.2", 1, now_minus(50)))
    becomes(setting, FULL[0], table_of(*data), times_out(FULL[0]))


for name, before in COUNTED.items():
    suite.add(f"time_out_{name}", counted, before)


@suite.case
def a_full_table_loses_the_least(setting):
    base = now_minus(10 * DAY)
    for data in (
        filled(lambda n: base + (n * 37 + 11) % 64),
        filled(lambda n: base + n, lambda n: 10 - n % 10),
        filled(lambda n: base + 1024 * (n % 3), lambda n: 3 - n % 3),
    ):
        becomes(setting, FULL[0], data, times_out(FULL[0]))


@suite.case
def the_first_free_record_is_used(setting):
    data = filled(lambda n: now_minus(n), lambda n: 0 if n in (17, 40) else 2)
    becomes(setting, FULL[0], data, times_out(FULL[0]))


@suite.case
def success_clears_the_count(setting):
    for count in (0, 1, 5):
        data = table_of(record(TWO, 2, now_minus(9)),
                        record(ONE, count, now_minus(2 * DAY)))
        becomes(setting, ONE, data, answers(ONE), "K")


@suite.case
def success_adds_no_record(setting):
    becomes(setting, ONE, EMPTY, nothing, "K")
    becomes(setting, ONE, filled(lambda n: 1), nothing, "K")


@suite.case
def a_refusal_records_nothing(setting):
    """Nor does a network that is not there."""
    for address in (CLOSED, NOWHERE):
        becomes(setting, address, EMPTY, nothing)


@suite.case
def a_refusal_is_an_answer(setting):
    """As in stock: whoever refuses is there."""
    data = table_of(record(CLOSED, 5, now_minus(2 * DAY)))
    becomes(setting, CLOSED, data, answers(CLOSED))


@suite.case
def a_session_that_fails_records_nothing(setting):
    with Scripted(setting.world, "192.0.2.20", {"greeting": DROP}):
        becomes(setting, "192.0.2.20", EMPTY, nothing)


# ---- who is skipped

def skipped(outcome, address):
    """The report says why nobody was connected to."""
    equal(outcome.records, [f"Z{UNCONNECTED}{address}: timed out lately\n"])


@suite.case
def two_time_outs_are_skipped_for_an_hour(setting):
    for count in (2, 3, 10, 255):
        for age in (0, 60 * 64 - 5):
            data = table_of(record(ONE, count, now_minus(age)))
            outcome, after, _, _ = setting.run(ONE, data)
            skipped(outcome, ONE)
            equal(after, data)


@suite.case
def one_time_out_is_not_skipped(setting):
    data = table_of(record(ONE, 1, now_minus(5)))
    becomes(setting, ONE, data, answers(ONE), "K")


@suite.case
def old_time_outs_are_not_skipped(setting):
    for age in (91 * 64 + 5, DAY, 30 * DAY):
        data = table_of(record(ONE, 10, now_minus(age)))
        becomes(setting, ONE, data, answers(ONE), "K")


@suite.case
def the_age_depends_on_the_process(setting):
    seen = set()
    for _ in range(200):
        age = (60 + 16) * 64 - 3
        data = table_of(record(ONE, 2, now_minus(age)))
        outcome, _, (now, _), pid = setting.run(ONE, data)
        if pid & 31 == 16:  # within seconds of its limit
            continue
        skips = Table(data).skips(ONE, now, pid)
        equal(outcome.letter, "Z" if skips else "K", f"process {pid}")
        seen.add(skips)
        if len(seen) == 2:
            return
    raise AssertionError(f"only {seen}")


@suite.case
def another_candidate_is_used(setting):
    setting.names.add("both.example", MX=[(10, "1.both.example"), (20, "2.both.example")])
    setting.names.add("1.both.example", A=ONE).add("2.both.example", A=TWO)
    data = table_of(record(ONE, 2, now_minus(5)))
    outcome, after, _, _ = setting.run("both.example", data)
    delivered(outcome, TWO)
    equal(after, data)


# ---- the file

def sized(setting, size):
    """Only whole records count, 64 at most, and the size stays."""
    data = filled(lambda n: now_minus(1000 + n))
    data = (data + data)[:size]
    becomes(setting, FULL[0], data, times_out(FULL[0]))
    beyond = bytearray(EMPTY + EMPTY)
    beyond[1024:1040] = record(ONE, 9, now_minus(5))
    outcome, after, _, _ = setting.run(ONE, bytes(beyond[:max(size, 15)]))
    delivered(outcome, ONE)
    equal(len(after), max(size, 15))


for size in (0, 1, 15, 16, 100, 1023, 2048):
    suite.add(f"a_file_of_{size}_bytes", sized, size)


@suite.case
def no_file_is_made(setting):
    os.unlink(setting.tcpto)
    for host, letter in ((FULL[0], "Z"), (ONE, "K")):
        equal(setting.home.deliver(host, "bob@dest.example", messages.small()).letter,
              letter)
    assert not os.path.exists(setting.tcpto)
    assert not os.path.exists(setting.tcpto6)


def delivers_both(setting):
    for host, letter in ((ONE, "K"), (FULL[0], "Z")):
        outcome = setting.home.deliver(host, "bob@dest.example", messages.small())
        equal(outcome.letter, letter, outcome.text)


@suite.case
def a_file_that_cannot_be_written(setting):
    if not rspawn.may_change_user():
        raise Skip("needs to be another user")
    data = table_of(record(TWO, 2, now_minus(5)), record(ONE, 1, now_minus(500)))
    for mode in (0o444, 0o000):
        put(setting.tcpto, data)
        os.chmod(setting.tcpto, mode)
        delivers_both(setting)
        equal(read(setting.tcpto), data)
    put(setting.tcpto, data)
    os.chmod(setting.tcpto, 0o444)
    skipped(setting.home.deliver(TWO, "bob@dest.example", messages.small()), TWO)


@suite.case
def what_is_no_file(setting):
    put(setting.tcpto, EMPTY)
    os.unlink(setting.tcpto)
    for make, remove in ((os.mkdir, os.rmdir), (os.mkfifo, os.unlink),
                         (lambda p: os.symlink("/dev/full", p), os.unlink)):
        make(setting.tcpto)
        delivers_both(setting)
        remove(setting.tcpto)


@suite.case
def a_lock_is_not_waited_for(setting):
    data = table_of(record(ONE, 1, now_minus(500)))
    put(setting.tcpto, data)
    with open(setting.tcpto, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        delivers_both(setting)
    equal(read(setting.tcpto), data)


@suite.case
def a_short_lock_is(setting):
    """Deliveries that time out together all leave their record."""
    put(setting.tcpto, EMPTY)
    runs = [setting.home.start(a, "bob@dest.example", messages.small()) for a in FULL]
    for run in runs:
        equal(run.finish().letter, "Z")
    table = Table(read(setting.tcpto))
    equal([table.find(a) is not None for a in FULL], [True] * len(FULL))
    equal([table.count(i) for i in range(len(FULL) + 1)], [1] * len(FULL) + [0])


# ---- IPv6

def six(setting):
    if not setting.world.has_ipv6:
        raise Skip("no IPv6 here")


@suite.case
def ipv6_has_a_table_beside(setting):
    six(setting)
    size = {"path": setting.tcpto6, "size": 16}
    put(setting.tcpto, EMPTY)
    try:
        becomes(setting, FULL_6, bytes(28 * 64), times_out(FULL_6), **size)
        data = record("2001:db8::77", 3, now_minus(1)) + record(
            FULL_6, 1, now_minus(200))
        becomes(setting, FULL_6, data.ljust(28 * 64, b"\0"), times_out(FULL_6), **size)
        becomes(setting, FULL_6, data + b"short", times_out(FULL_6), **size)
        becomes(setting, FULL_6, data[:28], times_out(FULL_6), **size)
        becomes(setting, ONE_6, record(ONE_6, 1, now_minus(5)), answers(ONE_6), "K",
                **size)
        outcome, _, _, _ = setting.run(ONE_6, record(ONE_6, 2, now_minus(5)),
                                       setting.tcpto6)
        skipped(outcome, ONE_6)
        equal(read(setting.tcpto), EMPTY)
    finally:
        os.unlink(setting.tcpto6)


@suite.case
def ipv6_without_its_table(setting):
    six(setting)
    becomes(setting, FULL_6, EMPTY, nothing)
    assert not os.path.exists(setting.tcpto6)
    os.rmdir(os.path.dirname(setting.tcpto6))
    becomes(setting, FULL_6, EMPTY, nothing)
    assert not os.path.exists(os.path.dirname(setting.tcpto6))


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
