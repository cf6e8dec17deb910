"""Which part of a hit carried the match, drawn on its redacted rendition.

A service, not a selector: pictures and sounds are opened for it, which the ledger records as every
other view. Permission, state, consent and whether the query is still kept are asked at each read;
nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, Final
from uuid import UUID

import numpy as np

from accounts.models import User
from audit.models import Influence, SearchRecord
from retrieval import clients, scope
from retrieval.encoders.bundle import BundleError, tensor_spec
from retrieval.encoders.client import ModelRefused, ModelUnavailable
from retrieval.errors import Gone, NotAllowed, NotVisible, Unavailable, Unprocessable
from retrieval.excerpts import excerpt
from retrieval.models import Segment
from retrieval.redaction.errors import RedactionRefused, RedactionUnavailable
from retrieval.saliency.describe import heat_rows, picture_parts, sound_parts, text_parts
from retrieval.saliency.words import word_spans
from retrieval.selectors.models import ActiveModel, model_by_ref
from retrieval.selectors.searches import hit_shown, search_record
from retrieval.services.content import rendition_open
from retrieval.services.search.kept import Kept, kept_query_of

# Maps made at a time by one process, so that threads are left for searches.
_SLOTS: Final = BoundedSemaphore(2)
_SLOT_SECONDS: Final = 10.0
_TEXT: Final = "text/plain"
_LITERAL: Final = "literal"


@dataclass(frozen=True, kw_only=True)
class SaliencyPicture:
    """A PNG, and the same in words: ``parts``, the strongest first.

    ``method``: ``occlusion``, ``gradient``, or ``literal`` where words matched as they are written.
    """

    png: bytes
    method: str
    modality: str
    model: str | None
    parts: list[str]


def saliency_draw(*, user: User, search_id: UUID, rank: int) -> SaliencyPicture:
    """The map of one hit.

    Raises:
        NotVisible: no such search or hit, or not for ``user`` to see now.
        NotAllowed: it is somebody else's query, which would be disclosed.
        Gone: the query is no longer kept, or the model that found it is another one by now.
        Unprocessable: nothing can be drawn on data of this kind.
        Unavailable: a server does not answer or is busy.
    """
    record, own = search_record(user=user, search_id=search_id)
    influence = record.influences.filter(rank=rank).first()
    with scope.user(user.pk):
        segment = None if influence is None else hit_shown(user, record, influence)
    if influence is None or segment is None:
        raise NotVisible("There is no such hit.")
    kept = kept_query_of(record)
    if kept is None or not kept.complete:
        raise Gone("The query is no longer kept, so nothing can be explained with it.")
    if not own:
        raise NotAllowed("What somebody else asked is disclosed by two persons only.")
    signal = _decided(influence)
    if signal.get("model") is None:
        return _literal(segment, kept)
    with _slot(), _answered():
        return _drawn(user, record, segment, signal, kept)


def _decided(influence: Influence) -> dict[str, Any]:
    """The signal that a hit's place and confidence are of; records of old do not say which."""
    signals: list[dict[str, Any]] = influence.signals
    return next((one for one in signals if one.get("decided")), signals[0])


def _literal(segment: Segment, kept: Kept) -> SaliencyPicture:
    """The words that stand in the text as they stand in the query."""
    spans, at = [], 0
    text = segment.text or segment.asset.title
    for piece, wanted in excerpt(text, kept.text or "", length=max(1, len(text))):
        if wanted:
            spans.append((at, at + len(piece)))
        at += len(piece)
    words = [text[start:end] for start, end in spans]
    heat, places = ([[255] * len(spans)], spans) if spans else ([[0]], [(0, len(text))])
    with _answered():
        png = clients.redaction().overlay(text.encode(), media_type=_TEXT, heat=heat, spans=places)
    return SaliencyPicture(
        png=png, method=_LITERAL, modality="text", model=None, parts=list(dict.fromkeys(words))
    )


def _drawn(
    user: User, record: SearchRecord, segment: Segment, signal: dict[str, Any], kept: Kept
) -> SaliencyPicture:
    ref, modality = str(signal["model"]), str(signal["target_modality"])
    model = _the_same_model(record, ref)
    query = kept.vector_for(ref)
    if query is None:
        raise Gone("What this was compared with is no longer kept.")
    if modality == "text":
        return _text(segment, ref, query)
    if modality not in {"image", "audio"}:
        raise Unprocessable("Nothing can be drawn on data of this kind.")
    return _media(user, segment, model, modality, query)


def _the_same_model(record: SearchRecord, ref: str) -> ActiveModel:
    model = model_by_ref(ref)
    then = record.basis.get("models", {}).get(ref, {}).get("manifest_sha256")
    if model is None or (then is not None and then != model.manifest_sha256):
        raise Gone("The model that found this is no longer the one that is installed.")
    return model


def _text(segment: Segment, ref: str, query: Any) -> SaliencyPicture:
    spans = word_spans(segment.text)
    if not spans:
        raise Unprocessable("There are no words to take apart.")
    found = clients.models().saliency(ref, "text", segment.text, query)
    if found.values.shape != (len(spans),):
        raise Unavailable("The model server answered with another number of words.")
    png = clients.redaction().overlay(
        segment.text.encode(), media_type=_TEXT, heat=heat_rows(found.values), spans=spans
    )
    return SaliencyPicture(
        png=png,
        method=found.method,
        modality="text",
        model=ref,
        parts=text_parts(found.values, text=segment.text, spans=spans),
    )


def _media(
    user: User, segment: Segment, model: ActiveModel, modality: str, query: Any
) -> SaliencyPicture:
    window = (segment.start_ms or 0, segment.end_ms or segment.asset.duration_ms or 0)
    try:
        spec = tensor_spec(
            model.manifest, modality, windows_ms=(window,) if modality == "audio" else ()
        )
    except BundleError:
        raise Gone("The model that found this takes no such data any more.") from None
    content = rendition_open(user=user, asset_id=segment.asset_id)
    with closing(content.stream) as stream:
        rendition = stream.read()
    media_type = content.media_type
    (item,) = clients.redaction().tensors(
        rendition, media_type=media_type, spec=spec, priority="query"
    )
    found = clients.models().saliency(
        model.ref, modality, np.asarray(item), query, rate=spec.sample_rate
    )
    png = clients.redaction().overlay(
        rendition,
        media_type=media_type,
        heat=heat_rows(found.values),
        window_ms=window if modality == "audio" else (0, 0),
    )
    parts = (
        sound_parts(found.values, window_ms=window)
        if modality == "audio"
        else picture_parts(found.values)
    )
    return SaliencyPicture(
        png=png, method=found.method, modality=modality, model=model.ref, parts=parts
    )


@contextmanager
def _slot() -> Iterator[None]:
    if not _SLOTS.acquire(timeout=_SLOT_SECONDS):
        raise Unavailable("Other maps are being drawn; try again in a moment.")
    try:
        yield
    finally:
        _SLOTS.release()


@contextmanager
def _answered() -> Iterator[None]:
    """Errors of the two servers in this room's words."""
    try:
        yield
    except (RedactionUnavailable, ModelUnavailable):
        raise Unavailable("What draws the map does not answer right now.") from None
    except (RedactionRefused, ModelRefused) as error:
        raise Unprocessable(error.reason) from None
