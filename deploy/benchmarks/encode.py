"""``deploy/bench encode``: what a query, a picture and a sound cost, the libraries' way and ours.

Real architectures with random weights, stock and ours in turn in one process, with the same weights
and from the same items to vectors. What ours is, the calibration that ``models install`` runs
decides here too.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from deploy.benchmarks.encode_towers import Pair, clap_pair, clip_pairs
from deploy.benchmarks.figures import Figure
from deploy.paths import ROOT
from retrieval.encoders.runtime.apply import applied
from retrieval.encoders.runtime.choice import Trial
from retrieval.encoders.runtime.choose import BATCH, best_of, trials_of
from retrieval.encoders.runtime.inputs import inputs_of

_QUERIES = (
    *("a dog in the snow", "red shoes", "two people near a boat", "the sound of rain on a roof"),
    *("an old bicycle against a wall", "letter about a late payment", "market in the morning"),
    *("a child playing with a ball on the beach", "night train", "who signed the lease?"),
)
_ROUNDS = {"text": 3 * len(_QUERIES), "image": 7, "audio": 7}
_CALIBRATION_SECONDS = {"text": 20.0, "image": 30.0, "audio": 30.0}
_TIMES = {"text": 6.0, "image": 4.5, "audio": 3.0}  # the project's targets
_COSINE = 0.999
_MEGABYTE = 1e6


@dataclass(frozen=True)
class Measured:
    """Milliseconds for one call of both, medians; and how near ours is to the library."""

    stock_ms: float
    ours_ms: float
    times: float
    cosine: float


def run(*, slow: bool = False) -> list[Figure]:
    """All figures. With ``slow`` compiled candidates compete too, which takes minutes."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as name:
        folder = Path(name)
        for modality, pair in clip_pairs(folder).items():
            figures += _figures(modality, pair, folder, slow=slow)
        figures += _figures("audio", clap_pair(folder), folder, slow=slow)
    return figures


def _figures(modality: str, pair: Pair, folder: Path, *, slow: bool) -> list[Figure]:
    samples = ROOT / "deploy" / "demo" / "items"
    items = inputs_of(pair.spec, samples=samples if samples.is_dir() else None)
    trials = trials_of(
        pair.tower,
        items,
        seconds=_CALIBRATION_SECONDS[modality],
        place=folder / f"{modality}.pt2",
        slow=slow,
    )
    best = best_of(trials, modality)
    for trial in trials:
        print(f"  {modality}: {trial.choice.name:<20} {_said(trial)}", flush=True)
    ours = applied(pair.tower, best.choice, folder) if best is not trials[0] else pair.tower
    if modality == "text":
        calls = [[text] for text in _QUERIES]
        shown, each = "text query", 1
    else:
        each = BATCH[modality]
        calls = [[items[i % len(items)] for i in range(each)]]
        shown = f"{modality} ({each} at a time)"
    found = measured(pair, ours, calls, rounds=_ROUNDS[modality])
    stock, mine = found.stock_ms / each, found.ours_ms / each
    return [
        Figure(f"{shown}, stock", stock, "ms"),
        Figure(f"{shown}, {best.choice.name}", mine, "ms"),
        Figure(
            f"{shown}, times as fast",
            found.times,
            "x",
            target=_TIMES[modality],
            divided_by=f"stock {stock:.1f} ms by {best.choice.name} {mine:.1f} ms",
            at_least=True,
        ),
        Figure(f"{modality}, least cosine", found.cosine, "", target=_COSINE, at_least=True),
        Figure(
            f"{modality} weights", best.weight_bytes / _MEGABYTE, "MB", divided_by=_stock_size(pair)
        ),
    ]


def measured(pair: Pair, ours: Any, calls: Sequence[Sequence[Any]], *, rounds: int) -> Measured:
    """Both in turn, after a warm-up of both with every call."""
    cosine = min(float((pair.stock(call) * ours.encode(call)).sum(1).min()) for call in calls)
    times = []
    for done in range(rounds):
        call = calls[done % len(calls)]
        times.append((_ms(pair.stock, call), _ms(ours.encode, call)))
    return Measured(
        stock_ms=median(stock for stock, _ in times),
        ours_ms=median(mine for _, mine in times),
        times=median(stock / mine for stock, mine in times),
        cosine=min(cosine, 1.0),
    )


def _ms(encode: Any, call: Sequence[Any]) -> float:
    began = time.perf_counter()
    rows = encode(call)
    seconds = time.perf_counter() - began
    if not np.isfinite(rows).all():
        raise RuntimeError("a vector that is no number was measured")
    return 1000 * seconds


def _stock_size(pair: Pair) -> str:
    return f"stock holds {4 * pair.parameters / _MEGABYTE:.0f} MB"


def _said(trial: Trial) -> str:
    if trial.refused:
        return trial.refused
    return (
        f"one {trial.one_ms:7.1f} ms ({trial.one_times:4.2f} x), each of a batch "
        f"{trial.each_ms:7.1f} ms ({trial.each_times:4.2f} x), cosine {trial.cosine:.5f}"
    )
