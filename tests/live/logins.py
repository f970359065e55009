# SPDX-License-Identifier: ISC
"""What tests of logging in at a relay share: names, certificates, a qmail home,
and a delivery after which every octet that was said is searched for the secret.
"""

import base64
import hashlib
import os
import subprocess

import messages
from authority import Issuer, openssl
from harness import equal
from leaks import Leaks
from names import Names
from scripted import Scripted
from tlsserver import python_tls

HOST, RELAY, PAIR = "dest.example", "relay.example", "pair.example"
ADDRESS, SECOND, LOOPBACK = "192.0.2.10", "192.0.2.11", "127.0.0.1"
BOX = f"bob@{HOST}"
USER, PASSWORD = "carol@client.example", "a correct Horse, battery"
TOKEN = "ya29.a0-token_of.some-length/that+is=told=="
REJECTED = "authentication was rejected."


def offer(*lines):
    """A reply to EHLO with these lines below the name."""
    every = ["relay.example", *lines]
    last = len(every) - 1
    return "\r\n".join(f"250{'- '[n == last]}{line}" for n, line in enumerate(every))

def wants(*lines, **events):
    """A script that offers STARTTLS, and inside TLS these lines. What events
    says is said inside TLS; a login is accepted unless it says otherwise."""
    script = {"EHLO": offer("STARTTLS"), "tls EHLO": offer(*lines, "8BITMIME")}
    events = {"AUTH": "235 2.7.0 welcome", "answer": "235 2.7.0 welcome", **events}
    return {**script, **{f"tls {event}": reply for event, reply in events.items()}}

def in_clear_wants(*lines, **events):
    """The same without TLS."""
    return {"EHLO": offer(*lines), "AUTH": "235 ok", "answer": "235 ok", **events}

class Setting:
    def __init__(self, world, names=Names):
        self.world = world
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.names = names(world)
        self.names.add(HOST, MX=[(10, "mx.dest.example")])
        self.names.add("mx.dest.example", A=ADDRESS).add(RELAY, A=ADDRESS)
        self.names.add(PAIR, A=[ADDRESS, SECOND])
        self.issuer = Issuer(world)
        stranger = Issuer(world, "stranger")
        names = f"DNS:{RELAY},DNS:{PAIR}"
        self.leaves = {
            "good": self.issuer.leaf("good", names),
            "wrong_name": self.issuer.leaf("wrong", "DNS:other.example"),
            "self_signed": self.issuer.self_signed("self", RELAY, "ecdsa", names),
            "stranger": stranger.leaf("strange", names),
        }
        self.home = world.home()
        self.link = os.path.join(os.path.dirname(self.home.binary), "mote-probe")
        os.symlink("qmail-remote", self.link)

    def tls(self, name="good"):
        return python_tls(self.leaves[name])

    def server(self, script, leaf="good", address=ADDRESS, **options):
        return Scripted(self.world, address, script, self.tls(leaf), **options)

    def pin_of(self, certificate):
        """SHA-256 of its public key, by openssl."""
        der = certificate.cert + ".spki"
        openssl("pkey", "-in", certificate.key, "-pubout", "-outform", "DER", "-out", der)
        with open(der, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def controls(self, route, **values):
        """A route for all mail, over proved TLS, at strictness 0."""
        values.setdefault("trustanchors", self.issuer.bundle)
        self.home.control(smtproutes=b":" + octets(route), **values)

    def deliver(self, route, *secrets, host=HOST, leak=False, **options):
        """A delivery by the route, a Seen. No secret is said in clear, unless
        leak says that the first may be."""
        sent = {k: options.pop(k) for k in ("sender", "retry", "data") if k in options}
        data = sent.pop("data", None) or messages.small()
        self.controls(route, **options)
        with Leaks(*secrets) as leaks:
            outcome = self.home.deliver(host, f"bob@{host}", data, **sent)
            leaks.printed(outcome.output)
        if not leak:
            leaks.none()
        elif outcome.letter == "K":
            leaks.clear(secrets[0])
        outcome.leaks = leaks
        return outcome

    def probe(self, *arguments, secrets=()):
        """What mote-probe says, searched as a delivery is."""
        with Leaks(*secrets) as leaks:
            run = subprocess.run(
                [self.link, *arguments], capture_output=True, check=False, timeout=120,
                stdin=subprocess.DEVNULL, env={"QMAILHOME": self.home.path})
            leaks.printed(run.stdout, run.stderr)
        leaks.none()
        return run.stdout.decode()

def octets(text):
    return text if isinstance(text, bytes) else text.encode()

def route(relay=RELAY, user=USER, secret=PASSWORD):
    """As control/smtproutes has it, in octets."""
    return b"|".join(octets(part) for part in (relay, user, secret))

def plain(user=USER, password=PASSWORD):
    return b"\0" + octets(user) + b"\0" + octets(password)

def heard(session):
    """What a session's login was: the mechanism, and the answers decoded."""
    words = []
    for line in session.logins():
        verb, _, rest = line.partition(" ")
        if verb == "AUTH":
            mechanism, _, rest = rest.partition(" ")
            words.append(mechanism)
            if not rest:
                continue
        words.append(rest if rest == "*" else base64.b64decode(rest, validate=True))
    return words

def logins(*servers):
    """How many AUTH commands all of them heard."""
    return sum(line.split(" ")[0].upper() == "AUTH"
               for server in servers for session in server.settle()
               for line in session.logins())

def no_login(*servers):
    """Neither AUTH nor mail was heard, inside TLS or outside."""
    for server in servers:
        for session in server.settle():
            for verb in ("AUTH", "ANSWER", "MAIL", "RCPT", "DATA"):
                assert verb not in session.verbs(), session.commands

def one_session(server):
    sessions = server.settle()
    equal(len(sessions), 1, "connections")
    return sessions[0]

def login_values(setting, place, user, secret):
    """Arguments of Setting.deliver() with the login in that place."""
    if place == "smtproutes":
        return {"args": (route(user=user, secret=secret), secret)}
    if place == "authsenders":
        line = b"alice@client.example:" + route(user=user, secret=secret)
        return {"args": ("wrong.example", secret), "authsenders": line}
    path = setting.home.secret("login.secret", octets(secret) + b"\n")
    return {"args": (route(user=user, secret="<" + path), secret)}
