"""A folder of seeded files, and the list of what went where."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final

from deploy.benchmarks.redact.seeded import pictures, sounds, texts
from deploy.benchmarks.redact.seeded.identifiers import identifiers
from deploy.benchmarks.redact.seeded.seed import Seed

Make = Callable[[Seed], bytes]
TYPES: Final[dict[str, Make]] = {
    "txt": texts.plain,
    "md": texts.markdown,
    "html": texts.html,
    "docx": texts.word,
    "pdf": texts.pdf,
    "jpg": pictures.jpeg,
    "png": pictures.png,
    "webp": pictures.webp,
    "tiff": pictures.tiff,
    "gif": pictures.gif,
    "wav": sounds.wav,
    "mp3": sounds.mp3,
    "ogg": sounds.ogg,
    "flac": sounds.flac,
}
MANIFEST: Final = "manifest.json"
TOKENS: Final = "tokens.txt"
_NAMED: Final = 3  # every third file has an identifier in its name
_DESCRIBED: Final = 5  # every fifth has some in title and metadata, as an upload gives them


@dataclass(frozen=True)
class Canary:
    """One identifier and where it was put: file, and place within it."""

    value: str
    file: str
    place: str


@dataclass(frozen=True)
class SeededFile:
    """One file's name, and the words that go with its upload."""

    name: str
    title: str
    metadata: dict[str, str]


@dataclass(frozen=True)
class Seeded:
    """What was written."""

    files: tuple[SeededFile, ...]
    canaries: tuple[Canary, ...]


def write(
    folder: Path, *, assets: int, canaries: int, seed: int = 1, types: Sequence[str] = tuple(TYPES)
) -> Seeded:
    """``assets`` files of all ``types`` in ``folder/files``, ``canaries`` spread over them.

    Beside them ``manifest.json`` says where each is, and ``tokens.txt`` holds them, one a line.
    """
    draw = Random(seed)  # noqa: S311 - made up on purpose, and the same every time
    every = list(identifiers(canaries, draw))
    inside = folder / "files"
    inside.mkdir(parents=True, exist_ok=True)
    files, placed = [], []
    for number in range(assets):
        share = every[number * canaries // assets : (number + 1) * canaries // assets]
        kind = types[number % len(types)]
        one = Seed.of(share)
        name = f"item {number:04d}"
        if number % _NAMED == 0:
            name += f" for {one.one('file name')[1].replace('/', ' ')}"
        title, metadata = "", {}
        if number % _DESCRIBED == 0:
            title = f"Request of {one.one('title')[1]}"
            metadata = {"contact": one.one("metadata of the upload")[1]}
        name = f"{name}.{kind}"
        (inside / name).write_bytes(TYPES[kind](one))
        placed += [Canary(value, name, place) for value, place in one.placed]
        if one.left:
            raise ValueError(f"{len(one.left)} identifiers found no place in a file of type {kind}")
        files.append(SeededFile(name, title, metadata))
    made = Seeded(tuple(files), tuple(placed))
    _written(folder, made)
    return made


def _written(folder: Path, made: Seeded) -> None:
    (folder / TOKENS).write_text(
        "".join(f"{canary.value}\n" for canary in made.canaries), encoding="utf-8"
    )
    manifest = {
        "files": [asdict(file) for file in made.files],
        "canaries": [asdict(canary) for canary in made.canaries],
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
