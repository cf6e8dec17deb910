"""One batch of re-embedding: vectors of missing segments, written if they are still wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy.typing as npt

from retrieval import media
from retrieval.encoders.client import ModelRefused
from retrieval.grounds import REASONS
from retrieval.models import Asset, Segment
from retrieval.redaction.errors import RedactionRefused
from retrieval.selectors.models import ActiveModel
from retrieval.selectors.reembed import HELD_STATES, Page, Wanted, truly_stray
from retrieval.services.embedding import (
    BadVectors,
    Pace,
    Part,
    Source,
    decode_parts,
    embed_arrays,
    embed_parts,
    embed_texts,
)
from retrieval.states import State
from retrieval.vectors import Vector, VectorRow, backend

_ITS_OWN_FAULT = (
    *(ModelRefused, BadVectors, RedactionRefused),
    *(media.BlobMissing, media.BlobDamaged),
)

# Decoded media held at once: 16 sounds of 10 s at 48 kHz are 31 MB.
MEDIA_TOGETHER = 16


class BundleUnusable(Exception):
    """The model server will not serve this version at all; the message is its code."""


@dataclass(frozen=True)
class Item:
    """A missing segment with what is needed to embed it."""

    wanted: Wanted
    part: Part
    media_type: str


@dataclass
class Embedded:
    """Vectors by segment id, and a code for every asset that could not be embedded."""

    vectors: dict[int, Vector] = field(default_factory=dict)
    problems: dict[UUID, str] = field(default_factory=dict)


def items_of(missing: Sequence[Wanted]) -> list[Item]:
    """What is needed to embed these segments, in their order. Inside ``scope.system``; one query.

    A segment that is gone meanwhile is left out.
    """
    rows = Segment.objects.filter(id__in=[one.segment_id for one in missing]).values_list(
        "id", "text", "start_ms", "end_ms", "asset__media_type"
    )
    parts = {
        pk: (Part(pk, text, None if start is None or end is None else (start, end)), media_type)
        for pk, text, start, end, media_type in rows
    }
    return [Item(one, *parts[one.segment_id]) for one in missing if one.segment_id in parts]


def batch_embed(*, model: ActiveModel, items: Sequence[Item], pace: Pace) -> Embedded:
    """The vectors of the items, from redacted texts and renditions. No transaction may be open.

    What fails for one asset is told with its asset; the others get theirs.

    Raises:
        BundleUnusable: no asset can be embedded. ModelUnavailable, RedactionUnavailable: later.
    """
    result = Embedded()
    texts = [item for item in items if item.wanted.modality == "text"]
    if texts:
        try:
            rows = embed_texts(model, [item.part.text for item in texts], pace=pace)
        except (ModelRefused, BadVectors):
            _each_alone(model, texts, pace, result)  # one of them is to blame
        else:
            result.vectors |= {item.part.id: row for item, row in zip(texts, rows, strict=True)}
    for modality in sorted({item.wanted.modality for item in items} - {"text"}):
        some = [item for item in items if item.wanted.modality == modality]
        _media_together(model, modality, some, pace, result)
    return result


def _media_together(
    model: ActiveModel, modality: str, items: Sequence[Item], pace: Pace, result: Embedded
) -> None:
    """Media of several assets decoded one after the other, and embedded some at a time."""
    ready: list[tuple[Item, npt.NDArray[Any]]] = []
    for asset_id, of_asset in _by_asset(items).items():
        source = Source(asset_id, modality, of_asset[0].media_type)
        left = list(of_asset)
        try:
            for arrays in decode_parts(source, model, [item.part for item in of_asset]):
                now, left = left[: len(arrays)], left[len(arrays) :]
                if len(now) != len(arrays):
                    raise BadVectors("more decoded than there are segments")
                ready = _embed_ready(
                    model, modality, [*ready, *zip(now, arrays, strict=True)], pace, result
                )
            if left:
                raise BadVectors("less decoded than there are segments")
        except _ITS_OWN_FAULT as error:
            result.problems[asset_id] = _code(error)
    _embed_ready(model, modality, ready, pace, result, all_of_it=True)


def _embed_ready(
    model: ActiveModel,
    modality: str,
    ready: list[tuple[Item, npt.NDArray[Any]]],
    pace: Pace,
    result: Embedded,
    *,
    all_of_it: bool = False,
) -> list[tuple[Item, npt.NDArray[Any]]]:
    """Requests of full size, and with ``all_of_it`` the rest; what is left over."""
    while ready:
        size = min(pace.items(modality) or MEDIA_TOGETHER, MEDIA_TOGETHER)
        if len(ready) < size and not all_of_it:
            break
        some, ready = ready[:size], ready[size:]
        try:
            rows = embed_arrays(model, modality, [array for _, array in some], pace=pace)
        except (ModelRefused, BadVectors):
            _each_alone(model, [item for item, _ in some], pace, result)  # one is to blame
        else:
            result.vectors |= {item.part.id: row for (item, _), row in zip(some, rows, strict=True)}
    return ready


def _each_alone(model: ActiveModel, items: Sequence[Item], pace: Pace, result: Embedded) -> None:
    for asset_id, of_asset in _by_asset(items).items():
        source = Source(asset_id, of_asset[0].wanted.modality, of_asset[0].media_type)
        parts = [item.part for item in of_asset]
        try:
            rows = embed_parts(source, model, parts, pace=pace)
        except _ITS_OWN_FAULT as error:
            result.problems[asset_id] = _code(error)
        else:
            result.vectors |= {part.id: row for part, row in zip(parts, rows, strict=True)}


def _by_asset(items: Sequence[Item]) -> dict[UUID, list[Item]]:
    by_asset: dict[UUID, list[Item]] = defaultdict(list)
    for item in items:
        by_asset[item.wanted.asset_id].append(item)
    return by_asset


def _code(error: Exception) -> str:
    """A static word for what is wrong with an asset.

    Raises:
        BundleUnusable: it is the model that is wrong.
    """
    if isinstance(error, ModelRefused) and error.code.startswith("bundle-"):
        raise BundleUnusable(error.code) from None
    if isinstance(error, (ModelRefused, RedactionRefused)):
        return error.code
    return "bad-vectors" if isinstance(error, BadVectors) else "stored-bytes-damaged"


def batch_store(*, model: ActiveModel, page: Page, to: int | None, embedded: Embedded) -> int:
    """Writes what is still wanted and removes what is not; the number of rows changed.

    In the caller's transaction, inside ``scope.system``. The assets are locked first: whoever
    deletes, withholds or shows one does so before this reads its state, or after this has written,
    and then deletes or hides this too.
    """
    near = [one for one in page.missing if to is None or one.segment_id <= to]
    unlike = [one for one in page.unlike if to is None or one.segment_id <= to]
    strays = [row for row in page.strays if to is None or row.segment_id <= to]
    touched = {one.asset_id for one in (*near, *unlike)} | {row.asset_id for row in strays}
    # What somebody has forbidden is embedded no more, though the batch was begun before.
    states = dict(
        Asset.objects.select_for_update(no_key=True)
        .filter(id__in=touched, vectors_kept=True)
        .exclude(state=State.WITHHELD, reason__in=REASONS)
        .order_by("id")
        .values_list("id", "state")
    )
    written = _write(model, near, states, embedded)
    shown = _show(model, unlike, states)
    gone = truly_stray(strays, modalities=model.modalities)
    removed = backend().delete_segments(table=model.table, segment_ids=gone) if gone else 0
    return written + shown + removed


def _write(
    model: ActiveModel, missing: Sequence[Wanted], states: dict[UUID, str], embedded: Embedded
) -> int:
    living = set(
        Segment.objects.filter(
            id__in=[one.segment_id for one in missing if one.segment_id in embedded.vectors]
        ).values_list("id", flat=True)
    )
    written = 0
    for state in HELD_STATES:
        rows = [
            VectorRow(
                segment_id=one.segment_id,
                asset_id=one.asset_id,
                collection_id=one.collection_id,
                modality=one.modality,
                vector=embedded.vectors[one.segment_id],
            )
            for one in missing
            if one.segment_id in living and states.get(one.asset_id) == state
        ]
        backend().upsert(table=model.table, rows=rows, searchable=state == State.SEARCHABLE)
        written += len(rows)
    return written


def _show(model: ActiveModel, unlike: Sequence[Wanted], states: dict[UUID, str]) -> int:
    changed = 0
    for state in HELD_STATES:
        assets = sorted({one.asset_id for one in unlike if states.get(one.asset_id) == state})
        if assets:
            changed += backend().set_searchable(
                table=model.table, asset_ids=assets, searchable=state == State.SEARCHABLE
            )
    return changed
