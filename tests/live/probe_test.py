# SPDX-License-Identifier: ISC
"""mote-probe: what it says of a world, that it says what qmail-remote then
does there, and that nobody gets mail by it."""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time

import messages
from aiosmtp import server_context
from authority import EXPIRED, INTERMEDIATE, VALID, Issuer
from harness import Skip, Suite, contains, equal
from names import SERVFAIL, Names, rcode, silent
from scripted import DROP, EHLO_STARTTLS, Scripted
from tcptotable import record
from tlsserver import python_tls
from world import full_listener, run_suite

ONE, TWO, CLOSED, FULL = "192.0.2.10", "192.0.2.11", "192.0.2.50", "192.0.2.12"
NAME, SECOND = "mx.dest.example", "mx2.dest.example"
HOST, PAIR = "dest.example", "pair.example"
STARTTLS = {"EHLO": EHLO_STARTTLS}
REFUSED = {**STARTTLS, "STARTTLS": "454 4.7.0 not now"}
WHOLE = "mail would go over TLS, certificate not checked"
UNASKED = "(recipient not asked)"
suite = Suite()


def drop_handshake(connection):
    connection.recv(4096)
    raise OSError("dropped")


def wants_a_certificate(connection):
    """Of the client, which has none: TLS 1.3 says so behind the handshake."""
    return Setting.demanding.wrap_socket(connection, server_side=True)


class Seen:
    """One run of the probe."""

    def __init__(self, run):
        self.status = run.returncode
        self.output = run.stdout
        self.text = run.stdout.decode()
        self.lines = self.text.splitlines()
        self.error = run.stderr

    def events(self, kind=None):
        """The objects, those of one kind, each of which is a line."""
        found = [json.loads(line) for line in self.lines]
        return [e for e in found if kind in (None, e["event"])]

    def event(self, kind):
        found = self.events(kind)
        equal(len(found), 1, f"events {kind}")
        return found[0]


class Setting:
    def __init__(self, world):
        self.world = world
        self.home = world.home()
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.names = Names(world)
        self.names.add(HOST, MX=[(10, NAME)]).add(NAME, A=ONE)
        self.names.add(SECOND, A=TWO).add("closed.example", A=CLOSED)
        self.names.add(PAIR, MX=[(10, NAME), (20, SECOND)])
        self.names.add("twin.example", MX=[(10, "unproved.example"), (20, NAME)])
        self.names.add("unproved.example", A=ONE)
        self.names.add("null.example", MX=[(0, ".")], A=ONE)
        self.names.add("alone.example", A=ONE).add("bare.example", TXT="x")
        self.names.add("alias.example", CNAME=HOST)
        self.names.add("loop.example", MX=[(10, "own.example"), (20, NAME)])
        self.names.add("own.example", A="127.0.0.1")
        self.names.rule("failing.example", "*", rcode(SERVFAIL))
        self.issuer = Issuer(world)
        issuer = self.issuer
        stranger = Issuer(world, "stranger")
        names = f"DNS:{NAME},DNS:{SECOND}"
        self.leaves = {
            "good": issuer.leaf("good", names, issuer=issuer.intermediate("between")),
            "expired": issuer.leaf("expired", names, dates=EXPIRED),
            "wrong": issuer.leaf("wrong", "DNS:other.example"),
            "strange": stranger.leaf("strange", names),
        }
        Setting.demanding = server_context(self.leaves["good"])
        Setting.demanding.verify_mode = ssl.CERT_REQUIRED
        Setting.demanding.load_verify_locations(issuer.bundle)
        self.names.add("slow.example", MX=[(10, "full.example"), (20, SECOND)])
        self.names.add("full.example", A=FULL)
        full_listener(world, FULL)
        many = [f"m{n}.example" for n in range(7)]
        for n, name in enumerate(many):
            self.names.add(name, A=f"192.0.2.{20 + n}")
        self.names.add("many.example", MX=[(n, m) for n, m in enumerate(many)])
        self.link = os.path.join(os.path.dirname(self.home.binary), "mote-probe")
        os.symlink("qmail-remote", self.link)

    def probe(self, *arguments, **environment):
        run = subprocess.run(
            [self.link, *arguments], capture_output=True, check=False, timeout=120,
            stdin=subprocess.DEVNULL,
            env={"QMAILHOME": self.home.path, **environment})
        return Seen(run)

    def tcpto(self):
        with open(self.home.tcpto, "rb") as file:
            return file.read()

    def timed_out(self, *addresses):
        """Put addresses into the table as those that timed out just now."""
        table = b"".join(record(a, 2, int(time.time())) for a in addresses)
        with open(self.home.tcpto, "r+b") as file:
            file.write(table)


class World:
    """Servers, control files and an address for one case.

    servers: by address, a script and how TLS is set up there.
    """

    def __init__(self, address=f"bob@{HOST}", servers=None, skip=(), tls=None,
                 **control):
        self.address = address
        self.servers = {} if servers is None else servers
        self.skip = skip
        self.tls = tls
        self.control = control

    def build(self, setting):
        control = dict(self.control)
        if self.tls is not None:
            control = {"trustanchors": setting.issuer.bundle, "tlsstrictness": self.tls,
                       **control}
        setting.home.control(**control)
        setting.timed_out(*self.skip)
        return [Scripted(setting.world, address, script,
                         upgrade if callable(upgrade) or not upgrade
                         else python_tls(setting.leaves[upgrade]))
                for address, (script, upgrade) in self.servers.items()]


def one(script=STARTTLS, upgrade="good", **options):
    return World(servers={ONE: (script, upgrade)}, **options)


def two(first, second, **options):
    return World(f"bob@{PAIR}", {ONE: first, TWO: second}, **options)


TLS = (STARTTLS, "good")
CLEAR = ({}, None)
WORLDS = {
    "clear": one({}, None),
    "no_anchors": one(),
    "verified": one(tls=2),
    "encrypted": one(tls=0),
    "preferred": one(tls=1),
    "expired_at_0": one(upgrade="expired", tls=0),
    "expired_at_1": one(upgrade="expired", tls=1),
    "expired_at_2": one(upgrade="expired", tls=2),
    "wrong_name_at_2": one(upgrade="wrong", tls=2),
    "unknown_authority_at_2": one(upgrade="strange", tls=2),
    "not_offered_at_0": one({}, None, tls=0),
    "not_offered_at_1": one({}, None, tls=1),
    "not_offered_at_2": one({}, None, tls=2),
    "refused_at_0": one(REFUSED, tls=0),
    "refused_at_1": one(REFUSED, tls=1),
    "refused_at_2": one(REFUSED, tls=2),
    "dropped_at_0": one(upgrade=drop_handshake, tls=0),
    "dropped_at_1": one(upgrade=drop_handshake, tls=1),
    "dropped_at_2": one(upgrade=drop_handshake, tls=2),
    "injected_at_0": one({**STARTTLS, "STARTTLS": b"220 go\r\n250 x\r\n"}, tls=0),
    "injected_at_2": one({**STARTTLS, "STARTTLS": b"220 go\r\n250 x\r\n"}, tls=2),
    "rejected_over_tls": one({**STARTTLS, "tls EHLO": "451 later"}, tls=0),
    "second_has_tls": two(CLEAR, TLS, tls=1),
    "second_is_verified": two((STARTTLS, "expired"), TLS, tls=2),
    "one_of_its_names_is_verified": World("bob@twin.example", {ONE: TLS}, tls=2),
    "neither_is_verified": two((STARTTLS, "expired"), (STARTTLS, "wrong"), tls=2),
    "neither_has_tls": two(CLEAR, CLEAR, tls=1),
    "greeting_554": one({"greeting": "554 5.7.1 go away"}, None),
    "greeting_421": one({"greeting": "421 busy"}, None),
    "greeting_dropped": one({"greeting": DROP}, None),
    "greeting_malformed": one({"greeting": b"hello\r\n"}, None),
    "second_greets": two(({"greeting": "554 no"}, None), CLEAR),
    "neither_greets": two(({"greeting": "554 no"}, None), ({"EHLO": "451 no"}, None)),
    "ehlo_451": one({"EHLO": "451 not you"}, None),
    "ehlo_502_helo": one({"EHLO": "502 what"}, None),
    "helo_550": one({"EHLO": "502 what", "HELO": "550 no"}, None),
    "greeting_silent": one({"greeting": (8.0, "220 late")}, None, timeoutremote=1),
    "wants_certificate_at_0": one(upgrade=wants_a_certificate, tls=0),
    "wants_certificate_at_1": one(upgrade=wants_a_certificate, tls=1),
    "wants_certificate_at_2": one(upgrade=wants_a_certificate, tls=2),
    "bad_client_certificate": one(tls=0, clientcert="/etc/hostname",
                                  clientkey="/etc/hostname"),
    "handshakes_dropped_twice": two((STARTTLS, drop_handshake),
                                    (STARTTLS, drop_handshake), tls=1),
    "sixth_greets": World("bob@many.example", {
        f"192.0.2.{20 + n}": ({} if n > 4 else {"greeting": f"554 no {n}"}, None)
        for n in range(7)}),
    "first_times_out": World("bob@slow.example", {TWO: CLEAR}, timeoutconnect=2),
    "only_one_times_out": World("bob@full.example", timeoutconnect=2),
    "connection_refused": World(),
    "second_connects": World(f"bob@{PAIR}", {TWO: CLEAR}),
    "skipped": one({}, None, skip=(ONE,)),
    "second_is_not_skipped": two(CLEAR, CLEAR, skip=(ONE,)),
    "no_such_host": World("bob@absent.example"),
    "no_exchanger": World("bob@bare.example"),
    "no_mx": World("bob@alone.example", {ONE: CLEAR}),
    "null_mx": World("bob@null.example"),
    "alias": World("bob@alias.example", {ONE: CLEAR}),
    "servfail": World("bob@failing.example"),
    "own_address": one({}, None, ipme=ONE),
    "own_address_beside": two(CLEAR, CLEAR, ipme=TWO),
    "loopback": World("bob@loop.example"),
    "relay": one({}, None, smtproutes=f"{HOST}:{NAME}"),
    "relay_address": World(servers={TWO: CLEAR}, smtproutes=f"x.example:y\n:[{TWO}]"),
    "relay_missing": World(smtproutes=":absent.example"),
    "relay_own": World(smtproutes=f":[{ONE}]", ipme=ONE),
    "relay_bad": World(smtproutes=":relay:port"),
    "literal": World(f"bob@[{ONE}]", {ONE: CLEAR}),
    "no_anchors_at_2": World(tls=2, trustanchors=None),
    "bad_control": World(timeoutremote="99999999999"),
    "not_ascii": World("bob@b\udcfccher.example"),
    "utf8": World(f"b\u00fcb@[{ONE}]", {ONE: CLEAR}),
}


def quiet(servers):
    """Nothing but greetings was exchanged."""
    for server in servers:
        for session in server.settle():
            verbs = set(session.verbs())
            assert verbs <= {"EHLO", "HELO", "STARTTLS", "QUIT"}, session.commands


def agree(setting, world):
    """The last line is what a delivery right after it comes to."""
    servers = world.build(setting)
    try:
        before = setting.tcpto()
        seen = setting.probe("-j", world.address)
        equal(setting.tcpto(), before, "tcpto")
        quiet(servers)
        equal(seen.error, b"")
        verdict = seen.event("verdict")
        equal(seen.events()[-1], verdict, "last line")
        host = world.address.rpartition("@")[2]
        outcome = setting.home.deliver(host, world.address, messages.small(), sender="")
        equal(verdict["class"], outcome.message[0], outcome.text)
        equal(seen.status, {"K": 0, "Z": 111, "D": 100}[outcome.message[0]])
        if outcome.message[0] == "K":
            start = f"K{verdict['address']} accepted message.\n"
            equal(outcome.message[:len(start)], start)
            equal(verdict.get("tls"), outcome.last_line
                  if outcome.last_line.startswith("STARTTLS ") else None)
        else:
            equal(verdict["report"], outcome.message[1:].rstrip("\n"))
    finally:
        for server in servers:
            server.close()


for name, world in WORLDS.items():
    suite.add(f"agrees_{name}", agree, world)


def look(setting, world, *options):
    """What the probe says of a world."""
    servers = world.build(setting)
    try:
        seen = setting.probe(*options, world.address)
        quiet(servers)
        return seen
    finally:
        for server in servers:
            server.close()


# ---- what a person reads

def verdict_line(seen):
    return seen.lines[-1]


@suite.case
def a_delivery_in_words(setting):
    seen = look(setting, one(tls=2))
    assert re.fullmatch(rf"mote \S+, mail for bob@{HOST}", seen.lines[0]), seen.lines[0]
    equal(seen.lines[1], f"Route for {HOST}: exchangers, port 25")
    contains(seen.text, f"\nDNS: MX {HOST}: 10 {NAME} (127.0.0.1, ")
    contains(seen.text, f"\nDNS: AAAA {NAME}: no such record (127.0.0.1, ")
    contains(seen.text, f"\nCandidate: {ONE} {NAME}, preference 10\n")
    contains(seen.text, f"\nTo {ONE} {NAME}: connected (")
    contains(seen.text, " ms): 220 scripted.example ready\n")
    contains(seen.text, " ms): 250-scripted.example / 250-STARTTLS / 250 8BITMIME\n")
    contains(seen.text, " ms): TLSv1.3, TLS_")
    contains(seen.text, f"\n  certificate: {NAME}, issued by between test authority, "
             f"2020-01-01T00:00:00Z to 2049-01-01T00:00:00Z, for {NAME}, {SECOND}\n")
    contains(seen.text, "\n  its authority: between test authority, issued by "
             "ca test root, 2020-01-01T00:00:00Z to 2049-01-01T00:00:00Z\n")
    contains(seen.text, "\n  trust anchor: ca test root, issued by ca test root, ")
    contains(seen.text, f"\n  at tlsstrictness 0: {WHOLE}\n")
    contains(seen.text, f"\n  at tlsstrictness 1: {WHOLE}\n")
    contains(seen.text, f"\n  at tlsstrictness 2, as configured: mail would go over TLS, "
             "verified\n")
    contains(verdict_line(seen), f"Result: now the mail would be sent to {ONE} "
             f"{UNASKED}, STARTTLS proto=TLSv1.3; ")


@suite.case
def a_bare_host_will_do(setting):
    servers = one({}, None).build(setting)
    seen = setting.probe(HOST)
    servers[0].close()
    equal(seen.lines[-1], f"Result: now the mail would be sent to {ONE} {UNASKED}")
    equal(seen.status, 0)


def levels(setting, world, *wanted):
    """What each tlsstrictness makes of the only session."""
    seen = look(setting, world, "-j")
    found = [e.get("how") or e["report"] for e in seen.events("session")]
    equal(len(found), 3)
    for got, want in zip(found, wanted):
        contains(got, want)
    equal([e["level"] for e in seen.events("session") if e.get("configured")],
          [int(world.tls or 0)], "as configured")
    for event in seen.events("session"):
        equal([event["address"], event["name"]], [ONE, NAME])
        equal("how" in event, "fault" not in event)


NO = "certificate was refused: "
LEVELS = {
    "good": (one(tls=0), "tls", "tls", "verified"),
    "expired": (one(upgrade="expired", tls=1), "tls", "tls",
                f"{NO}certificate expired on 2021-01-01. (#4.7.5)"),
    "wrong_name": (one(upgrade="wrong", tls=2), "tls", "tls",
                   f"{NO}not valid for {NAME}. (#4.7.5)"),
    "unknown_authority": (one(upgrade="strange", tls=0), "tls", "tls",
                          f"{NO}issued by an unknown authority. (#4.7.5)"),
    "not_offered": (one({}, None, tls=0), "clear", "clear",
                    "STARTTLS is required and not offered. (#4.7.4)"),
    "refused": (one(REFUSED, tls=0), "clear", "clear",
                "STARTTLS was refused. (#4.7.4)"),
    "dropped": (one(upgrade=drop_handshake, tls=0), "clear", "clear",
                "but TLS failed: "),
    "tls_is_off": (one(), "clear", "clear", "needed at tlsstrictness 2"),
    "nothing_to_trust": (one(tls=0, trustanchors="/run/mote/none.pem"),
                         "tls", "tls", "/run/mote/none.pem: no such file"),
    "hashed_directory": (one(tls=0, trustanchors="/run/mote/hashed/"),
                         "tls", "tls", "verified"),
}


def level_case(setting, world, *wanted):
    folder = os.path.join(setting.world.path, "hashed")
    if not os.path.exists(folder):
        setting.world.folder("hashed")
        with open(setting.issuer.bundle, "rb") as source:
            with open(os.path.join(folder, "root.pem"), "wb") as copy:
                copy.write(source.read())
        subprocess.run(["openssl", "rehash", folder], check=True)
    levels(setting, world, *wanted)


for name, arguments in LEVELS.items():
    suite.add(f"strictness_{name}", level_case, *arguments)


@suite.case
def own_addresses_are_dropped_by_name(setting):
    seen = look(setting, World(f"bob@{PAIR}", ipme=ONE))
    contains(seen.text, f"\nDropped: {ONE} {NAME}, preference 10, not tried: an "
             "address of this machine\n")
    contains(seen.text, f"\nDropped: {TWO} {SECOND}, preference 20, not tried: no "
             "better than an address of this machine\n")
    equal(seen.status, 100)


@suite.case
def skipped_addresses_are_not_connected_to(setting):
    world = one({}, None, skip=(ONE,))
    servers = world.build(setting)
    seen = setting.probe(world.address)
    equal([len(s.sessions) for s in servers], [0])
    servers[0].close()
    contains(seen.text, f"\nCandidate: {ONE} {NAME}, preference 10, not tried: timed "
             "out lately\n")
    equal(seen.lines[-1], "Result: now the mail would wait in the queue: Sorry, I wasn't "
          f"able to establish an SMTP connection. (#4.4.1) / {ONE}: timed out lately")


@suite.case
def exchangers_without_address_are_named(setting):
    setting.names.add("half.example", MX=[(10, "absent.example"), (20, "closed.example")])
    seen = look(setting, World("bob@half.example"))
    contains(seen.text, "\nDNS: A absent.example: no such name (127.0.0.1, ")
    contains(seen.text, "\nDropped: absent.example, preference 10, not tried: no "
             "address known\n")
    contains(seen.text, f"\nTo {CLOSED} closed.example: Connection refused (")


@suite.case
def a_server_that_fails_is_named_and_quoted(setting):
    world = World("bob@failing.example")
    seen = look(setting, world)
    line = re.search(r"\nDNS: MX failing.example: no usable answer\n"
                     r"  127\.0\.0\.1: SERVFAIL \((\d+) ms\)\n", seen.text)
    assert line, seen.text
    # It is asked once more behind a pause.
    assert int(line[1]) >= 100, line[1]
    seen = look(setting, world, "-j")
    equal(seen.events("dns")[0], {"event": "dns", "type": "MX",
                                  "name": "failing.example", "state": "failed"})
    event = seen.events("server")[0]
    assert event.pop("ms") >= 100, event
    equal(event, {"event": "server", "server": "127.0.0.1", "result": "servfail",
                  "rcode": 2})


@suite.case
def what_was_not_waited_for_has_no_error(setting):
    setting.names.rule("half.example", "MX", rcode(SERVFAIL))
    setting.names.rule("half.example", "*", silent)
    world = World("bob@half.example")
    seen = look(setting, world)
    contains(seen.text, "\nDNS: A half.example: not waited for\n")
    contains(seen.text, "\nDNS: AAAA half.example: not waited for\n")
    equal(look(setting, world, "-j").events("dns")[1],
          {"event": "dns", "type": "A", "name": "half.example", "state": "pending"})


@suite.case
def each_server_that_failed_is_named_with_its_way(setting):
    """Refused by the one, silence of the other, and nobody at the third."""
    setting.names.rule("refusing.example", "*", rcode(5))
    setting.names.rule("malformed.example", "*", rcode(1))
    mute = Names(setting.world, "127.0.0.2")
    for name in ("refusing.example", "malformed.example"):
        mute.rule(name, "*", silent)
    setting.world.resolv_conf("".join(f"nameserver 127.0.0.{n}\n" for n in (1, 2, 3)))
    try:
        refused = look(setting, World("bob@refusing.example", timeoutdns=4))
        malformed = look(setting, World("bob@malformed.example", timeoutdns=4), "-j")
    finally:
        setting.world.resolv_conf("nameserver 127.0.0.1\n")
        mute.close()
    failed = re.search(r"\nDNS: MX refusing.example: no usable answer\n((?:  .*\n)+)",
                       refused.text)
    assert failed, refused.text
    equal(re.sub(r" \(\d+ ms\)", "", failed[1]).splitlines(),
          ["  127.0.0.1: REFUSED", "  127.0.0.2: silent", "  127.0.0.3: cannot be reached"])
    equal([(e["server"], e["result"]) for e in malformed.events("server")[:3]],
          [("127.0.0.1", "error"), ("127.0.0.2", "silent"), ("127.0.0.3", "unreachable")])


@suite.case
def a_program_is_told_who_speaks_and_when(setting):
    before = int(time.time())
    begin = look(setting, one({}, None), "-j").events()[0]
    equal([begin["event"], begin["mail_for"]], ["probe", f"bob@{HOST}"])
    equal(begin["version"], setting.probe("--version").text.split()[1])
    assert before <= begin["time"] <= time.time(), begin


@suite.case
def each_event_of_a_session_names_its_server(setting):
    seen = look(setting, two((STARTTLS, "good"), CLEAR, tls=0), "-j")
    for kind in ("connection", "reply", "session", "tls", "key", "certificate"):
        found = {(e["address"], e["name"]) for e in seen.events(kind)}
        equal(found, {(ONE, NAME), (TWO, SECOND)} if kind in ("connection", "reply", "session")
              else {(ONE, NAME)}, kind)
    for certificate in seen.events("certificate"):
        assert re.fullmatch(r"20\d\d(-\d\d){2}T\d\d(:\d\d){2}Z", certificate["until"])
    assert re.fullmatch("[0-9a-f]{64}", seen.event("key")["pin"])


@suite.case
def an_address_is_shown_by_each_name_that_could_prove_it(setting):
    """Where nothing has to be proved, once."""
    for level, names in ((1, ["unproved.example"]), (2, ["unproved.example", NAME])):
        seen = look(setting, World("bob@twin.example", {ONE: TLS}, tls=level), "-j")
        equal([e["name"] for e in seen.events("candidate")], names)
        equal([e["name"] for e in seen.events("connection")], names)


@suite.case
def without_mx_the_domain_stands_for_itself(setting):
    itself = " (no MX: the domain itself)"
    seen = look(setting, World("bob@alone.example", {ONE: CLEAR}))
    contains(seen.text, f"\nCandidate: {ONE} alone.example, preference 0{itself}\n")
    seen = look(setting, World("bob@bare.example"))
    contains(seen.text, f"\nDropped: bare.example, preference 0{itself}, not tried: no "
             "address known\n")
    seen = look(setting, World("bob@alone.example"), "-j")
    equal(seen.event("candidate")["preference"], 0)
    # A relay has no MX record to want.
    seen = look(setting, World(smtproutes=":absent.example"))
    contains(seen.text, "\nDropped: absent.example, not tried: no address known\n")


@suite.case
def the_name_that_is_said_is_shown(setting):
    world = one({"EHLO": "502 what", "HELO": "550 no"}, None, helohost="client.example")
    seen = look(setting, world)
    contains(seen.text, "\n  the greeting (")
    contains(seen.text, "\n  EHLO client.example (")
    contains(seen.text, "\n  HELO client.example (")
    equal([e.get("helo") for e in look(setting, world, "-j").events("reply")],
          [None, "client.example", "client.example"])
    seen = look(setting, one(tls=0, helohost="client.example"))
    contains(seen.text, "\n  STARTTLS (")
    contains(seen.text, "\n  EHLO client.example over TLS (")


@suite.case
def a_reply_that_does_not_come_has_a_line(setting):
    """How long it was waited for, and why no longer."""
    world = one({"greeting": (8.0, "220 late")}, None, timeoutremote=1)
    seen = look(setting, world)
    line = re.search(r"\n  the greeting \((\d+) ms\): timed out\n", seen.text)
    assert line, seen.text
    assert 1000 <= int(line[1]) < 4000, line[1]
    (event,) = look(setting, world, "-j").events("reply")
    equal([event["to"], event["why"], "text" in event],
          ["greeting", "timed out", False])
    seen = look(setting, one({"EHLO": DROP}, None, helohost="client.example"))
    contains(seen.text, " ms): closed by the server\n  no mail: Connected to ")
    seen = look(setting, one(upgrade=drop_handshake, tls=0))
    assert "): closed" not in seen.text, seen.text


@suite.case
def a_reply_that_ends_the_session_is_shown(setting):
    """The reply itself, then what is wrong with it."""
    seen = look(setting, one({"EHLO": "354 odd"}, None))
    contains(seen.text, " ms): 354 odd\n  EHLO ")
    contains(seen.text, " ms): the reply has a code that cannot stand here\n")


@suite.case
def a_session_of_no_use_names_no_strictness(setting):
    for script in ({"greeting": "554 no"}, {"EHLO": "451 no"},
                   {**STARTTLS, "tls EHLO": "451 later"}):
        world = one(script, "good", tls=1)
        seen = look(setting, world)
        contains(seen.text, f"\n  no mail: Connected to {ONE} but ")
        assert "tlsstrictness" not in seen.text, seen.text
        event = look(setting, world, "-j").event("session")
        equal([event["fault"] in ("GREETING", "HELLO"), "level" in event, "how" in event],
              [True, False, False])


@suite.case
def another_candidate_may_have_tls(setting):
    seen = look(setting, WORLDS["second_has_tls"])
    contains(seen.text, "\n  at tlsstrictness 0: mail would go in clear\n  at tlsstrictness "
             "1, as configured: mail would go in clear, if no other candidate has TLS\n")
    contains(seen.text, f"\n  at tlsstrictness 1, as configured: {WHOLE}\n")
    seen = look(setting, one({}, None))
    contains(seen.text, "\n  at tlsstrictness 1: mail would go in clear\n")


@suite.case
def exchangers_that_are_no_hosts_are_none(setting):
    setting.names.add("odd.example", MX=[(10, b"\x03a b\x00")])
    seen = look(setting, World("bob@odd.example"))
    contains(seen.text, "\nDNS: MX odd.example: no host name in it (127.0.0.1, ")
    equal(seen.status, 100)


@suite.case
def a_null_mx_is_shown(setting):
    seen = look(setting, World("bob@null.example"))
    contains(seen.text, "\nDNS: MX null.example: 0 . (127.0.0.1, ")


@suite.case
def an_alias_is_shown(setting):
    seen = look(setting, World("bob@alias.example", {ONE: CLEAR}))
    contains(seen.text, f"\nDNS: MX alias.example, alias of {HOST}: 10 {NAME} (")


@suite.case
def the_line_of_smtproutes_is_shown(setting):
    seen = look(setting, World(servers={TWO: CLEAR},
                               smtproutes=f"# here\nx.example:y\n{HOST}:[{TWO}]:25"))
    equal(seen.lines[1], f"Route for {HOST}: address {TWO}, port 25, by "
          "control/smtproutes line 3")
    seen = look(setting, World(smtproutes=":closed.example:26"), "-j")
    equal(seen.events("route"), [{"event": "route", "host": HOST, "kind": "relay",
                                  "relay": "closed.example", "port": 26,
                                  "file": "control/smtproutes", "line": 1}])


@suite.case
def the_failure_of_one_server_is_not_the_end(setting):
    seen = look(setting, two(({"greeting": "554 5.7.1 go away"}, None), CLEAR))
    contains(seen.text, "\n  no mail: Connected "
             f"to {ONE} but greeting failed. / Remote host said: 554 5.7.1 go away\n")
    equal(seen.lines[-1], f"Result: now the mail would be sent to {TWO} {UNASKED}")


# ---- the cases of the manual page

PAGE = os.path.join(os.path.dirname(__file__), "../../man/mote-probe.8")
BLOCKED = "554 5.7.1 203.0.113.9 is listed at bl.example"
GREETED = {"greeting": "220 mail.example.com ESMTP",
           "EHLO": "250-mail.example.com\r\n250-PIPELINING\r\n250 STARTTLS",
           "tls EHLO": "250-mail.example.com\r\n250 PIPELINING"}


SAID = "mta.example"
ROOT_DATES = ("20150101000000Z", "20491231000000Z")


def documented(setting):
    """Its worlds: what is typed there, and what it is about."""
    names, issuer = setting.names, setting.issuer
    names.add("example.org", MX=[(10, "mx1.example.org"), (20, "mx2.example.org")])
    names.add("mx1.example.org", A=ONE).add("mx2.example.org", A=TWO)
    names.add("example.com", MX=[(10, "mail.example.com")])
    names.add("mail.example.com", A=ONE)
    names.add("example.net", MX=[(10, "mx1.example.net"), (20, "mx2.example.net")])
    names.add("mx1.example.net", A=ONE).add("mx2.example.net", A=TWO)
    root = issuer.self_signed("page", "Example Root", "ecdsa")
    # Older than what it signs, as roots are.
    issuer.sign(root, "Example Root", INTERMEDIATE.replace(", pathlen:0", ""), root,
                ROOT_DATES)
    between = issuer.new("page1", "ecdsa")
    issuer.sign(between, "Example CA 1", INTERMEDIATE, root, VALID)
    leaf = issuer.leaf("page2", "DNS:mail.example.com", issuer=between, dates=EXPIRED)
    good = issuer.leaf("page3", "DNS:mx2.example.net", issuer=between)
    return {
        "bob@example.com": World("bob@example.com", {ONE: (GREETED, python_tls(leaf))},
                                 tls=2, trustanchors=root.cert, helohost=SAID),
        "carol@example.org": World("carol@example.org",
                                   {TWO: ({"greeting": BLOCKED}, None)}),
        "dave@example.org": World("dave@example.org", ipme=ONE),
        "erin@example.net": World("erin@example.net", {
            ONE: ({"greeting": "220 mx1.example.net", "EHLO": "250 mx1.example.net"}, None),
            TWO: ({"greeting": "220 mx2.example.net",
                   "EHLO": "250-mx2.example.net\r\n250 STARTTLS",
                   "tls EHLO": "250 mx2.example.net"}, python_tls(good))},
            tls=1, trustanchors=root.cert, helohost=SAID),
    }


def page_blocks():
    """The literal blocks that show a run, as lines."""
    blocks, block = [], None
    with open(PAGE, encoding="utf-8") as page:
        for line in page.read().splitlines():
            if line.startswith(".Bd -literal"):
                block = []
            elif line == ".Ed":
                blocks += [block] if block[0].startswith("$ mote-probe ") else []
                block = None
            elif block is not None:
                block.append(line)
    return blocks


def without_times(line):
    line = re.sub(r"^mote \S+,", "mote VERSION,", line)
    line = re.sub(r"pin=[0-9a-f]{64}$", "pin=KEY", line)
    return re.sub(r"\d+ ms", "N ms", line)


@suite.case
def the_manual_page_shows_real_runs(setting):
    worlds = documented(setting)
    blocks = page_blocks()
    equal(len(blocks), 4)
    for block in blocks:
        address = block[0].split()[-1]
        seen = look(setting, worlds[address])
        if os.environ.get("MOTE_PAGE"):
            print("\n".join(seen.lines))
        # Long lines are broken there.
        shown = "\n".join(block[1:]).replace("\n      ", " ").splitlines()
        equal([without_times(x) for x in shown],
              [without_times(x) for x in seen.lines], address)


# ---- what a server or the user can do to it

HOSTILE = b"220 \x1b]0;x\x07 \x00 \xc2\x9b31m \"q\" \\ \xff \xc3\xa4 {#x} %s\r\n"


@suite.case
def hostile_bytes_are_made_safe(setting):
    world = one({"greeting": HOSTILE}, None)
    for options in ((), ("-v",), ("-j",)):
        seen = look(setting, world, *options)
        equal(seen.status, 0)
        for byte in seen.output:
            assert byte == 0x0a or 0x20 <= byte != 0x7f, seen.output
        assert b"\xc2\x9b" not in seen.output
        contains(seen.text, "{#x} %s")
    greeting = look(setting, world, "-j").events("reply")[0]
    equal(greeting["text"], "220 ?]0;x? ? ?31m \"q\" \\ ? \u00e4 {#x} %s")


@suite.case
def a_reply_cannot_add_lines(setting):
    forged = b"220-x\r\n220-Result: now the mail would be sent to 192.0.2.99\r\n220 y\r\n"
    world = one({"greeting": forged}, None)
    for options in ((), ("-v",)):
        seen = look(setting, world, *options)
        equal([x for x in seen.lines if x.startswith("Result:")],
              [f"Result: now the mail would be sent to {ONE} {UNASKED}"])
    contains(seen.text, "\n  | 220-Result: now")


@suite.case
def a_reply_of_the_longest_kind_is_cut(setting):
    lines = b"".join(b"250-\"" + b"\\" * 500 + b"\r\n" for _ in range(100))
    world = one({"EHLO": lines + b"250 end\r\n"}, None)
    for options in ((), ("-v",), ("-j",)):
        seen = look(setting, world, *options)
        equal(seen.status, 0)
        if options == ("-j",):
            equal(len(seen.events("reply")[1]["text"]), 1024)


@suite.case
def usage(setting):
    for arguments in ((), ("-x", HOST), (HOST, HOST), ("-v",), ("",) * 2):
        seen = setting.probe(*arguments)
        equal(seen.status, 2, arguments)
        equal(seen.output, b"")
        contains(seen.error, b"usage: mote-probe ")


@suite.case
def in_place_of_qmail_remote(setting):
    """Named by QMAILREMOTE by mistake: mail waits, whatever its arguments."""
    for arguments in ((HOST, "alice@client.example", f"bob@{HOST}"),
                      (HOST, "", f"bob@{HOST}", f"carol@{HOST}"),
                      ("-x", "alice@client.example", f"bob@{HOST}")):
        seen = setting.probe(*arguments)
        equal((seen.status, seen.output, seen.error), (111, b"", b""), arguments)


@suite.case
def version(setting):
    with open("CHANGES", encoding="utf-8") as changes:
        newest = next(line.split()[0] for line in changes if line[:1].isdigit())
    seen = setting.probe("--version")
    equal((seen.status, seen.output, seen.error), (0, f"mote {newest}\n".encode(), b""))


@suite.case
def options_combine(setting):
    seen = setting.probe("-jv", "bob@absent.example")
    equal(seen.event("verdict")["class"], "D")
    seen = setting.probe("-v", "-j", "bob@absent.example")
    equal(seen.event("verdict")["class"], "D")


@suite.case
def nobody_reads_it(setting):
    """The reader is gone: an end without a word, not a success."""
    setting.home.control()
    with Scripted(setting.world, ONE) as server:
        into, out = os.pipe()
        os.close(into)
        run = subprocess.run([setting.link, HOST], stdout=out, check=False, timeout=60,
                             env={"QMAILHOME": setting.home.path})
        os.close(out)
        equal(run.returncode, -signal.SIGABRT)
        equal(server.sessions, [])


@suite.case
def it_can_go_to_a_file(setting):
    """Beyond the size that a report may have."""
    addresses = [f"192.0.2.{n}" for n in range(60, 92)]
    setting.names.add("big.example", A=addresses)
    long = b"".join(b"250-" + b"x" * 400 + b"\r\n" for _ in range(9)) + b"250 end\r\n"
    script = {"greeting": long.replace(b"250", b"220"), "EHLO": long}
    servers = [Scripted(setting.world, a, script) for a in addresses]
    setting.home.control()
    path = os.path.join(setting.world.path, "output")
    with open(path, "wb") as out:
        run = subprocess.run([setting.link, "-j", "big.example"], stdout=out,
                             check=False, timeout=120,
                             env={"QMAILHOME": setting.home.path})
    for server in servers:
        server.close()
    equal(run.returncode, 0)
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    equal(lines[-1]["event"], "verdict")
    equal(len([x for x in lines if x["event"] == "connection"]), 32)
    assert os.path.getsize(path) > 65536, os.path.getsize(path)


@suite.case
def other_names_are_qmail_remote(setting):
    """The name decides, by its end."""
    setting.home.control()
    for name in ("mote-prober", "probe", "mote-probe.x"):
        path = os.path.join(os.path.dirname(setting.link), name)
        os.symlink("qmail-remote", path)
        run = subprocess.run([path, HOST], capture_output=True, check=False,
                             env={"QMAILHOME": setting.home.path})
        equal(run.stdout, b"DI (qmail-remote) was invoked improperly. (#5.3.5)\n\0")


@suite.case
def ipv6(setting):
    if not setting.world.has_ipv6:
        raise Skip("no IPv6 here")
    six = "2001:db8::10"
    setting.names.add("six.example", AAAA=six)
    seen = look(setting, World("bob@six.example", {six: CLEAR}))
    contains(seen.text, f"\nDNS: AAAA six.example: {six} (127.0.0.1, ")
    equal(seen.lines[-1], f"Result: now the mail would be sent to {six} {UNASKED}")
    agree(setting, World(f"bob@[IPv6:{six}]", {six: CLEAR}))


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
