"""An asset's segments as vectors: from its redacted rendition, never from the original."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import numpy as np
import numpy.typing as npt

from retrieval import clients, media
from retrieval.encoders.bundle import tensor_spec
from retrieval.selectors.models import ActiveModel
from retrieval.vectors import Vector
from retrieval.vectors.base import UNIT_TOLERANCE

_TEXTS_A_CALL = 64


@dataclass(frozen=True)
class Part:
    """A segment as the models need it.

    ``modality`` is its own where it is not its asset's: what is said in a sound is text.
    """

    id: int
    text: str
    window_ms: tuple[int, int] | None
    modality: str = ""


@dataclass(frozen=True)
class Source:
    """The asset that segments belong to."""

    asset_id: UUID
    modality: str
    media_type: str


class BadVectors(Exception):
    """A model gave vectors of another shape than it declares, or not of length 1. Permanent."""


class Pace(Protocol):
    """How much goes to the model server at once, and when."""

    def items(self, modality: str, /) -> int | None:
        """Items of one request; None: as many as come."""

    def run(self, modality: str, items: int, call: Callable[[], Vector], /) -> Vector:
        """What ``call`` gives, in its time."""


class Unhurried:
    """Everything as it comes: the pace of an upload."""

    def items(self, modality: str, /) -> int | None:
        """Texts by the dozen; media as they are decoded."""
        return _TEXTS_A_CALL if modality == "text" else None

    def run(self, _modality: str, _items: int, call: Callable[[], Vector], /) -> Vector:
        """At once."""
        return call()


UNHURRIED = Unhurried()


def embed_parts(
    source: Source, model: ActiveModel, parts: Sequence[Part], *, pace: Pace = UNHURRIED
) -> Vector:
    """Vectors of one asset's segments: float32 ``(n, d)``, L2-normalised, row i for part i.

    Asks the model server and, for media, the sandbox; no transaction may be open.

    Raises:
        RedactionRefused, RedactionUnavailable, ModelRefused, ModelUnavailable, BadVectors,
        BlobMissing, BlobDamaged.
    """
    kinds = list(dict.fromkeys(part.modality or source.modality for part in parts))
    if len(kinds) > 1:
        return _mixed(source, model, parts, kinds, pace)
    if kinds == ["text"]:
        return embed_texts(model, [part.text for part in parts], pace=pace)
    rows = [
        _arrays(model, source.modality, some, pace)
        for arrays in decode_parts(source, model, parts)
        for some in _cut(arrays, pace.items(source.modality))
    ]
    return _checked(model, rows, len(parts))


def _mixed(
    source: Source, model: ActiveModel, parts: Sequence[Part], kinds: Sequence[str], pace: Pace
) -> Vector:
    """Each part by the tower of its own modality, row i for part i."""
    vectors: Vector = np.zeros((len(parts), model.dimension), np.float32)
    for kind in kinds:
        places = [i for i, part in enumerate(parts) if (part.modality or source.modality) == kind]
        vectors[places] = embed_parts(source, model, [parts[i] for i in places], pace=pace)
    return vectors


def decode_parts(
    source: Source, model: ActiveModel, parts: Sequence[Part]
) -> Iterator[Sequence[npt.NDArray[Any]]]:
    """A medium's segments as the model takes them, some at a time, in the order of ``parts``.

    Raises:
        RedactionRefused, RedactionUnavailable, BlobMissing, BlobDamaged.
    """
    windows = tuple(part.window_ms for part in parts if part.window_ms is not None)
    spec = tensor_spec(model.manifest, source.modality, windows_ms=windows)
    rendition = media.read_blob(media.Blob.RENDITION, source.asset_id)
    yield from clients.redaction().tensor_batches(
        rendition, media_type=source.media_type, spec=spec
    )


def embed_arrays(
    model: ActiveModel,
    modality: str,
    arrays: Sequence[npt.NDArray[Any]],
    *,
    pace: Pace = UNHURRIED,
) -> Vector:
    """Vectors of decoded media, perhaps of several assets: float32 ``(n, d)``, L2-normalised.

    One request. Raises ModelRefused, ModelUnavailable, BadVectors.
    """
    return _checked(model, [_arrays(model, modality, arrays, pace)], len(arrays))


def embed_texts(model: ActiveModel, texts: Sequence[str], *, pace: Pace = UNHURRIED) -> Vector:
    """Vectors of texts, perhaps of several assets: float32 ``(n, d)``, L2-normalised.

    Raises:
        ModelRefused, ModelUnavailable, BadVectors.
    """
    rows: list[Vector] = []
    at = 0
    while at < len(texts):
        some = texts[at : at + (pace.items("text") or len(texts))]
        rows.append(_texts(model, some, pace))
        at += len(some)
    return _checked(model, rows, len(texts))


def _texts(model: ActiveModel, texts: Sequence[str], pace: Pace) -> Vector:
    return pace.run(
        "text",
        len(texts),
        lambda: clients.models().encode_text(model.ref, texts, priority="ingest"),
    )


def _arrays(
    model: ActiveModel, modality: str, arrays: Sequence[npt.NDArray[Any]], pace: Pace
) -> Vector:
    return pace.run(
        modality,
        len(arrays),
        lambda: clients.models().encode_arrays(model.ref, modality, arrays, priority="ingest"),
    )


def _cut(
    arrays: Sequence[npt.NDArray[Any]], size: int | None
) -> Iterator[Sequence[npt.NDArray[Any]]]:
    for first in range(0, len(arrays), size or len(arrays) or 1):
        yield arrays[first : first + (size or len(arrays))]


def _checked(model: ActiveModel, rows: Sequence[Vector], count: int) -> Vector:
    shapes = {row.shape[1:] for row in rows}
    given, expected = sum(len(row) for row in rows), (count, model.dimension)
    if given != count or not shapes <= {(model.dimension,)}:
        raise BadVectors(f"{model.ref} gave {given} rows of {shapes}, expected {expected}")
    vectors: Vector = np.concatenate([np.zeros((0, model.dimension), np.float32), *rows])
    lengths = np.linalg.norm(vectors, axis=1)
    if not (np.abs(lengths - 1.0) < UNIT_TOLERANCE).all():  # false for what is not finite, too
        raise BadVectors(f"{model.ref} gave vectors that are not of length 1")
    return np.asarray(vectors, np.float32)
