# SPDX-License-Identifier: ISC
"""Counts round trips, by causes and not by time.

What one side says is held back until that side is quiet, and then passed on
whole. So a client that says all it can at once needs one flight for it, and
one that waits for an answer in between needs more; how long anything takes on
a busy machine does not matter, unless one flight has a gap as long as QUIET_S.
"""

import re
import socket
import threading
import time
from select import select

from names import Names
from world import listener

QUIET_S = 0.06
RELAY_LIMIT_S = 60


class RoundNames(Names):
    """A name server that answers in rounds: all that was asked until nobody
    asked for a while, at once. .rounds has the questions of each."""

    def __init__(self, *args, **options):
        self.lock = threading.Condition()
        self.waiting, self.last, self.rounds = [], 0.0, []
        super().__init__(*args, **options)

    def forget(self):
        super().forget()
        with self.lock:
            self.rounds = []

    def actions(self, data, tcp):
        with self.lock:
            mine = self.waiting
            mine.append(data)
            self.last = time.monotonic()
            while self.waiting is mine:
                left = self.last + QUIET_S - time.monotonic()
                if left <= 0:
                    self.rounds.append(mine)
                    self.waiting = []
                    self.lock.notify_all()
                else:
                    self.lock.wait(left)
        return super().actions(data, tcp)


class Relay:
    """Stands before a server and passes whole flights between it and a client.

    .flights has the octets of each flight of the client, in the order of the
    connection; .waited tells of each whether the client stayed for an answer.
    Serves one connection.
    """

    def __init__(self, world, address, server, port=25):
        self.flights, self.waited = [], []
        self.server = server
        self.ended = threading.Event()
        self.listener = listener(address, port)
        world.closers.append(self.listener.close)
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def serve(self):
        client, _ = self.listener.accept()
        server = socket.create_connection((self.server.address, self.server.port))
        try:
            with client, server:
                self.exchange(client, server)
        except OSError:  # one of them is gone
            pass
        self.ended.set()

    def exchange(self, client, server):
        """Until either has closed."""
        deadline = time.monotonic() + RELAY_LIMIT_S
        while time.monotonic() < deadline:
            ready, _, _ = select([client, server], [], [], 1)
            if client in ready:
                flight, open_still = gather(client)
                if flight:
                    self.flights.append(flight)
                    self.waited.append(open_still)
                    server.sendall(flight)
                if not open_still:
                    return
            elif server in ready:
                flight, open_still = gather(server)
                client.sendall(flight)
                if not open_still:
                    return

    def round_trips(self):
        """Of the connection: TCP's, the greeting's, and one for each flight
        whose answer the client waited for."""
        assert self.ended.wait(RELAY_LIMIT_S), "the connection is open still"
        return 2 + sum(self.waited)


def gather(source):
    """What comes until it is quiet there, and whether it is open still."""
    parts = []
    while select([source], [], [], QUIET_S)[0]:
        data = source.recv(1 << 18)
        if not data:
            return b"".join(parts), False
        parts.append(data)
    return b"".join(parts), True


def writes_per_flight(trace, port=25):
    """How many writes each flight of a traced client took: those on the
    socket connected to the port, between two reads that brought something."""
    fd, counts, open_flight = None, [], False
    for line in trace.calls():
        begun = re.search(rf"connect\((\d+), .*htons\({port}\)", line)
        if begun:
            fd = begun[1]
        done = re.search(r"\b(read|write)\((\d+), .* = (\d+)$", line)
        if not done or done[2] != fd or done[3] == "0":
            continue
        if done[1] == "write" and open_flight:
            counts[-1] += 1
        elif done[1] == "write":
            counts.append(1)
        open_flight = done[1] == "write"
    return counts
