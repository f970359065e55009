# SPDX-License-Identifier: ISC
"""Addresses of our own, relays and literals: what is never connected to, and
what the report says then."""

import sys

from checks import delivered, failed
from harness import Suite, equal
from scripted import Scripted
from where_test import (CLOSED, CLOSED_6, NO_EXCHANGER, NO_HOST, ONE, OWN,
                        RELAY_OWN, SIX, TEMPORARY, TWO, UNCONNECTED, Setting,
                        exchangers, failing, need_ipv6)
from world import run_suite

suite = Suite()
HERE = "127.0.0.1"


# ---- ipme: this preference or worse

def listed(setting, lines, host, want, **options):
    """want: an address, or the text of a failure with its letter."""
    outcome = setting.deliver(host, {"ipme": lines, **options})
    if isinstance(want, tuple):
        failed(outcome, *want)
    else:
        delivered(outcome, want)


OURS = ("D", OWN)


@suite.case
def our_preference_and_worse_are_dropped(setting):
    host = setting.host(MX=[(10, "one.example"), (20, "two.example"),
                            (30, "three.example")])
    for lines, want in ((ONE, OURS), (TWO, ONE), (f"{TWO}\n{ONE}", OURS)):
        listed(setting, lines, host, want)
    setting.names.add("shut.example", A=CLOSED[0])
    host = exchangers(setting, "shut.example", "two.example", "three.example")
    order, outcome = setting.order(host, control={"ipme": TWO})
    failed(outcome, "Z", UNCONNECTED)
    equal(order, CLOSED[:1])


@suite.case
def an_equal_of_ours_is_dropped(setting):
    host = setting.host(MX=[(10, "one.example"), (10, "two.example")])
    listed(setting, ONE, host, OURS)
    host = setting.host(MX=[(5, "three.example"), (10, "one.example"),
                            (10, "two.example")])
    order, outcome = setting.order(host, control={"ipme": ONE})
    delivered(outcome, "192.0.2.12")
    equal(order, ["192.0.2.12"])


@suite.case
def one_address_of_several_is_ours(setting):
    """That exchanger is us, with all its addresses."""
    mx = setting.host(A=[ONE, TWO])
    listed(setting, TWO, setting.host(MX=[(10, mx), (20, "three.example")]), OURS)
    listed(setting, TWO, mx, OURS)


@suite.case
def ours_in_the_other_family(setting):
    need_ipv6(setting)
    mx = setting.host(A=ONE, AAAA=CLOSED_6[0])
    host = setting.host(MX=[(10, mx), (20, "two.example")])
    for line in (CLOSED_6[0], "2001:DB8:0:0:0:0:0:50", "2001:0db8::0.0.0.80"):
        listed(setting, line, host, OURS)
    listed(setting, ONE, setting.host(MX=(10, setting.host(A=ONE, AAAA=SIX))), OURS)
    listed(setting, CLOSED_6[1], host, ONE)
    worse = setting.host(MX=[(10, "one.example"), (20, mx)])
    listed(setting, CLOSED_6[0], worse, ONE)


@suite.case
def mapped_addresses_are_the_same(setting):
    host = setting.host(MX=(10, "one.example"))
    listed(setting, f"::ffff:{ONE}", host, OURS)
    mapped = setting.host(MX=(10, setting.host(AAAA=f"::ffff:{ONE}")))
    listed(setting, ONE, mapped, OURS)
    listed(setting, TWO, mapped, ONE)


@suite.case
def ours_behind_the_best_that_failed(setting):
    """The better one may be the one to deliver to."""
    host = exchangers(setting, failing(setting), "one.example")
    listed(setting, ONE, host, ("Z", TEMPORARY))
    host = exchangers(setting, "gone.example", "one.example")
    listed(setting, ONE, host, OURS)


@suite.case
def implicit_exchanger_is_ours(setting):
    listed(setting, ONE, "one.example", OURS)


# ---- known without ipme

def built_in(setting, address):
    if ":" in address and not address.startswith("::ffff:"):
        need_ipv6(setting)
    kind = "AAAA" if ":" in address else "A"
    host = setting.host(**{kind: address})
    failed(setting.deliver(host), "D", OWN)
    failed(setting.deliver(exchangers(setting, host, "one.example")), "D", OWN)
    delivered(setting.deliver(exchangers(setting, "one.example", host)), ONE)


for address in ("0.0.0.0", "127.0.0.1", "127.255.255.254", "::", "::1",
                "::ffff:0.0.0.0", "::ffff:127.0.0.1"):
    suite.add(f"{address}_from_the_dns_is_ours", built_in, address)


def unusable(setting, address):
    kind = "AAAA" if ":" in address else "A"
    host = setting.host(**{kind: address})
    order, outcome = setting.order(host)
    failed(outcome, "D", NO_EXCHANGER)
    equal(order, [])
    delivered(setting.deliver(exchangers(setting, host, "one.example")), ONE)


for address in ("224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1",
                "::ffff:224.0.0.1", "fe80::1"):
    suite.add(f"{address}_from_the_dns_is_unusable", unusable, address)


# ---- relays

def routed(setting, relay, ipme="", want=ONE, host="absent.example"):
    listed(setting, ipme, host, want, smtproutes=f":{relay}")


@suite.case
def a_relay_is_looked_up_without_mx(setting):
    relay = setting.host(MX=(10, "two.example"), A=ONE)
    setting.names.forget()
    routed(setting, relay)
    equal(setting.names.asked(kind="MX"), [])
    equal({q.name.lower() for q in setting.names.queries}, {relay})


RELAY_UNKNOWN = ("Z", TEMPORARY)


@suite.case
def a_relay_that_is_not_found(setting):
    routed(setting, "gone.example", want=RELAY_UNKNOWN)
    routed(setting, setting.host(TXT="x"), want=RELAY_UNKNOWN)
    routed(setting, failing(setting), want=RELAY_UNKNOWN)
    routed(setting, setting.host(A="224.0.0.1"), want=RELAY_UNKNOWN)
    routed(setting, setting.host(CNAME="gone.example"), want=RELAY_UNKNOWN)


@suite.case
def a_relay_whose_addresses_are_all_ours(setting):
    routed(setting, "one.example", ONE, ("Z", RELAY_OWN))
    routed(setting, setting.host(A=[ONE, TWO]), f"{TWO}\n{ONE}", ("Z", RELAY_OWN))
    routed(setting, f"[{ONE}]", ONE, ("Z", RELAY_OWN))
    routed(setting, f"[::ffff:{ONE}]", ONE, ("Z", RELAY_OWN))


@suite.case
def a_relay_some_of_whose_addresses_are_ours(setting):
    relay = setting.host(A=[ONE, TWO])
    for mine, other in ((ONE, TWO), (TWO, ONE)):
        order, outcome = setting.order(
            "absent.example", control={"ipme": mine, "smtproutes": f":{relay}"})
        delivered(outcome, other)
        equal(order, [other])


@suite.case
def a_relay_ours_in_one_family(setting):
    need_ipv6(setting)
    relay = setting.host(A=ONE, AAAA=SIX)
    routed(setting, relay, SIX, ONE)
    routed(setting, relay, ONE, SIX)


@suite.case
def a_relay_may_be_loopback(setting):
    with Scripted(setting.world, HERE):
        routed(setting, "own.example", want=HERE)
        routed(setting, f"[{HERE}]", want=HERE)
        routed(setting, HERE, want=HERE)
        routed(setting, "own.example", HERE, ("Z", RELAY_OWN))
        routed(setting, f"[{HERE}]", HERE, ("Z", RELAY_OWN))
    if setting.world.has_ipv6:
        with Scripted(setting.world, "::1"):
            routed(setting, "[::1]", want="::1")
            routed(setting, setting.host(AAAA="::1"), want="::1")
            routed(setting, "[::1]", "::1", ("Z", RELAY_OWN))


@suite.case
def a_relay_for_a_literal(setting):
    """smtproutes comes first: its default covers addresses too."""
    routed(setting, f"[{ONE}]", host=f"[{TWO}]")


# ---- literals

def literal(setting, text, address):
    if ":" in address:
        need_ipv6(setting)
    setting.names.forget()
    delivered(setting.deliver(text), address)
    equal(setting.names.queries, [])


FOUR_SPELLINGS = ("[192.0.2.10]", "192.0.2.10", "[::ffff:192.0.2.10]",
                  "::ffff:192.0.2.10", "[IPv6:::ffff:192.0.2.10]",
                  "[::FFFF:c000:20a]")
SIX_SPELLINGS = ("[2001:db8::10]", "2001:db8::10", "[IPv6:2001:db8::10]",
                 "[ipv6:2001:DB8:0:0:0:0:0:10]", "2001:0db8:0000::0010",
                 "[2001:db8::0.0.0.16]")
for text in FOUR_SPELLINGS:
    suite.add(f"literal_{text}", literal, text, ONE)
for text in SIX_SPELLINGS:
    suite.add(f"literal_{text}", literal, text, SIX)


def not_a_literal(setting, text):
    """Not an address: a name, which nobody has."""
    outcome = setting.deliver(text, recipient="bob@one.example")
    failed(outcome, "D", NO_HOST.format(text))


for text in ("[192.0.2.10", "192.0.2.10]", "[192.0.2.256]", "[192.0.2]",
             "[IPv6:192.0.2.10]", "[2001:db8::10::1]", "[2001:db8::10%lo]", "[]",
             "[192.0.2.010]"):
    suite.add(f"no_literal_{text}", not_a_literal, text)


@suite.case
def literals_of_ours(setting):
    for text in FOUR_SPELLINGS:
        listed(setting, ONE, text, OURS)
    if setting.world.has_ipv6:
        for text in SIX_SPELLINGS:
            listed(setting, SIX, text, OURS)
    listed(setting, TWO, f"[{ONE}]", ONE)


def loops(setting, host):
    """A literal of this machine would come back to it, 51 times: stock's D."""
    with Scripted(setting.world, HERE) as here:
        outcome = setting.deliver(host, recipient=f"u@{host}")
        equal(here.sessions, [])
    equal(outcome.records, ["D" + OWN])
    delivered(setting.deliver(host, {"smtproutes": f":[{ONE}]"},
                              recipient=f"u@{host}"), ONE)


for text in ("127.0.0.1", "[127.0.0.1]", "127.0.0.2", "[127.255.255.254]", "::1",
             "[::1]", "[IPv6:::1]", "[IPv6:0:0:0:0:0:0:0:1]", "::ffff:127.0.0.1",
             "[IPv6:::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[0.0.0.0]",
             "[::]"):
    suite.add(f"literal_of_this_machine_{text}", loops, text)


@suite.case
def a_literal_is_no_relay(setting):
    """An empty relay leaves the literal what it is."""
    outcome = setting.deliver(f"[{HERE}]", {"smtproutes": f"[{HERE}]:"})
    failed(outcome, "D", OWN)


@suite.case
def a_multicast_literal(setting):
    failed(setting.deliver("[224.0.0.1]"), "D", NO_EXCHANGER)


# ---- exchangers that are addresses in the dress of a name

@suite.case
def an_address_as_exchanger_is_that_address(setting):
    """`MX 10 192.0.2.10.`: nobody is asked where that is."""
    setting.names.forget()
    delivered(setting.deliver(setting.host(MX=(10, ONE))), ONE)
    delivered(setting.deliver(setting.host(MX=(10, f"{ONE}."))), ONE)
    equal(setting.names.asked(ONE), [])
    host = setting.host(MX=[(10, ONE), (20, "two.example")])
    delivered(setting.deliver(host), ONE)
    host = setting.host(MX=[(10, "two.example"), (20, ONE)])
    delivered(setting.deliver(host), TWO)
    host = setting.host(MX=[(10, CLOSED[0]), (20, "gone.example"), (30, TWO)])
    order, outcome = setting.order(host)
    delivered(outcome, TWO)
    equal(order, [CLOSED[0], TWO])


@suite.case
def an_address_as_exchanger_is_ours(setting):
    for address in (HERE, "0.0.0.0"):
        failed(setting.deliver(setting.host(MX=(10, address))), "D", OWN)
    listed(setting, ONE, setting.host(MX=(10, ONE)), OURS)
    host = setting.host(MX=[(10, TWO), (20, ONE), (30, "three.example")])
    listed(setting, ONE, host, TWO)
    listed(setting, TWO, host, OURS)


@suite.case
def an_address_as_exchanger_is_unusable(setting):
    host = setting.host(MX=[(10, "224.0.0.1"), (20, "two.example")])
    delivered(setting.deliver(host), TWO)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
