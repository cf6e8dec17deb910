"""The virtual environment: made once, stamped, and left alone while its locks stay the same."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.setup.progress import PackageProgress

_FORMAT = 1
# Packages of which a file is wanted and nothing that they ask for; the list says why.
ALONE = "requirements-alone.lock"
PIP_FLAGS = (
    "--disable-pip-version-check",
    "--no-input",
    "--no-warn-script-location",
    "--no-compile",  # bytecode is made on first import: only for what is used, and at once
    "--progress-bar=off",
    "--retries=5",
    "--timeout=60",
)


class SetupError(RuntimeError):
    """The environment cannot be made; the message is one sentence with the mend."""


@dataclass(frozen=True)
class Environment:
    """The virtual environment beside ``deploy/`` and the locks it is made from."""

    root: Path
    with_dev: bool = False

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def locks(self) -> list[Path]:
        """The lock files to install, runtime first."""
        names = ["requirements.lock", ALONE, *(["requirements-dev.lock"] if self.with_dev else [])]
        return [self.root / "deploy" / name for name in names]

    def complete(self) -> bool:
        """Whether every lock is installed already, by this Python version, at this path."""
        stamp = self._stamp()
        return self.python.exists() and all(
            stamp.get(lock.name) == self._mark(lock) for lock in self.locks
        )

    def started(self) -> bool:
        """Whether an environment of this Python and path exists, complete or not."""
        try:
            config = (self.folder / "pyvenv.cfg").read_text(encoding="utf-8")
        except OSError:
            return False
        usable = self.python.exists() and str(self.folder) in config
        return usable and _minor_of(config) == sys.version_info[:2]

    def ensure(self, *, offline: Path | None = None) -> None:
        """Make or finish it, with progress on standard error.

        Raises:
            SetupError: pip or venv failed.
        """
        if not self.started():
            shutil.rmtree(self.folder, ignore_errors=True)
            self._create()
        for lock in self.locks:
            if self._stamp().get(lock.name) != self._mark(lock):
                self._install(lock, offline)
                self._write_stamp(lock)

    def _create(self) -> None:
        print("Making the virtual environment", file=sys.stderr, flush=True)
        done = subprocess.run(
            [_base_python(), "-m", "venv", str(self.folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
            raise SetupError(f"The virtual environment could not be made: {reason[0]}")

    def _install(self, lock: Path, offline: Path | None) -> None:
        _drop_half_installed(self.folder)
        scratch = self.folder / "pip-scratch"  # wheels unpack here, not in a small /tmp
        scratch.mkdir(exist_ok=True)
        progress = PackageProgress(
            label=f"Installing {lock.name}",
            total=sum(1 for line in lock.read_text().splitlines() if "==" in line),
            site_packages=site_packages(self.folder),
        )
        log = self.folder / "pip.log"
        try:
            status = progress.follow(
                [
                    *(str(self.python), "-m", "pip", "install", *PIP_FLAGS, *_source(offline)),
                    *("-r", str(lock), "-c", str(self.locks[0])),
                    *(["--no-deps"] if lock.name == ALONE else []),
                ],
                env={**os.environ, "TMPDIR": str(scratch)},
                log=log,
            )
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if status != 0:
            raise SetupError(_pip_failure(log, offline))

    def _stamp(self) -> dict[str, str]:
        try:
            stamp = json.loads((self.folder / "vitrine.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) else {}

    def _write_stamp(self, lock: Path) -> None:
        stamp = {**self._stamp(), lock.name: self._mark(lock)}
        temporary = self.folder / "vitrine.json.partial"
        temporary.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
        temporary.replace(self.folder / "vitrine.json")

    def _mark(self, lock: Path) -> str:
        """What must be unchanged for ``lock`` to count as installed."""
        version = platform.python_version_tuple()[:2]
        about = f"{_FORMAT} {version} {self.folder}\n".encode()
        return hashlib.sha256(about + lock.read_bytes()).hexdigest()


def _base_python() -> str:
    """The Python outside any environment: ours may be the very one that is made anew."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def site_packages(folder: Path) -> Path:
    """Where ``folder``'s packages lie."""
    major, minor = sys.version_info[:2]
    return folder / "lib" / f"python{major}.{minor}" / "site-packages"


def _minor_of(config: str) -> tuple[int, int] | None:
    for line in config.splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "version":
            major, minor = value.strip().split(".")[:2]
            return int(major), int(minor)
    return None


def _source(offline: Path | None) -> list[str]:
    if offline is None:
        return []
    return ["--isolated", "--no-index", "--find-links", str(offline / "wheels")]


def _drop_half_installed(folder: Path) -> None:
    """Forget packages whose installation was cut short, so that pip installs them again.

    pip writes INSTALLER and RECORD last (PEP 376, PEP 627); METADATA comes with the first files and
    is all that it looks at when it asks what is there.
    """
    for info in site_packages(folder).glob("*.dist-info"):
        if not (info / "RECORD").exists() or not (info / "INSTALLER").exists():
            shutil.rmtree(info, ignore_errors=True)


def _pip_failure(log: Path, offline: Path | None) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    if "No space left on device" in text:
        return "The disk is full: make room and start again, what is installed is kept."
    if offline is not None and "No matching distribution" in text:
        return (
            f"The bundle lacks a package (see {log}): make it again with the same Python version."
        )
    if "Failed to establish a new connection" in text or "Temporary failure in name" in text:
        return (
            f"The package index cannot be reached (see {log}): check the network, or use --offline."
        )
    return f"pip could not install the libraries: see {log}, then start again, it resumes."
