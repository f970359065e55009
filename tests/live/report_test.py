# SPDX-License-Identifier: ISC
"""Every text of the report to the letter, byte for byte.

rspawn.spawn gives the program one pipe as descriptors 1 and 2, as qmail-rspawn
does: a byte on either that is not the report's fails every case here.
"""

import os
import random
import signal
import sys

import messages
import rspawn
from authority import Issuer
from harness import Skip, Suite, equal
from nameserver import serve_names
from scripted import DROP, EHLO_STARTTLS, RESET, Scripted
from tlsserver import python_tls
from tracing import Trace
from world import run_suite, wait_until

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
ADDRESS_6, CLOSED = "2001:db8::10", "192.0.2.50"
RECORDS = [
    f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}", f"six AAAA {ADDRESS_6}",
    f"closed A {CLOSED}", "null MX 0 .", "self MX 10 own", "own A 127.0.0.1",
    'text TXT "no mail here"', f"other A {ADDRESS}",
]
SAID = "Remote host said: "
CONNECTED = f"ZConnected to {ADDRESS} but "
DIED = f"{CONNECTED}connection died. (#4.4.2)\n"
DUPLICATE = f"{CONNECTED}connection died. Possible duplicate! (#4.4.2)\n"
CONTROL = "ZUnable to read control files. (#4.3.0)\n"
STARTTLS = {"EHLO": EHLO_STARTTLS}
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, RECORDS)
        self.issuer = Issuer(world)
        self.good = self.issuer.leaf("good", f"DNS:{NAME}")
        self.bad = self.issuer.leaf("bad", "DNS:other.example")
        self.home = world.home()

    def run(self, host=HOST, recipients=None, control=None, data=None, **options):
        self.home.control(**(control or {}))
        if recipients is None:
            recipients = f"bob@{host}"
        return self.home.deliver(host, recipients, data or messages.small(),
                                 **options)

    def against(self, script, upgrade=None, address=ADDRESS, **options):
        """A run against one scripted server: outcome and server."""
        with Scripted(self.world, address, script, upgrade) as server:
            outcome = self.run(**options)
            server.settle()
        return outcome, server


def records(*texts):
    """The report's bytes from its records."""
    return b"".join(t.encode("utf-8") + b"\0" for t in texts)


def reports(outcome, *texts):
    """The whole output is these records, and the exit status is 0."""
    equal(outcome.output, records(*texts))
    equal(outcome.status, 0, "exit status")


def likes_not(letter, said, address=ADDRESS):
    return f"{letter}{address} does not like recipient.\n{SAID}{said}\n"


# ---- before a connection

NOWHERE = {
    "no_host": ("absent.example", {},
                "DSorry, I couldn't find any host named absent.example. (#5.1.2)\n"),
    "no_exchanger": ("text.example", {}, "DSorry, I couldn't find a mail "
                     "exchanger or IP address. (#5.4.4)\n"),
    "null_mx": ("null.example", {},
                "DSorry, that host does not accept mail. (#5.1.10)\n"),
    "own": ("self.example", {},
            "DSorry. Although I'm listed as a best-preference MX or A for that "
            "host,\nit isn't in my control/locals file, so I don't treat it as "
            "local. (#5.4.6)\n"),
    "dns": ("host.failing.example", {"timeoutdns": 5},
            "ZSorry, I couldn't find any host by that name. (#4.1.2)\n"),
    "unknown_relay": (HOST, {"smtproutes": ":absent.example"},
                      "ZSorry, I couldn't find any host by that name. (#4.1.2)\n"),
    "relay_own": (HOST, {"smtproutes": ":other.example", "ipme": ADDRESS},
                  "ZSorry, every address of the relay is listed in control/ipme. "
                  "(#4.4.6)\n"),
    "not_ascii": ("d\udce9st.example", {}, "DSorry, I can't send to or from an "
                  "address that is not ASCII. (#5.6.7)\n"),
}


def nowhere(setting, host, control, text):
    """Nothing, or one line more, behind the text."""
    outcome = setting.run(host, control=control)
    first = outcome.output[:len(text.encode())]
    equal(first, text.encode())
    equal(outcome.output.count(b"\0"), 1, "records")
    assert outcome.output.endswith(b"\n\0"), outcome.output
    equal(outcome.status, 0, "exit status")


for name, args in NOWHERE.items():
    suite.add(f"text_{name}", nowhere, *args)


@suite.case
def text_connect(setting):
    outcome = setting.run("closed.example")
    reports(outcome, "ZSorry, I wasn't able to establish an SMTP connection. "
            f"(#4.4.1)\n{CLOSED}: Connection refused\n")


@suite.case
def text_usage(setting):
    outcome = setting.run(recipients=[])
    first = "DI (qmail-remote) was invoked improperly. (#5.3.5)\n"
    assert outcome.output.startswith(first.encode()), outcome.output
    equal(outcome.output.count(b"\0"), 1, "records")


@suite.case
def text_partial(setting):
    outcome, server = setting.against({}, data=b"no line end")
    reports(outcome, "DSMTP cannot transfer messages with partial final lines. "
            "(#5.6.2)\n")
    assert all("DATA" not in s.verbs() for s in server.sessions)


@suite.case
def text_home(setting):
    outcome = setting.run(env={"QMAILHOME": "/run/mote/none"})
    assert outcome.output.startswith(
        b"ZUnable to switch to home directory. (#4.3.0)\n"), outcome.output
    equal(outcome.output.count(b"\0"), 1, "records")


@suite.case
def text_control(setting):
    outcome = setting.run(control={"tlsstrictness": "9"})
    reports(outcome, f"{CONTROL}control/tlsstrictness: must be 0, 1 or 2\n")


@suite.case
def text_message(setting):
    """Descriptor 0 is a directory."""
    setting.home.control()
    command = [setting.home.binary, HOST, "a@client.example", f"bob@{HOST}"]
    run = rspawn.spawn(command, setting.home.path, setting.home.path)
    outcome = run.finish()
    assert outcome.output.startswith(b"ZUnable to read message. (#4.3.0)\n"), \
        outcome.output
    equal(outcome.output.count(b"\0"), 1, "records")


@suite.case
def text_system(setting):
    """Neither getrandom nor /dev/urandom."""
    denied = ["-e", "inject=getrandom:error=ENOSYS"]
    first = Trace(setting.world, "system1")
    setting.run(wrapper=[*first.wrapper, *denied])
    at = [n for n, line in enumerate(first.calls()) if "/dev/urandom" in line]
    if not at:
        raise Skip("strace cannot take getrandom away")
    call = first.calls()[at[0]].split("(")[0].split()[-1]
    before = sum(f" {call}(" in line for line in first.calls()[:at[0]])
    denied += ["-e", f"inject={call}:error=EMFILE:when={before + 1}+"]
    outcome = setting.run(wrapper=[*Trace(setting.world, "system2").wrapper, *denied])
    # strace's way to take a call away is a call that no filter names.
    if outcome.status == -signal.SIGSYS:
        raise Skip("the program of make check-calls dies of it")
    assert outcome.output.startswith(
        b"ZSystem resources temporarily unavailable. (#4.3.0)\n"), outcome.output
    equal(outcome.output.count(b"\0"), 1, "records")


# ---- one recipient, by step: script, data, the records

R, GIVING_UP = "r", f"DGiving up on {ADDRESS}.\n"
SESSIONS = {
    "accepted": ({}, R, f"K{ADDRESS} accepted message.\n{SAID}250 2.0.0 kept\n"),
    "greeting": ({"greeting": "554 go away"},
                 f"{CONNECTED}greeting failed.\n{SAID}554 go away\n"),
    "name": ({"EHLO": "550 no", "HELO": "550 not you"},
             f"{CONNECTED}my name was rejected.\n{SAID}550 no\n"),
    "sender_temp": ({"MAIL": "451 later"},
                    f"{CONNECTED}sender was rejected.\n{SAID}451 later\n"),
    "sender_perm": ({"MAIL": "550 no"}, f"DConnected to {ADDRESS} but sender was "
                    f"rejected.\n{SAID}550 no\n"),
    "recipient_perm": ({"RCPT": "550 no"}, likes_not("h", "550 no"), GIVING_UP),
    "recipient_temp": ({"RCPT": "450 no"}, likes_not("s", "450 no"), GIVING_UP),
    "data_perm": ({"DATA": "550 no"}, R,
                  f"D{ADDRESS} failed on DATA command.\n{SAID}550 no\n"),
    "data_temp": ({"DATA": "450 no"}, R,
                  f"Z{ADDRESS} failed on DATA command.\n{SAID}450 no\n"),
    "sent_perm": ({".": "554 no"}, R,
                  f"D{ADDRESS} failed after I sent the message.\n{SAID}554 no\n"),
    "sent_temp": ({".": "452 no"}, R,
                  f"Z{ADDRESS} failed after I sent the message.\n{SAID}452 no\n"),
    "died": ({"RCPT": DROP}, f"{DIED}At RCPT: closed by the server\n"),
    "died_421": ({"RCPT": "421 bye"}, f"{DIED}{SAID}421 bye\n"),
    "duplicate": ({".": DROP}, R,
                  f"{DUPLICATE}At the message: closed by the server\n"),
    "whole_reply": ({".": "550-one\r\n550-\r\n550-  three\r\n550 four"}, R,
                    f"D{ADDRESS} failed after I sent the message.\n"
                    f"{SAID}550-one\n550-\n550-  three\n550 four\n"),
    "whole_reply_accepted": (
        {".": "250-2.0.0 one\n250-two\r\n250"}, R,
        f"K{ADDRESS} accepted message.\n{SAID}250-2.0.0 one\n250-two\n250\n"),
    "whole_reply_recipient": (
        {"RCPT": "550-5.1.1 one\r\n550 two"},
        likes_not("h", "550-5.1.1 one\n550 two"), GIVING_UP),
    "utf8": ({"MAIL": "550 caf\u00e9 \u20ac \U0001f4ee"},
             f"DConnected to {ADDRESS} but sender was rejected.\n"
             f"{SAID}550 caf\u00e9 \u20ac \U0001f4ee\n"),
}


def session(setting, script, *texts):
    outcome, _ = setting.against(script)
    reports(outcome, *texts)


for name, (script, *texts) in SESSIONS.items():
    suite.add(f"session_{name}", session, script, *texts)


@suite.case
def session_ipv6(setting):
    """The address as inet_ntop prints it."""
    if not setting.world.has_ipv6:
        raise Skip("no IPv6 here")
    outcome, _ = setting.against({}, address=ADDRESS_6, host="six.example")
    reports(outcome, "r", f"K{ADDRESS_6} accepted message.\n{SAID}250 2.0.0 kept\n")


@suite.case
def text_too_big(setting):
    data = b"Subject: x\n\n.dot\nend\n"  # 21 bytes, 4 line ends: 25 on the wire
    outcome, _ = setting.against({"EHLO": "250-x\r\n250 SIZE 24"}, data=data)
    reports(outcome, f"DConnected to {ADDRESS} but the message is too big for it: "
            "25 bytes, limit 24. (#5.3.4)\n")


# ---- TLS texts, the STARTTLS line last

TLS_2 = {"tlsstrictness": 2}
TLS_TEXTS = {
    "absent": ({}, TLS_2, f"{CONNECTED}STARTTLS is required and not offered. "
               "(#4.7.4)\n"),
    "refused": ({**STARTTLS, "STARTTLS": "454-not\r\n454 now"}, TLS_2,
                f"{CONNECTED}STARTTLS was refused. (#4.7.4)\n"
                f"{SAID}454-not\n454 now\n"
                "STARTTLS failed: refused by the server;\n"),
    "failed": ({**STARTTLS, "STARTTLS": ("220 go", 0.3, b"500 what?\r\n")}, TLS_2,
               f"{CONNECTED}TLS failed: the server goes on in clear after STARTTLS. "
               "(#4.7.5)\n"
               "STARTTLS failed: the server goes on in clear after STARTTLS;\n"),
    "refused_goes_on": ({**STARTTLS, "STARTTLS": "502 no"}, {"tlsstrictness": 0},
                        R, f"K{ADDRESS} accepted message.\n{SAID}250 2.0.0 kept\n"
                        "STARTTLS failed: refused by the server;\n"),
    "refused_then_sender": ({**STARTTLS, "STARTTLS": "502 no", "MAIL": "550 you"},
                            {"tlsstrictness": 0},
                            f"ZConnected to {ADDRESS} but sender was rejected.\n"
                            f"{SAID}550 you\n"
                            "STARTTLS failed: refused by the server;\n"),
}


def failing(connection):
    raise OSError("no handshake")


def tls_text(setting, script, control, *texts):
    control = {**control, "trustanchors": setting.issuer.bundle}
    outcome, _ = setting.against(script, failing, control=control)
    reports(outcome, *texts)


for name, (script, control, *texts) in TLS_TEXTS.items():
    suite.add(f"tls_{name}", tls_text, script, control, *texts)


def over_tls(setting, certificate, control, script=None):
    """The outcome, and protocol and cipher as the server knows them."""
    seen = []

    def upgrade(connection):
        secure = python_tls(certificate)(connection)
        seen.append(secure.describe())
        return secure

    control = {**control, "trustanchors": setting.issuer.bundle}
    outcome, _ = setting.against({**STARTTLS, **(script or {})}, upgrade,
                                 control=control)
    return outcome, seen


@suite.case
def tls_untrusted(setting):
    outcome, _ = over_tls(setting, setting.bad, TLS_2)
    reports(outcome, f"{CONNECTED}its certificate was refused: not valid for "
            f"{NAME}. (#4.7.5)\nSTARTTLS failed: not valid for {NAME};\n")


def tls_line(setting, strictness, verify, script, *texts):
    """Behind every record of a session over TLS."""
    outcome, seen = over_tls(setting, setting.good, {"tlsstrictness": strictness},
                             script)
    version, cipher = seen[0]
    line = f"STARTTLS proto={version}; cipher={cipher}; verify={verify};\n"
    reports(outcome, *texts[:-1], texts[-1] + line)


ENDS = ("accepted", "sender_perm", "sender_temp", "recipient_perm",
        "recipient_temp", "data_perm", "data_temp", "sent_perm", "sent_temp",
        "died_421", "whole_reply")
for end in ENDS:
    script, *texts = SESSIONS[end]
    suite.add(f"tls_line_unverified_{end}", tls_line, 0, "unverified", script, *texts)
    suite.add(f"tls_line_verified_{end}", tls_line, 2, "verified", script, *texts)


# ---- several recipients

FATES = {
    "r": ("250 ok", "r"), "h": ("550 no", likes_not("h", "550 no")),
    "s": ("450 later", likes_not("s", "450 later")),
    "R": ("251 forwards", "r"),
    "m": ("552-full\r\n552 very", likes_not("h", "552-full\n552 very")),
}
MIXTURES = ("rr", "hh", "ss", "hs", "sh", "rh", "hr", "rs", "sr", "rhs", "shr",
            "hhr", "Rms", "mmsR", "hshshsr", "rmsRhsrmhs", "r" * 100,
            "hs" * 50, "rhs" * 33 + "m")
OFFERS = {"plain": "250 x", "pipelining": "250-x\r\n250 PIPELINING",
          "chunking": "250-x\r\n250-PIPELINING\r\n250 CHUNKING"}


def mixture(setting, fates, offer):
    names = [f"user{n}@{HOST}" for n in range(len(fates))]
    script = {"RCPT": [FATES[f][0] for f in fates], "EHLO": offer}
    if not set(fates) & set("rR"):
        # Pipelined, DATA comes along: a server with no recipient refuses it.
        script["DATA"] = "554 no valid recipients"
    outcome, server = setting.against(script, recipients=names)
    taken = bool(set(fates) & set("rR"))
    last = f"K{ADDRESS} accepted message.\n{SAID}250 2.0.0 kept\n"
    reports(outcome, *(FATES[f][1] for f in fates), last if taken else GIVING_UP)
    equal(len(server.contents()), int(taken), "messages taken")
    said = [c for c in server.sessions[0].commands if c.startswith("RCPT")]
    equal([c[9:c.index(">")] for c in said], names)


for fates in MIXTURES:
    for offer, text in OFFERS.items():
        label = fates if len(fates) <= 10 else f"{len(fates)}_of_{fates[:3]}"
        suite.add(f"mixture_{label}_{offer}", mixture, fates, text)


@suite.case
def all_refused_but_354(setting):
    """The server takes DATA for nobody: it gets the empty message."""
    outcome, server = setting.against(
        {"EHLO": OFFERS["pipelining"], "RCPT": "550 no"})
    reports(outcome, likes_not("h", "550 no"), GIVING_UP)
    equal(server.contents(), [b""])


@suite.case
def refused_message_after_a_mixture(setting):
    script = {"RCPT": ["550 no", "250 ok", "450 later"], ".": "554 spam"}
    outcome, _ = setting.against(
        script, recipients=[f"{n}@{HOST}" for n in ("one", "two", "three")])
    reports(outcome, likes_not("h", "550 no"), "r", likes_not("s", "450 later"),
            f"D{ADDRESS} failed after I sent the message.\n{SAID}554 spam\n")


@suite.case
def drop_amid_recipients_leaves_none(setting):
    """A session that decides nothing leaves no recipient records."""
    script = {"RCPT": ["250 ok", "550 no", DROP]}
    outcome, _ = setting.against(
        script, recipients=[f"{n}@{HOST}" for n in ("one", "two", "three")])
    reports(outcome, f"{DIED}At RCPT: closed by the server\n")


@suite.case
def drop_of_a_pipe_leaves_none(setting):
    """The message cannot be sent again, but nothing was decided either."""
    script = {"content": ("421 4.3.2 going down", 0.3, DROP)}
    setting.home.control()
    read, write = os.pipe()
    command = [setting.home.binary, HOST, "a@client.example", f"bob@{HOST}"]
    with Scripted(setting.world, ADDRESS, script) as server:
        run = rspawn.spawn(command, setting.home.path, f"/proc/self/fd/{read}")
        os.close(read)
        os.write(write, b"a line\n" * 5000)
        wait_until(lambda: server.sessions, "a session")
        server.settle()
        os.close(write)
        outcome = run.finish()
    equal(outcome.output.split(b"\n")[0], DIED.rstrip("\n").encode())
    equal(outcome.output.count(b"\0"), 1, "records")


@suite.case
def reset_is_reported_as_any_end(setting):
    outcome, _ = setting.against({"MAIL": (0.2, RESET)})
    reports(outcome, f"{DIED}At MAIL: Connection reset by peer\n")


# ---- bytes of the server

def made_safe(data):
    """interface.md section 2, from Python's own idea of UTF-8."""
    out, at = [], 0
    while at < len(data):
        for size in (4, 3, 2, 1):
            part = data[at:at + size]
            try:
                text = part.decode("utf-8")
            except UnicodeDecodeError:
                continue
            if len(part) == size and len(text) == 1:
                break
        else:
            part, text = data[at:at + 1], "?"
        at += len(part)
        if text == "\t":
            text = " "
        elif text != "\n" and (text < " " or text == "\x7f"):
            text = "" if text == "\r" else "?"
        out.append(text)
    return "".join(out)


def hostile(setting, body):
    """The reply holds body, which has no LF."""
    outcome, _ = setting.against({".": b"554 <" + body + b">\r\n"})
    said = made_safe(b"554 <" + body + b">")
    reports(outcome, "r",
            f"D{ADDRESS} failed after I sent the message.\n{SAID}{said}\n")


ALL = bytes(b for b in range(256) if b != 10)
suite.add("bytes_all_values", hostile, ALL)
suite.add("bytes_all_values_apart", hostile, b" ".join(bytes([b]) for b in ALL))
suite.add("bytes_all_pairs_with_high", hostile,
          b"".join(bytes([a, b, 32]) for a in range(0xc0, 0xf8)
                   for b in range(0x78, 0x90)))
suite.add("bytes_record_ends", hostile, b"\0K192.0.2.1 accepted message.\n\0"[:-2])
suite.add("bytes_utf8_limits", hostile,
          "\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff".encode()
          + b"\xc0\x80\xc1\xbf\xe0\x9f\xbf\xed\xa0\x80\xf0\x8f\xbf\xbf\xf4\x90\x80\x80")
suite.add("bytes_format_directives", hostile, b"%s%n%x{ip}{why}\x1b[2J\x9b\x07\x08")


@suite.case
def bytes_random(setting):
    choose = random.Random(3)
    body = bytes(choose.choice(ALL) for _ in range(4000))
    hostile(setting, body)


@suite.case
def bytes_in_recipient_records(setting):
    outcome, _ = setting.against({"RCPT": b"550 " + ALL + b"\r\n"})
    reports(outcome, likes_not("h", made_safe(b"550 " + ALL)), GIVING_UP)


def cut(setting, reply, want):
    """Of a reply 5000 bytes are kept, line end included."""
    outcome, _ = setting.against({".": reply})
    reports(outcome, "r",
            f"D{ADDRESS} failed after I sent the message.\n{SAID}{want}")


LINE = "554-" + "y" * 95
suite.add("cut_exactly_5000", cut, (LINE.encode() + b"\r\n") * 49 + b"554 "
          + b"z" * 95 + b"\r\n", (LINE + "\n") * 49 + "554 " + "z" * 95 + "\n")
suite.add("cut_5001", cut, (LINE.encode() + b"\r\n") * 49 + b"554 " + b"z" * 96
          + b"\r\n", (LINE + "\n") * 49 + "554 " + "z" * 95 + "\n")
suite.add("cut_many_lines", cut, (LINE.encode() + b"\r\n") * 600 + b"554 end\r\n",
          (LINE + "\n") * 50)
suite.add("cut_one_long_line", cut, b"554 " + b"w" * 60000 + b"\r\n",
          "554 " + "w" * 4995 + "\n")


@suite.case
def many_long_refusals_keep_all_records(setting):
    """100 recipients, each refused with 60 KB: every record is there."""
    reply = b"550-" + b"x" * 996 + b"\r\n"
    script = {"RCPT": reply * 60 + b"550 end\r\n"}
    names = [f"user{n}@{HOST}" for n in range(100)]
    outcome, _ = setting.against(script, recipients=names)
    equal(outcome.recipients, "h" * 100)
    equal(outcome.message, GIVING_UP)
    assert len(outcome.output) <= 65536, len(outcome.output)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
