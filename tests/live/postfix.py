# SPDX-License-Identifier: ISC
"""A Postfix of our own: receives mail for any address into one Maildir."""

import os
import pwd
import re
import socket
import ssl

import unpacked
from harness import Skip
from rspawn import NOBODY, may_change_user
from world import wait_until

# As they are wherever a Postfix is: unpacked, it has no users of its own, which
# must differ from nobody, whom it makes no use of. Debian always has these.
DAEMONS = unpacked.place("/usr/lib/postfix/sbin")
OWNER, GROUP = "mail", "news"

MAIN_CF = """\
compatibility_level = 3.6
import_environment = MAIL_CONFIG LD_LIBRARY_PATH
mail_owner = {owner}
setgid_group = {group}
queue_directory = {path}/queue
data_directory = {path}/data
maillog_file = {path}/maillog
maillog_file_prefixes = {path}
daemon_directory = {daemons}
myhostname = {hostname}
mydestination =
alias_maps =
alias_database =
mynetworks = 192.0.2.0/24
inet_interfaces = all
inet_protocols = all
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions =
local_header_rewrite_clients =
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:box/
virtual_mailbox_base = {path}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
virtual_minimum_uid = 100
virtual_mailbox_limit = 0
message_size_limit = 104857600
header_size_limit = 1048576
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_tls_session_cache_database =
smtp_tls_security_level = none
tls_random_source = dev:/dev/urandom
queue_run_delay = 5s
"""

# service type private unpriv chroot wakeup maxproc command
MASTER_CF = """\
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
virtual   unix  - n n - - virtual
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

QUEUES = (
    "active bounce corrupt defer deferred flush hold incoming maildrop private "
    "public saved trace"
).split()

STORED_HEADERS = re.compile(
    rb"\A(?:(?:Return-Path|X-Original-To|Delivered-To|Received|Message-Id|Date|From):"
    rb"[^\n]*\n(?:[ \t][^\n]*\n)*)*"
)


class Postfix:
    """Postfix with one smtpd for each listen() call, then start()."""

    def __init__(self, world, hostname="mail.dest.example"):
        if not may_change_user():
            raise Skip("Postfix needs root")
        if not unpacked.program("postconf"):
            raise Skip("Postfix is not installed")
        self.world = world
        self.path = world.folder("postfix")
        owner = pwd.getpwnam(OWNER)
        world.folder("postfix/conf")
        for name in ("data", *(f"queue/{n}" for n in QUEUES)):
            folder = world.folder(f"postfix/{name}", 0o700)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        world.folder("postfix/queue/pid")
        os.chown(world.folder("postfix/mail", 0o700), NOBODY, NOBODY)
        self.inbox = os.path.join(self.path, "mail/box/new")
        self.listeners = []
        self.master = MASTER_CF
        self.write("main.cf", MAIN_CF.format(
            path=self.path, hostname=hostname, uid=NOBODY,
            daemons=DAEMONS, owner=OWNER, group=GROUP))

    def write(self, name, text):
        self.world.file(f"postfix/conf/{name}", text)

    def listen(self, address, certificate=None, port=25, **options):
        """Add an smtpd; options are main.cf parameters for it alone."""
        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        if certificate:
            options.setdefault("smtpd_tls_security_level", "may")
            options["smtpd_tls_chain_files"] = f"{certificate.key},{certificate.chain}"
        self.master += f"{where} inet n - n - - smtpd\n"
        for name, value in options.items():
            self.master += f"  -o {{ {name} = {value} }}\n"
        wrapped = options.get("smtpd_tls_wrappermode") == "yes"
        self.listeners.append((address, port, wrapped))

    def start(self):
        self.write("master.cf", self.master)
        conf = os.path.join(self.path, "conf")
        process = self.world.start(
            "postfix", [f"{DAEMONS}/master", "-d", "-c", conf],
            env={"MAIL_CONFIG": conf, "PATH": unpacked.SYSTEM_PATH,
                 **unpacked.libraries()})
        for listener in self.listeners:
            wait_until(lambda: greets(*listener), f"Postfix on {listener[0]}", process)

    def log(self):
        """The lines of its mail log."""
        with open(os.path.join(self.path, "maillog"), encoding="utf-8",
                  errors="backslashreplace") as file:
            return file.read().splitlines()

    def take(self):
        """Wait for one stored message, remove it and return its bytes."""

        def arrived():
            return os.path.isdir(self.inbox) and os.listdir(self.inbox)

        name = wait_until(arrived, "a message in the Maildir")[0]
        path = os.path.join(self.inbox, name)
        with open(path, "rb") as file:
            stored = file.read()
        os.unlink(path)
        return stored


def greets(address, port, over_tls=False):
    """Whether a mail server there says 220, inside TLS or without."""
    try:
        with socket.create_connection((address, port), timeout=5) as connection:
            if over_tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                connection = context.wrap_socket(connection)
            with connection:
                return connection.recv(4).startswith(b"220")
    except OSError:
        return False


def without_trace(stored):
    """A stored message less the header fields that Postfix put in front."""
    end = stored.find(b"\nMessage-ID: <")
    added = STORED_HEADERS.match(stored)
    # What the sender wrote begins with From:, after the last added field.
    start = stored.find(b"From: alice@", 0, added.end())
    return stored[start:] if start >= 0 and end >= 0 else stored[added.end():]
