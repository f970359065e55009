# SPDX-License-Identifier: ISC
"""Sender and recipients: quoted as qmail does, or refused before anything is
said."""

import ipaddress
import os
import random
import re
import sys

from harness import Suite, equal
from wire import Receiver, Setting as WireSetting
from world import run_suite

USAGE = "DI (qmail-remote) was invoked improperly. (#5.3.5)\n"
NOT_ASCII = ("DSorry, I can't send to or from an address that is not ASCII. "
             "(#5.6.7)\n")
WHY = {
    "control": "address contains a control character",
    "domain": "domain contains a character no domain can have",
    "long": "address is longer than 254 octets",
    "long_domain": "domain is longer than 255 octets",
}
OTHER = "other@dest.example"
suite = Suite()


class Setting(WireSetting):
    def __init__(self, world):
        super().__init__(world)
        self.receiver: Receiver = self.receivers["clear"]
        self.home.control()

    def paths(self, sender=OTHER, recipients=(OTHER,), connects=True):
        """The paths of MAIL and of each RCPT, or the report when there is no
        connection."""
        fd = os.open("/dev/null", os.O_RDONLY)
        try:
            outcome = self.receiver.deliver_fd(
                fd, connects=connects, sender=sender, recipients=recipients)
        finally:
            os.close(fd)
        equal(outcome.status, 0)
        if not connects:
            return outcome.message
        equal(outcome.letter, "K", outcome.text)
        mail, *rcpt, data, end = self.receiver.commands[1:]
        equal((data, end), ("DATA", "QUIT"))
        assert mail.startswith("MAIL FROM:"), mail
        assert all(r.startswith("RCPT TO:") for r in rcpt), rcpt
        return [mail[10:], *(r[8:] for r in rcpt)]


# ---- a strict reading of RFC 5321 section 4.1.2, and qmail's rule

ATOM = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+"
DOT_STRING = rf"{ATOM}(?:\.{ATOM})*"
QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
PATH = re.compile(rf"<({DOT_STRING}|{QUOTED})(@[^<>()\[\],;:\\\" ]*"
                  r"|@\[[^<>()\[\],;\\\" ]*\])?>")


def understood(path):
    """The address a strict server reads, unquoted."""
    match = PATH.fullmatch(path)
    assert match, f"not a path: {path!r}"
    local = match[1]
    if local.startswith('"'):
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return local + (match[2] or "")


def qmail_path(address):
    """qmail's quote(): the local part up to the last @."""
    if not address:
        return "<>"
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = address, ""
    if not re.fullmatch(DOT_STRING, local):
        local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
    return f"<{local}{at}{domain}>"


GOOD = {
    "plain": "bob@dest.example",
    "all_plain_characters": "aZ09!#$%&'*+-/=?^_`{|}~.x@dest.example",
    "space": "b o b@dest.example",
    "quote": 'b"ob@dest.example',
    "backslash": "b\\ob@dest.example",
    "only_backslash": "\\@dest.example",
    "quotes_and_backslashes": '\\"\\\\""@dest.example',
    "already_quoted": '"bob"@dest.example',
    "brackets": "b<o>b@dest.example",
    "parentheses": "bob(comment)@dest.example",
    "comma_semicolon_colon": "a,b;c:d@dest.example",
    "two_ats": "bob@host@dest.example",
    "at_first": "@bob@dest.example",
    "percent": "bob%host@dest.example",
    "bang": "host!bob@dest.example",
    "empty_local": "@dest.example",
    "dot_first": ".bob@dest.example",
    "dot_last": "bob.@dest.example",
    "two_dots": "b..ob@dest.example",
    "only_dot": ".@dest.example",
    "hyphen_first": "-rf@dest.example",
    "options": "--help@dest.example",
    "closing": "bob> SIZE=1@dest.example",
    "source_route": "@a,@b:c@dest.example",
    "ipv4_literal": "bob@[192.0.2.1]",
    "ipv6_literal": "bob@[IPv6:2001:db8::1]",
    "long_local": "x" * 65 + "@dest.example",
    "verp": "list-return-1-bob=dest.example@lists.example",
    "no_at": "postmaster",
    "no_at_quoted": "post master",
    "no_domain": "bob@",
    "upper_case": "BOB@DEST.EXAMPLE",
    "trailing_dot": "bob@dest.example.",
    "double_bounce": "#@[]",
    "format_directive": "%s%n@dest.example",
    "254_octets": "x" * (254 - 13) + "@dest.example",
    "254_octets_quoted": " " * (252 - 13) + "@dest.example",
}


def goes_out(setting, address):
    want = qmail_path(address)
    equal(setting.paths(recipients=[address]), [f"<{OTHER}>", want])
    equal(setting.paths(sender=address), [want, f"<{OTHER}>"])
    equal(understood(want), address)


for name, address in GOOD.items():
    suite.add(f"goes_{name}", goes_out, address)

BAD = {
    "cr": ("b\rob@dest.example", "control"),
    "lf": ("b\nob@dest.example", "control"),
    "crlf_rcpt": ("x@dest.example>\r\nRCPT TO:<evil@dest.example", "control"),
    "lf_at_the_end": ("bob@dest.example\n", "control"),
    "tab": ("b\tob@dest.example", "control"),
    "del": ("bob\x7f@dest.example", "control"),
    "escape": ("bob@dest\x1b.example", "control"),
    "every_first_control": ("\x01@dest.example", "control"),
    "bracket_in_domain": ("bob@dest>.example", "domain"),
    "space_in_domain": ("bob@dest .example", "domain"),
    "parameter_in_domain": ("bob@dest.example> SIZE=1", "domain"),
    "quote_in_domain": ('bob@"dest".example', "domain"),
    "comma_in_domain": ("bob@a.example,b.example", "domain"),
    "colon_in_domain": ("bob@dest.example:25", "domain"),
    "literal_not_closed": ("bob@[192.0.2.1", "domain"),
    "literal_and_more": ("bob@[192.0.2.1]x", "domain"),
    "bracket_in_literal": ("bob@[a]b]", "domain"),
    "255_octets": ("x" * (255 - 13) + "@dest.example", "long"),
    "255_octets_quoted": (" " * (253 - 13) + "@dest.example", "long"),
    "255_octets_escaped": ('"' * 120 + "@dest.example", "long"),
    "long_without_at": ("x" * 255, "long"),
    "domain_of_256": ("b@" + "x" * 256, "long_domain"),
    "64_kib": ("x" * 65536 + "@dest.example", "long"),
}


def refused(setting, address, want):
    for envelope in ({"recipients": [address]}, {"sender": address},
                     {"recipients": [OTHER, address]},
                     {"recipients": [address, OTHER]}):
        equal(setting.paths(connects=False, **envelope), want)


for name, (address, why) in BAD.items():
    suite.add(f"refused_{name}", refused, address, f"{USAGE}{WHY[why]}\n")
for name, address in {
    "latin1": b"caf\xe9@dest.example", "domain": b"bob@b\xfccher.example",
    "quoted": b'"\xe9"@dest.example', "byte_80": b"\x80@x", "byte_ff": b"bob@\xff",
    "overlong": b"\xc0\x80@x", "surrogate": b"bob@\xed\xa0\x80",
    "control_of_8_bits": "b\u0085b@x", "beyond_the_last": b"\xf4\x90\x80\x80@x",
    "cut_off": "bob@\u20ac".encode()[:-1],
}.items():
    suite.add(f"not_ascii_{name}", refused, address, NOT_ASCII)
suite.add("every_control_byte", lambda s: [
    refused(s, f"a{chr(c)}b@x", f"{USAGE}{WHY['control']}\n")
    for c in (*range(1, 32), 127)])


@suite.case
def null_sender(setting):
    equal(setting.paths(sender=""), ["<>", f"<{OTHER}>"])


@suite.case
def empty_recipient(setting):
    for recipients in ([""], [OTHER, ""]):
        equal(setting.paths(recipients=recipients, connects=False),
              f"{USAGE}empty recipient\n")


@suite.case
def a_labels_stay(setting):
    address = "bob@xn--bcher-kva.example"
    equal(setting.paths(recipients=[address]), [f"<{OTHER}>", f"<{address}>"])


@suite.case
def many_recipients_in_order(setting):
    addresses = [a for a in GOOD.values() if a]
    equal(setting.paths(recipients=addresses),
          [f"<{OTHER}>", *map(qmail_path, addresses)])


ALPHABET = [*'ab.@ "\\<>[]():;,', "\r", "\n", "\t", "\x7f", "\udce9", "-", "%"]
DOMAIN_BAD = set('<>()[]@,;:\\" ')


def is_ipv6(text):
    try:
        ipaddress.IPv6Address(text)
        return "%" not in text
    except ValueError:
        return False


def expected(address):
    """None: it goes out; else how the report begins."""
    if any(ord(c) > 127 for c in address):
        return NOT_ASCII
    if any(ord(c) < 32 or ord(c) == 127 for c in address):
        return f"{USAGE}{WHY['control']}\n"
    domain = address.rpartition("@")[2] if "@" in address else ""
    if is_ipv6(domain):
        return None
    allowed = set()
    if len(domain) >= 2 and domain[0] == "[" and domain[-1] == "]":
        domain, allowed = domain[1:-1], {":"}
    if set(domain) & (DOMAIN_BAD - allowed):
        return f"{USAGE}{WHY['domain']}\n"
    return None


def random_addresses(setting, seed):
    """One MAIL and one RCPT that mean the address, or the right D."""
    choose = random.Random(seed)
    for _ in range(600):
        letters = ALPHABET if choose.random() < 0.3 else ALPHABET[:15]
        address = "".join(choose.choices(letters, k=choose.randint(1, 12)))
        if choose.random() < 0.6:
            address += "@dest.example"
        if is_ipv6(address.rpartition("@")[2]):
            continue  # clean, but no path of RFC 5321
        want = expected(address)
        key = choose.choice(("sender", "recipients"))
        envelope = {key: address if key == "sender" else [address]}
        if want:
            equal(setting.paths(connects=False, **envelope), want, repr(address))
            continue
        path = setting.paths(**envelope)[0 if key == "sender" else 1]
        equal(path, qmail_path(address), repr(address))
        equal(understood(path), address)


for seed in range(4):
    suite.add(f"random_{seed}", random_addresses, seed)


# ---- the host

HOSTS = {
    "not_ascii": (b"b\xfccher.example", NOT_ASCII),
    "a_label_too_long": ("\u00fc" * 58, None),
    "not_ascii_byte": (b"\xff", NOT_ASCII),
    "lf": ("dest\n.example", f"{USAGE}host contains a control character\n"),
    "nul_like": ("dest\x01", f"{USAGE}host contains a control character\n"),
    "hyphen": ("-h\n", f"{USAGE}host contains a control character\n"),
    "too_long": ("x." * 127 + "x", None), "label_too_long": ("x" * 64, None),
    "64_kib": ("x" * 65536, None), "empty_label": ("a..b", None),
    "backslashes": ("\\" * 63, None), "backslash": ("a\\.example", None),
}


def bad_host(setting, host, want):
    """D: what argv is decides; the name cannot exist."""
    outcome = setting.home.deliver(host, [OTHER], b"x\n")
    if want is None:
        start = "DSorry, I couldn't find any host named "
        assert outcome.message.startswith(start), outcome.message
        assert outcome.message.endswith(". (#5.1.2)\n"), outcome.message
        assert len(outcome.message) < 400, len(outcome.message)
    else:
        equal(outcome.message, want)


for name, (host, want) in HOSTS.items():
    suite.add(f"host_{name}", bad_host, host, want)

if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
