# SPDX-License-Identifier: ISC
"""control/smtproutes and control/ipme: where mail goes, and never goes."""

import sys

import messages
from checks import delivered, failed
from harness import Skip, Suite, contains, equal
from nameserver import serve_names
from scripted import HOLD, Scripted
from tracing import peak_memory_kib
from world import run_suite

MX, SECOND, RELAY, PORTED = "192.0.2.10", "192.0.2.11", "192.0.2.12", 2526
RELAY_6 = "2001:db8::12"
HOST = "a.dest.example"
RECORDS = [
    "a.dest MX 10 mx", f"mx A {MX}", f"relay A {RELAY}",
    # The name of a relay is looked up by address, never by exchanger.
    "relay MX 10 mx", "only-mx MX 10 mx",
    "pair MX 10 mx", "pair MX 20 second", f"second A {SECOND}",
    "three MX 10 mx", "three MX 20 relay", "three MX 30 second",
    f"plain A {RELAY}", f"both A {MX}", f"both A {RELAY}",
    f"mapped AAAA ::ffff:{MX}",
    "six MX 10 mx6", f"mx6 AAAA {RELAY_6}",
]
OWN = ("Sorry. Although I'm listed as a best-preference MX or A for that host,\n"
       "it isn't in my control/locals file, so I don't treat it as local. (#5.4.6)\n")
RELAY_OWN = "Sorry, every address of the relay is listed in control/ipme. (#4.4.6)\n"
NO_RELAY = "Sorry, I couldn't find any host by that name. (#4.1.2)\n"
CONTROL = "Unable to read control files. (#4.3.0)\n"
LINES = 100_000
suite = Suite()


class Setting:
    """A server at each address; which one was used."""

    def __init__(self, world):
        self.world = world
        serve_names(world, RECORDS)
        self.home = world.home()
        places = [(MX, 25), (SECOND, 25), (RELAY, 25), (RELAY, PORTED)]
        if world.has_ipv6:
            places += [(RELAY_6, 25), (RELAY_6, PORTED)]
        self.servers = [Scripted(world, a, port=p) for a, p in places]

    def used(self):
        """Address and port of every connection since the last call."""
        out = []
        for server in self.servers:
            out += [(server.address, server.port)] * len(server.settle())
            server.sessions.clear()
        return out

    def deliver(self, host, ipme=None, data=None, **options):
        values = {"ipme": ipme} if ipme else {}
        if isinstance(data, str):
            values["smtproutes"] = data
        self.home.control(**values)
        if isinstance(data, bytes):
            self.home.plant("smtproutes", data)
        return self.home.deliver(host, "bob@dest.example", messages.small(),
                                 **options)


def goes(setting, host, routes, address, port=25):
    if ":" in address and not setting.world.has_ipv6:
        raise Skip("no IPv6 here")
    outcome = setting.deliver(host, data=routes)
    delivered(outcome, address)
    equal(setting.used(), [(address, port)])


def fails(setting, host, routes, letter, *text):
    outcome = setting.deliver(host, data=routes)
    failed(outcome, letter, *text)
    equal(setting.used(), [])


R, R6 = f"[{RELAY}]", f"[{RELAY_6}]"
GOES = {
    "no_match": (HOST, f"b.dest.example:{R}\n.other:{R}", MX),
    "full_host": (HOST, f"{HOST}:{R}", RELAY),
    "case_of_the_key": (HOST, f"A.DEST.exaMPLE:{R}", RELAY),
    "case_of_the_host": ("A.dest.EXAMPLE", f"{HOST}:{R}", RELAY),
    "suffix": (HOST, f".dest.example:{R}", RELAY),
    "short_suffix": (HOST, f".example:{R}", RELAY),
    "suffix_is_not_the_host": ("plain.example", f".plain.example:[{MX}]", RELAY),
    "suffix_needs_its_dot": (HOST, f"dest.example:{R}\nexample:{R}", MX),
    "part_of_a_label": ("plain.example", f"ain.example:[{MX}]", RELAY),
    "empty_key": (HOST, f":{R}", RELAY),
    "host_beats_suffix": (HOST, f"{HOST}:{R}\n.dest.example:[{SECOND}]", RELAY),
    "long_suffix_beats_short": (HOST, f".dest.example:{R}\n.example:[{SECOND}]",
                                RELAY),
    "suffix_beats_empty": (HOST, f".example:{R}\n:[{SECOND}]", RELAY),
    "worse_key_behind": (HOST, f":[{SECOND}]\n.example:[{SECOND}]\n{HOST}:{R}",
                         RELAY),
    "last_duplicate": (HOST, f"{HOST}:[{SECOND}]\n{HOST}:{R}", RELAY),
    "last_duplicate_in_case": (HOST, f"{HOST}:[{SECOND}]\n{HOST.upper()}:{R}",
                               RELAY),
    "last_empty_key": (HOST, f":[{SECOND}]\n:{R}", RELAY),
    "empty_relay": (HOST, f"{HOST}:\n:{R}", MX),
    "empty_relay_of_suffix": (HOST, f".example:\n:{R}", MX),
    "empty_relay_last": (HOST, f"{HOST}:{R}\n{HOST}:", MX),
    "comment": (HOST, f"#{HOST}:[{SECOND}]\n:{R}", RELAY),
    "long_comment": (HOST, f"#{'x' * 5000}\n:{R}", RELAY),
    "control_bytes_in_comment": (HOST, f"#\x01\x02\n:{R}", RELAY),
    "empty_lines": (HOST, f"\n\n  \n\t\n:{R}\n\n", RELAY),
    "line_without_colon": (HOST, f"{HOST}\n:{R}", RELAY),
    "crlf": (HOST, f"{HOST}:[{SECOND}]\r\n{HOST}:{R}\r\n", RELAY),
    "white_space_behind": (HOST, f"{HOST}:{R} \t", RELAY),
    "no_final_newline": (HOST, f":[{SECOND}]\n{HOST}:{R}".encode(), RELAY),
    "name": (HOST, f"{HOST}:relay.example", RELAY),
    "name_with_dot": (HOST, f"{HOST}:relay.example.", RELAY),
    "address_without_brackets": (HOST, f"{HOST}:{RELAY}", RELAY),
    "name_port": (HOST, f"{HOST}:relay.example:{PORTED}", RELAY, PORTED),
    "address_port": (HOST, f"{HOST}:{R}:{PORTED}", RELAY, PORTED),
    "bare_address_port": (HOST, f"{HOST}:{RELAY}:{PORTED}", RELAY, PORTED),
    "empty_port": (HOST, f"{HOST}:{R}:", RELAY),
    "ipv6": (HOST, f"{HOST}:{R6}", RELAY_6),
    "ipv6_tag": (HOST, f"{HOST}:[IPv6:{RELAY_6}]", RELAY_6),
    "ipv6_bare": (HOST, f"{HOST}:{RELAY_6}", RELAY_6),
    "ipv6_port": (HOST, f"{HOST}:{R6}:{PORTED}", RELAY_6, PORTED),
    "ipv6_long": (HOST, f"{HOST}:[2001:0DB8:0:0:0:0:0:12]", RELAY_6),
    "mapped_relay": (HOST, f"{HOST}:[::ffff:{RELAY}]", RELAY),
    "literal_host": (f"[{MX}]", f"[{MX}]:{R}", RELAY),
    "literal_host_no_match": (f"[{MX}]", f"[192.0.2.9]:{R}", MX),
    "literal_ipv6_host": ("[2001:db8::99]", f"[IPv6:2001:db8::99]:{R}", RELAY),
    "literal_host_empty_key": (f"[{MX}]", f":{R}", RELAY),
    "literal_host_empty_relay": (f"[{MX}]", f"[{MX}]:\n:{R}", MX),
    "host_with_dot": (HOST + ".", f"{HOST}:{R}", RELAY),
    "host_that_does_not_exist": ("no.such.example", f":{R}", RELAY),
    "wrong_line_for_others": (HOST, f"b.example:[nothing]:99999\n:{R}", RELAY),
    "loopback_key_is_text": (HOST, f"[::1]:[{SECOND}]\n:{R}", RELAY),
}
for name, args in GOES.items():
    suite.add(name, goes, *args)

FAILS = {
    "relay_without_address": ("only-mx.example", NO_RELAY),
    "relay_that_does_not_exist": ("nobody.example", NO_RELAY),
    "relay_bad_literal": ("[192.0.2.300]", f"{CONTROL}control/smtproutes:2: "
                          "not an IP address\n"),
    "relay_with_space": ("relay .example", f"{CONTROL}control/smtproutes:2: "
                         "a user without a password\n"),
    "relay_with_a_mark": ("rel!ay.example", f"{CONTROL}control/smtproutes:2: "
                          "relay is neither a host name nor an IP address\n"),
    "relay_of_zeros": ("192.168.001.010", f"{CONTROL}control/smtproutes:2: "
                       "not an IP address\n"),
    "relay_with_empty_label": ("relay..example", f"{CONTROL}control/smtproutes:2: "
                               "relay is neither a host name nor an IP address\n"),
    "relay_too_long": ("x." * 127 + "xx", f"{CONTROL}control/smtproutes:2: "
                       "host name too long\n"),
    "port_zero": (f"{R}:0", f"{CONTROL}control/smtproutes:2: "
                  "port must be from 1 to 65535\n"),
    "port_too_large": (f"{R}:65536", f"{CONTROL}control/smtproutes:2: "
                       "port must be from 1 to 65535\n"),
    "port_is_no_number": (f"{R}:smtp", f"{CONTROL}control/smtproutes:2: "
                          "port must be from 1 to 65535\n"),
    "ipv6_port_without_brackets": (
        f"{RELAY_6}:1:1:1:1:1:1", f"{CONTROL}control/smtproutes:2: "),
}
for name, (relay, text) in FAILS.items():
    suite.add(name, fails, HOST, f"# a comment\n{HOST}:{relay}", "Z", text)


@suite.case
def empty_relay_with_port(setting):
    """The host's own exchangers, at that port."""
    with Scripted(setting.world, MX, port=PORTED) as server:
        delivered(setting.deliver(HOST, data=f"{HOST}::{PORTED}"), MX)
        equal(len(server.settle()), 1)


@suite.case
def a_list_of_bad_bytes_fails_for_all(setting):
    fails(setting, HOST, f"{HOST}:{R}\nb:\0c\n".encode(), "Z",
          f"{CONTROL}control/smtproutes:2: contains a NUL byte\n")
    fails(setting, HOST, f"{HOST}:{R}\n\nb:{'c' * 1024}\n".encode(), "Z",
          f"{CONTROL}control/smtproutes:3: line too long\n")
    key = "k" * (1023 - len(f":{R}"))
    goes(setting, HOST, f"{key}:{R}\n{HOST}:{R}", RELAY)


# ---- 100,000 lines

def peak(setting, count, match):
    """VmHWM of a delivery with so many routes, the match where it says."""
    lines = [f"host{i}.some-domain.example:[{SECOND}]:{PORTED}"
             for i in range(count)]
    if match is not None:
        lines[match] = f"{HOST}:[{MX}]"
    routes = "\n".join(lines).encode() + b"\n"
    setting.home.control()
    setting.home.plant("smtproutes", routes)
    held = [s for s in setting.servers if s.address == MX][0]
    held.scripts = [{".": HOLD}]
    held.released.clear()
    held.holding.clear()
    try:
        run = setting.home.start(HOST, "bob@dest.example", messages.small())
        held.wait_hold()
        kib = peak_memory_kib(run.pid)
    finally:
        held.release()
    delivered(run.finish(), MX)
    held.scripts = [{}]
    setting.used()
    return kib


def constant_memory(setting, match):
    few, many = peak(setting, 10, match), peak(setting, LINES, match)
    # Pages of program and buffers are touched in one case or the other.
    assert many <= few + 16, f"{few} KiB with 10 lines, {many} KiB with {LINES}"


suite.add("a_hundred_thousand_lines_first", constant_memory, 0)
suite.add("a_hundred_thousand_lines_last", constant_memory, -1)
suite.add("a_hundred_thousand_lines_none", constant_memory, None)


# ---- ipme

def not_ipme(setting, ipme, host, address, routes=None):
    outcome = setting.deliver(host, ipme=ipme, data=routes)
    delivered(outcome, address)
    equal(setting.used(), [(address, 25)])


def ipme_stops(setting, ipme, host, letter, text, routes=None):
    if ":" in ipme and not setting.world.has_ipv6:
        raise Skip("no IPv6 here")
    outcome = setting.deliver(host, ipme=ipme, data=routes)
    equal(outcome.message, letter + text)
    equal(setting.used(), [])


IPME_STOPS = {
    "best_exchanger": (MX, "pair.example", "D", OWN),
    "only_exchanger": (MX, HOST, "D", OWN),
    "mapped_spelling": (f"::ffff:{MX}", HOST, "D", OWN),
    "mapped_hex_spelling": ("::ffff:c000:20a", HOST, "D", OWN),
    "mapped_record": (MX, "mapped.example", "D", OWN),
    "brackets": (f"[{MX}]", HOST, "D", OWN),
    "ipv6": (RELAY_6, "six.example", "D", OWN),
    "ipv6_spelt_out": ("2001:DB8:0:0:0:0:0:12", "six.example", "D", OWN),
    "ipv6_tagged": (f"[IPv6:{RELAY_6}]", "six.example", "D", OWN),
    "host_without_exchanger": (f"{MX}\n{RELAY}", "both.example", "D", OWN),
    "one_address_of_a_host": (MX, "both.example", "D", OWN),
    "literal": (MX, f"[{MX}]", "D", OWN),
    "literal_ipv6": (RELAY_6, R6, "D", OWN),
    "literal_mapped": (MX, f"[IPv6:::ffff:{MX}]", "D", OWN),
    "relay_address": (RELAY, HOST, "Z", RELAY_OWN, f":{R}"),
    "relay_name": (RELAY, HOST, "Z", RELAY_OWN, ":relay.example"),
    "relay_port": (RELAY, HOST, "Z", RELAY_OWN, f":{R}:{PORTED}"),
    "relay_ipv6": (RELAY_6, HOST, "Z", RELAY_OWN, f":{R6}"),
    "relay_mapped": (RELAY, HOST, "Z", RELAY_OWN, f":[::ffff:{RELAY}]"),
    "all_of_a_relay": (f"{MX}\n{RELAY}", HOST, "Z", RELAY_OWN, ":both.example"),
}
for name, args in IPME_STOPS.items():
    suite.add(f"ipme_{name}", ipme_stops, *args)
suite.add("ipme_worse_exchanger", not_ipme, SECOND, "pair.example", MX)
suite.add("ipme_this_preference_or_worse", not_ipme, RELAY, "three.example", MX)
suite.add("ipme_other_address", not_ipme, "192.0.2.99\n2001:db8::1", HOST, MX)
suite.add("ipme_some_of_a_relay", not_ipme, MX, HOST, RELAY, ":both.example")


@suite.case
def ipme_cuts_the_worse_ones(setting):
    """The best exchanger is dead, the second is this machine: the third is
    not tried."""
    setting.home.control(ipme=RELAY)
    best = setting.servers[0]
    best.scripts = [{"greeting": "554 no"}]
    try:
        outcome = setting.home.deliver("three.example", "bob@three.example",
                                       messages.small())
    finally:
        best.scripts = [{}]
    failed(outcome, "Z", f"Connected to {MX} but greeting failed.\n")
    equal(setting.used(), [(MX, 25)])


IPME_BAD = {
    "name": ("mx.example", "not an IP address"),
    "network": ("192.0.2.0/24", "not an IP address"),
    "scope": ("fe80::1%lo", "not an IP address"),
    "space_in_front": (" 192.0.2.1", "not an IP address"),
    "two_on_a_line": ("192.0.2.1 192.0.2.2", "not an IP address"),
    "comment_behind": ("192.0.2.1 # me", "not an IP address"),
    "too_many": ("\n".join(f"10.0.{n // 250}.{n % 250}" for n in range(257)),
                 "too many addresses"),
}


def ipme_bad(setting, text, why):
    setting.home.control(ipme=f"# mine\n\n{text}")
    outcome = setting.home.deliver(HOST, "bob@dest.example", messages.small())
    line = 259 if why.startswith("too many") else 3
    equal(outcome.message, f"Z{CONTROL}control/ipme:{line}: {why}\n")
    equal(setting.used(), [])


for name, args in IPME_BAD.items():
    suite.add(f"ipme_bad_{name}", ipme_bad, *args)


@suite.case
def ipme_full(setting):
    """As many addresses as there is room for, many times over."""
    lines = [f"10.0.{n // 250}.{n % 250}" for n in range(255)] + [MX]
    outcome = setting.deliver(HOST, ipme="\n".join(lines * 20))
    failed(outcome, "D", OWN)


@suite.case
def the_reason_is_a_whole_line(setting):
    outcome = setting.deliver(HOST, data=f"{HOST}:[")
    contains(outcome.message, "control/smtproutes:1: not an IP address\n")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
