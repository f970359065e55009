# SPDX-License-Identifier: ISC
"""The system calls the program makes, and how each can fail.

A call that a run makes and that is not named here fails the test: the table
stays complete.
"""

# What one call can give; a word "=N" is no error: the call returns N, undone.
ERRORS = {
    "arch_prctl": "EPERM",
    "set_tid_address": "",
    "rt_sigaction": "EINVAL EFAULT",
    "chdir": "ENOENT EACCES ENOTDIR ELOOP EIO ENOMEM",
    "open": "EACCES EMFILE ENFILE ELOOP EIO ENOMEM EINTR ENOENT",
    "openat": "EACCES EMFILE ENFILE ELOOP EIO ENOMEM EINTR ENOENT ENXIO",
    "fstat": "EIO EOVERFLOW ENOMEM EBADF ENOSYS",
    "newfstatat": "EIO EOVERFLOW ENOMEM EBADF ENOSYS",
    "getdents64": "EIO ENOENT EINTR ENOTDIR =0",
    "lseek": "ESPIPE EINVAL EOVERFLOW EIO",
    "read": "EIO EINTR EISDIR EAGAIN ECONNRESET ETIMEDOUT ENOMEM =0",
    "write": "ENOSPC EPIPE EIO EINTR EAGAIN ECONNRESET ENOBUFS EFBIG =0",
    "close": "EIO EINTR",
    "fcntl": "EBADF EINVAL",
    "flock": "EAGAIN EINTR ENOLCK",
    "poll": "EINTR ENOMEM EINVAL =0",
    "socket": "EMFILE ENFILE ENOBUFS ENOMEM EAFNOSUPPORT EPERM",
    "connect": "ECONNREFUSED ENETUNREACH EHOSTUNREACH ETIMEDOUT EADDRNOTAVAIL "
               "EPERM EINTR EAGAIN ENOBUFS",
    "bind": "EADDRNOTAVAIL EADDRINUSE EINVAL EACCES EPERM ENOMEM",
    "setsockopt": "ENOPROTOOPT ENOBUFS EPERM",
    "getsockopt": "ENOBUFS ENOPROTOOPT",
    "getrandom": "ENOSYS EAGAIN EINTR =0",
    "getpid": "",
    "prctl": "ENOSYS EPERM EINVAL EACCES",
    "prlimit64": "ENOSYS EPERM EINVAL",
    "landlock_create_ruleset": "ENOSYS EOPNOTSUPP EPERM EINVAL EMFILE",
    "landlock_add_rule": "ENOSYS EINVAL EPERM EBADFD",
    "landlock_restrict_self": "ENOSYS EPERM E2BIG",
}
# Not failed: the first one is not the program's, the last has no failure.
EXEMPT = ("execve", "exit_group")
# Whatever these return, the message is delivered.
HARMLESS = ("setsockopt prctl prlimit64 landlock_create_ruleset landlock_add_rule "
            "landlock_restrict_self flock close fcntl rt_sigaction").split()
# Interrupted once, these are asked again.
REPEATED = "read write open openat poll getrandom".split()


class Fault:
    """One way to fail: the number-th such call, alone or from there on."""

    def __init__(self, call, error, number, ever):
        self.call, self.error, self.number, self.ever = call, error, number, ever

    def __str__(self):
        return f"{self.call}:{self.error}:{self.number}{'+' * self.ever}"

    @classmethod
    def parse(cls, text):
        call, error, number = text.split(":")
        return cls(call, error, int(number.rstrip("+")), number.endswith("+"))

    def strace(self):
        what = f"retval={self.error[1:]}" if self.error[0] == "=" else f"error={self.error}"
        return f"inject={self.call}:{what}:when={self.number}{'+' * self.ever}"

    def must_deliver(self):
        if self.call in HARMLESS:
            return True
        return self.error == "EINTR" and not self.ever and self.call in REPEATED


def plan(counts):
    """Every fault for a run that made so many of each call."""
    unknown = sorted(counts.keys() - ERRORS.keys() - set(EXEMPT))
    assert not unknown, f"calls without a list of errors: {' '.join(unknown)}"
    return [
        Fault(call, error, number, ever)
        for call in sorted(counts.keys() & ERRORS.keys())
        for error in ERRORS[call].split()
        for number in range(1, counts[call] + 1)
        for ever in (False, True)
    ]
