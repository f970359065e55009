# SPDX-License-Identifier: ISC
"""Shows the main job: one message from a queue to a mail server over TLS.

    /usr/bin/python3 tests/live/demo.py build/qmail-remote

Everything it talks to runs in a world of its own: in private namespaces
where the machine allows that, else on high ports of the loopback address
(MOTE_DEMO_PLAIN=1 asks for the latter). The exit status tells whether every
claim it prints was true.
"""

import os
import sys
from contextlib import nullcontext

if len(sys.argv) > 1:
    os.environ["MOTE"] = os.path.abspath(sys.argv[1])

import messages
from authority import Issuer
from checks import TLS_LINE, openssl_name
from demoworld import mail_server
from harness import BINARY, Skip
from leaks import Leaks, search
from messages import difference
from nameserver import Authority, Unbound
from world import World, enter, free_port, inside

HOST, RELAY, ADDRESS = "dest.example", "mx.dest.example", "192.0.2.10"
BAD_HOST, BAD_RELAY, BAD_ADDRESS = "bad.example", "mx.bad.example", "192.0.2.11"
SENDER, RECIPIENT = "alice@client.example", f"bob@{HOST}"
BAD_RECIPIENT = f"bob@{BAD_HOST}"
LOGIN_RELAY, LOGIN_ADDRESS = "smtp.provider.example", "192.0.2.12"
FALSE_RELAY, FALSE_ADDRESS = "smtp.false.example", "192.0.2.13"
USER, PASSWORD = "alice@provider.example", "correct horse, battery: staple"


class Paper:
    """What is printed, and how many claims turned out untrue."""

    def __init__(self):
        self.untrue = 0
        self.section_number = 0
        self.colour = sys.stdout.isatty()

    def paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    def section(self, title):
        self.section_number += 1
        print("\n" + self.paint(1, f"{self.section_number}. {title}") + "\n")

    def say(self, text):
        for line in text.strip("\n").split("\n"):
            print(f"   {line}".rstrip())

    def quote(self, text):
        """Text that others wrote, set off by a bar and empty lines."""
        print()
        for line in text.rstrip("\n").split("\n"):
            print(f"     | {line}".rstrip())
        print()

    def claim(self, text, true):
        if true:
            print("   " + self.paint(32, "[true]") + f" {text}")
        else:
            self.untrue += 1
            print("   " + self.paint(31, "[NOT TRUE]") + f" {text}")
        sys.stdout.flush()


class Stage:
    """The private world: names, certificates, mail server, qmail home."""

    def __init__(self, world):
        self.world = world
        self.ports = {HOST: 25, BAD_HOST: 25, LOGIN_RELAY: 465, FALSE_RELAY: 465}
        addresses = {HOST: ADDRESS, BAD_HOST: BAD_ADDRESS,
                     LOGIN_RELAY: LOGIN_ADDRESS, FALSE_RELAY: FALSE_ADDRESS}
        if not inside():
            self.ports = {host: free_port() for host in self.ports}
            addresses = {host: "127.0.0.1" for host in addresses}
        self.authority = Authority(world, [
            f"dest MX 10 {RELAY}.", f"mx.dest A {addresses[HOST]}",
            f"bad MX 10 {BAD_RELAY}.", f"mx.bad A {addresses[BAD_HOST]}",
            f"{LOGIN_RELAY}. A {addresses[LOGIN_RELAY]}",
            f"{FALSE_RELAY}. A {addresses[FALSE_RELAY]}",
        ])
        dns_port = 53 if inside() else free_port()
        self.resolver = Unbound(world, self.authority, port=dns_port)
        self.issuer = Issuer(world)
        good = self.issuer.leaf("good", f"DNS:{RELAY}")
        bad = self.issuer.leaf("bad", "DNS:somebody-else.example")
        provider = self.issuer.leaf("provider", f"DNS:{LOGIN_RELAY}")
        self.server = mail_server(world, [
            (addresses[HOST], self.ports[HOST], good, False),
            (addresses[BAD_HOST], self.ports[BAD_HOST], bad, False),
            (addresses[LOGIN_RELAY], self.ports[LOGIN_RELAY], provider, True),
            (addresses[FALSE_RELAY], self.ports[FALSE_RELAY], bad, True),
        ], {USER: PASSWORD})
        self.addresses = addresses
        self.home = world.home()

    def controls(self, strictness):
        values = {
            "me": "client.example",
            "trustanchors": self.issuer.bundle,
            "tlsstrictness": strictness,
        }
        if inside():
            self.world.resolv_conf("nameserver 127.0.0.1\n")
        else:
            values["smtproutes"] = (
                f"{HOST}:{RELAY}:{self.ports[HOST]}\n"
                f"{BAD_HOST}:{BAD_RELAY}:{self.ports[BAD_HOST]}"
            )
            self.home.env["DNSCACHEIP"] = f"[127.0.0.1]:{self.resolver.port}"
        self.home.control(**values)
        return values

    def login_controls(self, relay):
        """All mail to a relay that wants a login. On the loopback, which needs no
        proof, strictness 2 asks for it; at other ports TLS first has to be said."""
        values = {
            "smtproutes": f":{relay}:{self.ports[relay]}|{USER}|{PASSWORD}",
            "trustanchors": self.issuer.bundle,
            "tlsstrictness": 0 if inside() else 2,
        }
        if not inside():
            values["tlspolicy"] = f"{relay}:2 implicit"
        self.home.control(me="client.example", **values)
        return values


def show_world(paper, stage):
    paper.section("A private world")
    where = "its own network namespace, cut off from everything"
    if not inside():
        where = "high ports of 127.0.0.1 (no namespaces on this machine)"
    paper.say(f"""
This world lives in {where}.

  certificates  a certificate authority made a moment ago with openssl
  names         knot serves the zone example., unbound caches in front of it
  mail server   {stage.server.name}, offers STARTTLS
                  {RELAY} on {stage.addresses[HOST]} port {stage.ports[HOST]},
                  with a certificate for that name
                  {BAD_RELAY} on {stage.addresses[BAD_HOST]} port {stage.ports[BAD_HOST]},
                  with a certificate for another name, somebody-else.example
  relays        the same, with TLS from the first byte, for those who log in
                  {LOGIN_RELAY} on {stage.addresses[LOGIN_RELAY]} port {stage.ports[LOGIN_RELAY]},
                  with a certificate for that name
                  {FALSE_RELAY} on {stage.addresses[FALSE_RELAY]} port {stage.ports[FALSE_RELAY]},
                  with that of somebody else
""")


def show_controls(paper, stage, values):
    paper.quote("\n".join(
        f"control/{name:14} {part}"
        for name, value in values.items()
        for part in str(value).replace(stage.world.path, "...").split("\n")
    ))


def show_home(paper, stage, values):
    paper.section("A qmail home")
    paper.say("""
qmail keeps outgoing mail in a queue and starts qmail-remote once for each
message and recipient. Its settings are small files, one value each:""")
    show_controls(paper, stage, values)
    paper.say("tlsstrictness 2: no mail without TLS and a certificate that proves\n"
              "the name of the server. trustanchors: who may vouch for it.")


def run(paper, stage, host, recipient, data):
    """Run the program as qmail-rspawn does, and show command and report."""
    paper.say("qmail-rspawn starts this in queue/mess, with the message as standard\n"
              "input and the report as standard output and standard error:")
    env = [f"{k}={v}" for k, v in stage.home.env.items()]
    paper.quote(" ".join([*env, f"qmail-remote {host} {SENDER} {recipient}"]))
    outcome = stage.home.deliver(host, recipient, data)
    paper.say(f"It ended with status {outcome.status} and reported (\\0 ends a record):")
    paper.quote(outcome.output.decode("utf-8", "replace").replace("\0", "\\0\n"))
    return outcome


def show_delivery(paper, stage):
    paper.section(f"A message of 4096 bytes to {RECIPIENT}")
    data = messages.small("demo")
    asked = len(stage.resolver.queries())
    stage.server.mark()
    outcome = run(paper, stage, HOST, RECIPIENT, data)
    paper.say("What the queue makes of it, by qmail-rspawn's rules: "
              f"{outcome.letter}, with the text")
    paper.quote(outcome.text)
    paper.claim("exit status 0, report decoded as K: delivered",
                outcome.status == 0 and outcome.letter == "K")
    show_route(paper, stage, asked)
    match = TLS_LINE.fullmatch(outcome.last_line)
    paper.claim("the report ends in a line about TLS, certificate verified",
                bool(match) and match[3] == "verified")
    if match:
        show_tls(paper, stage, match[1], match[2])
    show_stored(paper, stage, data)


def show_route(paper, stage, asked):
    queries = stage.resolver.queries()[asked:]
    paper.section("How it found the server")
    paper.say("The caching name server was asked (its log; the odd letters are on\n"
              "purpose, a forged answer would have to match them):")
    paper.quote("\n".join(queries))
    lower = [query.lower() for query in queries]
    wanted = [f"{HOST}. mx", f"{RELAY}. a"] if inside() else [f"{RELAY}. a"]
    for want in wanted:
        name, kind = want.split()
        paper.claim(f"the {kind.upper()} record of {name.rstrip('.')} was asked for",
                    want in lower)


def show_tls(paper, stage, version, cipher):
    paper.section("How it was protected")
    paper.say(f"The report says {version}, {cipher}. The server says:")
    said = stage.server.tls_line()
    paper.quote("\n".join(fold(said, 70)))
    name = openssl_name(cipher)
    paper.claim("both sides name the same version and cipher",
                version in said and name in said)


def fold(text, width):
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += word + " "
    return [line.rstrip() for line in lines]


def show_stored(paper, stage, data):
    paper.section("What arrived")
    stored, added = stage.server.take()
    head = stored.split(b"\n\n")[0].decode()
    if added:
        paper.say("The server stored the message below these fields of its own:")
        paper.quote(added.decode("ascii", "replace"))
        paper.say(f"{len(data)} bytes sent, {len(stored)} bytes stored; it begins")
    paper.quote(head)
    paper.claim("every byte is the same, lines that begin with dots and bytes\n"
                "          above 0x7f included", difference(stored, data) == "")


def show_refusal(paper, stage):
    paper.section(f"The same to {BAD_RECIPIENT}, whose server has a wrong certificate")
    stage.server.mark()
    outcome = run(paper, stage, BAD_HOST, BAD_RECIPIENT, messages.small("demo2"))
    paper.say(f"What the queue makes of it: {outcome.letter}, and tries again later.")
    paper.claim("exit status 0, report decoded as Z: not delivered, kept",
                outcome.status == 0 and outcome.letter == "Z")
    paper.claim("the reason is the certificate",
                "its certificate was refused: " in outcome.text)
    paper.claim("the server saw the TLS handshake, but no sender, no recipient\n"
                "          and no message", stage.server.saw_no_mail())


def searched(paper, stage, host, recipient, data):
    """A run all of whose octets are searched for the password, and the claim. A
    packet socket needs a world of its own."""
    leaks = Leaks(PASSWORD) if inside() else nullcontext()
    with leaks:
        outcome = run(paper, stage, host, recipient, data)
    if not inside():
        paper.claim("the report does not have the password",
                    search(PASSWORD.encode(), outcome.output) is None)
        return outcome
    leaks.printed(outcome.output)
    try:
        leaks.none()
    except AssertionError as why:
        paper.claim(f"no octet of the password was to be seen: {why}", False)
    else:
        paper.claim("the password is in none of the octets that were sent in clear, to\n"
                    "          mail servers and name servers, nor in the report", True)
    return outcome


def show_login(paper, stage):
    paper.section("The same through a relay that wants a login")
    paper.say("Its line has the relay, the user and the password:")
    show_controls(paper, stage, stage.login_controls(LOGIN_RELAY))
    data = messages.small("demo3")
    stage.server.mark()
    outcome = searched(paper, stage, HOST, RECIPIENT, data)
    paper.claim("exit status 0, report decoded as K: delivered",
                outcome.status == 0 and outcome.letter == "K")
    paper.claim("the certificate was verified before the login",
                outcome.last_line.endswith("verify=verified;"))
    said = stage.server.login_line()
    paper.say("The server says:")
    paper.quote("\n".join(fold(said, 70)))
    paper.claim("it knows who sent the mail", "PLAIN" in said and USER in said)
    paper.claim("every byte is the same", difference(stage.server.take()[0], data) == "")


def show_no_login(paper, stage):
    paper.section("No login at a relay that cannot prove its name")
    paper.say("The same line for one that has somebody else's certificate:")
    show_controls(paper, stage, stage.login_controls(FALSE_RELAY))
    stage.server.mark()
    outcome = searched(paper, stage, HOST, RECIPIENT, messages.small("demo4"))
    paper.claim("exit status 0, report decoded as Z: not delivered, kept",
                outcome.status == 0 and outcome.letter == "Z")
    paper.claim("the reason is the certificate",
                "its certificate was refused: " in outcome.text)
    paper.claim("the server saw neither a login nor a sender",
                stage.server.saw_no_login())


def main():
    if not os.access(BINARY, os.X_OK):
        print(f"demo: no program {BINARY}; usage: demo.py build/qmail-remote")
        return 2
    if not os.environ.get("MOTE_DEMO_PLAIN"):
        enter()  # returns when inside, or when there are no namespaces
    paper = Paper()
    with World() as world:
        stage = Stage(world)
        show_world(paper, stage)
        show_home(paper, stage, stage.controls(2))
        show_delivery(paper, stage)
        show_refusal(paper, stage)
        show_login(paper, stage)
        show_no_login(paper, stage)
    if paper.untrue:
        print(f"\n{paper.untrue} of the claims above did not hold.")
        return 1
    print("\nEvery claim above was true.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Skip as why:
        print(f"demo: {why}; ./bootstrap installs what it needs")
        sys.exit(2)
    except AssertionError as why:  # something that was waited for never came
        print(f"\nNOT TRUE: {why}")
        sys.exit(1)
