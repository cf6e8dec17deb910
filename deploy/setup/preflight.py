"""Whether this machine can carry the appliance, asked before anything is touched."""

from __future__ import annotations

import os
import platform
import pwd
import sys
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30
SUPPORTED = ((3, 11), (3, 12))
# torch's wheels are tagged manylinux_2_28 (PEP 600): glibc 2.28 or newer.
GLIBC = (2, 28)
MEMORY_BYTES = 3 * GIB
DATA_BYTES = 2 * GIB
# Modules that a Python built without its headers, or cut down by a distribution, lacks.
MODULES = ("venv", "ensurepip", "ssl", "ctypes", "zlib", "bz2", "lzma", "sqlite3")
_MEND_MODULE = {
    "venv": "install your system's python3-venv package",
    "ensurepip": "install your system's python3-venv package",
}


@dataclass(frozen=True)
class Machine:
    """What preflight looks at. Sizes in bytes; ``glibc`` is None on another C library."""

    system: str
    architecture: str
    python: tuple[int, int]
    implementation: str
    glibc: tuple[int, int] | None
    missing_modules: tuple[str, ...]
    has_account_name: bool
    memory: int
    environment_disk_free: int
    data_disk_free: int


def look(*, root: Path, data: Path) -> Machine:
    """This machine, as the Python that runs this sees it."""
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        python=sys.version_info[:2],
        implementation=sys.implementation.name,
        glibc=_glibc(),
        missing_modules=tuple(name for name in MODULES if not _importable(name)),
        has_account_name=_has_account_name(),
        memory=memory_bytes(),
        environment_disk_free=_free(root),
        data_disk_free=_free(data),
    )


def refusals(machine: Machine, *, environment_bytes: int, first_start: bool) -> list[str]:
    """One sentence, with its mend, for each thing that falls short; empty when all is well.

    ``environment_bytes`` is what the virtual environment still needs (0 once it is complete).
    """
    found = []
    if machine.system != "Linux" or machine.architecture not in {"x86_64", "AMD64"}:
        found.append(
            f"Vitrine runs on x86-64 Linux and this is {machine.system} on "
            f"{machine.architecture}: use another machine."
        )
    if machine.python not in SUPPORTED or machine.implementation != "cpython":
        found.append(
            f"Vitrine needs CPython 3.11 or 3.12 and this is {machine.implementation} "
            f"{machine.python[0]}.{machine.python[1]}: install one, or name it with "
            "PYTHON=/path/to/python3.11 deploy/up."
        )
    if machine.system == "Linux" and (machine.glibc is None or machine.glibc < GLIBC):
        found.append(
            "Vitrine's libraries need glibc 2.28 or newer, which this system (musl, or too old) "
            "lacks: use a current Debian, Ubuntu, Fedora, RHEL or SUSE."
        )
    for name in machine.missing_modules:
        mend = _MEND_MODULE.get(name, "use a Python with its whole standard library")
        found.append(f"This Python lacks the module {name}: {mend}.")
    if not machine.has_account_name:
        found.append(
            "The user you run as has no entry in /etc/passwd, which the database's set-up needs: "
            "run as a named user, or as root."
        )
    if machine.memory < MEMORY_BYTES:
        found.append(
            f"Vitrine needs {_gib(MEMORY_BYTES)} of memory and this machine (or container) gives "
            f"{_gib(machine.memory)}: give it more."
        )
    if machine.environment_disk_free < environment_bytes:
        found.append(
            f"The libraries need {_gib(environment_bytes)} of disk beside deploy/ and "
            f"{_gib(machine.environment_disk_free)} are free: make room or clone elsewhere."
        )
    if first_start and machine.data_disk_free < DATA_BYTES:
        found.append(
            f"The data folder needs {_gib(DATA_BYTES)} of disk to begin with and "
            f"{_gib(machine.data_disk_free)} are free: make room or name another with --data."
        )
    return found


def memory_bytes() -> int:
    """Physical memory, or the control group's limit where that is lower."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(limit).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total


def _glibc() -> tuple[int, int] | None:
    try:
        name, _, version = os.confstr("CS_GNU_LIBC_VERSION").partition(" ")  # type: ignore[union-attr]  # None is caught below
        major, minor = version.split(".")[:2]
        return (int(major), int(minor)) if name == "glibc" else None
    except (AttributeError, ValueError, OSError):
        return None


def _importable(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def _has_account_name() -> bool:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def _free(folder: Path) -> int:
    """Bytes an ordinary user may still write where ``folder`` is or will be."""
    while not folder.exists():
        folder = folder.parent
    status = os.statvfs(folder)
    return status.f_frsize * status.f_bavail


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GB"
