"""Tries the walls from inside: at every start, and for ``manage.py doctor``.

Only things that do nothing if they succeed. A sandbox in which one of them succeeds does not start.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import socket
from collections.abc import Callable
from typing import Final

from workers.sandbox import walls

_BUDGET: Final = walls.Budget(memory_bytes=256 * 1024 * 1024, cpu_seconds=10)
_TOO_MUCH: Final = 1024 * 1024 * 1024


def _refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, MemoryError):
        return True
    return False


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _socket(family: socket.AddressFamily) -> Callable[[], object]:
    def attempt() -> None:
        socket.socket(family).close()

    return attempt


def _write() -> None:
    """Lengthens the file that is open for writing as number 4."""
    os.write(4, b"x")


_ATTEMPTS: Final[dict[str, Callable[[], object]]] = {
    "open a file": lambda: os.open("/proc/self/status", os.O_RDONLY),
    "write a file": _write,
    "list a folder": lambda: os.listdir("/"),  # noqa: PTH208 - the bare call is what is tried
    "socket inet": _socket(socket.AF_INET),
    "socket inet6": _socket(socket.AF_INET6),
    "socket unix": _socket(socket.AF_UNIX),
    "socket netlink": _socket(socket.AF_NETLINK),
    "socket pair": socket.socketpair,
    "start a process": _fork,
    "run a program": lambda: os.execv("/proc/self/exe", ["x", "-c", ""]),  # noqa: S606 - refused
    "signal another process": lambda: os.kill(os.getppid(), 0),
    "executable memory": lambda: mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "more memory than allowed": lambda: mmap.mmap(-1, _TOO_MUCH),
    "regain root": lambda: os.setuid(0),
}


def _trial(report_fd: int, jail_fd: int | None) -> None:
    """Walls this process in and reports, for each attempt, whether it was refused.

    The pipe's ends are still open here, so `scratch` cannot have the number 3 or 4.
    """
    scratch = os.memfd_create("scratch")
    os.dup2(report_fd, 3)
    os.dup2(scratch, 4)
    if jail_fd is not None:
        os.dup2(jail_fd, 5)
    os.closerange(5 if jail_fd is None else 6, 1024)
    walls.enclose(_BUDGET, empty_directory=None if jail_fd is None else 5)
    held = {name: _refused(attempt) for name, attempt in _ATTEMPTS.items()}
    held["empty environment"] = not os.environ
    os.write(3, json.dumps([held, os.getuid()]).encode())


def try_walls(*, jail_fd: int | None) -> tuple[dict[str, bool], int | None]:
    """For each wall whether it held, and the child's user id; empty if it could not be walled.

    `jail_fd` is the open directory that children are jailed in, where they are.
    """
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            # SIGXFSZ would end the trial; the write then answers EFBIG.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            _trial(write_end, jail_fd)
        os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as report:  # noqa: PTH123 - a pipe
        answer = report.read()
    os.waitpid(pid, 0)
    if not answer:
        return {}, None
    held, uid = json.loads(answer)
    return held, uid
