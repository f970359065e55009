# SPDX-License-Identifier: ISC
"""/etc/resolv.conf in every state a file can be in."""

import os
import sys

import messages
from checks import delivered
from harness import Skip, Suite, equal
from nameserver import Authority, Unbound
from rspawn import may_change_user
from scripted import Scripted
from world import inside, mount, run_suite

HOST, ADDRESS = "dest.example", "192.0.2.10"
DEFAULT, NAMED = "127.0.0.1", "127.0.0.3"
PATH = "/etc/resolv.conf"
GOOD = f"nameserver {NAMED}\n".encode()
LONG = 10 * 1024 * 1024
suite = Suite()


class Setting:
    def __init__(self, world):
        if not inside():
            raise Skip("needs a file system of its own over /etc")
        authority = Authority(world, ["dest MX 10 mx", f"mx A {ADDRESS}"])
        self.resolvers = [Unbound(world, authority, DEFAULT),
                          Unbound(world, authority, NAMED, name="named")]
        self.home = world.home()
        self.server = Scripted(world, ADDRESS)
        mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/etc")

    def asked(self, env=None):
        """The one resolver that a delivery asked."""
        before = [len(r.queries()) for r in self.resolvers]
        delivered(self.home.deliver(HOST, f"bob@{HOST}", messages.small(), env=env),
                  ADDRESS)
        after = [len(r.queries()) for r in self.resolvers]
        used = [a for a, b, c in zip((DEFAULT, NAMED), before, after) if c > b]
        equal(len(used), 1, "resolvers asked")
        return used[0]


def clear():
    if os.path.isdir(PATH) and not os.path.islink(PATH):
        os.rmdir(PATH)
    elif os.path.lexists(PATH):
        os.unlink(PATH)


def content(setting, data, want):
    clear()
    with open(PATH, "wb") as file:
        file.write(data)
    equal(setting.asked(), want)


for name, (data, want) in {
    "plain": (GOOD, NAMED),
    "crlf": (GOOD.replace(b"\n", b"\r\n"), NAMED),
    "no_final_newline": (GOOD.strip(), NAMED),
    "white_space": (f" \tnameserver\t {NAMED} \t\n".encode(), NAMED),
    "comment_behind": (f"nameserver {NAMED} # mine\n".encode(), NAMED),
    "a_hundred": (GOOD * 100, NAMED),
    "unknown_lines": (b"sortlist x\noptions rotate ndots:9\nfamily\n" + GOOD, NAMED),
    "scope_of_no_interface": (b"nameserver fe80::1%none\n" + GOOD, NAMED),
    "scope_of_a_global_address": (b"nameserver 2001:db8::1%lo\n" + GOOD, NAMED),
    "no_time_and_no_tries": (GOOD + b"options timeout:0 attempts:0\n", NAMED),
    "nul_in_another_line": (b"\0\0\n\0nameserver x\n" + GOOD, NAMED),
    "nul_in_the_line": (f"nameserver {NAMED}\0\n".encode(), DEFAULT),
    "binary": (bytes(range(256)) * 100 + b"\n" + GOOD, NAMED),
    "ten_megabytes_of_comments": (b"# x\n" * (LONG // 4) + GOOD, NAMED),
    "ten_megabytes_in_a_line": (b"x" * LONG + b"\n" + GOOD, NAMED),
    "line_too_long": (GOOD[:-1] + b" " + b"x" * 1024 + b"\n", DEFAULT),
    "empty": (b"", DEFAULT),
    "no_servers": (b"search example\n", DEFAULT),
    "not_an_address": (b"nameserver localhost\n", DEFAULT),
}.items():
    suite.add(name, content, data, want)


def strange(setting, make):
    clear()
    make()
    equal(setting.asked(), DEFAULT)
    equal(setting.asked({"DNSCACHEIP": NAMED}), NAMED)


def unreadable():
    if not may_change_user():
        raise Skip("needs an unprivileged user to run the program as")
    with open(PATH, "wb") as file:
        file.write(GOOD)
    os.chmod(PATH, 0)


for name, make in {
    "missing": lambda: None,
    "directory": lambda: os.mkdir(PATH),
    "fifo": lambda: os.mkfifo(PATH, 0o644),
    "dev_null": lambda: os.symlink("/dev/null", PATH),
    "link_loop": lambda: os.symlink(PATH, PATH),
    "unreadable": unreadable,
}.items():
    suite.add(name, strange, make)

if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
