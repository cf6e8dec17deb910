"""Starting child processes that never outlive whoever started them, and stopping them."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Account:
    """A user and group id that a child runs under."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Launch:
    """How to start one child."""

    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals | None = signal.SIGTERM
    """What the kernel sends the child when its parent dies; None lets it live on."""


def no_core_dumps() -> None:
    """This process and its children leave no image of their memory behind when they crash.

    One byte, not none: core(5) says that a limit of 0 does not hold where ``core_pattern`` is a
    program, while the kernel leaves that program alone at a limit of 1.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))


def spawn(launch: Launch) -> subprocess.Popen[bytes]:
    """The running child: leader of its own session, output appended to its log, no other open file.

    Call it from a thread that lives as long as the child may: the kernel sends ``orphan_signal``
    when the *thread* that forked ends (prctl(2), PR_SET_PDEATHSIG).
    """
    account = launch.account
    log = os.open(launch.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        return subprocess.Popen(
            list(launch.argv),
            env={**os.environ, **launch.env},
            cwd=launch.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            umask=0o077,
            preexec_fn=_die_with_parent(launch.orphan_signal),  # noqa: PLW1509 - one system call, and whoever spawns has a single thread
        )
    finally:
        os.close(log)


def _die_with_parent(orphan_signal: signal.Signals | None) -> Callable[[], None] | None:
    """What the child calls before exec; after its change of user, which would clear the setting."""
    if orphan_signal is None:
        return None
    parent = os.getpid()

    def arm() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(orphan_signal))
        if os.getppid() != parent:  # the parent died before the setting took hold
            os._exit(1)

    return arm


def stop(
    process: subprocess.Popen[bytes], *, stop_signal: signal.Signals, grace_seconds: float
) -> int:
    """The exit status of ``process`` after asking it to end, then killing its whole session."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(timeout=grace_seconds)
        except subprocess.TimeoutExpired:
            kill_session(process.pid)
    kill_session(process.pid)
    return process.wait()


def kill_session(leader: int) -> None:
    """Kill what is left of the process group that ``leader`` led."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def is_running(pid: int, *, argv_contains: str) -> bool:
    """Whether ``pid`` lives and has ``argv_contains`` in its command line (pids are reused)."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z" and os.fsencode(argv_contains) in command


def wait_until(ready: Callable[[], bool], *, seconds: float, step_seconds: float = 0.05) -> bool:
    """Whether ``ready()`` became true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(step_seconds)
    return ready()
