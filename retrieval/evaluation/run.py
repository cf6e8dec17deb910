"""The figures of one bundle on one dataset, in this process: `manage.py evaluate --bundle`."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.calibration import PairCalibration
from retrieval.encoders.base import Encoder, Vectors
from retrieval.encoders.bundle import load_reference
from retrieval.encoders.registry import LoadedBundle
from retrieval.evaluation.analysis import analysis
from retrieval.evaluation.calibration_figures import Calibrations
from retrieval.evaluation.cases import Case, Things, caption_cases, label_cases, queries_of
from retrieval.evaluation.datasets import Dataset, DatasetError, items_read
from retrieval.evaluation.domain import domain_fall
from retrieval.evaluation.failures import CaseRecord
from retrieval.evaluation.figures import figures
from retrieval.evaluation.named import caption_named, label_named

BATCH = 32
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Evaluation:
    """The contract's result, a JSON-able dict, and single things worth a look."""

    result: dict[str, Any]
    records: tuple[CaseRecord, ...]


def evaluate(
    bundle: LoadedBundle,
    folder: Path,
    dataset: Dataset,
    *,
    home: Dataset | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """The figures and failures of a bundle; parts the dataset cannot give are absent.

    ``home``: a dataset like those it was fitted on, against which its fall on ``dataset`` is told.

    Raises:
        DatasetError: the bundle has no tower for the dataset's modality, or none for text.
    """
    text = bundle.towers.get("text")
    if text is None or not {dataset.modality, (home or dataset).modality} <= set(bundle.towers):
        raise DatasetError(f"the model has no tower for text or for {dataset.modality}")
    cases = _cases(bundle, dataset, progress)
    calibrations = calibrations_read(folder)
    sentences = queries_of(dataset)
    looked = analysis(
        cases,
        caption_named(dataset, sentences) if dataset.captions else label_named(dataset),
        labelled=bool(dataset.labels),
        text=text.encode,
    )
    result = {
        "dataset": dataset.name,
        "model": bundle.manifest.ref,
        "items": len(dataset.files),
        **figures(
            cases,
            labelled=bool(dataset.labels),
            calibrations=calibrations,
            text=text.encode,
            sentences=sentences,
        ),
        **looked.result,
    }
    if home is not None:
        fall = domain_fall(
            _cases(bundle, home, progress),
            cases,
            calibrations,
            labelled=bool(home.labels or dataset.labels),
        )
        result["out_of_domain"] = {"home": home.name, **fall}
    result["memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return Evaluation(result, looked.records)


def _cases(bundle: LoadedBundle, dataset: Dataset, progress: Progress | None) -> list[Case]:
    media = Things.single(media_encode(bundle, dataset, progress))
    said = bundle.towers["text"].encode(queries_of(dataset))
    return (caption_cases if dataset.captions else label_cases)(dataset, said, media)


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
