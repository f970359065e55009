# SPDX-License-Identifier: ISC
"""An Exim of our own that wants a login: PLAIN and LOGIN, over TLS only.

The user that it insists on is added to /etc/passwd as this world sees it.
"""

import os
import subprocess

import unpacked
from harness import Skip
from postfix import greets
from rspawn import may_change_user
from world import mount, wait_until

PLACE = "/usr/sbin/exim4"
UID = 65533

CONF = """\
exim_path = {program}
exim_user = {uid}
exim_group = {uid}
primary_hostname = exim.example
spool_directory = {path}/spool
log_file_path = {path}/log/%slog
log_selector = +smtp_connection +smtp_no_mail +tls_cipher -host_lookup_failed
pid_file_path = {path}/pid
# By number: /etc/services need not be there.
daemon_smtp_ports = 25
local_interfaces = <; {interfaces}
tls_on_connect_ports = {implicit}
tls_advertise_hosts = *
tls_certificate = {chain}
tls_privatekey = {key}
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}}{{}}}}
acl_smtp_rcpt = rcpt
host_lookup =
rfc1413_query_timeout = 0s
never_users =
message_size_limit = 100M
keep_environment =
queue_only = false
begin acl
rcpt:
  deny !authenticated = *
       message = 5.7.0 log in first
  accept
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {path}/mail/box
  maildir_format
  create_directory
  user = {uid}
  group = {uid}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth1}}{{}}}}{{eq{{$auth3}}{{{password}}}}}{{eq{{$auth2}}{{{user}}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if !={{$received_port}}{{587}}}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = "Username:: : Password::"
  server_condition = ${{if and{{{{eq{{$auth1}}{{{user}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""


class Exim:
    """places: (address, port) pairs; at port 465 TLS is first, at 587 PLAIN is
    not offered."""

    def __init__(self, world, certificate, places, user, password):
        if not may_change_user():
            raise Skip("Exim needs root")
        program = world.place(PLACE)
        if not os.path.exists(program):
            raise Skip("Exim is not there")
        self.path = world.folder("exim")
        for folder in ("spool", "log", "mail"):
            os.chown(world.folder(f"exim/{folder}"), UID, UID)
        add_user(world)
        add_libraries(world)
        text = CONF.format(
            path=self.path, program=program, uid=UID, user=user, password=password,
            chain=certificate.chain, key=certificate.key, implicit=465,
            interfaces=" ; ".join(f"{a}.{p}" for a, p in places))
        conf = world.file("exim/conf", text)
        for part in (certificate.key, certificate.chain):
            os.chown(part, UID, UID)
        process = world.start("exim", [program, "-C", conf, "-bdf"],
                              env={"PATH": unpacked.SYSTEM_PATH})
        for address, port in places:
            wait_until(lambda: greets(address, port, port == 465),
                       f"Exim on {address}", process)

    def log(self):
        with open(os.path.join(self.path, "log/mainlog"), encoding="utf-8",
                  errors="backslashreplace") as file:
            return file.read().splitlines()

    def take(self):
        """Wait for one stored message, remove it and return its bytes."""
        inbox = os.path.join(self.path, "mail/box/new")

        def arrived():
            return os.path.isdir(inbox) and os.listdir(inbox)

        path = os.path.join(inbox, wait_until(arrived, "a message at Exim")[0])
        with open(path, "rb") as file:
            stored = file.read()
        os.unlink(path)
        return stored


def add_user(world):
    """The account the program was compiled for, seen in this world only."""
    for name, line in (("passwd", f"Debian-exim:x:{UID}:{UID}::/nonexistent:/bin/false"),
                       ("group", f"Debian-exim:x:{UID}:")):
        with open(f"/etc/{name}", encoding="utf-8") as file:
            text = file.read()
        mount("--bind", world.file(f"exim/{name}", f"{text}{line}\n"), f"/etc/{name}")


def add_libraries(world):
    """Unpacked ones are found as those installed: by the cache, seen in this world
    only. Exim is set-user-ID and starts itself, which LD_LIBRARY_PATH does not
    outlive."""
    folders = [world.place(folder) for folder in unpacked.library_folders()]
    if not folders:
        return
    conf = world.file("exim/ld.so.conf", "include /etc/ld.so.conf\n" +
                      "".join(f"{folder}\n" for folder in folders))
    cache = world.file("exim/ld.so.cache", "")
    subprocess.run(["/sbin/ldconfig", "-X", "-C", cache, "-f", conf], check=True,
                   capture_output=True)
    mount("--bind", cache, "/etc/ld.so.cache")
