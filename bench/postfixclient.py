# SPDX-License-Identifier: ISC
"""Postfix's client, smtp(8): started by a Postfix of its own for each delivery.

Only smtp is measured, not what puts the message into its queue. Nobody but its
master can wait for it, so it carries a witness (witness.c) that writes down what
it took, at its end; system calls are counted by a detached strace.
"""

import json
import os
import pwd
import re
import signal
import subprocess
from dataclasses import replace

import unpacked
from harness import Skip
from peers import HELO, SENDER, Program
from places import OUT
from postfix import DAEMONS, GROUP, OWNER, QUEUES
from world import wait_until

COMMANDS = os.path.dirname(unpacked.place("/usr/sbin/postconf"))
REAL = f"{DAEMONS}/smtp"
START_TIMEOUT_S = 10
MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {path}/queue
data_directory = {path}/data
daemon_directory = {path}/daemons
command_directory = {commands}
mail_owner = {owner}
setgid_group = {group}
maillog_file = {path}/maillog
maillog_file_prefixes = {path}
myhostname = {helo}
mydestination =
alias_maps =
alias_database =
inet_protocols = all
mynetworks = 127.0.0.0/8
smtp_tls_security_level = none
smtp_tls_CApath = {anchors}
smtp_tls_session_cache_database = btree:{path}/data/sessions
smtp_dns_support_level = enabled
tls_random_source = dev:/dev/urandom
transport_maps = inline:{{ {{ tls.example = tls: }}, {{ tls-five.example = tls: }},
    {{ known.example = known: }},
    {{ open.example = open: }}, {{ open-five.example = open: }},
    {{ open-hold.example = one-open: }}, {{ clear-hold.example = one: }} }}
one_destination_recipient_limit = 1
one-open_destination_recipient_limit = 1
default_destination_concurrency_limit = 300
initial_destination_concurrency = 300
default_process_limit = 300
smtp_destination_recipient_limit = 50
message_size_limit = 104857600
smtpd_recipient_restrictions =
qmgr_message_active_limit = 1000
import_environment = MAIL_CONFIG WITNESS LD_PRELOAD LD_LIBRARY_PATH
export_environment = MAIL_CONFIG LD_LIBRARY_PATH
"""
MASTER_CF = """\
pickup    unix  n - n 1 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
error     unix  - - n - - error
retry     unix  - - n - - error
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
smtp      unix  - - n - - smtp
  -o max_use=1
one       unix  - - n - - smtp
  -o max_use=1
open      unix  - - n - - smtp
  -o max_use=1 -o smtp_tls_security_level=encrypt
  -o smtp_tls_session_cache_database=
tls       unix  - - n - - smtp
  -o max_use=1 -o smtp_tls_security_level=verify
  -o smtp_tls_verify_cert_match=hostname -o smtp_tls_session_cache_database=
known     unix  - - n - - smtp
  -o max_use=1 -o smtp_tls_security_level=verify
  -o smtp_tls_verify_cert_match=hostname
one-open  unix  - - n - - smtp
  -o max_use=1 -o smtp_tls_security_level=encrypt
  -o smtp_tls_session_cache_database=
"""
PLAIN = "#!/bin/sh\nWITNESS={witness} LD_PRELOAD={library} exec {real} \"$@\"\n"
TRACED = "#!/bin/sh\nexec strace -D -f -q -o {trace} {real} \"$@\"\n"


class PostfixClient(Program):
    name = "postfix"
    abilities = {"mx", "clear", "open", "tls", "known"}
    countable = False
    notes = ("smtp(8) alone, without the daemons that queue and schedule; "
             "its instructions are not counted, for its master starts it",)

    def ready(self, lab):
        if not os.path.exists(REAL):
            raise Skip("Postfix is not installed")
        world = lab.world
        self.lab = lab
        self.path = world.folder("postfix")
        self.witness = os.path.join(self.path, "witness")
        self.trace = os.path.join(self.path, "trace")
        self.conf = world.folder("postfix/conf")
        self.make_folders(world)
        world.file("postfix/conf/main.cf", MAIN_CF.format(
            path=self.path, helo=HELO, anchors=lab.anchors, commands=COMMANDS,
            owner=OWNER, group=GROUP))
        world.file("postfix/conf/master.cf", MASTER_CF)
        self.instrument(PLAIN)
        self.process = world.start(
            "postfix", [f"{DAEMONS}/master", "-d", "-c", self.conf],
            env=self.environment())
        wait_until(lambda: os.path.exists(f"{self.path}/queue/public/pickup"),
                   "Postfix", self.process)
        self.binaries = [REAL]

    def environment(self):
        return {"MAIL_CONFIG": self.conf, "PATH": unpacked.SYSTEM_PATH,
                **unpacked.libraries()}

    def make_folders(self, world):
        owner = pwd.getpwnam(OWNER)
        for name in ("data", *(f"queue/{n}" for n in QUEUES)):
            folder = world.folder(f"postfix/{name}", 0o700)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        world.folder("postfix/queue/pid")
        subprocess.run(["chgrp", GROUP, f"{self.path}/queue/maildrop",
                        f"{self.path}/queue/public"], check=True)
        os.chmod(f"{self.path}/queue/maildrop", 0o1730)
        os.chmod(f"{self.path}/queue/public", 0o2710)
        daemons = world.folder("postfix/daemons")
        for name in os.listdir(DAEMONS):
            if name != "smtp":
                os.symlink(f"{DAEMONS}/{name}", f"{daemons}/{name}")

    def instrument(self, text):
        """What the next smtp process is watched by."""
        path = f"{self.path}/daemons/smtp"
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(text.format(witness=self.witness, trace=self.trace, real=REAL,
                                   library=os.path.join(OUT, "witness.so")))
        os.chmod(path + ".new", 0o755)
        os.rename(path + ".new", path)
        for each in (self.witness, self.trace):
            open(each, "w", encoding="ascii").close()
            os.chmod(each, 0o666)

    def queue(self, job):
        with open(job.message, "rb") as message:
            subprocess.run([f"{COMMANDS}/sendmail", "-C", self.conf, "-i", "-f", SENDER,
                            *job.recipients], stdin=message, check=True,
                           env=self.environment())

    def measure(self, job, traced=False, count=1, limit_ms=60000):
        """As runner.meter(). Several at once: one message, a recipient each."""
        self.instrument(TRACED if traced else PLAIN)
        self.queue(replace(job, count=job.count * count))
        if traced:
            return {"bad": 0, "calls": self.count_calls()}
        done = wait_until(lambda: self.ends(count), "Postfix's client", self.process,
                          limit_ms / 1000)
        began = min(d["began_ms"] for d in done)
        return {"wall_ms": max(d["ended_ms"] for d in done) - began,
                "cpu_ms": sum(d["cpu_ms"] for d in done), "bad": 0,
                "hwm_kib": max(d["hwm_kib"] for d in done)}

    def start(self, job, count):
        """Several at once that the server holds: what waits for their end, and
        what finds them."""
        self.instrument(PLAIN)
        self.queue(replace(job, count=count))

        def finish():
            wait_until(lambda: self.ends(count), "the end of Postfix's clients",
                       self.process, START_TIMEOUT_S)

        return finish, self.processes

    def ends(self, count):
        with open(self.witness, encoding="ascii") as file:
            done = [json.loads(line) for line in file if line.endswith("\n")]
        return done if len(done) >= count else None

    def count_calls(self):
        def ended():
            with open(self.trace, encoding="ascii", errors="replace") as file:
                lines = file.read().splitlines()
            return lines if lines and "+++ exited" in lines[-1] else None

        lines = wait_until(ended, "strace", None, START_TIMEOUT_S)
        return sum(bool(re.match(r"\d+ +\w+\(", line)) for line in lines) - 1

    def forget(self):
        subprocess.run([f"{COMMANDS}/postsuper", "-c", self.conf, "-d", "ALL"],
                       env=self.environment(), capture_output=True, check=False)
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)

    def processes(self):
        """The clients under way."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/exe") == REAL:
                    found.append(int(pid))
            except OSError:
                pass
        return found
