"""Labelled pairs for a bridge, embedded as the appliance embeds what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from retrieval.alignment.bridge_choose import Labelled
from retrieval.alignment.bridge_labels import SOUND_PHOTO_WORDS, answers, words_read
from retrieval.encoders.client import ModelRefused, ModelUnavailable
from retrieval.errors import Invalid, Unavailable
from retrieval.evaluation.datasets import Dataset, DatasetError, dataset_open
from retrieval.evaluation.served import Embedded, Served, dataset_embed
from retrieval.gap import gap_by_retrieval
from retrieval.redaction.errors import RedactionUnavailable
from retrieval.selectors.models import ActiveModel, model_by_ref


@dataclass(frozen=True)
class LabelledData:
    """What answers what over a bridge, and each end's gap to texts as its retrieval shows it.

    ``gaps``: by ref and modality, the figures of ``gap_by_retrieval``.
    """

    pairs: list[Labelled] = field(default_factory=list)
    gaps: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)


def labelled_data(
    *,
    source: str,
    target: str,
    paths: Sequence[Path],
    words: Path | None = None,
    where: Mapping[str, str] | None = None,
) -> LabelledData:
    """What of two datasets answers what over the bridge from ``source`` to ``target`` (refs).

    One dataset is of a modality that only ``source`` embeds, the other of one that only ``target``
    does. Every file is redacted and decoded as an upload is, and nothing is stored.

    Raises:
        DatasetError: a dataset cannot be read.
        ValueError: the labels and captions do not answer one another, or ``words`` is malformed.
        Invalid: a model is not installed, or the modalities do not fit.
        Unavailable: a server does not answer.
    """
    datasets = [_opened(path, where or {}) for path in paths]
    models = [_model(ref) for ref in (source, target)]
    asked = _of(datasets, models[0], models[1])
    wanted = _of(datasets, models[1], models[0])
    table = words_read(words or SOUND_PHOTO_WORDS)
    try:
        queries = dataset_embed(_bare(asked), _sentences(asked), [_served(models[0])])
        gallery = dataset_embed(_bare(wanted), _sentences(wanted), [_served(models[1])])
    except (RedactionUnavailable, ModelUnavailable):
        raise Unavailable("A server does not answer; nothing was measured.") from None
    except ModelRefused as error:
        raise Invalid(f"A model cannot be used: {error.reason}") from None
    right = answers(_left(asked, queries.dataset), _left(wanted, gallery.dataset), table)
    answered = right.any(axis=1)
    if not answered.any():
        raise ValueError("nothing in one dataset answers anything in the other")
    pair = Labelled(
        query_modality=asked.modality,
        target_modality=wanted.modality,
        queries=queries.media[source].whole[answered],
        gallery=gallery.media[target].whole,
        right=right[answered],
    )
    return LabelledData(
        pairs=[pair],
        gaps={
            source: {asked.modality: _gap(asked, queries, source)},
            target: {wanted.modality: _gap(wanted, gallery, target)},
        },
    )


def _sentences(dataset: Dataset) -> list[str]:
    """What is said first of the files, each text once: what they are asked for with."""
    return list(dict.fromkeys(_first(dataset).values()))


def _first(dataset: Dataset) -> dict[str, str]:
    said: dict[str, str] = {}
    for file, text in (*dataset.captions, *dataset.labels):
        said.setdefault(file, text)
    return said


def _gap(dataset: Dataset, embedded: Embedded, ref: str) -> dict[str, float]:
    said, files = _first(dataset), embedded.dataset.files
    right = np.array([[said[file] == text for file in files] for text in _sentences(dataset)])
    asked = right.any(axis=1)  # the others were only said of files that were refused
    return gap_by_retrieval(embedded.said[ref][asked], embedded.media[ref].whole, right[asked])


def _opened(path: Path, where: Mapping[str, str]) -> Dataset:
    """The dataset; a condition on a column that its table lacks leaves everything in."""
    if not path.exists():
        raise DatasetError(f"there is none at {path}")
    try:
        return dataset_open(path, where=where)
    except DatasetError:
        return dataset_open(path)


def _model(ref: str) -> ActiveModel:
    found = model_by_ref(ref)
    if found is None:
        raise Invalid(f"No model {ref} is installed.")
    return found


def _served(model: ActiveModel) -> Served:
    return Served(model.ref, model.manifest)


def _of(datasets: Sequence[Dataset], model: ActiveModel, other: ActiveModel) -> Dataset:
    """The one dataset of a modality that ``model`` embeds and ``other`` does not."""
    own = set(model.modalities) - set(other.modalities)
    found = [dataset for dataset in datasets if dataset.modality in own]
    if len(found) != 1:
        raise Invalid(f"One dataset must be of what only {model.ref} embeds: {', '.join(own)}.")
    return found[0]


def _bare(dataset: Dataset) -> Dataset:
    files = tuple((file, "") for file in dataset.files)
    return replace(dataset, captions=(), labels=files)


def _left(dataset: Dataset, taken: Dataset) -> Dataset:
    """What is said of the files that were taken."""
    files = set(taken.files)
    return replace(
        dataset,
        captions=tuple(pair for pair in dataset.captions if pair[0] in files),
        labels=tuple(pair for pair in dataset.labels if pair[0] in files),
    )
