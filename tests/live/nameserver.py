# SPDX-License-Identifier: ISC
"""The name service: knot as the authority, unbound or dnsmasq as the cache.

The authority serves one zone, example., on a high port of 127.0.0.1. The
caches ask it and nobody else. Two domains fail: for failing.example. it
answers SERVFAIL, and broken.example. the caches look for at a port where
nobody listens.
"""

import os
import pwd
import socket
import struct

import unpacked
from harness import Skip
from rspawn import may_change_user
from world import free_port, ip_batch, mount, wait_for_port, wait_until

ZONE_HEADER = """\
$ORIGIN example.
$TTL 60
@ SOA ns.example. postmaster.example. 1 3600 600 86400 5
@ NS ns.example.
ns A 192.0.2.1
"""

KNOT_CONF = """\
server:
    rundir: {path}
    user: {user}
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: {path}
"""

ZONES_CONF = """\
zone:
  - domain: example.
    file: {path}/example.zone
    zonefile-sync: -1
    journal-content: none
  - domain: failing.example.
    file: {path}/there-is-no-such-file
"""

UNBOUND_CONF = """\
server:
    interface: {address}@{port}
    port: {port}
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{path}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    log-queries: yes
    log-replies: yes
    log-time-ascii: yes
    num-threads: 1
    module-config: "iterator"
    do-not-query-localhost: no
    access-control: 0.0.0.0/0 allow
    access-control: ::/0 allow
    qname-minimisation: no
    edns-buffer-size: 1232
    outgoing-range: 64
    msg-cache-size: 1m
    rrset-cache-size: 1m
remote-control:
    control-enable: no
stub-zone:
    name: "example."
    stub-addr: 127.0.0.1@{authority}
stub-zone:
    name: "broken.example."
    stub-addr: 127.0.0.1@{nobody}
"""

# As Debian ships it, but for where it is, whom it serves and asks, and its log.
UNBOUND_AS_SHIPPED = """\
server:
    interface: {address}
    port: {port}
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{path}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    log-queries: yes
    log-time-ascii: yes
    access-control: fe80::/10 allow
    domain-insecure: "example."
    do-not-query-localhost: no
remote-control:
    control-enable: no
stub-zone:
    name: "example."
    stub-addr: 127.0.0.1@{authority}
"""

DNSMASQ_CONF = """\
port={port}
listen-address={address}
bind-interfaces
no-resolv
no-hosts
no-poll
user=root
pid-file
log-queries
log-facility=-
{more}
"""


def program(name):
    """The path of a daemon, also for users without sbin in their PATH."""
    return unpacked.program(name) or name


def knot(world, name, path, zones):
    """Its port, its configuration, and itself; path: a folder of that name;
    zones: what is said of them."""
    port = free_port()
    user = "root:root" if os.getuid() == 0 else ""
    text = KNOT_CONF.format(path=path, port=port, user=user) + zones
    conf = world.file(f"{name}/knot.conf", text.replace("    user: \n", ""))
    process = world.start(name, [program("knotd"), "-c", conf])
    wait_for_port("127.0.0.1", port, process)
    return port, conf, process


class Authority:
    """knot, serving the zone example. made of lines "name type data"."""

    def __init__(self, world, records):
        path = world.folder("knot")
        world.file("knot/example.zone", ZONE_HEADER + "\n".join(records) + "\n")
        self.port, _, process = knot(world, "knot", path, ZONES_CONF.format(path=path))
        wait_until(
            lambda: answer_code("127.0.0.1", self.port, "ns.example") == 0,
            "knot: an answer",
            process,
        )


class Unbound:
    """A caching resolver in front of the authority."""

    def __init__(self, world, authority, address="127.0.0.1", port=53, name="unbound",
                 text=UNBOUND_CONF):
        self.world, self.name = world, name
        self.address, self.port = address, port
        conf = world.file(
            f"{name}.conf",
            text.format(
                path=world.path,
                address=address,
                port=port,
                authority=authority.port,
                nobody=free_port(),
            ),
        )
        command = [program("unbound"), "-d", "-c", conf]
        process = world.start(name, command)
        wait_until(
            lambda: answer_code(address, port, "ns.example") == 0,
            f"{name}: an answer",
            process,
        )

    def queries(self):
        """The questions it was asked so far: lines "name type"."""
        found = []
        for line in self.world.log(self.name).splitlines():
            words = line.split()
            # time [pid:0] info: client name type IN, and longer for replies
            if "info:" in words and words[-1] == "IN":
                found.append(" ".join(words[-3:-1]))
        return found


def dnsmasq(world, address, port, *more, name="dnsmasq"):
    """Listens there; more: lines, whom it asks among them."""
    conf = world.file(f"{name}.conf", DNSMASQ_CONF.format(
        address=address, port=port, more="\n".join(more)))
    process = world.start(name, [program("dnsmasq"), "--keep-in-foreground",
                                 "-C", conf])
    wait_until(lambda: answer_code(address, port, "ns.example") == 0,
               f"{name}: an answer", process)


class Dnsmasq:
    """Another caching resolver in front of the authority."""

    def __init__(self, world, authority, address="127.0.0.2", port=53):
        if not may_change_user():
            raise Skip("dnsmasq needs root")
        self.address, self.port = address, port
        dnsmasq(world, address, port, f"server=127.0.0.1#{authority.port}",
                f"server=/broken.example/127.0.0.1#{free_port()}")


class Resolved:
    """systemd-resolved, which asks the given server; a forwarder that listens
    on 127.0.0.53. It needs no systemd, but a user and an interface with an
    address that is not loopback. RESOLVED: where the daemon is."""

    ADDRESS, USER = "127.0.0.53", "systemd-resolve"

    def __init__(self, world, port):
        daemon = os.environ.get("RESOLVED", "/lib/systemd/systemd-resolved")
        if not os.access(daemon, os.X_OK):
            raise Skip("systemd-resolved is not installed")
        if not may_change_user():
            raise Skip("systemd-resolved needs root")
        self.add_user(world)
        conf = world.folder("systemd")
        world.file("systemd/resolved.conf", f"[Resolve]\nDNS=127.0.0.1:{port}\n")
        mount("--bind", conf, "/etc/systemd")
        os.makedirs("/run/systemd", exist_ok=True)
        if ip_batch(["link add mote0 type veth peer name mote1",
                     "addr add 203.0.113.1/24 dev mote0",
                     "link set mote0 up", "link set mote1 up"], check=False) != 0:
            raise Skip("systemd-resolved: no interface for it")
        process = world.start("resolved", [daemon])
        wait_until(
            lambda: answer_code(self.ADDRESS, 53, "ns.example") == 0,
            "systemd-resolved: an answer",
            process,
        )

    def add_user(self, world):
        """Where the package was unpacked and not installed."""
        try:
            pwd.getpwnam(self.USER)
            return
        except KeyError:
            pass
        for name, line in (("passwd", f"{self.USER}:x:996:996::/:/bin/false\n"),
                           ("group", f"{self.USER}:x:996:\n")):
            with open(f"/etc/{name}", encoding="utf-8") as file:
                mount("--bind", world.file(name, file.read() + line), f"/etc/{name}")


def answer_code(address, port, name):
    """RCODE of the answer to an A query, or None when none comes."""
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.5)
        try:
            udp.connect(socket.getaddrinfo(address, port)[0][4])
            udp.send(query)
            return udp.recv(4096)[3] & 15
        except OSError:
            return None


class SilentServer:
    """A name server that takes queries and never answers."""

    def __init__(self, world, address, port=53):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(socket.getaddrinfo(address, port)[0][4])
        self.socket.setblocking(False)
        world.closers.append(self.socket.close)

    def asked(self):
        """How many queries arrived since the last call."""
        count = 0
        while True:
            try:
                self.socket.recv(4096)
            except BlockingIOError:
                return count
            count += 1


def serve_names(world, records):
    """Authority and unbound, with /etc/resolv.conf pointing there."""
    resolver = Unbound(world, Authority(world, records))
    world.resolv_conf("nameserver 127.0.0.1\n")
    return resolver
