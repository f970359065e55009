# SPDX-License-Identifier: ISC
"""Where to deliver: each row of the policy, with a name server that can be
told to fail. The order of attempts is read from the system calls."""

import sys
import time

import messages
from checks import delivered, failed
from harness import Skip, Suite, equal
from names import (FORMERR, NOTIMP, NXDOMAIN, REFUSED, SERVFAIL, Names, late,
                   rcode, silent)
from scripted import Scripted
from tracing import Trace
from world import run_suite

ONE, TWO, THREE, FOUR = (f"192.0.2.{n}" for n in (10, 11, 12, 13))
SIX = "2001:db8::10"
ALIVE = (ONE, TWO, THREE, FOUR)
# Nobody listens there: a connection is refused at once.
CLOSED = [f"192.0.2.{n}" for n in range(50, 99)]
CLOSED_6 = [f"2001:db8::{n}" for n in range(50, 99)]
NO_HOST = "Sorry, I couldn't find any host named {}. (#5.1.2)\n"
TEMPORARY = "Sorry, I couldn't find any host by that name. (#4.1.2)\n"
NO_EXCHANGER = "Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)\n"
NULL_MX = "Sorry, that host does not accept mail. (#5.1.10)\n"
OWN = (
    "Sorry. Although I'm listed as a best-preference MX or A for that host,\n"
    "it isn't in my control/locals file, so I don't treat it as local. (#5.4.6)\n"
)
RELAY_OWN = "Sorry, every address of the relay is listed in control/ipme. (#4.4.6)\n"
UNCONNECTED = "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n"
NOT_ASCII = "Sorry, I can't send to or from an address that is not ASCII. (#5.6.7)\n"
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        self.home = world.home()
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.names = Names(world)
        alive = [*ALIVE, *([SIX] if world.has_ipv6 else [])]
        self.servers = {a: Scripted(world, a) for a in alive}
        self.counter = 0
        names = self.names
        names.add("one.example", A=ONE).add("two.example", A=TWO)
        names.add("three.example", A=THREE).add("four.example", A=FOUR)
        names.add("six.example", AAAA=SIX).add("own.example", A="127.0.0.1")

    def host(self, **records):
        """A new name with these records."""
        self.counter += 1
        name = f"h{self.counter}.example"
        self.names.add(name, **records)
        return name

    def deliver(self, host, control=None, **options):
        self.home.control(**(control or {}))
        recipient = options.pop("recipient", f"bob@{host}")
        return self.home.deliver(host, recipient, messages.small(), **options)

    def order(self, host, port=25, **options):
        """The addresses tried, in order, and the outcome."""
        self.counter += 1
        trace = Trace(self.world, f"order{self.counter}")
        outcome = self.deliver(host, wrapper=trace.wrapper, **options)
        return trace.addresses(port), outcome


def need_ipv6(setting):
    if not setting.world.has_ipv6:
        raise Skip("no IPv6 here")


# ---- what the answer to MX decides

@suite.case
def no_such_host_is_final(setting):
    failed(setting.deliver("absent.example"), "D", NO_HOST.format("absent.example"))


def implicit(setting, address, **records):
    if ":" in address:
        need_ipv6(setting)
    delivered(setting.deliver(setting.host(**records)), address)


for label, address, records in (
    ("a", ONE, {"A": ONE}),
    ("aaaa", SIX, {"AAAA": SIX}),
    ("both", SIX, {"A": ONE, "AAAA": SIX}),
):
    suite.add(f"no_mx_goes_to_{label}",
              lambda s, a, r: implicit(s, a, **r), address, records)


@suite.case
def no_mx_and_no_address_is_final(setting):
    failed(setting.deliver(setting.host(TXT="x")), "D", NO_EXCHANGER)


# Who refuses is asked for ten seconds.
SHORT = {"timeoutdns": 2}
FAILURES = {"formerr": FORMERR, "servfail": SERVFAIL, "notimp": NOTIMP,
            "refused": REFUSED, "yxdomain": 6, "notauth": 9, "rcode_15": 15}


def mx_fails(setting, number):
    """Never D, and never the host's own address instead."""
    host = setting.host(A=ONE)
    setting.names.rule(host, "MX", rcode(number))
    failed(setting.deliver(host, SHORT), "Z", TEMPORARY)


def addresses_fail(setting, number):
    host = setting.host(A=ONE)
    for kind in ("A", "AAAA"):
        setting.names.rule(host, kind, rcode(number))
    failed(setting.deliver(host, SHORT), "Z", TEMPORARY)
    failed(setting.deliver(setting.host(MX=(10, host)), SHORT), "Z", TEMPORARY)


for name, number in FAILURES.items():
    suite.add(f"mx_{name}_is_temporary", mx_fails, number)
for name in ("servfail", "refused", "notimp", "formerr"):
    suite.add(f"addresses_{name}_is_temporary", addresses_fail, FAILURES[name])


def plain_retry(setting, number):
    """A server that does not know EDNS is asked once more without."""
    host = setting.host(MX=(10, "one.example"))

    def act(query):
        if query.edns:
            return [query.reply(rcode=number)]
        return [query.server.healthy(query)]

    setting.names.rule(host, "MX", act)
    delivered(setting.deliver(host), ONE)
    equal([q.edns for q in setting.names.asked(host, "MX")], [True, False])


for name in ("formerr", "notimp"):
    suite.add(f"{name}_is_asked_without_edns", plain_retry, FAILURES[name])


@suite.case
def silence_is_temporary_after_timeoutdns(setting):
    host = setting.host(A=ONE)
    setting.names.rule(host, "*", silent)
    began = time.monotonic()
    failed(setting.deliver(host, {"timeoutdns": 2}), "Z", TEMPORARY)
    took = time.monotonic() - began
    assert 2 <= took < 40, took


@suite.case
def one_servfail_is_forgiven(setting):
    host = setting.host(MX=(10, "one.example"))
    setting.names.rule(host, "MX", rcode(SERVFAIL, 1))
    delivered(setting.deliver(host), ONE)


@suite.case
def null_mx(setting):
    failed(setting.deliver(setting.host(MX=(0, "."), A=ONE)), "D", NULL_MX)


@suite.case
def null_mx_of_another_preference(setting):
    failed(setting.deliver(setting.host(MX=(10, "."), A=ONE)), "D", NULL_MX)


def null_beside(setting, preference):
    host = setting.host(MX=[(preference, "."), (10, "one.example")])
    delivered(setting.deliver(host), ONE)


suite.add("null_mx_before_another_is_ignored", null_beside, 0)
suite.add("null_mx_behind_another_is_ignored", null_beside, 20)


# ---- exchangers without an address

def exchangers(setting, *hosts):
    return setting.host(MX=[(10 * n, h) for n, h in enumerate(hosts, 1)])


def failing(setting):
    host = setting.host()
    setting.names.rule(host, "*", rcode(SERVFAIL))
    return host


@suite.case
def no_exchanger_has_an_address(setting):
    host = exchangers(setting, "gone.example", setting.host(TXT="x"))
    failed(setting.deliver(host), "D", NO_EXCHANGER)


@suite.case
def one_exchanger_is_unknown_one_failed(setting):
    host = exchangers(setting, "gone.example", failing(setting))
    failed(setting.deliver(host), "Z", TEMPORARY)
    host = exchangers(setting, failing(setting), "gone.example")
    failed(setting.deliver(host), "Z", TEMPORARY)


@suite.case
def exchangers_without_address_are_skipped(setting):
    host = exchangers(setting, "gone.example", setting.host(TXT="x"), "two.example")
    delivered(setting.deliver(host), TWO)


@suite.case
def exchangers_that_failed_are_skipped(setting):
    delivered(setting.deliver(exchangers(setting, failing(setting), "two.example")), TWO)


def half(setting, kind, answer, address, **records):
    """One family brings an address, the other `answer`, which is not waited
    for: it would take timeoutdns, 20 s."""
    if ":" in address:
        need_ipv6(setting)
    mx = setting.host(**records)
    setting.names.rule(mx, kind, answer)
    for host in (setting.host(MX=(10, mx)), mx):
        began = time.monotonic()
        delivered(setting.deliver(host), address)
        took = time.monotonic() - began
        assert took < 8, took


for name, answer in (("servfail", rcode(SERVFAIL)), ("nxdomain", rcode(NXDOMAIN)),
                     ("silence", silent), ("late", late(9.0))):
    suite.add(f"a_works_aaaa_{name}",
              lambda s, x: half(s, "AAAA", x, ONE, A=ONE), answer)
    suite.add(f"aaaa_works_a_{name}",
              lambda s, x: half(s, "A", x, SIX, AAAA=SIX), answer)


# ---- very many

def numbered(setting, count, preference):
    """Names with an address each where nobody listens."""
    out = []
    for n in range(count):
        name = f"n{n}.many.example"
        setting.names.add(name, A=CLOSED[n % len(CLOSED)])
        out.append((preference(n), name))
    return out


def looked_up(setting):
    return {q.name.lower() for q in setting.names.asked(kind="A")
            if q.name.lower().endswith(".many.example")}


def of_800(setting, good, looked):
    """The nth of 800 takes the mail: who was tried, who was looked up."""
    records = numbered(setting, 800, lambda n: 1000 + n)
    setting.names.add(f"n{good}.many.example", A=ONE)
    host = setting.host(MX=records[400:] + records[:400])
    setting.names.forget()
    order, outcome = setting.order(host)
    assert [q.tcp for q in setting.names.asked(host, "MX")][-1], "not by TCP"
    equal(looked_up(setting), {f"n{n}.many.example" for n in range(looked)})
    return order, outcome


@suite.case
def of_800_exchangers_the_5_best_are_looked_up(setting):
    order, outcome = of_800(setting, 3, 5)
    delivered(outcome, ONE)
    equal(order, CLOSED[:3] + [ONE])


@suite.case
def of_800_exchangers_the_20_best_when_the_5_decide_nothing(setting):
    order, outcome = of_800(setting, 19, 20)
    delivered(outcome, ONE)
    equal(order, CLOSED[:19] + [ONE])


@suite.case
def of_800_exchangers_the_21st_is_not_looked_up(setting):
    order, outcome = of_800(setting, 20, 20)
    failed(outcome, "Z", UNCONNECTED)
    equal(order, CLOSED[:20])


@suite.case
def of_800_equal_exchangers_any_20_are_looked_up(setting):
    host = setting.host(MX=numbered(setting, 800, lambda n: 5))
    seen = []
    for _ in range(2):
        setting.names.forget()
        failed(setting.deliver(host), "Z", UNCONNECTED)
        seen.append(looked_up(setting))
    equal([len(s) for s in seen], [20, 20])
    assert seen[0] != seen[1], "the same 20 of 800 twice"


@suite.case
def at_most_32_addresses_are_tried(setting):
    order, outcome = setting.order(setting.host(A=CLOSED[:40]))
    failed(outcome, "Z", UNCONNECTED)
    equal(len(order), 32)
    equal(len(set(order)), 32)
    assert set(order) <= set(CLOSED[:40])


@suite.case
def both_families_are_among_the_32(setting):
    need_ipv6(setting)
    order, _ = setting.order(setting.host(A=CLOSED[:40], AAAA=CLOSED_6[:40]))
    equal(len(order), 32)
    equal([":" in a for a in order], [True, False] * 16)
    few = setting.host(A=CLOSED[:40], AAAA=CLOSED_6[:2])
    equal([":" in a for a in setting.order(few)[0]][:5],
          [True, False, True, False, False])


@suite.case
def equal_exchangers_share_the_32(setting):
    for n in range(2):
        setting.names.add(f"share{n}.example", A=CLOSED[n * 24:n * 24 + 24])
    host = setting.host(MX=[(10, "share0.example"), (10, "share1.example")])
    order, _ = setting.order(host)
    equal(len(order), 32)
    equal(len(set(order) & set(CLOSED[:24])), 16, "of the first")


# ---- order

@suite.case
def better_preferences_come_first(setting):
    records = [(65535, "n0.many.example"), (0, "n1.many.example"),
               (256, "n2.many.example"), (255, "n3.many.example")]
    numbered(setting, 4, lambda n: 0)
    order, _ = setting.order(setting.host(MX=records))
    equal(order, [CLOSED[n] for n in (1, 3, 2, 0)])


@suite.case
def an_address_is_tried_once(setting):
    setting.names.add("dup1.example", A=[CLOSED[0], CLOSED[0], CLOSED[1]])
    setting.names.add("dup2.example", A=CLOSED[0], AAAA=f"::ffff:{CLOSED[1]}")
    host = exchangers(setting, "dup1.example", "dup2.example")
    order, _ = setting.order(host)
    equal(sorted(order), CLOSED[:2])


def spread(setting, host):
    """How often each of the four servers gets the mail, in 200 runs.

    50 each is expected, with a deviation of 6: beyond 30 once in a million.
    """
    setting.home.control()
    before = {a: len(setting.servers[a].sessions) for a in ALIVE}
    for _ in range(200):
        outcome = setting.home.deliver(host, f"bob@{host}", messages.EMPTY)
        equal(outcome.letter, "K", outcome.text)
    counts = [len(setting.servers[a].sessions) - before[a] for a in ALIVE]
    equal(sum(counts), 200)
    assert all(20 <= count <= 80 for count in counts), counts


@suite.case
def equal_exchangers_get_equal_shares(setting):
    spread(setting, setting.host(MX=[(10, f"{n}.example") for n in
                                     ("one", "two", "three", "four")]))


@suite.case
def addresses_of_one_exchanger_get_equal_shares(setting):
    spread(setting, setting.host(MX=(10, setting.host(A=list(ALIVE)))))


@suite.case
def families_take_turns(setting):
    need_ipv6(setting)
    a = setting.host(A=CLOSED[:3], AAAA=CLOSED_6[:2])
    b = setting.host(A=CLOSED[3:5], AAAA=CLOSED_6[2:3])
    worse = setting.host(A=CLOSED[5:6], AAAA=CLOSED_6[5:6])
    order, _ = setting.order(setting.host(MX=[(10, a), (20, worse), (10, b)]))
    equal([":" in x for x in order],
          [True, False] * 3 + [False, False] + [True, False])
    equal(set(order[-2:]), {CLOSED[5], CLOSED_6[5]})


# ---- names

@suite.case
def a_labels_pass(setting):
    setting.names.add("xn--bcher-kva.example", MX=(10, "xn--mx-fka.example"))
    setting.names.add("xn--mx-fka.example", A=ONE)
    delivered(setting.deliver("xn--bcher-kva.example"), ONE)


def latin1(setting, host, recipient, sender):
    setting.names.forget()
    outcome = setting.deliver(host, recipient=recipient, sender=sender)
    failed(outcome, "D", NOT_ASCII)
    equal(setting.names.queries, [])


ME = "alice@client.example"
suite.add("latin1_host_is_refused", latin1, "b\udcfccher.example", "b@x.example", ME)
suite.add("latin1_recipient_is_refused", latin1, "one.example", "\udcfc@one.example",
          ME)
suite.add("latin1_sender_is_refused", latin1, "one.example", "b@one.example",
          "\udcfc@client.example")


@suite.case
def names_that_cannot_exist(setting):
    setting.names.forget()
    for host in ("", ".", "a..example", "x" * 64 + ".example",
                 ".".join(["x" * 62] * 5)):
        outcome = setting.deliver(host, recipient="bob@one.example")
        failed(outcome, "D", NO_HOST.format(host[:200])[:200])
    equal(setting.names.queries, [])


@suite.case
def a_dot_at_the_end_does_not_matter(setting):
    delivered(setting.deliver(setting.host(MX=(10, "one.example")) + "."), ONE)


@suite.case
def recipients_are_never_rewritten(setting):
    host = setting.host(CNAME=setting.host(MX=(10, "one.example")))
    before = len(setting.servers[ONE].sessions)
    delivered(setting.deliver(host), ONE)
    said = setting.servers[ONE].sessions[before].commands
    assert f"RCPT TO:<bob@{host}>" in said, said


@suite.case
def an_exchanger_may_be_an_alias(setting):
    mx = setting.host(CNAME=setting.host(CNAME="one.example"))
    delivered(setting.deliver(setting.host(MX=(10, mx))), ONE)


def chain(setting, length, **records):
    name = setting.host(**records)
    for _ in range(length):
        name = setting.host(CNAME=name)
    return name


@suite.case
def alias_chains_are_bounded(setting):
    delivered(setting.deliver(chain(setting, 8, MX=(10, "one.example"))), ONE)
    failed(setting.deliver(chain(setting, 9, MX=(10, "one.example"))), "Z",
           TEMPORARY)


@suite.case
def alias_to_nothing(setting):
    host = setting.host(CNAME="absent.example")
    failed(setting.deliver(host), "D", NO_HOST.format(host))
    failed(setting.deliver(setting.host(MX=(10, host))), "D", NO_EXCHANGER)


@suite.case
def alias_loops_are_temporary(setting):
    one, two = setting.host(), setting.host()
    setting.names.add(one, CNAME=two).add(two, CNAME=one)
    failed(setting.deliver(one), "Z", TEMPORARY)
    failed(setting.deliver(setting.host(MX=(10, one))), "Z", TEMPORARY)


@suite.case
def search_lists_are_never_applied(setting):
    setting.world.resolv_conf("nameserver 127.0.0.1\ndomain example\n"
                              "search example\noptions ndots:15\n")
    try:
        setting.names.forget()
        failed(setting.deliver("one"), "D", NO_HOST.format("one"))
        equal({q.name.lower() for q in setting.names.queries}, {"one"})
    finally:
        setting.world.resolv_conf("nameserver 127.0.0.1\n")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
