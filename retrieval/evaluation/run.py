"""The figures of one bundle on one dataset, in this process: `manage.py evaluate --bundle`."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.calibration import PairCalibration
from retrieval.encoders.base import Encoder, Vectors
from retrieval.encoders.bundle import load_reference
from retrieval.encoders.registry import LoadedBundle
from retrieval.evaluation.calibration_figures import Calibrations
from retrieval.evaluation.cases import Things, caption_cases, label_cases, queries_of
from retrieval.evaluation.datasets import Dataset, DatasetError, items_read
from retrieval.evaluation.figures import figures

BATCH = 32
Progress = Callable[[int, int], None]


def evaluate(
    bundle: LoadedBundle,
    folder: Path,
    dataset: Dataset,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The contract's evaluation result, a JSON-able dict; parts the dataset cannot give are absent.

    Raises:
        DatasetError: the bundle has no tower for the dataset's modality, or none for text.
    """
    if not {"text", dataset.modality} <= set(bundle.towers):
        raise DatasetError(f"the model has no tower for text or for {dataset.modality}")
    text = bundle.towers["text"]
    media = Things.single(media_encode(bundle, dataset, progress))
    said = text.encode(queries_of(dataset))
    cases = (caption_cases if dataset.captions else label_cases)(dataset, said, media)
    return {
        "dataset": dataset.name,
        "model": bundle.manifest.ref,
        **figures(
            cases,
            labelled=bool(dataset.labels),
            calibrations=calibrations_read(folder),
            text=text.encode,
            sentences=queries_of(dataset),
        ),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def media_encode(
    bundle: LoadedBundle, dataset: Dataset, progress: Progress | None = None
) -> Vectors:
    """Embeddings of the dataset's files, in order of ``dataset.files``."""
    tower: Encoder = bundle.towers[dataset.modality]
    settings = bundle.manifest.towers[dataset.modality].input
    items = items_read(dataset, dataset.files, settings=settings)
    rows: list[Vectors] = []
    while batch := list(islice(items, BATCH)):
        rows.append(tower.encode(batch))
        if progress is not None:
            progress(sum(len(part) for part in rows), len(dataset.files))
    return np.concatenate(rows)


def calibrations_read(folder: Path) -> Calibrations | None:
    """The calibrations of the bundle in ``folder``; None where it brings none."""
    path = folder / "calibration.json"
    if not path.is_file():
        return None
    pairs = {
        (pair["query_modality"], pair["target_modality"]): PairCalibration.from_json(
            pair["parameters"]
        )
        for pair in json.loads(path.read_bytes())["pairs"]
    }
    return Calibrations(pairs, load_reference(folder))
