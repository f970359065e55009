# SPDX-License-Identifier: ISC
"""Every control file in every state a file can be in."""

import os
import socket
import sys
import time
from dataclasses import dataclass

import messages
from authority import Issuer
from checks import delivered
from harness import Skip, Suite, equal
from nameserver import SilentServer
from rspawn import may_change_user
from scripted import EHLO_STARTTLS, Scripted
from tlsserver import python_tls
from world import run_suite

ADDRESS, SECOND = "192.0.2.10", "192.0.2.11"
HOST = f"[{ADDRESS}]"
FIRST_LINE = "ZUnable to read control files. (#4.3.0)\n"
LONG = 10 * 1024 * 1024
suite = Suite()

LINK_LOOP, TOO_LONG = "Symbolic link loop", "Filename too long"


class Setting:
    """Two servers that offer STARTTLS, and what a run showed of its
    configuration."""

    def __init__(self, world):
        self.world = world
        self.issuer = Issuer(world)
        self.leaf = self.issuer.leaf("mx", f"IP:{ADDRESS},IP:{SECOND}")
        for path in (self.leaf.key, self.leaf.cert):
            os.chmod(path, 0o644)
        self.home = world.home()
        script = {"EHLO": EHLO_STARTTLS}
        upgrade = python_tls(self.leaf)
        self.servers = [Scripted(world, a, script, upgrade)
                        for a in (ADDRESS, SECOND)]

    def seen(self, **options):
        """The second line of a Z about control files, the first of another
        Z or D, or of a K the address, the name said and "TLS"."""
        for server in self.servers:
            server.sessions.clear()
        options.setdefault("data", messages.small())
        outcome = self.home.deliver(HOST, f"bob@{HOST}", **options)
        equal(outcome.status, 0)
        equal(len(outcome.records), 2 if outcome.letter == "K" else 1)
        if outcome.letter != "K":
            sessions = [s for server in self.servers for s in server.sessions]
            equal(sessions, [], "connections")
            first, _, second = outcome.message.partition("\n")
            if first + "\n" == FIRST_LINE:
                return second.rstrip("\n")
            return first
        delivered(outcome)
        used = [s for s in self.servers if s.sessions]
        equal(len(used), 1, "servers used")
        commands = used[0].sessions[0].commands
        tls = " TLS" if "STARTTLS" in commands else ""
        return f"{used[0].address} {commands[0].removeprefix('EHLO ')}{tls}"


USUAL = f"{ADDRESS} client.example"
OWN = ("DSorry. Although I'm listed as a best-preference MX or A for that host,")


@dataclass
class File:
    """A control file: a value, what a run shows with it and without it."""

    value: bytes
    shows: str
    empty: str = USUAL
    missing: str = USUAL
    is_list: bool = False


FILES = {
    "me": File(b"other.example", f"{ADDRESS} other.example",
               "control/me: is missing or empty",
               "control/me: is missing or empty"),
    "helohost": File(b"other.example", f"{ADDRESS} other.example"),
    "smtproutes": File(b":[192.0.2.11]", f"{SECOND} client.example",
                       is_list=True),
    "timeoutconnect": File(b"9", USUAL),
    "timeoutremote": File(b"20", USUAL),
    "timeoutdns": File(b"5", USUAL),
    "ipme": File(ADDRESS.encode(), OWN, is_list=True),
    "trustanchors": File(b"/nowhere", USUAL + " TLS"),
    "clientcert": File(b"none.pem", "control/clientcert: none.pem: no such file",
                       USUAL + " TLS", USUAL + " TLS"),
    "clientkey": File(b"none.pem", "control/clientkey: none.pem: no such file",
                      USUAL + " TLS", USUAL + " TLS"),
    "tlsstrictness": File(b"2", "control/trustanchors: needed at tlsstrictness 2",
                          "control/tlsstrictness: must be 0, 1 or 2"),
    "authsenders": File(b":[192.0.2.11]", f"{SECOND} client.example",
                        is_list=True),
    "tlspolicy": File(b":0", USUAL + " TLS", is_list=True),
    "outgoingip": File(b"0.0.0.0", USUAL),
    "outgoingip6": File(b"::", USUAL),
}


def prepare(setting, name):
    """The other files, so that this one can show itself."""
    values = {}
    if name.startswith("client"):
        values = {"trustanchors": "/nowhere", "clientcert": setting.leaf.chain,
                  "clientkey": setting.leaf.key}
    values[name] = None
    setting.home.control(**values)
    return setting.home.control_path(name)


# ---- bytes: what the value may look like

GOOD = {
    "alone": b"%s\n",
    "no_final_newline": b"%s",
    "crlf": b"%s\r\n",
    "white_space_behind": b"%s \t \r \n",
    "empty_lines_behind": b"%s\n\n\n\n",
    "long_white_space_behind": b"%s" + b" \t" * 5000 + b"\n",
}
EMPTY = {
    "empty": b"",
    "only_newline": b"\n",
    "only_white_space": b" \t \r\n",
    "only_newlines": b"\n\n\n",
    "ten_megabytes_of_spaces": b" " * LONG,
}
BAD = {
    "nul_behind": (b"%s\0\n", "contains a NUL byte"),
    "nul_in_front": (b"\0%s\n", "contains a NUL byte"),
    "control_byte": (b"%s\x01\n", "contains a control byte"),
    "cr_inside": (b"%s\r.\n", "contains a control byte"),
    "too_long": (b"%s" + b"x" * 1024 + b"\n", "line too long"),
    "ten_megabytes": (b"%s" + b"1" * LONG, "line too long"),
}


def shows(setting, name, data, want):
    prepare(setting, name)
    setting.home.plant(name, data)
    equal(setting.seen(), want)


def place(name, line=1):
    return f"control/{name}:{line}" if FILES[name].is_list else f"control/{name}"


for name, file in FILES.items():
    for kind, text in GOOD.items():
        suite.add(f"{name}_{kind}", shows, name, text.replace(b"%s", file.value),
                  file.shows)
    for kind, text in EMPTY.items():
        suite.add(f"{name}_{kind}", shows, name, text, file.empty)
    for kind, (text, why) in BAD.items():
        suite.add(f"{name}_{kind}", shows, name, text.replace(b"%s", file.value),
                  f"{place(name)}: {why}")

for name, file in FILES.items():
    suite.add(f"{name}_ten_megabytes_of_lines", shows, name,
              (file.value + b"\n") * (LONG // len(file.value)), file.shows)


# ---- what else a path can lead to

def directory(path):
    os.mkdir(path)


def fifo(path):
    os.mkfifo(path)
    os.chmod(path, 0o644)


def unix_socket(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
    os.chmod(path, 0o777)


def unreadable(path):
    if not may_change_user():
        raise Skip("needs an unprivileged user to run the program as")
    with open(path, "wb") as file:
        file.write(b"x\n")
    os.chmod(path, 0)


def link(to):
    return lambda path: os.symlink(to, path)


STRANGE = {
    "missing": (lambda path: None, "missing"),
    "dangling_link": (link("no-such-file"), "missing"),
    "link_to_dev_null": (link("/dev/null"), "empty"),
    "directory": (directory, ": not a regular file"),
    "fifo": (fifo, ": not a regular file"),
    "unix_socket": (unix_socket, ": No such device or address"),
    "link_loop": (lambda path: os.symlink(path, path), ": " + LINK_LOOP),
    "below_a_file": (link("../bin/qmail-remote/x"), ": Not a directory"),
    "unreadable": (unreadable, ": Permission denied"),
}


def strange(setting, name, make, want):
    make(prepare(setting, name))
    if want.startswith(":"):
        want = f"control/{name}{want}"
    else:
        want = getattr(FILES[name], want)
    equal(setting.seen(), want)


for name in FILES:
    for kind, (make, want) in STRANGE.items():
        suite.add(f"{name}_{kind}", strange, name, make, want)


# ---- files that this run does not need are read all the same

@suite.case
def me_is_read_beside_helohost(setting):
    setting.home.control(me=None, helohost="other.example")
    equal(setting.seen(), f"{ADDRESS} other.example")
    os.mkdir(setting.home.control_path("me"))
    equal(setting.seen(), "control/me: not a regular file")


def client_file_alone(setting, name, other):
    """One alone is not used, but it has to be readable."""
    setting.home.control(**{"trustanchors": "/nowhere", name: "none.pem"})
    equal(setting.seen(), USUAL + " TLS")
    for controls in ({}, {"trustanchors": "/nowhere"}, {other: "none.pem"}):
        setting.home.control(**controls)
        os.mkdir(setting.home.control_path(name))
        equal(setting.seen(), f"control/{name}: not a regular file", controls)


suite.add("clientcert_alone", client_file_alone, "clientcert", "clientkey")
suite.add("clientkey_alone", client_file_alone, "clientkey", "clientcert")


@suite.case
def client_certificate_without_anchors_is_not_read(setting):
    setting.home.control(clientcert="none.pem", clientkey="none.pem")
    equal(setting.seen(), USUAL)


# ---- names

NAMES = {
    "literal": ("[192.0.2.1]", f"{ADDRESS} [192.0.2.1]"),
    "longest": ("x" * 253, f"{ADDRESS} {'x' * 253}"),
    "too_long": ("x" * 254, "host name too long"),
    "space_inside": ("a b", "contains white space"),
    "tab_inside": ("a\tb", "contains white space"),
    "space_in_front": (" a", "contains white space"),
    "not_ascii": ("m\u00fcller.example", "contains a byte that is not ASCII"),
}


def own_name(setting, file, value, want):
    setting.home.control(**{file: value})
    equal(setting.seen(), want if want.startswith(ADDRESS)
          else f"control/{file}: {want}")


for file in ("me", "helohost"):
    for name, (value, want) in NAMES.items():
        suite.add(f"{file}_{name}", own_name, file, value, want)


@suite.case
def only_the_first_line_counts(setting):
    setting.home.control(helohost="other.example\nsecond line\0\x01",
                         timeoutremote="20\nnonsense", tlsstrictness="0\n7")
    equal(setting.seen(), f"{ADDRESS} other.example")


# ---- numbers: stock's rule

NUMBERS = {
    "digits": ("20", True),
    "leading_zeros": ("00020", True),
    "no_digits": ("soon", True),
    "digits_then_text": ("20 seconds", True),
    "minus": ("-1", True),
    "space_in_front": (" 0", True),
    "largest": ("2147483", True),
    "too_large": ("2147484", False),
    "huge": ("9" * 100, False),
}


def number(setting, file, value, fine):
    setting.home.control(**{file: value})
    equal(setting.seen(), USUAL if fine else f"control/{file}: number too large")


for file in ("timeoutconnect", "timeoutremote", "timeoutdns"):
    for name, (value, fine) in NUMBERS.items():
        suite.add(f"{file}_{name}", number, file, value, fine)


def at_least(seconds, setting, host):
    """The Z of a delivery that takes that long, and not for ever."""
    began = time.monotonic()
    outcome = setting.home.deliver(host, f"bob@{host}", messages.small())
    took = time.monotonic() - began
    equal(outcome.letter, "Z", outcome.text)
    assert seconds <= took < seconds + 20, f"{took:.1f} s"
    return outcome.message


@suite.case
def timeoutconnect_counts(setting):
    """An address that neither accepts nor refuses: its queue is full."""
    address = "192.0.2.12"
    with socket.create_server((address, 25), backlog=0):
        waiting = [socket.socket() for _ in range(4)]
        for s in waiting:
            s.setblocking(False)
            s.connect_ex((address, 25))
        setting.home.control(timeoutconnect="2 seconds")
        message = at_least(2, setting, f"[{address}]")
        for s in waiting:
            s.close()
    assert message.startswith("ZSorry, I wasn't able to establish an SMTP "
                              "connection. (#4.4.1)\n"), message


@suite.case
def timeoutremote_counts(setting):
    with socket.create_server(("192.0.2.13", 25)):
        setting.home.control(timeoutremote="2 seconds")
        message = at_least(2, setting, "[192.0.2.13]")
    assert message.startswith("ZConnected to 192.0.2.13 but connection died. "
                              "(#4.4.2)\n"), message


@suite.case
def timeoutdns_counts(setting):
    silent = SilentServer(setting.world, "192.0.2.53")
    setting.home.control(timeoutdns="2 seconds")
    setting.home.env = {"DNSCACHEIP": "192.0.2.53"}
    try:
        message = at_least(2, setting, "dest.example")
    finally:
        setting.home.env = {}
    assert silent.asked() > 0
    equal(message, "ZSorry, I couldn't find any host by that name. (#4.1.2)\n")


# ---- tlsstrictness, trustanchors

for name, value in {"3": "3", "minus": "-1", "words": "two", "two_digits": "02",
                    "space_in_front": " 2", "text_behind": "2 please",
                    "zeros": "00", "large": "9" * 50}.items():
    suite.add(f"tlsstrictness_{name}_is_refused", shows, "tlsstrictness",
              value.encode() + b"\n", "control/tlsstrictness: must be 0, 1 or 2")
for value in "012":
    for name, data in {"missing": None, "empty": b"", "newline": b"\n"}.items():
        suite.add(f"trustanchors_{name}_at_{value}",
                  lambda s, v, d: anchors_absent(s, v, d), value, data)


def anchors_absent(setting, strictness, data):
    """Below 2 STARTTLS is not tried; at 2 there is no mail."""
    setting.home.control(tlsstrictness=strictness)
    if data is not None:
        setting.home.plant("trustanchors", data)
    equal(setting.seen(), USUAL if strictness < "2" else
          "control/trustanchors: needed at tlsstrictness 2")


ANCHORS = {
    "missing": ("nowhere.pem", "no such file"),
    "missing_directory": ("nowhere/", "no such file"),
    "directory_without_slash": ("control", "not a regular file"),
    "file_with_slash": ("control/me/", "Not a directory"),
    "empty_file": ("/dev/null", "not a regular file"),
    "no_certificate": ("control/me", "has no certificate"),
    "empty_directory": ("control/", "has no certificate under its hash"),
}


def anchors_unusable(setting, strictness, value, why):
    setting.home.control(trustanchors=value, tlsstrictness=strictness)
    equal(setting.seen(), f"control/trustanchors: {value}: {why}"
          if strictness == 2 else USUAL + " TLS")


for name, (value, why) in ANCHORS.items():
    for strictness in (0, 1, 2):
        suite.add(f"trustanchors_{name}_at_{strictness}", anchors_unusable,
                  strictness, value, why)


@suite.case
def paths_start_at_the_qmail_home(setting):
    for name, path in (("ca.pem", setting.issuer.bundle),
                       ("cert.pem", setting.leaf.chain),
                       ("key.pem", setting.leaf.key)):
        with open(path, "rb") as source:
            setting.home.plant(name, source.read())
    setting.home.control(trustanchors="control/ca.pem", tlsstrictness=2,
                         clientcert="control/cert.pem",
                         clientkey="control/key.pem")
    equal(setting.seen(), USUAL + " TLS")
    setting.home.control(trustanchors="../ca.pem", tlsstrictness=2)
    equal(setting.seen(), "control/trustanchors: ../ca.pem: no such file")


@suite.case
def a_long_path_does_not_hide_the_reason(setting):
    path = "/x" * 511
    setting.home.control(trustanchors=path, tlsstrictness=2)
    equal(setting.seen(), f"control/trustanchors: {path}: no such file")


@suite.case
def a_path_is_made_safe(setting):
    """Bytes above 0x7f may stand in a path; the report gets only UTF-8."""
    setting.home.control(tlsstrictness=2)
    setting.home.plant("trustanchors", b"/caf\xc3\xa9\xff\tx\n")
    equal(setting.seen(), "control/trustanchors: /caf\u00e9? x: no such file")


# ---- the qmail home

HOMES = {
    "missing": ("/nowhere/at/all", "No such file or directory"),
    "file": ("/dev/null", "Not a directory"),
    "too_long": ("/x" * 5000, TOO_LONG),
}


def wrong_home(setting, value, why):
    outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small(),
                                   env={"QMAILHOME": value})
    equal(outcome.letter, "Z")
    equal(outcome.message, "ZUnable to switch to home directory. (#4.3.0)\n"
          f"{value[:1023]}: {why}\n")


for name, (value, why) in HOMES.items():
    suite.add(f"home_{name}", wrong_home, value, why)


@suite.case
def home_without_control_files(setting):
    path = setting.world.folder("bare")
    equal(setting.seen(env={"QMAILHOME": path}), "control/me: is missing or empty")


@suite.case
def home_elsewhere(setting):
    other = setting.world.home("other")
    other.control(me="elsewhere.example")
    equal(setting.seen(env={"QMAILHOME": other.path}),
          f"{ADDRESS} elsewhere.example")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
