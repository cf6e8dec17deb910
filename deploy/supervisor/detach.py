"""--detach: the supervisor in the background, its first words still in the foreground."""

from __future__ import annotations

import os
import signal
import sys

from deploy.paths import Paths
from deploy.supervisor.errors import StartError
from deploy.supervisor.options import Options
from deploy.supervisor.up import up

_READY = b"ready"


def run_detached(options: Options) -> int:
    """Exit status once the background supervisor is ready (0) or has given up (its status).

    The child writes to this terminal until it is ready, and to ``log/supervisor.log`` from then on.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os._exit(_background(options, writing))
    os.close(writing)
    return _await_ready(pid, reading)


def _background(options: Options, writing: int) -> int:
    os.setsid()

    def when_ready() -> None:
        _redirect(Paths(options.data))
        os.write(writing, _READY)
        os.close(writing)

    try:
        return up(options, when_ready=when_ready)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _redirect(paths: Paths) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(paths.log / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(nothing)


def _await_ready(pid: int, reading: int) -> int:
    """Wait for the child's word; Ctrl-C here stops it in order."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os.kill(pid, signal.SIGTERM))
    if os.read(reading, len(_READY)) == _READY:
        return 0
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)
