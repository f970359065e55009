# SPDX-License-Identifier: ISC
"""Deliveries to aiosmtpd: by MX and smtproutes, IPv4 and IPv6, clear and TLS."""

import sys

import delivery
import messages
from aiosmtp import AioServer
from harness import Suite, equal
from world import run_suite


class Server:
    """aiosmtpd as delivery.py wants it."""

    def __init__(self, setting):
        handler = None
        for family in setting.families():
            for port in (25, delivery.PORT):
                server = AioServer(setting.world, delivery.ADDRESS[family],
                                   setting.certificates[family], port, handler)
                handler = server.handler
        self.server = server
        self.last_was_tls = False

    def take(self):
        sender, recipients, content, cipher = self.server.take()
        self.last_was_tls = bool(cipher)
        equal(sender, "alice@client.example")
        equal(len(recipients), 1)
        return messages.as_received(content)

    def over_tls(self):
        return self.last_was_tls


def setup(world):
    setting = delivery.Setting(world)
    setting.server = Server(setting)
    return setting


suite = Suite()
delivery.add_cases(suite, {
    "empty_message": messages.EMPTY,
    "dots_only": messages.DOTS_ONLY,
    "long_line": messages.LONG_LINE,
    "every_byte": messages.CONTROLS,
})

if __name__ == "__main__":
    sys.exit(run_suite(suite, setup))
