"""The manifest of a name pipeline: files and hashes, network sizes, measured recall by language.

Free of spaCy, so that anything may read it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BUILTIN: Final = Path(__file__).parent / "model"
MANIFEST: Final = "manifest.json"
WEIGHTS: Final = "weights.safetensors"
WORDS: Final = "words.txt"
KNOWN_NAMES: Final = "known_names.txt"
CARD: Final = "MODEL_CARD.md"
FORMAT: Final = "vitrine-names-1"


class NamesBundleError(Exception):
    """A name pipeline's files are missing, changed or of another form; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """Measured recall of people's names in one language: whole names covered, of ``names``."""

    recall: float
    names: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesManifest:
    """What a folder holds."""

    name: str
    version: str
    network: Mapping[str, Any]
    files: Mapping[str, str]
    languages: Mapping[str, Recall]


def read_manifest(folder: Path) -> NamesManifest:
    """The manifest of a folder; its files are not looked at.

    Raises:
        NamesBundleError: there is none, or it is of another form.
    """
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise NamesBundleError(f"format {FORMAT} expected, not {str(data['format'])[:40]!r}")
        return NamesManifest(
            name=str(data["name"]),
            version=str(data["version"]),
            network=dict(data["network"]),
            files={str(name): str(digest) for name, digest in data["files"].items()},
            languages={
                str(code): Recall(recall=float(row["recall"]), names=int(row["names"]))
                for code, row in data["languages"].items()
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NamesBundleError("manifest.json is missing or not a name pipeline's") from error


def verify(folder: Path, manifest: NamesManifest) -> None:
    """Nothing, if every file is there and as hashed.

    Raises:
        NamesBundleError: one is not.
    """
    for name, digest in manifest.files.items():
        if "/" in name or "\\" in name or name.startswith("."):
            raise NamesBundleError("a file name leads out of the folder")
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise NamesBundleError(f"{name} is missing") from error
        if found != digest:
            raise NamesBundleError(f"{name} is not the file that the manifest names")
    missing = {WEIGHTS, WORDS} - set(manifest.files)
    if missing:
        raise NamesBundleError(f"the manifest names no {min(missing)}")


def write_manifest(folder: Path, manifest: NamesManifest) -> None:
    """Write ``manifest.json`` with fresh hashes of what lies beside it."""
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.name in {WEIGHTS, WORDS, KNOWN_NAMES, CARD}
    }
    data = {
        "format": FORMAT,
        "name": manifest.name,
        "version": manifest.version,
        "network": dict(manifest.network),
        "files": files,
        "languages": {
            code: {"recall": row.recall, "names": row.names}
            for code, row in sorted(manifest.languages.items())
        },
    }
    text = json.dumps(data, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
