# SPDX-License-Identifier: ISC
"""The mail server of the demo: Postfix where it can run, else aiosmtpd.

Both forms have name, mark(), take(), tls_line(), login_line(), saw_no_mail() and
saw_no_login().
"""

import logging
import subprocess
import warnings

try:
    import aiosmtpd
except ImportError:  # aiosmtp.py says so when it is needed
    aiosmtpd = None

import messages
from aiosmtp import AioServer
from dovecot import Dovecot
from harness import Skip
from postfix import Postfix, without_trace
from world import wait_until


def mail_server(world, places, users):
    """places: (address, port, certificate, login), a list; where login is true
    TLS comes first, and one of the users, passwords by name, has to log in."""
    try:
        return PostfixServer(world, places, users)
    except Skip:
        return AiosmtpdServer(world, places, users)


class PostfixServer:
    def __init__(self, world, places, users):
        self.postfix = Postfix(world)
        octets = {user: password.encode() for user, password in users.items()}
        wanted = {"smtpd_tls_wrappermode": "yes", **Dovecot(world, octets).options()}
        for address, port, certificate, login in places:
            self.postfix.listen(address, certificate, port, **(wanted if login else {}))
        self.postfix.start()
        version = subprocess.run(
            ["/usr/sbin/postconf", "-dh", "mail_version"],
            capture_output=True, text=True, check=True).stdout.strip()
        self.name = f"Postfix {version}"
        self.marked = 0

    def mark(self):
        """What the server logs from here on is about the next delivery."""
        wait_until(self.is_quiet, "Postfix's log")
        self.marked = len(self.postfix.log())

    def is_quiet(self):
        """Each connection that was logged has its end logged."""
        lines = self.postfix.log()
        begun = sum("smtpd[" in l and ": connect from" in l for l in lines)
        ended = sum("smtpd[" in l and ": disconnect from" in l for l in lines)
        return begun == ended

    def lines(self, part):
        return [l for l in self.postfix.log()[self.marked:] if part in l]

    def take(self):
        stored = self.postfix.take()
        message = without_trace(stored)
        return message, stored[: len(stored) - len(message)]

    def tls_line(self):
        found = wait_until(lambda: self.lines("TLS connection established"),
                           "Postfix's line about TLS")
        return found[0].split("]: ", 1)[1]

    def ends(self):
        """The lines at the ends of connections, which count their commands."""
        wait_until(lambda: self.lines(": disconnect from") and self.is_quiet(),
                   "Postfix's line about the end")
        return " ".join(self.lines(": disconnect from"))

    def saw_no_mail(self):
        """TLS was begun; the client ended it, before or behind the last of its
        own words."""
        ends = self.ends()
        return "starttls=" in ends and not any(
            word in ends for word in ("mail=", "rcpt=", "data="))

    def login_line(self):
        found = wait_until(lambda: self.lines("sasl_username="),
                           "Postfix's line about the login")
        return found[0].split("]: ", 1)[1]

    def saw_no_login(self):
        ends = self.ends()
        return not any(word in ends for word in ("auth=", "mail=", "rcpt=", "data="))


class AiosmtpdServer:
    def __init__(self, world, places, users):
        logging.disable()  # aiosmtpd's and asyncio's, about what fails on purpose
        warnings.simplefilter("ignore")
        handler = None
        for address, port, certificate, login in places:
            server = AioServer(world, address, certificate, port, handler,
                               users if login else None)
            handler = server.handler
        self.server = server
        self.name = f"aiosmtpd {aiosmtpd.__version__}"
        self.kept = None

    def mark(self):
        self.kept = None
        self.server.handler.events.clear()

    def keep(self):
        if self.kept is None:
            self.kept = self.server.take()
        return self.kept

    def take(self):
        return messages.as_received(self.keep()[2]), b""

    def tls_line(self):
        name, version, bits = self.keep()[3]
        return f"TLS connection: {version} with cipher {name} ({bits} bits)"

    def saw_no_mail(self):
        return "MAIL" not in self.server.handler.events

    def login_line(self):
        return next(e for e in self.server.handler.events if e.startswith("AUTH"))

    def saw_no_login(self):
        return self.server.handler.events == []
