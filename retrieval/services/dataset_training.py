"""A recipe that names datasets is run on what may be used now, and remembers what it was.

Its files, and all that training makes of them on the way (crops, clips, embeddings of captions),
lie in folders of the job's own and go with it; weights alone are kept, and ``trained-on.json``
beside them, which the bundle's manifest takes over.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.alignment.trained_on import TRAINED_ON, trained_on
from retrieval.services.dataset_files import Opened, dataset_files, dataset_opened, job_folder

_CARRIED = ("*.pt", "*.safetensors")
_DERIVED = frozenset({"image-seen.pt"})  # what the network saw of each picture
_CROPS = 8  # crops of a picture take about this many times its compressed bytes


@dataclass(frozen=True)
class Place:
    """Where a recipe finds its data and does its work."""

    data: Path
    work: Path


def datasets_in(recipe: dict[str, Any]) -> list[str]:
    """Refs (``name@number``) of the datasets among a recipe's sources."""
    names = [str(source.get("name", "")) for source in recipe.get("source", [])]
    names.append(str(recipe.get("clips", "")))
    return [name for name in dict.fromkeys(names) if "@" in name]


@contextmanager
def training_place(recipe: dict[str, Any], *, data: Path, work: Path) -> Iterator[Place]:
    """Folders to run ``recipe`` in; where it names no dataset, those given.

    Raises:
        NotVisible: there is no such dataset.
        Conflict: nothing of it may be used any more.
    """
    refs = datasets_in(recipe)
    if not refs:
        yield Place(data, work)
        return
    with ExitStack() as stack:
        opened = [dataset_opened(ref) for ref in refs]
        folders = [stack.enter_context(dataset_files(one)) for one in opened]
        size = sum(f.stat().st_size for folder in folders for f in folder.rglob("*") if f.is_file())
        own = stack.enter_context(job_folder(size * _CROPS))
        place = Place(own / "data", own / "work")
        place.data.mkdir()
        place.work.mkdir()
        for entry in data.iterdir():
            (place.data / entry.name).symlink_to(entry.resolve())
        for ref, folder in zip(refs, folders, strict=True):
            (place.data / ref).symlink_to(folder)
        for pattern in _CARRIED:
            for file in work.glob(pattern):
                shutil.copy2(file, place.work / file.name)
        try:
            yield place
        finally:
            _keep(str(recipe.get("kind")), opened, place.work, work)


def _keep(kind: str, opened: list[Opened], scratch: Path, work: Path) -> None:
    """Weights, and what they come from: also where training was cut short after a first save."""
    kept = 0
    for pattern in _CARRIED:
        for file in scratch.glob(pattern):
            if file.name not in _DERIVED:
                shutil.copy2(file, work / f"{file.name}.part")
                (work / f"{file.name}.part").rename(work / file.name)
                kept += 1
    if kept:
        said = trained_on(work)
        before = [one for one in said.get(kind, []) if one["id"] not in _ids(opened)]
        said[kind] = [*before, *(one.to_json() for one in opened)]
        (work / TRAINED_ON).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def _ids(opened: list[Opened]) -> set[str]:
    return {str(one.version.id) for one in opened}
