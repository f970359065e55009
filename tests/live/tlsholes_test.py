# SPDX-License-Identifier: ISC
"""Where the mbedTLS that is built in is at fault: what must not work though it
lets it (third_party/ADVISORIES), and what must though it did not
(third_party/patches)."""

import sys

import messages
from authority import Issuer, openssl
from checks import delivered, encrypted, failed
from harness import Suite, equal
from nameserver import serve_names
from scripted import EHLO_STARTTLS, Scripted
from tlsserver import openssl_s_server
from tls13 import Forgetful, Refused, ZeroKeys, serving
from world import run_suite

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
STARTTLS = {"EHLO": EHLO_STARTTLS}
ILLEGAL = "the peer sent a TLS message with an illegal value"
WAYS = {"": {}, "_echo": {"echo": True}, "_after_retry": {"retry": True},
        "_echo_after_retry": {"retry": True, "echo": True}}
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, [f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}"])
        self.issuer = Issuer(world)
        self.leaf = self.issuer.leaf("leaf", f"DNS:{NAME}")
        self.home = world.home()


def deliver(setting, strictness, how):
    setting.home.control(trustanchors=setting.issuer.bundle,
                         tlsstrictness=strictness)
    upgrade = serving(ZeroKeys, setting.leaf, **how)
    with Scripted(setting.world, ADDRESS, STARTTLS, upgrade) as server:
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small())
        return outcome, server.settle()


def refused(setting, strictness, how):
    """The session whose keys all the world knows carries nothing."""
    outcome, sessions = deliver(setting, strictness, how)
    assert not sessions[0].over_tls, f"keys made of zeros: {outcome.text}"
    equal(type(sessions[0].tls_error), Refused)
    equal(str(sessions[0].tls_error), "alert 47", "to the server")
    if strictness == 2:
        failed(outcome, "Z", f"Connected to {ADDRESS} but TLS failed: {ILLEGAL}.")
        equal(len(sessions), 1, "connections")
    else:
        delivered(outcome, ADDRESS)
        equal(outcome.last_line, f"STARTTLS failed: {ILLEGAL};")


for way, how in WAYS.items():
    suite.add(f"zero_keys{way}", refused, 2, how)
for strictness in (0, 1):
    suite.add(f"zero_keys_strict{strictness}", refused, strictness, {})


@suite.case
def hello_retry_request_with_a_cookie(setting):
    setting.home.control(trustanchors=setting.issuer.bundle, tlsstrictness=2)
    upgrade = serving(Forgetful, setting.leaf)
    with Scripted(setting.world, ADDRESS, STARTTLS, upgrade) as server:
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small())
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified", "1.3")
        equal(len(server.contents()), 1)


@suite.case
def superfluous_certificate_nobody_knows(setting):
    """Ed25519, behind all others; TLS 1.3 ended over it, 1.2 did not."""
    leaf = setting.issuer.leaf("followed", f"DNS:{NAME}")
    openssl("genpkey", "-algorithm", "ED25519", "-out", leaf.key + "25519")
    openssl("req", "-x509", "-new", "-key", leaf.key + "25519", "-subj", "/CN=x",
            "-days", "30", "-out", leaf.cert + "25519")
    with open(leaf.chain, "ab") as out, open(leaf.cert + "25519", "rb") as file:
        out.write(file.read())
    setting.home.control(trustanchors=setting.issuer.bundle, tlsstrictness=2)
    for version in ("1.2", "1.3"):
        upgrade = openssl_s_server(setting.world, leaf, version)
        with Scripted(setting.world, ADDRESS, STARTTLS, upgrade):
            outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small())
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified", version)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
