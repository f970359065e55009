# SPDX-License-Identifier: ISC
"""Sessions of TLS, resumed from one delivery to the next."""

import fcntl
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import time

import messages
import rspawn
from authority import EXPIRED, Issuer
from checks import delivered, encrypted, failed
from harness import Skip, Suite, equal
from nameserver import serve_names
from postfix import Postfix
from resuming import (LIFETIME_AT, RECORD_COUNT, RECORD_SIZE, STATE_AT, TIMES, TIMES_AT,
                      Breaking, File, Gnutls, Resuming, Ticketing)
from scripted import DROP, EHLO_STARTTLS, HOLD, Scripted
from tls13 import serving
from world import run_suite, wait_until

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
SECOND, OTHER, THIRD = "192.0.2.11", "mx.other.example", "192.0.2.12"
RECORDS = [
    f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}",
    f"other MX 10 {OTHER}.", f"mx.other A {ADDRESS}",
    "postfix MX 10 mx.postfix", f"mx.postfix A {THIRD}",
    "pair MX 10 mx.pair", "pair MX 20 mx.late", f"mx.pair A {ADDRESS}",
    f"mx.late A {SECOND}",
    f"greedy MX 10 mx.greedy", f"mx.greedy A {ADDRESS}",
    "two MX 10 mx.two", f"mx.two A {ADDRESS}", f"mx.two A {SECOND}",
]
STARTTLS = {"EHLO": EHLO_STARTTLS}
DAY_S = 86400
VERSIONS = {"1.2": 2512, "1.3": 2513}  # Postfix's ports
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, RECORDS)
        self.issuer = Issuer(world)
        self.stranger = Issuer(world, "stranger")
        names = f"DNS:{NAME},DNS:mx.two.example,DNS:mx.postfix.example"
        self.good = self.issuer.leaf("good", names)
        self.both = self.issuer.leaf("both", f"DNS:{NAME},DNS:{OTHER}")
        self.wrong = self.issuer.leaf("wrong", "DNS:elsewhere.example")
        self.expired = self.issuer.leaf("expired", names, dates=EXPIRED)
        self.strange = self.stranger.leaf("strange", names)
        self.home = world.home()
        self.file = File(self.home)
        self.postfix = None

    def begin(self, strictness=2, **values):
        """Controls, and a file without a record."""
        values.setdefault("trustanchors", self.issuer.bundle)
        self.home.control(tlsstrictness=strictness, **values)
        self.file.make()

    def server(self, upgrade, address=ADDRESS, script=None):
        return Scripted(self.world, address, script or STARTTLS, upgrade)

    def probe(self):
        """What mote-probe says, as qmailr."""
        link = os.path.join(self.home.path, "bin/mote-probe")
        if not os.path.lexists(link):
            os.symlink("qmail-remote", link)
        who = rspawn.NOBODY if rspawn.may_change_user() else None
        run = subprocess.run([link, f"bob@{HOST}"], capture_output=True, text=True,
                             cwd=self.home.path, user=who, group=who, check=False,
                             env={"QMAILHOME": self.home.path})
        return run.stdout

    def start(self, host=HOST):
        return self.home.start(host, f"bob@{host}", messages.small())

    def deliver(self, host=HOST, verify="verified", version=None):
        outcome = self.start(host).finish()
        delivered(outcome)
        encrypted(outcome, verify, version)
        return outcome


def twice(setting, upgrade, resumed, between=lambda: None):
    """A delivery and, after what comes between, another one, resumed or not."""
    with setting.server(upgrade):
        setting.deliver()
        between()
        setting.deliver()
    equal(upgrade.resumed, [False, resumed])


def both(function):
    """A case for each version."""
    for version in ("1.2", "1.3"):
        suite.add(f"{function.__name__}_tls{version}", function, version)
    return function


# ---- many deliveries ----


def one_after_the_other(setting, version, strictness=2, count=10, **how):
    setting.begin(strictness)
    upgrade = Resuming(setting.good, version, **how)
    with setting.server(upgrade) as server:
        for _ in range(count):
            setting.deliver(verify="verified" if strictness == 2 else "unverified",
                            version=version)
        equal(len(server.contents()), count)
    equal(upgrade.resumed, [False] + [True] * (count - 1))


for one in ("1.2", "1.3"):
    suite.add(f"fifty_one_after_the_other_tls{one}", one_after_the_other, one, 2,
              50)
    suite.add(f"one_after_the_other_at_0_tls{one}", one_after_the_other, one, 0)


@suite.case
def one_after_the_other_by_a_number(setting):
    one_after_the_other(setting, "1.2", by_number=True)


@suite.case
def one_after_the_other_with_a_ticket_each(setting):
    one_after_the_other(setting, "1.3", tickets=1)


def at_once(setting, upgrade, count):
    """So many deliveries, which all begin TLS in the same moment."""
    with setting.server(upgrade, script={**STARTTLS, "STARTTLS": HOLD}) as server:
        runs = [setting.start() for _ in range(count)]
        wait_until(lambda: sum("STARTTLS" in s.verbs() for s in server.sessions)
                   == count, "all to say STARTTLS")
        server.release()
        for run in runs:
            outcome = run.finish()
            delivered(outcome)
            encrypted(outcome, "verified")
        equal(len(server.contents()), count)


@suite.case
def twenty_at_once_never_share_a_ticket(setting):
    setting.begin()
    upgrade = Resuming(setting.good, "1.3", tickets=4)
    with setting.server(upgrade):
        setting.deliver()
    left = len(setting.file.records())
    equal(left, 4)
    at_once(setting, upgrade, 20)
    offers = [offer for offer in upgrade.offers if offer]
    equal(len(set(offers)), len(offers), "tickets")
    equal(sum(upgrade.resumed), len(offers))
    assert len(offers) >= left, f"{len(offers)} of {left} tickets"
    # Those that did not get one left theirs.
    assert len(setting.file.records()) > 20, len(setting.file.records())


@suite.case
def twenty_at_once_share_a_session_of_tls12(setting):
    setting.begin()
    upgrade = Resuming(setting.good, "1.2")
    with setting.server(upgrade):
        setting.deliver()
    at_once(setting, upgrade, 20)
    assert sum(upgrade.resumed) >= 18, upgrade.resumed
    equal(len(setting.file.records()), 1)


@suite.case
def a_delivery_leaves_no_mark_without_the_file(setting):
    setting.begin()
    setting.file.remove()
    twice(setting, Resuming(setting.good), False)
    assert not os.path.lexists(setting.file.path)


@both
def the_addresses_of_a_name_share_its_sessions(setting, version):
    setting.begin()
    upgrade = Resuming(setting.good, version)
    with setting.server(upgrade):
        setting.deliver("two.example")
    with setting.server(upgrade, SECOND):
        setting.deliver("two.example")
    equal(upgrade.resumed, [False, True])


# ---- real servers ----


def postfix(setting):
    """Its ports 2512 and 2513 are of one version each; 2522 and 2523 take mail of
    those alone who show a certificate, for which they ask no more who resumes."""
    if setting.postfix:
        return setting.postfix
    setting.postfix = server = Postfix(setting.world, hostname=NAME)
    known = {"smtpd_tls_ask_ccert": "yes",
             "smtpd_tls_CAfile": setting.issuer.bundle,
             "smtpd_recipient_restrictions": "permit_tls_all_clientcerts, reject"}
    for version, port in VERSIONS.items():
        only = {"smtpd_tls_loglevel": "2",
                "smtpd_tls_protocols": f">=TLSv{version}, <=TLSv{version}"}
        server.listen(THIRD, setting.good, port, **only)
        server.listen(THIRD, setting.good, port + 10, **only, **known)
    server.start()
    return server


def resumed_by(server):
    return sum("eusing old session" in line for line in server.log())


@suite.case
def postfix_resumes(setting):
    # Of TLS 1.3 it gives one ticket, and none to who comes with one: each second
    # delivery finds none.
    server = postfix(setting)
    before = resumed_by(server)
    for version, port in VERSIONS.items():
        setting.begin(smtproutes=f":mx.postfix.example:{port}")
        for _ in range(4):
            setting.deliver(version=version)
            server.take()
    wait_until(lambda: resumed_by(server) >= before + 5, "five resumed")


@both
def postfix_knows_the_client_again(setting, version):
    server = postfix(setting)
    before = resumed_by(server)
    route = f":mx.postfix.example:{VERSIONS[version] + 10}"
    setting.begin(smtproutes=route)
    equal(setting.start().finish().letter, "D", "without a certificate")
    leaf = setting.issuer.leaf(f"client{version}", "DNS:client.example")
    os.chmod(leaf.key, 0o644)
    setting.begin(smtproutes=route, clientcert=leaf.chain, clientkey=leaf.key)
    for _ in range(4):
        setting.deliver(version=version)
        server.take()
    resumed = {"1.2": 3, "1.3": 2}[version]  # as above
    wait_until(lambda: resumed_by(server) >= before + resumed, f"{resumed} resumed")


@both
def gnutls_resumes(setting, version):
    setting.begin()
    upgrade = Gnutls(setting.good, version)
    with setting.server(upgrade):
        for _ in range(4):
            setting.deliver(version=version)
    equal(upgrade.resumed, [False, True, True, True])


# ---- servers that do not resume ----


@both
def a_server_that_forgot_its_keys(setting, version):
    setting.begin()
    with setting.server(Resuming(setting.good, version)):
        setting.deliver()
    again = Resuming(setting.good, version)
    with setting.server(again) as server:
        setting.deliver()
        setting.deliver()
        equal(len(server.settle()), 2, "connections")
    equal(again.resumed, [False, True])
    assert again.offers[0], "nothing was offered"


def breaks(setting, version, answer, strictness):
    setting.begin(strictness)
    verify = "verified" if strictness == 2 else "unverified"
    first = Resuming(setting.good, version)
    with setting.server(first):
        setting.deliver(verify=verify)
    upgrade = Breaking(setting.good, version, answer)
    with setting.server(upgrade) as server:
        setting.deliver(verify=verify, version=version)
        equal(len(server.settle()), 2, "connections")
        equal(len(server.contents()), 1)
        equal(upgrade.broke, 1)
        for session in server.settle():
            equal(session.clear_verbs(), ["EHLO", "STARTTLS"])


for one in ("1.2", "1.3"):
    for strict in (0, 1, 2):
        for name, said in (("and_goes", b""), ("with_an_alert",
                                               b"\x15\3\3\0\2\2\x28"),
                           ("with_garbage", b"500 what?\r\n")):
            suite.add(f"breaks_on_it_{name}_at_{strict}_tls{one}", breaks, one,
                      said, strict)


def breaks_behind_it(setting, version, answer, strict):
    """What it was offered it takes, and then it fails."""
    setting.begin(strict, timeoutremote=2)
    verify = "verified" if strict == 2 else "unverified"
    upgrade = Resuming(setting.good, version, tickets=1)
    script = {**STARTTLS, "tls EHLO": tuple(
        lambda _line, part=part, usual=usual: part if upgrade.resumed[-1] else usual
        for part, usual in zip((answer, DROP), ("250 SIZE", b"")))}
    with setting.server(upgrade, script=script) as server:
        setting.deliver(verify=verify)
        before = set(setting.file.records().values())
        setting.deliver(verify=verify)
        equal(upgrade.resumed, [False, True, False])
        equal(len(server.contents()), 2)
    assert not before & set(setting.file.records().values())


for one in ("1.2", "1.3"):
    for strict in (0, 1, 2):
        for name, said in (("in_silence", 4.0), ("in_the_midst", b"250-x\r\n"),
                           ("with_garbage", b"what?\r\n")):
            suite.add(f"breaks_behind_it_{name}_at_{strict}_tls{one}",
                      breaks_behind_it, one, said, strict)


@both
def a_record_that_broke_is_gone(setting, version):
    setting.begin()
    with setting.server(Resuming(setting.good, version, tickets=1)):
        setting.deliver()
    equal(len(setting.file.records()), 1)
    upgrade = Breaking(setting.good, version)
    upgrade.context.num_tickets = 0
    with setting.server(upgrade) as server:
        setting.deliver()
        server.settle()
        broke = upgrade.broke
    equal(broke, 1)
    # The full handshake behind it leaves none: it would break again.
    equal(len(setting.file.records()), 0)


@both
def a_server_that_always_breaks(setting, version):
    """It is met so by every other delivery, and not by each."""
    setting.begin()
    upgrade = Breaking(setting.good, version)
    with setting.server(upgrade) as server:
        for _ in range(4):
            setting.deliver()
        equal(len(server.settle()), 6, "connections")
        equal(len(server.contents()), 4)
    equal(upgrade.broke, 2)


@both
def the_secret_is_damaged(setting, version):
    setting.begin()
    upgrade = Resuming(setting.good, version, tickets=1)

    def damage(record):
        record[STATE_AT + 16] ^= 1

    with setting.server(upgrade) as server:
        setting.deliver()
        setting.file.change(damage)
        setting.deliver()
        equal(len(server.settle()), 3, "connections")
        equal(len(server.contents()), 2)
        setting.deliver()  # nothing was kept of the connection behind it
        setting.deliver()
    equal(upgrade.resumed[-3:], [False, False, True])


@both
def the_state_is_garbage(setting, version):
    setting.begin()
    upgrade = Resuming(setting.good, version, tickets=1)

    def damage(record):
        record[STATE_AT:] = os.urandom(RECORD_SIZE - STATE_AT)

    with setting.server(upgrade) as server:
        setting.deliver()
        setting.file.change(damage)
        setting.deliver()
        equal(len(server.contents()), 2)


@suite.case
def a_server_that_has_lost_tls13(setting):
    setting.begin()
    with setting.server(Resuming(setting.good, "1.3")):
        setting.deliver()
    with setting.server(Resuming(setting.good, "1.2")) as server:
        setting.deliver(version="1.2")
        equal(len(server.contents()), 1)


@suite.case
def a_server_that_has_got_tls13(setting):
    """Nor does what it knew of us, and has forgotten, keep the version down."""
    setting.begin()
    with setting.server(Resuming(setting.good, "1.2")):
        setting.deliver(version="1.2")
    upgrade = Resuming(setting.good)
    with setting.server(upgrade):
        setting.deliver(version="1.2")
        equal(setting.file.records(), {})
        setting.deliver(version="1.3")
        setting.deliver(version="1.3")
    equal(upgrade.resumed, [False, False, True])


@suite.case
def a_server_that_gives_more_than_is_used(setting):
    """What others gave stays: it has its share of the places."""
    setting.begin()
    with setting.server(Resuming(setting.good)):
        setting.deliver()
    before = setting.file.records()
    greedy = setting.issuer.leaf("greedy", "DNS:mx.greedy.example")
    tickets = [(3600, bytes([n])) for n in range(4)]
    with setting.server(serving(Ticketing, greedy, tickets=tickets)):
        for _ in range(12):
            setting.deliver("greedy.example")
    after = setting.file.records()
    equal(len(after), len(before) + 24)
    equal({index: after[index] for index in before}, before)


@suite.case
def a_server_that_has_lost_tls(setting):
    setting.begin(0)
    with setting.server(Resuming(setting.good)):
        setting.deliver(verify="unverified")

    def none(_connection):
        raise OSError("no TLS any more")

    with setting.server(none) as server:
        outcome = setting.start().finish()
        delivered(outcome)
        assert "STARTTLS failed" in outcome.text, outcome.text
        # With a session, without one, in clear.
        equal(len(server.settle()), 3, "connections")


@suite.case
def another_server_was_offered_nothing(setting):
    """What breaks there breaks without a session."""
    setting.begin(0)
    refusing = {**STARTTLS, "tls EHLO": "550 not you", "tls HELO": "550 not you"}
    dying = {**STARTTLS, "STARTTLS": DROP}
    with setting.server(Resuming(setting.good, "1.2")):
        setting.deliver("pair.example", verify="unverified")
    with setting.server(Resuming(setting.good, "1.2"), script=refusing), \
            setting.server(Resuming(setting.good, "1.2"), SECOND, dying) as server:
        delivered(setting.start("pair.example").finish())
        # With TLS, in clear.
        equal(len(server.settle()), 2, "connections")


# ---- tickets that are none ----


def odd_tickets(setting, tickets, kept):
    setting.begin()
    upgrade = serving(Ticketing, setting.good, tickets=tickets)
    with setting.server(upgrade) as server:
        setting.deliver()
        equal(len(server.contents()), 1)
        equal(len(setting.file.records()), kept)
        setting.deliver()
        equal(len(server.contents()), 2)


for name, given, count in (
        ("none", [], 0),
        ("short", [(3600, b"x")], 1),
        ("garbage", [(3600, bytes(range(256)) * 4)], 1),
        ("too_long_to_keep", [(3600, bytes(3000)), (3600, b"x")], 1),
        ("for_no_time", [(0, b"x"), (3600, b"y")], 1),
        ("for_a_week", [(604800, b"x")], 1),
        ("for_more_than_a_week", [(604801, b"x"), (3600, b"y")], 1),
        ("for_ever", [(0xffffffff, b"x")], 0),
        ("many", [(3600, bytes([n])) for n in range(40)], 4),
        ("with_an_odd_extension", [(3600, b"x", b"", b"\xfa\xfa\0\1\0")], 1),
        ("with_early_data", [(3600, b"x", b"", b"\0\x2a\0\4\0\0\0\0")], 1),
        ("with_an_extension_out_of_place",
         [(3600, b"x", b"", b"\0\0\0\0"), (3600, b"y")], 1),
        ("with_half_an_extension",
         [(3600, b"x", b"", b"\xfa\xfa\0\2\0"), (3600, b"y")], 1),
        ("of_nothing", [(3600, b""), (3600, b"y")], 1),
        ("cut", [bytes(5), (3600, b"y")], 1),
        ("past_their_end", [struct.pack("!IIBH", 3600, 7, 0, 500) + b"x", (3600, b"y")],
         1)):
    suite.add(f"tickets_{name}", odd_tickets, given, count)


# ---- whom it is for ----


@both
def another_certificate_does_not_count_before_a_day_is_over(setting, version):
    setting.begin()
    upgrade = Resuming(setting.good, version)
    with setting.server(upgrade):
        setting.deliver()
        upgrade.context.load_cert_chain(setting.strange.chain, setting.strange.key)
        setting.deliver()
        setting.file.shift(proved=-DAY_S, given=-DAY_S)
        outcome = setting.start().finish()
        failed(outcome, "Z", "its certificate was refused")
    equal(upgrade.resumed[:2], [False, True])


@both
def a_refused_session_and_a_bad_certificate(setting, version):
    setting.begin()
    with setting.server(Resuming(setting.good, version)):
        setting.deliver()
    for leaf in (setting.wrong, setting.expired, setting.strange):
        with setting.server(Resuming(leaf, version)) as server:
            failed(setting.start().finish(), "Z", "its certificate was refused")
            equal(server.contents(), [])
            equal(len(server.settle()), 1, "connections")


@both
def never_past_the_end_of_the_certificate(setting, version):
    setting.begin()

    def end_it():
        (end,) = {int.from_bytes(r[56:64], "big")
                  for r in setting.file.records().values()}
        assert time.time() < end <= 2493072000, end  # authority.VALID
        setting.file.shift(until=int(time.time()) - end)

    twice(setting, Resuming(setting.good, version), False, end_it)


@both
def a_session_counts_from_its_proof(setting, version):
    setting.begin()
    upgrade = Resuming(setting.good, version)
    with setting.server(upgrade):
        setting.deliver()
        setting.file.shift(proved=-3600)
        proved = {r[40:48] for r in setting.file.records().values()}
        setting.deliver()
        equal({r[40:48] for r in setting.file.records().values()}, proved)
    equal(upgrade.resumed, [False, True])


@both
def it_is_dated_by_its_handshake(setting, version):
    """However long the delivery lasts, its first one or a resumed one."""
    setting.begin()
    upgrade = Resuming(setting.good, version)
    slow = {**STARTTLS, "tls .": (3.0, "250 2.0.0 kept")}
    with setting.server(upgrade, script=slow):
        for _ in range(2):
            setting.deliver()
            age_s = time.time() - max(
                TIMES.unpack_from(r, TIMES_AT)[1] for r in setting.file.records().values())
            assert 2 < age_s < 60, age_s
            if version == "1.2":
                break  # the one there is stays
    equal(upgrade.resumed, [False] + [True] * (version == "1.3"))


@both
def the_clock_goes_back(setting, version):
    setting.begin()
    twice(setting, Resuming(setting.good, version), False,
          lambda: setting.file.shift(proved=3600, given=3600))


@both
def a_ticket_is_too_old(setting, version):
    setting.begin()

    def brief(record):
        record[LIFETIME_AT:LIFETIME_AT + 4] = b"\0\0\0\1"

    def age():
        setting.file.change(brief)
        setting.file.shift(proved=-2, given=-2)

    twice(setting, Resuming(setting.good, version), False, age)


@both
def another_name_of_the_server(setting, version):
    setting.begin()
    upgrade = Resuming(setting.both, version)
    with setting.server(upgrade):
        setting.deliver()
        setting.deliver("other.example")
        setting.deliver("other.example")
        setting.deliver()
    equal(upgrade.resumed, [False, False, True, True])


@both
def what_0_kept_is_not_for_2(setting, version):
    setting.begin(0)
    upgrade = Resuming(setting.strange, version)
    with setting.server(upgrade):
        setting.deliver(verify="unverified")
        setting.deliver(verify="unverified")
        for level in (1, 2):
            setting.home.control(tlsstrictness=level,
                                 trustanchors=setting.issuer.bundle)
            outcome = setting.start().finish()
            equal(outcome.letter, "K" if level == 1 else "Z", outcome.text)
    equal(upgrade.resumed[:3], [False, True, False])
    assert True not in upgrade.resumed[2:]


@both
def what_was_kept_before_a_policy(setting, version):
    """At the same strictness, but now the name is to be proved."""
    setting.begin(0)
    upgrade = Resuming(setting.good, version)
    folder = os.path.join(setting.home.path, "control/mtasts")
    with setting.server(upgrade):
        setting.deliver(verify="unverified")
        os.mkdir(folder)
        setting.world.file(os.path.join(folder, HOST), "version: STSv1\n"
                           f"mode: enforce\nmx: {NAME}\nmax_age: 86400\n")
        setting.deliver()
        setting.deliver()
        shutil.rmtree(folder)
        setting.deliver(verify="unverified")
    equal(upgrade.resumed, [False, False, True, True])


def other_anchors(setting, how):
    setting.begin()
    bundle = setting.world.file("anchors.pem", open(setting.issuer.bundle).read()
                                + "\n" * 99)
    setting.home.control(tlsstrictness=2, trustanchors=bundle)
    upgrade = Resuming(setting.good)
    with setting.server(upgrade) as server:
        setting.deliver()
        setting.deliver()
        how(bundle)
        failed(setting.start().finish(), "Z", "its certificate was refused")
        equal(len(server.contents()), 2)
    equal(upgrade.resumed[:2], [False, True])


@suite.case
def the_anchors_are_replaced(setting):
    def replace(bundle):
        with open(bundle + ".new", "w") as out:
            out.write(open(setting.stranger.bundle).read())
        os.rename(bundle + ".new", bundle)
    other_anchors(setting, replace)


@suite.case
def the_anchors_are_written_over(setting):
    def over(bundle):
        with open(bundle, "w") as out:
            out.write("\n" + open(setting.stranger.bundle).read())
    other_anchors(setting, over)


@suite.case
def the_anchors_are_written_over_with_the_date_of_before(setting):
    """... and as long: as tools that copy files do."""
    def over(bundle):
        before, size = os.stat(bundle), os.path.getsize(bundle)
        text = open(setting.stranger.bundle).read()
        with open(bundle, "r+") as out:
            assert len(text) <= size, "the strangers' is longer"
            out.write(text.ljust(size, "\n"))
        os.utime(bundle, ns=(before.st_atime_ns, before.st_mtime_ns))
        after = os.stat(bundle)
        equal((after.st_ino, after.st_size, after.st_mtime_ns),
              (before.st_ino, size, before.st_mtime_ns))
    other_anchors(setting, over)


@suite.case
def the_folder_of_anchors_changes(setting):
    setting.begin()
    folder = setting.world.folder("hashed", 0o755)
    os.system(f"cp {setting.issuer.bundle} {folder}/ca.pem; "
              f"openssl rehash {folder}")
    setting.home.control(tlsstrictness=2, trustanchors=folder + "/")
    upgrade = Resuming(setting.good)
    with setting.server(upgrade):
        setting.deliver()
        setting.deliver()
        os.utime(folder, (1, 1))
        setting.deliver()
    equal(upgrade.resumed, [False, True, False])


@suite.case
def another_client_certificate(setting):
    setting.begin()
    upgrade = Resuming(setting.good)
    leaf = setting.issuer.leaf("client", "DNS:client.example")
    os.chmod(leaf.key, 0o644)
    with setting.server(upgrade):
        setting.deliver()
        setting.home.control(tlsstrictness=2, trustanchors=setting.issuer.bundle,
                             clientcert=leaf.chain, clientkey=leaf.key)
        setting.deliver()
        setting.deliver()
    equal(upgrade.resumed, [False, False, True])


@suite.case
def pins_are_looked_at_each_time(setting):
    setting.begin(2, tlspolicy=f"{HOST}:2 pin={pin_of(setting.good)}")
    upgrade = Resuming(setting.good)
    with setting.server(upgrade):
        for _ in range(2):
            delivered(setting.start().finish())
    equal(upgrade.resumed, [False, False])
    equal(setting.file.records(), {})


def pin_of(certificate):
    key = subprocess.run(["openssl", "pkey", "-in", certificate.key, "-pubout",
                          "-outform", "DER"], capture_output=True, check=True)
    return hashlib.sha256(key.stdout).hexdigest()


# ---- the file ----


def unused(setting, spoil):
    """Delivered as if there were no file, which stays what it is."""
    setting.begin()
    spoil(setting.file)
    before = setting.file.read()
    twice(setting, Resuming(setting.good), False)
    assert setting.file.read() == before, "the file has changed"


SIZE = RECORD_SIZE * RECORD_COUNT
for name, spoil_it in (
        ("others_read", lambda f: f.make(mode=0o604)),
        ("others_write", lambda f: f.make(mode=0o602)),
        ("is_empty", lambda f: f.make(b"")),
        ("is_short", lambda f: f.make(bytes(SIZE - 1))),
        ("is_long", lambda f: f.make(bytes(SIZE + 1)))):
    suite.add(f"a_file_that_{name}_is_not_used", unused, spoil_it)


def needs_users():
    if not rspawn.may_change_user():
        raise Skip("files of others need root")


@suite.case
def a_file_that_is_read_only_is_not_used(setting):
    needs_users()
    unused(setting, lambda f: f.make(mode=0o400))


@suite.case
def a_file_of_another_is_not_used(setting):
    needs_users()

    def give(file):
        os.chown(file.path, 0, 0)
    unused(setting, give)


@suite.case
def a_folder_in_its_place(setting):
    setting.begin()
    setting.file.remove()
    os.mkdir(setting.file.path, 0o700)
    try:
        with setting.server(Resuming(setting.good)):
            setting.deliver()
    finally:
        os.rmdir(setting.file.path)


@both
def garbage_is_empty(setting, version):
    setting.begin()
    setting.file.make(os.urandom(SIZE))
    twice(setting, Resuming(setting.good, version), True)
    equal(len(setting.file.read()), SIZE)


@both
def a_full_file_loses_its_oldest(setting, version):
    setting.begin()
    upgrade = Resuming(setting.good, version, tickets=1)
    with setting.server(upgrade):
        setting.deliver()
        ((_, record),) = setting.file.records().items()
        other = bytearray(record)
        other[8] ^= 1
        setting.file.make(bytes(other) * RECORD_COUNT)
        setting.file.shift(proved=-60, given=-60)
        oldest = bytearray(setting.file.records()[11])
        oldest[47] -= 1
        oldest[55] -= 1
        setting.file.write(11, bytes(oldest))
        setting.deliver()
        kept = setting.file.records()
        equal(len(kept), RECORD_COUNT)
        equal([i for i, r in kept.items() if r[8:40] == record[8:40]], [11])
        setting.deliver()
    equal(upgrade.resumed, [False, False, True])


@suite.case
def the_probe_offers_nothing_and_keeps_nothing(setting):
    setting.begin()
    upgrade = Resuming(setting.good)
    with setting.server(upgrade):
        setting.deliver()
        kept = setting.file.read()
        probe = setting.probe()
        assert "look:" not in probe, probe
        assert "issued by" in probe, probe
        assert setting.file.read() == kept, "the file has changed"
    assert True not in upgrade.resumed, upgrade.resumed


@suite.case
def the_probe_says_why_the_file_is_not_used(setting):
    needs_users()
    for make, why in (
            (lambda f: f.make(mode=0o604), "others can read or write it"),
            (lambda f: f.make(bytes(9)), "its size is not 65536"),
            (lambda f: f.make(mode=0o400), "it cannot be read and written")):
        setting.begin()
        make(setting.file)
        text = setting.probe()
        assert f"look: run/qmail-remote/tlssessions is not used: {why}" in text, text
    setting.begin()
    setting.file.remove()
    assert "look:" not in setting.probe()


@suite.case
def who_keeps_the_lock_keeps_nobody_waiting(setting):
    setting.begin()
    upgrade = Resuming(setting.good)
    with setting.server(upgrade):
        setting.deliver()
        with open(setting.file.path, "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            begin = time.monotonic()
            setting.deliver()
            assert time.monotonic() - begin < 5, "it waited for the lock"
        setting.deliver()
    equal(upgrade.resumed, [False, False, True])


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
