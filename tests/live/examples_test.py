# SPDX-License-Identifier: ISC
"""The examples of the manual page, as it prints them: put into the control
files, they deliver, at a Postfix with Dovecot's SASL under the relay's name."""

import re
import subprocess
import sys

import messages
from authority import Issuer
from checks import delivered, encrypted, same
from dovecot import Dovecot, token
from harness import Skip, Suite, contains, equal
from leaks import Leaks
from names import Names
from postfix import Postfix, without_trace
from world import mount, run_suite, wait_until

PAGE, SECTION = "man/qmail-remote.8", "   Three examples"
HOST = "dest.example"
CAROL, CHAIR = "carol@provider.example", "chair@club.example"
USERS = {CAROL: b"correct horse", "orders": b"battery:staple", CHAIR: b"tea|for|two"}
TOKEN_WORD = b"ACCESS-TOKEN"
# The relays of the examples, in clear words, and an address for each.
RELAYS = {name: f"192.0.2.{10 + n}" for n, name in enumerate((
    "smtp.provider.example", "smtp.gmail.com", "smtp.office365.com",
    "mail.shop.example", "smtp.club.example"))}
suite = Suite()


def printed():
    """The examples of the page: a dictionary each, of files by name."""
    try:
        page = subprocess.run(["mandoc", "-T", "ascii", PAGE], capture_output=True,
                              text=True, check=True).stdout
    except FileNotFoundError:
        raise Skip("mandoc is not installed")
    lines = re.sub(".\b", "", page).split("\n")
    begin = lines.index(SECTION) + 1
    end = next(n for n in range(begin, len(lines)) if re.match(r" {0,3}\S", lines[n]))
    found = [{}]
    for line in lines[begin:end]:
        header = re.fullmatch(r" +==> control/(\S+) <==", line)
        if header:
            name = header[1]
            found[-1][name] = []
        elif re.match(r" {8}", line):
            found[-1][name].append(line.strip())
        elif line and found[-1]:  # words again: the example has ended
            found.append({})
    return [{name: "\n".join(text).encode() for name, text in example.items()}
            for example in found if example]


class Setting:
    def __init__(self, world):
        self.examples = printed()
        self.names = Names(world)
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.issuer = Issuer(world)
        mount("--bind", self.issuer.hashed("certs", self.issuer.root), "/etc/ssl/certs")
        self.dovecot = Dovecot(world, USERS)
        self.postfix = Postfix(world)
        for name, address in RELAYS.items():
            self.names.add(name, A=address)
            leaf = self.issuer.leaf(name, f"DNS:{name}")
            for port, wrapped in ((587, "no"), (465, "yes")):
                self.postfix.listen(address, leaf, port, smtpd_tls_auth_only="yes",
                                    smtpd_tls_wrappermode=wrapped,
                                    **self.dovecot.options())
        self.postfix.start()
        self.home = world.home()
        self.token = token(CAROL)

    def apply(self, example):
        """Into the control files; one that is no control file is a secret's."""
        files = dict(example)
        secret = files.pop("token", None)
        self.home.control(**files)
        if secret is not None:
            contains(secret, TOKEN_WORD)
            self.home.secret("control/token", secret.replace(TOKEN_WORD, self.token))


def goes(setting, example, sender, relay, user, mechanism):
    setting.apply(example)
    marked, data = len(setting.postfix.log()), messages.small()
    with Leaks(*USERS.values(), setting.token) as leaks:
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", data, sender=sender)
        leaks.printed(outcome.output)
    leaks.none()
    delivered(outcome, RELAYS[relay])
    encrypted(outcome, "verified")
    same(without_trace(setting.postfix.take()), data)
    lines = wait_until(lambda: [l for l in setting.postfix.log()[marked:]
                                if "sasl_username=" in l], "the login in its log")
    equal(len(lines), 1)
    contains(lines[0], f"sasl_method={mechanism}, sasl_username={user}")


@suite.case
def there_are_three(setting):
    equal([sorted(example) for example in setting.examples],
          [["smtproutes", "trustanchors"], ["smtproutes", "token", "trustanchors"],
           ["authsenders", "smtproutes", "trustanchors"]])


@suite.case
def a_provider(setting):
    goes(setting, setting.examples[0], "carol@client.example", "smtp.provider.example",
         CAROL, "PLAIN")


@suite.case
def a_token_at_gmail(setting):
    goes(setting, setting.examples[1], CAROL, "smtp.gmail.com", CAROL, "XOAUTH2")


@suite.case
def a_token_at_microsoft(setting):
    """The same with the other relay that the page names."""
    example = dict(setting.examples[1])
    example["smtproutes"] = example["smtproutes"].replace(
        b"smtp.gmail.com:465", b"smtp.office365.com:587")
    goes(setting, example, CAROL, "smtp.office365.com", CAROL, "XOAUTH2")


def by_sender(setting, sender, relay, user):
    goes(setting, setting.examples[2], sender, relay, user, "PLAIN")


suite.add("two_relays_the_shop", by_sender, "till@shop.example", "mail.shop.example",
          "orders")
suite.add("two_relays_the_club", by_sender, CHAIR, "smtp.club.example", CHAIR)
suite.add("two_relays_a_bounce", by_sender, "", "smtp.club.example", CHAIR)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
