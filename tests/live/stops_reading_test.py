# SPDX-License-Identifier: ISC
"""A server that says 354 and then reads no more. What the kernel still takes
after poll had said that it takes nothing does not move the deadline."""

import sys
import threading
import time

import messages
from aiosmtp import server_context
from authority import Issuer
from checks import encrypted, failed
from elsewhere import THERE, Elsewhere
from harness import Suite, equal
from world import listener, run_suite

LOOPBACK = "192.0.2.10"
TIMEOUT_S = 2
BOUND_S = 2 * TIMEOUT_S + 1  # twice, and what a busy machine adds
MURMUR_S, END_S = 0.3, 20  # when the server gives up holding the connection
SIZES = {"1m": 1 << 20, "20m": 20 << 20}
PIPELINING = b"250-x\r\n250 PIPELINING\r\n"
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        self.elsewhere = None
        issuer = Issuer(world)
        self.bundle = issuer.bundle
        self.context = server_context(
            issuer.leaf("mx", f"IP:{LOOPBACK},IP:{THERE}"))
        self.home = world.home()
        self.data = {name: messages.message(name, size) for name, size in SIZES.items()}


class Deaf:
    """Speaks up to 354, and after so many bytes of the message reads no more.
    What it murmurs then is never a whole reply."""

    def __init__(self, listening, context, offer, appetite, murmur):
        self.listening, self.context = listening, context
        self.offer, self.appetite, self.murmur = offer, appetite, murmur
        self.over = threading.Event()
        self.wrong = None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.listening.accept()
        connection.settimeout(END_S)
        try:
            self.talk(connection)
        except OSError as error:
            self.wrong = error
        finally:
            connection.close()

    def talk(self, connection):
        connection.sendall(b"220 x\r\n")
        file = connection.makefile("rb")
        if self.context:
            file.readline()
            connection.sendall(b"250-x\r\n250 STARTTLS\r\n")
            file.readline()
            connection.sendall(b"220 go\r\n")
            connection = self.context.wrap_socket(connection, server_side=True)
            self.secure = connection
            file = connection.makefile("rb")
        file.readline()
        connection.sendall(self.offer)
        while not file.readline().startswith(b"DATA"):
            connection.sendall(b"250 ok\r\n")
        connection.sendall(b"354 go on\r\n")
        if self.appetite:
            file.read(self.appetite)
        for count in range(int(END_S / MURMUR_S)):
            if self.over.wait(MURMUR_S):
                break
            if self.murmur:
                connection.sendall(self.murmur[min(count, len(self.murmur) - 1)])

    def close(self):
        self.over.set()
        self.thread.join()
        self.listening.close()


def deaf(setting, place, secure, size, **how):
    if place == "veth":
        setting.elsewhere = setting.elsewhere or Elsewhere(setting.world)
        address, listening = THERE, setting.elsewhere.listener(25)
    else:
        address, listening = LOOPBACK, listener(LOOPBACK, 25)
    control = {"trustanchors": setting.bundle, "tlsstrictness": 2} if secure else {}
    setting.home.control(timeoutremote=TIMEOUT_S, **control)
    server = Deaf(listening, setting.context if secure else None,
                  **{"offer": b"250 x\r\n", "appetite": 0, "murmur": (), **how})
    began = time.monotonic()
    try:
        run = setting.home.start(f"[{address}]", f"bob@[{address}]", setting.data[size])
        outcome = run.finish(END_S)
        took = time.monotonic() - began
    finally:
        server.close()
    assert not server.wrong, server.wrong
    failed(outcome, "Z", f"Connected to {address} but connection died.")
    equal(outcome.output.count(b"\0"), len(outcome.records), "records")
    if secure:
        encrypted(outcome, "verified")
    assert TIMEOUT_S <= took <= BOUND_S, f"it took {took:.1f} s"


for place in ("loopback", "veth"):
    for secure in (False, True):
        for size in SIZES:
            label = f"{place}_{'tls' if secure else 'clear'}_{size}"
            suite.add(label, deaf, place, secure, size)
for label, how in (("pipelined", {"offer": PIPELINING}),
                   ("reads_some", {"appetite": 1 << 20}),
                   ("murmurs", {"murmur": (b"452-not yet\r\n",)}),
                   ("murmurs_bytes", {"murmur": (b"4", b"52", b"-", b"x")})):
    for security in ("clear", "tls"):
        suite.add(f"veth_{security}_20m_{label}",
                  lambda s, secure, how: deaf(s, "veth", secure, "20m", **how),
                  security == "tls", how)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
