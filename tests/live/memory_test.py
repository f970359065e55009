# SPDX-License-Identifier: ISC
"""How much memory a delivery takes, and that it asks the kernel for none."""

import os
import ssl
import subprocess
import sys

import messages
from aiosmtp import server_context
from authority import Issuer
from checks import delivered, encrypted
from harness import Skip, Suite, equal, needs_musl
from nameserver import serve_names
from scripted import EHLO_STARTTLS, HOLD, Scripted
from tlsserver import python_tls
from tracing import Trace, peak_memory_kib, stack_used
from world import run_suite

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
PEAK_KIB_MAX = {False: 448, True: 512}  # in clear, over TLS at strictness 2
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, [f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}"])
        self.issuer = Issuer(world)
        self.between = self.issuer.intermediate("between", "rsa")
        self.leaves = {
            "ecdsa": self.issuer.leaf("ecdsa", f"DNS:{NAME}"),
            "rsa": self.issuer.leaf("rsa", f"DNS:{NAME}", "rsa", self.between),
        }
        self.home = world.home()
        self.bundle = self.system_bundle()

    def system_bundle(self):
        """The system's anchors with ours as the last."""
        text = ""
        if not os.path.exists(SYSTEM_BUNDLE):
            raise Skip(f"no {SYSTEM_BUNDLE}")
        for path in (SYSTEM_BUNDLE, self.issuer.bundle):
            with open(path, encoding="ascii") as file:
                text += file.read()
        return self.world.file("bundle.pem", text)

    def controls(self, secure):
        if secure:
            self.home.control(trustanchors=self.bundle, tlsstrictness=2)
        else:
            self.home.control()


def peak(setting, secure, key, data):
    """VmHWM while the server holds its reply to the whole message."""
    needs_musl()
    setting.controls(secure)
    script = {"EHLO": EHLO_STARTTLS if secure else "250 x", ".": HOLD}
    upgrade = python_tls(setting.leaves[key])
    with Scripted(setting.world, ADDRESS, script, upgrade) as server:
        run = setting.home.start(HOST, f"bob@{HOST}", data())
        server.wait_hold()
        kib = peak_memory_kib(run.pid)
        server.release()
        outcome = run.finish()
    delivered(outcome, ADDRESS)
    if secure:
        encrypted(outcome, "verified", "1.3")
    print(f"    {kib} KiB at the peak")
    limit = PEAK_KIB_MAX[secure]
    assert kib <= limit, f"{kib} KiB at the peak, limit {limit}"


suite.add("peak_clear_4k", peak, False, "ecdsa", messages.small)
suite.add("peak_clear_20m", peak, False, "ecdsa", messages.large)
suite.add("peak_tls13_verified_ecdsa_4k", peak, True, "ecdsa", messages.small)
suite.add("peak_tls13_verified_rsa_chain_4k", peak, True, "rsa", messages.small)
suite.add("peak_tls13_verified_ecdsa_20m", peak, True, "ecdsa", messages.large)


def stack_bound():
    """What tests/stack.py derives for the program that is measured."""
    run = subprocess.run([sys.executable, "tests/stack.py", "bound"],
                         capture_output=True, text=True, check=True)
    name, _, size = run.stdout.partition(" ")
    if name != "stack_bound":
        raise Skip("tests/stack.py gives no bound for this build")
    return int(size)


def stack(setting, key, version):
    """The deepest byte of stack written, while the last reply is held back."""
    bound = stack_bound()
    setting.controls(True)
    only = ssl.TLSVersion["TLSv" + version.replace(".", "_")]
    context = server_context(setting.leaves[key], only, only)
    script = {"EHLO": EHLO_STARTTLS, ".": HOLD}
    upgrade = python_tls(setting.leaves[key], context)
    with Scripted(setting.world, ADDRESS, script, upgrade) as server:
        run = setting.home.start(HOST, f"bob@{HOST}", messages.small())
        server.wait_hold()
        size = stack_used(run.pid)
        server.release()
        outcome = run.finish()
    delivered(outcome, ADDRESS)
    encrypted(outcome, "verified", version)
    print(f"    stack_measured {size}")
    assert 0 < size <= bound, f"{size} bytes of stack, the bound is {bound}"


suite.add("stack_tls12_verified_ecdsa", stack, "ecdsa", "1.2")
suite.add("stack_tls12_verified_rsa_chain", stack, "rsa", "1.2")
suite.add("stack_tls13_verified_ecdsa", stack, "ecdsa", "1.3")
suite.add("stack_tls13_verified_rsa_chain", stack, "rsa", "1.3")


def no_memory_calls(setting, secure):
    needs_musl()
    setting.controls(secure)
    script = {"EHLO": EHLO_STARTTLS} if secure else {}
    trace = Trace(setting.world, f"memory-{secure}")
    with Scripted(setting.world, ADDRESS, script, python_tls(setting.leaves["rsa"])):
        outcome = setting.home.deliver(HOST, f"bob@{HOST}", messages.small(),
                                       wrapper=trace.wrapper)
    delivered(outcome, ADDRESS)
    if secure:
        encrypted(outcome, "verified")
    equal(trace.memory_calls(), [])


suite.add("no_brk_or_mmap_clear", no_memory_calls, False)
suite.add("no_brk_or_mmap_tls", no_memory_calls, True)

if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
