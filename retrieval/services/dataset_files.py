"""The files of a dataset's version, for as long as a job needs them.

Nothing is kept between jobs: the version is a list of ids, and its renditions lie encrypted in the
blob store anyway. A job that reads bytes gets them from there (``dataset_version_open``); one that
needs a folder gets it in memory (``/dev/shm``) where that has room, otherwise in the data folder's
folder for temporary files, which every start empties. In both cases what is erased or withdrawn was
left out when the job began, and the folder is removed when it ends, however it ends; what a killed
job left is removed by the next one.
"""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from retrieval import media, scope
from retrieval.dataset_models import DatasetItem, DatasetVersion
from retrieval.errors import Conflict, NotVisible
from retrieval.evaluation.datasets import FOLDERS
from retrieval.evaluation.datasets import Dataset as Labelled
from retrieval.models import Asset
from retrieval.services.datasets import datasets_recheck, reasons_now

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own in it, 0700
_PREFIX = "vitrine-dataset-"
_SPARE = 2  # how many times a dataset's size must be free in memory
_FOLDS = 5
_SUFFIXES = {
    "image/webp": ".webp", "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".png",
    "audio/ogg": ".ogg", "audio/wav": ".wav", "audio/flac": ".flac", "audio/mpeg": ".mp3",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One file: its name, its asset, and what is said of it (redacted, as everything kept is)."""

    file: str
    asset_id: UUID
    caption: str
    label: str


@dataclass(frozen=True)
class Opened:
    """What a job may use of a version now; ``left_out`` counts the others by reason."""

    version: DatasetVersion
    rows: tuple[Row, ...]
    left_out: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """How a model's manifest remembers it: ids and counts."""
        return {
            "dataset": self.version.ref,
            "id": str(self.version.id),
            "used": len(self.rows),
            "left_out": self.left_out,
        }


def version_named(ref: str) -> DatasetVersion:
    """The version ``name@number``.

    Raises:
        NotVisible: there is none.
    """
    name, _, number = ref.rpartition("@")
    with scope.system():
        found = (
            DatasetVersion.objects.select_related("dataset")
            .filter(dataset__name=name, number=int(number) if number.isdecimal() else 0)
            .first()
        )
    if found is None:
        raise NotVisible(f"There is no dataset {ref}.")
    return found


def dataset_opened(ref: str) -> Opened:
    """What may be used of a version now; items that no longer may are marked.

    Raises:
        NotVisible: there is no such version.
        Conflict: nothing of it may be used any more.
    """
    version = version_named(ref)
    with scope.system():
        held = DatasetItem.objects.filter(version=version)
        datasets_recheck(held.values_list("asset_id", flat=True))
        items = list(held.values_list("asset_id", "gone_reason"))
        why = {one: reason for one, reason in items if reason}
        why |= reasons_now([one for one, reason in items if not reason])
        wanted = [one for one, _ in items if one not in why]
        rows = tuple(
            _row(asset) for asset in Asset.objects.filter(id__in=wanted).order_by("id").iterator()
        )
    left_out: dict[str, int] = {}
    for reason in why.values():
        left_out[reason] = left_out.get(reason, 0) + 1
    if not rows:
        raise Conflict(f"Nothing of the dataset {ref} may be used any more.")
    return Opened(version, rows, dict(sorted(left_out.items())))


def _row(asset: Asset) -> Row:
    said = asset.metadata if isinstance(asset.metadata, dict) else {}
    caption, label = (said.get(name) for name in ("caption", "label"))
    return Row(
        file=f"{asset.pk}{_SUFFIXES.get(asset.media_type, '.bin')}",
        asset_id=asset.pk,
        caption=_line(caption if isinstance(caption, str) else asset.title),
        label=_line(label if isinstance(label, str) else ""),
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def dataset_version_open(ref: str) -> Labelled:
    """The version as ``evaluate`` reads datasets: its bytes come from the blob store, one by one.

    Raises:
        NotVisible, Conflict: as ``dataset_opened``.
    """
    opened = dataset_opened(ref)
    ids = {row.file: row.asset_id for row in opened.rows}
    captions = tuple((row.file, row.caption) for row in opened.rows if row.caption)
    labels = () if captions else tuple((r.file, r.label) for r in opened.rows if r.label)
    if not captions and not labels:
        raise Conflict(f"Nothing is said of any file in the dataset {ref}.")

    def read(file: str) -> bytes:
        return media.read_blob(media.Blob.RENDITION, ids[file])

    return Labelled(ref, opened.version.modality, captions, labels, read)


@contextmanager
def dataset_files(opened: Opened) -> Iterator[Path]:
    """A folder with the version's files in the form that ``align`` takes; gone afterwards.

    ``images/`` or ``audio/``, ``captions.tsv``, and where labels are known ``labels.tsv`` (images)
    or ``meta.tsv`` with a fold from 1 to 5 that depends on the id alone (audio).
    """
    with job_folder(sum(_sizes(opened))) as folder:
        files = folder / FOLDERS[opened.version.modality]
        files.mkdir()
        for row in opened.rows:
            (files / row.file).write_bytes(media.read_blob(media.Blob.RENDITION, row.asset_id))
        _tables(folder, opened)
        yield folder


@contextmanager
def job_folder(size_bytes: int) -> Iterator[Path]:
    """An empty folder (0700) for about so much, in memory where that has room; gone afterwards."""
    folder = _folder(size_bytes)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sizes(opened: Opened) -> Iterator[int]:
    for row in opened.rows:
        with media.open_blob(media.Blob.RENDITION, row.asset_id) as reader:
            yield reader.size


def _tables(folder: Path, opened: Opened) -> None:
    audio = opened.version.modality == "audio"
    _table(folder / "captions.tsv", ("file", "caption"), [
        (row.file, row.caption) for row in opened.rows if row.caption
    ])  # fmt: skip
    labelled = [row for row in opened.rows if row.label]
    if audio and labelled:
        _table(folder / "meta.tsv", ("file", "label", "fold"), [
            (row.file, row.label, str(row.asset_id.int % _FOLDS + 1)) for row in labelled
        ])  # fmt: skip
    elif labelled:
        _table(
            folder / "labels.tsv", ("file", "label"), [(row.file, row.label) for row in labelled]
        )


def _table(path: Path, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE,
                            escapechar="\\")  # fmt: skip
        writer.writerow(head)
        writer.writerows(rows)


def _folder(size_bytes: int) -> Path:
    """An empty folder of our own (0700), in memory where there is room; orphans are removed."""
    settings.PATHS.temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
    for place in (_MEMORY, settings.PATHS.temporary):
        _orphans(place)
    roomy = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)
    if roomy and shutil.disk_usage(_MEMORY).free >= _SPARE * size_bytes:
        place = _MEMORY
    else:
        place = settings.PATHS.temporary
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=place))


def _orphans(place: Path) -> None:
    for left in place.glob(f"{_PREFIX}*") if place.is_dir() else ():
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)
