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
END_S = 20  # when the server gives up holding the connection
SIZES = {"1m": 1 << 20, "20m": 20 << 20}
PIPELINING = b"250-x\r\n250 PIPELINING\r\n"
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        self.elsewhere = Elsewhere(world)
        issuer = Issuer(world)
        self.bundle = issuer.bundle
        self.context = server_context(
            issuer.leaf("mx", f"IP:{LOOPBACK},IP:{THERE}"))
        self.home = world.home()
        self.data = {name: messages.message(name, size) for name, size in SIZES.items()}


class Deaf:
    """Speaks up to 354, and after so many bytes of the message reads no more."""

    def __init__(self, listening, context, offer, appetite):
        self.listening, self.context = listening, context
        self.offer, self.appetite = offer, appetite
        self.over = threading.Event()
        self.wrong = None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.listening.accept()
        connection.settimeout(END_S)
        try:
            self.talk(connection)
            self.over.wait(END_S)
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

    def close(self):
        self.over.set()
        self.thread.join()
        self.listening.close()


def deaf(setting, place, secure, size, offer=b"250 x\r\n", appetite=0):
    if place == "veth":
        address, listening = THERE, setting.elsewhere.listener(25)
    else:
        address, listening = LOOPBACK, listener(LOOPBACK, 25)
    control = {"trustanchors": setting.bundle, "tlsstrictness": 2} if secure else {}
    setting.home.control(timeoutremote=TIMEOUT_S, **control)
    server = Deaf(listening, setting.context if secure else None, offer, appetite)
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
suite.add("veth_clear_20m_pipelined", deaf, "veth", False, "20m", PIPELINING)
suite.add("veth_tls_20m_pipelined", deaf, "veth", True, "20m", PIPELINING)
suite.add("veth_clear_20m_reads_some", deaf, "veth", False, "20m", b"250 x\r\n", 1 << 20)
suite.add("loopback_tls_20m_reads_some", deaf, "loopback", True, "20m", b"250 x\r\n",
          1 << 20)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
