# SPDX-License-Identifier: ISC
"""Many deliveries at once to domains that nobody has asked for yet, through
dnsmasq with its defaults: it refuses questions beyond 150 open ones. All mail
arrives."""

import heapq
import os
import select
import socket
import subprocess
import sys
import threading
import time

import messages
import rspawn
from harness import Suite, equal
from nameserver import Dnsmasq
from names import Query, record
from scripted import Scripted
from world import free_port, run_suite

ADDRESS = "192.0.2.10"
# Deliveries, and the exchangers of each domain.
STORMS = ((20, 10), (60, 5), (120, 1))
DELAYS_S = (0.3, 1.2)
# All of them wait until somebody opens the pipe `gate`.
START_ALL = """
for host; do
    { read -r x <"$0/gate"; exec bin/qmail-remote "$host" alice@client.example \\
        "bob@$host" <"$0/message" >"$0/$host" 2>&1; } &
done
wait
"""
suite = Suite()


class Upstream:
    """Domains dNxM.example with M exchangers; each answer takes a while."""

    def __init__(self, world):
        self.port, self.delay_s = free_port(), 0.0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.serve_until_closed, daemon=True).start()
        world.closers.append(self.socket.close)

    def serve_until_closed(self):
        try:
            self.serve()
        except (OSError, ValueError):
            pass

    def serve(self):
        due, number = [], 0
        while True:
            wait = max(0, due[0][0] - time.monotonic()) if due else 0.2
            if select.select([self.socket], [], [], wait)[0]:
                data, peer = self.socket.recvfrom(4096)
                number += 1
                heapq.heappush(due, (time.monotonic() + self.delay_s, number,
                                     self.answer(data), peer))
            while due and due[0][0] <= time.monotonic():
                _, _, answer, peer = heapq.heappop(due)
                self.socket.sendto(answer, peer)

    @staticmethod
    def answer(data):
        query = Query(None, data, False)
        name, kind = query.key
        label, answers = name.split(".")[0], []
        if kind == "MX" and label.startswith("d"):
            answers = [record(query.name, "MX", (n, f"m{n}.{name}"))
                       for n in range(int(label.split("x")[1]))]
        if kind == "A" and label.startswith("m"):
            answers = [record(query.name, "A", ADDRESS)]
        return query.reply(answers)


class Setting:
    def __init__(self, world):
        self.world = world
        self.home = world.home()
        self.home.control(timeoutdns=None)
        self.server = Scripted(world, ADDRESS)
        self.upstream = Upstream(world)
        self.dnsmasq = Dnsmasq(world, self.upstream)
        world.resolv_conf(f"nameserver {self.dnsmasq.address}\n")
        self.counter = 0
        self.folder = world.folder("storm", 0o777)
        self.gate = os.path.join(self.folder, "gate")
        os.mkfifo(self.gate)
        os.chmod(self.gate, 0o644)
        with open(os.path.join(self.folder, "message"), "wb") as file:
            file.write(messages.small())

    def deliver_all(self, hosts):
        """What each said, all begun at one moment; and how long it took."""
        user = {}
        if rspawn.may_change_user():
            user = {"user": rspawn.NOBODY, "group": rspawn.NOBODY, "extra_groups": []}
        process = subprocess.Popen(
            ["sh", "-c", START_ALL, self.folder, *hosts], cwd=self.home.path,
            env={"PATH": "/usr/bin:/bin", "QMAILHOME": self.home.path}, **user)
        time.sleep(1 + len(hosts) / 100)
        os.close(os.open(self.gate, os.O_WRONLY))
        began = time.monotonic()
        process.wait(60)
        self.took_s = time.monotonic() - began
        said = []
        for host in hosts:
            with open(os.path.join(self.folder, host), "rb") as file:
                said.append(rspawn.judge(0, file.read()))
        return said

    def refusals(self):
        return self.world.log("dnsmasq").count("Maximum number of concurrent")


def storm(setting, count, exchangers, delay_s):
    setting.upstream.delay_s = delay_s
    hosts = []
    for _ in range(count):
        setting.counter += 1
        hosts.append(f"d{setting.counter}x{exchangers}.example")
    before = setting.refusals()
    outcomes = setting.deliver_all(hosts)
    print(f"# {count} x {exchangers}, {delay_s} s: all ended after "
          f"{setting.took_s:.1f} s, dnsmasq was full "
          f"{setting.refusals() - before} times")
    equal("".join(sorted(o.letter for o in outcomes)), "K" * count)


for deliveries, exchangers in STORMS:
    for delay in DELAYS_S:
        suite.add(f"{deliveries}_at_once_{exchangers}_exchangers_{delay}_s", storm,
                  deliveries, exchangers, delay)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
