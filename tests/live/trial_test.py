# SPDX-License-Identifier: ISC
"""packaging/trial.sh, which looks at a qmail before and after the change."""

import os
import subprocess
import sys

import rspawn
from authority import Issuer
from harness import Suite, contains, equal
from nameserver import serve_names
from resuming import File
from world import run_suite

HERE = os.path.dirname(os.path.abspath(__file__))
TRIAL = os.path.join(HERE, "../../packaging/trial.sh")
STOCK = "#!/bin/sh\nexec touch stock-was-run\n"
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, ["dest A 192.0.2.10"])
        self.home = world.home()

    def trial(self, *arguments, **env):
        """Exit code and lines: (word, text)."""
        user = "nobody" if rspawn.may_change_user() else "root"
        run = subprocess.run(
            [TRIAL, *arguments], capture_output=True, text=True, check=False,
            cwd=self.world.path, stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "QMAILHOME": self.home.path,
                 "QMAILR": user, **env})
        equal(run.stderr, "")
        return run.returncode, run.stdout.split("\n")[:-1]

    def file(self, name, text, mode=0o755):
        path = os.path.join(self.home.path, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, mode)
        return path


def of(word, lines):
    return [line[6:] for line in lines if line.startswith(word)]


@suite.case
def everything_is_well(setting):
    setting.home.control(ipme="192.0.2.1", tlsstrictness="2",
                         trustanchors=Issuer(setting.world).bundle)
    setting.file("bin/qmail-rspawn", "... QMAILREMOTE ...\n")
    status, lines = setting.trial()
    equal((status, of("bad", lines)), (0, []))
    for text in ("it starts", "the name servers answer", "this qmail knows QMAILREMOTE",
                 "control/ipme lists addresses of this machine"):
        contains(of("ok", lines), text)
    # The test's binary is neither of group qmail nor has it replaced another.
    equal(len(of("look", lines)), 2)


@suite.case
def mode_and_way_back_are_looked_at(setting):
    setting.home.control()
    os.chmod(setting.home.binary, 0o700)
    _, lines = setting.trial()
    os.chmod(setting.home.binary, 0o755)
    assert any("is 700, of" in line for line in of("look", lines)), lines
    stock = setting.file("bin/qmail-remote.stock", STOCK)
    _, lines = setting.trial()
    os.unlink(stock)
    contains(of("ok", lines), f"{stock} is there to go back to")


@suite.case
def the_file_of_sessions_is_looked_at(setting):
    setting.home.control()
    file = File(setting.home)
    file.make()
    _, lines = setting.trial()
    assert any("keeps sessions of TLS" in line for line in of("ok", lines)), lines
    for make, text in ((lambda: file.make(mode=0o604), "others can read"),
                       (lambda: file.make(bytes(9)), "has not 65536 octets"),
                       (lambda: file.make(mode=0o400), "cannot read and write")):
        make()
        _, lines = setting.trial()
        assert any(text in line for line in of("look", lines)), (text, lines)
    file.remove()


@suite.case
def another_program_is_not_run(setting):
    setting.home.control()
    stock = setting.file("bin/other", STOCK)
    status, lines = setting.trial(stock)
    contains(of("look", lines), f"{stock} is not mote: it is not run")
    equal(status, 0)
    for folder in (setting.world.path, setting.home.path, "/"):
        assert not os.path.exists(os.path.join(folder, "stock-was-run")), folder


@suite.case
def a_program_that_is_missing(setting):
    status, lines = setting.trial(QMAILREMOTE="/nowhere/qmail-remote")
    equal(status, 1)
    contains(of("bad", lines)[0], "there is no /nowhere/qmail-remote")


@suite.case
def control_files_that_are_wrong(setting):
    setting.home.control(tlsstrictness="3")
    status, lines = setting.trial()
    equal(status, 1)
    contains(of("bad", lines)[0], "control/tlsstrictness: must be 0, 1 or 2")
    setting.home.control(tlsstrictness="2")
    status, lines = setting.trial()
    equal(status, 1)
    contains("\n".join(of("bad", lines)), "without control/trustanchors")


def looked(setting, mode=0o644, **control):
    """What it says of these control files beyond what it says of none."""
    setting.home.control(ipme="192.0.2.1")
    before = of("look", setting.trial()[1])
    setting.home.control(ipme="192.0.2.1", **control)
    for name in control:
        os.chmod(setting.home.control_path(name), mode)
    return [line for line in of("look", setting.trial()[1]) if line not in before]


@suite.case
def passwords_that_others_can_read(setting):
    for name in ("smtproutes", "authsenders"):
        text = f"control/{name} has a password and others can read it: chgrp qmail, chmod 640"
        for value in (":relay.example|u|p", ":relay.example:587 u p q",
                      "# x\nother:r.example;587|u|p"):
            equal(looked(setting, **{name: value}), [text], value)
        equal(looked(setting, 0o640, **{name: ":relay.example|u|p"}), [])
        for value in (":relay.example", ":relay.example|u|</etc/secret",
                      "#:relay.example|u|p", ":relay.example:587 u </etc/secret"):
            equal(looked(setting, **{name: value}), [], value)


@suite.case
def a_line_of_authsenders_without_a_colon(setting):
    equal(looked(setting, 0o640, authsenders="# a\n\na@b.example"),
          ["control/authsenders has a line without a colon: it is not used"])


@suite.case
def files_of_other_patches(setting):
    for name in ("tlshosts", "notlshosts", "tlsdestinations", "domaincerts",
                 "clientcert.pem"):
        setting.home.control(ipme="192.0.2.1")
        before = of("look", setting.trial()[1])
        setting.home.plant(name, b"")
        after = of("look", setting.trial()[1])
        os.unlink(setting.home.control_path(name))
        (line,) = [line for line in after if line not in before]
        contains(line, f"control/{name} is not used; write ")


@suite.case
def an_outgoing_address_that_is_not_ours(setting):
    equal(looked(setting, outgoingip="192.0.2.9"),
          ["control/outgoingip is 192.0.2.9, which control/ipme does not list"])
    equal(looked(setting, outgoingip6="2001:db8::9"),
          ["control/outgoingip6 is 2001:db8::9, which control/ipme does not list"])
    equal(looked(setting, outgoingip="192.0.2.1", outgoingip6="::"), [])


@suite.case
def routes_are_not_followed(setting):
    """A route for everything, to where nobody is: no connection is tried."""
    setting.home.control(smtproutes=":192.0.2.77:1")
    status, lines = setting.trial()
    equal((status, of("bad", lines)), (0, []))
    contains(of("ok", lines), "the name servers answer")


@suite.case
def name_servers_that_are_silent(setting):
    setting.home.control()
    setting.world.resolv_conf("nameserver 192.0.2.99\n")
    status, lines = setting.trial()
    setting.world.resolv_conf("nameserver 127.0.0.1\n")
    equal((status, of("bad", lines)), (0, []))
    assert any("the name servers do not answer" in l for l in of("look", lines)), lines


@suite.case
def mail_goes_through_the_queue(setting):
    kept = os.path.join(setting.world.path, "injected")
    setting.file("bin/qmail-inject", f'#!/bin/sh\n{{ echo "$@"; cat; }} >{kept}\n')
    status, lines = setting.trial("--mail", "bob@dest.example")
    equal(status, 0)
    with open(kept, encoding="ascii") as file:
        text = file.read()
    assert text.startswith("bob@dest.example\nTo: <bob@dest.example>\n"), text
    contains(lines[0], text.split("Subject: ")[1].split("\n")[0])


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
