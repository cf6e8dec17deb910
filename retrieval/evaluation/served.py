"""Embedding labelled data as the appliance embeds what it holds.

Redacted, decoded in the sandbox, and given to the model server. Nothing is stored, and nothing but
a redacted rendition is embedded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from retrieval import clients
from retrieval.encoders.base import Vectors
from retrieval.encoders.bundle import tensor_spec
from retrieval.evaluation.cases import Things
from retrieval.evaluation.datasets import Dataset, DatasetError
from retrieval.redaction.errors import RedactionRefused

PROFILE = "standard"  # what a dataset's media and words are redacted with
BATCH = 32
_TEXTS_A_CALL = 64
Progress = Callable[[int, int], None]
Windows = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Served:
    """An installed model as the model server serves it; ``manifest`` is the parsed JSON."""

    ref: str
    manifest: Mapping[str, Any]

    @property
    def modalities(self) -> frozenset[str]:
        """What it has a tower for."""
        return frozenset(self.manifest["towers"])

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Embeddings of ``texts``: float32 (n, d), unit rows, behind all searches.

        Raises:
            ModelUnavailable, ModelRefused: the model server.
        """
        return np.concatenate(
            [
                clients.models().encode_text(
                    self.ref, texts[first : first + _TEXTS_A_CALL], priority="ingest"
                )
                for first in range(0, len(texts), _TEXTS_A_CALL)
            ]
        )

    def asked(self, texts: Sequence[str]) -> Vectors:
        """As ``texts``, but ahead of ingestion, as a search is."""
        return clients.models().encode_text(self.ref, texts, priority="query")

    def rendition(
        self, rendition: bytes, *, modality: str, media_type: str, windows: Windows
    ) -> Vectors:
        """The parts of one redacted picture or sound: float32 (parts, d), unit rows.

        Raises:
            RedactionRefused, RedactionUnavailable, ModelUnavailable, ModelRefused: the servers.
        """
        spec = tensor_spec(self.manifest, modality, windows_ms=windows)
        decoded = clients.redaction().tensor_batches(rendition, media_type=media_type, spec=spec)
        return np.concatenate(
            [
                clients.models().encode_arrays(self.ref, modality, arrays, priority="ingest")
                for arrays in decoded
            ]
        )


@dataclass(frozen=True)
class Embedded:
    """A dataset under several models; ``media[ref]`` and ``said[ref]`` are in its order.

    ``dataset`` has lost the ``refused`` files, which the redaction server would not take.
    """

    dataset: Dataset
    sentences: tuple[str, ...]
    media: Mapping[str, Things]
    said: Mapping[str, Vectors]
    refused: int


def dataset_embed(
    dataset: Dataset,
    sentences: Sequence[str],
    models: Sequence[Served],
    *,
    progress: Progress | None = None,
) -> Embedded:
    """``dataset`` under each of ``models``; ``sentences`` are what it asks in words.

    Each file is redacted once, whichever number of models sees it.

    Raises:
        DatasetError: no file of it could be taken.
        RedactionUnavailable, ModelUnavailable, ModelRefused: the servers.
    """
    parts: dict[str, list[Vectors]] = {model.ref: [] for model in models}
    taken: set[str] = set()
    for at, (file, rendition, media_type, windows) in enumerate(_renditions(dataset)):
        if rendition:
            for model in models:
                found = model.rendition(
                    rendition, modality=dataset.modality, media_type=media_type, windows=windows
                )
                parts[model.ref].append(found)
            taken.add(file)
        if progress is not None:
            progress(at + 1, len(dataset.files))
    if not taken:
        raise DatasetError("none of its files could be taken")
    # Captions are asked as a search asks them: redacted. Those of files that were refused go.
    kept_captions = [pair[0] in taken for pair in dataset.captions] or [True] * len(sentences)
    asked = [text for text, kept in zip(sentences, kept_captions, strict=True) if kept]
    words = texts_redacted(asked)
    return Embedded(
        dataset=_only(dataset, taken),
        sentences=tuple(words),
        media={ref: Things.of(each) for ref, each in parts.items()},
        said={model.ref: model.texts(words) for model in models} if words else {},
        refused=len(dataset.files) - len(taken),
    )


def texts_redacted(texts: Sequence[str]) -> list[str]:
    """``texts`` as redaction leaves them, each on its own."""
    found: list[str] = []
    left = iter(texts)
    while some := list(islice(left, BATCH)):
        found += [one.text for one in clients.redaction().redact_texts(some, profile=PROFILE)]
    return found


def _renditions(dataset: Dataset) -> Iterator[tuple[str, bytes, str, Windows]]:
    """(file, redacted rendition, its type, its windows); an empty rendition was refused."""
    for file in dataset.files:
        try:
            made = clients.redaction().prepare(
                [dataset.read(file)], name=file.rpartition("/")[2], title="", profile=PROFILE
            )
        except RedactionRefused:
            yield file, b"", "", ()
            continue
        if made.modality != dataset.modality:
            yield file, b"", "", ()
            continue
        windows = tuple(
            (segment.start_ms, segment.end_ms)
            for segment in made.segments
            if segment.start_ms is not None
            and segment.end_ms is not None
            and segment.modality in {"", made.modality}
        )
        yield file, made.rendition, made.media_type, windows


def _only(dataset: Dataset, taken: set[str]) -> Dataset:
    return replace(
        dataset,
        captions=tuple(pair for pair in dataset.captions if pair[0] in taken),
        labels=tuple(pair for pair in dataset.labels if pair[0] in taken),
    )
