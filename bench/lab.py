# SPDX-License-Identifier: ISC
"""The lab: a client's namespace, and a far side with names and mail servers.

Two ways lead there, for the same addresses: "near", a pair of virtual Ethernet
devices, and "far", a delay line (delay.c) of half a round-trip time each way.
Packets to addresses that nobody has are dropped without a word.
"""

import json
import os
import subprocess
import time

from authority import Issuer
from harness import Skip
from places import (CLEAR, CLEAR_HOLD, HERE, HOLE, HOLE_6, NAMES, NO_NAMES, OUT,
                    ROUND_TRIP_MS, SERVED, TLS, TLS_HOLD)
from trips import read_packets
from world import ip_batch, mount, wait_until

PYTHON = "/usr/bin/python3"
NEAR_US, NEAR_THEM = "198.51.100.1", "198.51.100.2"
NEAR_US_6, NEAR_THEM_6 = "2001:db8:1::1", "2001:db8:1::2"
FAR_US = "203.0.113.1"
ETC_SIZE = "64m"
EXCHANGER_COUNT = 5
QUIET_S = 3 * ROUND_TRIP_MS / 1000


SECURITIES = (("clear", CLEAR, CLEAR_HOLD), ("open", TLS, TLS_HOLD),
              ("tls", TLS, TLS_HOLD), ("known", TLS, TLS_HOLD))


def zone():
    """Hosts by what they are for."""
    names = {"silent": [("mx.mute.example", "AAAA")]}

    def host(name, *exchangers):
        """exchangers: (preference, addresses)."""
        entries = []
        for number, (preference, addresses) in enumerate(exchangers):
            target = f"mx{number or ''}.{name}"
            entries.append((preference, target))
            names[target] = {"A": [a for a in addresses if ":" not in a],
                             "AAAA": [a for a in addresses if ":" in a]}
        names[name] = {"MX": entries}

    for kind, address, hold in SECURITIES:
        host(f"{kind}.example", (10, [address]))
        host(f"{kind}-hold.example", (10, [hold]))
        host(f"{kind}-five.example", *((10 * n + 10, [address])
                                       for n in range(EXCHANGER_COUNT)))
    host("mute.example", (10, [CLEAR]))
    host("equal.example", (10, [HOLE]), (10, [CLEAR]))
    host("six.example", (10, [HOLE_6, CLEAR]))
    host("best.example", (10, [HOLE]), (20, [CLEAR]))
    return names


def certificate_names():
    hosts = ["tls.example", "tls-five.example", "known.example"]
    return ",".join(f"DNS:mx.{host}" for host in hosts)


class Lab:
    """Built once; .world has its directory and ends its processes."""

    def __init__(self, world):
        self.world = world
        self.own_etc()
        self.issuer = Issuer(world)
        self.leaf = self.issuer.leaf("mx", certificate_names())
        self.bundle = self.system_bundle()
        self.anchors = self.system_directory()
        self.holder = world.start("far-side", ["unshare", "--net", "sleep", "infinity"])
        self.place = f"/proc/{self.holder.pid}/ns/net"
        wait_until(self.is_apart, "a namespace for the far side", self.holder)
        self.lay_near()
        self.lay_far()
        self.go("near")
        self.folder = world.folder("sink", 0o777)
        self.messages = os.path.join(self.folder, "messages")
        self.names = self.serve("namesd", NAMES, world.file("zone", json.dumps(zone())))
        self.serve("sink", self.folder, self.leaf.key, self.leaf.chain)
        self.name_servers(NAMES)

    def own_etc(self):
        """/etc is the lab's from here on: some peers are configured there."""
        copy = self.world.folder("etc")
        subprocess.run(["cp", "-a", "/etc/.", copy], check=True)
        mount("-t", "tmpfs", "-o", f"size={ETC_SIZE},mode=0755", "tmpfs", "/etc")
        subprocess.run(["cp", "-a", f"{copy}/.", "/etc"], check=True)
        os.unlink("/etc/resolv.conf")  # often a link to elsewhere

    def system_bundle(self):
        """What machines have: the public anchors, and ours behind them."""
        texts = []
        for path in ("/etc/ssl/certs/ca-certificates.crt", self.issuer.bundle):
            if not os.path.exists(path):
                raise Skip(f"no {path}")
            with open(path, encoding="ascii") as file:
                texts.append(file.read())
        return self.world.file("bundle.pem", "".join(texts))

    def system_directory(self):
        """The same anchors, each under the hash of its name."""
        folder = self.world.folder("anchors")
        for name in os.listdir("/etc/ssl/certs"):
            if name[:1].isalnum() and name.endswith(".0"):
                os.symlink(os.path.join("/etc/ssl/certs", name),
                           os.path.join(folder, name))
        run = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in",
                              self.issuer.bundle], capture_output=True, text=True,
                             check=True)
        os.symlink(self.issuer.bundle, os.path.join(folder,
                                                    f"{run.stdout.strip()}.0"))
        return folder + "/"

    # ---- the ways

    def is_apart(self):
        return os.readlink(self.place) != os.readlink("/proc/self/ns/net")

    def there(self, *command):
        """The command, for the far side."""
        return ["nsenter", f"--net={self.place}", *command]

    def ip_there(self, lines):
        subprocess.run(self.there("ip", "-batch", "-"), input="\n".join(lines) + "\n",
                       text=True, check=True)

    def lay_near(self):
        subprocess.run(["ip", "addr", "flush", "dev", "lo", "scope", "global"],
                       check=True)
        ip_batch([f"link add near type veth peer name near netns {self.holder.pid}",
                  f"addr add {NEAR_US}/30 dev near", "link set near up"], check=True)
        self.ip_there(["link set lo up", f"addr add {NEAR_THEM}/30 dev near",
                       "link set near up", *(f"addr add {a}/32 dev lo" for a in SERVED)])
        if self.world.has_ipv6:
            ip_batch([f"addr add {NEAR_US_6}/64 dev near nodad"], check=True)
            self.ip_there([f"addr add {NEAR_THEM_6}/64 dev near nodad"])
            ip_batch([f"route add 2001:db8::/64 via {NEAR_THEM_6}"], check=True)
            # For want of a route there, IPv6 would say so.
            self.ip_there([f"route add blackhole {HOLE_6}"])

    def lay_far(self):
        self.packets = os.path.join(self.world.path, "packets")
        delay_us = ROUND_TRIP_MS * 1000 // 2
        self.start("delay", [os.path.join(OUT, "delay"), self.place, str(delay_us),
                             self.packets])
        ip_batch([f"addr add {FAR_US}/32 dev far", "link set far up"], check=True)
        self.ip_there(["link set far up", f"route add {FAR_US} dev far"])

    def go(self, way):
        """Which way packets take from now on."""
        via = f"via {NEAR_THEM}" if way == "near" else f"dev far src {FAR_US}"
        ip_batch([f"route replace 192.0.2.0/24 {via}"], check=True)
        self.way = way

    # ---- the servers

    def serve(self, program, *arguments):
        path = os.path.join(HERE, f"{program}.py")
        return self.start(program, self.there(PYTHON, "-B", path, *arguments))

    def start(self, name, command):
        process = self.world.start(name, command, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{name}: {self.world.log(name)}")
        return process

    def name_servers(self, *addresses):
        text = "".join(f"nameserver {a}\n" for a in addresses)
        with open("/etc/resolv.conf", "w", encoding="ascii") as file:
            file.write(text)

    def first_name_server_dead(self, dead):
        self.name_servers(*([NO_NAMES] if dead else []), NAMES)

    # ---- what happened

    def questions(self):
        """How many reached the name server since the last call."""
        self.names.stdin.write(b"\n")
        self.names.stdin.flush()
        return int(self.names.stdout.readline())

    def forget(self):
        self.questions()
        open(self.messages, "w", encoding="ascii").close()
        self.mark = os.path.getsize(self.packets)

    def taken(self):
        """The messages that the mail server took since forget()."""
        with open(self.messages, encoding="ascii") as file:
            return [json.loads(line) for line in file]

    def traffic(self):
        """The packets on the delay line since forget(), the last ones too."""
        time.sleep(QUIET_S)
        return read_packets(self.packets, self.mark)

    def release(self, free):
        path = os.path.join(self.folder, "release")
        if free:
            open(path, "w", encoding="ascii").close()
        elif os.path.exists(path):
            os.unlink(path)
