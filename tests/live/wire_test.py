# SPDX-License-Identifier: ISC
"""Every short message over CR, LF and dot on the wire, in clear and in TLS."""

import sys

from harness import Suite, equal
from wire import SIZE_MAX, Setting, is_partial, strings
from world import run_suite

PARTIAL = "DSMTP cannot transfer messages with partial final lines. (#5.6.2)\n"
suite = Suite()


def whole_messages(setting, security, size):
    for message in strings(size):
        if not is_partial(message):
            setting.check(security, message)


def partial_messages(setting, size):
    """Refused before any connection is made."""
    receiver = setting.receivers["clear"]
    for message in strings(size):
        if is_partial(message):
            outcome = receiver.deliver(message, connects=False)
            equal((outcome.letter, outcome.message), ("D", PARTIAL), message)


for security in ("clear", "tls"):
    for size in range(SIZE_MAX + 1):
        suite.add(f"all_of_{size}_bytes_{security}", whole_messages, security, size)
for size in range(1, SIZE_MAX + 1):
    suite.add(f"all_partial_of_{size}_bytes", partial_messages, size)

if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
