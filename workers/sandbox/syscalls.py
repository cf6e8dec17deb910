"""The system calls a decoder may make: memory, time, its own threads, and files it was given open.

An allow-list. What is missing answers EPERM: opening anything, sockets of every family, processes,
signals to others, namespaces, keys, io_uring, ptrace, ioctl. Numbers are x86-64's, from
``arch/x86/entry/syscalls/syscall_64.tbl``, which never change.
"""

from __future__ import annotations

import errno
from typing import Final

from workers.sandbox.bpf import Rule, Test, program

_PLAIN: Final = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "munmap": 11, "brk": 12,
    "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "pread64": 17, "readv": 19,
    "writev": 20, "sched_yield": 24, "mremap": 25, "mincore": 27, "madvise": 28, "dup": 32,
    "nanosleep": 35, "getpid": 39, "exit": 60, "uname": 63, "gettimeofday": 96, "getrlimit": 97,
    "getrusage": 98, "sysinfo": 99, "times": 100, "getuid": 102, "getgid": 104, "geteuid": 107,
    "getegid": 108, "sigaltstack": 131, "gettid": 186, "time": 201, "futex": 202,
    "sched_getaffinity": 204, "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229,
    "clock_nanosleep": 230, "exit_group": 231, "ppoll": 271, "set_robust_list": 273,
    "preadv": 295, "getcpu": 309, "getrandom": 318, "rseq": 334,
}  # fmt: skip
"""Allowed whatever their arguments."""

_MMAP, _MPROTECT, _CLONE, _FCNTL, _PRCTL = 9, 10, 56, 72, 157
_TGKILL, _NEWFSTATAT, _PRLIMIT64 = 234, 262, 302

_PROT_EXEC: Final = 0x4
_THREAD_FLAGS: Final = 0x00000100 | 0x00000800 | 0x00010000  # CLONE_VM, CLONE_SIGHAND, CLONE_THREAD
_NAMESPACE_FLAGS: Final = 0x7E020000  # every CLONE_NEW*
_AT_EMPTY_PATH: Final = 0x1000
_FCNTL_COMMANDS: Final = (1, 2, 3, 1030)  # F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC
_PRCTL_OPTIONS: Final = (15, 0x53564D41)  # PR_SET_NAME, PR_SET_VMA: names only
_FIRST_UNKNOWN: Final = 424
"""Calls from Linux 5.1 on (clone3, openat2, io_uring among them) answer ENOSYS."""


def decoder_filter(pid: int) -> bytes:
    """The filter for a decoder whose process id is `pid`, as BPF instructions."""
    rules = [Rule(number) for number in _PLAIN.values()]
    rules += [
        # No page is ever executable that was not before: no code can be brought in.
        Rule(_MMAP, (Test(2, (0,), mask=_PROT_EXEC),)),
        Rule(_MPROTECT, (Test(2, (0,), mask=_PROT_EXEC),)),
        # Threads of this process, and no process of its own.
        Rule(
            _CLONE,
            (
                Test(0, (_THREAD_FLAGS,), mask=_THREAD_FLAGS),
                Test(0, (0,), mask=_NAMESPACE_FLAGS),
            ),
        ),
        Rule(_FCNTL, (Test(1, _FCNTL_COMMANDS),)),
        Rule(_PRCTL, (Test(0, _PRCTL_OPTIONS),)),
        # abort() signals its own process; nobody else's.
        Rule(_TGKILL, (Test(0, (pid,)),)),
        # The C library's fstat(). A path could still be asked for its size, never for its content.
        Rule(_NEWFSTATAT, (Test(3, (_AT_EMPTY_PATH,)),)),
        # Limits may be read, not set: the process itself, and no new limit.
        Rule(_PRLIMIT64, (Test(0, (0,)), Test(2, (0,)), Test(2, (0,), high=True))),
    ]
    return program(
        rules,
        refuse_errno=errno.EPERM,
        unknown_from=_FIRST_UNKNOWN,
        unknown_errno=errno.ENOSYS,
    )
