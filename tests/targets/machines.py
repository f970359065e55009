# SPDX-License-Identifier: ISC
"""The targets of ./bootstrap, and how this machine runs what is built for them.

A test program gets the target as its first argument, or in MOTE_TARGET.
"""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
sys.dont_write_bytecode = True

if "MOTE_TARGET" not in os.environ:
    os.environ["MOTE_TARGET"] = sys.argv.pop(1)
TARGET = os.environ["MOTE_TARGET"]
FOLDER = os.path.join("build", TARGET)
os.environ["MOTE"] = BINARY = os.path.abspath(os.path.join(FOLDER, "qmail-remote"))

# qemu's name of the machine, and the oldest processor that must do.
QEMU = {
    "x86_64": ("x86_64", "qemu64"),
    "i386": ("i386", "pentium3"),
    "armv5": ("arm", "arm926"),
    "armv7": ("arm", "cortex-a8"),
    "arm64": ("aarch64", "cortex-a53"),
    "mips": ("mips", "24Kc"),
    "mipsel": ("mipsel", "24Kc"),
    "riscv64": ("riscv64", "rv64"),
    "ppc": ("ppc", "7400"),
    "ppc64le": ("ppc64le", "power8"),
}
# These run here without qemu, too: a whole kernel, where qemu has none of
# seccomp and landlock.
NATIVE = {"x86_64": ("x86_64", "i386")}.get(os.uname().machine, ())


def emulator():
    """The command in front of a program of the target."""
    name, processor = QEMU[TARGET]
    for qemu in (f"qemu-{name}-static", f"qemu-{name}"):
        path = shutil.which(qemu)
        if path:
            return [path, "-cpu", processor]
    return None


def missing():
    """What must be there and is not, or None."""
    if not os.path.exists(BINARY):
        return (f"build/{TARGET}/qmail-remote was not built: "
                f"./bootstrap check-targets TARGETS={TARGET}")
    if not emulator():
        return f"no qemu-{QEMU[TARGET][0]}-static"
    return None


def leave(why):
    """Skipped, or failed where the target was asked for by name."""
    word = "not ok" if os.environ.get("TARGETS_NEEDED") else "skip"
    print(f"{word} {TARGET}: {why}")
    sys.exit(0)
