# SPDX-License-Identifier: ISC
"""TLSA records from a name server that is slow, fails, or does not vouch for all
it says; beside sessions of before, a login, and exchangers of other classes."""

import json
import os
import subprocess
import sys
import time

import messages
from aiosmtp import server_context
from authority import Issuer
from checks import delivered, encrypted, failed, in_clear
from harness import Suite, contains, equal
from names import AD, SERVFAIL, Names, forged, late, rcode, record, silent
from resuming import File, Resuming
from scripted import EHLO_STARTTLS, Scripted
from signed import tlsa
from tlsserver import python_tls
from world import run_suite

ONE, TWO, OWN = "192.0.2.10", "192.0.2.11", "192.0.2.40"
HOST, MX, SECOND, END = ("dest.example", "mx.dest.example", "mx2.dest.example",
                         "end.example")
OWNER, SECOND_OWNER, END_OWNER = (f"_25._tcp.{n}" for n in (MX, SECOND, END))
STARTTLS = {"EHLO": EHLO_STARTTLS}
NO_TLS = {**STARTTLS, "STARTTLS": "454 4.7.0 not now"}
UNKNOWN = "Sorry, I couldn't look up how that host proves itself. (#4.4.3)"
LACKING = "Sorry, that host has no TLSA records to prove it. (#4.7.5)"
MISMATCH = "its certificate was refused: none of its 1 TLSA records matches. (#4.7.5)"
# Patience with a better exchanger is 4 s.
WITHIN_S, BEYOND_S = 1.0, 7.0
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.names = Names(world)
        self.names.flags |= AD
        self.issuer = Issuer(world)
        self.leaf = self.issuer.leaf("leaf", f"DNS:{MX},DNS:{SECOND},DNS:{END}")
        self.other = self.issuer.self_signed("other", "other", "ecdsa")
        self.home = world.home()
        self.file = File(self.home)

    def zone(self, exchangers=((10, MX),), rules=(), **records):
        """A new zone: HOST with these exchangers, ONE and TWO behind them.
        records: MX's own (`first`), SECOND's (`second`), END's (`end`), each a
        word of RECORDS; with `end` MX is an alias of END."""
        names = self.names
        names.zone, names.rules = {}, {}
        names.forget()
        names.add(HOST, MX=list(exchangers)).add(SECOND, A=TWO)
        if "end" in records:
            names.add(MX, CNAME=END).add(END, A=ONE)
        else:
            names.add(MX, A=ONE)
        owners = {"first": OWNER, "second": SECOND_OWNER, "end": END_OWNER}
        for which, word in records.items():
            self.records(owners[which], word)
        for name, kind, rule in rules:
            names.rule(name, kind, rule)

    def records(self, owner, word, more=False):
        numbers, whose = {"proof": ("3 1 1", self.leaf), "lie": ("3 1 1", self.other),
                          "useless": ("1 1 1", self.leaf),
                          "authority": ("2 1 1", self.issuer.root)}[word]
        data = bytes(int(n) for n in numbers.split())
        data += bytes.fromhex(tlsa(numbers, whose).split()[3])
        before = self.names.zone[owner]["TLSA"] if more else []
        self.names.add(owner, TLSA=[*before, data])

    def server(self, address=ONE, script=None, upgrade=None):
        return Scripted(self.world, address, STARTTLS if script is None else script,
                        upgrade or python_tls(self.leaf))

    def deliver(self, data=None, host=HOST, **control):
        control.setdefault("dane", "1")
        self.home.control(**control)
        return self.home.deliver(host, f"bob@{HOST}", data or messages.small())


def proved(outcome, address=ONE, verify="dane"):
    delivered(outcome, address)
    encrypted(outcome, verify)


# ---- what the server is asked for


class Asked:
    """For scripted.py: TLS that remembers the names it was asked for."""

    def __init__(self, certificate):
        self.names = []
        context = server_context(certificate)
        context.sni_callback = lambda _, name, __: self.names.append(name)
        self.upgrade = python_tls(certificate, context)

    def __call__(self, connection):
        return self.upgrade(connection)


@suite.case
def the_name_it_is_asked_by(setting):
    """The one whose records there are, of use or not."""
    bundle = {"trustanchors": setting.issuer.bundle}
    for records, control, name, verify in (
            ({"end": "proof"}, {}, END, "dane"),
            ({"end": "useless"}, {}, END, "unverified"),
            # A name that is proved is the same with DANE and without.
            ({"end": "useless"}, {**bundle, "tlsstrictness": 2}, MX, "verified"),
            ({"first": "useless"}, {}, MX, "unverified"),
            ({}, {}, MX, "unverified"),
            # What the administrator writes down comes first, but before a proof.
            ({"end": "useless"}, {**bundle, "tlspolicy": f"{HOST}:2 name={SECOND}"},
             SECOND, "verified"),
            ({"end": "proof"}, {**bundle, "tlspolicy": f"{HOST}:2 name={SECOND}"},
             END, "dane")):
        setting.zone(**records)
        asked = Asked(setting.leaf)
        with setting.server(upgrade=asked):
            proved(setting.deliver(**control), verify=verify)
        equal(asked.names, [name], f"{records} {control}")


@suite.case
def an_alias_without_records_is_asked_by_its_own_name(setting):
    setting.zone(end="proof")
    setting.names.zone.pop(END_OWNER)
    asked = Asked(setting.leaf)
    with setting.server(upgrade=asked):
        proved(setting.deliver(), verify="unverified")
    equal(asked.names, [MX])


@suite.case
def the_next_hops_name_as_certificates_have_it(setting):
    """It is given in UTF-8, and has to be in an authority's leaf."""
    name = "d\u00e9st.example"
    ascii_name = name.encode("idna").decode()
    leaf = setting.issuer.leaf("ascii", f"DNS:{ascii_name}")
    leaf.join(setting.issuer.root)
    setting.zone(first="authority")
    setting.names.add(ascii_name, MX=[(10, MX)])
    with setting.server(upgrade=python_tls(leaf)):
        proved(setting.deliver(host=name))


# ---- never in clear


def tried_once(server):
    """It was, and was told nothing of the mail."""
    equal([s.verbs() for s in server.settle()], [["EHLO", "STARTTLS", "QUIT"]])


def one_of_each(setting, records, preferences=(10, 20)):
    """Beside one without records, which may have the mail in clear."""
    setting.zone([(preferences[0], MX), (preferences[1], SECOND)], first=records)
    with setting.server(script=NO_TLS) as first, \
            setting.server(TWO, {}) as second:
        outcome = setting.deliver(tlsstrictness=1, trustanchors=setting.issuer.bundle)
        delivered(outcome, TWO)
        in_clear(outcome)
        tried_once(first)
        equal(len(second.contents()), 1)


for word in ("proof", "useless"):
    suite.add(f"no_second_pass_{word}", one_of_each, word)
    suite.add(f"no_second_pass_behind_it_{word}", one_of_each, word, (20, 10))


@suite.case
def both_stay_out_of_clear(setting):
    for records in ("proof", "useless"):
        for control in ({}, {"tlsstrictness": 1}):
            setting.zone([(10, MX), (20, SECOND)], first=records, second=records)
            with setting.server(script=NO_TLS) as first, \
                    setting.server(TWO, NO_TLS) as second:
                failed(setting.deliver(trustanchors=setting.issuer.bundle, **control),
                       "Z", "but STARTTLS was refused. (#4.7.4)")
                tried_once(first)
                tried_once(second)


# ---- whose answers cannot be had


FAILS = ((OWNER, "TLSA", rcode(SERVFAIL)),)


@suite.case
def who_is_left_out_cuts_as_before(setting):
    """Whether it stands before us, is us, or stands behind us."""
    ours = {"ipme": OWN}
    for exchangers, letter, text in (
            ([(10, MX), (20, "own.example"), (30, SECOND)], "Z", UNKNOWN),
            ([(10, "own.example"), (20, MX), (30, SECOND)], "D", "(#5.4.6)"),
            ([(10, MX), (10, "own.example"), (30, SECOND)], "D", "(#5.4.6)")):
        setting.zone(exchangers, FAILS, second="proof")
        setting.names.add("own.example", A=OWN)
        with setting.server(TWO) as server:
            failed(setting.deliver(**ours), letter, text)
            equal(len(server.sessions), 0)


@suite.case
def who_is_left_out_may_be_this_machine(setting):
    """Its TLSA records fail, and one of its addresses is ours."""
    setting.zone([(10, MX), (20, SECOND)], FAILS, second="proof")
    setting.names.add(MX, A=[OWN, ONE])
    with setting.server(TWO) as server:
        failed(setting.deliver(ipme=OWN), "D", "(#5.4.6)")
        equal(len(server.sessions), 0)


@suite.case
def a_late_answer_is_waited_for(setting):
    for word, verify in (("proof", "dane"), ("lie", None), ("useless", "unverified")):
        setting.zone([(10, MX), (20, SECOND)], ((OWNER, "TLSA", late(WITHIN_S)),),
                     first=word, second="proof")
        with setting.server() as first, setting.server(TWO) as second:
            outcome = setting.deliver()
            if verify:
                proved(outcome, ONE, verify)
            else:
                proved(outcome, TWO)
            equal(len(first.sessions), 1)
            equal(len(second.sessions), 0 if verify else 1)


@suite.case
def a_late_answer_beyond_patience(setting):
    """The next exchanger is tried, and gets the mail; or the answer is still of
    use when that one decides nothing."""
    for script, address in ((STARTTLS, TWO), ({"greeting": "421 later"}, ONE)):
        setting.zone([(10, MX), (20, SECOND)], ((OWNER, "TLSA", late(BEYOND_S)),),
                     first="proof", second="proof")
        with setting.server() as first, setting.server(TWO, script) as second:
            proved(setting.deliver(), address)
            equal(len(first.sessions), 1 if address == ONE else 0)
            equal(len(second.sessions), 1)


@suite.case
def a_late_answer_of_the_only_one(setting):
    for word in ("proof", "lie"):
        setting.zone(rules=((OWNER, "TLSA", late(BEYOND_S)),), first=word)
        with setting.server():
            outcome = setting.deliver()
            if word == "proof":
                proved(outcome)
            else:
                failed(outcome, "Z", MISMATCH)


@suite.case
def an_answer_that_never_comes(setting):
    setting.zone(rules=((OWNER, "TLSA", silent),), first="proof")
    with setting.server() as server:
        outcome = setting.deliver(timeoutdns=6)
        failed(outcome, "Z", UNKNOWN)
        equal(outcome.text.split("\n")[1], f"{OWNER}: no usable answer")
        equal(len(server.sessions), 0)


def another(address):
    """The alias of END that SECOND is, where END has another address."""
    return lambda query: [query.reply([record(SECOND, "CNAME", END),
                                       record(END, "A", address)])]


def after(seconds, rule):
    return lambda query: [seconds, *rule(query)]


@suite.case
def exchangers_that_are_one_host(setting):
    """What the first proves itself by is known before where it is: of the second,
    which is an alias for the same."""
    setting.zone([(10, SECOND), (20, MX)],
                 ((SECOND, "A", after(WITHIN_S, another(TWO))),), end="proof")
    with setting.server(), setting.server(TWO):
        began = time.monotonic()
        proved(setting.deliver(), TWO)
        took = time.monotonic() - began
    equal(len(setting.names.asked(END_OWNER, "TLSA")), 1)
    # Its patience is not waited out.
    assert took < 3.5, took


@suite.case
def exchangers_that_are_one_host_that_fails(setting):
    """By then the first is left out, and there is nothing else to wait for."""
    setting.zone([(10, MX), (20, SECOND)],
                 ((SECOND, "A", after(BEYOND_S, another(TWO))),), end="proof")
    for _ in range(16):
        setting.records(END_OWNER, "proof", more=True)
    with setting.server() as first, setting.server(TWO) as second:
        failed(setting.deliver(), "Z", UNKNOWN)
        equal(len(first.sessions) + len(second.sessions), 0)


@suite.case
def a_name_too_long_for_records_of_its_own(setting):
    """The end of its aliases has no room for _25._tcp; its own name has some."""
    end = ".".join(["e" * 61] * 4)
    setting.zone(first="lie")
    setting.names.add(end, A=ONE)
    setting.names.zone[MX] = {"CNAME": [end]}
    with setting.server():
        failed(setting.deliver(), "Z", MISMATCH)
    equal(len(setting.names.asked(OWNER, "TLSA")) > 0, True)


NO_ADDRESS = "Sorry, I couldn't find any host by that name. (#4.1.2)"


@suite.case
def more_than_can_prove_themselves(setting):
    """The ninth is not looked up, which is no reason to give the mail up; where
    nobody vouches for the list it is like any other."""
    eight = [(n, f"none{n}.dest.example") for n in range(1, 9)]
    setting.zone([*eight, (9, SECOND)], second="proof")
    with setting.server(TWO) as server:
        failed(setting.deliver(), "Z", NO_ADDRESS)
        equal(setting.names.asked(SECOND), [])
        setting.names.rule(HOST, "MX", forged)
        proved(setting.deliver(), TWO, "unverified")
        equal(len(server.sessions), 1)
    setting.zone([*eight, (9, SECOND)], second="proof")
    line = [o for o in probe(setting)[1] if o.get("name") == SECOND]
    equal([(o["event"], o["why"]) for o in line], [("candidate", "too_many")])


# ---- whose word counts


@suite.case
def each_link_has_to_be_vouched_for(setting):
    """A lie is found out if everybody vouches for everything."""
    for name, kind in ((None, None), (HOST, "MX"), (MX, "A"), (OWNER, "TLSA")):
        setting.zone(rules=((name, kind, forged),) if name else (), first="lie")
        with setting.server():
            outcome = setting.deliver()
            if name:
                proved(outcome, verify="unverified")
            else:
                failed(outcome, "Z", MISMATCH)
        equal(all(q.authentic for q in setting.names.queries), True)
        asked = setting.names.asked(OWNER, "TLSA")
        equal(len(asked) > 0, (name, kind) not in ((HOST, "MX"), (MX, "A")))


@suite.case
def nothing_is_asked_where_it_is_off(setting):
    for control in ({"dane": "0"}, {"tlspolicy": f"{HOST}:none"},
                    {"tlspolicy": f"{HOST}:1 pin={'ab' * 32}"}):
        setting.zone(rules=FAILS, first="lie")
        with setting.server():
            setting.deliver(**control)
        assert not any(q.authentic for q in setting.names.queries), control
        equal(setting.names.asked(kind="TLSA"), [])


# ---- the administrator's other words


LOGIN = {"EHLO": "250-relay\r\n250-STARTTLS\r\n250 8BITMIME",
         "tls EHLO": "250-relay\r\n250-AUTH PLAIN\r\n250 8BITMIME",
         "tls AUTH": "235 welcome"}


@suite.case
def a_login_takes_records_for_a_proof(setting):
    """No anchors are wanted. Without records of use it is a name."""
    route = {"smtproutes": f":{MX}|carol|secret"}
    for word, letter, text in (("proof", "K", "verify=dane"), ("lie", "Z", MISMATCH),
                               ("useless", "Z", "control/trustanchors: needed to log in"),
                               (None, "Z", "control/trustanchors: needed to log in")):
        setting.zone(**({"first": word} if word else {}))
        with setting.server(script=LOGIN) as server:
            outcome = setting.deliver(**route)
            equal(outcome.letter, letter, outcome.text)
            contains(outcome.text, text)
            equal([v for s in server.settle() for v in s.logins()] != [],
                  letter == "K")


@suite.case
def level_dane_comes_before_a_login(setting):
    """Its name would do for that, but nobody asks for it."""
    control = {"smtproutes": f":{MX}|carol|secret", "tlspolicy": f"{MX}:dane",
               "trustanchors": setting.issuer.bundle}
    for word in ("useless", None):
        setting.zone(**({"first": word} if word else {}))
        with setting.server(script=LOGIN) as server:
            failed(setting.deliver(**control), "Z", LACKING)
            equal(len(server.sessions), 0)
    setting.zone(first="proof")
    with setting.server(script=LOGIN):
        proved(setting.deliver(**control))


@suite.case
def a_login_proves_the_name_that_is_written_down(setting):
    """Not the one that the DNS says it is, whose records are of no use."""
    issuer = setting.issuer
    control = {"smtproutes": f":{MX}|carol|secret", "trustanchors": issuer.bundle}
    for name in (MX, END):
        setting.zone(end="useless")
        leaf = issuer.leaf(f"only-{name}", f"DNS:{name}")
        for dane in ("0", "1"):
            with setting.server(script=LOGIN, upgrade=python_tls(leaf)) as server:
                outcome = setting.deliver(dane=dane, **control)
                if name == MX:
                    proved(outcome, verify="verified")
                else:
                    failed(outcome, "Z", f"not valid for {MX}")
                    equal([s.logins() for s in server.settle()], [[]])


@suite.case
def level_dane_believes_no_bad_news(setting):
    """Where nobody vouches for it: it could be anybody's, and the mail waits."""
    control = {"tlspolicy": f"{HOST}:dane", "ipme": OWN}
    null, nothing, void = [(0, "")], None, [(10, "void.example")]
    for exchangers, good in ((nothing, "(#5.1.2)"), (null, "(#5.1.10)"),
                             (void, "(#5.4.4)"), ([(10, "own.example")], "(#5.4.6)"),
                             ([(10, "loop.example")], "(#5.4.6)")):
        for authentic in (True, False):
            setting.zone(exchangers or ())
            setting.names.add("own.example", A=OWN).add("loop.example", A="127.0.0.1")
            setting.names.add("void.example", TXT="v")
            if not exchangers:
                del setting.names.zone[HOST]
            setting.names.flags = (setting.names.flags | AD if authentic
                                   else setting.names.flags & ~AD)
            outcome = setting.deliver(**control)
            if authentic:
                failed(outcome, "D", good)
            else:
                failed(outcome, "Z", LACKING)
    setting.names.flags |= AD
    # The exchangers are authentic, and what is said of their addresses is not.
    for name in ("void.example", "own.example", "loop.example"):
        setting.zone([(10, name)], [(name, kind, forged) for kind in ("A", "AAAA")])
        setting.names.add("own.example", A=OWN).add("loop.example", A="127.0.0.1")
        setting.names.add("void.example", TXT="v")
        failed(setting.deliver(**control), "Z", LACKING)


# ---- mail that says it is not worth it


NOT_WORTH_IT = b"TLS-Required: No\n" + messages.small()
IN_ITS_BODY = messages.small() + b"TLS-Required: No\n"


@suite.case
def tls_required_no(setting):
    """TLS is tried all the same; nothing is asked for, nothing vouched for."""
    for word in ("lie", "useless", "proof", None):
        for rules in ((), FAILS):
            setting.zone(rules=rules, **({"first": word} if word else {}))
            with setting.server():
                proved(setting.deliver(NOT_WORTH_IT), verify="unverified")
            assert not any(q.authentic for q in setting.names.queries)
            equal(setting.names.asked(kind="TLSA"), [])
    setting.zone(first="proof")
    with setting.server(script={}):
        outcome = setting.deliver(NOT_WORTH_IT)
        delivered(outcome, ONE)
        in_clear(outcome)


@suite.case
def tls_required_no_of_a_long_message(setting):
    """Its header and its end are far apart."""
    setting.zone(first="lie")
    data = b"X: y\n" * 30000 + b"tls-required:\n\tNO \r\n\n" + b"line\n" * 30000
    with setting.server() as server:
        proved(setting.deliver(data), verify="unverified")
        equal(server.contents()[0].count(b"line\r\n"), 30000)
    with setting.server():
        failed(setting.deliver(data.replace(b"NO ", b"NO!")), "Z", MISMATCH)


@suite.case
def tls_required_is_a_field_of_the_header(setting):
    for data in (messages.small(), IN_ITS_BODY, b"TLS-Required: Yes\n\nbody\n",
                 b"X-TLS-Required: No\n\nbody\n"):
        setting.zone(first="lie")
        with setting.server():
            failed(setting.deliver(data), "Z", MISMATCH)


@suite.case
def tls_required_no_is_not_the_administrators_word(setting):
    """Levels, pins and what a login wants are."""
    anchors = {"trustanchors": setting.other.cert}
    for control, text in (
            ({"tlspolicy": f"{HOST}:dane"}, MISMATCH),
            ({"tlsstrictness": 2, **anchors}, "issued by an unknown authority"),
            ({"tlspolicy": f"{HOST}:2", **anchors}, "issued by an unknown authority"),
            ({"tlspolicy": f"{HOST}:1 pin={'ab' * 32}"}, "not the pinned one"),
            ({"smtproutes": f":{MX}|carol|secret", **anchors}, MISMATCH),
            ({"smtproutes": f":{MX}|carol|secret"}, MISMATCH)):
        setting.zone(first="lie")
        with setting.server(script=LOGIN) as server:
            failed(setting.deliver(NOT_WORTH_IT, **control), "Z", text)
            equal([s.logins() for s in server.settle()], [[]])
    setting.zone(first="proof")
    with setting.server(script=LOGIN):
        proved(setting.deliver(NOT_WORTH_IT, smtproutes=f":{MX}|carol|secret"))


@suite.case
def tls_required_no_of_a_pipe(setting):
    """It is read once, when all is decided."""
    setting.zone(first="lie")
    setting.home.control(dane="1")
    with setting.server():
        run = subprocess.run(
            [setting.home.binary, HOST, "alice@client.example", f"bob@{HOST}"],
            input=NOT_WORTH_IT, capture_output=True, check=False,
            env={"QMAILHOME": setting.home.path})
    contains(run.stdout.decode(), f"ZConnected to {ONE} but {MISMATCH}")


# ---- mote-probe


def probe(setting, **control):
    """Its lines, and its objects."""
    link = os.path.join(os.path.dirname(setting.home.binary), "mote-probe")
    if not os.path.lexists(link):
        os.symlink("qmail-remote", link)
    control.setdefault("dane", "1")
    setting.home.control(**control)
    said = [subprocess.run([link, *options, HOST], capture_output=True, text=True,
                           check=False, stdin=subprocess.DEVNULL,
                           env={"QMAILHOME": setting.home.path}).stdout.splitlines()
            for options in ((), ("-j",))]
    return said[0], [json.loads(line) for line in said[1]]


def about(lines):
    return [line for line in lines
            if line.startswith(("DANE:", "  TLSA", "  not proved", "Dropped", "look"))]


def prefix(setting, word):
    data = {"proof": ("3 1 1", setting.leaf), "lie": ("3 1 1", setting.other),
            "useless": ("1 1 1", setting.leaf), "authority": ("2 1 1", setting.issuer.root)}
    numbers, whose = data[word]
    return f"{numbers} {tlsa(numbers, whose).split()[3][:16]}..."


@suite.case
def the_probe_shows_records_and_which_matches(setting):
    setting.zone(first="proof")
    for word in ("lie", "useless"):
        setting.records(OWNER, word, more=True)
    setting.names.zone[OWNER]["TLSA"].append(bytes([3, 1, 2]) + bytes(64))
    with setting.server():
        lines, objects = probe(setting)
    # The one of zeros is stronger than the two beside it.
    weak = "a stronger digest is beside it"
    equal(about(lines), [
        f"DANE: {MX}: proved by its TLSA records, or no mail",
        f"  TLSA {prefix(setting, 'proof')}: {weak}",
        f"  TLSA {prefix(setting, 'lie')}: {weak}",
        f"  TLSA {prefix(setting, 'useless')}: not usable",
        "  TLSA 3 1 2 0000000000000000...: usable",
        "  not proved: none of its 4 TLSA records matches"])
    contains(lines[-1], "wait in the queue")
    equal([o["type"] for o in objects if o["event"] == "tlsa"], [1, 1, 1, 2])
    setting.zone(first="lie")
    setting.records(OWNER, "proof", more=True)
    with setting.server():
        lines, objects = probe(setting)
    equal(about(lines), [
        f"DANE: {MX}: proved by its TLSA records, or no mail",
        f"  TLSA {prefix(setting, 'lie')}: usable",
        f"  TLSA {prefix(setting, 'proof')}: usable",
        f"  TLSA {prefix(setting, 'proof')}: matches"])
    contains(lines[-1], "verify=dane")
    assert not any("tlsstrictness" in line for line in lines), lines
    equal([o["state"] for o in objects if o["event"] == "tlsa"],
          ["usable", "usable", "match"])


@suite.case
def the_probe_says_what_became_of_each(setting):
    setting.zone([(10, MX), (20, SECOND), (30, "third.example")], FAILS,
                 second="useless")
    setting.names.add("third.example", A="192.0.2.12")
    with setting.server(TWO):
        lines, _ = probe(setting)
    equal(about(lines), [
        f"DANE: {MX}: not used, SERVFAIL",
        f"DANE: {SECOND}: TLS, or no mail, no TLSA record is usable",
        f"  TLSA {prefix(setting, 'useless')}: not usable",
        "DANE: third.example: not in force, no TLSA records",
        f"Dropped: {ONE} {MX}, preference 10, not tried: SERVFAIL"])
    # Nobody is left.
    setting.zone(rules=FAILS)
    lines, _ = probe(setting)
    contains(lines[-1], UNKNOWN)
    # Off, or not to be had.
    setting.zone(first="proof", rules=((HOST, "MX", forged),))
    with setting.server():
        lines, _ = probe(setting)
        equal(about(lines), [
            f"DANE: {MX}: not in force, its MX records are not authentic"])
        lines, _ = probe(setting, dane="0")
        equal(about(lines), [])


@suite.case
def the_probe_says_by_which_name(setting):
    setting.zone(end="proof")
    with setting.server():
        lines, _ = probe(setting)
    equal(about(lines)[0], f"DANE: {MX}, by the name {END}: proved by its TLSA "
          "records, or no mail")


@suite.case
def the_probe_says_who_is_not_believed(setting):
    setting.zone(first="lie")
    said = "look: control/dane has no effect: a name server is on another machine"
    far = Names(setting.world, "192.0.2.53")
    far.zone = setting.names.zone
    for lines, dane, count in (
            ("nameserver 192.0.2.53", "1", 1), ("nameserver 192.0.2.53", "0", 0),
            ("nameserver 192.0.2.53\noptions trust-ad", "1", 0),
            ("nameserver 127.0.0.1", "1", 0)):
        setting.world.resolv_conf(lines + "\n")
        with setting.server():
            equal(sum(said in line for line in probe(setting, dane=dane)[0]), count)
    setting.world.resolv_conf("nameserver 127.0.0.1\n")


# ---- sessions of TLS


def run(setting, upgrade, **control):
    """A delivery, with the file of sessions kept."""
    with setting.server(upgrade=upgrade):
        return setting.deliver(**control)


@suite.case
def a_session_of_before_proves_no_records(setting):
    """It was kept without records, at the same level."""
    for control, verify in (({}, "unverified"),
                            ({"tlsstrictness": 2, "trustanchors": setting.issuer.bundle},
                             "verified")):
        setting.file.make()
        setting.zone()
        upgrade = Resuming(setting.leaf)
        proved(run(setting, upgrade, **control), verify=verify)
        assert setting.file.records()
        before = setting.file.read()
        setting.zone(first="lie")
        failed(run(setting, upgrade, **control), "Z", MISMATCH)
        equal(upgrade.offers, [None, None])
        setting.zone(first="proof")
        proved(run(setting, upgrade, **control))
        equal(upgrade.offers, [None] * 3)
        equal(setting.file.read(), before)
        # With the records gone it is what it was.
        setting.zone()
        proved(run(setting, upgrade, **control), verify=verify)
        equal(upgrade.resumed, [False, False, True])  # one was refused


@suite.case
def records_leave_no_session(setting):
    setting.file.make()
    setting.zone(first="proof")
    upgrade = Resuming(setting.leaf)
    for _ in range(2):
        proved(run(setting, upgrade))
    equal(setting.file.records(), {})
    setting.zone()
    proved(run(setting, upgrade), verify="unverified")
    equal(upgrade.offers, [None] * 3)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
