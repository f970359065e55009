# SPDX-License-Identifier: ISC
"""Servers that prove themselves by TLSA records: knot signs, Unbound or dnsmasq
says what is authentic, Postfix receives, and posttls-finger is asked for its
opinion of the same server."""

import hashlib
import os
import subprocess
import sys

import messages
from authority import EXPIRED, Issuer
from checks import delivered, encrypted, failed, in_clear
from harness import Skip, Suite, contains, equal
from nameserver import dnsmasq, program
from postfix import Postfix
from scripted import Scripted
from signed import WRONG_DS, Signer, selected, tlsa, validating
from world import run_suite

FULL, OLD, ALIEN, BARE, CLEAR = (f"192.0.2.{n}" for n in range(10, 15))
FAR, RELAY_PORT = "192.0.2.53", 2525
MISMATCH = "its certificate was refused: none of its {} TLSA records matches. (#4.7.5)"
UNKNOWN = "Sorry, I couldn't look up how that host proves itself. (#4.4.3)"
LACKING = "Sorry, that host has no TLSA records to prove it. (#4.7.5)"
NAMES = "DNS:*.in.example,DNS:elsewhere.example"
suite = Suite()

# name: server, records (NUMBERS WHOSE, or as they are), the verdict of ours, and
# posttls-finger's where it is another.
# Verdicts: dane, refused, skipped, unverified.
SERVERS = {"full": FULL, "old": OLD, "alien": ALIEN, "bare": BARE}
ROWS = {
    **{f"its_own_{s}_{m}": ("full", [f"3 {s} {m} leaf"], "dane")
       for s in (0, 1) for m in (0, 1, 2)},
    **{f"not_its_own_{s}_{m}": ("full", [f"3 {s} {m} other"], "refused")
       for s in (0, 1) for m in (0, 1, 2)},
    **{f"authority_{s}_{m}": ("full", [f"2 {s} {m} root"], "dane")
       for s in (0, 1) for m in (1, 2)},
    **{f"not_its_authority_{s}_{m}": ("full", [f"2 {s} {m} other"], "refused")
       for s in (0, 1) for m in (1, 2)},
    # Not usable: TLS all the same. Postfix takes a whole anchor out of DNS.
    "authority_in_full": ("full", ["2 0 0 root"], "unverified", "dane"),
    "authority_key_in_full": ("full", ["2 1 0 root"], "unverified", "dane"),
    "usage_0": ("full", ["0 0 1 other"], "unverified"),
    "usage_1": ("full", ["1 1 1 other"], "unverified"),
    "usage_unknown": ("full", ["7 1 1 " + "ab" * 32], "unverified"),
    "selector_unknown": ("full", ["3 2 1 " + "ab" * 32], "unverified"),
    "type_unknown": ("full", ["3 1 9 " + "ab" * 32], "unverified"),
    "digest_too_short": ("full", ["3 1 1 " + "ab" * 31], "unverified"),
    "digest_too_long": ("full", ["3 1 1 " + "ab" * 33], "unverified"),
    "unusable_beside_usable": ("full", ["1 1 1 leaf", "3 1 1 other"], "refused"),
    # RFC 7671 section 9. Of whole certificates: for a key's digests Postfix 3.9 asks
    # for the key without one, of which OpenSSL 3.5 takes the weaker too.
    "stronger_is_wrong": ("full", ["3 0 1 leaf", "3 0 2 other"], "refused"),
    "stronger_is_right": ("full", ["3 1 1 other", "3 1 2 leaf"], "dane"),
    "stronger_of_other_selector": ("full", ["3 1 1 leaf", "3 0 2 other"], "dane"),
    "stronger_of_other_usage": ("full", ["3 1 1 leaf", "2 1 2 other"], "dane"),
    "in_full_beside_stronger": ("full", ["3 1 0 leaf", "3 1 2 other"], "dane"),
    "one_of_two": ("full", ["3 1 1 other", "2 1 1 root"], "dane"),
    "sixteen": ("full", [*(f"3 1 1 {n:064x}" for n in range(15)), "3 1 1 leaf"],
                "dane"),
    "sixteen_by_tcp": ("full", [*(f"3 1 2 {n:0128x}" for n in range(15)),
                                "3 1 2 leaf"], "dane"),
    # More than is kept; Postfix keeps more.
    "seventeen": ("full", [*(f"3 1 1 {n:064x}" for n in range(16)), "3 1 1 leaf"],
                  "skipped", "dane"),
    "expired_its_own": ("old", ["3 1 1 old"], "dane"),
    "expired_authority": ("old", ["2 0 1 root"], "refused"),
    "wrong_name_its_own": ("alien", ["3 0 1 alien"], "dane"),
    "wrong_name_authority": ("alien", ["2 0 1 root"], "refused"),
    "authority_not_shown": ("bare", ["2 0 1 root"], "refused"),
    "key_of_authority_not_shown": ("bare", ["2 1 1 root"], "refused"),
    "no_records": ("full", [], "unverified"),
}

# Lines of the zone; PROOF is a record that matches, LIE one that does not.
EXTRA = [
    "stripped MX 10 mx-stripped", f"mx-stripped A {CLEAR}",
    "_25._tcp.mx-stripped TLSA PROOF",
    # the owner of the records is an alias, the exchanger is one
    "owner MX 10 mx-owner", f"mx-owner A {FULL}", "_25._tcp.mx-owner CNAME keys",
    "keys TLSA PROOF",
    "end MX 10 mx-end", "mx-end CNAME real-end", f"real-end A {FULL}",
    "_25._tcp.real-end TLSA PROOF", "_25._tcp.mx-end TLSA LIE",
    "begin MX 10 mx-begin", "mx-begin CNAME real-begin", f"real-begin A {FULL}",
    "_25._tcp.mx-begin TLSA PROOF",
    "across MX 10 mx-across", "mx-across CNAME mx.plain",
    "_25._tcp.mx-across TLSA LIE",
    # by its own address, without MX
    f"alone A {FULL}", "_25._tcp.alone TLSA PROOF",
    # where a look-up fails
    "fails MX 10 mx-fails", f"mx-fails A {FULL}", "_tcp.mx-fails NS ns",
    "second MX 10 mx-fails", "second MX 20 mx-good",
    "good MX 10 mx-good", f"mx-good A {FULL}", "_25._tcp.mx-good TLSA PROOF",
    f"_{RELAY_PORT}._tcp.mx-good TLSA LIE",
    "lie MX 10 mx-lie", f"mx-lie A {FULL}", "_25._tcp.mx-lie TLSA LIE",
    "lie-then-good MX 10 mx-lie", "lie-then-good MX 20 mx-good",
    "mixed MX 10 mx.plain",
    # a name of the next hop's in place of the exchanger's
    "elsewhere MX 10 mx-elsewhere.far", f"mx-elsewhere.far A {FULL}",
    "_25._tcp.mx-elsewhere.far TLSA AUTHORITY",
    "plain NS ns", "bogus NS ns", f"bogus DS {WRONG_DS}",
]
PLAIN = ["@ MX 10 mx", f"mx A {FULL}", "_25._tcp.mx TLSA LIE",
         "back MX 10 mx-lie.example."]
BOGUS = ["@ MX 10 mx", f"mx A {FULL}", "_25._tcp.mx TLSA PROOF"]


class Setting:
    def __init__(self, world):
        self.world = world
        self.issuer = Issuer(world)
        self.certificates = self.make_certificates()
        lines = EXTRA + [line for name, row in ROWS.items()
                         for line in self.zone_of(name, row)]
        self.signer = Signer(world, {
            "example.": self.fill(["ns A 192.0.2.1", *lines]),
            "!plain.example.": self.fill(PLAIN),
            "bogus.example.": self.fill(BOGUS),
            "!_tcp.mx-fails.example.": None})
        validating(world, self.signer)
        validating(world, self.signer, FAR, "far")
        self.home = world.home()
        self.postfix = Postfix(world)
        for name, address in SERVERS.items():
            self.postfix.listen(
                address, self.certificates["leaf" if name == "full" else name])
        self.postfix.start()
        self.use()

    def make_certificates(self):
        issuer = self.issuer
        made = {
            "root": issuer.root,
            "leaf": issuer.leaf("leaf", NAMES),
            "bare": issuer.leaf("bare", NAMES),
            "old": issuer.leaf("old", NAMES, dates=EXPIRED),
            "alien": issuer.leaf("alien", "DNS:mx.other.test"),
            "other": issuer.self_signed("other", "other", "ecdsa")}
        for name in ("leaf", "old", "alien"):
            made[name].join(issuer.root)
        return made

    def record(self, text):
        words = text.rsplit(" ", 1)
        if words[1] in self.certificates:
            return tlsa(words[0], self.certificates[words[1]])
        return text

    def fill(self, lines):
        """The zone's lines with their records."""
        marks = {"PROOF": "3 1 1 leaf", "LIE": "3 1 1 other",
                 "AUTHORITY": "2 1 1 root"}
        for mark, text in marks.items():
            lines = [l.replace(f"TLSA {mark}", f"TLSA {self.record(text)}")
                     for l in lines]
        return lines

    def zone_of(self, name, row):
        name = name.replace("_", "-")
        yield f"{name} MX 10 mx-{name}.in"
        yield f"mx-{name}.in A {SERVERS[row[0]]}"
        for text in row[1]:
            yield f"_25._tcp.mx-{name}.in TLSA {self.record(text)}"

    def use(self, *lines):
        """resolv.conf; without any, the validating server on loopback."""
        text = "\n".join(lines or ["nameserver 127.0.0.1"])
        self.world.resolv_conf(text + "\n")

    def deliver(self, name, **control):
        control.setdefault("dane", "1")
        self.home.control(**control)
        host = f"{name.replace('_', '-')}.example"
        return self.home.deliver(host, f"bob@{host}", messages.small())

    def finger(self, name):
        """What posttls-finger says of the host: records are wanted, so that it
        tells what becomes of them."""
        environment = {"MAIL_CONFIG": os.path.join(self.postfix.path, "conf"),
                       "PATH": os.environ["PATH"]}
        command = [program("posttls-finger"), "-c", "-l", "dane-only",
                   f"{name.replace('_', '-')}.example"]
        self.use("nameserver 127.0.0.1", "options trust-ad")
        run = subprocess.run(command, env=environment, capture_output=True,
                             text=True, timeout=60, check=False)
        self.use()
        return run.stdout + run.stderr


def opinion(said):
    """posttls-finger's, as a verdict."""
    if "Verified TLS connection established" in said and "Matched DANE" in said:
        return "dane"
    if "resorting to" in said or "all TLSA records unusable" in said:
        return "unverified"
    if "TLSA lookup error" in said:
        return "skipped"
    if "Untrusted TLS connection established" in said:
        return "refused"
    # Postfix 3.10: by one of those records
    if "Trusted TLS connection established" in said and "hostname mismatch" in said:
        return "refused"
    return said


def verdict(outcome, address):
    """Of the outcome of a delivery, all of which is looked at."""
    if outcome.letter == "K":
        delivered(outcome, address)
        proof = outcome.last_line.split("verify=")[-1].rstrip(";")
        encrypted(outcome, proof)
        return proof
    if UNKNOWN in outcome.text:
        failed(outcome, "Z", "_25._tcp.")
        return "skipped"
    failed(outcome, "Z", f"Connected to {address} but its certificate was refused: ")
    return "refused"


def row(setting, name):
    server, records, ours, *theirs = ROWS[name]
    outcome = setting.deliver(name)
    equal(verdict(outcome, SERVERS[server]), ours, outcome.text)
    if ours == "refused" and server in ("full", "bare"):
        contains(outcome.text, MISMATCH.format(len(records)))
    said = setting.finger(name)
    equal(opinion(said), theirs[0] if theirs else ours, said)


for case in ROWS:
    suite.add(case, row, case)


def both(setting, name, expected, theirs=None, address=FULL):
    outcome = setting.deliver(name)
    equal(verdict(outcome, address), expected, outcome.text)
    said = setting.finger(name)
    equal(opinion(said), theirs or expected, said)


@suite.case
def starttls_is_stripped(setting):
    """What the records promise was taken out: no MAIL in clear."""
    for control in ({}, {"tlsstrictness": "0"}, {"tlsstrictness": "1"}):
        with Scripted(setting.world, CLEAR) as server:
            outcome = setting.deliver("stripped", **control)
            failed(outcome, "Z", f"Connected to {CLEAR} but STARTTLS is required "
                   "and not offered. (#4.7.4)")
            for session in server.settle():
                equal(session.clear_verbs(), ["EHLO", "QUIT"])


@suite.case
def an_alias_owns_the_records(setting):
    both(setting, "owner", "dane")


@suite.case
def an_alias_is_the_exchanger(setting):
    """The end of the chain has them, and the beginning is not asked."""
    both(setting, "end", "dane")


@suite.case
def an_alias_without_records_at_its_end(setting):
    both(setting, "begin", "dane")


@suite.case
def an_alias_across_the_border(setting):
    """Its end is not signed. Postfix asks for the beginning's records."""
    both(setting, "across", "unverified", "refused")


@suite.case
def a_host_without_exchanger(setting):
    both(setting, "alone", "dane")


@suite.case
def a_signed_host_behind_a_zone_that_is_not(setting):
    """Postfix's default is to demand all the same (dane_insecure_mx_policy)."""
    both(setting, "back.plain", "unverified", "refused")


@suite.case
def a_zone_that_is_not_signed(setting):
    both(setting, "plain", "unverified")
    both(setting, "mixed", "unverified")


@suite.case
def bogus_data(setting):
    outcome = setting.deliver("bogus")
    failed(outcome, "Z", "Sorry, I couldn't find any host by that name. (#4.1.2)")
    contains(setting.finger("bogus"), "Destination address lookup failed")


@suite.case
def records_that_cannot_be_looked_up(setting):
    both(setting, "fails", "skipped")
    outcome = setting.deliver("fails")
    equal(outcome.text.split("\n")[:2],
          [UNKNOWN, "_25._tcp.mx-fails.example: SERVFAIL"])


@suite.case
def another_exchanger_whose_can_be(setting):
    outcome = setting.deliver("second")
    delivered(outcome, FULL)
    encrypted(outcome, "dane")


@suite.case
def another_exchanger_that_proves_itself(setting):
    outcome = setting.deliver("lie_then_good")
    delivered(outcome, FULL)
    encrypted(outcome, "dane")


@suite.case
def the_next_hops_name_will_do(setting):
    """Of an authority's leaf; nothing less than a label is a `*`."""
    both(setting, "elsewhere", "dane")


@suite.case
def a_relay_by_its_port(setting):
    route = "x.example:mx-good.example\ny.example:mx-lie.example"
    for host, expected in (("x", "dane"), ("y", "refused")):
        outcome = setting.deliver(host, smtproutes=route)
        equal(verdict(outcome, FULL), expected, outcome.text)
    with Scripted(setting.world, FULL, port=RELAY_PORT):
        outcome = setting.deliver(
            "x", smtproutes=f"x.example:mx-good.example:{RELAY_PORT}")
        failed(outcome, "Z", "STARTTLS is required and not offered")


# ---- levels


@suite.case
def levels_with_records(setting):
    """Proof by records is enough at each; `none` ends all of it."""
    anchors = {"trustanchors": setting.certificates["other"].cert}
    for control in ({"tlsstrictness": "0"}, {"tlsstrictness": "1"},
                    {"tlsstrictness": "2", **anchors},
                    {"tlspolicy": "good.example:dane"},
                    {"tlspolicy": "good.example:dane", "dane": None}):
        outcome = setting.deliver("good", **control)
        equal(verdict(outcome, FULL), "dane", f"{control} {outcome.text}")
        lie = {k: v.replace("good.", "lie.") for k, v in control.items() if v}
        lie.setdefault("dane", "1")
        equal(verdict(setting.deliver("lie", **lie), FULL), "refused", str(lie))
    for host in ("good", "lie"):
        outcome = setting.deliver(host, tlspolicy=f"{host}.example:none")
        delivered(outcome, FULL)
        in_clear(outcome)


@suite.case
def levels_without_usable_records(setting):
    ours = {"trustanchors": setting.issuer.bundle, "tlsstrictness": "2"}
    theirs = {"trustanchors": setting.certificates["other"].cert,
              "tlsstrictness": "2"}
    for host in ("usage_1", "no_records"):
        equal(verdict(setting.deliver(host, **ours), FULL), "verified")
        equal(verdict(setting.deliver(host, **theirs), FULL), "refused")


@suite.case
def level_dane_wants_records(setting):
    for host, why in (("usage_1", "_25._tcp.mx-usage-1.in.example: no TLSA record is usable"),
                      ("no_records", "_25._tcp.mx-no-records.in.example: no TLSA records"),
                      ("plain", "mx.plain.example: its MX records are not authentic"),
                      ("mixed", "mx.plain.example: its addresses are not authentic")):
        name = host.replace("_", "-")
        outcome = setting.deliver(host, tlspolicy=f"{name}.example:dane")
        failed(outcome, "Z", LACKING)
        equal(outcome.text.split("\n")[1], why)


@suite.case
def a_pin_is_the_last_word(setting):
    pin = hashlib.sha256(selected(setting.certificates["leaf"], 1)).hexdigest()
    outcome = setting.deliver("lie", tlspolicy=f"lie.example:1 pin={pin}")
    delivered(outcome, FULL)
    encrypted(outcome, "pinned")


# ---- whose word counts


def found_out(setting, *lines, env=None):
    """Whether a lie is."""
    setting.use(*lines)
    setting.home.env = env or {}
    outcome = setting.deliver("lie")
    setting.home.env = {}
    setting.use()
    if outcome.letter == "Z":
        return verdict(outcome, FULL) == "refused"
    delivered(outcome, FULL)
    # Where all servers are loopback, and one says nothing, TLS is on.
    assert "verify=" not in outcome.text or "unverified" in outcome.text
    return False


@suite.case
def only_the_switch_turns_it_on(setting):
    for value in ("0", None):
        outcome = setting.deliver("lie", dane=value)
        delivered(outcome, FULL)
        in_clear(outcome)
    outcome = setting.deliver("lie", dane="2")
    failed(outcome, "Z", "Unable to read control files. (#4.3.0)",
           "control/dane: must be 0 or 1")


@suite.case
def a_server_on_this_machine_is_believed(setting):
    assert found_out(setting, "nameserver 127.0.0.1")
    assert not found_out(setting, f"nameserver {FAR}")
    assert found_out(setting, f"nameserver {FAR}", "options trust-ad")


@suite.case
def all_of_them_must_be(setting):
    assert not found_out(setting, "nameserver 127.0.0.1", f"nameserver {FAR}")
    assert found_out(setting, "nameserver 127.0.0.1", f"nameserver {FAR}",
                 "options trust-ad")


@suite.case
def of_dnscacheip_loopback_alone(setting):
    assert found_out(setting, f"nameserver {FAR}", env={"DNSCACHEIP": "127.0.0.1"})
    assert not found_out(setting, "nameserver 127.0.0.1", "options trust-ad",
                     env={"DNSCACHEIP": FAR})


@suite.case
def level_dane_needs_one_that_is_believed(setting):
    setting.use(f"nameserver {FAR}")
    outcome = setting.deliver("good", tlspolicy="# first\ngood.example:dane")
    setting.use()
    failed(outcome, "Z", "Unable to read control files. (#4.3.0)",
           "control/tlspolicy:2: dane needs a validating name server on this machine")


@suite.case
def dnsmasq_in_three_ways(setting):
    """It takes the word of others off, passes it on, or validates itself."""
    anchor = ",".join(["example.", *setting.signer.anchor.split()[2:]])
    asks = "server=127.0.0.1#53"
    dnsmasq(setting.world, "127.0.0.2", 53, asks, name="strips")
    dnsmasq(setting.world, "127.0.0.3", 53, asks, "proxy-dnssec", name="passes")
    try:
        dnsmasq(setting.world, "127.0.0.4", 53, asks, "dnssec",
                f"trust-anchor=.,1,13,2,{'ab' * 32}", f"trust-anchor={anchor}",
                name="validates")
    except RuntimeError:
        raise Skip("this dnsmasq does not validate")
    assert not found_out(setting, "nameserver 127.0.0.2")
    assert found_out(setting, "nameserver 127.0.0.3")
    assert found_out(setting, "nameserver 127.0.0.4")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
