"""What ``deploy/bundle`` writes and ``deploy/up --offline`` reads: its form, and its checks.

A folder with ``wheels/`` (every package of requirements.lock), ``models/`` (encoder bundles),
``source/`` (this clone's commit), ``bundle.json`` and ``SHA256SUMS``. The last is in the form of
coreutils, so that any machine can check it: ``sha256sum --check SHA256SUMS``.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

FORMAT = 1
SUMS = "SHA256SUMS"
ABOUT = "bundle.json"
_DIGITS = 64


class BundleRefusal(RuntimeError):
    """A folder that must not be installed from; the message is one sentence with the mend."""


@dataclass(frozen=True)
class About:
    """Which machines a bundle is for, and which lock its wheels were collected from."""

    python: str
    architecture: str
    lock_sha256: str
    commit: str
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write ``bundle.json``."""
        (folder / ABOUT).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def about_here(lock: Path, *, commit: str) -> About:
    """What a bundle made by this Python, on this machine, from ``lock`` says of itself."""
    return About(
        python=f"{sys.version_info[0]}.{sys.version_info[1]}",
        architecture=platform.machine(),
        lock_sha256=_sha256(lock),
        commit=commit,
    )


def sums_write(folder: Path) -> str:
    """Write ``SHA256SUMS`` over every other file; its own SHA-256, to be read out or signed."""
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in sorted(_files(folder))]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
    return _sha256(folder / SUMS)


def check(folder: Path, *, lock: Path) -> About:
    """What the bundle says of itself, once every file of it is what ``SHA256SUMS`` says.

    Raises:
        BundleRefusal: it is no bundle, for another Python, machine or release, or a file of it is
            missing, changed, added or a link.
    """
    if not (folder / SUMS).is_file() or not (folder / ABOUT).is_file():
        raise BundleRefusal(
            f"{folder} is no bundle: it lacks {SUMS} or {ABOUT}; make one with deploy/bundle."
        )
    about = _about_read(folder)
    _check_fit(about, lock)
    listed = _sums_read(folder)
    found = set(_files(folder))
    if found != set(listed):
        odd = min(found ^ set(listed))
        what = "was added to" if odd in found else "is missing from"
        raise BundleRefusal(f"{odd} {what} the bundle {folder}: copy it again.")
    for name, digest in listed.items():
        if _sha256(folder / name) != digest:
            raise BundleRefusal(f"{name} is not what {SUMS} says: copy the bundle again.")
    return about


def models_in(folder: Path) -> list[Path]:
    """The encoder bundles that came along, by name."""
    return sorted(path.parent for path in (folder / "models").glob("*/manifest.json"))


def _about_read(folder: Path) -> About:
    try:
        data = json.loads((folder / ABOUT).read_bytes())
        about = About(**data)
    except (OSError, ValueError, TypeError):
        raise BundleRefusal(f"{folder / ABOUT} cannot be read: make the bundle again.") from None
    if about.format != FORMAT:
        raise BundleRefusal(f"The bundle has format {about.format}, this release reads {FORMAT}.")
    return about


def _check_fit(about: About, lock: Path) -> None:
    here = about_here(lock, commit="")
    if about.python != here.python:
        raise BundleRefusal(
            f"The bundle is for Python {about.python} and this is {here.python}: name that one "
            f"with PYTHON=/path/to/python{about.python}, or make the bundle with {here.python}."
        )
    if about.architecture != here.architecture:
        raise BundleRefusal(
            f"The bundle is for {about.architecture} and this machine is {here.architecture}."
        )
    if about.lock_sha256 != here.lock_sha256:
        raise BundleRefusal(
            "The bundle was made for another release of Vitrine: unpack the source that came in "
            "its folder source/, or make the bundle again from this clone."
        )


def _sums_read(folder: Path) -> dict[str, str]:
    listed: dict[str, str] = {}
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        parts = PurePosixPath(name).parts
        if len(digest) != _DIGITS or not parts or parts[0] == "/" or ".." in parts:
            raise BundleRefusal(f"{SUMS} is malformed: copy the bundle again.")
        listed[name] = digest
    return listed


def _files(folder: Path) -> list[str]:
    """Every file but ``SHA256SUMS``, relative to ``folder``.

    Raises:
        BundleRefusal: there is a link, which could lead out of the bundle.
    """
    names = []
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise BundleRefusal(f"{path} is a link: a bundle holds plain files only.")
        if path.is_file() and path != folder / SUMS:
            names.append(path.relative_to(folder).as_posix())
    return names


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
