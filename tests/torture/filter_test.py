# SPDX-License-Identifier: ISC
"""The table of calls in src/os/sandbox.c, for every machine of ./bootstrap.

Compiled by the machine's own compiler against its own headers, taken out of
the object and run here: what is needed passes, all else does not. A machine
without PREFIX-gcc is skipped.
"""

import glob
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
sys.dont_write_bytecode = True

from harness import Skip, Suite, equal

FLAGS = ("-std=c11 -O1 -Wall -Wextra -Werror -fdata-sections -iquote src "
         "-D_GNU_SOURCE -c").split()
AUDIT_64BIT, AUDIT_LE = 0x80000000, 0x40000000
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET = 1, 2, 10, 16, 17
# Each line: at least one of these exists, and those that do pass.
NEEDED = """\
read
write
close
connect
setsockopt
getsockopt
getrandom
getpid
flock
exit_group
rt_sigreturn
rt_sigprocmask
gettid
tkill
restart_syscall
poll ppoll ppoll_time64
lseek _llseek
fstat fstat64 newfstatat statx
clock_gettime clock_gettime64 clock_gettime32
""".splitlines()
REFUSED = """\
execve execveat fork vfork clone clone3 ptrace process_vm_readv kill tgkill
open openat2 creat unlink unlinkat rename renameat2 mkdir mkdirat link symlink
chmod fchmod fchmodat chown truncate ftruncate mmap mmap2 mprotect munmap brk
bind listen accept accept4 sendto sendmsg recvmsg socketpair ioctl dup dup2 dup3
pipe pipe2 fcntl fcntl64 prctl seccomp setrlimit prlimit64 setuid setgid setgroups
chdir chroot mount pivot_root unshare setns bpf io_uring_setup memfd_create
keyctl add_key userfaultfd perf_event_open init_module kexec_load reboot
rt_sigaction landlock_restrict_self getdents64
""".split()
WORDS = "ENOSYS O_WRONLY O_RDWR O_CREAT O_TRUNC O_CLOEXEC O_NONBLOCK".split()
suite = Suite()


def targets():
    """name, compiler prefix, musl's target, flags: the table in ./bootstrap."""
    with open("bootstrap", encoding="utf-8") as file:
        rows = file.read().split("<<'ROWS'\n")[1].split("\nROWS")[0]
    for row in rows.splitlines():
        name, prefix, musl, *flags = row.split()
        yield name, prefix, musl, flags


def headers(name, musl, folder):
    """Where musl's headers are."""
    sysroot = f"build/sysroot/{name}"
    if os.path.isdir(sysroot):
        return [sysroot + "/include"]
    archives = glob.glob("build/src/musl_*.orig.tar.gz") + \
        glob.glob("third_party/musl_*.orig.tar.gz")
    if not archives:
        raise Skip(f"no {sysroot} and no archive of musl")
    parts = ["*/arch/*", "*/include/*", "*/tools/*", "*/Makefile"]
    call(["tar", "-xzf", archives[0], "-C", folder, "--strip-components=1",
          "--wildcards", *parts])
    arch = musl.split("-")[0].replace("mipsel", "mips").replace("64le", "64")
    made = [f"obj/include/bits/{name}.h" for name in ("alltypes", "syscall")]
    call(["make", "-C", folder, f"ARCH={arch}", *made])
    places = ("obj/include", f"arch/{arch}", "arch/generic", "include")
    return [f"{folder}/{place}" for place in places]


class Machine:
    def __init__(self, name, prefix, musl, flags, folder):
        self.gcc = shutil.which(f"{prefix}-gcc") or shutil.which(f"{prefix}-gcc-12")
        if not self.gcc:
            raise Skip(f"no {prefix}-gcc")
        self.objcopy = shutil.which(f"{prefix}-objcopy") or "objcopy"
        own = call([self.gcc, "-print-file-name=include"]).strip()
        libc = headers(name, musl, folder)
        self.flags = [*flags, "-nostdinc", "-isystem", *" -isystem ".join(libc).split(),
                      "-isystem", own]
        self.folder = folder
        self.object = os.path.join(folder, "sandbox.o")
        call([self.gcc, *self.flags, *FLAGS, "src/os/sandbox.c", "-o", self.object])
        self.read_object()
        self.read_filter()

    def read_object(self):
        with open(self.object, "rb") as file:
            head = file.read(20)
        self.order = "<" if head[5] == 1 else ">"
        machine = struct.unpack(self.order + "H", head[18:20])[0]
        self.arch = machine | (head[4] == 2) * AUDIT_64BIT | (head[5] == 1) * AUDIT_LE

    def read_filter(self):
        path = os.path.join(self.folder, "filter")
        call([self.objcopy, "-O", "binary", "-j", ".data.filter",
              "--set-section-flags", ".data.filter=alloc", self.object, path])
        with open(path, "rb") as file:
            self.filter = list(struct.iter_unpack(self.order + "HBBI", file.read()))
        assert len(self.filter) > 40, f"{len(self.filter)} instructions"

    def numbers(self, names):
        """The numbers of the calls that its headers have, and of some words."""
        lines = "".join(f"#ifdef SYS_{n}\n={n} SYS_{n}\n#endif\n" for n in names)
        lines += "".join(f"={word.lower()} {word}\n" for word in WORDS)
        text = call([self.gcc, *self.flags, "-E", "-P", "-xc", "-"],
                    "#include <sys/syscall.h>\n#include <errno.h>\n"
                    f"#include <fcntl.h>\n{lines}")
        found = re.findall(r"^= ?(\w+) (.+)$", text, re.M)
        return {name: eval(re.sub(r"\b0(?=\d)", "0o", value), {})
                for name, value in found}

    def act(self, number, *arguments, arch=None, start=0):
        """What the filter says to a call, or its part from there."""
        data = struct.pack(self.order + "iIQ6Q", number, arch or self.arch, 0,
                           *arguments, *[0] * (6 - len(arguments)))
        at, value = start, 0
        while True:
            code, yes, no, k = self.filter[at]
            at += 1
            if code == 0x20:  # load a word
                value = struct.unpack_from(self.order + "I", data, k)[0]
            elif code == 0x15:  # equal?
                at += yes if value == k else no
            elif code == 0x45:  # any of these bits?
                at += yes if value & k else no
            elif code == 0x06:
                return k
            else:
                raise AssertionError(f"instruction {code:#x}")


def call(command, stdin=None):
    run = subprocess.run(command, input=stdin, text=True, capture_output=True)
    assert run.returncode == 0, f"{command[0]}: {run.stderr}"
    return run.stdout


def filter_of(*target):
    with tempfile.TemporaryDirectory() as folder:
        check_filter(Machine(*target, folder))


def check_filter(machine):
    check_start(machine, 0)
    # The same without openat: it begins with the architecture once more.
    start = machine.filter.index(machine.filter[0], 1)
    check_start(machine, start)
    # What bind gets is the first word behind its number.
    number = machine.numbers(["bind"])["bind"]
    at = next(i for i in range(start, len(machine.filter))
              if machine.filter[i] == (0x15, 0, 1, number)) + 1
    equal(at, start + 5, "BIND_AT")
    machine.filter[at] = (0x06, 0, 0, ALLOW)
    check_start(machine, 0, "bind")
    check_start(machine, start, "bind")


def check_start(machine, start, *more):
    def act(*arguments, **options):
        return machine.act(*arguments, start=start, **options)

    groups = [line.split() for line in NEEDED]
    names = [name for group in groups for name in group]
    number = machine.numbers([*names, *REFUSED, "socket", "openat"])
    refuse = ERRNO | number["enosys"]
    for group in groups:
        here = [name for name in group if name in number]
        assert here, f"none of {group}"
        for name in here:
            equal(act(number[name]), ALLOW, name)
    for name in REFUSED:
        want = ALLOW if name in more else refuse
        if name in number:
            equal(act(number[name]), want, name)
            equal(act(number[name], AF_INET), want, name)
    for flags, want in (("O_CLOEXEC O_NONBLOCK", ALLOW), ("O_WRONLY", refuse),
                        ("O_RDWR", refuse), ("O_CREAT", refuse), ("O_TRUNC", refuse)):
        value = sum(number[flag.lower()] for flag in flags.split())
        equal(act(number["openat"], 0, 0, value), refuse if start else want,
              f"openat {flags}")
    for family, want in ((AF_INET, ALLOW), (AF_INET6, ALLOW), (AF_UNIX, refuse),
                         (AF_NETLINK, refuse), (AF_PACKET, refuse)):
        equal(act(number["socket"], family), want, f"socket {family}")
    for bits in (1, AUDIT_64BIT, AUDIT_LE):
        got = act(number["read"], arch=machine.arch ^ bits)
        equal(got, refuse, "another architecture")
    # The other calls of x86_64 with 32-bit pointers.
    equal(act(number["read"] | 0x40000000), refuse, "x32")


for target in targets():
    suite.add(f"filter_{target[0]}", filter_of, *target)

if __name__ == "__main__":
    sys.exit(suite.run())
