# SPDX-License-Identifier: ISC
"""A Dovecot of our own that does one thing: judge logins, for Postfix.

Passwords are in a file; a token is a JWT signed with a key of the test, which
Dovecot checks itself (introspection_mode = local).
"""

import base64
import grp
import hashlib
import hmac
import json
import os
import pwd
import shutil
import subprocess
import time

import unpacked
from harness import Skip
from rspawn import may_change_user
from world import mount, wait_until

DAEMONS = unpacked.place("/usr/lib/dovecot")
MECHANISMS = "plain login xoauth2 oauthbearer"
KEY = b"a key that nobody else has: 32 octets or more"

COMMON = """\
libexec_dir = {daemons}
base_dir = {path}/run
state_dir = {path}/state
log_path = {path}/log
auth_verbose = yes
protocols =
ssl = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = nobody
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
service auth {{
  unix_listener {path}/auth {{
    mode = 0666
  }}
}}
# Without it no login waits because others from its address have failed.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""

CONF_2_3 = """\
import_environment = LD_LIBRARY_PATH
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN.b64 {path}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {path}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
"""

OAUTH2_CONF = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={path}/keys/
username_attribute = sub
"""

# Its first line must be the first of all.
VERSION_2_4 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
"""

CONF_2_4 = """\
import_environment {{
  LD_LIBRARY_PATH = {libraries}
}}
passdb passwd-file {{
  passwd_file_path = {path}/users
  default_password_scheme = PLAIN.b64
}}
oauth2 {{
  introspection_mode = local
  username_attribute = sub
  oauth2_local_validation {{
    dict fs {{
      fs posix {{
        prefix = {path}/keys/
      }}
    }}
  }}
}}
userdb static {{
  fields {{
    uid = 65534
    gid = 65534
    home = /nonexistent
  }}
}}
"""


class Dovecot:
    """users: passwords by name, as octets."""

    def __init__(self, world, users, mechanisms=MECHANISMS, name="dovecot"):
        if not may_change_user():
            raise Skip("Dovecot needs root")
        release = version()
        if release not in ("2.3", "2.4"):
            raise Skip("neither Dovecot 2.3 nor 2.4 is there")
        self.path = world.folder(name)
        for folder in ("run", "state", "keys/default/HS256"):
            world.folder(f"{name}/{folder}")
        self.socket = os.path.join(self.path, "auth")
        owner = pwd.getpwnam("nobody")
        text = (VERSION_2_4 + COMMON + CONF_2_4 if release == "2.4"
                else COMMON + CONF_2_3)
        libraries = unpacked.libraries()
        world.file(f"{name}/conf", text.format(
            path=self.path, mechanisms=mechanisms, daemons=DAEMONS,
            libraries=libraries.get("LD_LIBRARY_PATH", ""),
            user=owner.pw_name, group=grp.getgrgid(owner.pw_gid).gr_name))
        world.file(f"{name}/oauth2.conf", OAUTH2_CONF.format(path=self.path))
        world.file(f"{name}/users", "".join(
            f"{user}:{base64.b64encode(password).decode()}::::::\n"
            for user, password in users.items()))
        world.file(f"{name}/keys/default/HS256/default",
                   base64.b64encode(KEY).decode())
        conf = os.path.join(self.path, "conf")
        command = [unpacked.place("/usr/sbin/dovecot"), "-F", "-c", conf]
        if release == "2.3":
            command = [unpacked.program("doveconf"), "-c", conf, "-m", "master", "-p",
                       "-e", *command]
        else:
            put_doveconf(world)
        process = world.start(name, command, env={**os.environ, **libraries})
        wait_until(lambda: os.path.exists(self.socket), "Dovecot", process)

    def log(self):
        with open(os.path.join(self.path, "log"), encoding="utf-8",
                  errors="backslashreplace") as file:
            return file.read()

    def options(self):
        """For an smtpd of Postfix: ask this one, and take no mail without."""
        return {
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": f"unix:{self.socket}",
            "smtpd_sasl_security_options": "noanonymous",
            "smtpd_sasl_authenticated_header": "yes",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
        }


def version():
    """As "2.3": its settings have other names in each."""
    program = unpacked.program("dovecot")
    if not program:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True,
                          check=False).stdout
    return ".".join(said.split(".")[:2])


def put_doveconf(world):
    """Where Dovecot 2.4 calls it from, in this world alone."""
    if os.path.exists("/usr/bin/doveconf"):
        return
    folder = world.folder("doveconf")
    shutil.copy(unpacked.place("/usr/bin/doveconf"), folder)
    try:
        mount("-t", "overlay", "-o", f"lowerdir={folder}:/usr/bin", "overlay", "/usr/bin")
    except subprocess.CalledProcessError as why:
        raise Skip("Dovecot 2.4 is not in /usr/bin, and no overlay may be there") from why


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(user, lasts_s=3600, key=KEY):
    """A token for the user; one that lasts below 0 is past its time."""
    now = int(time.time())
    claims = {"sub": user, "iat": now - 7200, "nbf": now - 7200, "exp": now + lasts_s,
              "scope": "mail"}
    head = {"typ": "JWT", "alg": "HS256", "kid": "default"}
    signed = b".".join(b64url(json.dumps(part).encode()) for part in (head, claims))
    return signed + b"." + b64url(hmac.digest(key, signed, hashlib.sha256))
