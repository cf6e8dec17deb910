"""The proof of the bridge: two spaces trained apart, joined, and what each step brings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from retrieval.alignment.bridge_calibrate import labelled_fit, texts_fit
from retrieval.alignment.bridge_choose import (
    Labelled,
    TextPairs,
    Tried,
    bridge_fit,
    ways_try,
    without_bridge,
)
from retrieval.alignment.bridge_proof_data import Material, material_make
from retrieval.alignment.calibration_fit import judged_top
from retrieval.bridge_fits import Banks
from retrieval.bridges import Vectors
from retrieval.calibration import Asked, PairCalibration
from retrieval.gap import gap_of
from retrieval.metrics import equal_mass_error

ROTATIONS = 5
Direction = tuple[TextPairs, Banks, Labelled]


def directions(found: Material) -> tuple[Direction, Direction]:
    """(texts, banks, labelled pairs) from pictures to sounds, and from sounds to pictures."""
    there, back = Banks({"image": found.pictures}), Banks({"audio": found.noises})
    seen, heard = found.right.any(1), found.right.any(0)
    to_sounds = Labelled("image", "audio", found.photos[seen], found.sounds, found.right[seen])
    to_photos = Labelled("audio", "image", found.sounds[heard], found.photos, found.right.T[heard])
    return (
        (
            TextPairs(found.text_image, found.text_audio, found.topics),
            Banks(there.source, back.source),
            to_sounds,
        ),
        (
            TextPairs(found.text_audio, found.text_image, found.topics),
            Banks(back.source, there.source),
            to_photos,
        ),
    )


def bridge_prove(data: Path, work: Path) -> Iterator[str]:
    """Lines of the proof, the ablation as a Markdown table among them.

    Raises:
        OSError: a dataset is missing.
        TeacherUnavailableError: YAMNet or its interpreter is missing.
    """
    torch.set_num_threads(1)
    notes: list[str] = []
    found = material_make(data, work, say=notes.append)
    yield from notes
    ways = directions(found)
    yield (
        f"Texts: {len(found.topics)} captions of {len(set(found.topics))} things. Kept out: "
        f"{len(found.photos)} photos, {len(found.sounds)} sounds, of which the nearest label is "
        f"right for {found.labelled_right:.0%}."
    )
    for _, _, pair in ways:
        yield (
            f"{pair.query_modality} -> {pair.target_modality}: {len(pair.queries)} queries, "
            f"{len(pair.gallery)} targets; perfect answers would reach {pair.ceiling:.3f}"
        )
    yield from _gaps(found)
    yield (
        "| way | gap corrected | image→audio P@10 | audio→image P@10 "
        "| without labels: texts | without labels: banks |"
    )
    yield "|---|---|---|---|---|---|"
    yield _row("chance", "", [pair.chance for _, _, pair in ways])
    yield _row("no bridge: coordinates as they are", "", [without_bridge(p) for *_, p in ways])
    turned = [
        float(np.mean([without_bridge(pair, seed=seed) for seed in range(ROTATIONS)]))
        for *_, pair in ways
    ]
    yield _row(f"no bridge: random rotation, mean of {ROTATIONS}", "", turned)
    tried = [
        {(one.method, one.centred): one for one in ways_try(texts, banks, [pair])}
        for texts, banks, pair in ways
    ]
    for way in sorted(tried[0], key=lambda way: (_ORDER.index(way[0]), way[1])):
        both = [results[way] for results in tried]
        yield _row(
            NAMES[way[0]],
            "yes" if way[1] else "no",
            [next(iter(one.pairs.values())) for one in both],
            both,
        )
    yield from _sureness(found, ways)


NAMES = {
    "procrustes": "Procrustes",
    "ridge": "ridge",
    "enhanced": "ridge, with what the banks hold of each text",
    "mlp": "MLP, InfoNCE and noise",
    "cmcr": "MLP, InfoNCE, noise, and the banks (C-MCR)",
}
_ORDER = list(NAMES)


def _row(name: str, centred: str, precisions: list[float], tried: list[Tried] | None = None) -> str:
    found = " | ".join(f"{value:.3f}" for value in precisions)
    texts = " / ".join(f"{one.texts_mrr:.2f}" for one in tried or ())
    banks = " / ".join(f"{one.banks_mrr or 0:.3f}" for one in tried or ())
    return f"| {name} | {centred} | {found} | {texts} | {banks} |"


def _gaps(found: Material) -> Iterator[str]:
    for name, bank, texts in (
        ("image to text", found.pictures, found.text_image),
        ("audio to text", found.noises, found.text_audio),
    ):
        gap = gap_of(bank, texts)
        yield (
            f"Gap, {name}: centroids {gap.distance:.2f} apart, {gap.distance_centred:.2f} once "
            f"centred; {gap.separable:.0%} told apart by it."
        )


def _sureness(found: Material, ways: tuple[Direction, Direction]) -> Iterator[str]:
    """How far off the certainty is: fitted on labelled pairs (two folds), or guessed from texts."""
    for texts, banks, pair in ways:
        name = (pair.query_modality, pair.target_modality)
        bridge = bridge_fit(texts, banks, method="ridge", centring=True)
        bank = banks.target[pair.target_modality]
        real = labelled_fit(bridge, pair, bank)
        guess = texts_fit(texts, found.kinds, banks, method="ridge", centring=True, pair=name)
        if real is None or guess is None:
            continue
        off = _error(
            guess.fit.calibration, bridge.apply(pair.queries, modality=name[0]), pair, bank
        )
        yield (
            f"Calibration of {name[0]} -> {name[1]} (ridge, centred), error on these pairs: "
            f"{real.fit.ece:.3f} fitted on labels (two folds), {off:.3f} guessed from texts."
        )


def _error(guess: PairCalibration, rows: Vectors, pair: Labelled, bank: Vectors) -> float:
    judged = judged_top(rows @ pair.gallery.T, pair.right, [Asked(bank=bank @ row) for row in rows])
    said = np.concatenate([guess.probability(j.similarities, j.asked) for j in judged])
    return equal_mass_error(said, np.concatenate([j.right for j in judged]))
