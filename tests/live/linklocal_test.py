# SPDX-License-Identifier: ISC
"""Name servers with link-local addresses: each is asked through the interface
that resolv.conf names. Two cables, with a server of the same address at the end
of each: unbound at one, nobody or a liar at the other."""

import os
import subprocess
import sys

import messages
from checks import delivered, failed
from harness import Skip, Suite, contains, equal
from nameserver import UNBOUND_AS_SHIPPED, Authority, SilentServer, Unbound
from scripted import Scripted
from world import ip_batch, run_suite

ADDRESS = "192.0.2.10"
LOCAL = "fe80::53"
# The near ends of the cables, where we are, and the far ones.
GOOD, BAD = ("near0", "far0"), ("near1", "far1")
TEMPORARY = "Sorry, I couldn't find any host by that name. (#4.1.2)\n"
suite = Suite()


class Setting:
    def __init__(self, world):
        if not world.has_ipv6:
            raise Skip("no IPv6 here")
        lines = []
        for near, far in (GOOD, BAD):
            lines += [f"link add {near} type veth peer name {far}",
                      f"link set {near} up", f"link set {far} up",
                      f"addr add {LOCAL}/64 dev {far} nodad",
                      f"addr add fe80::1/64 dev {near} nodad"]
        if ip_batch(lines, check=False) != 0:
            raise Skip("no veth interfaces here")
        self.world = world
        authority = Authority(world, ["dest MX 10 mx", f"mx A {ADDRESS}"])
        self.unbound = Unbound(world, authority, f"{LOCAL}%{GOOD[1]}",
                               text=UNBOUND_AS_SHIPPED)
        self.silent = SilentServer(world, f"{LOCAL}%{BAD[1]}")
        # What is asked when no server is left.
        self.loopback = Unbound(world, authority, name="loopback",
                                text=UNBOUND_AS_SHIPPED)
        self.server = Scripted(world, ADDRESS)
        self.home = world.home()
        self.probe = os.path.join(self.home.path, "bin/mote-probe")
        os.symlink("qmail-remote", self.probe)

    def deliver(self, *servers, options="", env=None, **control):
        lines = [f"nameserver {s}\n" for s in servers]
        self.world.resolv_conf("".join([*lines, options]))
        self.home.control(**control)
        self.before = len(self.unbound.queries()), len(self.loopback.queries())
        self.silent.asked()
        return self.home.deliver("dest.example", "bob@dest.example",
                                 messages.small(), env=env)

    def asked(self):
        """Who was, by the last delivery: unbound, the silent one, loopback."""
        return (len(self.unbound.queries()) > self.before[0],
                self.silent.asked() > 0,
                len(self.loopback.queries()) > self.before[1])

    def look(self):
        return subprocess.run([self.probe, "bob@dest.example"], capture_output=True,
                              text=True, env={"QMAILHOME": self.home.path}).stdout



@suite.case
def the_interface_decides(setting):
    delivered(setting.deliver(f"{LOCAL}%{GOOD[0]}"), ADDRESS)
    equal(setting.asked(), (True, False, False))
    outcome = setting.deliver(f"{LOCAL}%{BAD[0]}", timeoutdns=1)
    failed(outcome, "Z", TEMPORARY)
    equal(setting.asked(), (False, True, False))


@suite.case
def the_other_one_is_the_hedge(setting):
    delivered(setting.deliver(f"{LOCAL}%{BAD[0]}", f"{LOCAL}%{GOOD[0]}"), ADDRESS)
    equal(setting.asked(), (True, True, False))


@suite.case
def over_tcp(setting):
    delivered(setting.deliver(f"{LOCAL}%{GOOD[0]}", options="options use-vc\n"), ADDRESS)
    equal(setting.asked(), (True, False, False))


@suite.case
def by_its_number(setting):
    number = subprocess.run(["ip", "-o", "link", "show", GOOD[0]], capture_output=True,
                            text=True, check=True).stdout.split(":")[0]
    delivered(setting.deliver(f"{LOCAL}%{number}"), ADDRESS)
    equal(setting.asked(), (True, False, False))


@suite.case
def in_the_environment(setting):
    for value in (f"{LOCAL}%{GOOD[0]}", f"[{LOCAL}%{GOOD[0]}]:53"):
        outcome = setting.deliver(f"{LOCAL}%{BAD[0]}", env={"DNSCACHEIP": value})
        delivered(outcome, ADDRESS)
        equal(setting.asked(), (True, False, False))


@suite.case
def an_unknown_interface_drops_that_server(setting):
    delivered(setting.deliver(f"{LOCAL}%nowhere", f"{LOCAL}%{GOOD[0]}"), ADDRESS)
    equal(setting.asked(), (True, False, False))
    delivered(setting.deliver(f"{LOCAL}%nowhere"), ADDRESS)
    equal(setting.asked(), (False, False, True))


@suite.case
def without_an_interface_it_is_no_server(setting):
    delivered(setting.deliver(LOCAL), ADDRESS)
    equal(setting.asked(), (False, False, True))


@suite.case
def the_probe_says_whom_it_asked(setting):
    setting.deliver(f"{LOCAL}%{GOOD[0]}")
    contains(setting.look(), f"\nDNS: MX dest.example: 10 mx.example ({LOCAL}%{GOOD[0]}, ")
    setting.deliver(f"{LOCAL}%{BAD[0]}", timeoutdns=1)
    contains(setting.look(), "\nDNS: MX dest.example: no usable answer\n"
             f"  {LOCAL}%{BAD[0]}: ")
    setting.deliver("192.0.2.53", f"{LOCAL}%{BAD[0]}", timeoutdns=1)
    contains(setting.look(), "\nDNS: MX dest.example: no usable answer\n"
             "  192.0.2.53: ")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
