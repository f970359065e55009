# SPDX-License-Identifier: ISC
"""Filters of system calls (seccomp) that a program is started under, as a
service manager or a container sets them up before it."""

import os
import re
import struct
import subprocess
import sys

from harness import Skip

# What a filter does with a call.
KILL_PROCESS, KILL_THREAD, TRAP, ALLOW = 0x80000000, 0, 0x30000, 0x7FFF0000
ERRNO = 0x50000  # and the number
# Instructions: load a word, compare, return.
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER_AT, ARGUMENT_AT = 0, 16 if sys.byteorder == "little" else 20
PR_GET_SECCOMP = 21

# systemd's @system-service, as Debian 12 has it (systemd 252). Debian 13's (257)
# is this and some more, landlock_* among them.
SYSTEM_SERVICE = """\
_llseek _newselect accept accept4 access add_key alarm arch_prctl
arm_fadvise64_64 bind brk cacheflush capget capset chdir chmod chown chown32
clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
clock_nanosleep_time64 clone clone3 close close_range connect copy_file_range
creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve
execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate
fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64
fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64
fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_time64
futex_waitv futimesat get_mempolicy get_robust_list get_thread_area getcpu
getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32
getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid
getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit
getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32
getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup
io_submit io_uring_enter io_uring_register io_uring_setup ioctl ioprio_get
ioprio_set ipc kcmp keyctl kill lchown lchown32 lgetxattr link linkat listen
listxattr llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise mbind
membarrier memfd_create migrate_pages mkdir mkdirat mknod mknodat mlock mlock2
mlockall mmap mmap2 move_pages mprotect mq_getsetattr mq_notify mq_open
mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
name_to_handle_at nanosleep newfstatat nice oldfstat oldlstat oldolduname
oldstat olduname open openat openat2 pause personality pidfd_open
pidfd_send_signal pipe pipe2 poll ppoll ppoll_time64 prctl pread64 preadv
preadv2 prlimit64 process_madvise process_vm_readv process_vm_writev pselect6
pselect6_time64 pwrite64 pwritev pwritev2 read readahead readdir readlink
readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg
remap_file_pages removexattr rename renameat renameat2 request_key
restart_syscall riscv_flush_icache riscv_hwprobe rmdir rseq rt_sigaction
rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max
sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
select semctl semget semop semtimedop semtimedop_time64 send sendfile
sendfile64 sendmmsg sendmsg sendto set_mempolicy set_mempolicy_home_node
set_robust_list set_thread_area set_tid_address set_tls setfsgid setfsgid32
setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setns
setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid
setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32
setxattr shmat shmctl shmdt shmget shutdown sigaction sigaltstack signal
signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend socket
socketcall socketpair splice stat stat64 statfs statfs64 statx swapcontext
symlink symlinkat sync sync_file_range sync_file_range2 syncfs sysinfo tee
tgkill time timer_create timer_delete timer_getoverrun timer_gettime
timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate
truncate64 ugetrlimit umask uname unlink unlinkat unshare uretprobe userfaultfd
utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid
write writev
""".split()

LAUNCHER = """\
import ctypes, os, sys
code = open(sys.argv[1], "rb").read()
libc = ctypes.CDLL(None, use_errno=True)
class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("code", ctypes.c_char_p)]
program = Program(len(code) // 8, code)
words = [ctypes.c_ulong(n) for n in (1, 0, 0, 0)]
if libc.prctl(38, *words):  # PR_SET_NO_NEW_PRIVS
    sys.exit("no_new_privs: " + os.strerror(ctypes.get_errno()))
if code and libc.prctl(22, ctypes.c_ulong(2), ctypes.byref(program)):
    sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def numbers(names):
    """The numbers of the calls that this machine has."""
    lines = "".join(f"#ifdef SYS_{n}\n={n} SYS_{n}\n#endif\n" for n in names)
    try:
        run = subprocess.run(["cc", "-E", "-P", "-xc", "-"], capture_output=True,
                             input="#include <sys/syscall.h>\n" + lines, text=True)
    except FileNotFoundError:
        raise Skip("cc is not installed")
    assert run.returncode == 0, run.stderr
    return {name: int(n) for name, n in re.findall(r"^= ?(\w+) (\d+)$", run.stdout, re.M)}


class Filter:
    """Put .wrapper in front of a command. Without rules: no_new_privs alone.

    What becomes of the calls that are listed, of all others, and, if that is
    to be something else, of the question whether there is a filter.
    """

    def __init__(self, world, names=None, listed=ALLOW, otherwise=KILL_PROCESS,
                 asked=None):
        self.code = b""
        if names is not None:
            self.compile(names, listed, otherwise, asked)
        count = len(os.listdir(world.path))
        program = world.file(f"filter{count}", "")
        with open(program, "wb") as file:
            file.write(self.code)
        launcher = world.file(f"launcher{count}.py", LAUNCHER)
        self.wrapper = ["/usr/bin/python3", "-SEs", launcher, program]

    def compile(self, names, listed, otherwise, asked):
        here = numbers([*names, "prctl"])
        self.put(LOAD, NUMBER_AT)
        if asked is not None:
            self.put(EQUAL, here["prctl"], 0, 4)
            self.put(LOAD, ARGUMENT_AT)
            self.put(EQUAL, PR_GET_SECCOMP, 0, 1)
            self.put(RETURN, asked)
            self.put(LOAD, NUMBER_AT)
        for name in names:
            if name in here:
                self.put(EQUAL, here[name], 0, 1)
                self.put(RETURN, listed)
        self.put(RETURN, otherwise)

    def put(self, code, value, equal=0, otherwise=0):
        self.code += struct.pack("HBBI", code, equal, otherwise, value)


def needs_no_filter():
    """For what a program does only where nobody has filtered it before."""
    with open("/proc/self/status", encoding="ascii") as lines:
        if not any(re.fullmatch(r"Seccomp:\s+0\n", line) for line in lines):
            raise Skip("this machine filters the calls of all programs")


def without(*names):
    """@system-service but for these."""
    return [name for name in SYSTEM_SERVICE if name not in names]


def of_systemd():
    """@system-service of the systemd that is installed here."""
    try:
        run = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"],
                             capture_output=True, text=True)
    except FileNotFoundError:
        raise Skip("systemd-analyze is not installed")
    sets = {}
    for line in re.sub(r"\x1b\[[0-9;]*m", "", run.stdout).splitlines():
        if line.startswith("@"):
            members = sets[line.strip()] = []
        elif re.fullmatch(r" +@?[a-z][\w-]*", line):
            members.append(line.strip())
    if "@system-service" not in sets:
        raise Skip(f"systemd-analyze: {run.stderr.strip()}")
    return expand(sets, "@system-service")


def expand(sets, name):
    if not name.startswith("@"):
        return [name]
    return [call for member in sets[name] for call in expand(sets, member)]
