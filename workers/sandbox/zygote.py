"""The process that has every decoder loaded and forks one child for each job.

Started by `client.Sandbox` as a fresh interpreter without environment. It never looks at content:
it takes a job and its open files over a socket, forks, watches the clock, and reports how the child
ended. It stays single-threaded, since a fork of a process with threads can deadlock.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib.util
import os
import selectors
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workers.sandbox import child, walls
from workers.sandbox.jobs import MAX_MESSAGE, Hello, Job, Outcome

_FIRST_FD: Final = 32
"""The zygote's files lie from here on, so that a child's fixed numbers are free."""
_FILES_PER_JOB: Final = 3
_PAGE_KILOBYTES: Final = 1024
_WATCH_SECONDS: Final = 3600.0


def _moved(fd: int) -> int:
    """A copy of `fd` above the children's fixed numbers, closed on exec; the original is closed."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_FD)
    os.close(fd)
    return moved


def _empty_directory() -> int | None:
    """An open directory that no longer exists, to jail children in when root; None otherwise."""
    if os.getuid() != 0:
        return None
    path = tempfile.mkdtemp(prefix="vitrine-jail-")
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    os.rmdir(path)  # noqa: PTH106 - one call beside its open
    return _moved(fd)


@dataclass(slots=True)
class _Child:
    """A running child and where to report its end."""

    status_fd: int
    deadline: float
    timed_out: bool = False


class Zygote:
    """Forks children for the jobs that come over `control`."""

    def __init__(
        self,
        control: socket.socket,
        operations: Mapping[str, child.Operation],
        *,
        jail_fd: int | None,
    ) -> None:
        self._control = control
        self._operations = operations
        self._children: dict[int, _Child] = {}
        self._jail = jail_fd
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake, self._waker = _moved(wake_read), _moved(wake_write)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def serve(self) -> None:
        """Serves until the parent closes its end, then kills what still runs."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select(self._next_deadline()):
                    if key.fileobj is self._control and not self._accept():
                        self._kill_all()
                        return
                self._reap()
                self._kill_overdue()

    def _next_deadline(self) -> float:
        now = time.monotonic()
        waits = [c.deadline - now for c in self._children.values() if not c.timed_out]
        return max(0.0, min(waits, default=_WATCH_SECONDS))

    def _accept(self) -> bool:
        """Takes one job and forks its child; False when the parent is gone."""
        message, files, _, _ = socket.recv_fds(self._control, MAX_MESSAGE, _FILES_PER_JOB)
        if not message:
            return False
        input_fd, output_fd, status_fd = (_moved(fd) for fd in files)
        job = Job.decode(message)
        pid = os.fork()
        if pid == 0:
            operation = self._operations[job.operation]
            child.run(job, operation, input_fd=input_fd, output_fd=output_fd, jail_fd=self._jail)
        os.close(input_fd)
        os.close(output_fd)
        self._children[pid] = _Child(status_fd, time.monotonic() + job.wall_seconds)
        return True

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake, 4096):
                pass
        while self._children:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            ended = self._children.pop(pid)
            outcome = Outcome(
                status=os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1,
                signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
                timed_out=ended.timed_out,
                peak_bytes=usage.ru_maxrss * _PAGE_KILOBYTES,
            )
            with contextlib.suppress(OSError):  # The parent may have given the job up.
                os.write(ended.status_fd, outcome.encode())
            os.close(ended.status_fd)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for pid, running in self._children.items():
            if now >= running.deadline and not running.timed_out:
                running.timed_out = True
                os.kill(pid, signal.SIGKILL)

    def _kill_all(self) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        while self._children:
            self._children.pop(os.wait4(-1, 0)[0], None)


def _load_extra(path: str) -> Mapping[str, child.Operation]:
    """`OPERATIONS` of a module outside the product: how tests put misbehaving decoders inside."""
    spec = importlib.util.spec_from_file_location("extra_operations", Path(path))
    if spec is None or spec.loader is None:
        raise ImportError("extra operations cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    operations: Mapping[str, child.Operation] = module.OPERATIONS
    return operations


def _greet(extra: str, jail_fd: int | None) -> tuple[Hello, Mapping[str, child.Operation]]:
    from workers.sandbox import proofs

    unsupported = walls.supported()
    if unsupported is not None:
        return Hello(os.getpid(), None, {}, {}, failure=unsupported), {}
    # Here and not above, so that an unsupported machine gets its sentence without them.
    from workers.sandbox.operations import COMPONENTS, OPERATIONS, warm_up

    warm_up()
    operations = {**OPERATIONS, **(_load_extra(extra) if extra else {})}
    held, uid = proofs.try_walls(jail_fd=jail_fd)
    failure = None
    if not held or not all(held.values()):
        broken = ", ".join(name for name, holds in held.items() if not holds) or "seccomp"
        failure = f"The decoding sandbox cannot be closed on this machine ({broken})."
    return Hello(os.getpid(), uid, held, dict(COMPONENTS), failure=failure), operations


def main(control_fd: int, extra: str) -> None:
    """Entry point of the zygote: `control_fd` is its end of the socket pair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # SOCK_SEQPACKET keeps messages whole and their files with them.
    with socket.socket(fileno=_moved(control_fd)) as control:
        if os.getuid() == 0:
            walls.leave_network()
        jail_fd = _empty_directory()
        try:
            hello, operations = _greet(extra, jail_fd)
        except Exception as error:  # noqa: BLE001 - no content has been near; the operator must know
            failure = f"The decoding sandbox did not start: {type(error).__name__}: {error}"
            hello, operations = Hello(os.getpid(), None, {}, {}, failure=failure), {}
        control.send(hello.encode())
        if hello.failure is not None:
            return
        if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208 - a count of threads
            sys.exit("the zygote has threads and must not fork")
        gc.collect()
        gc.freeze()
        gc.disable()
        Zygote(control, operations, jail_fd=jail_fd).serve()
