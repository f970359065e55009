# SPDX-License-Identifier: ISC
"""clientcert and clientkey: what is offered to whom, and what is an error."""

import os
import ssl
import subprocess
import sys

import messages
from aiosmtp import server_context
from authority import Issuer, openssl
from checks import delivered, encrypted, failed
from harness import Skip, Suite, equal
from nameserver import serve_names
from rspawn import may_change_user
from scripted import EHLO_STARTTLS, Scripted
from tlsfaults import overheard, record_types
from world import run_suite

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
STARTTLS = {"EHLO": EHLO_STARTTLS}
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = {"1.2": TLS12, "1.3": TLS13}
CONTROL = "Unable to read control files. (#4.3.0)\n"
BOTH = "control/clientcert, clientkey: "
suite = Suite()


def readable(*paths):
    for path in paths:
        os.chmod(path, 0o644)


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, [f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}"])
        issuer = self.issuer = Issuer(world)
        self.server = issuer.leaf("server", f"DNS:{NAME}")
        self.between = issuer.intermediate("between")
        self.clients = {key: issuer.leaf(f"client_{key}", "DNS:client.example", key)
                        for key in ("rsa", "rsa4096", "ecdsa", "ecdsa384")}
        self.clients["chain"] = issuer.leaf("client_chain", "DNS:client.example",
                                            issuer=self.between)
        for client in self.clients.values():
            readable(client.key, client.cert, client.chain)
        self.home = world.home()
        self.seen = []

    def path(self, name, text):
        return self.world.file(name, text)

    def text(self, path):
        with open(path, encoding="ascii") as file:
            return file.read()

    def upgrade(self, verify, version=None):
        context = server_context(self.server, maximum=version)
        context.verify_mode = verify
        context.load_verify_locations(self.issuer.bundle)
        self.seen = []

        def upgrade(connection):
            secure = context.wrap_socket(connection, server_side=True)
            peer = secure.getpeercert()
            self.seen.append(peer["subjectAltName"][0][1] if peer else None)
            return secure

        return upgrade

    def deliver(self, cert, key, verify=ssl.CERT_REQUIRED, strictness=2,
                version=None, **control):
        self.home.control(trustanchors=self.issuer.bundle, clientcert=cert,
                          clientkey=key, tlsstrictness=strictness, **control)
        with Scripted(self.world, ADDRESS, STARTTLS,
                      self.upgrade(verify, version)) as server:
            outcome = self.home.deliver(HOST, f"bob@{HOST}", messages.small())
            self.sessions = server.settle()
        return outcome


def offered(setting, kind, version, strictness=2):
    client = setting.clients[kind]
    outcome = setting.deliver(client.chain, client.key, strictness=strictness,
                              version=VERSIONS[version])
    delivered(outcome, ADDRESS)
    encrypted(outcome, "verified" if strictness == 2 else "unverified", version)
    equal(setting.seen, ["client.example"])


for version in VERSIONS:
    for kind in ("rsa", "rsa4096", "ecdsa", "ecdsa384", "chain"):
        suite.add(f"offered_{kind}_tls{version}", offered, kind, version)
    suite.add(f"offered_at_0_tls{version}", offered, "ecdsa", version, 0)
    suite.add(f"offered_at_1_tls{version}", offered, "rsa", version, 1)


def not_asked(setting, version):
    """A server that does not ask sees none."""
    client = setting.clients["rsa"]
    delivered(setting.deliver(client.chain, client.key, ssl.CERT_NONE,
                              version=VERSIONS[version]))
    equal(setting.seen, [None])


ALERT, HANDSHAKE = 21, 22


def withheld(setting, version):
    """Until the server has proved who it is: it hears an alert instead."""
    client = setting.clients["rsa"]
    stranger = setting.issuer.leaf(f"stranger{version}", "DNS:other.example")
    context = server_context(stranger, maximum=VERSIONS[version])
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(setting.issuer.bundle)
    heard = bytearray()
    setting.home.control(trustanchors=setting.issuer.bundle, tlsstrictness=2,
                         clientcert=client.chain, clientkey=client.key)
    with Scripted(setting.world, ADDRESS, STARTTLS,
                  overheard(context, heard)) as server:
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small())
        server.settle()
    failed(outcome, "Z", f"Connected to {ADDRESS} but its certificate was "
           f"refused: not valid for {NAME}.")
    equal(record_types(bytes(heard)), [HANDSHAKE, ALERT])


for version in VERSIONS:
    suite.add(f"withheld_from_a_stranger_tls{version}", withheld, version)


def only_one(setting, which, strictness):
    """One file of the two: as none, even where it names nothing that is."""
    for value in (setting.clients["rsa"].chain, "/run/mote/none"):
        pair = (value, None) if which == "cert" else (None, value)
        outcome = setting.deliver(*pair, ssl.CERT_OPTIONAL, strictness)
        delivered(outcome, ADDRESS)
        equal(setting.seen, [None])
        pair = (value, "") if which == "cert" else ("", value)
        delivered(setting.deliver(*pair, ssl.CERT_OPTIONAL, strictness))
        equal(setting.seen, [None])


for version in VERSIONS:
    suite.add(f"not_asked_tls{version}", not_asked, version)
for strictness in (0, 2):
    suite.add(f"only_cert_at_{strictness}", only_one, "cert", strictness)
    suite.add(f"only_key_at_{strictness}", only_one, "key", strictness)


def required_but_none(setting, version, strictness):
    outcome = setting.deliver(None, None, strictness=strictness,
                              version=VERSIONS[version])
    if strictness == 2:
        failed(outcome, "Z", f"Connected to {ADDRESS} but TLS failed: peer sent alert")
        equal(len(setting.sessions), 1)
    else:
        delivered(outcome, ADDRESS)
        assert outcome.last_line.startswith("STARTTLS failed: peer sent alert"), \
            outcome.text
        equal(len(setting.sessions), 2)
        equal(setting.sessions[1].verbs()[:2], ["EHLO", "MAIL"])


for version in VERSIONS:
    for strictness in (0, 1, 2):
        suite.add(f"required_but_none_at_{strictness}_tls{version}",
                  required_but_none, version, strictness)


@suite.case
def one_file_for_both(setting):
    """Certificate and key in one file, in either order."""
    client = setting.clients["rsa"]
    cert, key = setting.text(client.cert), setting.text(client.key)
    for name, text in (("both1.pem", cert + key), ("both2.pem", key + cert)):
        path = setting.path(name, text)
        delivered(setting.deliver(path, path), ADDRESS)
        equal(setting.seen, ["client.example"])


@suite.case
def other_forms_of_file(setting):
    """CRLF, words around, PKCS #1, SEC 1 with its parameters."""
    rsa, ecdsa = setting.clients["rsa"], setting.clients["ecdsa"]
    crlf = setting.path("crlf.pem", "Bag Attributes\r\n"
                        + setting.text(rsa.chain).replace("\n", "\r\n"))
    delivered(setting.deliver(crlf, rsa.key), ADDRESS)
    openssl("rsa", "-in", rsa.key, "-traditional", "-out", rsa.key + "1")
    openssl("ec", "-in", ecdsa.key, "-out", ecdsa.key + "1")
    params = subprocess.run(["openssl", "ecparam", "-name", "P-256"],
                            capture_output=True, text=True, check=True).stdout
    sec1 = setting.path("sec1.pem", params + setting.text(ecdsa.key + "1"))
    readable(rsa.key + "1", sec1)
    delivered(setting.deliver(rsa.chain, rsa.key + "1"), ADDRESS)
    delivered(setting.deliver(ecdsa.chain, sec1), ADDRESS)


# ---- errors: before any connection, at each strictness, the reason second

def make_locked(setting):
    key = setting.clients["rsa"].key
    openssl("pkcs8", "-topk8", "-in", key, "-passout", "pass:x", "-out", key + "8")
    readable(key + "8")
    return key + "8"


def make_locked_old(setting):
    key = setting.clients["rsa"].key
    openssl("rsa", "-aes128", "-in", key, "-traditional", "-passout", "pass:x",
            "-out", key + "o")
    readable(key + "o")
    return key + "o"


def cut(setting, path):
    lines = setting.text(path).splitlines(True)
    return setting.path("cut.pem", "".join(lines[:2] + lines[3:]))


ERRORS = {
    "key_locked": (None, make_locked, BOTH + "the client key is encrypted"),
    "key_locked_old": (None, make_locked_old, BOTH + "the client key is encrypted"),
    "key_of_another": (None, lambda s: s.clients["rsa4096"].key,
                       BOTH + "the client key is not the client certificate's"),
    "key_of_another_kind": (None, lambda s: s.clients["ecdsa"].key,
                            BOTH + "the client key is not the client certificate's"),
    "key_cut": (None, lambda s: cut(s, s.clients["rsa"].key),
                BOTH + "the client key cannot be read"),
    "key_is_the_certificate": (None, lambda s: s.clients["rsa"].chain,
                               BOTH + "there is no client key"),
    "key_missing": (None, lambda s: "/run/mote/none.key",
                    "control/clientkey: /run/mote/none.key: no such file"),
    "key_empty": (None, lambda s: s.path("empty.pem", ""),
                  "control/clientkey: /run/mote/empty.pem: file is empty"),
    "key_is_a_folder": (None, lambda s: "/run/mote/",
                        "control/clientkey: /run/mote/: not a regular file"),
    "cert_missing": (lambda s: "/run/mote/none.pem", None,
                     "control/clientcert: /run/mote/none.pem: no such file"),
    "cert_empty": (lambda s: s.path("empty.pem", ""), None,
                   "control/clientcert: /run/mote/empty.pem: file is empty"),
    "cert_is_a_folder": (lambda s: "/run/mote", None,
                         "control/clientcert: /run/mote: not a regular file"),
    "cert_too_long": (lambda s: s.path("long.pem", "x" * 20000), None,
                      "control/clientcert: /run/mote/long.pem: file too long"),
    "cert_is_the_key": (lambda s: s.clients["rsa"].key, None,
                        BOTH + "there is no client certificate"),
    "cert_cut": (lambda s: cut(s, s.clients["rsa"].cert), None,
                 BOTH + "the client certificate cannot be read"),
    "cert_is_words": (lambda s: s.path("words.pem", "hello\n"), None,
                      BOTH + "there is no client certificate"),
}


def is_an_error(setting, cert, key, reason):
    client = setting.clients["rsa"]
    cert = cert(setting) if cert else client.chain
    key = key(setting) if key else client.key
    for strictness in (0, 1, 2):
        outcome = setting.deliver(cert, key, ssl.CERT_OPTIONAL, strictness)
        equal(outcome.output, f"Z{CONTROL}{reason}\n".encode() + b"\0")
        equal(setting.sessions, [], "connections")


for name, args in ERRORS.items():
    suite.add(f"error_{name}", is_an_error, *args)


def unreadable(setting, which):
    if not may_change_user():
        raise Skip("the program runs as the owner of every file here")
    client = setting.clients["rsa"]
    path = getattr(client, "chain" if which == "clientcert" else "key")
    os.chmod(path, 0o600)
    try:
        outcome = setting.deliver(client.chain, client.key, strictness=0)
    finally:
        readable(path)
    equal(outcome.output, f"Z{CONTROL}control/{which}: {path}: Permission denied\n"
          .encode() + b"\0")
    equal(setting.sessions, [])


suite.add("error_cert_unreadable", unreadable, "clientcert")
suite.add("error_key_unreadable", unreadable, "clientkey")


@suite.case
def without_trustanchors_nothing_is_read(setting):
    """No STARTTLS, so no certificate either."""
    setting.home.control(clientcert="/run/mote/none", clientkey="/run/mote/none")
    with Scripted(setting.world, ADDRESS, STARTTLS):
        delivered(setting.home.deliver(HOST, f"bob@{HOST}", messages.small()))


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
