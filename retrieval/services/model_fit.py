"""Calibrating an installed model on labelled pairs that the operator gives."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import transaction
from safetensors.numpy import save

from accounts.models import User
from accounts.trail import actor_id
from audit import ledger
from retrieval import clients
from retrieval.alignment.calibration_texts import OUTSIDE, content_words
from retrieval.alignment.hopeless_texts import hopeless_texts
from retrieval.bridge_texts import default_captions
from retrieval.calibration import words_in
from retrieval.encoders.base import Vectors
from retrieval.encoders.bundle import (
    REFERENCE,
    BundleError,
    bundle_folder,
    fitted_folder,
    load_reference,
    own_reference,
)
from retrieval.encoders.client import ModelRefused, ModelUnavailable
from retrieval.errors import Invalid, Unavailable
from retrieval.evaluation import fitting
from retrieval.evaluation.cases import (
    Case,
    Things,
    caption_cases,
    label_cases,
    label_names,
    queries_of,
)
from retrieval.evaluation.datasets import Dataset, DatasetError
from retrieval.evaluation.served import Embedded, Progress, Served, dataset_embed
from retrieval.models import Calibration, ModelVersion
from retrieval.redaction.errors import RedactionUnavailable
from retrieval.selectors.versions import version_by_ref
from retrieval.services.evaluation_data import connection_rest, served

_NONSENSE = 12  # of every kind
_NOISE = 20
_DESCRIBED = 128  # texts of either kind
_SIDE = 64
_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What was fitted for ``ref``; pairs that the data could not teach are not among them."""

    ref: str
    pairs: tuple[fitting.FittedPair, ...]
    bank: dict[str, int]  # reference vectors made, by modality; a bundle's own are kept


def model_fit(
    *,
    ref: str,
    dataset: Dataset,
    anew: bool = False,
    by: User | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Calibrations of an installed version from a labelled dataset, in place of those it has.

    The dataset goes through redaction, the sandbox and the model server. A reference bank is made
    of a part of it where the bundle brings none, beside the bundle's folder, which stays as it is.
    Banks made before stay too, so that earlier fits keep their meaning; ``anew`` drops both.

    Raises:
        NotVisible: no such model. Invalid: the dataset does not fit the model, or is too small.
        Unavailable: a server does not answer.
    """
    version = version_by_ref(ref)
    if not {"text", dataset.modality} <= set(version.modalities):
        raise Invalid(f"{ref} has no tower for text or for {dataset.modality}.")
    model = served(version)
    folder = bundle_folder(ref, models_dir=settings.PATHS.models)
    connection_rest()
    try:
        made = dataset_embed(dataset, queries_of(dataset), [model], progress=progress)
        parts = fitting.parts_of(made.dataset.files)
        if len(parts.fitted) < fitting.LEAST_ITEMS:
            wanted = 2 * fitting.LEAST_ITEMS
            raise Invalid(f"The dataset is too small to learn from: about {wanted} files at least.")
        neutral = _neutral(model, own_reference(folder))
        hopeless = _hopeless(model, dataset.modality)
    except DatasetError as error:
        raise Invalid(f"The data cannot be used: {error}.") from error
    except ModelRefused as error:
        raise Invalid(f"The model cannot be used: {error.reason}") from error
    except (ModelUnavailable, RedactionUnavailable):
        raise Unavailable("The model or the redaction server does not answer.") from None
    new = {**neutral, dataset.modality: fitting.bank_of(made.media[ref], parts.bank)}
    bank, kept = _banks(folder, new, anew=anew)
    pairs = _pairs(made, model.ref, parts, bank, hopeless)
    if not pairs:
        raise Invalid("The dataset holds no right answer to learn from.")
    _store(version, folder, pairs, kept, dataset.name, anew=anew, by=by)
    return Fitted(
        ref=ref, pairs=tuple(pairs), bank={name: len(rows) for name, rows in kept.items()}
    )


def _neutral(model: Served, own: Collection[str]) -> dict[str, Vectors]:
    """Banks of neutral texts: of all kinds, and of those that describe what is seen, or heard.

    The last two only beside a bank of texts made here: one that comes with a bundle has its own.
    """
    texts = [caption.words for caption in default_captions()]
    picked = np.random.default_rng(fitting.SEED).permutation(len(texts))[: fitting.BANK_SIZE]
    found = {"text": model.texts([texts[i] for i in picked])}
    if "text" in own:
        return found
    for modality, kind in (("image", "seen"), ("audio", "heard")):
        some = [one.words for one in default_captions() if one.kind == kind]
        step = max(len(some) // _DESCRIBED, 1)
        found[f"text-{modality}"] = model.texts(some[::step][:_DESCRIBED])
    return found


def _hopeless(model: Served, modality: str) -> dict[str, fitting.Hopeless]:
    """Queries that nothing answers: nonsense; noise and plain colours; pure tones."""
    known = sorted({word for one in default_captions() for word in content_words(one.words)})
    texts = [*hopeless_texts(_NONSENSE, seed=fitting.SEED, words=known), *OUTSIDE]
    words = tuple(words_in(text) for text in texts)
    found = {"text": fitting.Hopeless(model.texts(texts), words)}
    rng = np.random.default_rng(fitting.SEED)
    arrays: list[npt.NDArray[np.generic]] = []
    if modality == "image":
        size = (_SIDE, _SIDE, 3)
        arrays += [rng.integers(0, 256, size, dtype=np.uint8) for _ in range(_NOISE)]
        arrays += [np.full(size, rng.integers(0, 256, 3), dtype=np.uint8) for _ in range(_NOISE)]
    elif modality == "audio":
        rate = int(model.manifest["towers"]["audio"]["input"]["sample_rate"])
        times = np.arange(_SECONDS * rate) / rate
        hertz = np.geomspace(60, min(8000, rate / 2.5), _NOISE)
        arrays += [(0.1 * np.sin(2 * np.pi * hz * times)).astype(np.float32) for hz in hertz]
    if arrays:
        vectors = clients.models().encode_arrays(model.ref, modality, arrays, priority="ingest")
        found[modality] = fitting.Hopeless(vectors)
    return found


def _banks(
    folder: Path, new: dict[str, Vectors], *, anew: bool
) -> tuple[dict[str, Vectors], dict[str, Vectors]]:
    """The bank to fit with, and the part of it that does not come with the bundle."""
    own = own_reference(folder)
    try:
        before = {} if anew else load_reference(folder)
    except BundleError:
        before = {}
    made = {**new, **before}
    kept = {name: rows for name, rows in made.items() if name not in own}
    return fitting.bank_merged(own, kept), kept


def _pairs(
    made: Embedded,
    ref: str,
    parts: fitting.Parts,
    bank: dict[str, Vectors],
    hopeless: dict[str, fitting.Hopeless],
) -> list[fitting.FittedPair]:
    found = []
    for case, asked, targets in _cases(made, ref):
        pair = fitting.pair_fitted(
            case,
            parts,
            bank=bank,
            hopeless=hopeless.get(case.asked, fitting.Hopeless(case.queries[:0])),
            files_asked=asked,
            files_found=targets,
        )
        if pair is not None:
            found.append(pair)
    return found


def _cases(
    made: Embedded, ref: str
) -> list[tuple[Case, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Each case, and of which file each of its queries and targets is."""
    data, said, media = made.dataset, made.said[ref], made.media[ref]
    files = np.arange(len(media))
    if data.captions:
        place = {file: i for i, file in enumerate(data.files)}
        own = np.array([place[file] for file, _ in data.captions], dtype=np.int64)
        there, back = caption_cases(data, said, media)
        found = [(there, own, files), (back, files, own)]
        same = own[:, None] == own[None]
        np.fill_diagonal(same, val=False)
        if same.any():
            words = there.words
            texts = Case(
                "text", "text", said, Things.single(said), same, own, itself=True, words=words
            )
            found.append((texts, own, own))
        return found
    nowhere = np.full(len(label_names(data)), -1)
    there, back, like = label_cases(data, said, media)
    return [(there, nowhere, files), (back, files, nowhere), (like, files, files)]


@transaction.atomic
def _store(
    version: ModelVersion,
    folder: Path,
    pairs: list[fitting.FittedPair],
    bank: dict[str, Vectors],
    dataset: str,
    *,
    anew: bool,
    by: User | None,
) -> None:
    stored = Calibration.objects.filter(model_version=version, collection=None)
    if anew:
        stored.filter(target_modality__in=list(bank)).delete()
    for pair in pairs:
        stored.filter(query_modality=pair.asked, target_modality=pair.target).delete()
    Calibration.objects.bulk_create(
        Calibration(
            model_version=version,
            query_modality=pair.asked,
            target_modality=pair.target,
            parameters=pair.fit.calibration.to_json(),
            fitted_on=fitted_on(dataset, pair),
            provenance=provenance_of(dataset, pair),
        )
        for pair in pairs
    )
    ledger.record(
        event="models:version:calibrate",
        actor=None if by is None else actor_id(by),
        refs={"model": version.ref, "pairs": [f"{p.asked}-{p.target}" for p in pairs]},
        payload={"held_out": {f"{p.asked}-{p.target}": p.held_out for p in pairs}},
    )
    if bank:
        _write(fitted_folder(folder), bank)


def fitted_on(dataset: str, pair: fitting.FittedPair) -> str:
    """What a calibration says of its origin; it begins with the dataset's name and a colon."""
    return (
        f"{dataset[:100]}: {pair.fit.queries} queries, {pair.fit.right_hits} right hits; on "
        f"{pair.held_queries} queries held out the calibration error is {pair.held_out:.3f}"
    )


def provenance_of(dataset: str, pair: fitting.FittedPair) -> dict[str, Any]:
    """What is kept of a fit: what it was made on, which form was taken and why."""
    return {
        "from": dataset[:100],
        "queries": pair.fit.queries,
        "right_hits": pair.fit.right_hits,
        "form": pair.fit.form,
        "log_loss": pair.fit.log_loss,
        "held_out_ece": pair.held_out,
    }


def _write(folder: Path, bank: dict[str, Vectors]) -> None:
    """The bank under its name at once, or as it was."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f".{REFERENCE}.part"
    data = save({name: np.ascontiguousarray(rows, np.float16) for name, rows in bank.items()})
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / REFERENCE)
