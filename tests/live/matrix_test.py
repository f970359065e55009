# SPDX-License-Identifier: ISC
"""tlsstrictness 2 against a generated matrix of servers: never a MAIL in
clear, K only over verified TLS, and never a D for what TLS did.

Every reply to EHLO, HELO and STARTTLS, every handshake fault and every
certificate meets every other of its neighbours.
"""

import ssl
import sys

import messages
from authority import EXPIRED, FUTURE, Issuer
from checks import TLS_LINE
from harness import Suite, equal
from nameserver import serve_names
from scripted import DROP, EHLO_STARTTLS, RESET, Scripted
from tlsfaults import CRITICAL, all_faults, write_huge_chain
from tlsserver import python_tls
from world import run_suite

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
LATE = 0.05
EHLO = {
    "offered": EHLO_STARTTLS,
    "offered_lower": "250-x\r\n250 starttls",
    "offered_with_words": "250-x\r\n250-STARTTLS required\r\n250 HELP",
    "first_line_only": "250 STARTTLS",
    "not_offered": "250-x\r\n250 PIPELINING",
    "look_alikes": "250-x\r\n250-XSTARTTLS\r\n250-STARTTLSX\r\n250 START TLS",
    "amid_words": "250-x\r\n250-SIZE STARTTLS\r\n250 8BITMIME STARTTLS",
    "nul_inside": b"250-x\r\n250-START\0TLS\r\n250 x\r\n",
    "refused_but_listed": "550-x\r\n550-STARTTLS\r\n550 no",
    "refused": "502 no such command",
    "later": "450 later",
    "closing": "421 bye",
    "mixed": b"250-x\r\n550 STARTTLS\r\n",
    "pipelined_220": EHLO_STARTTLS + "\r\n220 go",
    "pipelined_all": EHLO_STARTTLS + "\r\n220 go\r\n250 x\r\n250 ok\r\n250 ok\r\n354 go",
    "twice": EHLO_STARTTLS + "\r\n" + EHLO_STARTTLS,
    "unfinished": (b"250-x\r\n250-STARTTLS\r\n", DROP),
    "drop": DROP,
}
HELO = {"taken": "250 x", "offering": EHLO_STARTTLS, "refused": "550 no",
        "closing": "421 bye"}
REPLY = {
    "220": "220 go", "220_lines": "220-go\r\n220 on", "220_bare": "220",
    "220_lf": b"220 go\n", "220_cr": b"220 go\r\r\n", "220_and_more": b"220 go\r\n220 go\r\n",
    "220_and_250": b"220 go\r\n250 x\r\n", "220_then_250": ("220 go", LATE, "250 x"),
    "220_then_drop": ("220 go", DROP), "220_then_reset": ("220 go", LATE, RESET),
    "250": "250 ok", "221": "221 no", "354": "354 go", "421": "421 bye",
    "454": "454 later", "454_and_250": b"454 no\r\n250 x\r\n250 y\r\n250 z\r\n354 w\r\n",
    "501": "501 no", "502": "502 no", "503": "503 no", "530": "530 auth first",
    "554": "554 no", "600": "600 no", "words": b"go ahead\r\n", "nothing": (b"", DROP),
    "mixed": b"220-go\r\n454 no\r\n",
}
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, [f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}"])
        issuer, names = Issuer(world), f"DNS:{NAME}"
        good = issuer.leaf("good", names)
        critical = issuer.leaf("critical", names, extensions=CRITICAL)
        huge = issuer.leaf("huge", names)
        write_huge_chain(huge, issuer.root)
        certificates = {
            "wrong_name": issuer.leaf("wrong", "DNS:other.example"),
            "expired": issuer.leaf("expired", names, dates=EXPIRED),
            "not_yet_valid": issuer.leaf("future", names, dates=FUTURE),
            "self_signed": issuer.self_signed("self", NAME, "ecdsa", names),
            "stranger": Issuer(world, "stranger").leaf("strange", names),
            "weak": issuer.leaf("weak", names, "rsa1024"),
        }
        self.good = python_tls(good)
        self.upgrades = {"good": self.good, **all_faults(good, critical, huge)}
        for name, certificate in certificates.items():
            self.upgrades[name] = weak_tls(certificate)
        self.home = world.home()
        self.home.control(trustanchors=issuer.bundle, tlsstrictness=2,
                          timeoutremote=8)


def weak_tls(certificate):
    """OpenSSL's own limits are off: the client must see what is weak."""

    def upgrade(connection):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(certificate.chain, certificate.key)
        return context.wrap_socket(connection, server_side=True)

    return upgrade


def holds(setting, script, upgrade, data):
    """The invariants of strictness 2; the outcome."""
    with Scripted(setting.world, ADDRESS, script, upgrade) as server:
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", data)
        sessions = server.settle()
    for session in sessions:
        for verb in session.clear_verbs():
            assert verb in ("EHLO", "HELO", "STARTTLS", "QUIT"), session.commands
        for content in session.contents:
            assert session.over_tls, "content in clear"
    equal(outcome.status, 0, "exit status")
    equal(outcome.output.count(b"\0"), len(outcome.records))
    letters = "".join(r[0] for r in outcome.records)
    assert letters in ("rK", "Z"), outcome.output
    if outcome.letter == "K":
        assert TLS_LINE.fullmatch(outcome.last_line), outcome.text
        assert outcome.last_line.endswith("verify=verified;"), outcome.text
    else:
        equal(outcome.letter, "Z", outcome.text)
    return outcome


def row(setting, ehlo, helos, replies, upgrades):
    """All combinations of one reply to EHLO; each failure is told apart."""
    wrong, data, kept = [], messages.small(), 0
    for helo in helos:
        for reply in replies:
            for upgrade in upgrades:
                script = {"EHLO": EHLO[ehlo], "HELO": HELO[helo],
                          "STARTTLS": REPLY[reply], "tls EHLO": "250 x"}
                try:
                    outcome = holds(setting, script, setting.upgrades[upgrade], data)
                    kept += outcome.letter == "K"
                    good = (EHLO[ehlo], upgrade) == (EHLO_STARTTLS, "good")
                    if good and reply in ("220", "220_lines", "220_bare", "220_lf"):
                        equal(outcome.letter, "K", outcome.text)
                except AssertionError as why:
                    wrong.append(f"{helo} {reply} {upgrade}: {why}")
    assert not wrong, f"{len(wrong)} of them: {wrong[0]}"
    return kept


OFFERING = ("offered", "offered_lower", "offered_with_words")
FAULTS = ["good", "wrong_name", "expired", "not_yet_valid", "self_signed",
          "stranger", "weak", "words", "injected_words", "zeros", "junk_record",
          "long_record", "ssl2", "fatal_alert", "closing_alert",
          "warning_then_end", "drop", "reset", "tls1.0_only",
          "unknown_critical_extension", "long_chain",
          "client_certificate_tls1.2", "client_certificate_tls1.3",
          "politely_closed_behind", "rudely_closed_behind", "reset_behind"]
for name in EHLO:
    suite.add(f"ehlo_{name}", row, name, HELO, ("220", "454"), ("good",))
for name in REPLY:
    suite.add(f"starttls_{name}", row, "offered", ("taken",), (name,),
              ("good", "words", "expired"))
for name in FAULTS:
    suite.add(f"handshake_{name}", lambda setting, fault: [
        row(setting, ehlo, ("taken",), ("220", "220_lines", "220_and_250"), (fault,))
        for ehlo in OFFERING], name)


@suite.case
def the_good_one_is_kept(setting):
    """The matrix has a server that is right, and mail gets there."""
    equal(row(setting, "offered", ("taken",), ("220", "454"), ("good",)), 1)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
