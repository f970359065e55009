# SPDX-License-Identifier: ISC
"""How many round trips a delivery takes: counted, not timed.

In clear 7: DNS 2, TCP 1, greeting 1, EHLO 1, transaction 2; with STARTTLS 3
more over TLS 1.3 and 4 over TLS 1.2. Nobody's number of recipients or
exchangers changes that, where the server takes pipelining; that it offers
CHUNKING does not either. A known server is one less over TLS 1.2.
"""

import functools
import ssl
import sys

import messages
from aiosmtp import server_context
from authority import Issuer
from checks import delivered, encrypted, in_clear
from flights import Relay, RoundNames, writes_per_flight
from harness import Suite, equal
from resuming import File, Resuming
from scripted import Scripted
from tlsserver import python_tls
from tracing import Trace
from world import run_suite

ADDRESS, BEHIND, BEHIND_PORT = "192.0.2.10", "127.0.0.1", 2525
ELSEWHERE = [f"192.0.2.{n}" for n in range(20, 40)]
RECIPIENT_COUNT_MAX = 100  # src/limits.h
DNS, CONNECT, EHLO = 2, 2, 1  # SYN and greeting; EHLO
TRANSACTION = 2  # up to DATA; the message
TLS = {None: 0, "1.3": 3, "1.2": 4}
TOTAL = {None: 7, "1.3": 10, "1.2": 11}  # of a whole delivery
KNOWN = {"1.3": 10, "1.2": 10}  # likewise, by a session of the one before it
OFFER = {"pipelining": ["PIPELINING"], "chunking": ["PIPELINING", "CHUNKING"]}
LOCK_STEP = {"plain": [], "chunking": ["CHUNKING"]}
WRITES_TLS_MAX = 3  # change of cipher, finished, EHLO; or two records of text
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.names = RoundNames(world)
        self.issuer = Issuer(world)
        self.leaf = self.issuer.leaf("mx", "DNS:x0.dest.example")
        self.home = world.home()
        self.counter = 0
        self.known = None  # a server that knows its sessions again

    def exchangers(self, count):
        """dest.example has so many, one address each; only the best is used."""
        self.names.forget()
        self.names.add("dest.example", MX=[
            (10 * n, f"x{n}.dest.example") for n in range(count)])
        for n, address in zip(range(count), [ADDRESS, *ELSEWHERE]):
            self.names.add(f"x{n}.dest.example", A=address)

    def upgrade(self, version):
        if self.known:
            return self.known
        only = version and ssl.TLSVersion["TLSv" + version.replace(".", "_")]
        return python_tls(self.leaf, server_context(self.leaf, only, only))

    def deliver(self, offers, version=None, recipients=1, exchangers=1, **options):
        """A delivery through a relay that counts. Returns the relay."""
        self.exchangers(exchangers)
        secure = {"trustanchors": self.issuer.bundle, "tlsstrictness": 2}
        self.home.control(**(secure if version else {}))
        offered = script(offers)
        if version:
            offered = {"EHLO": script(["STARTTLS"])["EHLO"], "tls EHLO": offered["EHLO"]}
        names = [f"r{n}@dest.example" for n in range(recipients)]
        with Scripted(self.world, BEHIND, offered, self.upgrade(version),
                      BEHIND_PORT) as server:
            with Relay(self.world, ADDRESS, server) as relay:
                outcome = self.home.deliver("dest.example", names,
                                            messages.small(), **options)
                delivered(outcome, ADDRESS)
                equal(outcome.recipients, "r" * recipients)
                relay.count = relay.round_trips()
            equal(len(server.contents()), 1, "messages")
            relay.verbs = server.sessions[0].verbs()
        encrypted(outcome, "verified", version) if version else in_clear(outcome)
        return relay


def script(offers):
    lines = ["scripted.example", *offers, "8BITMIME"]
    last = len(lines) - 1
    return {"EHLO": "\r\n".join(f"250{'- '[n == last]}{line}"
                                for n, line in enumerate(lines))}


def three_tries(case):
    """Once more if it failed: a gap of QUIET_S in a flight, on a machine that
    is busy, is taken for two flights."""
    @functools.wraps(case)
    def run(*args):
        for _ in range(2):
            try:
                return case(*args)
            except AssertionError:
                pass
        return case(*args)
    return run


# ---- the whole delivery

@three_tries
def pipelined(setting, offer, version, recipients, exchangers):
    relay = setting.deliver(OFFER[offer], version, recipients, exchangers)
    equal(len(setting.names.rounds), DNS, "rounds of DNS")
    equal(relay.count, CONNECT + EHLO + TRANSACTION + TLS[version],
          "round trips of the connection")
    equal(DNS + relay.count, TOTAL[version], "round trips")
    equal(relay.verbs.count("RCPT"), recipients)
    assert "BDAT" not in relay.verbs, relay.verbs


for kind, tls_version in (("clear", None), ("tls13", "1.3"), ("tls12", "1.2")):
    for way in OFFER:
        for people in (1, 50, RECIPIENT_COUNT_MAX):
            suite.add(f"{kind}_{way}_{people}_recipients", pipelined,
                      way, tls_version, people, 1)
        suite.add(f"{kind}_{way}_5_exchangers", pipelined, way, tls_version, 1, 5)
suite.add("clear_20_exchangers_100_recipients", pipelined, "pipelining", None,
          RECIPIENT_COUNT_MAX, 20)


@three_tries
def lock_step(setting, offer, version, recipients):
    """A round trip a command; none for QUIT, whose reply nobody waits for."""
    relay = setting.deliver(LOCK_STEP[offer], version, recipients)
    equal(relay.count, CONNECT + EHLO + 1 + recipients + TRANSACTION + TLS[version],
          "round trips of the connection")
    equal(relay.verbs[-1], "QUIT")
    assert "BDAT" not in relay.verbs, relay.verbs


for way in LOCK_STEP:
    suite.add(f"clear_{way}_lock_step", lock_step, way, None, 1)
    suite.add(f"tls13_{way}_lock_step", lock_step, way, "1.3", 1)
suite.add("clear_plain_lock_step_5_recipients", lock_step, "plain", None, 5)


@suite.case
@three_tries
def a_retry_is_lock_step(setting):
    relay = setting.deliver(OFFER["pipelining"], recipients=2, retry=True)
    equal(relay.count, CONNECT + EHLO + 1 + 2 + TRANSACTION)


@three_tries
def known(setting, version, offer):
    """The first delivery is as any other."""
    file = File(setting.home)
    file.make()
    setting.known = Resuming(setting.leaf, version)
    try:
        counts = [setting.deliver(OFFER[offer], version).count for _ in range(3)]
        equal(setting.known.resumed, [False, True, True])
    finally:
        setting.known = None
        file.remove()
    equal([DNS + count for count in counts],
          [TOTAL[version], KNOWN[version], KNOWN[version]], "round trips")


for tls_version in KNOWN:
    for way in OFFER:
        suite.add(f"known_tls{tls_version}_{way}", known, tls_version, way)


# ---- names

def asked(setting):
    return [len(questions) for questions in setting.names.rounds]


@suite.case
@three_tries
def exchangers_are_asked_for_at_once(setting):
    """MX, A and AAAA of the host; then both families of the five best."""
    for count, second in ((1, 2), (5, 10), (20, 10)):
        setting.deliver(OFFER["pipelining"], exchangers=count)
        equal(asked(setting), [3, second])


def without_exchangers(setting, route, host, rounds):
    """Nothing is asked that does not have to be."""
    setting.names.forget()
    setting.names.add("alone.example", A=ADDRESS)
    setting.home.control(smtproutes=route)
    with Scripted(setting.world, ADDRESS):
        delivered(setting.home.deliver(host, f"bob@{host}", messages.small()), ADDRESS)
    equal(asked(setting), rounds)


def direct(name, *args):
    suite.add(name, three_tries(without_exchangers), *args)


direct("a_host_without_exchangers", None, "alone.example", [3])
direct("a_relay_is_one_round", ":alone.example", "dest.example", [2])
direct("an_address_is_none", None, f"[{ADDRESS}]", [])


# ---- writes

def writes(setting, offers, version, **options):
    setting.counter += 1
    trace = Trace(setting.world, f"writes-{setting.counter}")
    relay = setting.deliver(offers, version, wrapper=trace.wrapper, **options)
    begin = [n for n, line in enumerate(trace.calls()) if "htons(25)" in line]
    nodelay = [n for n, line in enumerate(trace.calls()) if "TCP_NODELAY, [1]" in line]
    assert nodelay and nodelay[0] < begin[0] + 2, "TCP_NODELAY is not set at once"
    return writes_per_flight(trace), relay


def one_write(setting, offer, recipients):
    """Of a message of 4 KB; the second of two might wait for a late
    acknowledgement."""
    counts, relay = writes(setting, OFFER[offer], None, recipients=recipients)
    equal(counts, [1] * len(relay.flights), "writes of each flight")


for people in (1, 50, RECIPIENT_COUNT_MAX):
    suite.add(f"one_write_a_flight_{people}", one_write, "pipelining", people)


def few_writes(setting, offer, version):
    """At most one a record, and none of them waits for the one before."""
    counts, _ = writes(setting, OFFER[offer], version, recipients=50)
    assert max(counts) <= WRITES_TLS_MAX, f"writes: {counts}"


for kind, tls_version in (("tls13", "1.3"), ("tls12", "1.2")):
    suite.add(f"few_writes_a_flight_{kind}", few_writes, "pipelining", tls_version)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
