# SPDX-License-Identifier: ISC
"""Deliveries to be spoilt, and what a spoilt one may still say.

A bench is a worker process with a qmail home, a mail server and an address of
its own, so that several run at once.
"""

import multiprocessing
import os
import re
import signal
import struct
import time
from collections import Counter

import messages
import rspawn
from aiosmtp import server_context
from authority import Issuer
from harness import Skip
from nameserver import serve_names
from resuming import RECORD_COUNT, RECORD_SIZE, File, Resuming
from scripted import EHLO_STARTTLS, Scripted
from tlsserver import python_tls
from world import mount

# What a bench has cannot be written down for a process that begins anew.
FORKING = multiprocessing.get_context("fork")
BENCH_COUNT = 6  # more than cores: some only wait for a time-out
RUN_LIMIT_S = 30
TIMEOUTS = {"timeoutconnect": 2, "timeoutremote": 3, "timeoutdns": 3}
RESOLVERS = {"udp": "nameserver 127.0.0.1\n",
             "tcp": "nameserver 127.0.0.1\noptions use-vc\n",
             "unreachable": "nameserver 198.51.100.1\n"}
# Links of a hashed directory lead here, as packages of anchors have them.
LINKED = "/usr/share/ca-certificates"
PIPELINING = {"EHLO": "250-scripted.example\r\n250-PIPELINING\r\n250 8BITMIME"}
CHUNKING = {"EHLO": "250-scripted.example\r\n250-PIPELINING\r\n250 CHUNKING"}
STARTTLS = {"EHLO": EHLO_STARTTLS}
SECURE_FLIGHT = {**STARTTLS, "tls EHLO": CHUNKING["EHLO"]}


def address_of(number):
    return f"192.0.2.{20 + number}"


class Delivery:
    """One way to deliver. control(bench) gives the control files."""

    def __init__(self, name, control, script=None, size=4096, resolver="udp",
                 client=False):
        self.name, self.control, self.script = name, control, script or {}
        self.size, self.resolver = size, resolver
        self.client = client
        self.secure = "STARTTLS" in self.script.get("EHLO", "")
        self.tcpto = name == "tcpto"
        self.known = name == "tls_known"  # by a session of the one before it


def direct(**values):
    """Straight to the bench's address."""
    return lambda b: {"smtproutes": f":[{b.address}]",
                      **{k: v(b.shop) if callable(v) else v for k, v in values.items()}}


def verified(anchors):
    return direct(tlsstrictness=2, trustanchors=anchors)


DELIVERIES = [
    Delivery("clear", direct(), size=50000),
    Delivery("tls_bundle", verified(lambda s: s.issuer.bundle), STARTTLS),
    Delivery("tls_directory", verified(lambda s: s.directory), STARTTLS),
    Delivery("client_certificate",
             direct(trustanchors=lambda s: s.issuer.bundle,
                    clientcert=lambda s: s.leaf.chain,
                    clientkey=lambda s: s.leaf.key),
             STARTTLS, client=True),
    # Envelope, message and QUIT in one record.
    Delivery("secure_flight", direct(trustanchors=lambda s: s.issuer.bundle),
             SECURE_FLIGHT, size=1000),
    Delivery("tls_known", verified(lambda s: s.issuer.bundle), STARTTLS),
    Delivery("mx", lambda b: {}, PIPELINING),
    Delivery("route", lambda b: {"smtproutes": f":mx{b.number}.example:25"},
             CHUNKING, size=40000),
    Delivery("tcp_dns", lambda b: {}, resolver="tcp"),
    Delivery("tcpto", direct()),
]


class Shop:
    """What the benches share: names, certificates, workers."""

    def __init__(self, world):
        if not rspawn.may_change_user():
            raise Skip("needs a user that may change to nobody")
        self.world = world
        numbers = range(BENCH_COUNT + 1)
        # The last one's exchangers need more randomness than one call gives.
        serve_names(world, [line for n in numbers for line in
                            (f"dest{n} MX 10 mx{n}", f"mx{n} A {address_of(n)}")] +
                    [f"dest{BENCH_COUNT} MX 20 nobody{n}" for n in range(8)])
        self.issuer = Issuer(world)
        names = [f"DNS:mx{n}.example,IP:{address_of(n)}" for n in numbers]
        self.leaf = self.issuer.leaf("leaf", ",".join(names))
        os.chmod(self.leaf.key, 0o644)
        self.directory = linked_directory(world, self.issuer)
        self.resolver = "udp"
        # Before this process has threads, which a fork does not take along.
        self.pool = FORKING.Pool(BENCH_COUNT, start_bench,
                                 (self, FORKING.Value("i", 0)))
        world.closers.append(self.pool.terminate)
        self.bench = Bench(self, BENCH_COUNT)

    def use(self, resolver):
        """The name service of all runs from here on."""
        if resolver != self.resolver:
            self.world.resolv_conf(RESOLVERS[resolver])
            self.resolver = resolver

    def spoil(self, work):
        """Runs (delivery index, fault, ...) on all benches; their results."""
        return self.pool.map(work_at_bench, work, chunksize=1)


def linked_directory(world, issuer):
    """A hashed directory whose certificate lies where packages put them."""
    os.makedirs(LINKED, exist_ok=True)
    mount("-t", "tmpfs", "tmpfs", LINKED)
    place = os.path.join(LINKED, "test-root.crt")
    with open(issuer.root.cert, "rb") as source, open(place, "wb") as out:
        out.write(source.read())
    folder = issuer.hashed("hashed", issuer.root)
    links = [name for name in os.listdir(folder) if name.endswith(".0")]
    for name in links:
        os.unlink(os.path.join(folder, name))
        os.symlink(place, os.path.join(folder, name))
    os.unlink(os.path.join(folder, "0.pem"))
    return folder


the_bench = None


def start_bench(shop, counter):
    global the_bench
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with counter.get_lock():
        number = counter.value
        counter.value += 1
    the_bench = Bench(shop, number)


def work_at_bench(job):
    index, fault = job
    return the_bench.spoil(DELIVERIES[index], fault)


class Bench:
    def __init__(self, shop, number):
        self.shop, self.number = shop, number
        self.address = address_of(number)
        self.home = shop.world.home(f"qmail{number}-{os.getpid()}")
        self.server = Scripted(shop.world, self.address)
        self.delivery = None
        self.resuming = None
        self.trace = shop.world.file(f"bench{number}-{os.getpid()}.strace", "")
        os.chmod(self.trace, 0o666)

    def prepare(self, delivery):
        if self.delivery is not delivery:
            self.delivery = delivery
            self.data = messages.message(delivery.name, delivery.size)
            self.home.control(**TIMEOUTS, **delivery.control(self))
            self.server.scripts = [delivery.script]
            self.server.upgrade = self.upgrade(delivery)
            if delivery.known:
                File(self.home).make()
            else:
                File(self.home).remove()
        if delivery.tcpto:
            self.put_tcpto()
        self.server.sessions.clear()

    def upgrade(self, delivery):
        if not delivery.secure:
            return None
        if delivery.known:
            self.resuming = Resuming(self.shop.leaf, "1.3")
            return self.resuming
        context = server_context(self.shop.leaf)
        if delivery.client:
            context.load_verify_locations(self.shop.issuer.root.cert)
            context.verify_mode = 2  # ssl.CERT_REQUIRED
        return python_tls(self.shop.leaf, context)

    def put_tcpto(self):
        """The address timed out once: a success takes that back."""
        record = bytes(int(n) for n in self.address.split("."))
        record += struct.pack("<B3xI4x", 1, int(time.time()) - 7200)
        with open(self.home.tcpto, "r+b") as file:
            file.write(record.ljust(1024, b"\0"))

    def start(self, delivery, wrapper=(), program=None, **options):
        self.prepare(delivery)
        if program:
            wrapper = ["sh", "-c", f'shift; exec {program} "$@"', "sh"]
        host = f"dest{self.number}.example"
        return self.home.start(host, f"bob@{host}", self.data, wrapper=wrapper,
                               **options)

    def run(self, delivery, wrapper=(), **options):
        return self.start(delivery, wrapper, **options).finish(RUN_LIMIT_S)

    def counts(self, delivery):
        """How often an undisturbed delivery makes each call."""
        if delivery.known:
            self.run(delivery)
        wrapper = ["strace", "-f", "-qq", "-o", self.trace]
        outcome = self.run(delivery, wrapper)
        assert outcome.letter == "K", f"{delivery.name}: {outcome.text}"
        assert not self.wrong(outcome), self.wrong(outcome)
        with open(self.trace, encoding="ascii", errors="replace") as file:
            calls = [re.match(r"\d+ +(\w+)\(", line) for line in file]
        return Counter(c[1] for c in calls if c)

    def spoil(self, delivery, fault):
        """One run with a fault in it: (letter or signal, what was wrong)."""
        if isinstance(fault, str):
            return self.spoil_allocation(delivery, fault)
        wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null",
                   "-e", f"trace={fault.call}", "-e", fault.strace()]
        try:
            outcome = self.run(delivery, wrapper)
        except AssertionError as why:
            return "hang", str(why)
        # No such file: that is another configuration, one that may allow it.
        wrong = self.wrong(outcome, clear_allowed=fault.error == "ENOENT")
        if fault.call == "write" and "duplicate" in outcome.text:
            wrong = wrong or self.never_sent()
        if fault.must_deliver() and outcome.letter != "K":
            wrong = wrong or f"not delivered: {outcome.text!r}"
        return "signal" if outcome.status < 0 else outcome.letter, wrong

    def never_sent(self):
        """A write that failed sent nothing; what did not go, nobody has."""
        arrived = any(s.contents for s in self.server.sessions)
        return "" if arrived else "a duplicate of what was never sent"

    def spoil_allocation(self, delivery, number):
        outcome = self.run(delivery, program=self.shop.allocating,
                           env={"FAIL_ALLOCATION": number})
        if outcome.status < 0:
            return "signal", f"signal {-outcome.status}"
        return outcome.letter, self.wrong(outcome)

    def wrong(self, outcome, clear_allowed=False):
        """What may never be, whatever failed; empty when all is well."""
        for session in list(self.server.sessions):
            if not session.ended.wait(20):
                return "a session is still open"
        contents = [c for s in self.server.sessions for c in s.contents]
        if self.delivery.name.startswith("tls_") and not clear_allowed:
            for session in self.server.sessions:
                if "MAIL" in session.clear_verbs():
                    return "MAIL in clear at strictness 2"
        wrong = self.known_wrong() if self.delivery.known else ""
        return wrong or verdict_wrong(outcome, contents, self.data)

    def known_wrong(self):
        """The file keeps its size, and nothing that was used."""
        offers = [offer for offer in self.resuming.offers if offer]
        if len(set(offers)) != len(offers):
            return "a ticket was used twice"
        size = len(File(self.home).read())
        return "" if size == RECORD_SIZE * RECORD_COUNT else f"{size} octets of sessions"


def verdict_wrong(outcome, contents, data):
    if outcome.status > 0:
        return f"exit code {outcome.status}"
    if len(contents) > 1:
        return f"{len(contents)} messages at the server"
    if outcome.status < 0:
        return f"died after writing {outcome.output!r}" if outcome.output else ""
    if not re.fullmatch(rb"(r\0)?[KZD][^\0]*\n\0", outcome.output):
        return f"malformed report {outcome.output!r}"
    if outcome.letter == "D":
        return f"D: {outcome.text!r}"
    if outcome.letter == "K":
        if not contents:
            return f"K without a message: {outcome.text!r}"
        return messages.difference(messages.as_received(contents[0]), data)
    if contents and "Possible duplicate!" not in outcome.text:
        return f"Z of a message that arrived: {outcome.text!r}"
    return ""
