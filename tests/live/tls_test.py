# SPDX-License-Identifier: ISC
"""TLS 1.2 and 1.3, RSA and ECDSA, against OpenSSL, GnuTLS and Postfix."""

import os
import ssl
import sys

import messages
from aiosmtp import server_context
from authority import Issuer
from checks import delivered, encrypted, failed, openssl_name, same
from harness import Suite, contains, equal
from nameserver import serve_names
from postfix import Postfix, without_trace
from scripted import EHLO_STARTTLS, Scripted
from tlsserver import GnutlsServ, libgnutls, openssl_s_server, python_tls
from world import run_suite

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
STARTTLS = {"EHLO": EHLO_STARTTLS}
KEYS = ("ecdsa", "rsa")
VERSIONS = ("1.2", "1.3")
POSTFIX_VERSIONS = {"1.2": ">=TLSv1.2, <=TLSv1.2", "1.3": ">=TLSv1.3"}
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, [f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}",
                            "odd MX 10 _dc-mx.dest", f"_dc-mx.dest A {ADDRESS}"])
        self.issuer = Issuer(world)
        self.leaves = {
            key: self.issuer.leaf(key, f"DNS:{NAME}", key) for key in KEYS
        }
        self.home = world.home()
        self.postfix = None

    def controls(self, strictness=2, anchors=None, **values):
        self.home.control(trustanchors=anchors or self.issuer.bundle,
                          tlsstrictness=strictness, **values)

    def deliver(self, data):
        return self.home.deliver(HOST, f"bob@{HOST}", data)


def through(setting, upgrade, verify="verified", version=None):
    """A delivery to a scripted server with the given TLS stack."""
    data = messages.small()
    with Scripted(setting.world, ADDRESS, STARTTLS, upgrade) as server:
        outcome = setting.deliver(data)
        delivered(outcome, ADDRESS)
        said = encrypted(outcome, verify, version)
        same(messages.as_received(server.contents()[0]), data)
        session = server.sessions[0]
        equal(session.clear_verbs(), ["EHLO", "STARTTLS"])
        return said, session


def s_server(setting, version, key):
    setting.controls()
    upgrade = openssl_s_server(setting.world, setting.leaves[key], version)
    through(setting, upgrade, version=version)


def gnutls_library(setting, version, key):
    setting.controls()
    through(setting, libgnutls(setting.leaves[key], version), version=version)


def no_secure_renegotiation(setting, strictness):
    """TLS 1.2 without RFC 5746: no proof, but better than nothing."""
    setting.controls(strictness)
    upgrade = libgnutls(setting.leaves["ecdsa"], "1.2 without RFC 5746")
    if strictness < 2:
        through(setting, upgrade, "unverified", "1.2")
        return
    with Scripted(setting.world, ADDRESS, STARTTLS, upgrade) as server:
        outcome = setting.deliver(messages.small())
        equal(len(server.settle()), 1, "connections")
        contains(str(server.sessions[0].tls_error), "fatal alert")
    failed(outcome, "Z", f"Connected to {ADDRESS} but TLS failed: "
           "no secure renegotiation (RFC 5746) at the peer. (#4.7.5)")


def gnutls_serv(setting, version, key):
    """The program only echoes, so the delivery dies after the handshake."""
    setting.controls()
    name = f"gnutls-serv-{version}-{key}"
    program = GnutlsServ(setting.world, setting.leaves[key], version, name)
    with Scripted(setting.world, ADDRESS, STARTTLS, program.upgrade) as server:
        outcome = setting.deliver(messages.small())
        failed(outcome, "Z", ADDRESS)
        encrypted(outcome, "verified", version)
        equal(server.settle()[0].clear_verbs()[:2], ["EHLO", "STARTTLS"])
    contains(setting.world.log(name), "received cmd: EHLO client.example")


def python_ssl(setting, version, key):
    """Here the server knows the suite too, so both sides can be compared."""
    setting.controls(0)
    pinned = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    seen = []

    def upgrade(connection):
        context = server_context(setting.leaves[key], pinned, pinned)
        secure = context.wrap_socket(connection, server_side=True)
        seen.append(secure.cipher()[0])
        return secure

    (_, cipher), _ = through(setting, upgrade, "unverified", version)
    equal(openssl_name(cipher), seen[0], "cipher")


def start_postfix(setting):
    """One smtpd for each version and key, told apart by their ports."""
    if setting.postfix:
        return setting.postfix
    postfix = Postfix(setting.world)
    for version in VERSIONS:
        for key in KEYS:
            postfix.listen(ADDRESS, setting.leaves[key], port(version, key),
                           smtpd_tls_protocols=POSTFIX_VERSIONS[version])
    postfix.start()
    setting.postfix = postfix
    return postfix


def port(version, key):
    return 2500 + 10 * VERSIONS.index(version) + KEYS.index(key)


def postfix(setting, version, key):
    server = start_postfix(setting)
    setting.controls(smtproutes=f"{HOST}:{NAME}:{port(version, key)}")
    data = messages.small()
    before = len(server.log())
    outcome = setting.deliver(data)
    delivered(outcome, ADDRESS)
    _, cipher = encrypted(outcome, "verified", version)
    same(without_trace(server.take()), data)
    line = [l for l in server.log()[before:] if "TLS connection established" in l]
    contains(line[0], f": TLSv{version} with cipher {openssl_name(cipher)} ")


for stack in (s_server, gnutls_library, gnutls_serv, python_ssl, postfix):
    for version in VERSIONS:
        for key in KEYS:
            suite.add(f"{stack.__name__}_tls{version}_{key}", stack, version, key)


@suite.case
def hybrid_client_at_tls12_only_rsa(setting):
    """Both versions offered, RSA-PSS signature in ServerKeyExchange."""
    setting.controls()
    context = server_context(setting.leaves["rsa"], maximum=ssl.TLSVersion.TLSv1_2)
    (version, _), _ = through(setting, python_tls(None, context))
    equal(version, "TLSv1.2")


def suite_of_tls12(setting, name):
    setting.controls()
    key = "rsa" if "RSA" in name else "ecdsa"
    context = server_context(setting.leaves[key], maximum=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers(name)
    (_, cipher), _ = through(setting, python_tls(None, context))
    equal(openssl_name(cipher), name)


for chosen in ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
               "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"):
    suite.add(f"tls12_{chosen}", suite_of_tls12, chosen)


@suite.case
def intermediate_in_the_chain(setting):
    between = setting.issuer.intermediate("between")
    leaf = setting.issuer.leaf("below", f"DNS:{NAME}", issuer=between)
    setting.controls()
    through(setting, python_tls(leaf))


@suite.case
def wildcard_name(setting):
    setting.controls()
    through(setting, python_tls(setting.issuer.leaf("wild", "DNS:*.dest.example")))


@suite.case
def anchors_in_hashed_directory(setting):
    others = [Issuer(setting.world, f"other{n}").root for n in range(3)]
    folder = setting.issuer.hashed("hashed", *others, setting.issuer.root)
    setting.controls(anchors=folder)
    through(setting, python_tls(setting.leaves["ecdsa"]))


def big_bundle(setting, ours_first):
    with open(setting.issuer.bundle, encoding="ascii") as file:
        ours = file.read()
    with open(SYSTEM_BUNDLE, encoding="ascii") as file:
        system = file.read()
    text = ours + system if ours_first else "# comment\n" + system + ours
    path = setting.world.file(f"bundle{ours_first}.pem", text)
    setting.controls(anchors=path)
    through(setting, python_tls(setting.leaves["rsa"]))


for strictness in (0, 1, 2):
    suite.add(f"no_secure_renegotiation_at_{strictness}",
              no_secure_renegotiation, strictness)
suite.add("anchor_first_of_system_bundle", big_bundle, True)
suite.add("anchor_last_of_system_bundle", big_bundle, False)


def client_certificate(setting, version):
    client = setting.issuer.leaf(f"client{version}", "DNS:client.example")
    for path in (client.key, client.chain):
        os.chmod(path, 0o644)
    setting.controls(clientcert=client.chain, clientkey=client.key)
    context = server_context(setting.leaves["ecdsa"], maximum=version)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(setting.issuer.bundle)
    seen = []

    def upgrade(connection):
        secure = context.wrap_socket(connection, server_side=True)
        seen.append(secure.getpeercert()["subjectAltName"])
        return secure

    through(setting, upgrade)
    equal(seen, [(("DNS", "client.example"),)])


suite.add("client_certificate_tls1.2", client_certificate, ssl.TLSVersion.TLSv1_2)
suite.add("client_certificate_tls1.3", client_certificate, ssl.TLSVersion.TLSv1_3)


@suite.case
def server_name_is_sent(setting):
    setting.controls()
    context = server_context(setting.leaves["ecdsa"])
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    through(setting, python_tls(None, context))
    equal(names, [NAME])


@suite.case
def server_name_of_no_host_is_not_sent(setting):
    """GnuTLS and LibreSSL refuse one with an underscore. It is proved as ever."""
    odd = "_dc-mx.dest.example"
    setting.controls()
    for names, letter in ((f"DNS:{odd}", "K"), (f"DNS:{NAME}", "Z")):
        upgrade = libgnutls(setting.issuer.leaf(f"odd{letter}", names))
        with Scripted(setting.world, ADDRESS, STARTTLS, upgrade):
            outcome = setting.home.deliver("odd.example", "bob@odd.example",
                                           messages.small())
        equal(outcome.letter, letter, outcome.text)
        if letter == "K":
            encrypted(outcome, "verified")
        else:
            contains(outcome.text, f"not valid for {odd}.")


@suite.case
def no_close_notify_after_the_last_reply(setting):
    """A server that hangs up right after its reply has still accepted."""
    setting.controls()
    script = {**STARTTLS, ".": ("250 kept", "<drop>")}
    with Scripted(setting.world, ADDRESS, script,
                  python_tls(setting.leaves["ecdsa"])) as server:
        outcome = setting.deliver(messages.small())
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified")
        equal(len(server.contents()), 1)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
