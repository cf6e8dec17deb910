"""What anybody on the machine may see of our processes: command lines, and environments."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from audit.canary.base import Controls, Look

_PROC = Path("/proc")
_WAIT = "import sys; sys.stdin.read()"  # until its input is closed


class Processes:
    """Command line and environment of every process that works for one data folder."""

    name = "process tables"
    permitted = False

    def __init__(self, data: Path) -> None:
        self._mark = f"VITRINE_DATA={data}".encode()
        self._data = os.fsencode(data)
        self._child: subprocess.Popen[bytes] | None = None

    def plant(self, controls: Controls) -> None:
        """A process of ours with a control in either."""
        told = controls.new("plain", where="command line")
        held = controls.new("plain", where="environment")
        name, _, value = self._mark.decode(errors="surrogateescape").partition("=")
        self._child = subprocess.Popen(
            [sys.executable, "-c", _WAIT, told],
            env={name: value, "VITRINE_CANARY": held},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def search(self, look: Look) -> None:
        """Process by process; the search's own holds no token in either."""
        closed = 0
        for pid in sorted(int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()):
            try:
                command = (_PROC / str(pid) / "cmdline").read_bytes()
                environment = (_PROC / str(pid) / "environ").read_bytes()
            except PermissionError:
                closed += self._data in command
                continue
            except OSError:
                continue
            if self._mark not in environment.split(b"\0") and self._data not in command:
                continue
            look.through(f"command line of {pid}", self._parts(command))
            look.through(f"environment of {pid}", self._parts(environment))
        if closed:
            look.note(f"{closed} environments may not be read")

    def clean(self) -> None:
        """The planted process has ended."""
        if self._child is not None:
            self._child.communicate()
            self._child = None

    @staticmethod
    def _parts(content: bytes) -> Iterator[bytes]:
        yield content.replace(b"\0", b"\n")
