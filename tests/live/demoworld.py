# SPDX-License-Identifier: ISC
"""The mail server of the demo: Postfix where it can run, else aiosmtpd.

Both forms have name, mark(), take(), tls_line() and saw_no_mail().
"""

import logging
import subprocess

import unpacked  # aiosmtpd may be there

try:
    import aiosmtpd
except ImportError:  # aiosmtp.py says so when it is needed
    aiosmtpd = None

import messages
from aiosmtp import AioServer
from harness import Skip
from postfix import Postfix, without_trace
from world import wait_until


def mail_server(world, places):
    """places: (address, port, certificate), a list."""
    try:
        return PostfixServer(world, places)
    except Skip:
        return AiosmtpdServer(world, places)


class PostfixServer:
    def __init__(self, world, places):
        self.postfix = Postfix(world)
        for address, port, certificate in places:
            self.postfix.listen(address, certificate, port)
        self.postfix.start()
        version = subprocess.run(
            [unpacked.program("postconf"), "-dh", "mail_version"],
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

    def saw_no_mail(self):
        """The line at the end of a connection counts its commands, those that
        failed behind a slash: a refused certificate ends the handshake."""
        ended = wait_until(lambda: self.lines(": disconnect from"),
                           "Postfix's line about the end")
        return "starttls=0/1" in ended[0] and not any(
            word in ended[0] for word in ("mail=", "rcpt=", "data="))


class AiosmtpdServer:
    def __init__(self, world, places):
        handler = None
        for address, port, certificate in places:
            server = AioServer(world, address, certificate, port, handler)
            handler = server.handler
        # It would log the refused handshake, with a trace of its stack.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
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
        """The client ends the handshake when it has seen the certificate."""
        wait_until(lambda: self.server.handler.events, "the end of TLS")
        return self.server.handler.events == ["no TLS"]
