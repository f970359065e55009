# SPDX-License-Identifier: ISC
"""The programs that are compared, each given the same work.

A program has
    name, abilities      "mx" finds exchangers itself; "clear", "open" (TLS without
                         verification), "tls" (verified), "known" (likewise, by a
                         session of the delivery before it)
    notes                what it does otherwise, for the reader
    ready(lab)           makes what it needs; raises Skip where it cannot be had
    command(job)         a Command
    binaries             what it is made of on disk
    countable            whether callgrind can count its instructions
"""

import os
import shutil
import subprocess
from dataclasses import dataclass, field

import unpacked
from harness import BINARY, Skip
from places import OUT, PEERS
from qmailhome import QmailHome
from resuming import File

SENDER = "alice@client.example"
HELO = "client.example"


@dataclass
class Job:
    """One delivery: to whom, of what, how."""

    host: str
    message: str  # a path
    security: str = "clear"  # or "open", TLS that proves nothing, "tls", "known"
    count: int = 1  # recipients

    @property
    def relay(self):
        """The best exchanger, for those who cannot look it up."""
        return f"mx.{self.host}"

    @property
    def recipients(self):
        return [f"r{n}@{self.host}" for n in range(self.count)]


@dataclass
class Command:
    argv: list
    stdin: str = None
    message: str = None  # as descriptor 3
    env: dict = field(default_factory=dict)
    cwd: str = "/"


def peer_file(path):
    """A file of an unpacked package."""
    whole = os.path.join(PEERS, path)
    if not os.path.exists(whole):
        raise Skip("not here: ./bootstrap bench fetches it")
    return whole


class Program:
    """One that keeps nothing from one run to the next."""

    countable = True

    def forget(self):
        """A run failed: what is queued is not to be delivered later."""


class Mote(Program):
    name = "mote"
    abilities = {"mx", "clear", "open", "tls", "known"}
    notes = ("looks anchors up in a directory, as its README says",)

    def ready(self, lab):
        self.homes = {}
        for security, strictness in (("clear", None), ("open", 0), ("tls", 2),
                                     ("known", 2)):
            home = QmailHome(os.path.join(lab.world.path, f"qmail-{security}"), BINARY)
            anchors = None if security == "clear" else lab.anchors
            # Stock's time-outs: nothing is set.
            home.control(me=HELO, timeoutconnect=None, timeoutremote=None,
                         timeoutdns=None, trustanchors=anchors,
                         tlsstrictness=strictness)
            self.homes[security] = home
        File(self.homes["known"]).make()
        self.binaries = [BINARY]

    def command(self, job):
        home = self.homes[job.security]
        return Command([home.binary, job.host, SENDER, *job.recipients],
                       stdin=job.message, env={"QMAILHOME": home.path},
                       cwd=os.path.join(home.path, "queue/mess"))


class Floor(Program):
    """Does nothing: what a process costs."""

    name = "floor"
    abilities = {"nothing"}
    notes = ()

    def ready(self, lab):
        self.binaries = [os.path.join(OUT, "floor")]

    def command(self, job):
        return Command(self.binaries[:], stdin=job.message)


class Msmtp(Program):
    name = "msmtp"
    abilities = {"clear", "open", "tls"}
    notes = ("is given the exchanger, asks for its addresses only",)

    def ready(self, lab):
        self.binaries = [peer_file("msmtp/usr/bin/msmtp")]
        self.bundle = lab.bundle

    def command(self, job):
        security = ["--tls=off"]
        if job.security == "tls":
            security = ["--tls=on", f"--tls-trust-file={self.bundle}"]
        elif job.security == "open":
            security = ["--tls=on", "--tls-certcheck=off"]
        return Command([self.binaries[0], f"--host={job.relay}", "--port=25",
                        f"--domain={HELO}", f"--from={SENDER}",
                        "--auth=off", *security, *job.recipients],
                       stdin=job.message)


class Dma(Program):
    name = "dma"
    abilities = {"mx", "clear", "open"}
    countable = False
    notes = ("verifies no certificate; a connection for each recipient; "
             "writes the message to its queue first; its instructions are not "
             "counted, for it becomes another user",)
    CONF = "MAILNAME client.example\nSPOOLDIR {spool}\n"
    SECURE = "SECURETRANSFER\nSTARTTLS\n"

    def ready(self, lab):
        program = peer_file("dma/usr/sbin/dma")
        # It becomes this user, with the group its package gives it by a bit.
        mail = 8
        self.binaries = [program]
        self.spool = lab.world.folder("dma")
        os.chown(self.spool, mail, mail)
        os.chmod(self.spool, 0o2775)
        os.makedirs("/etc/dma", exist_ok=True)
        self.secure = None

    def command(self, job):
        if job.security != self.secure:
            self.secure = job.security
            with open("/etc/dma/dma.conf", "w", encoding="ascii") as file:
                file.write(self.CONF.format(spool=self.spool)
                           + (self.SECURE if job.security == "open" else ""))
        return Command([self.binaries[0], "-D", "-i", "-f", SENDER, *job.recipients],
                       stdin=job.message)

    def forget(self):
        for name in os.listdir(self.spool):
            os.unlink(os.path.join(self.spool, name))


class Nullmailer(Program):
    name = "nullmailer"
    abilities = {"clear", "open", "tls"}
    notes = ("is given the exchanger, asks for its addresses only",)

    def ready(self, lab):
        self.binaries = [peer_file("nullmailer/usr/lib/nullmailer/smtp")]
        self.bundle = lab.bundle
        self.envelopes = {}
        self.folder = lab.world.folder("nullmailer")

    def queued(self, job):
        """The message as its queue has it, below its envelope."""
        key = job.message, job.host, job.count
        if key not in self.envelopes:
            path = os.path.join(self.folder, str(len(self.envelopes)))
            with open(job.message, "rb") as source, open(path, "wb") as out:
                lines = [SENDER, *job.recipients, "", ""]
                out.write("\n".join(lines).encode())
                shutil.copyfileobj(source, out)
            self.envelopes[key] = path
        return self.envelopes[key]

    def command(self, job):
        security = {"clear": [], "open": ["--starttls", "--insecure"],
                    "tls": ["--starttls", f"--x509cafile={self.bundle}"]}[job.security]
        return Command([self.binaries[0], f"--host={job.relay}", "--port=25",
                        *security],
                       stdin="/dev/null", message=self.queued(job),
                       env={"HELOHOST": HELO})


class Ssmtp(Program):
    name = "ssmtp"
    abilities = {"clear", "open"}
    notes = ("is given the exchanger, asks for its addresses only; "
             "verifies no certificate; sleeps for a second at its end",)

    def ready(self, lab):
        self.binaries = [peer_file("ssmtp/usr/sbin/ssmtp")]
        self.lab = lab
        self.files = {}

    def conf(self, job):
        key = job.relay, job.security
        if key not in self.files:
            lines = [f"mailhub={job.relay}:25", f"hostname={HELO}",
                     "FromLineOverride=YES"]
            lines += ["UseTLS=YES", "UseSTARTTLS=YES"] if job.security == "open" else []
            self.files[key] = self.lab.world.file(f"ssmtp{len(self.files)}",
                                                  "\n".join(lines) + "\n")
        return self.files[key]

    def command(self, job):
        return Command([self.binaries[0], f"-C{self.conf(job)}", f"-f{SENDER}",
                        *job.recipients], stdin=job.message)


def libraries(binary):
    """What the dynamic linker maps for a program."""
    run = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False,
                         env={**os.environ, **unpacked.libraries()})
    words = [word for line in run.stdout.splitlines() for word in line.split()]
    return sorted({word for word in words if word.startswith("/")})


def size_on_disk(binaries):
    """Of the programs and all libraries mapped, each once, in KiB."""
    files = {os.path.realpath(b) for b in binaries}
    for binary in binaries:
        files.update(os.path.realpath(path) for path in libraries(binary))
    return sum(os.path.getsize(path) for path in files) / 1024
