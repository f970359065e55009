# SPDX-License-Identifier: ISC
"""Deliveries to Postfix: by MX and smtproutes, IPv4 and IPv6, clear and TLS."""

import re
import sys

import delivery
import messages
from harness import Suite
from postfix import Postfix, without_trace
from world import run_suite


class Server:
    """Postfix as delivery.py wants it."""

    def __init__(self, setting):
        self.postfix = Postfix(setting.world)
        for family in setting.families():
            for port in (25, delivery.PORT):
                self.postfix.listen(delivery.ADDRESS[family],
                                    setting.certificates[family], port)
        self.postfix.start()
        self.trace = b""

    def take(self):
        stored = self.postfix.take()
        message = without_trace(stored)
        self.trace = stored[: len(stored) - len(message)]
        return message

    def over_tls(self):
        return re.search(rb"using TLSv1\.[23] with cipher", self.trace) is not None


def setup(world):
    setting = delivery.Setting(world)
    setting.server = Server(setting)
    return setting


suite = Suite()
delivery.add_cases(suite, {
    "empty_message": messages.EMPTY,
    "long_line": messages.LONG_LINE,
})

if __name__ == "__main__":
    sys.exit(run_suite(suite, setup))
