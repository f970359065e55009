# SPDX-License-Identifier: ISC
"""The sandbox changes no report, is entered in full, and may be missing.

What a confined program can still do is in tests/unit/os_sandbox_test.c; here
are whole deliveries, by strace.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
sys.dont_write_bytecode = True

from bench import DELIVERIES, STARTTLS, Delivery, Shop, direct, verified
from callfilter import needs_no_filter
from harness import Skip, Suite, contains, equal, needs_musl
from scripted import DROP, RESET
from world import run_suite

# What is called once the filter is in force, on this machine's architecture;
# in all deliveries below, each at least once.
EXPECTED = set("read write close poll lseek fstat socket connect setsockopt "
               "getsockopt getrandom openat flock getpid bind exit_group".split())
LAYERS = ("prctl", "prlimit64", "landlock_create_ruleset", "landlock_add_rule",
          "landlock_restrict_self")
CONFINED = re.compile(r"prctl\(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, .* = 0$")

FROM = "192.0.2.77"
MULTILINE = {".": "554-no\r\n554 not this"}
MORE = [
    Delivery("refused", direct(), MULTILINE),
    Delivery("deferred", direct(), {"MAIL": "451 later"}),
    Delivery("dropped", direct(), {".": DROP}),
    Delivery("reset", direct(), {"DATA": RESET}),
    Delivery("no_tls", verified(lambda s: s.issuer.bundle)),
    Delivery("tls_stranger_bundle", verified(lambda s: s.stranger.bundle), STARTTLS),
    Delivery("tls_stranger_directory", verified(lambda s: s.strange_directory),
             STARTTLS),
    Delivery("from_an_address", direct(outgoingip=FROM)),
    Delivery("from_a_foreign_address", direct(outgoingip="203.0.113.9")),
    Delivery("no_relay", lambda b: {"smtproutes": ":nobody.example"}),
    Delivery("nobody_there", lambda b: {"smtproutes": ":[192.0.2.91]"}),
]
REPRESENTATIVE = [*DELIVERIES, *MORE]
suite = Suite()


class Setting(Shop):
    def __init__(self, world):
        super().__init__(world)
        self.stranger = type(self.issuer)(world, "stranger")
        self.strange_directory = self.stranger.hashed("hashed", self.stranger.root)
        self.plain = {}

    def report(self, delivery, *injections):
        """The report of a run with some calls failing."""
        self.use(delivery.resolver)
        wrapper = []
        if injections:
            wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null"]
            wrapper += [word for i in injections for word in ("-e", i)]
        outcome = self.bench.run(delivery, wrapper)
        equal(outcome.status, 0, outcome.text)
        return outcome.output

    def confined(self, delivery):
        if delivery.name not in self.plain:
            self.plain[delivery.name] = self.report(delivery)
        return self.plain[delivery.name]


def same_report(setting, delivery):
    """With every layer, and with none."""
    without = [f"inject={','.join(LAYERS)}:error=ENOSYS"]
    equal(setting.report(delivery, *without), setting.confined(delivery))


for one in REPRESENTATIVE:
    suite.add(f"same_report_without_{one.name}", same_report, one)


# A kernel that lacks one layer, or part of it, or refuses it.
LACKING = {
    "prctl": "prctl:error=EINVAL", "seccomp": "prctl:error=EINVAL:when=3",
    "seccomp_forbidden": "prctl:error=EACCES:when=3",
    "landlock": "landlock_create_ruleset:error=ENOSYS",
    "landlock_disabled": "landlock_create_ruleset:error=EOPNOTSUPP",
    "landlock_ruleset": "landlock_create_ruleset:error=EINVAL:when=2",
    "landlock_rule": "landlock_add_rule:error=EINVAL",
    "landlock_second_rule": "landlock_add_rule:error=EINVAL:when=2",
    "landlock_restrict": "landlock_restrict_self:error=E2BIG",
    "limits": "prlimit64:error=EPERM",
    # Old ABIs: no truncation, no ports.
    "landlock_abi_1": "landlock_create_ruleset:retval=1:when=1",
    "landlock_abi_3": "landlock_create_ruleset:retval=3:when=1",
    "landlock_abi_4": "landlock_create_ruleset:retval=4:when=1",
    "landlock_abi_99": "landlock_create_ruleset:retval=99:when=1",
}
BY_NAME = {delivery.name: delivery for delivery in REPRESENTATIVE}


def lacks(setting, injection):
    for name in ("clear", "tls_bundle", "tls_directory", "tls_stranger_directory"):
        delivery = BY_NAME[name]
        equal(setting.report(delivery, f"inject={injection}"),
              setting.confined(delivery), name)


for name, injection in LACKING.items():
    suite.add(f"kernel_without_{name}", lacks, injection)


@suite.case
def strictness_2_both_ways(setting):
    """What the comparisons above compared."""
    for name in ("tls_bundle", "tls_directory"):
        contains(setting.confined(BY_NAME[name]).decode(), "verify=verified;\n\0")
    for name in ("tls_stranger_bundle", "tls_stranger_directory"):
        contains(setting.confined(BY_NAME[name]).decode(),
                 "but its certificate was refused: ")
    contains(setting.confined(BY_NAME["no_tls"]).decode(), "STARTTLS is required")


def without_getrandom(setting, name):
    """/dev/urandom, opened before files are out of reach; for keys only where
    the kernel has nothing better."""
    delivery = BY_NAME[name]
    equal(setting.report(delivery, "inject=getrandom:error=ENOSYS"),
          setting.confined(delivery))
    not_ready = setting.report(delivery, "inject=getrandom:error=EAGAIN")
    if delivery.secure:
        contains(not_ready.decode(), "the kernel has no randomness yet\n\0")
    else:
        equal(not_ready, setting.confined(delivery))


for name in ("clear", "tls_bundle", "tls_directory", "mx"):
    suite.add(f"without_getrandom_{name}", without_getrandom, name)


def calls_of(setting, delivery):
    """(before, after): the lines of strace around the filter."""
    setting.use(delivery.resolver)
    bench = setting.bench
    bench.run(delivery, ["strace", "-f", "-qq", "-o", bench.trace])
    with open(bench.trace, encoding="ascii", errors="replace") as file:
        lines = [re.sub(r"^\d+ +", "", line.rstrip("\n")) for line in file]
    at = [i for i, line in enumerate(lines) if CONFINED.match(line)]
    if not at:
        raise Skip("this kernel has no seccomp filters")
    equal(len(at), 1, "filters")
    return lines[: at[0] + 1], lines[at[0] + 1 :]


@suite.case
def calls_within_the_filter(setting):
    """None is refused, and there are no others than expected."""
    needs_musl()
    seen = set()
    for delivery in REPRESENTATIVE:
        _, after = calls_of(setting, delivery)
        refused = [line for line in after if "ENOSYS" in line]
        equal(refused, [], delivery.name)
        seen |= {line.split("(")[0] for line in after if re.match(r"\w+\(", line)}
    if os.uname().machine == "x86_64":
        equal(sorted(seen), sorted(EXPECTED))


@suite.case
def nothing_is_sent_before(setting):
    """No socket, and all that is taken away is taken away, in order."""
    needs_no_filter()
    for delivery in REPRESENTATIVE:
        before, _ = calls_of(setting, delivery)
        # glibc looks at that before the program begins.
        before = [line for line in before if "RLIMIT_STACK, NULL" not in line]
        names = [line.split("(")[0] for line in before]
        assert "socket" not in names, f"{delivery.name}: a socket before"
        text = "\n".join(before)
        for part in ("RLIMIT_CORE, {rlim_cur=0", "RLIMIT_NPROC, {rlim_cur=0",
                     "RLIMIT_NOFILE, {rlim_cur=256", "RLIMIT_FSIZE, {rlim_cur=64*1024",
                     "rt_sigaction(SIGXFSZ, {sa_handler=SIG_IGN"):
            contains(text, part)
        order = [name for name in names if name in LAYERS]
        equal(order[0], "prctl")
        assert order.index("prlimit64") < order.index("prctl", 1), order
        if "landlock_restrict_self" in order:
            equal(order[-2:], ["landlock_restrict_self", "prctl"])


@suite.case
def links_of_a_directory_lead_out(setting):
    """To where packages keep certificates: read after the doors are shut."""
    delivery = BY_NAME["tls_directory"]
    _, after = calls_of(setting, delivery)
    opened = [line for line in after if line.startswith("openat(")]
    assert opened and any(re.search(r"= \d+$", line) for line in opened), opened
    link = next(n for n in os.listdir(setting.directory) if n.endswith(".0"))
    target = os.path.realpath(os.path.join(setting.directory, link))
    assert target.startswith("/usr/share/ca-certificates/"), target
    contains(setting.confined(delivery).decode(), "verify=verified;")


@suite.case
def links_that_lead_elsewhere(setting):
    """Where landlock is, they lead nowhere: refused, never in clear."""
    folder = setting.world.folder("elsewhere")
    link = next(n for n in os.listdir(setting.directory) if n.endswith(".0"))
    os.symlink(setting.issuer.root.cert, os.path.join(folder, link))
    delivery = Delivery("tls_elsewhere", verified(lambda s: folder + "/"), STARTTLS)
    free = setting.report(delivery, f"inject={','.join(LAYERS)}:error=ENOSYS")
    contains(free.decode(), "verify=verified;")
    _, after = calls_of(setting, delivery)
    if any("EACCES" in line for line in after):
        contains(setting.confined(delivery).decode(), "issued by an unknown authority")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
