"""Where models that the operator installed lie: a folder each, every file with its hash.

``<data>/models/<shelf>/<name>/``, beside the files a manifest of ours. Nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Sheet:
    """A manifest as it was read; whether the files are still those, the caller compares."""

    hashes: Mapping[str, str]
    digest: str
    """The first twelve hexadecimal digits of the manifest's SHA-256."""
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shelf:
    """The models of one kind. Whatever is wrong is raised as ``error``, in one sentence."""

    folder: str
    manifest: str
    name: re.Pattern[str]
    what: str
    error: type[Exception]

    def check_name(self, name: str) -> None:
        """Raises ``error`` for a name that could be another path, or is no plain word."""
        if not self.name.fullmatch(name):
            raise self.error(f"A {self.what}'s name is small letters, digits, dots and dashes.")

    def put(
        self, files: Mapping[str, Path], *, models: Path, name: str, about: Mapping[str, str]
    ) -> Path:
        """The folder of a model made of copies of ``files``; an older one is replaced."""
        folder = models / self.folder / name
        part = folder.with_name(f".{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        hashes = {}
        for place, source in files.items():
            target = part / place
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(source, target)
            hashes[place] = sha256_of(target)
        sheet = {"format": _FORMAT, "name": name, **about, "files": hashes}
        (part / self.manifest).write_text(json.dumps(sheet, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
        return folder

    def find(self, models: Path, name: str = "") -> Path | None:
        """The folder of the model called ``name``, or of the only one; None where there is none.

        Raises ``error`` where there are several and none is named, or the named one is not there.
        """
        folders = [
            file.parent for file in sorted((models / self.folder).glob(f"*/{self.manifest}"))
        ]
        folders = [folder for folder in folders if self.name.fullmatch(folder.name)]
        if name:
            folders = [folder for folder in folders if folder.name == name]
            if not folders:
                raise self.error(f"The {self.what} that is asked for is not installed.")
        if len(folders) > 1:
            raise self.error(f"Several {self.what}s are installed, and none is named.")
        return folders[0] if folders else None

    def sheet(self, folder: Path) -> Sheet:
        """The manifest in ``folder``. Raises ``error`` where it cannot be read."""
        try:
            text = (folder / self.manifest).read_bytes()
            about = json.loads(text)
            hashes = {str(name): str(value) for name, value in about["files"].items()}
            known = about["format"] == _FORMAT and about["name"] == folder.name
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise self.error(f"The {self.what}'s manifest cannot be read.") from None
        if not known:
            raise self.misfit()
        return Sheet(hashes, hashlib.sha256(text).hexdigest()[:12], about)

    def misfit(self) -> Exception:
        """The error for a manifest that names other files than such a model has."""
        return self.error(f"The {self.what}'s manifest is of another form than expected.")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
