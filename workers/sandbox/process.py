"""The parent's side of one zygote: starting it, handing it jobs, ending it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from workers.sandbox.errors import SandboxUnavailable
from workers.sandbox.jobs import MAX_MESSAGE, Hello, Job

_START_SECONDS: Final = 180.0
"""It takes one second; a machine that does everything else at once may need far longer."""
_STOP_SECONDS: Final = 5.0
_ROOT: Final = Path(__file__).resolve().parents[2]
_BOOTSTRAP: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from workers.sandbox.zygote import main; main(int(sys.argv[2]), sys.argv[3])"
)
_ENVIRONMENT: Final = {
    "LANG": "C.UTF-8",
    # Libraries must not start threads of their own: the zygote forks.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # Every further arena takes 64 MB of a child's address space.
    "MALLOC_ARENA_MAX": "2",
}


class ZygoteProcess:
    """A running zygote. Its interpreter is fresh: no environment, no files, no modules of ours."""

    def __init__(self, extra_operations: Path | None = None) -> None:
        """Starts it and waits until it has proved its walls.

        Raises:
            SandboxUnavailable: it did not start, or a wall does not hold on this machine.
        """
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            extra = str(extra_operations) if extra_operations else ""
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOTSTRAP, str(_ROOT), str(theirs.fileno()), extra],
                env=_ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                # Decoders print what they find in files; nobody may keep that.
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self.hello = self._greeting()

    def _greeting(self) -> Hello:
        ready, _, _ = select.select([self._control], [], [], _START_SECONDS)
        message = self._control.recv(MAX_MESSAGE) if ready else b""
        if not message:
            self.close()
            raise SandboxUnavailable("The decoding sandbox did not start.")
        hello = Hello.decode(message)
        if hello.failure is not None:
            self.close()
            raise SandboxUnavailable(hello.failure)
        return hello

    @property
    def alive(self) -> bool:
        """Whether the zygote still runs."""
        return self._process.poll() is None

    def submit(self, job: Job, *, input_fd: int, output_fd: int, status_fd: int) -> None:
        """Hands a job over; its files are duplicated on the way.

        Raises:
            OSError: the zygote is gone.
        """
        socket.send_fds(self._control, [job.encode()], [input_fd, output_fd, status_fd])

    def close(self) -> None:
        """Ends the zygote and every child of it."""
        self._control.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def closed_on_exit(stack: contextlib.ExitStack, fd: int) -> int:
    """`fd`, closed when `stack` is left."""
    stack.callback(os.close, fd)
    return fd
