# SPDX-License-Identifier: ISC
"""Trust anchors: a hashed directory and a bundle, in every shape they have;
both find every root of the system's own collection."""

import glob
import os
import re
import shutil
import subprocess
import sys

import messages
from authority import Certificate, Issuer, openssl
from checks import delivered, encrypted, failed
from harness import Skip, Suite, equal, needs_musl
from nameserver import serve_names
from rspawn import may_change_user
from scripted import EHLO_STARTTLS, Scripted
from tlsserver import python_tls
from tracing import Trace
from world import run_suite

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
STARTTLS = {"EHLO": EHLO_STARTTLS}
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CONTROL = "Unable to read control files. (#4.3.0)\n"
UNKNOWN = "but its certificate was refused: issued by an unknown authority. (#4.7.5)\n"
UNREADABLE = UNKNOWN.replace(". (", ", a trust anchor cannot be used: certificate has a "
                             "key of unknown kind. (")
BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.S)
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, [f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}"])
        self.issuer = Issuer(world)
        self.other = Issuer(world, "other")
        self.leaf = self.issuer.leaf("leaf", f"DNS:{NAME}")
        self.ours = self.text(self.issuer.bundle)
        self.theirs = self.text(self.other.bundle)
        self.home = world.home()
        self.number = 0

    def text(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def path(self, data):
        """A new file with these bytes or this text."""
        self.number += 1
        path = os.path.join(self.world.path, f"anchors{self.number}")
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def folder(self):
        self.number += 1
        return self.world.folder(f"folder{self.number}")

    def deliver(self, anchors, leaf=None, **options):
        self.home.control(trustanchors=anchors, tlsstrictness=2)
        with Scripted(self.world, ADDRESS, STARTTLS,
                      python_tls(leaf or self.leaf)) as server:
            outcome = self.home.deliver(HOST, f"bob@{HOST}", messages.small(),
                                        **options)
            self.sessions = server.settle()
        return outcome

    def trusts(self, anchors, **options):
        outcome = self.deliver(anchors, **options)
        delivered(outcome, ADDRESS)
        encrypted(outcome, "verified")

    def trusts_not(self, anchors, **options):
        failed(self.deliver(anchors, **options), "Z", UNKNOWN)


def subject_hash(path):
    run = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-subject_hash"],
                         capture_output=True, text=True, check=True)
    return run.stdout.strip()


# ---- the bundle

def bundle(setting, make):
    setting.trusts(setting.path(make(setting.ours, setting.theirs)))


def broken(text):
    """The second line of its base64 is gone."""
    lines = text.splitlines(True)
    return "".join(lines[:2] + lines[3:])


def one_line(text):
    lines = text.splitlines()
    return "\n".join([lines[0], "".join(lines[1:-1]), lines[-1]]) + "\n"


def trusted_form(text):
    run = subprocess.run(["openssl", "x509", "-trustout", "-addtrust", "serverAuth"],
                         input=text, capture_output=True, text=True, check=True)
    return run.stdout


BUNDLES = {
    "alone": lambda ours, theirs: ours,
    "first": lambda ours, theirs: ours + theirs,
    "last": lambda ours, theirs: theirs + ours,
    "without_last_line_end": lambda ours, theirs: theirs + ours.rstrip("\n"),
    "crlf": lambda ours, theirs: (theirs + ours).replace("\n", "\r\n"),
    "text_between": lambda ours, theirs: "# roots\n\n" + theirs + "\nCN = Caf\u00e9 --\n"
    "-----\n-----BEGIN\n" + ours + "the end",
    "long_lines_between": lambda ours, theirs: "x" * 70000 + "\n" + ours + "y" * 9000,
    "nul_bytes_between": lambda ours, theirs: "\0\0\n" + ours + "\0",
    "byte_order_mark": lambda ours, theirs: "\ufeff" + ours,
    "one_line_of_base64": lambda ours, theirs: one_line(ours),
    "broken_before": lambda ours, theirs: broken(theirs) + ours,
    "cut_before": lambda ours, theirs: theirs[:300] + "\n" + ours,
    "junk_in_base64_before": lambda ours, theirs: theirs.replace("A", "!") + ours,
    "not_der_before": lambda ours, theirs: "-----BEGIN CERTIFICATE-----\naGVsbG8=\n"
    "-----END CERTIFICATE-----\n" + ours,
    "huge_before": lambda ours, theirs: "-----BEGIN CERTIFICATE-----\n"
    + ("A" * 64 + "\n") * 3000 + "-----END CERTIFICATE-----\n" + ours,
    "key_before": lambda ours, theirs: "-----BEGIN PRIVATE KEY-----\nMAA=\n"
    "-----END PRIVATE KEY-----\n" + ours,
    "many_times": lambda ours, theirs: ours * 300,
    "trusted_certificate": lambda ours, theirs: trusted_form(ours),
    "x509_label": lambda ours, theirs: ours.replace(" CERT", " X509 CERT"),
}
for name, make in BUNDLES.items():
    suite.add(f"bundle_{name}", bundle, make)


@suite.case
def bundle_without_ours(setting):
    setting.trusts_not(setting.path(setting.theirs))
    setting.trusts_not(setting.path(setting.theirs + broken(setting.ours)))


def wrong(setting, make, why):
    """Z, which file, why; and no connection."""
    path = make(setting)
    outcome = setting.deliver(path)
    want = f"Z{CONTROL}control/trustanchors: {path}: {why}\n"
    equal(outcome.output, want.encode() + b"\0")
    equal(setting.sessions, [])


def unreadable(setting, path, slash=""):
    if not may_change_user():
        raise Skip("the program runs as the owner of every file here")
    os.chmod(path, 0)
    return path + slash


def folder_of_names(setting):
    """Certificates, but none under its hash."""
    folder = setting.folder()
    shutil.copy(setting.issuer.bundle, os.path.join(folder, "ca.pem"))
    return folder + "/"


def folder_of_bad_links(setting):
    """Hashes of nothing: dangling, empty, not a certificate, a folder, a CRL."""
    folder = setting.folder()
    real = subject_hash(setting.issuer.bundle)
    os.symlink("nowhere.pem", os.path.join(folder, f"{real}.0"))
    for name, text in (("00000000.0", ""), ("00000001.0", "hello\n"),
                       (f"{real}.r0", setting.ours), (f"{real[:7]}.0", setting.ours),
                       (f"{real}.x", setting.ours), (f"{real}x.0", setting.ours)):
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)
    os.mkdir(os.path.join(folder, "00000002.0"))
    os.mkfifo(os.path.join(folder, "00000003.0"))
    return folder + "/"


def fifo(setting):
    path = os.path.join(setting.folder(), "fifo")
    os.mkfifo(path, 0o644)
    return path


WRONG = {
    "bundle_missing": (lambda s: "/run/mote/none.pem", "no such file"),
    "bundle_empty": (lambda s: s.path(""), "has no certificate"),
    "bundle_of_words": (lambda s: s.path("hello\n" * 1000), "has no certificate"),
    "bundle_all_broken": (lambda s: s.path(broken(s.ours) * 3), "has no certificate"),
    "bundle_unreadable": (lambda s: unreadable(s, s.path(s.ours)), "Permission denied"),
    "bundle_is_a_folder": (lambda s: s.folder(), "not a regular file"),
    "bundle_is_a_fifo": (fifo, "not a regular file"),
    "bundle_is_a_key": (lambda s: s.path(s.text(s.leaf.key)), "has no certificate"),
    "folder_missing": (lambda s: "/run/mote/none/", "no such file"),
    "folder_empty": (lambda s: s.folder() + "/", "has no certificate under its hash"),
    "folder_without_hashes": (folder_of_names, "has no certificate under its hash"),
    "folder_of_bad_links": (folder_of_bad_links, "has no certificate under its hash"),
    "folder_unreadable": (lambda s: unreadable(s, s.folder(), "/"), "Permission denied"),
    "folder_is_a_file": (lambda s: s.path(s.ours) + "/", "Not a directory"),
}
for name, args in WRONG.items():
    suite.add(f"wrong_{name}", wrong, *args)


# ---- the hashed directory

@suite.case
def folder_by_rehash(setting):
    """Links, as openssl rehash makes them."""
    folder = setting.issuer.hashed("rehash", setting.other.root, setting.issuer.root)
    setting.trusts(folder)
    setting.trusts(folder + "/")
    links = [p for p in glob.glob(folder + "*.0") if os.path.islink(p)]
    equal(len(links), 2, "links")


@suite.case
def folder_of_plain_files(setting):
    """Copies under their hashes instead of links; links to links."""
    folder = setting.folder()
    name = subject_hash(setting.issuer.bundle)
    shutil.copy(setting.issuer.bundle, os.path.join(folder, f"{name}.0"))
    setting.trusts(folder + "/")
    other = setting.folder()
    os.symlink(os.path.join(folder, f"{name}.0"), os.path.join(other, "link"))
    os.symlink("link", os.path.join(other, f"{name}.0"))
    setting.trusts(other + "/")


@suite.case
def folder_with_collisions(setting):
    """Several of one name: ours is the last number of many."""
    twins = [setting.issuer.self_signed(f"twin{n}", "ca test root", "ecdsa")
             for n in range(5)]
    folder = setting.issuer.hashed("collide", *twins, setting.issuer.root)
    name = subject_hash(setting.issuer.bundle)
    equal(len(glob.glob(f"{folder}{name}.*")), 6)
    setting.trusts(folder)
    by_hand = setting.folder()
    for number, certificate in enumerate((*twins, setting.issuer.root)):
        shutil.copy(certificate.cert, os.path.join(by_hand, f"{name}.{number}"))
    setting.trusts(by_hand + "/")
    os.unlink(os.path.join(by_hand, f"{name}.5"))
    setting.trusts_not(by_hand + "/")


@suite.case
def folder_with_a_bad_collision(setting):
    """.0 is rubbish, or not a file: .1 is looked at all the same."""
    name = subject_hash(setting.issuer.bundle)
    for make in (lambda p: open(p, "w", encoding="ascii").close(), os.mkdir, os.mkfifo):
        folder = setting.folder()
        make(os.path.join(folder, f"{name}.0"))
        shutil.copy(setting.issuer.bundle, os.path.join(folder, f"{name}.1"))
        setting.trusts(folder + "/")


@suite.case
def folder_without_ours(setting):
    setting.trusts_not(setting.issuer.hashed("strangers", setting.other.root))


@suite.case
def folder_under_a_wrong_hash(setting):
    """Only the name's own hash is looked up."""
    folder = setting.folder()
    shutil.copy(setting.issuer.bundle, os.path.join(folder, "12345678.0"))
    setting.trusts_not(folder + "/")


@suite.case
def folder_relative_to_the_home(setting):
    """The program's directory is the qmail home."""
    shutil.copytree(setting.issuer.hashed("relative", setting.issuer.root),
                    os.path.join(setting.home.path, "control/anchors"))
    setting.trusts("control/anchors/")


@suite.case
def folder_of_the_system_beside_ours(setting):
    """The directory of ca-certificates, with our root rehashed into it."""
    folder = setting.folder()
    for number, block in enumerate(system_roots(setting)):
        with open(os.path.join(folder, f"{number}.pem"), "w", encoding="ascii") as file:
            file.write(block)
    shutil.copy(setting.issuer.bundle, os.path.join(folder, "ours.pem"))
    openssl("rehash", folder)
    setting.trusts(folder + "/")


# ---- names that have to be folded to be found

def named(setting, subject):
    """An authority of this name is found by its hash and in a bundle."""
    issuer = setting.issuer
    setting.number += 1
    base = os.path.join(issuer.path, f"named{setting.number}")
    root = issuer.new(f"named{setting.number}", "ecdsa")
    openssl("req", "-new", "-x509", "-config", issuer.conf, "-extensions", "root",
            "-key", root.key, "-subj", subject, "-utf8", "-multivalue-rdn",
            "-days", "3650", "-out", root.cert)
    leaf = issuer.leaf(f"below{setting.number}", f"DNS:{NAME}", issuer=root)
    leaf.join()
    folder = base + ".d"
    os.mkdir(folder)
    shutil.copy(root.cert, os.path.join(folder, "root.pem"))
    openssl("rehash", folder)
    setting.trusts(folder + "/", leaf=leaf)
    setting.trusts(root.cert, leaf=leaf)


for name, subject in {
    "spaces": "/O=  Two   Words  /CN= x ",
    "utf8": "/O=Caf\u00e9 \u00c9t\u00e9/CN=\u0416",
    "case": "/O=MiXeD Case/CN=ROOT",
    "parts": "/C=DE/ST=x/L=y/O=z/OU=a/OU=b/CN=c/emailAddress=a@b.example",
    "two_in_one_part": "/O=one+OU=two/CN=three",
    "long": "/O=" + "o" * 64 + "/OU=" + "u" * 64 + "/CN=" + "c" * 64,
}.items():
    suite.add(f"name_with_{name}", named, subject)


# ---- every root of the system

def system_roots(setting):
    if not os.path.exists(SYSTEM_BUNDLE):
        raise Skip(f"there is no {SYSTEM_BUNDLE}")
    blocks = BLOCK.findall(setting.text(SYSTEM_BUNDLE))
    assert len(blocks) > 50, len(blocks)
    return blocks


def is_readable(block):
    """Not a key on P-521, which one root has."""
    run = subprocess.run(["openssl", "x509", "-noout", "-text"], input=block,
                         capture_output=True, text=True, check=True)
    return "secp521r1" not in run.stdout


def twin(setting, folder, block):
    """A root with the very name of this one and our key, and a leaf below."""
    real = os.path.join(folder, "real.pem")
    with open(real, "w", encoding="ascii") as file:
        file.write(block)
    base = os.path.join(folder, "twin")
    key = setting.leaf.key
    openssl("x509", "-in", real, "-signkey", key, "-sha256", "-days", "99",
            "-out", base + ".pem")
    with open(base + ".ext", "w", encoding="ascii") as file:
        file.write(f"subjectAltName=DNS:{NAME}\n")
    openssl("req", "-new", "-config", setting.issuer.conf, "-key", key,
            "-subj", "/CN=x", "-out", base + ".csr")
    leaf = Certificate(base)
    leaf.key = key
    openssl("x509", "-req", "-in", base + ".csr", "-CA", base + ".pem", "-CAkey", key,
            "-set_serial", "7", "-extfile", base + ".ext", "-days", "9",
            "-out", leaf.cert)
    leaf.join()
    return base + ".pem", leaf


@suite.case
def every_root_pinned(setting):
    """Each root alone, as a bundle and as a directory, is usable."""
    for block in system_roots(setting):
        setting.home.control(trustanchors=setting.path(block), tlsstrictness=2,
                             timeoutconnect=1)
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small())
        failed(outcome, "Z", "Sorry, I wasn't able to establish an SMTP connection.")


@suite.case
def every_root_by_its_name(setting):
    """A leaf below a root of each root's name, so nothing but that name leads
    to it: among all others, in the bundle and in the directory, where it
    collides with the real one. Every third; the unit tests have all hashes. Of a
    real one that cannot be read the reason tells."""
    blocks = system_roots(setting)
    folder = setting.folder()
    for number, block in enumerate(blocks):
        with open(os.path.join(folder, f"{number}.pem"), "w", encoding="ascii") as file:
            file.write(block)
    openssl("rehash", folder)
    for number, block in list(enumerate(blocks))[::3]:
        root, leaf = twin(setting, setting.folder(), block)
        name = subject_hash(root)
        equal(name, subject_hash(os.path.join(folder, f"{number}.pem")))
        free = len(glob.glob(f"{folder}/{name}.*"))
        why = UNKNOWN if is_readable(block) else UNREADABLE
        failed(setting.deliver(folder + "/", leaf=leaf), "Z", why)
        os.symlink(root, os.path.join(folder, f"{name}.{free}"))
        setting.trusts(folder + "/", leaf=leaf)
        both = "".join(blocks) + setting.text(root)
        setting.trusts(setting.path(both), leaf=leaf)


@suite.case
def constant_memory_for_any_bundle(setting):
    """Nothing is allocated, however many certificates there are."""
    needs_musl()
    trace = Trace(setting.world, "memory")
    text = "".join(system_roots(setting)) * 20 + setting.ours
    setting.trusts(setting.path(text), wrapper=trace.wrapper)
    equal(trace.memory_calls(), [])


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
