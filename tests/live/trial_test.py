# SPDX-License-Identifier: ISC
"""packaging/trial.sh, which looks at a qmail before and after the change."""

import os
import re
import shutil
import subprocess
import sys

import rspawn
import unpacked
from authority import Issuer
from harness import BINARY, Skip, Suite, contains, equal
from names import Names
from nameserver import serve_names
from resuming import File
from scripted import Scripted
from world import inside, mount, run_suite

HERE = os.path.dirname(os.path.abspath(__file__))
TRIAL = os.path.join(HERE, "../../packaging/trial.sh")
PAGE = os.path.join(HERE, "../../QMAIL.md")
STOCK = "#!/bin/sh\nexec touch stock-was-run\n"
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, ["dest A 192.0.2.10"])
        self.home = world.home()
        self.knows_its_home()
        self.user = "nobody" if rspawn.may_change_user() else "root"

    def knows_its_home(self):
        """A program that was built for this home, whose path has the length of
        the usual one, and the probe beside it."""
        self.short = "/run/qmail"
        if not os.path.exists(self.short):
            os.symlink(self.home.path, self.short)
        self.program = os.path.join(self.home.path, "bin/qmail-remote")
        os.unlink(self.program)
        self.built_for(self.short)
        os.symlink("qmail-remote", os.path.join(self.home.path, "bin/mote-probe"))

    def built_for(self, home):
        with open(BINARY, "rb") as program:
            code = program.read()
        assert code.count(b"/var/qmail\0") == 1
        with open(self.program, "wb") as program:
            program.write(code.replace(b"/var/qmail\0", home.encode() + b"\0"))
        os.chmod(self.program, 0o755)

    def trial(self, *arguments, **env):
        """Exit code and lines: (word, text)."""
        run = subprocess.run(
            [TRIAL, *arguments], capture_output=True, text=True, check=False,
            cwd=self.world.path, stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "QMAILHOME": self.home.path,
                 "QMAILR": self.user, **env})
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
    for text in (f"{setting.user} can start it", "the name servers answer", "this qmail knows QMAILREMOTE",
                 "control/ipme lists addresses of this machine"):
        contains(of("ok", lines), text)
    # The test's binary is neither of group qmail nor has it replaced another.
    equal(len(of("look", lines)), 2)


@suite.case
def mode_and_way_back_are_looked_at(setting):
    setting.home.control()
    os.chmod(setting.program, 0o754)
    _, lines = setting.trial()
    os.chmod(setting.program, 0o755)
    assert any("is not 0711, of" in line for line in of("look", lines)), lines
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
    cases = [(lambda: file.make(mode=0o604), "others can read"),
             (lambda: file.make(bytes(9)), "has not 65536 octets")]
    if setting.user != "root":
        cases.append((lambda: file.make(mode=0o400), "cannot read and write"))
    for make, text in cases:
        make()
        _, lines = setting.trial()
        assert any(text in line for line in of("look", lines)), (text, lines)
    file.remove()


@suite.case
def the_tables_of_time_outs_are_looked_at(setting):
    another_user(setting)
    for table in ("queue/lock/tcpto", "run/qmail-remote/tcpto6"):
        path = os.path.join(setting.home.path, table)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "ab"):
            pass
        for mode, count in ((0o666, 0), (0o444, 1)):
            os.chmod(path, mode)
            _, lines = setting.trial()
            equal(sum(f"write {path}" in line for line in of("look", lines)), count)
        os.chmod(path, 0o666)


@suite.case
def policies_without_anchors_are_looked_at(setting):
    folder = os.path.join(setting.home.path, "control/mtasts")
    os.mkdir(folder)
    text = "control/mtasts is there without control/trustanchors"
    for anchors, count in ((None, 1), ("/etc/hostname", 0)):
        setting.home.control(trustanchors=anchors)
        _, lines = setting.trial()
        equal(sum(text in line for line in of("look", lines)), count)
    os.rmdir(folder)
    setting.home.control()
    assert not any(text in line for line in setting.trial()[1])


@suite.case
def name_servers_that_are_not_believed(setting):
    def looked_at(dane, *lines):
        setting.world.resolv_conf("\n".join(lines) + "\n")
        setting.home.control(dane=dane)
        found = [line for line in of("look", setting.trial()[1]) if "dane" in line]
        setting.world.resolv_conf("nameserver 127.0.0.1\n")
        setting.home.control()
        return len(found)

    near, far = "nameserver 127.0.0.1", "nameserver 192.0.2.53"
    equal(looked_at("1", far), 1)
    equal(looked_at("1", near, far, "nameserver ::1"), 1)
    equal(looked_at("1", near, far, "options edns0 trust-ad"), 0)
    equal(looked_at("1", near, "nameserver ::1"), 0)
    equal(looked_at("0", far), 0)
    equal(looked_at(None, far), 0)


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


def another_user(setting):
    if setting.user == "root":
        raise Skip("there is no other user here")


@suite.case
def a_program_that_qmailr_cannot_start(setting):
    """Its mode, or that of a folder above it; the copy of it could be started."""
    another_user(setting)
    setting.home.control()
    for path, mode in ((setting.program, 0o644),
                       (os.path.dirname(setting.program), 0o700)):
        os.chmod(path, mode)
        try:
            status, lines = setting.trial()
        finally:
            os.chmod(path, 0o755)
        equal(status, 1, path)
        contains(of("bad", lines)[0], "nobody cannot start it")


@suite.case
def built_for_another_home(setting):
    setting.home.control()
    os.rename(setting.program, setting.program + ".right")
    setting.built_for("/no/qmail!")
    try:
        status, lines = setting.trial()
    finally:
        os.rename(setting.program + ".right", setting.program)
    equal(status, 1)
    contains(of("bad", lines)[0], "it was built for another qmail home")


@suite.case
def name_servers_that_invent(setting):
    """They have an address for every name: nothing is sent there."""
    setting.home.control()
    names = Names(setting.world, "127.0.0.3")
    names.add("mote-trial.invalid", A=["192.0.2.11"])
    server = Scripted(setting.world, "192.0.2.11")
    setting.world.resolv_conf("nameserver 127.0.0.3\n")
    status, lines = setting.trial()
    setting.world.resolv_conf("nameserver 127.0.0.1\n")
    equal((status, of("bad", lines)), (0, []))
    assert any("for a name that cannot exist" in l for l in of("look", lines)), lines
    assert not any(verb in ("MAIL", "RCPT", "DATA")
                   for session in server.sessions for verb in session.verbs())


@suite.case
def folders_for_scratch_do_not_matter(setting):
    """Nothing can be started there, and nobody else may enter."""
    if not inside():
        raise Skip("nothing can be mounted here")
    setting.home.control()
    scratch = setting.world.folder("scratch")
    mount("-t", "tmpfs", "-o", "mode=0700,noexec", "tmpfs", scratch)
    status, lines = setting.trial(TMPDIR=scratch)
    equal((status, of("bad", lines)), (0, []))
    contains(of("ok", lines), "the name servers answer")


@suite.case
def a_setpriv_without_options(setting):
    """As BusyBox has it: su will do."""
    another_user(setting)
    setting.home.control()
    tools = setting.world.folder("tools")
    for name in ("setpriv", "setuidgid", "chpst"):
        tool = setting.world.file(f"tools/{name}", "#!/bin/sh\nexit 1\n")
        os.chmod(tool, 0o755)
    status, lines = setting.trial(PATH=f"{tools}:{os.environ['PATH']}")
    equal((status, of("bad", lines)), (0, []))
    contains(of("ok", lines), "nobody can start it")


def told(part):
    """The lines to type of QMAIL.md among which one has this part."""
    with open(PAGE, encoding="utf-8") as page:
        blocks = re.findall(r"(?:^    .*\n)+", page.read(), re.M)
    return "".join(next(b for b in blocks if part in b))


def bare_system(setting, busybox):
    """A root with BusyBox, a qmail home with a stock program, and nothing else."""
    root = setting.world.folder("box")
    for name in ("bin", "etc", "dev", "tmp", "var/qmail/bin", "var/qmail/control",
                 "var/qmail/queue/lock"):
        setting.world.folder(f"box/{name}")
    for name, text in {
            "etc/passwd": "root:x:0:0::/:/bin/sh\nqmailr:x:7788:7799::/:/bin/false\n",
            "etc/group": "root:x:0:\nqmail:x:7799:\n",
            "etc/resolv.conf": "nameserver 127.0.0.1\n", "dev/null": "",
            "dev/zero": "", "var/qmail/control/me": "client.example\n",
            "var/qmail/bin/qmail-remote": STOCK}.items():
        setting.world.file(f"box/{name}", text)
    for name in ("null", "zero"):
        mount("--bind", f"/dev/{name}", f"{root}/dev/{name}")
    shutil.copy(busybox, f"{root}/bin/busybox")
    shutil.copy(BINARY, f"{root}/qmail-remote")
    shutil.copy(TRIAL, f"{root}/trial.sh")
    shutil.copy(os.path.join(os.path.dirname(TRIAL), "prepare.sh"), root)
    mount("-t", "proc", "proc", setting.world.folder("box/proc"))
    return root


@suite.case
def busybox_is_enough(setting):
    """All that QMAIL.md has typed to install without make or source and to go back, to
    the letter, and both scripts."""
    another_user(setting)
    busybox = unpacked.program("busybox")
    if not busybox or not unpacked.program("chroot"):
        raise Skip("no busybox, or no chroot")
    root = bare_system(setting, busybox)
    alone = [unpacked.program("chroot"), root, "/bin/busybox"]
    if subprocess.run([*alone, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        raise Skip("busybox does not run alone: it is not busybox-static's")

    def types(lines):
        return subprocess.run(
            [*alone, "sh", "-c",
             f"/bin/busybox --install -s /bin; set -ex; cd /; umask 077\n{lines}"],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            env={"PATH": "/bin"})

    blocks = ("control/ipme", "head -c", "qmail-remote.new", "bs=28")
    run = types("".join(map(told, blocks)) + "sh /prepare.sh\nsh /trial.sh")
    lines = run.stdout.split("\n")
    equal((run.returncode, of("bad", lines)), (0, []), run.stderr)
    for text in ("qmailr can start it", "the name servers answer",
                 "control/ipme lists addresses of this machine",
                 "/var/qmail/bin/qmail-remote is 0711, of root and qmail",
                 "/var/qmail/bin/qmail-remote.stock is there to go back to"):
        contains(of("ok", lines), text)
    with open(f"{root}/var/qmail/control/ipme", encoding="ascii") as ipme:
        contains(ipme.read().split("\n"), "192.0.2.1")
    table = os.stat(f"{root}/var/qmail/run/qmail-remote/tcpto6")
    equal((table.st_size, table.st_uid, table.st_mode & 0o777), (1792, 7788, 0o644))
    kept = os.stat(f"{root}/var/qmail/run/qmail-remote/tlssessions")
    equal((kept.st_size, kept.st_uid, kept.st_mode & 0o777), (65536, 7788, 0o600))
    equal(os.stat(f"{root}/var/qmail/run").st_mode & 0o777, 0o755)
    back = types(told("rm -f /var/qmail/bin/mote-probe"))
    equal(back.returncode, 0, back.stderr)
    equal(os.listdir(f"{root}/var/qmail/bin"), ["qmail-remote"])
    with open(f"{root}/var/qmail/bin/qmail-remote", encoding="ascii") as program:
        equal(program.read(), STOCK)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
