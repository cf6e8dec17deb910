"""Embed: the redacted rendition, never the original, under every maintained model that takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from audit import ledger
from retrieval import media, scope
from retrieval.encoders.client import ModelRefused, ModelUnavailable
from retrieval.models import Asset, Collection, Segment
from retrieval.redaction.errors import RedactionRefused
from retrieval.selectors.models import ActiveModel, maintained_models, models_for
from retrieval.services.claims import Claimed, asset_advance, asset_rest, still_permitted
from retrieval.services.embedding import BadVectors, Part, Source, embed_parts
from retrieval.services.indexing import words_index
from retrieval.services.maintained import fence_pass, look_again
from retrieval.services.provenance import step_add
from retrieval.services.review_queue import doubts_open
from retrieval.states import State
from retrieval.vectors import Vector, VectorRow, backend

__all__ = ["BadVectors", "embed"]

logger = structlog.get_logger("vitrine.ingest")

_NOT_FOR_THIS_ONE = (
    *(ModelRefused, ModelUnavailable, BadVectors, RedactionRefused),
    *(media.BlobMissing, media.BlobDamaged),
)


@dataclass(frozen=True)
class _Embedded:
    """One asset's vectors under one model: float32 ``(n, d)``, L2-normalised, row i for part i.

    ``parts`` are those segments whose modality the model embeds.
    """

    model: ActiveModel
    parts: Sequence[Part]
    vectors: Vector


def embed(claimed: Claimed) -> None:
    """Embeds every segment; the transaction that writes the vectors makes the asset searchable.

    No transaction is open while a model runs.

    Raises:
        RedactionRefused, RedactionUnavailable, ModelRefused, ModelUnavailable, BadVectors,
        BlobMissing, BlobDamaged, ClaimLost.
    """
    with scope.system():
        parts = _parts(claimed)
        model_set = Collection.objects.values_list("model_set", flat=True).get(
            id=claimed.collection_id
        )
        models = [one.model for one in models_for({claimed.collection_id: model_set})]
        if not Asset.objects.filter(id=claimed.asset_id, vectors_kept=True).exists():
            # Their period is over: found by its words alone.
            if parts and still_permitted(claimed=claimed):
                _store(claimed, parts, [])
            if parts:
                return
    if not models:
        raise ModelUnavailable("no-active-model")  # set-up installs one in a moment
    fit = _fitting(models, parts)
    if not fit or not parts:
        _nothing_to_embed(claimed, has_parts=bool(parts))
        return
    source = Source(claimed.asset_id, claimed.modality, claimed.media_type)
    embedded = [_embedded(source, model, parts) for model in fit]
    left_out: list[ActiveModel] = []
    while more := _stored_or_more(claimed, parts, embedded, left_out):
        for model in more:
            _embed_too(source, model, parts, embedded, left_out)


def _stored_or_more(
    claimed: Claimed,
    parts: Sequence[Part],
    embedded: Sequence[_Embedded],
    left_out: Sequence[ActiveModel],
) -> list[ActiveModel]:
    """Stores, unless another model has to embed it first; those models."""
    known = {one.model.id for one in embedded} | {model.id for model in left_out}
    with scope.system():
        fence_pass()
        maintained = _fitting(maintained_models(), parts)
        more = [model for model in maintained if model.id not in known]
        if not more:
            if not still_permitted(claimed=claimed):
                return []
            _store(claimed, parts, embedded)
            look_again(model_ids=[model.id for model in left_out], before_segment=parts[0].id - 1)
    return more


def _embed_too(
    source: Source,
    model: ActiveModel,
    parts: Sequence[Part],
    embedded: list[_Embedded],
    left_out: list[ActiveModel],
) -> None:
    """Under a model this collection is not searched with: its failure is not the asset's."""
    try:
        embedded.append(_embedded(source, model, parts))
    except _NOT_FOR_THIS_ONE as error:
        logger.warning(
            "embedding_left_out",
            asset_id=str(source.asset_id),
            model=model.ref,
            error=type(error).__name__,
        )
        left_out.append(model)


def _fitting(models: Sequence[ActiveModel], parts: Sequence[Part]) -> list[ActiveModel]:
    """The models that embed at least one of the parts."""
    kinds = {part.modality for part in parts}
    return [model for model in models if kinds & set(model.modalities)]


def _embedded(source: Source, model: ActiveModel, parts: Sequence[Part]) -> _Embedded:
    own = [part for part in parts if part.modality in model.modalities]
    return _Embedded(model, own, embed_parts(source, model, own))


def _parts(claimed: Claimed) -> list[Part]:
    rows = Segment.objects.filter(asset_id=claimed.asset_id).order_by("ordinal")
    return [
        Part(pk, text, None if start is None or end is None else (start, end), modality)
        for pk, text, start, end, modality in rows.values_list(
            "id", "text", "start_ms", "end_ms", "modality"
        )
    ]


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


def _store(claimed: Claimed, parts: Sequence[Part], embedded: Sequence[_Embedded]) -> None:
    asset_advance(claimed=claimed, state=State.SEARCHABLE, reason="", reason_detail="")
    doubts_open(asset_id=claimed.asset_id, collection_id=claimed.collection_id)
    for one in embedded:
        rows = [
            VectorRow(
                segment_id=part.id,
                asset_id=claimed.asset_id,
                collection_id=claimed.collection_id,
                modality=part.modality,
                vector=vector,
            )
            for part, vector in zip(one.parts, one.vectors, strict=True)
        ]
        backend().upsert(table=one.model.table, rows=rows, searchable=True)
        step_add(
            asset_id=claimed.asset_id,
            step="embed",
            component=one.model.ref.partition("@")[0],
            version=one.model.ref.partition("@")[2],
        )
    words_index(asset_id=claimed.asset_id)
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
