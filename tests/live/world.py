# SPDX-License-Identifier: ISC
"""A private world for a test: namespaces, addresses, processes, clean-up.

enter() re-executes the program in new network, mount and process namespaces.
In there every port and address is free to use, and when the program ends,
however it ends, the kernel removes all that it started or mounted.
"""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import unpacked
from harness import BINARY, Skip
from qmailhome import QmailHome

INSIDE = "MOTE_WORLD"
READY_TIMEOUT_S = 20
# A queue that has room opens a connection within so long; so many at most.
OPENS_S, FILLING_COUNT_MAX = 0.25, 20
NAMESPACES = "--net --mount --pid --fork --kill-child --mount-proc".split()
# Documentation addresses (RFC 5737, RFC 3849): a resolver's answer with one
# of these is not dropped as the machine's own.
ADDRESSES_4 = [f"192.0.2.{n}" for n in range(1, 100)]
ADDRESSES_6 = [f"2001:db8::{n}" for n in range(1, 100)]


def ways_in():
    """The unshare commands that may work here, the better one first."""
    if os.getuid() == 0:
        yield ["unshare", *NAMESPACES]
    yield ["unshare", "--user", "--map-root-user", *NAMESPACES]


def inside():
    return INSIDE in os.environ


def enter():
    """Continue this program inside namespaces.

    Returns only when inside already, or with the reason why it cannot be.
    """
    if inside():
        return None
    why = "unshare: not installed"
    for command in ways_in():
        try:
            probe = subprocess.run([*command, "true"], capture_output=True, text=True)
        except OSError:
            continue
        if probe.returncode == 0:
            environment = {**os.environ, INSIDE: "1"}
            program = [sys.executable, "-B", *sys.argv]
            sys.stdout.flush()
            os.execvpe(command[0], [*command, *program], environment)
        why = probe.stderr.strip()
    return f"no namespaces here: {why}"


def run_suite(suite, setup):
    """The whole of a test program: enter, build with setup(world), run."""
    why = enter()
    if why:
        return suite.skip_all(why)
    if not os.access(BINARY, os.X_OK):
        print(f"not ok {os.path.basename(sys.argv[0])}: no program {BINARY}")
        return 1
    with World() as world:
        try:
            context = setup(world)
        except Skip as reason:
            return suite.skip_all(reason)
        return suite.run(context)


class World:
    """A directory and the processes that live in it. A context manager.

    Inside namespaces the directory is on a fresh file system over /run, and
    the addresses above exist; outside it is a temporary directory.
    """

    def __init__(self):
        self.processes = []
        self.closers = []
        self.has_ipv6 = False
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        if inside():
            mount("-t", "tmpfs", "-o", "mode=0755,size=90%", "tmpfs", "/run")
            self.path = "/run/mote"
            os.mkdir(self.path)
            self.has_ipv6 = add_addresses()
            self.show_unpacked()
        else:
            self.path = tempfile.mkdtemp(prefix="mote-")
            os.chmod(self.path, 0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for close in reversed(self.closers):
            close()
        for process in reversed(self.processes):
            stop(process)
        if not inside():
            shutil.rmtree(self.path, ignore_errors=True)

    def folder(self, name, mode=0o755):
        """A new directory of the world."""
        path = os.path.join(self.path, name)
        os.makedirs(path)
        os.chmod(path, mode)
        return path

    def file(self, name, text):
        path = os.path.join(self.path, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def program(self, path, name):
        """A copy that every user can run, wherever the repository lies."""
        new = os.path.join(self.path, name)
        shutil.copyfile(path, new)
        os.chmod(new, 0o755)
        return new

    def home(self, name="qmail"):
        return QmailHome(os.path.join(self.path, name), BINARY)

    def show_unpacked(self):
        """What is unpacked where every user can go, for PATH and place(): the
        checkout may be below /root."""
        if os.path.isdir(unpacked.PROGRAMS):
            tree = self.folder("debian")
            mount("--bind", "-o", "ro", unpacked.FOLDER, tree)
            os.environ["PATH"] = f"{tree}/bin:{os.environ['PATH']}"

    def place(self, path):
        """unpacked.place(), as every user can see it."""
        inside_world = f"{self.path}/debian/root{path}"
        return inside_world if os.path.exists(inside_world) else path

    def start(self, name, command, stdin=subprocess.DEVNULL, **options):
        """Start a server in the foreground; its output goes to NAME.log."""
        with open(os.path.join(self.path, f"{name}.log"), "ab") as log:
            options.setdefault("stdout", log)
            try:
                process = subprocess.Popen(
                    command, stdin=stdin, stderr=log, cwd=self.path,
                    start_new_session=True, **options
                )
            except FileNotFoundError:
                raise Skip(f"{command[0]} is not installed")
        self.processes.append(process)
        return process

    def log(self, name):
        path = os.path.join(self.path, f"{name}.log")
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()

    def resolv_conf(self, text):
        """Put text in place of /etc/resolv.conf, in this namespace only."""
        path = self.file("resolv.conf", text)
        if getattr(self, "resolv_conf_mounted", False):
            return
        target = os.path.realpath("/etc/resolv.conf")
        if target.startswith("/run/"):  # the tmpfs above hides it
            os.makedirs(os.path.dirname(target), exist_ok=True)
            open(target, "a", encoding="ascii").close()
        if not os.path.exists(target):
            raise Skip("there is no /etc/resolv.conf to mount over")
        mount("--bind", path, target)
        self.resolv_conf_mounted = True


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def add_addresses():
    """Bring lo up with all addresses; whether IPv6 is among them."""
    lines = ["link set lo up"]
    lines += [f"addr add {a}/32 dev lo" for a in ADDRESSES_4]
    ip_batch(lines, check=True)
    lines = [f"addr add {a}/128 dev lo nodad" for a in ADDRESSES_6]
    return ip_batch(lines, check=False) == 0


def ip_batch(lines, check):
    return subprocess.run(
        ["ip", "-batch", "-"],
        input="\n".join(lines) + "\n",
        text=True,
        check=check,
        stderr=None if check else subprocess.DEVNULL,
    ).returncode


def stop(process):
    """End a server and the session it leads, that is, its children too."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            pass
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            pass


def wait_until(condition, what, process=None, timeout_s=READY_TIMEOUT_S):
    """Poll condition; its first true value is returned."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{what}: its process ended: {process.args}")
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout_s} s")
        time.sleep(0.01)


def accepts(address, port):
    """Whether a TCP connection to the port is accepted."""
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_for_port(address, port, process=None):
    wait_until(lambda: accepts(address, port), f"{address} port {port}", process)


def free_port():
    """A TCP and UDP port of 127.0.0.1 that nobody uses now."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def listener(address, port):
    """A listening TCP socket, IPv4 or IPv6."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=32)


def full_listener(world, address):
    """Port 25 with a full queue: connections to it neither open nor fail. It is full
    when one of its clients does not open, not after a number of them: three were once
    too few, on a busy machine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.create_server((address, 25), family=family, backlog=0)
    world.closers.append(server.close)
    clients = []
    for _ in range(FILLING_COUNT_MAX):
        client = socket.socket(family)
        client.setblocking(False)
        client.connect_ex((address, 25))
        clients.append(client)
        world.closers.append(client.close)
        if not select.select([], [client], [], OPENS_S)[1]:
            return server, clients
    raise AssertionError(f"{address} is not full with {len(clients)} connections")
