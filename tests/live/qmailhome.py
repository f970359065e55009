# SPDX-License-Identifier: ISC
"""A qmail home in a directory: control files, queue, the installed binary."""

import os
import shutil
import time

import rspawn

CONTROL_FILES = (
    "me helohost smtproutes timeoutconnect timeoutremote timeoutdns ipme "
    "trustanchors clientcert clientkey tlsstrictness "
    "authsenders tlspolicy dane outgoingip outgoingip6"
).split()
# Past this age qmail-remote takes a message for one that was tried before.
RETRY_AGE_S = 3600
DEFAULTS = {
    "me": "client.example",
    "timeoutconnect": "10",
    "timeoutremote": "30",
    "timeoutdns": "20",
}
SENDER = "alice@client.example"


def remove(path):
    """Whatever is there, if anything."""
    if os.path.isdir(path) and not os.path.islink(path):
        os.rmdir(path)
    elif os.path.lexists(path):
        os.unlink(path)


class QmailHome:
    """The directory, with the calls a test makes on it."""

    def __init__(self, path, binary):
        self.path = path
        self.counter = 0
        self.env = {}
        for folder in ("bin", "control", "queue/mess/0", "queue/lock"):
            os.makedirs(os.path.join(path, folder), mode=0o755)
        self.binary = os.path.join(path, "bin/qmail-remote")
        shutil.copyfile(binary, self.binary)
        os.chmod(self.binary, 0o755)
        self.tcpto = os.path.join(path, "queue/lock/tcpto")
        self.control()

    def clear_tcpto(self):
        """An empty table of time-outs, as qmail-send makes it."""
        with open(self.tcpto, "wb") as file:
            file.write(bytes(1024))
        if rspawn.may_change_user():
            os.chown(self.tcpto, rspawn.NOBODY, rspawn.NOBODY)

    def control(self, **values):
        """Replace all control files: the defaults, changed by values.

        A value of None removes a default; octets are taken as they are, but for
        the line end.
        """
        for name in CONTROL_FILES:
            remove(self.control_path(name))
        for name, value in {**DEFAULTS, **values}.items():
            if value is not None:
                octets = value if isinstance(value, bytes) else str(value).encode()
                self.plant(name, octets + b"\n")
        self.clear_tcpto()

    def control_path(self, name):
        return os.path.join(self.path, "control", name)

    def plant(self, name, data):
        """One control file with exactly these bytes."""
        remove(self.control_path(name))
        with open(self.control_path(name), "wb") as file:
            file.write(data)

    def secret(self, name, data, mode=0o600):
        """A file that the program's user owns, as `<path` wants one; its path."""
        path = os.path.join(self.path, name)
        remove(path)
        with open(path, "wb") as file:
            file.write(data)
        if rspawn.may_change_user():
            os.chown(path, rspawn.NOBODY, rspawn.NOBODY)
        os.chmod(path, mode)
        return path

    def message(self, data, retry=False):
        """Queue data as a message file and return its path."""
        self.counter += 1
        path = os.path.join(self.path, "queue/mess/0", str(self.counter))
        with open(path, "wb") as file:
            file.write(data)
        if retry:
            then = time.time() - RETRY_AGE_S
            os.utime(path, (then, then))
        return path

    def start(self, host, recipients, data, wrapper=(), retry=False, env=None,
              sender=SENDER):
        """Start a delivery and return the rspawn.Run.

        recipients is one address or a list of them.
        """
        if isinstance(recipients, str):
            recipients = [recipients]
        path = self.message(data, retry)
        command = [*wrapper, self.binary, host, sender, *recipients]
        run = rspawn.spawn(command, self.path, path, {**self.env, **(env or {})})
        os.unlink(path)
        return run

    def deliver(self, host, recipients, data, **options):
        """A whole delivery: the rspawn.Outcome."""
        return self.start(host, recipients, data, **options).finish()
