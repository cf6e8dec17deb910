"""The machine: Python, libraries, disk, and who may read the data folder."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from deploy.doctor.finding import Finding
from deploy.embedded.files import PASSABLE_MODE
from deploy.paths import ROOT, Paths
from deploy.setup.preflight import GIB, SUPPORTED

LOCK = ROOT / "deploy" / "requirements.lock"
# Below this the database can no longer promise to write its log for long.
ROOM_BYTES = 1 * GIB
_NAMED_AT_MOST = 5


def look(paths: Paths) -> Iterator[Finding]:
    """Everything about this machine; reads file modes and package metadata."""
    yield _python()
    yield _libraries()
    yield _disk(paths.data)
    for folder in (paths.data, paths.keys, paths.secrets, paths.media, paths.run):
        if folder.is_dir():
            yield _private(folder)


def _python() -> Finding:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    good = sys.version_info[:2] in SUPPORTED
    return Finding("Python", here, "" if good else "Start with Python 3.11 or 3.12.")


def locked(lines: Iterable[str]) -> dict[str, str]:
    """Versions by package name, of a lock file's lines."""
    pins = (line.split("#")[0].split(";")[0].strip() for line in lines)
    return dict(pin.split("==", 1) for pin in pins if "==" in pin)


def _libraries() -> Finding:
    wanted = locked(LOCK.read_text(encoding="utf-8").splitlines())
    wrong = [name for name, pin in wanted.items() if _installed(name) != pin]
    if not wrong:
        return Finding("libraries", f"{len(wanted)} as locked")
    named = ", ".join(wrong[:_NAMED_AT_MOST]) + (" …" if len(wrong) > _NAMED_AT_MOST else "")
    return Finding(
        "libraries", f"{len(wrong)} not as locked: {named}", "Run deploy/up, which installs them."
    )


def _installed(name: str) -> str | None:
    try:
        # A build for one kind of processor says so behind a plus: torch 2.13.0+cpu.
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return None


def _disk(data: Path) -> Finding:
    free = shutil.disk_usage(data).free
    mend = "" if free >= ROOM_BYTES else "Make room, or move the data folder (--data)."
    return Finding("disk", f"{free / GIB:.1f} GiB free for data", mend)


def _private(folder: Path) -> Finding:
    mode = stat.S_IMODE(folder.stat().st_mode)
    good = not mode & 0o077 or mode == PASSABLE_MODE
    return Finding(
        f"folder {folder.name}",
        f"mode {mode:04o}",
        "" if good else f"Others may read it: chmod 0700 {folder}",
    )
