"""The figures of one bundle on one dataset, as `manage.py evaluate` prints them."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from retrieval import metrics
from retrieval.calibration import PairCalibration
from retrieval.encoders.base import Encoder, Vectors
from retrieval.encoders.bundle import load_reference
from retrieval.encoders.registry import LoadedBundle
from retrieval.evaluation.datasets import Dataset, DatasetError, items_read
from retrieval.evaluation.unanswerable import SENTENCES, nonsense

BATCH = 32
JUDGED = 10  # hits of a query that calibration is measured on
LATENCY_QUERIES = 50
Flags = npt.NDArray[np.bool_]
Progress = Callable[[int, int], None]

PairFigures = TypedDict(
    "PairFigures",
    {
        "queries": int,
        "targets": int,
        "recall@1": float,
        "recall@5": float,
        "recall@10": float,
        "map@10": float,
        "mrr": float,
    },
)


@dataclass(frozen=True)
class Case:
    """Queries (n, d) against targets (m, d), with which of them are right (n, m)."""

    asked: str
    target: str
    queries: Vectors
    targets: Vectors
    right: Flags

    @property
    def similarities(self) -> npt.NDArray[np.float32]:
        """Cosines (n, m)."""
        found: npt.NDArray[np.float32] = self.queries @ self.targets.T
        return found


@dataclass(frozen=True)
class Calibrations:
    """A bundle's fitted pairs and its reference bank."""

    pairs: dict[tuple[str, str], PairCalibration]
    bank: dict[str, Vectors]


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
    media = media_encode(bundle, dataset, progress)
    cases = (
        caption_cases(dataset, text, media)
        if dataset.captions
        else label_cases(dataset, text, media)
    )
    result: dict[str, Any] = {
        "dataset": dataset.name,
        "model": bundle.manifest.ref,
        "pairs": {f"{case.asked}-{case.target}": pair_figures(case) for case in cases},
    }
    if dataset.labels:
        result["zero_shot"] = zero_shot(cases[0])
    calibrations = calibrations_read(folder)
    if calibrations is not None:
        result["calibration"] = calibration_figures(cases, calibrations)
        result["abstention"] = abstention(cases[0], text, calibrations)
    result["latency_ms"] = latency(cases[0], text, _sentences(dataset))
    result["memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return result


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


def caption_cases(dataset: Dataset, text: Encoder, media: Vectors) -> list[Case]:
    """Captions as queries for files, and files as queries for captions."""
    place = {file: i for i, file in enumerate(dataset.files)}
    own = np.array([place[file] for file, _ in dataset.captions])
    said = text.encode([caption for _, caption in dataset.captions])
    right = own[:, None] == np.arange(len(media))[None]
    kind = dataset.modality
    return [Case("text", kind, said, media, right), Case(kind, "text", media, said, right.T)]


def label_cases(dataset: Dataset, text: Encoder, media: Vectors) -> list[Case]:
    """Labels as queries for files, files as queries for labels, files for files of their label."""
    names = sorted({label for _, label in dataset.labels})
    place = {file: i for i, file in enumerate(dataset.files)}
    right = np.zeros((len(names), len(media)), dtype=bool)
    for file, label in dataset.labels:
        right[names.index(label), place[file]] = True
    said = text.encode([name.replace("_", " ") for name in names])
    same = right.T.astype(int) @ right.astype(int) > 0
    np.fill_diagonal(same, val=False)
    kind = dataset.modality
    return [
        Case("text", kind, said, media, right),
        Case(kind, "text", media, said, right.T),
        Case(kind, kind, media, media, same),
    ]


def pair_figures(case: Case) -> PairFigures:
    """Recall, mAP and MRR; a thing is never its own answer."""
    similarities = case.similarities
    if case.asked == case.target:
        np.fill_diagonal(similarities, -2.0)
    hits = metrics.ranked(similarities, case.right)
    return {
        "queries": len(hits),
        "targets": case.right.shape[1],
        "recall@1": round(metrics.recall_at(hits, 1), 4),
        "recall@5": round(metrics.recall_at(hits, 5), 4),
        "recall@10": round(metrics.recall_at(hits, 10), 4),
        "map@10": round(metrics.mean_average_precision_at(hits, 10), 4),
        "mrr": round(metrics.mean_reciprocal_rank(hits), 4),
    }


def zero_shot(case: Case) -> dict[str, float]:
    """Share of items whose label is the most similar of all labels; ``case`` is labels → items."""
    best = case.similarities.T.argmax(axis=1)
    right = case.right.T[np.arange(len(best)), best]
    return {
        "labels": len(case.queries),
        "items": len(best),
        "accuracy": round(float(right.mean()), 4),
    }


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


def calibration_figures(cases: Sequence[Case], found: Calibrations) -> dict[str, Any]:
    """Calibration error over the first hits of every query of every fitted pair."""
    said, true = [], []
    for case in cases:
        pair = found.pairs.get((case.asked, case.target))
        if pair is None or case.asked == case.target:
            continue
        similarities = case.similarities
        order = np.argsort(-similarities, axis=1, kind="stable")[:, :JUDGED]
        bank = case.queries @ found.bank[case.target].T
        for row in range(len(order)):
            said.append(pair.probability(similarities[row, order[row]], bank=bank[row]))
            true.append(case.right[row, order[row]])
    if not said:
        return {"ece": None, "pairs": 0}
    error = metrics.calibration_error(np.concatenate(said), np.concatenate(true))
    return {"ece": round(error, 4), "pairs": int(sum(len(part) for part in said))}


def abstention(case: Case, text: Encoder, found: Calibrations) -> dict[str, float]:
    """Shares of the dataset's text queries that get an answer, of hopeless ones that do not."""
    pair, bank = found.pairs[case.asked, case.target], found.bank[case.target]

    def answered(queries: Vectors) -> float:
        best = (queries @ case.targets.T).max(axis=1)
        sure = [
            pair.probability(best[i : i + 1], bank=query @ bank.T)[0] >= pair.threshold
            for i, query in enumerate(queries)
        ]
        return float(np.mean(sure))

    hopeless = text.encode([*SENTENCES, *nonsense(45, seed=7)])
    return {
        "answerable_kept": round(answered(case.queries), 4),
        "unanswerable_held": round(1 - answered(hopeless), 4),
    }


def latency(case: Case, text: Encoder, sentences: Sequence[str]) -> dict[str, float]:
    """Milliseconds from one text to its ranked hits, in this process."""
    times = []
    for sentence in sentences[:LATENCY_QUERIES]:
        started = time.perf_counter()
        np.argsort(-(text.encode([sentence]) @ case.targets.T), axis=1)
        times.append((time.perf_counter() - started) * 1000)
    return {
        "p50": round(float(np.quantile(times, 0.5)), 1),
        "p95": round(float(np.quantile(times, 0.95)), 1),
    }


def _sentences(dataset: Dataset) -> list[str]:
    return [text for _, text in (*dataset.captions, *dataset.labels)]
