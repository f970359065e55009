# SPDX-License-Identifier: ISC
"""Policies of MTA-STS in control/mtasts: which exchangers may have the mail, and
what they must prove; beside DANE, tlspolicy, tlsstrictness and a login."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

import messages
from authority import EXPIRED, Issuer
from checks import delivered, encrypted, failed, in_clear
from harness import Suite, contains, equal
from postfix import Postfix
from resuming import File, Resuming
from scripted import EHLO_STARTTLS, Scripted
from signed import Signer, selected, tlsa, validating
from tlsserver import openssl_s_server, python_tls
from world import run_suite

GOOD, ALIEN, FREE, OWN = (f"192.0.2.{n}" for n in (10, 11, 12, 13))
EXCLUDED = ("Sorry, no mail exchanger of that host is in its MTA-STS policy. "
            "(#4.7.5)")
UNREADABLE = "Unable to read control files. (#4.3.0)"
DAY_S = 86400
STARTTLS = {"EHLO": EHLO_STARTTLS}
suite = Suite()

# By the records of an exchanger what DANE makes of it.
CLASSES = {"auth": "3 1 1 {}", "encrypt": "0 0 1 other", "none": None, "skip": None}
SERVERS = {"good": GOOD, "alien": ALIEN}
ZONE = [
    "ns A 192.0.2.1", "_tcp.mx-skip-good.in NS ns", "_tcp.mx-skip-alien.in NS ns",
    "dest MX 10 mx.in", f"mx.in A {GOOD}",
    "two MX 10 mx.out", "two MX 20 mx.in", f"mx.out A {ALIEN}",
    f"alone A {GOOD}", "deep MX 10 a.mx.in", f"a.mx.in A {GOOD}",
    "alias MX 10 alias.in", "alias.in CNAME mx.in",
    "same MX 10 mx.out2", "same MX 20 mx.in", f"mx.out2 A {GOOD}",
    "dressed MX 10 192.0.2.10.",
    "free MX 10 free.in", f"free.in A {FREE}",
    "mine MX 10 mx.mine", "mine MX 20 mx.in", f"mx.mine A {OWN}",
    "behind MX 10 mx.out", "behind MX 20 mx.mine", "behind MX 30 mx.in",
    "xn--bcher-kva MX 10 mx.in", "null MX 0 .",
    "nobody MX 10 nobody.in",
]


def policy(*mx, mode="enforce", max_age=DAY_S, end="\n"):
    lines = ["version: STSv1", f"mode: {mode}", f"max_age: {max_age}"]
    return "".join(l + end for l in [*lines, *(f"mx: {m}" for m in mx)])


class Setting:
    def __init__(self, world):
        self.world = world
        self.issuer = issuer = Issuer(world)
        names = ",".join(f"DNS:{n}.example" for n in (
            "*.in", "alone", "mx.out2", "a.mx.in", "dest"))
        self.leaves = {
            "good": issuer.leaf("good", names),
            "alien": issuer.leaf("alien", "DNS:elsewhere.example"),
            "old": issuer.leaf("old", names, dates=EXPIRED),
            "strange": Issuer(world, "stranger").leaf("strange", names),
            "other": issuer.self_signed("other", "other", "ecdsa")}
        signer = Signer(world, {
            "example.": ZONE + list(self.records()),
            **{f"!_tcp.mx-skip-{cert}.in.example.": None for cert in SERVERS}})
        validating(world, signer)
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.home = world.home()
        self.folder = os.path.join(self.home.path, "control/mtasts")
        self.postfix = Postfix(world)
        for cert, address in SERVERS.items():
            self.postfix.listen(address, self.leaves[cert])
        self.postfix.start()

    def records(self):
        for name, text in CLASSES.items():
            for cert, address in SERVERS.items():
                yield f"{name}-{cert} MX 10 mx-{name}-{cert}.in"
                yield f"mx-{name}-{cert}.in A {address}"
                if text:
                    words = text.format(cert).split(" ")
                    record = tlsa(" ".join(words[:3]), self.leaves[words[3]])
                    yield f"_25._tcp.mx-{name}-{cert}.in TLSA {record}"

    def plant(self, text, name="dest.example", age_s=0):
        """The only policy."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if text is None:
            return
        os.makedirs(self.folder)
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="latin-1") as file:
            file.write(text)
        then = time.time() - age_s
        os.utime(path, (then, then))

    def deliver(self, host="dest.example", recipient=None, **control):
        control.setdefault("trustanchors", self.issuer.bundle)
        self.home.control(**control)
        return self.home.deliver(host, recipient or f"bob@{host}", messages.small())


def seen(outcome):
    """One word for what came of a mail; its text was looked at."""
    if outcome.letter == "K":
        if "verify=" not in outcome.text:
            in_clear(outcome)
            return "clear"
        proof = outcome.last_line.split("verify=")[-1].rstrip(";")
        encrypted(outcome, proof)
        return proof
    equal(outcome.letter, "Z", outcome.text)
    for word, text in (("excluded", EXCLUDED), ("skipped", "how that host proves"),
                       ("lacking", "has no TLSA records to prove it"),
                       ("refused", "its certificate was refused")):
        if text in outcome.text:
            return word
    return outcome.text


def sent(setting, expected, text, host="dest.example", age_s=0, name=None,
         recipient=None, **control):
    setting.plant(text, name or host, age_s)
    outcome = setting.deliver(host, recipient, **control)
    equal(seen(outcome), expected, outcome.text)
    return outcome


IN, OUT = policy("mx.in.example"), policy("mx.out.example")


# ---- the file


@suite.case
def without_a_policy_all_is_as_before(setting):
    for level, proof in (("0", "unverified"), ("1", "unverified"), ("2", "verified")):
        sent(setting, proof, None, tlsstrictness=level)
        sent(setting, proof, OUT, name="other.example", tlsstrictness=level)


@suite.case
def in_force_names_are_proved(setting):
    for level in ("0", "1", "2"):
        outcome = sent(setting, "verified", IN, tlsstrictness=level)
        delivered(outcome, GOOD)


@suite.case
def lines_end_by_crlf_too(setting):
    sent(setting, "verified", policy("mx.in.example", end="\r\n"))
    sent(setting, "excluded", policy("mx.out.example", end="\r\n"))


@suite.case
def unknown_keys_are_ignored(setting):
    sent(setting, "verified", IN + "more: x\nMode: none\nx: " + "y" * 20000 + "\n")


@suite.case
def the_host_is_in_lower_case_by_its_a_labels(setting):
    """A dot at its end does not matter, nor its spelling."""
    for host in ("DEST.Example", "dest.example."):
        sent(setting, "verified", IN, host, name="dest.example")
    for host in ("b\u00fccher.example", "B\u00fccher.EXAMPLE", "xn--bcher-kva.example"):
        setting.plant(OUT, "xn--bcher-kva.example")
        outcome = setting.deliver(host, "bob@dest.example")
        equal(seen(outcome), "excluded", outcome.text)


@suite.case
def a_literal_has_none(setting):
    for host in (f"[{GOOD}]", GOOD):
        sent(setting, "unverified", OUT, host, recipient="bob@dest.example")
    route = f"dest.example:[{GOOD}]"
    sent(setting, "unverified", OUT, smtproutes=route)
    sent(setting, "unverified", OUT, name=GOOD, smtproutes=route)


@suite.case
def no_name_leads_out_of_the_folder(setting):
    """A host that is no name has no policy, wherever its octets would lead."""
    secret = os.path.join(setting.home.path, "control/secret")
    with open(secret, "w", encoding="ascii") as file:
        file.write("mode: enforce\n")
    long = ".".join(["x" * 60] * 5)
    for host in ("../secret", "./../secret", "..", ".", "/etc/passwd", "a/../../secret",
                 "a..b", "x" * 250, long, "x\\y", ".secret", "secret/", "*"):
        setting.plant(IN, "dest.example")
        outcome = setting.deliver(host, "bob@dest.example")
        assert "find any host" in outcome.text, (host, outcome.text)
    os.unlink(secret)


@suite.case
def fresh_is_by_its_time_and_max_age(setting):
    for age_s, max_age, expected in (
            (0, DAY_S, "excluded"), (DAY_S - 600, DAY_S, "excluded"),
            (DAY_S + 1, DAY_S, "unverified"), (0, 0, "unverified"),
            (1000, 999, "unverified"), (31557600 - 600, 31557600, "excluded"),
            (-1000, 10, "excluded")):
        sent(setting, expected, policy("mx.out.example", max_age=max_age),
             age_s=age_s)


@suite.case
def testing_and_none_are_as_if_absent(setting):
    for mode, mx in (("testing", ["mx.out.example"]), ("none", []),
                     ("none", ["mx.out.example"])):
        sent(setting, "unverified", policy(*mx, mode=mode))
        # Even without anchors.
        sent(setting, "clear", policy(*mx, mode=mode), trustanchors=None)


BAD = {
    "no_version": (OUT.replace("version: STSv1\n", ""), "version must be STSv1"),
    "other_version": (OUT.replace("STSv1", "STSv2"), "version must be STSv1"),
    "no_age": (OUT.replace("max_age", "age"), "max_age must be a number up to 31557600"),
    "long_age": (policy("a.b", max_age=31557601), "max_age must be"),
    "no_mx": (policy(), "mx must be a host name, or one behind *."),
    "odd_mx": (policy("*.*.example"), "mx must be a host name, or one behind *."),
    "33_mx": (policy(*["mx.in.example"] * 33), "too many mx"),
    "no_key": ("<html>\n" + OUT, "no line `key: value`"),
    "64_kib": (OUT + "x: " + "y\nx: " * 20000 + "\n", "longer than 64 KiB"),
    "64_kib_of_a_line": (OUT + "x: " + "y" * 65536 + "\n", "longer than 64 KiB"),
}


def unreadable(setting, text, why):
    """An error if it says that it is to be enforced; else it is not there."""
    setting.plant(text)
    outcome = setting.deliver()
    failed(outcome, "Z", UNREADABLE, f"control/mtasts/dest.example: {why}")
    for mode in ("testing", "none", "enforced", "Enforce"):
        sent(setting, "unverified", text.replace("mode: enforce", f"mode: {mode}"))
    # As the next hop's only.
    sent(setting, "verified", text, "alone.example", name="dest.example",
         tlsstrictness="2")


for label, row in BAD.items():
    suite.add(f"unreadable_{label}", unreadable, *row)


@suite.case
def what_is_no_policy_at_all(setting):
    for text in ("", "\n", "nonsense\n", "\0\0\0", "mx: mx.out.example\n"):
        sent(setting, "unverified", text)
    # Nor one that is too old to be obeyed.
    sent(setting, "unverified", BAD["no_mx"][0], age_s=DAY_S + 60)


@suite.case
def a_file_that_cannot_be_opened(setting):
    setting.plant(IN, "other.example")
    os.mkdir(os.path.join(setting.folder, "dest.example"))
    failed(setting.deliver(), "Z", UNREADABLE,
           "control/mtasts/dest.example: not a regular file")
    setting.plant(IN)
    os.chmod(setting.folder, 0)
    outcome = setting.deliver()
    os.chmod(setting.folder, 0o755)
    failed(outcome, "Z", UNREADABLE, "control/mtasts/dest.example: ")


# ---- who is in it


@suite.case
def a_star_is_exactly_one_label(setting):
    for mx, dest, deep in (("*.in.example", "verified", "excluded"),
                           ("*.mx.in.example", "excluded", "verified"),
                           ("*.example", "excluded", "excluded"),
                           ("in.example", "excluded", "excluded"),
                           ("MX.in.EXAMPLE", "verified", "excluded"),
                           ("mx.in.example.", "verified", "excluded")):
        sent(setting, dest, policy(mx))
        sent(setting, deep, policy(mx), "deep.example")


@suite.case
def all_are_excluded(setting):
    outcome = sent(setting, "excluded", OUT)
    equal(outcome.text.split("\n")[:2],
          [EXCLUDED, "mx.in.example is not in control/mtasts/dest.example"])
    outcome = sent(setting, "excluded", policy("mx.in.example"), "dressed.example")
    contains(outcome.text, EXCLUDED)


@suite.case
def who_is_excluded_is_not_connected_to(setting):
    with Scripted(setting.world, FREE) as server:
        sent(setting, "excluded", OUT, "free.example")
        equal(server.settle(), [])


@suite.case
def the_others_get_the_mail(setting):
    outcome = sent(setting, "verified", IN, "two.example")
    delivered(outcome, GOOD)
    # The same address under a name that is not in it.
    outcome = sent(setting, "verified", IN, "same.example")
    delivered(outcome, GOOD)


@suite.case
def its_preference_still_counts(setting):
    """For mail that would come back here: what is behind us is cut off."""
    mine = policy("mx.in.example")
    setting.plant(mine, "mine.example")
    outcome = setting.deliver("mine.example", ipme=OWN)
    failed(outcome, "D", "Although I'm listed as a best-preference MX")
    # What is better than us is only excluded: the mail waits.
    sent(setting, "excluded", mine, "behind.example", ipme=OWN)


@suite.case
def a_host_without_exchanger_is_its_own(setting):
    sent(setting, "verified", policy("alone.example"), "alone.example")
    sent(setting, "excluded", OUT, "alone.example")


@suite.case
def an_exchanger_that_is_an_alias(setting):
    """The name that MX says counts, in the policy and in the certificate."""
    sent(setting, "verified", policy("alias.in.example"), "alias.example")
    sent(setting, "excluded", policy("mx.in.example"), "alias.example")


@suite.case
def the_dns_has_the_first_word(setting):
    setting.plant(OUT, "null.example")
    failed(setting.deliver("null.example"), "D", "does not accept mail")
    setting.plant(OUT, "nohost.example")
    failed(setting.deliver("nohost.example"), "D", "any host named nohost.example")


@suite.case
def who_is_not_in_it_needs_no_address(setting):
    """That he has none is the word of the same DNS."""
    sent(setting, "excluded", IN, "nobody.example")
    failed(setting.deliver("nobody.example"), "Z", EXCLUDED)
    setting.plant(policy("nobody.in.example"), "nobody.example")
    failed(setting.deliver("nobody.example"), "D", "(#5.4.4)")


# ---- what they must prove


def no_mail(server):
    for session in server.settle():
        assert "MAIL" not in session.verbs(), session.commands


def leave(connection):
    connection.close()
    raise OSError("no handshake with me")


@suite.case
def starttls_is_stripped(setting):
    """No MAIL in clear, at any strictness, in any pass."""
    text = policy("free.in.example")
    for level in ("0", "1", "2"):
        for script, why in (({}, "STARTTLS is required and not offered. (#4.7.4)"),
                            ({"EHLO": "502 what"}, "not offered. (#4.7.4)"),
                            ({**STARTTLS, "STARTTLS": "454 no"},
                             "STARTTLS was refused. (#4.7.4)"),
                            ({**STARTTLS, "STARTTLS": "220 go"}, "TLS failed")):
            with Scripted(setting.world, FREE, script,
                          leave) as server:
                setting.plant(text, "free.example")
                outcome = setting.deliver("free.example", tlsstrictness=level)
                failed(outcome, "Z", why)
                no_mail(server)


CERTIFICATES = {"good": "verified", "alien": "refused", "old": "refused",
                "strange": "refused", "other": "refused"}


def certificate(setting, name, how):
    upgrade = (python_tls(setting.leaves[name]) if how == "python"
               else openssl_s_server(setting.world, setting.leaves[name]))
    with Scripted(setting.world, FREE, STARTTLS, upgrade) as server:
        for level in ("0", "1", "2"):
            sent(setting, CERTIFICATES[name], policy("free.in.example"),
                 "free.example", tlsstrictness=level)
        if CERTIFICATES[name] == "refused":
            no_mail(server)


for label in CERTIFICATES:
    suite.add(f"certificate_{label}", certificate, label, "python")
    suite.add(f"certificate_{label}_openssl", certificate, label, "openssl")


@suite.case
def the_hosts_own_name_will_not_do(setting):
    """Of an exchanger its own name is proved."""
    sent(setting, "refused", policy("*.in.example", "mx.out.example"), "none-alien.example")


@suite.case
def anchors_are_needed(setting):
    for level in ("0", "1"):
        setting.plant(IN)
        outcome = setting.deliver(trustanchors=None, tlsstrictness=level)
        failed(outcome, "Z", UNREADABLE, "control/trustanchors: needed by "
               "control/mtasts/dest.example")
        # Other mail goes on.
        sent(setting, "clear", IN, "alone.example", name="dest.example",
             trustanchors=None, tlsstrictness=level)
        # So does what is too old.
        sent(setting, "clear", IN, age_s=DAY_S + 1, trustanchors=None,
             tlsstrictness=level)


# ---- beside what else is asked

LEVELS = {**{f"at_{n}": {"tlsstrictness": n} for n in "012"},
          **{n: {"tlspolicy": "{}:" + n, "tlsstrictness": "1"}
             for n in ("none", "0", "1", "2", "dane")}}


def due(kind, cert, listed, level):
    """By the table: the first row that applies."""
    level = level.removeprefix("at_")
    by_name = "verified" if cert == "good" else "refused"
    if level == "none":
        return "clear"
    if kind == "skip":
        return "skipped"
    if level == "dane":
        return "dane" if kind == "auth" else "lacking"
    if kind == "auth":
        return "dane"
    if listed is False and kind != "encrypt":
        return "excluded"
    if level == "2":
        return by_name
    if kind == "encrypt" or listed is None:
        return "unverified"
    return by_name


def crossed(setting, kind, cert):
    host = f"{kind}-{cert}.example"
    for listed in (None, True, False):
        text = {None: None, True: policy(f"mx-{kind}-{cert}.in.example"),
                False: OUT}[listed]
        for level, control in LEVELS.items():
            control = {k: v.format(host) for k, v in control.items()}
            setting.plant(text, host)
            outcome = setting.deliver(host, dane="1", **control)
            equal(seen(outcome), due(kind, cert, listed, level),
                  f"{listed} {level}: {outcome.text}")


for kind in CLASSES:
    for cert in SERVERS:
        suite.add(f"crossed_{kind}_{cert}", crossed, kind, cert)


@suite.case
def records_that_lie_are_not_rescued(setting):
    """A name proved is no proof where there are records."""
    for listed in ("mx-auth-alien.in.example", "mx.out.example"):
        outcome = sent(setting, "dane", policy(listed), "auth-alien.example", dane="1")
        delivered(outcome, ALIEN)
        # The switch is off: nobody asked for records.
        sent(setting, "refused" if "auth" in listed else "excluded", policy(listed),
             "auth-alien.example", dane="0")


@suite.case
def a_pin_is_the_last_word(setting):
    key = selected(setting.leaves["good"], 1)
    for pin, expected in ((hashlib.sha256(key).hexdigest(), "pinned"),
                          ("ab" * 32, "refused")):
        for text in (IN, OUT, BAD["no_mx"][0]):
            sent(setting, expected, text, trustanchors=None,
                 tlspolicy=f"dest.example:0 pin={pin}")


@suite.case
def a_relay_by_name(setting):
    """The next hop is the relay: its policy counts, and its own name is in it or
    is not; the host's does not."""
    route = "dest.example:alone.example"
    sent(setting, "unverified", OUT, smtproutes=route)
    sent(setting, "excluded", OUT, name="alone.example", smtproutes=route)
    sent(setting, "verified", policy("alone.example"), name="alone.example",
         smtproutes=route.upper())


@suite.case
def an_other_port_for_the_same_exchangers(setting):
    with Scripted(setting.world, FREE, STARTTLS, python_tls(setting.leaves["good"]),
                  port=2525):
        sent(setting, "verified", policy("free.in.example"), "free.example",
             smtproutes="free.example::2525")
        sent(setting, "excluded", OUT, "free.example",
             smtproutes="free.example::2525")


@suite.case
def a_login_wants_a_name_anyway(setting):
    """Whom it is for is written down; who need prove nothing by that does here."""
    login = {"EHLO": ["250-x\r\n250 STARTTLS", "250-x\r\n250 AUTH PLAIN"],
             "AUTH": "235 ok"}
    for cert, expected in (("good", "verified"), ("alien", "refused")):
        for mx in ("alone.example", "mx.out.example"):
            for unsafe in (False, True):
                with Scripted(setting.world, FREE, login,
                              python_tls(setting.leaves[cert])):
                    due_now = expected
                    if unsafe and mx != "alone.example":
                        due_now = "excluded"
                    sent(setting, due_now, policy(mx.replace("alone", "free.in")),
                         name="free.in.example",
                         smtproutes="dest.example:free.in.example|bob|secret",
                         tlspolicy=("free.in.example:0 unsafe-login" if unsafe
                                    else None))


@suite.case
def a_policy_that_changes_between_the_runs(setting):
    for text, expected in ((None, "unverified"), (IN, "verified"), (OUT, "excluded"),
                           (policy("mx.in.example", mode="testing"), "unverified"),
                           (OUT, "excluded"), (IN, "verified"), (None, "unverified")):
        sent(setting, expected, text)


@suite.case
def a_session_without_proof_is_not_resumed(setting):
    """What was not proved before the policy came is proved now."""
    text = policy("free.in.example")
    for cert, proved in (("good", "verified"), ("alien", "refused")):
        File(setting.home).make()
        upgrade = Resuming(setting.leaves[cert])
        with Scripted(setting.world, FREE, STARTTLS, upgrade) as server:
            for plant, expected in ((None, "unverified"), (None, "unverified"),
                                    (text, proved), (text, proved),
                                    (None, "unverified")):
                sent(setting, expected, plant, "free.example")
            server.settle()
        File(setting.home).remove()
        resumed = [False, True, False, True, True]
        if cert == "alien":
            equal([r for r in upgrade.resumed[:2]], [False, True])
        else:
            equal(upgrade.resumed, resumed)


# ---- the probe


def probed(setting, text, host="dest.example", age_s=0, **control):
    """What mote-probe tells, by event; its last line is a delivery's end."""
    link = os.path.join(setting.home.path, "bin/mote-probe")
    if not os.path.lexists(link):
        os.symlink("qmail-remote", link)
    setting.plant(text, "dest.example", age_s)
    control.setdefault("trustanchors", setting.issuer.bundle)
    setting.home.control(**control)
    run = subprocess.run([link, "-j", f"bob@{host}"], capture_output=True, check=False,
                         text=True, env={"QMAILHOME": setting.home.path})
    events = {}
    for line in run.stdout.splitlines():
        event = json.loads(line)
        events.setdefault(event.pop("event"), []).append(event)
    outcome = setting.home.deliver(host, f"bob@{host}", messages.small())
    verdict = events["verdict"][0]
    equal(verdict["class"], outcome.letter, outcome.text)
    if outcome.letter != "K":
        equal(verdict["report"], outcome.message[1:].rstrip("\n"))
    return events


@suite.case
def the_probe_shows_the_policy(setting):
    for text, age_s, mode, state in (
            (IN, 600, "enforce", None), (OUT, 600, "enforce", None),
            (IN, DAY_S + 60, "enforce", "expired"),
            (policy("a.b", mode="testing"), 600, "testing", "not_in_force"),
            (policy(mode="none"), 600, "none", "not_in_force"),
            ("nonsense\n", 600, "unknown", "expired")):
        told = probed(setting, text, age_s=age_s)["mtasts"][0]
        equal((told["file"], told["mode"]), ("control/mtasts/dest.example", mode))
        equal(told.get("state"), state)
        assert age_s <= told["age_s"] < age_s + 300, told
        if state == "expired":
            assert "expires_s" not in told, told
        else:
            assert DAY_S - 1000 < told["expires_s"] <= DAY_S - age_s, told
    assert "mtasts" not in probed(setting, None)
    assert "mtasts" not in probed(setting, IN, "alone.example")
    assert "mtasts" not in probed(setting, OUT, tlspolicy="dest.example:none")


@suite.case
def the_probe_shows_who_is_in_it(setting):
    setting.plant(None)
    events = probed(setting, IN)
    equal([(c["kind"], c.get("in_policy"), c.get("why")) for c in events["candidate"]],
          [("candidate", True, None)])
    # Levels of strictness are not what counts.
    assert "session" not in events, events
    equal([c["kind"] for c in probed(setting, None)["candidate"]], ["candidate"])
    events = probed(setting, OUT)
    equal([(c["kind"], c.get("in_policy"), c.get("why")) for c in events["candidate"]],
          [("dropped", None, "not_in_policy")])


@suite.case
def the_probe_misses_anchors(setting):
    for text, host, found in ((IN, "alone.example", True), (None, "dest.example", False)):
        for anchors in (None, setting.issuer.bundle):
            events = probed(setting, text, host, trustanchors=anchors)
            looks = [e["what"] for e in events.get("look", [])
                     if e["file"] == "control/mtasts"]
            equal(bool(looks), found and anchors is None, str(looks))
    probed(setting, IN, trustanchors=None)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
