# SPDX-License-Identifier: ISC
"""Logins at whole mail servers: Postfix with Dovecot's SASL, and Exim."""

import os
import re
import sys

import messages
from checks import delivered, encrypted, failed, in_clear, same
from dovecot import Dovecot, token
from exim import Exim
from harness import Suite, contains, equal
from leaks import Leaks
from logins import HOST, LOOPBACK, PASSWORD, REJECTED, USER, octets, route
from logins import Setting as Logins
from postfix import Postfix, without_trace
from world import run_suite, wait_until

BLUNT = "dave"  # a second user, whose password is awkward
BLUNT_PASSWORD = b"caf\xe9 | 100% <\"'\\> \xff:secret"
CLEAR_PORT = 2587
# name, address and the mechanisms of each smtpd of Postfix
MECHANISMS = {
    "all": ("192.0.2.10", "!external, static:rest"),
    "login": ("192.0.2.13", "login"),
    "oauthbearer": ("192.0.2.14", "oauthbearer"),
}
OTHER, BARE, EXIM = "192.0.2.15", "192.0.2.16", "192.0.2.20"
PORTS = (25, 465, 587)
suite = Suite()


class Setting(Logins):
    def __init__(self, world):
        super().__init__(world)
        names = [*MECHANISMS, "other", "bare", "exim"]
        addresses = [address for address, _ in MECHANISMS.values()]
        for name, address in zip(names, [*addresses, OTHER, BARE, EXIM]):
            self.names.add(f"{name}.example", A=address)
        subject = ",".join(f"DNS:{name}.example" for name in names if name != "other")
        self.leaf = self.issuer.leaf("relays", subject)
        self.dovecot = Dovecot(world, {USER: PASSWORD.encode(), BLUNT: BLUNT_PASSWORD})
        self.postfix = Postfix(world)
        sasl = self.dovecot.options()
        for address, mechanisms in MECHANISMS.values():
            self.listen(address, self.leaf, smtpd_sasl_mechanism_filter=mechanisms, **sasl)
        self.listen(OTHER, self.leaves["self_signed"], **sasl)
        self.postfix.listen(BARE, port=587, **sasl)
        self.postfix.listen(LOOPBACK, port=CLEAR_PORT, **sasl)
        self.postfix.start()
        self.exim = Exim(world, self.leaf, [(EXIM, port) for port in PORTS], USER,
                         PASSWORD)

    def listen(self, address, leaf, **options):
        """On all three ports; inside TLS alone AUTH is offered."""
        for port in PORTS:
            wrapped = {"smtpd_tls_wrappermode": "yes"} if port == 465 else {}
            self.postfix.listen(address, leaf, port, smtpd_tls_auth_only="yes",
                                **wrapped, **options)

    def token(self, user=USER, **claims):
        self.said_token = token(user, **claims)
        path = self.home.secret("token", b"Bearer " + self.said_token + b"\n")
        return "<" + os.path.relpath(path, self.home.path)

    def mark(self):
        self.marked = len(self.postfix.log())

    def log(self, part):
        return [line for line in self.postfix.log()[self.marked:] if part in line]

    def session_end(self):
        """Postfix's count of the commands of the connection."""
        return wait_until(lambda: self.log(": disconnect from"), "the end of it")[0]


def taken(setting, data, mechanism, user):
    """As Postfix saw it: who, and how; and the message, byte for byte."""
    stored = setting.postfix.take()
    message = without_trace(stored)
    same(message, data)
    trace = stored[:len(stored) - len(message)].decode("ascii", "replace")
    contains(trace, f"(Authenticated sender: {user})")
    line = setting.log("sasl_username=")
    equal(len(line), 1, "logins in its log")
    contains(line[0], f"sasl_method={mechanism}, sasl_username={user}")
    contains(setting.session_end(), " auth=1 ")


def accepted(setting, value, *secrets, mechanism="PLAIN", user=USER, verify="verified",
             **options):
    data = messages.small()
    setting.mark()
    outcome = setting.deliver(value, *secrets, data=data, leak=verify is None, **options)
    delivered(outcome)
    encrypted(outcome, verify) if verify else in_clear(outcome)
    taken(setting, data, mechanism, user)


# ---- each mechanism, on each port, at strictness 0 and with anchors

def by_password(setting, name, port, mechanism):
    accepted(setting, route(f"{name}.example:{port}"), PASSWORD, mechanism=mechanism)


def by_token(setting, name, port, mechanism):
    accepted(setting, route(f"{name}.example:{port}", secret=setting.token()),
             setting.said_token, mechanism=mechanism)


for port in PORTS:
    suite.add(f"plain_{port}", by_password, "all", port, "PLAIN")
    suite.add(f"login_{port}", by_password, "login", port, "LOGIN")
    suite.add(f"xoauth2_{port}", by_token, "all", port, "XOAUTH2")
    suite.add(f"oauthbearer_{port}", by_token, "oauthbearer", port, "OAUTHBEARER")


@suite.case
def awkward_octets(setting):
    """In PLAIN and in LOGIN."""
    for name, mechanism in (("all", "PLAIN"), ("login", "LOGIN")):
        accepted(setting, route(f"{name}.example:465", BLUNT, BLUNT_PASSWORD),
                 BLUNT_PASSWORD, user=BLUNT, mechanism=mechanism)


@suite.case
def by_sender(setting):
    """control/authsenders goes before smtproutes."""
    lines = b"@client.example:" + route("all.example:465", BLUNT, BLUNT_PASSWORD) + \
        b"\nalice@client.example:" + route("login.example:587")
    for sender, user, mechanism in (("alice@client.example", USER, "LOGIN"),
                                    ("erin@client.example", BLUNT, "PLAIN")):
        accepted(setting, "nowhere.example", PASSWORD, BLUNT_PASSWORD, sender=sender,
                 user=user, mechanism=mechanism, authsenders=lines)


@suite.case
def many_recipients(setting):
    """A message to several over one login."""
    names = [f"{name}@{HOST}" for name in ("a", "b", "c")]
    setting.controls(route("all.example:465"))
    setting.mark()
    with Leaks(PASSWORD) as leaks:
        outcome = setting.home.deliver(HOST, names, messages.small())
        leaks.printed(outcome.output)
    leaks.none()
    delivered(outcome)
    equal(outcome.recipients, "rrr")
    contains(setting.session_end(), " auth=1 ")
    for _ in names:
        setting.postfix.take()


# ---- in clear, and with other proofs

@suite.case
def loopback_in_clear(setting):
    accepted(setting, route(f"{LOOPBACK}:{CLEAR_PORT}"), PASSWORD, verify=None,
             trustanchors=None)


@suite.case
def unsafe_login_in_clear(setting):
    accepted(setting, route("bare.example:587"), PASSWORD, verify=None,
             trustanchors=None, tlspolicy="bare.example:0 unsafe-login")


@suite.case
def unsafe_login_inside_tls(setting):
    accepted(setting, route("other.example:587"), PASSWORD, verify="unverified",
             trustanchors=None, tlspolicy="other.example:0 unsafe-login")


@suite.case
def without_a_proof_nothing_is_tried(setting):
    """Clear, and a certificate of nobody that is known."""
    for value in ("bare.example:587", "other.example:587", "other.example:465"):
        setting.mark()
        outcome = setting.deliver(route(value), PASSWORD)
        failed(outcome, "Z", "Connected to 192.0.2.1")
        end = setting.session_end()
        for word in ("auth=", "mail=", "rcpt="):
            assert word not in end, end


@suite.case
def pinned(setting):
    pin = setting.pin_of(setting.leaves["self_signed"])
    for port in PORTS:
        accepted(setting, route(f"other.example:{port}"), PASSWORD, verify="pinned",
                 trustanchors=None, tlspolicy=f"other.example:0 pin={pin}")


@suite.case
def another_name(setting):
    """The relay is known by an address; its certificate has the name."""
    accepted(setting, route(f"{MECHANISMS['all'][0]}:465"), PASSWORD,
             tlspolicy=f"{MECHANISMS['all'][0]}:0 name=all.example")


# ---- what is refused

def refused(setting, value, *secrets):
    """A Z with the reply; one AUTH on all wires, and nothing behind it."""
    setting.mark()
    outcome = setting.deliver(value, *secrets)
    failed(outcome, "Z", REJECTED, "Remote host said: 535 5.7.8")
    equal(outcome.recipients, "")
    end = setting.session_end()
    contains(end, " auth=0/1 ")
    for word in ("mail=", "rcpt=", "data="):
        assert word not in end, end
    equal(len(setting.log(": disconnect from")), 1, "connections")


for port in PORTS:
    suite.add(f"wrong_password_{port}", lambda setting, port: refused(
        setting, route(f"all.example:{port}", secret="not the password"),
        "not the password"), port)
suite.add("wrong_password_by_login", lambda setting: refused(
    setting, route("login.example:587", secret="not the password"), "not the password"))


def bad_token(setting, name, **claims):
    refused(setting, route(f"{name}.example:587", secret=setting.token(**claims)),
            setting.said_token)


for name in ("all", "oauthbearer"):
    suite.add(f"expired_token_{name}", lambda s, n: bad_token(s, n, lasts_s=-600), name)
    suite.add(f"forged_token_{name}", lambda s, n: bad_token(s, n, key=b"k" * 40), name)


@suite.case
def a_password_where_none_is_offered(setting):
    outcome = setting.deliver(route("oauthbearer.example:587"), PASSWORD)
    failed(outcome, "Z", "it offers no login that I know: OAUTHBEARER. (#4.7.4)")


@suite.case
def without_a_login_it_is_the_relays_word(setting):
    """Postfix wants one: 554, as for any; the mail is not ours to judge."""
    outcome = setting.deliver("all.example:587")
    assert outcome.letter in "DZ", outcome.text
    contains(outcome.text, "554 5.7.1")


# ---- Exim

def at_exim(setting, port, mechanism):
    data = messages.small()
    begun = len(setting.exim.log())
    outcome = setting.deliver(route(f"exim.example:{port}"), PASSWORD, data=data)
    delivered(outcome, EXIM)
    encrypted(outcome, "verified")
    stored = setting.exim.take()
    assert stored.endswith(octets(data)), "not the message that was sent"
    line = [l for l in setting.exim.log()[begun:] if " <= " in l]
    equal(len(line), 1)
    assert re.search(rf" A={mechanism}:{re.escape(USER)} ", line[0]), line[0]


suite.add("exim_plain_25", at_exim, 25, "plain")
suite.add("exim_plain_465", at_exim, 465, "plain")
suite.add("exim_login_587", at_exim, 587, "login")


def refused_at_exim(setting, port):
    begun = len(setting.exim.log())
    outcome = setting.deliver(route(f"exim.example:{port}", secret="wrong password"),
                              "wrong password")
    failed(outcome, "Z", REJECTED, "Remote host said: 535 Incorrect authentication data")
    lines = setting.exim.log()[begun:]
    equal(sum("authenticator failed" in l for l in lines), 1, "logins")


for port in PORTS:
    suite.add(f"exim_wrong_password_{port}", refused_at_exim, port)


@suite.case
def exim_without_a_login(setting):
    """It says 550 to RCPT, as many do: that is a verdict on the recipient."""
    outcome = setting.deliver("exim.example:587")
    contains(outcome.text, "550 5.7.0 log in first")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
