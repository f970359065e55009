# SPDX-License-Identifier: ISC
"""Names that are signed: knot signs example., Unbound validates it.

Of the zones below example. two are not as they should be: for plain.example.
the parent has no DS, so that all in it is insecure, and for bogus.example. a
wrong one, so that nothing in it can be had.
"""

import functools
import hashlib
import subprocess

from nameserver import UNBOUND_CONF, Unbound, knot, program
from world import wait_until

WRONG_DS = "12345 13 2 " + "ab" * 32
ZONE = """\
$ORIGIN {zone}
$TTL 60
@ SOA ns.example. postmaster.example. 1 3600 600 86400 5
@ NS ns.example.
"""
POLICY_CONF = """\
policy:
  - id: one-key
    algorithm: ecdsap256sha256
    single-type-signing: on
    ksk-lifetime: 0
zone:
"""


class Signer:
    """knot. zones: lines by name; those that begin with "!" are not signed, those
    of None fail."""

    def __init__(self, world, zones):
        self.path = world.folder("signer")
        text = POLICY_CONF
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
        self.port, self.conf, process = knot(world, "signer", self.path, text)
        self.anchor = wait_until(self.find_anchor, "knot: a key", process)

    def find_anchor(self):
        run = subprocess.run([program("keymgr"), "-c", self.conf, "example.", "ds"],
                             capture_output=True, text=True, check=False)
        lines = [l for l in run.stdout.splitlines() if " 13 2 " in l]
        return lines[0] if lines else None


def validating(world, signer, address="127.0.0.1", name="validator"):
    """Unbound, which knows the key of example."""
    validator = f'"validator iterator"\n    trust-anchor: "{signer.anchor}"'
    Unbound(world, signer, address, name=name,
            text=UNBOUND_CONF.replace('"iterator"', validator))


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
