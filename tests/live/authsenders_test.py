# SPDX-License-Identifier: ISC
"""control/authsenders beside control/smtproutes: whose mail goes to which
relay, what is wrong with a login, and that no value is ever told or asked for."""

import os
import sys
import threading
import time

import messages
from checks import delivered
from harness import Suite, equal
from leaks import Leaks
from names import Names
from qmailhome import SENDER
from rspawn import NOBODY, may_change_user
from scripted import Scripted
from world import run_suite

MX, HOST, LITERAL = "192.0.2.10", "dest.example", "[192.0.2.10]"
# Relays on loopback: with a login or without, the session may be in clear.
BY_SENDER, BY_HOST, BOUNCES = "127.0.0.11", "127.0.0.12", "127.0.0.13"
PORTED = 2526
FIRST_LINE = "ZUnable to read control files. (#4.3.0)\n"
USER, SECRET = "user-x", "secret-y"
LOGIN = f"|{USER}|{SECRET}"
suite = Suite()


class Setting:
    """A server at each address, a name server that notes what it is asked."""

    def __init__(self, world):
        self.world = world
        self.home = world.home()
        self.names = Names(world)
        self.names.add(HOST, MX=(10, "mx.example"))
        self.names.add("mx.example", A=MX)
        self.names.add("relay.example", A=BY_SENDER)
        world.resolv_conf("nameserver 127.0.0.1\n")
        script = {"EHLO": "250-scripted.example\r\n250 STARTTLS",
                  "STARTTLS": "454 not now"}
        places = [(a, 25) for a in (MX, BY_SENDER, BY_HOST, BOUNCES)]
        self.servers = [Scripted(world, a, script, port=p)
                        for a, p in places + [(BY_SENDER, PORTED)]]

    def deliver(self, host=HOST, sender=SENDER, **planted):
        self.home.control()
        for name, text in planted.items():
            data = text if isinstance(text, bytes) else text.encode()
            self.home.plant(name, data + b"\n")
        self.names.forget()
        for server in self.servers:
            server.sessions.clear()
        with Leaks(SECRET) as leaks:
            outcome = self.home.deliver(host, "bob@dest.example", messages.small(),
                                        sender=sender)
            leaks.printed(outcome.output)
        leaks.none()
        return outcome

    def used(self):
        """Address and port of who was connected to."""
        return sorted({(s.address, s.port) for s in self.servers if s.settle()})

    def commands(self):
        return [c for s in self.servers for one in s.settle()
                for c in one.verbs()]

    def secret_file(self, data, mode=0o600):
        """control/secret, as the program's user owns it."""
        self.home.plant("secret", data)
        path = self.home.control_path("secret")
        if may_change_user():
            os.chown(path, NOBODY, NOBODY)
        os.chmod(path, mode)
        return path


def fails(setting, outcome, line):
    """This second line, without a question or a connection."""
    equal(outcome.message, f"{FIRST_LINE}{line}\n")
    equal(outcome.status, 0)
    equal(setting.used(), [])
    equal([q.name for q in setting.names.asked()], [])
    for word in (USER, SECRET):
        assert word not in outcome.output.decode("latin-1"), outcome.output


# ---- whose mail goes where

# What authsenders has, and whether it decides for our sender, for the null one.
SENDERS = {
    "none": (None, False, False),
    "whole": (f"{SENDER}:R", True, False),
    "upper_case": (f"{SENDER.upper()}:R", True, False),
    "domain": ("@client.example:R", True, False),
    "dot": (".example:R", True, False),
    "empty_key": (":R", True, True),
    "others": ("client.example:R\nlice@client.example:R\n@:R\n!@:R\n"
               f"{SENDER}|R\n{SENDER}.:R", False, False),
    "longest_first": (f"{SENDER}:R\n@client.example:[{MX}]:1\n:[{MX}]:1",
                      True, None),
    "longest_last": (f":[{MX}]:1\n.example:[{MX}]:1\n@client.example:R", True,
                     None),
    "last_of_equals": (f"@client.example:[{MX}]:1\n@CLIENT.example:R", True,
                       False),
    "empty_value": (f"{SENDER}:", False, False),
    "empty_value_beats": (f"@client.example:R\n:R\n{SENDER}:", False, True),
    "empty_value_of_all": (":", False, False),
}
HOSTS = {"none": None, "host": f"{HOST}:R\n{LITERAL}:R", "all": ":R"}
OF_NULL = {"none": None, "relay": f"!@:[{BOUNCES}]", "exchangers": "!@:"}


def expected(by_sender, by_host, of_null, null):
    """In the order in which they are looked at."""
    if SENDERS[by_sender][1 + null]:
        return BY_SENDER
    if null and of_null != "none":
        return BOUNCES if of_null == "relay" else MX
    return BY_HOST if by_host != "none" else MX


def matrix(setting, by_sender, by_host):
    for of_null, bounces in OF_NULL.items():
        planted = {}
        lines = [line for line in (HOSTS[by_host], bounces) if line]
        if SENDERS[by_sender][0]:
            planted["authsenders"] = SENDERS[by_sender][0].replace(
                "R", f"[{BY_SENDER}]")
        if lines:
            planted["smtproutes"] = "\n".join(lines).replace("R", f"[{BY_HOST}]")
        for null in (False, True):
            for host in (HOST, LITERAL):
                if SENDERS[by_sender][1 + null] is None:
                    continue
                want = expected(by_sender, by_host, of_null, null)
                outcome = setting.deliver(host, "" if null else SENDER, **planted)
                where = f"{of_null}, {'null, ' if null else ''}{host}"
                delivered(outcome, want)
                equal(setting.used(), [(want, 25)], where)


for left in SENDERS:
    for right in HOSTS:
        suite.add(f"{left}_and_{right}", matrix, left, right)


# ---- values

R, NAME = BY_SENDER, "relay.example"
VALUES = {
    "bars": (f"{R}{LOGIN}", 25),
    "bars_in_the_password": (f"{R}:{PORTED}|e=mc2|a|b:c d", PORTED),
    "semicolon": (f"{R};{PORTED}{LOGIN}", PORTED),
    "brackets": (f"[{R}]:{PORTED}|u@d|p", PORTED),
    "blanks": (f"{R}:{PORTED} u p q", PORTED),
    "blank_in_the_user": (f"{R}:{PORTED}|u v|p", PORTED),
    "bar_in_the_user": (f"{R}:{PORTED} u|v p", PORTED),
    "no_login": (f"{R};{PORTED}", PORTED),
    "a_name": (f"{NAME}{LOGIN}", 25),
    "a_name_and_blanks": (f"{NAME};{PORTED} {USER} {SECRET}", PORTED),
    "any_octet": (f"{R}|u|".encode() + bytes(set(range(1, 256)) - {10, 13}) + b".",
                  25),
    "long": (f"{R}|{'u' * 255}|{'p' * 8192}", 25),
    "exchangers": (":25", 25),
}


def value(setting, file, key, text, port):
    data = text if isinstance(text, bytes) else text.encode()
    outcome = setting.deliver(**{file: f"# mine\n{key}:".encode() + data})
    equal(outcome.text.find("control"), -1, outcome.text)
    equal(setting.used(), [(MX if text == ":25" else BY_SENDER, port)])
    asked = {q.name.lower() for q in setting.names.asked()}
    want = {NAME} if data.startswith(NAME.encode()) else set()
    equal(asked, {HOST, "mx.example"} if text == ":25" else want)


BAD = {
    "no_password": (f"{NAME}|{USER}", "a user without a password"),
    "empty_password": (f"{NAME}|{USER}|", "a user without a password"),
    "blank_no_password": (f"{NAME} {USER}", "a user without a password"),
    "no_path": (f"{NAME}|{USER}|<", "a user without a password"),
    "no_user": (f"{NAME}||{SECRET}", "a password without a user"),
    "no_relay": (LOGIN, "a password without a relay"),
    "only_a_port": (f":587{LOGIN}", "a password without a relay"),
    "long_user": (f"{NAME}|{USER}{'u' * 256}|{SECRET}", "user too long"),
    "long_password": (f"{NAME}|{USER}|{SECRET}{'p' * 8185}", "password too long"),
    "longer_password": (f"{NAME}|{USER}|{SECRET}{'p' * 99999}",
                        "password too long"),
    "long_path": (f"{NAME}|{USER}|<{SECRET}{'p' * 1016}", "line too long"),
    "bad_name": (f"r_x!.example{LOGIN}",
                 "relay is neither a host name nor an IP address"),
    "comma": (f"{NAME},{USER},{SECRET}",
              "relay is neither a host name nor an IP address"),
    "at": (f"{USER}{SECRET}@{NAME}",
           "relay is neither a host name nor an IP address"),
    "user_in_front": (f"{USER}:{SECRET}@{NAME}",
                      "port must be from 1 to 65535"),
    "colons": (f"{NAME}:587:{USER}:{SECRET}", "port must be from 1 to 65535"),
    "semicolons": (f"{NAME};587;{USER};{SECRET}", "port must be from 1 to 65535"),
    "bad_port": (f"{NAME}:0{LOGIN}", "port must be from 1 to 65535"),
    "zeros": (f"192.168.001.010{LOGIN}", "not an IP address"),
    "unclosed": (f"[{NAME}{LOGIN}", "not an IP address"),
    "closed_late": (f"[{NAME}{LOGIN}]", "not an IP address"),
    "no_address": (f"[{NAME}]{LOGIN}", "not an IP address"),
}


def bad_value(setting, file, key, text, why):
    outcome = setting.deliver(**{file: f"# mine\n{key}:{text}"})
    fails(setting, outcome, f"control/{file}:2: {why}")
    # Whom it is not for it does not hurt.
    outcome = setting.deliver("[192.0.2.10]", "joe@other.example",
                              **{file: f"# mine\n{key}:{text}"})
    delivered(outcome, MX)


for place, whose in (("authsenders", SENDER), ("smtproutes", HOST)):
    for name, args in VALUES.items():
        suite.add(f"{place}_{name}", value, place, whose, *args)
    for name, args in BAD.items():
        suite.add(f"{place}_bad_{name}", bad_value, place, whose, *args)

# What spoils a file for all, whoever the line is for.
SPOILT = {
    "nul": (f"other:{R}|u|p\0q".encode(), "contains a NUL byte"),
    "cr": (f"other:{R}|u|p\rq".encode(), "contains a control byte"),
    "control_in_the_user": (f"other:{R}|u\x01|p".encode(),
                            "contains a control byte"),
    "control_in_the_relay": (b"other:r\x01|u|p",
                             "contains a control byte"),
    "no_secret_and_long": (b"other:" + b"r" * 1018, "line too long"),
}


def spoilt(setting, file, data, why):
    outcome = setting.deliver(**{file: b"#\n" + data})
    fails(setting, outcome, f"control/{file}:2: {why}")


for place in ("authsenders", "smtproutes"):
    for name, args in SPOILT.items():
        suite.add(f"{place}_spoilt_{name}", spoilt, place, *args)


# ---- the file that has the secret

BY_FILE = f"{BY_SENDER}|{USER}|<"
MODES = {0o600: True, 0o640: True, 0o400: True, 0o660: True, 0o644: False,
         0o604: False, 0o602: False, 0o601: False, 0o666: False}


def by_file(setting, path="control/secret", place="authsenders"):
    return setting.deliver(**{place: f"\n:{BY_FILE}{path}"})


def read(setting, outcome):
    equal(outcome.text.find("control"), -1, outcome.text)
    equal(setting.used(), [(BY_SENDER, 25)])


def mode_of_file(setting, mode, fine):
    path = setting.secret_file(SECRET.encode(), mode)
    for place in ("authsenders", "smtproutes"):
        for text in ("control/secret", path):
            outcome = by_file(setting, text, place)
            if fine:
                read(setting, outcome)
            else:
                fails(setting, outcome,
                      f"control/{place}:2: {text}: others can read it")


for mode, fine in MODES.items():
    suite.add(f"mode_{mode:04o}", mode_of_file, mode, fine)

CONTENTS = {
    "line": (b"%s\n", None),
    "crlf": (b"%s\r\n", None),
    "no_line_end": (b"%s", None),
    "more_lines": (b"%s\nother\0\n", None),
    "token": (b"bEaReR %s\n", None),
    "longest": (b"%s" + b"x" * 8184 + b"\r\n", None),
    "any_octet": (b"\x01\t |<:\x7f\xff%s\n", None),
    "empty": (b"", "is empty"),
    "empty_line": (b"\n%s\n", "is empty"),
    "empty_token": (b"Bearer \n", "is empty"),
    "nul": (b"%s\0%s\n", "contains a NUL byte"),
    "cr": (b"%s\r%s\n", "contains a control byte"),
    "long_line": (b"%s" + b"x" * 8185 + b"\n", "password too long"),
    "too_long": (b"%s\n" + b"x" * 8186, "file too long"),
    "ten_megabytes": (b"%s" * 1300000, "file too long"),
}


def content_of_file(setting, data, why):
    setting.secret_file(data.replace(b"%s", SECRET.encode()))
    outcome = by_file(setting)
    if why is None:
        read(setting, outcome)
    else:
        fails(setting, outcome, f"control/authsenders:2: control/secret: {why}")


for name, args in CONTENTS.items():
    suite.add(f"file_{name}", content_of_file, *args)


def fifo(path):
    os.mkfifo(path)
    if may_change_user():
        os.chown(path, NOBODY, NOBODY)


def not_a_file(setting, make, path, why):
    setting.secret_file(SECRET.encode())
    strange = setting.home.control_path("strange")
    make(strange)
    began = time.monotonic()
    try:
        outcome = by_file(setting, path)
    finally:
        if os.path.isdir(strange):
            os.rmdir(strange)
        elif os.path.lexists(strange):
            os.unlink(strange)
    fails(setting, outcome, f"control/authsenders:2: {path}: {why}")
    assert time.monotonic() - began < 20


for name, (make, path, why) in {
    "fifo": (fifo, "control/strange", "not a regular file"),
    "directory": (os.mkdir, "control/strange", "not a regular file"),
    "device": (lambda p: None, "/dev/zero", "not a regular file"),
    "missing": (lambda p: None, "control/strange", "no such file"),
    "dangling_link": (lambda p: os.symlink("nowhere", p), "control/strange",
                      "no such file"),
    "below_a_file": (lambda p: None, "control/secret/x", "Not a directory"),
    "path_with_blanks": (lambda p: None, "/no where|at:all",
                         "no such file"),
}.items():
    suite.add(f"file_is_{name}", not_a_file, make, path, why)


@suite.case
def file_is_replaced_meanwhile(setting):
    """By rename, again and again: each run reads the one or the other."""
    path = setting.secret_file(b"%d\n" % 0)
    stop = threading.Event()

    def replace():
        number = 0
        while not stop.wait(0.0005):
            number += 1
            with open(path + ".new", "wb") as file:
                file.write(SECRET.encode() * (number % 700) + b".\n")
            if may_change_user():
                os.chown(path + ".new", NOBODY, NOBODY)
            os.chmod(path + ".new", 0o600)
            os.rename(path + ".new", path)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(30):
            read(setting, by_file(setting))
    finally:
        stop.set()
        thread.join()


@suite.case
def a_file_that_does_not_apply_is_not_read(setting):
    for place, key in (("authsenders", "@other"), ("smtproutes", "other")):
        outcome = setting.deliver(**{place: f"{key}:{BY_FILE}/nowhere"})
        delivered(outcome, MX)
    outcome = setting.deliver(authsenders=f":[{BY_SENDER}]",
                              smtproutes=f":{BY_FILE}/nowhere")
    delivered(outcome, BY_SENDER)


# ---- trustanchors

@suite.case
def a_login_needs_anchors(setting):
    for relay in ("192.0.2.10", "[192.0.2.10]:587", "192.0.2.10;465"):
        outcome = setting.deliver(authsenders=f":{relay}{LOGIN}")
        fails(setting, outcome, "control/trustanchors: needed to log in at "
              "192.0.2.10")
    outcome = setting.deliver(authsenders=f":[2001:db8:0::1]{LOGIN}")
    fails(setting, outcome, "control/trustanchors: needed to log in at "
          "2001:db8::1")
    outcome = setting.deliver(authsenders=f":{MX}{LOGIN}", trustanchors="/nowhere")
    fails(setting, outcome, "control/trustanchors: /nowhere: no such file")
    outcome = setting.deliver(authsenders=f":{NAME}{LOGIN}", trustanchors="/nowhere")
    fails(setting, outcome, "control/trustanchors: /nowhere: no such file")


@suite.case
def a_login_on_loopback_needs_none(setting):
    setting.deliver(authsenders=f":{R}{LOGIN}", trustanchors="/nowhere")
    equal(setting.used(), [(R, 25)])


@suite.case
def a_login_that_may_be_unsafe_needs_none(setting):
    outcome = setting.deliver(authsenders=f":{MX}{LOGIN}",
                              tlspolicy=f"{MX}:0 unsafe-login")
    equal(outcome.text.find("control"), -1, outcome.text)
    equal(setting.used(), [(MX, 25)])


@suite.case
def a_level_needs_anchors(setting):
    two = "control/trustanchors: needed at tlsstrictness 2"
    policy = "control/trustanchors: needed by control/tlspolicy:2"
    login = f":{MX}{LOGIN}"
    fails(setting, setting.deliver(tlsstrictness="2"), two)
    fails(setting, setting.deliver(tlsstrictness="2", authsenders=login), two)
    fails(setting, setting.deliver(tlspolicy="#\n:2"), policy)
    fails(setting, setting.deliver(tlspolicy="#\n:2", authsenders=login), policy)
    fails(setting, setting.deliver(tlspolicy="#\n:2", tlsstrictness="2"), policy)
    fails(setting, setting.deliver(tlspolicy="#\n:2", authsenders=f":{R}{LOGIN}"),
          policy)
    # The line counts, not tlsstrictness.
    delivered(setting.deliver(tlspolicy=":none", tlsstrictness="2"), MX)


# ---- tlspolicy

PIN = "00112233" * 8
KEYS = {
    "host": (HOST, "", f"{HOST}:L", True),
    "end_of_the_host": (HOST, "", ".example:L", True),
    "empty_key": (HOST, "", ":L", True),
    "host_of_a_relay": (HOST, f":{R}", f"{HOST}:L", False),
    "exchanger": (HOST, "", "mx.example:L", False),
    "name_of_the_relay": (HOST, f":{NAME}", "Relay.Example.:L", True),
    "address_of_the_relay": (HOST, f":{R}", f"[{R}]:L", True),
    "address_behind_a_name": (HOST, f":{NAME}", f"{R}:L", False),
    "relay_of_the_sender": (HOST, f"@{NAME}", f"{NAME}:L", True),
    "literal": (LITERAL, "", f"{MX}:L", True),
    "host_at_another_port": (HOST, "::25", f"{HOST}:L", True),
}


def policy_key(setting, host, route, line, applies):
    """The line turns TLS on where it is off, and off where it is on."""
    planted = {}
    if route.startswith("@"):
        planted["authsenders"] = f":{route[1:]}"
    elif route:
        planted["smtproutes"] = route
    for level, anchors, otherwise in (("0", None, False),
                                      ("none", "/nowhere", True)):
        if anchors:
            planted["trustanchors"] = anchors
        setting.deliver(host, tlspolicy=line.replace("L", level), **planted)
        asked = "STARTTLS" in setting.commands()
        equal(asked, otherwise != applies, f"{level}: {setting.commands()}")
        assert setting.used()


for name, args in KEYS.items():
    suite.add(f"tlspolicy_key_{name}", policy_key, *args)

WRONG = {
    "level": ("3", "level must be none, 0, 1, 2 or dane"),
    "no_level": ("", "level must be none, 0, 1, 2 or dane"),
    "word": ("2 secure", "unknown word behind the level"),
    "comment": ("0 # why", "unknown word behind the level"),
    "pin": (f"0 pin={PIN}0", "a pin must have 64 hexadecimal digits"),
    "pins": ("0 pin=" + ",".join([PIN] * 9), "too many pins"),
    "name": ("2 name=192.0.2.1", "name= needs one host name"),
    "none_and_pin": (f"none pin={PIN}", "none goes with neither pin= nor implicit"),
    "none_and_implicit": ("none implicit",
                          "none goes with neither pin= nor implicit"),
}


def policy_wrong(setting, text, why):
    outcome = setting.deliver(tlspolicy=f"# mine\n{HOST}:{text}")
    fails(setting, outcome, f"control/tlspolicy:2: {why}")
    outcome = setting.deliver(tlspolicy=f"# mine\n{HOST}:{text}\nDest.example:none")
    delivered(outcome, MX)
    outcome = setting.deliver(tlspolicy=f"other.example:{text}")
    delivered(outcome, MX)


for name, args in WRONG.items():
    suite.add(f"tlspolicy_wrong_{name}", policy_wrong, *args)


@suite.case
def tlspolicy_none_and_a_login(setting):
    for relay in (R, MX, NAME):
        outcome = setting.deliver(authsenders=f":{relay}{LOGIN}",
                                  tlspolicy=f"other:0\n{relay}:none")
        fails(setting, outcome, "control/tlspolicy:2: none goes with no login")


@suite.case
def the_client_certificate_is_read_where_tls_is_on(setting):
    pair = {"clientcert": "none.pem", "clientkey": "none.pem"}
    missing = "control/clientcert: none.pem: no such file"
    delivered(setting.deliver(**pair), MX)
    fails(setting, setting.deliver(trustanchors="/nowhere", **pair), missing)
    delivered(setting.deliver(trustanchors="/nowhere", tlspolicy=":none", **pair),
              MX)
    for text in ("0", "1", f"0 pin={PIN}", "0 implicit"):
        fails(setting, setting.deliver(tlspolicy=f":{text}", **pair), missing)
    fails(setting, setting.deliver(smtproutes=f":{R}:465", **pair), missing)
    fails(setting, setting.deliver(smtproutes=f":{R}{LOGIN}", **pair), missing)


# ---- outgoingip, outgoingip6

OUR = {
    "name": ("mx.example", "mx.example", True),
    "brackets": ("[192.0.2.1]", "[2001:db8::1]", True),
    "network": ("192.0.2.0/24", "2001:db8::/32", True),
    "other_family": ("2001:db8::1", "192.0.2.1", True),
    "mapped": (None, "::ffff:192.0.2.1", True),
    "zeros": ("192.0.2.01", None, True),
    "two": ("192.0.2.1 192.0.2.2", "2001:db8::1 2001:db8::2", True),
    "unspecified": ("0.0.0.0", "::", False),
    "spelt_out": (None, "0:0::0", False),
}


def our_address(setting, four, six, wrong):
    for file, text, family in (("outgoingip", four, 4), ("outgoingip6", six, 6)):
        if text is None:
            continue
        outcome = setting.deliver(**{file: text})
        if wrong:
            fails(setting, outcome,
                  f"control/{file}: not an IPv{family} address")
        else:
            delivered(outcome, MX)


for name, args in OUR.items():
    suite.add(f"outgoingip_{name}", our_address, *args)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
