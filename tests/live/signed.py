# SPDX-License-Identifier: ISC
"""Names that are signed: knot signs example., Unbound validates it.

Of the zones below example. two are not as they should be: for plain.example.
the parent has no DS, so that all in it is insecure, and for bogus.example. a
wrong one, so that nothing in it can be had.
"""

import functools
import hashlib
import os
import subprocess

from nameserver import answer_code, program
from world import free_port, wait_for_port, wait_until

WRONG_DS = "12345 13 2 " + "ab" * 32
ZONE = """\
$ORIGIN {zone}
$TTL 60
@ SOA ns.example. postmaster.example. 1 3600 600 86400 5
@ NS ns.example.
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
policy:
  - id: one-key
    algorithm: ecdsap256sha256
    single-type-signing: on
    ksk-lifetime: 0
zone:
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
    log-time-ascii: yes
    num-threads: 1
    module-config: "validator iterator"
    trust-anchor: "{anchor}"
    do-not-query-localhost: no
    access-control: 0.0.0.0/0 allow
    qname-minimisation: no
    edns-buffer-size: 1232
remote-control:
    control-enable: no
stub-zone:
    name: "example."
    stub-addr: 127.0.0.1@{authority}
"""


class Signer:
    """knot. zones: lines by name; those that begin with "!" are not signed, those
    of None fail."""

    def __init__(self, world, zones):
        self.port = free_port()
        self.path = world.folder("signer")
        user = "root:root" if os.getuid() == 0 else ""
        text = KNOT_CONF.format(path=self.path, port=self.port, user=user)
        text = text.replace("    user: \n", "")
        for name, lines in zones.items():
            zone = name.removeprefix("!")
            text += f"  - domain: {zone}\n    zonefile-sync: -1\n"
            text += "    journal-content: none\n"
            text += f"    file: {self.path}/{zone}zone\n"
            if not name.startswith("!"):
                text += "    dnssec-signing: on\n    dnssec-policy: one-key\n"
            if lines is not None:
                world.file(f"signer/{zone}zone",
                           ZONE.format(zone=zone) + "\n".join(lines) + "\n")
        self.conf = world.file("signer/knot.conf", text)
        process = world.start("signer", [program("knotd"), "-c", self.conf])
        wait_for_port("127.0.0.1", self.port, process)
        self.anchor = wait_until(self.find_anchor, "knot: a key", process)

    def find_anchor(self):
        run = subprocess.run([program("keymgr"), "-c", self.conf, "example.", "ds"],
                             capture_output=True, text=True, check=False)
        lines = [l for l in run.stdout.splitlines() if " 13 2 " in l]
        return lines[0] if lines else None


def validating(world, signer, address="127.0.0.1", name="validator"):
    """Unbound, which knows the key of example."""
    conf = world.file(f"{name}.conf", UNBOUND_CONF.format(
        path=world.path, address=address, port=53, authority=signer.port,
        anchor=signer.anchor))
    process = world.start(name, [program("unbound"), "-d", "-c", conf])
    wait_until(lambda: answer_code(address, 53, "ns.example") == 0,
               f"{name}: an answer", process)


DNSMASQ_CONF = """\
listen-address={address}
bind-interfaces
no-resolv
no-hosts
no-poll
user=root
pid-file
log-queries
log-facility=-
server={server}
{more}
"""


def dnsmasq(world, name, address, server, more=""):
    """`server`: ADDRESS#PORT of whom it asks."""
    conf = world.file(f"{name}.conf", DNSMASQ_CONF.format(
        address=address, server=server, more=more))
    process = world.start(name, [program("dnsmasq"), "--keep-in-foreground",
                                 "-C", conf])
    wait_until(lambda: answer_code(address, 53, "ns.example") == 0,
               f"{name}: an answer", process)


# ---- TLSA records, made with openssl


@functools.lru_cache(maxsize=None)
def selected(certificate, selector):
    """The octets of a certificate, or of its key."""
    def run(command, data=None):
        return subprocess.run(command, input=data, capture_output=True,
                              check=True).stdout

    if selector == 0:
        return run(["openssl", "x509", "-in", certificate.cert, "-outform", "DER"])
    key = run(["openssl", "x509", "-in", certificate.cert, "-noout", "-pubkey"])
    return run(["openssl", "pkey", "-pubin", "-outform", "DER"], key)


def tlsa(numbers, certificate):
    """The RDATA "3 1 1 HEX" of a certificate."""
    _, selector, matching = (int(n) for n in numbers.split())
    data = selected(certificate, selector)
    if matching in (1, 2):
        data = (hashlib.sha256, hashlib.sha512)[matching - 1](data).digest()
    return f"{numbers} {data.hex()}"
