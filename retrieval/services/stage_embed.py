"""Embed: the redacted rendition, never the original, under every active model that takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from audit import ledger
from retrieval import clients, media, scope
from retrieval.encoders.bundle import tensor_spec
from retrieval.encoders.client import ModelUnavailable
from retrieval.models import Collection, Segment
from retrieval.selectors.models import ActiveModel, active_models
from retrieval.services.claims import Claimed, asset_advance, asset_rest
from retrieval.services.provenance import step_add
from retrieval.states import State
from retrieval.vectors import Vector, VectorRow, backend
from retrieval.vectors.base import UNIT_TOLERANCE

_TEXTS_A_CALL = 64


@dataclass(frozen=True)
class _Part:
    """A segment as the models need it."""

    id: int
    text: str
    window_ms: tuple[int, int] | None


@dataclass(frozen=True)
class _Embedded:
    """One asset's vectors under one model: float32 ``(n, d)``, L2-normalised, row i for part i."""

    model: ActiveModel
    vectors: Vector


class BadVectors(Exception):
    """A model gave vectors of another shape than it declares, or not of length 1. Permanent."""


def embed(claimed: Claimed) -> None:
    """Embeds every segment; the transaction that writes the vectors makes the asset searchable.

    No transaction is open while a model runs.

    Raises:
        RedactionRefused, RedactionUnavailable, ModelRefused, ModelUnavailable, BadVectors,
        BlobMissing, BlobDamaged, ClaimLost.
    """
    with scope.system():
        parts = _parts(claimed)
        models = active_models()
        purposes = Collection.objects.values_list("purposes", flat=True).get(
            id=claimed.collection_id
        )
    if purposes.get("search", {}).get("consent") != "not_required":
        _withhold(claimed)
        return
    if not models:
        raise ModelUnavailable("no-active-model")  # set-up installs one in a moment
    fit = [model for model in models if claimed.modality in model.modalities]
    if not fit or not parts:
        _nothing_to_embed(claimed, has_parts=bool(parts))
        return
    embedded = [_Embedded(model, _vectors(claimed, model, parts)) for model in fit]
    with scope.system():
        _store(claimed, parts, embedded)


def _parts(claimed: Claimed) -> list[_Part]:
    rows = Segment.objects.filter(asset_id=claimed.asset_id).order_by("ordinal")
    return [
        _Part(pk, text, None if start is None or end is None else (start, end))
        for pk, text, start, end in rows.values_list("id", "text", "start_ms", "end_ms")
    ]


def _withhold(claimed: Claimed) -> None:
    """No consent can be recorded yet, so where one is needed it is missing: fail closed."""
    asset_rest(
        claimed=claimed,
        state=State.WITHHELD,
        reason="consent-missing",
        detail="The collection requires consent for search, and none is recorded.",
    )


def _nothing_to_embed(claimed: Claimed, *, has_parts: bool) -> None:
    detail = (
        f"No active model can embed {claimed.modality}."
        if has_parts
        else "Nothing was left that could be searched."
    )
    asset_rest(
        claimed=claimed,
        state=State.QUARANTINED,
        reason="no-model" if has_parts else "nothing-to-embed",
        detail=detail,
    )


def _vectors(claimed: Claimed, model: ActiveModel, parts: Sequence[_Part]) -> Vector:
    batches = list(
        _text_batches(model, parts)
        if claimed.modality == "text"
        else _media_batches(claimed, model, parts)
    )
    vectors = np.concatenate(batches).astype(np.float32, copy=False)
    expected = (len(parts), model.dimension)
    if vectors.shape != expected:
        raise BadVectors(f"{model.ref} gave shape {vectors.shape}, expected {expected}")
    lengths = np.linalg.norm(vectors, axis=1)
    if not (np.abs(lengths - 1.0) < UNIT_TOLERANCE).all():  # false for what is not finite, too
        raise BadVectors(f"{model.ref} gave vectors that are not of length 1")
    return vectors


def _text_batches(model: ActiveModel, parts: Sequence[_Part]) -> Iterator[Vector]:
    texts = [part.text for part in parts]
    for first in range(0, len(texts), _TEXTS_A_CALL):
        yield clients.models().encode_text(
            model.ref, texts[first : first + _TEXTS_A_CALL], priority="ingest"
        )


def _media_batches(
    claimed: Claimed, model: ActiveModel, parts: Sequence[_Part]
) -> Iterator[Vector]:
    windows = tuple(part.window_ms for part in parts if part.window_ms is not None)
    spec = tensor_spec(model.manifest, claimed.modality, windows_ms=windows)
    rendition = media.read_blob(media.Blob.RENDITION, claimed.asset_id)
    decoded = clients.redaction().tensor_batches(
        rendition, media_type=claimed.media_type, spec=spec
    )
    for arrays in decoded:
        yield clients.models().encode_arrays(model.ref, claimed.modality, arrays, priority="ingest")


def _store(claimed: Claimed, parts: Sequence[_Part], embedded: Sequence[_Embedded]) -> None:
    asset_advance(claimed=claimed, state=State.SEARCHABLE, reason="", reason_detail="")
    for one in embedded:
        rows = [
            VectorRow(
                segment_id=part.id,
                asset_id=claimed.asset_id,
                collection_id=claimed.collection_id,
                modality=claimed.modality,
                vector=vector,
            )
            for part, vector in zip(parts, one.vectors, strict=True)
        ]
        backend().upsert(table=one.model.table, rows=rows, searchable=True)
        step_add(
            asset_id=claimed.asset_id,
            step="embed",
            component=one.model.ref.partition("@")[0],
            version=one.model.ref.partition("@")[2],
        )
    ledger.record(
        event="ingest:asset:embed",
        actor=None,
        refs={
            "asset": str(claimed.asset_id),
            "collection": str(claimed.collection_id),
            "models": [one.model.ref for one in embedded],
        },
        payload={"segments": len(parts)},
    )
