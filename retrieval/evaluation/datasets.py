"""Labelled datasets for evaluation: a directory or a tar, local and trusted.

``images/`` or ``audio/`` beside a tab-separated ``captions.tsv`` (``file``, ``caption``), or
``labels.tsv`` or ``meta.tsv`` (``file``, ``label``). A tar is read in place, nothing is unpacked.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

TABLES = ("captions.tsv", "labels.tsv", "meta.tsv")
FOLDERS = {"image": "images", "audio": "audio"}


class DatasetError(ValueError):
    """A dataset that cannot be read; the message says what is missing."""


@dataclass(frozen=True)
class Dataset:
    """Files of one modality with what is said of them.

    ``captions``: (file, text) pairs, or ``labels``: (file, label) pairs; one of the two is empty.
    ``read`` gives the bytes of a file.
    """

    name: str
    modality: str
    captions: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    read: Callable[[str], bytes]

    @property
    def files(self) -> list[str]:
        """Distinct files in order of first mention."""
        return list(dict.fromkeys(file for file, _ in (*self.captions, *self.labels)))


def dataset_open(path: Path, *, where: Mapping[str, str] | None = None) -> Dataset:
    """The dataset at ``path``; ``where`` keeps the rows with these values in these columns.

    Raises:
        DatasetError: there is no table, no folder of media, no row, or a column is missing.
    """
    if path.is_dir():
        names = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}

        def read(name: str) -> bytes:
            return (path / name).read_bytes()
    elif tarfile.is_tarfile(path):
        members = _members(path)
        # An archive may hold everything in one folder of its own name.
        prefix = _prefix(members)
        names = {name.removeprefix(prefix) for name in members if name.startswith(prefix)}

        def read(name: str) -> bytes:
            start, size = members[prefix + name]
            with path.open("rb") as file:
                file.seek(start)
                return file.read(size)
    else:
        raise DatasetError("a dataset is a directory or a tar")
    return _dataset(path.name.removesuffix(".tar"), names, read, where or {})


def _members(path: Path) -> dict[str, tuple[int, int]]:
    """Name to (offset, size) of every plain file of an uncompressed tar."""
    try:
        with tarfile.open(path, "r:") as archive:
            return {m.name: (m.offset_data, m.size) for m in archive.getmembers() if m.isfile()}
    except tarfile.TarError as error:
        raise DatasetError("the archive is compressed; unpack it first") from error


def _prefix(members: Mapping[str, object]) -> str:
    for name in sorted(members, key=len):
        if PurePosixPath(name).name in TABLES:
            return name[: len(name) - len(PurePosixPath(name).name)]
    raise DatasetError(f"the archive holds none of {', '.join(TABLES)}")


def _dataset(
    name: str, names: set[str], read: Callable[[str], bytes], where: Mapping[str, str]
) -> Dataset:
    table = next((t for t in TABLES if t in names), None)
    if table is None:
        raise DatasetError(f"the dataset holds none of {', '.join(TABLES)}")
    modality = next(
        (m for m, folder in FOLDERS.items() if any(n.startswith(f"{folder}/") for n in names)), None
    )
    if modality is None:
        raise DatasetError("the dataset holds neither images/ nor audio/")
    reader = csv.DictReader(
        io.StringIO(read(table).decode("utf-8")), delimiter="\t", quoting=csv.QUOTE_NONE
    )
    column = "caption" if table == "captions.tsv" else "label"
    rows = [row for row in reader if all(row.get(key) == value for key, value in where.items())]
    if not rows:
        raise DatasetError(f"no row of {table} is left")
    if "file" not in rows[0] or column not in rows[0]:
        raise DatasetError(f"{table} lacks the column file or {column}")
    pairs = tuple((f"{FOLDERS[modality]}/{row['file']}", row[column]) for row in rows)
    missing = next((file for file, _ in pairs if file not in names), None)
    if missing is not None:
        raise DatasetError("a file that the table names is not in the dataset")
    captioned = column == "caption"
    return Dataset(name, modality, pairs if captioned else (), () if captioned else pairs, read)


def items_read(
    dataset: Dataset, files: list[str], *, settings: Mapping[str, Any]
) -> Iterator[npt.NDArray[Any]]:
    """What the tower takes of each file; ``settings`` is the tower's ``input`` in the manifest."""
    for file in files:
        data = io.BytesIO(dataset.read(file))
        if dataset.modality == "image":
            yield _image(data, int(settings.get("longest_side", 512)))
        else:
            yield _wave(data, int(settings["sample_rate"]))


def _image(data: io.BytesIO, longest_side: int) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageOps

    with Image.open(data) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    image.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _wave(data: io.BytesIO, rate: int) -> npt.NDArray[np.float32]:
    import soundfile
    import soxr

    wave, own = soundfile.read(data, dtype="float32", always_2d=True)
    mono = wave.mean(axis=1)
    return np.asarray(mono if own == rate else soxr.resample(mono, own, rate), dtype=np.float32)
