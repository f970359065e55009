# SPDX-License-Identifier: ISC
"""Another network namespace at the far end of a pair of virtual Ethernet
devices, and sockets that listen there."""

import ctypes
import os
import subprocess
import threading

from harness import Skip
from world import ip_batch, listener, wait_until

HERE, THERE = "198.51.100.1", "198.51.100.2"
CLONE_NEWNET = 0x40000000


class Elsewhere:
    def __init__(self, world):
        self.holder = world.start("elsewhere", ["unshare", "--net", "sleep", "infinity"])
        self.place = f"/proc/{self.holder.pid}/ns/net"
        wait_until(self.is_apart, "a namespace for the far side", self.holder)
        link = f"link add near type veth peer name near netns {self.holder.pid}"
        if ip_batch([link], check=False):
            raise Skip("no virtual Ethernet devices here")
        ip_batch([f"addr add {HERE}/30 dev near", "link set near up"], check=True)
        subprocess.run(["nsenter", f"--net={self.place}", "ip", "-batch", "-"],
                       input=f"link set lo up\naddr add {THERE}/30 dev near\n"
                       "link set near up\n", text=True, check=True)

    def is_apart(self):
        return os.readlink(self.place) != os.readlink("/proc/self/ns/net")

    def listener(self, port):
        """A socket that listens there, for use here: only the thread that makes
        it goes there."""
        made = []

        def make():
            with open(self.place, "rb") as place:
                if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET):
                    made.append(OSError(ctypes.get_errno(), "setns"))
                    return
            try:
                made.append(listener(THERE, port))
            except OSError as error:
                made.append(error)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]
