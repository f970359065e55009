# SPDX-License-Identifier: ISC
"""The root that packaging/container/root.sh makes, and nothing else: entered
with chroot or in a user namespace, mounted read-only, without /etc/hosts,
without tcpto, without devices. Deliveries in it at strictness 2."""

import errno
import os
import subprocess
import sys

import messages
import rspawn
from authority import Issuer
from checks import delivered, encrypted, failed, same
from harness import Skip, Suite, equal
from nameserver import serve_names
from qmailhome import SENDER
from scripted import EHLO_STARTTLS, Scripted
from tlsserver import python_tls
from world import mount, run_suite

HERE = os.path.dirname(os.path.abspath(__file__))
MAKE_ROOT = os.path.join(HERE, "../../packaging/container/root.sh")
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
PROGRAM = "/var/qmail/bin/qmail-remote"
GOOD, STRANGE = "192.0.2.10", "192.0.2.11"
RECORDS = ["dest MX 10 mx.dest.example.", f"mx.dest A {GOOD}",
           "strange MX 10 mx.strange.example.", f"mx.strange A {STRANGE}"]
CONTROL = {"me": "client.example", "tlsstrictness": "2", "trustanchors": BUNDLE,
           "timeoutconnect": "10", "timeoutremote": "30", "timeoutdns": "20"}
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, RECORDS)
        issuer, stranger = Issuer(world), Issuer(world, "stranger")
        self.bundle = world.file("bundle.pem", anchors(issuer))
        self.filled = self.root("filled", "nameserver 127.0.0.1\n")
        script = {"EHLO": EHLO_STARTTLS}
        leaf = issuer.leaf("good", "DNS:mx.dest.example")
        self.good = Scripted(world, GOOD, script, python_tls(leaf))
        leaf = stranger.leaf("strange", "DNS:mx.strange.example")
        self.strange = Scripted(world, STRANGE, script, python_tls(leaf))

    def root(self, name, resolv_conf):
        """A new root with control files, read-only from here on."""
        path = os.path.join(self.world.path, name)
        subprocess.run([MAKE_ROOT, path, self.bundle, os.environ.get(
            "MOTE", "build/qmail-remote")], check=True)
        for file, value in CONTROL.items():
            plant(f"{path}/var/qmail/control/{file}", value + "\n")
        plant(f"{path}/etc/resolv.conf", resolv_conf)
        mount("--bind", path, path)
        mount("-o", "remount,bind,ro,nosuid,nodev", path)
        return path

    def deliver(self, root, host="dest.example", wrapper=None):
        """In the root; with a wrapper, that is what enters it."""
        for server in (self.good, self.strange):
            server.sessions.clear()
        path = os.path.join(self.world.path, "message")
        with open(path, "wb") as message:
            message.write(messages.small())
        command = [PROGRAM, host, SENDER, f"bob@{host}"]
        enter = None if wrapper else lambda: enter_root(root)
        with open(path, "rb") as message:
            run = subprocess.run(
                [*(wrapper or ()), *command], stdin=message, env={},
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                preexec_fn=enter, timeout=rspawn.RUN_TIMEOUT_S)
        self.good.settle()
        self.strange.settle()
        return rspawn.judge(run.returncode, run.stdout)


def anchors(issuer):
    """The system's bundle, if it has one, and behind it the test's root."""
    texts = []
    for path in (SYSTEM_BUNDLE, issuer.bundle):
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                texts.append(file.read())
    return "\n".join(texts)


def plant(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def enter_root(root):
    """In the child: as a container's runtime does it."""
    may_change = rspawn.may_change_user()
    os.chroot(root)
    os.chdir("/var/qmail")
    if may_change:
        os.setgroups([])
        os.setgid(rspawn.NOBODY)
        os.setuid(rspawn.NOBODY)


@suite.case
def root_is_read_only_and_bare(setting):
    root = setting.filled
    for name in ("etc/hosts", "var/qmail/queue", "dev/null", "tmp", "lib", "bin"):
        assert not os.path.lexists(os.path.join(root, name)), name
    try:
        plant(os.path.join(root, "var/qmail/x"), "x")
    except OSError as why:
        equal(why.errno, errno.EROFS)
    else:
        raise AssertionError("a file could be made")


@suite.case
def delivers_at_strictness_2(setting):
    outcome = setting.deliver(setting.filled)
    delivered(outcome, GOOD)
    encrypted(outcome, "verified")
    same(messages.as_received(setting.good.sessions[0].contents[0]),
         messages.small())


@suite.case
def refuses_an_unknown_authority(setting):
    outcome = setting.deliver(setting.filled, "strange.example")
    failed(outcome, "Z", f"Connected to {STRANGE} but its certificate was refused: "
           "issued by an unknown authority. (#4.7.5)\n")


@suite.case
def empty_resolv_conf_asks_this_machine(setting):
    delivered(setting.deliver(setting.root("empty", "")), GOOD)


@suite.case
def enters_by_a_user_namespace(setting):
    wrapper = ["unshare", "--user", "--map-root-user", f"--root={setting.filled}",
               "--wd=/"]
    probe = subprocess.run([*wrapper, PROGRAM], stdin=subprocess.DEVNULL,
                           capture_output=True, check=False)
    if probe.returncode != 0:
        raise Skip(f"no user namespaces: {probe.stderr.decode()}")
    outcome = setting.deliver(setting.filled, wrapper=wrapper)
    delivered(outcome, GOOD)
    encrypted(outcome, "verified")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
