"""Which photos may be learnt from, and which are kept out of all training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


@dataclass(frozen=True)
class PhotoSource:
    """One folder of photos: where it is, how often it is cropped, what share is kept out.

    ``crops`` is the number of crops of each photo; ``held_out`` is the share (0 to 1) of files,
    chosen by the hash of their name, that training never sees.
    """

    name: str
    crops: int
    held_out: float = 0.0


@dataclass(frozen=True)
class Photo:
    """One photo of a source."""

    source: str
    path: Path


def is_held_out(filename: str, share: float) -> bool:
    """True if the file belongs to the share kept out of training.

    The first byte of SHA-256 of the bare file name is compared with 256 times ``share``, so that
    the choice needs no list and is the same on every machine.
    """
    return hashlib.sha256(filename.encode()).digest()[0] < round(share * 256)


def photos_list(*, data: Path, source: PhotoSource, held_out: bool = False) -> list[Photo]:
    """Photos of one source in order of name: those for training, or those held out."""
    folder = data / source.name / "images"
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise FileNotFoundError(f"no photos under {folder}")
    kept = [p for p in files if is_held_out(p.name, source.held_out) == held_out]
    return [Photo(source=source.name, path=path) for path in kept]
