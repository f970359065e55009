# SPDX-License-Identifier: ISC
"""Name servers that say of a host's MX that there is no such name: some do of
every question that is not for an address. Whoever has an address in hand never
bounces, whoever could not ask for one never does either."""

import sys

from checks import delivered, failed
from harness import Suite, equal
from late_test import BACKUP_6, MINE, Setting, lost
from names import NXDOMAIN, REFUSED, SERVFAIL, late, rcode, silent
from where_test import NO_HOST, ONE, OWN, TEMPORARY, need_ipv6
from world import run_suite

suite = Suite()
NONE = rcode(NXDOMAIN)


def liar(setting, rules=None, **records):
    """A host whose MX does not exist; rules by type for its addresses."""
    host = setting.host(**records)
    for kind, rule in {"MX": NONE, **(rules or {})}.items():
        setting.names.rule(host, kind, rule)
    return host


def goes(setting, address, rules, **records):
    if ":" in address:
        need_ipv6(setting)
    delivered(setting.deliver(liar(setting, rules, **records)), address)


for label, rules in (("aaaa_empty", {}), ("aaaa_none", {"AAAA": NONE}),
                     ("aaaa_fails", {"AAAA": rcode(SERVFAIL)}),
                     ("aaaa_silent", {"AAAA": silent}),
                     ("late", {"A": late(0.3), "AAAA": NONE}),
                     ("lost_once", {"A": lost(), "AAAA": NONE})):
    suite.add(f"a_is_found_{label}",
              lambda s, r: goes(s, ONE, r, A=ONE), rules)
for label, rules in (("a_empty", {}), ("a_none", {"A": NONE}),
                     ("a_fails", {"A": rcode(REFUSED)}),
                     ("late", {"A": NONE, "AAAA": late(0.3)})):
    suite.add(f"aaaa_is_found_{label}",
              lambda s, r: goes(s, BACKUP_6, r, AAAA=BACKUP_6), rules)


def temporary(setting, rules):
    """No address is known, and one may be there."""
    host = liar(setting, rules, A=ONE)
    failed(setting.deliver(host, {"timeoutdns": 3}), "Z", TEMPORARY)


for label, rules in (
    ("both_fail", {"A": rcode(SERVFAIL), "AAAA": rcode(SERVFAIL)}),
    ("both_refused", {"A": rcode(REFUSED), "AAAA": rcode(REFUSED)}),
    ("both_silent", {"A": silent, "AAAA": silent}),
    ("a_fails_aaaa_none", {"A": rcode(SERVFAIL), "AAAA": NONE}),
    ("a_none_aaaa_fails", {"A": NONE, "AAAA": rcode(SERVFAIL)}),
    ("a_silent_aaaa_none", {"A": silent, "AAAA": NONE}),
):
    suite.add(f"temporary_{label}", temporary, rules)


@suite.case
def none_of_all_three_is_final(setting):
    host = liar(setting, {"A": NONE, "AAAA": NONE}, A=ONE)
    outcome = setting.deliver(host)
    failed(outcome, "D", NO_HOST.format(host))
    equal(len(outcome.records), 1)


@suite.case
def none_of_all_three_late_is_final(setting):
    for kind in ("MX", "A", "AAAA"):
        def act(query):
            yield 0.3
            yield from NONE(query)

        host = liar(setting, {"A": NONE, "AAAA": NONE, kind: act})
        failed(setting.deliver(host), "D", NO_HOST.format(host))


@suite.case
def none_and_no_address_is_final(setting):
    """The addresses' answers are no error, and empty."""
    outcome = setting.deliver(liar(setting, TXT="x"))
    equal(outcome.letter, "D", outcome.text)


@suite.case
def our_own_address_is_ours(setting):
    outcome = setting.deliver(liar(setting, A=MINE), {"ipme": MINE})
    failed(outcome, "D", OWN)


@suite.case
def an_alias_without_exchanger(setting):
    """The MX of the alias' target is none, its address is there."""
    host = liar(setting, {"MX": lambda q: [q.reply(
        [], rcode=NXDOMAIN)]}, CNAME="one.example")
    delivered(setting.deliver(host), ONE)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
