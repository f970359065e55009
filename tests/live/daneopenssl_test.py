# SPDX-License-Identifier: ISC
"""The same chains and TLSA records before OpenSSL's own reading of DANE: every
usage, selector and matching type, of every certificate there is, at servers with
a good chain, an expired one, one for another name, and one without its authority.
"""

import re
import subprocess
import sys

from authority import EXPIRED
from danefaults_test import MX, ONE, OWNER, Setting as FaultsSetting
from checks import delivered, encrypted, failed
from harness import Suite, equal
from signed import tlsa
from tlsserver import python_tls
from world import run_suite

TYPES = (0, 1, 2)
suite = Suite()


class Setting(FaultsSetting):
    def __init__(self, world):
        super().__init__(world)
        issuer, names = self.issuer, f"DNS:{MX}"
        self.leaves = {"good": self.leaf,
                       "expired": issuer.leaf("old", names, dates=EXPIRED),
                       "alien": issuer.leaf("alien", "DNS:mx.other.example"),
                       "bare": issuer.leaf("bare", names)}
        for name, leaf in self.leaves.items():
            if name != "bare":
                leaf.join(issuer.root)

    def ours(self, numbers, certificate):
        self.zone()
        data = bytes(int(n) for n in numbers.split())
        data += bytes.fromhex(tlsa(numbers, certificate).split()[3])
        self.names.add(OWNER, TLSA=data)
        outcome = self.deliver()
        if outcome.letter == "K":
            delivered(outcome, ONE)
            proof = outcome.last_line.split("verify=")[-1].rstrip(";")
            encrypted(outcome, proof)
            return {"dane": "proved", "unverified": "not usable"}[proof]
        failed(outcome, "Z", "its certificate was refused")
        return "refused"

    def theirs(self, numbers, certificate):
        """No names are looked at with usage 3, as RFC 7672 has it."""
        run = subprocess.run(
            ["openssl", "s_client", "-starttls", "smtp", "-connect", f"{ONE}:25",
             "-no-CAfile", "-no-CApath", "-dane_ee_no_namechecks",
             "-dane_tlsa_domain", MX, "-dane_tlsa_rrdata", tlsa(numbers, certificate)],
            capture_output=True, text=True, input="", timeout=60, check=False)
        said = run.stdout + run.stderr
        if "Failed to import any TLSA records" in said:
            return "not usable"
        assert re.search(r"^Verif", said, re.MULTILINE), said
        return "proved" if "Verification: OK" in said else "refused"


def matrix(setting, usage, selector):
    seen = set()
    for name, leaf in setting.leaves.items():
        with setting.server(upgrade=python_tls(leaf)):
            for matching in TYPES:
                for whose in (leaf, setting.issuer.root, setting.other):
                    record = f"{usage} {selector} {matching}", whose
                    ours, theirs = setting.ours(*record), setting.theirs(*record)
                    seen.add((matching, theirs))
                    # Our anchors are those of the server's own message.
                    if usage == 2 and matching == 0:
                        equal(ours, "not usable", record[0])
                    else:
                        equal(ours, theirs, f"{name}: {record[0]} {whose.cert}")
    for matching in (1, 2):
        assert {(matching, "proved"), (matching, "refused")} <= seen, seen


for one in (2, 3):
    for other in (0, 1):
        suite.add(f"usage_{one}_selector_{other}", matrix, one, other)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
