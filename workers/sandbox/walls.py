"""Puts the calling process behind the walls: limits, no privileges, no files, no system calls.

Runs in a freshly forked child, before it looks at a single byte of what it is to decode. Every step
that fails raises OSError: the child then exits and the job fails closed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
from dataclasses import dataclass
from typing import Final

from workers.sandbox.syscalls import decoder_filter

NOBODY: Final = 65534
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_MODE_FILTER: Final = 2
_SIGKILL: Final = 9
_CAPABILITY_VERSION_3: Final = 0x20080522
_CLONE_NEWIPC: Final = 0x08000000
_CLONE_NEWNET: Final = 0x40000000
_MAX_OPEN_FILES: Final = 16

# Loaded by the import, in the zygote: a walled process can open no library.
_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


@dataclass(frozen=True, slots=True)
class Budget:
    """What the child may use. `memory_bytes` is on top of the address space it starts with."""

    memory_bytes: int
    cpu_seconds: int


def supported() -> str | None:
    """None where the walls can be built, otherwise one sentence saying why not."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return "The decoding sandbox needs Linux on x86-64."
    return None


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _prctl(option: int, value: int | ctypes.c_void_p, what: str) -> None:
    _check(_libc.prctl(option, value, 0, 0, 0), what)


def leave_network() -> bool:
    """Moves the process into a network of its own, without any interface, where that is permitted.

    A second wall behind the filter, which refuses sockets anyway.
    """
    return bool(_libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC) == 0)


def die_with_parent() -> None:
    """Has the kernel kill this process when its parent goes."""
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL, "prctl PDEATHSIG")


def address_space() -> int:
    """Bytes of address space this process holds now."""
    with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - a child's time is counted in µs
        return int(statm.read().split()[0]) * resource.getpagesize()


def _set_limits(budget: Budget) -> None:
    space = address_space() + budget.memory_bytes
    for what, soft, hard in (
        (resource.RLIMIT_AS, space, space),
        (resource.RLIMIT_CPU, budget.cpu_seconds, budget.cpu_seconds + 1),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES, _MAX_OPEN_FILES),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
    ):
        old_hard = resource.getrlimit(what)[1]
        if old_hard != resource.RLIM_INFINITY:
            soft, hard = min(soft, old_hard), min(hard, old_hard)  # noqa: PLW2901 - narrowed
        resource.setrlimit(what, (soft, hard))


def _drop_capabilities() -> None:
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(nothing)), "capset")


def _drop_root(empty_directory: int | None) -> None:
    if os.getuid() == 0:
        mapped = _maps_nobody()
        if empty_directory is not None:
            os.fchdir(empty_directory)
            os.chroot(".")
            os.chdir("/")
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        except OSError as error:
            # A user namespace that maps only its root: that root is an ordinary user outside, and
            # loses its capabilities below. Anything else is a failure.
            if error.errno not in (errno.EINVAL, errno.EPERM) or mapped:
                raise
    _drop_capabilities()


def _maps_nobody() -> bool:
    with open("/proc/self/uid_map", encoding="ascii") as uid_map:  # noqa: PTH123 - as above
        for line in uid_map:
            first, _, count = (int(field) for field in line.split())
            if first <= NOBODY < first + count:
                return True
    return False


def _install_filter() -> None:
    instructions = decoder_filter(os.getpid())
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    filter_program = _Program(len(instructions) // 8, ctypes.addressof(buffer))
    result = _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(filter_program), 0, 0)
    _check(result, "seccomp filter")


def enclose(budget: Budget, *, empty_directory: int | None) -> None:
    """Walls the calling process in; there is no way back.

    `empty_directory` is an open directory to be jailed in when running as root. The caller has
    closed every file that is not the job's.

    Raises:
        OSError: a wall could not be built; the process must not go on.
    """
    os.environ.clear()
    _set_limits(budget)
    _drop_root(empty_directory)
    if empty_directory is not None:
        os.close(empty_directory)
    # After the change of user, which clears it.
    die_with_parent()
    _prctl(_PR_SET_DUMPABLE, 0, "prctl DUMPABLE")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, "prctl NO_NEW_PRIVS")
    _install_filter()
