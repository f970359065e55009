# SPDX-License-Identifier: ISC
"""Known holes of the mbedTLS that is built in: what must not work though the
library lets it (third_party/ADVISORIES)."""

import sys

import messages
from authority import Issuer
from checks import delivered, failed
from harness import Suite, equal
from nameserver import serve_names
from scripted import EHLO_STARTTLS, Scripted
from world import run_suite
from zerokeys import Refused, zero_keys

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
    upgrade = zero_keys(setting.leaf, **how)
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


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
