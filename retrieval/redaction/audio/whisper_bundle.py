"""A transcriber's files on disk: CTranslate2 form of a Whisper model, each with its hash.

A bundle is a folder ``<data>/models/whisper/<name>/`` with ``model.bin``, ``config.json``,
``tokenizer.json``, a vocabulary, perhaps ``preprocessor_config.json``, and our ``manifest.json``
with the SHA-256 of each. There is no code and no pickle in it: CTranslate2's own binary form.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retrieval.redaction.errors import RedactionError
from retrieval.redaction.shelf import Shelf

FOLDER: Final = "whisper"
MANIFEST: Final = "manifest.json"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,47}")
_NEEDED: Final = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")
_FURTHER: Final = ("preprocessor_config.json",)
_MOST_BYTES: Final = 4 * 1024**3


class WhisperBundleError(RedactionError):
    """The folder is no transcriber bundle, or not the one its manifest names; one sentence."""


SHELF: Final = Shelf(FOLDER, MANIFEST, NAME, "transcriber", WhisperBundleError)


@dataclass(frozen=True, slots=True)
class WhisperBundle:
    """A bundle whose files were read and agree with its manifest."""

    name: str
    digest: str
    """The first twelve hexadecimal digits of the manifest's SHA-256."""
    files: dict[str, bytes]


def bundle_install(source: Path, *, models: Path, name: str) -> Path:
    """The folder of a bundle made of ``source``, a model converted by CTranslate2.

    Copies the known files only and writes their hashes. An older one of that name is replaced.

    Raises:
        WhisperBundleError: a file is missing or too large, or the name is not usable.
    """
    SHELF.check_name(name)
    found = [file for file in _files(source) if file.is_file()]
    names = {file.name for file in found}
    missing = [need for need in _NEEDED if need not in names]
    if missing or not names & set(_VOCABULARIES):
        lacks = ", ".join(missing) or "a vocabulary"
        raise WhisperBundleError(
            f"The folder lacks {lacks}; it must hold a Whisper model converted by CTranslate2."
        )
    if sum(file.stat().st_size for file in found) > _MOST_BYTES:
        raise WhisperBundleError("The model has more than the 4 GB that are taken.")
    return SHELF.put({file.name: file for file in found}, models=models, name=name, about={})


def bundle_read(folder: Path) -> WhisperBundle:
    """The bundle's files, in memory, so that what was checked is what is loaded.

    Raises:
        WhisperBundleError: a file is missing, is another one, or is not in the manifest.
    """
    sheet = SHELF.sheet(folder)
    if not set(_NEEDED) <= set(sheet.hashes) or set(sheet.hashes) - _known_names():
        raise SHELF.misfit()
    files = {}
    for name, expected in sheet.hashes.items():
        try:
            files[name] = (folder / name).read_bytes()
        except OSError:
            raise WhisperBundleError(f"The transcriber's {name} cannot be read.") from None
        if hashlib.sha256(files[name]).hexdigest() != expected:
            raise WhisperBundleError(f"The transcriber's {name} is not the one installed.")
    return WhisperBundle(folder.name, sheet.digest, files)


def bundle_folder(models: Path, name: str = "") -> Path | None:
    """The folder of the transcriber called ``name``, or of the only one; None where none is.

    Raises:
        WhisperBundleError: there are several and none is named, or the named one is not there.
    """
    return SHELF.find(models, name)


def _files(source: Path) -> list[Path]:
    return [source / name for name in sorted(_known_names())]


def _known_names() -> set[str]:
    return {*_NEEDED, *_VOCABULARIES, *_FURTHER}
