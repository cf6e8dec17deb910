"""Shows how far pip is: packages fetched, then packages written, out of the lock's number."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

_WIDTH = 30
# What pip says of a package from an index, and of one from a folder.
_FETCHED = ("Collecting ", "Processing ")


class Bar:
    """A bar on a terminal; on anything else one line for every tenth."""

    def __init__(self, label: str, total: int, stream: TextIO | None = None) -> None:
        self._label, self._total = label, max(total, 1)
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._last_tenth = -1
        self._started = time.monotonic()

    def show(self, done: int, note: str = "") -> None:
        """Draw the bar at ``done`` of the total."""
        done = min(done, self._total)
        if self._terminal:
            filled = _WIDTH * done // self._total
            bar = "#" * filled + "." * (_WIDTH - filled)
            line = f"\r{self._label} [{bar}] {done}/{self._total} {note[:30]:<30}"
            print(line, end="", file=self._stream, flush=True)
        elif 10 * done // self._total != self._last_tenth:
            self._last_tenth = 10 * done // self._total
            print(f"{self._label}: {done}/{self._total}", file=self._stream, flush=True)

    def close(self) -> None:
        """Leave the bar's line, saying how long it took."""
        seconds = time.monotonic() - self._started
        start = "\n" if self._terminal else ""
        print(f"{start}{self._label}: {seconds:.0f} s", file=self._stream, flush=True)


class PackageProgress:
    """Runs pip and turns what it prints into a bar."""

    def __init__(self, *, label: str, total: int, site_packages: Path) -> None:
        self._label, self._total, self._site_packages = label, total, site_packages

    def follow(self, argv: list[str], *, env: dict[str, str], log: Path) -> int:
        """Pip's exit status; all it says goes to ``log``."""
        with log.open("wb") as file:
            process = subprocess.Popen(argv, env=env, stdout=file, stderr=file)
            try:
                return self._watch(process, log)
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()

    def _watch(self, process: subprocess.Popen[bytes], log: Path) -> int:
        before = self._installed()
        fetching = Bar(f"{self._label}: fetching", self._total)
        writing: Bar | None = None
        while process.poll() is None:
            time.sleep(0.5)
            text = log.read_text(encoding="utf-8", errors="replace")
            if "\nInstalling collected packages" not in text:
                found = [line.split()[1] for line in text.splitlines() if line.startswith(_FETCHED)]
                last = Path(found[-1]).name if found else ""
                fetching.show(len(found) + text.count("Requirement already satisfied: "), last)
            else:
                if writing is None:
                    fetching.close()
                    writing = Bar(f"{self._label}: writing", self._total - before)
                writing.show(self._installed() - before)
        (writing or fetching).close()
        return process.returncode

    def _installed(self) -> int:
        return sum(1 for _ in self._site_packages.glob("*.dist-info"))
