# SPDX-License-Identifier: ISC
"""From a host name to a connection: what DNS answers, who is tried, in what
order. knot behind unbound, and behind dnsmasq."""

import socket
import sys

import messages
from checks import delivered, failed
from harness import Skip, Suite, contains, equal
from nameserver import Authority, Dnsmasq, SilentServer, Unbound
from scripted import Scripted
from tracing import Trace
from world import full_listener, run_suite

LIVE, LIVE_2, LIVE_6 = "192.0.2.10", "192.0.2.11", "2001:db8::10"
CLOSED, CLOSED_6, FULL = "192.0.2.50", "2001:db8::50", "192.0.2.51"
RESOLV_CONF = "nameserver 127.0.0.1\n"
RECORDS = f"""\
live A {LIVE}
live2 A {LIVE_2}
live6 AAAA {LIVE_6}
closed A {CLOSED}
closed6 AAAA {CLOSED_6}
full A {FULL}
own A 127.0.0.1
mx MX 10 live
order MX 20 live
order MX 10 live2
equal MX 10 live
equal MX 10 live2
next MX 10 closed
next MX 20 live
late MX 10 full
late MX 20 live
cname CNAME chain
chain CNAME mx
mxalias MX 10 alias
alias CNAME live
aonly A {LIVE}
aaaaonly AAAA {LIVE_6}
dual A {CLOSED}
dual AAAA {LIVE_6}
laud A {LIVE}
laud AAAA {CLOSED_6}
null MX 0 .
nullplus MX 0 .
nullplus MX 10 live
text TXT "neither MX nor address"
mxtext MX 10 text
mxgone MX 10 absent
mxgone2 MX 10 absent
mxgone2 MX 20 live
mxbroken MX 10 mx.broken
mxfailing MX 10 mx.failing
mxbroken2 MX 10 mx.broken
mxbroken2 MX 20 live
self MX 10 own
selfworse MX 10 live
selfworse MX 20 own
loop1 CNAME loop2
loop2 CNAME loop1
""".splitlines()
# Over 1232 bytes, so UDP does not carry it; the best one is alive.
RECORDS += ["big MX 1 live"]
RECORDS += [f"big MX 100 a-long-name-for-an-exchanger-{n}.sub" for n in range(60)]
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        self.authority = Authority(world, RECORDS)
        self.unbound = Unbound(world, self.authority)
        self.dnsmasq = None
        self.home = world.home()
        addresses = [LIVE, LIVE_2] + ([LIVE_6] if world.has_ipv6 else [])
        self.servers = {a: Scripted(world, a) for a in addresses}
        self.full = full_listener(world, FULL)

    def deliver(self, host, resolv_conf=RESOLV_CONF, control=None, **options):
        self.home.control(**(control or {}))
        self.world.resolv_conf(resolv_conf)
        return self.home.deliver(host, f"bob@{host}", messages.small(), **options)

    def arrives(self, host, address, *conf, **options):
        """A delivery that the server at the address must have taken."""
        if ":" in address and not self.world.has_ipv6:
            raise Skip("no IPv6 here")
        server = self.servers[address]
        before = len(server.contents())
        delivered(self.deliver(host, *conf, **options), address)
        equal(len(server.contents()), before + 1, "messages at the server")

    def start_dnsmasq(self):
        if not self.dnsmasq:
            self.dnsmasq = Dnsmasq(self.world, self.authority)
        return self.dnsmasq


def goes_to(setting, host, address):
    setting.arrives(host, address)


def goes_through_dnsmasq(setting, host, address):
    server = setting.start_dnsmasq()
    setting.arrives(host, address, f"nameserver {server.address}\n")


def is_refused(setting, host, letter, text):
    failed(setting.deliver(host, control={"timeoutdns": 5}), letter, text)


def is_refused_by_dnsmasq(setting, host, letter, text):
    server = setting.start_dnsmasq()
    outcome = setting.deliver(host, f"nameserver {server.address}\n")
    failed(outcome, letter, text)


GOES = {
    "mx": LIVE,
    "MX": LIVE,
    "order": LIVE_2,
    "next": LIVE,
    "cname": LIVE,
    "mxalias": LIVE,
    "aonly": LIVE,
    "aaaaonly": LIVE_6,
    "dual": LIVE_6,
    "laud": LIVE,
    "nullplus": LIVE,
    "mxgone2": LIVE,
    "mxbroken2": LIVE,
    "selfworse": LIVE,
    "big": LIVE,
}
NO_HOST = "Sorry, I couldn't find any host named {}.example. (#5.1.2)\n"
TEMPORARY = "Sorry, I couldn't find any host by that name. (#4.1.2)\n"
NO_EXCHANGER = "Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)\n"
NULL_MX = "Sorry, that host does not accept mail. (#5.1.10)\n"
OWN = (
    "Sorry. Although I'm listed as a best-preference MX or A for that host,\n"
    "it isn't in my control/locals file, so I don't treat it as local. (#5.4.6)\n"
)
REFUSED = {
    "absent": ("D", NO_HOST.format("absent")),
    "text": ("D", NO_EXCHANGER),
    "mxtext": ("D", NO_EXCHANGER),
    "mxgone": ("D", NO_EXCHANGER),
    "null": ("D", NULL_MX),
    "self": ("D", OWN),
    "host.broken": ("Z", TEMPORARY),
    "host.failing": ("Z", TEMPORARY),
    "mxbroken": ("Z", TEMPORARY),
    "mxfailing": ("Z", TEMPORARY),
    "loop1": ("Z", TEMPORARY),
    "closed": ("Z", "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n"),
}
for host, address in GOES.items():
    suite.add(f"goes_{host}", goes_to, f"{host}.example", address)
for host, (letter, text) in REFUSED.items():
    suite.add(f"refused_{host}", is_refused, f"{host}.example", letter, text)
for host in ("mx", "order", "cname", "aonly", "aaaaonly", "big"):
    suite.add(f"dnsmasq_goes_{host}", goes_through_dnsmasq, f"{host}.example",
              GOES[host])
for host in ("absent", "text", "null"):
    suite.add(f"dnsmasq_refused_{host}", is_refused_by_dnsmasq, f"{host}.example",
              *REFUSED[host])
suite.add("literal_ipv4", goes_to, f"[{LIVE}]", LIVE)
suite.add("literal_bare_ipv4", goes_to, LIVE, LIVE)
suite.add("literal_ipv6", goes_to, f"[{LIVE_6}]", LIVE_6)
suite.add("literal_ipv6_tagged", goes_to, f"[IPv6:{LIVE_6}]", LIVE_6)


@suite.case
def equal_preferences_are_shuffled(setting):
    seen = set()
    for _ in range(40):  # the same one 40 times: chance of 2 in 2^40
        outcome = setting.deliver("equal.example")
        equal(outcome.letter, "K")
        seen.add(outcome.text.split()[0])
        if len(seen) == 2:
            break
    equal(seen, {LIVE, LIVE_2})


@suite.case
def truncated_answer_is_asked_by_tcp(setting):
    trace = Trace(setting.world, "tcp")
    setting.arrives("big.example", LIVE, wrapper=trace.wrapper)
    equal(trace.stream_connects(53), 1, "TCP queries")


@suite.case
def small_answers_need_no_tcp(setting):
    trace = Trace(setting.world, "udp")
    setting.arrives("mx.example", LIVE, wrapper=trace.wrapper)
    equal(trace.stream_connects(53), 0, "TCP queries")


def dnscacheip(setting, value):
    """The environment counts, and resolv.conf, which is wrong, does not."""
    setting.arrives("mx.example", LIVE, f"nameserver {CLOSED}\n",
                    env={"DNSCACHEIP": value})


suite.add("dnscacheip", dnscacheip, "127.0.0.1")
suite.add("dnscacheip_list", dnscacheip, f"{CLOSED} 127.0.0.1")


@suite.case
def dnscacheip_with_port(setting):
    other = Unbound(setting.world, setting.authority, "127.0.0.1", 5353, "unbound2")
    dnscacheip(setting, f"[127.0.0.1]:{other.port}")


@suite.case
def dnscacheip_ipv6(setting):
    if not setting.world.has_ipv6:
        raise Skip("no IPv6 here")
    Unbound(setting.world, setting.authority, "2001:db8::53", 53, "unbound6")
    dnscacheip(setting, "2001:db8::53")


@suite.case
def no_nameserver_line_means_localhost(setting):
    setting.arrives("mx.example", LIVE, "# nothing\n")


@suite.case
def first_nameserver_refuses(setting):
    conf = f"nameserver {CLOSED}\nnameserver 127.0.0.1\n"
    setting.arrives("mx.example", LIVE, conf)


@suite.case
def first_nameserver_is_silent(setting):
    silent = SilentServer(setting.world, "192.0.2.53")
    conf = "nameserver 192.0.2.53\r\nnameserver 127.0.0.1\r\n"
    setting.arrives("mx.example", LIVE, conf)
    assert silent.asked() > 0, "the first name server was never asked"


@suite.case
def all_nameservers_refuse(setting):
    outcome = setting.deliver("mx.example", f"nameserver {CLOSED}\n",
                              {"timeoutdns": 3})
    failed(outcome, "Z", TEMPORARY)


@suite.case
def search_list_is_never_applied(setting):
    conf = RESOLV_CONF + "search example\noptions ndots:5\n"
    before = len(setting.unbound.queries())
    outcome = setting.deliver("mx", conf, {"timeoutdns": 3})
    assert outcome.letter in "ZD", outcome.text
    asked = " ".join(setting.unbound.queries()[before:]).lower()
    contains(asked, "mx. mx")
    assert "mx.example" not in asked, asked


@suite.case
def ipme_drops_this_and_worse(setting):
    """Our own address is the best of two: we are the best exchanger."""
    outcome = setting.deliver("order.example", control={"ipme": LIVE_2})
    failed(outcome, "D", OWN)


@suite.case
def ipme_leaves_the_better(setting):
    outcome = setting.deliver("order.example", control={"ipme": f"# me\n{LIVE}"})
    delivered(outcome, LIVE_2)


@suite.case
def ipme_covers_a_relay(setting):
    outcome = setting.deliver("mx.example",
                              control={"ipme": LIVE, "smtproutes": ":live.example"})
    failed(outcome, "Z", "every address of the relay is listed in control/ipme. (#4.4.6)")


@suite.case
def unknown_relay_is_temporary(setting):
    outcome = setting.deliver("mx.example", control={"smtproutes": ":absent.example"})
    failed(outcome, "Z", TEMPORARY)


@suite.case
def relay_may_be_loopback(setting):
    with Scripted(setting.world, "127.0.0.1", port=2526):
        outcome = setting.deliver("mx.example",
                                  control={"smtproutes": ":own.example:2526"})
        delivered(outcome, "127.0.0.1")


@suite.case
def time_out_is_recorded_in_tcpto(setting):
    """The best exchanger neither accepts nor refuses: the next one gets the
    mail, and the table remembers the address."""
    setting.arrives("late.example", LIVE)
    with open(setting.home.tcpto, "rb") as file:
        table = file.read()
    equal(len(table), 1024)
    records = [table[i:i + 16] for i in range(0, 1024, 16)]
    used = [r for r in records if r[4]]
    equal([socket.inet_ntoa(r[:4]) for r in used], [FULL])
    equal(used[0][4], 1, "count")


@suite.case
def two_queries_find_the_exchanger(setting):
    """MX, A and AAAA are asked at once; log and report agree."""
    before = len(setting.unbound.queries())
    setting.arrives("next.example", LIVE)
    asked = {q.lower() for q in setting.unbound.queries()[before:]}
    for want in ("next.example. mx", "live.example. a", "live.example. aaaa"):
        contains(asked, want)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
