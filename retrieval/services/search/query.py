"""From what was asked to one redacted query with a vector in each space; no transaction is open."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np

from retrieval import clients
from retrieval.encoders.bundle import tensor_spec
from retrieval.encoders.client import ModelRefused, ModelUnavailable
from retrieval.errors import Unavailable, Unprocessable
from retrieval.redaction.errors import RedactionRefused, RedactionUnavailable
from retrieval.redaction.types import QueryMedia
from retrieval.segmentation import audio_windows
from retrieval.selectors.modalities import array_words
from retrieval.selectors.models import ActiveModel
from retrieval.services.search.cache import query_vectors
from retrieval.services.search.carrying import Carried, carried_into, composed
from retrieval.services.search.checks import Checked
from retrieval.services.search.reach import Reach
from retrieval.vectors import Vector
from retrieval.vectors.base import checked as unit_checked

# The first half minute of a sound given as a query; what comes later is not listened to.
MAX_QUERY_WINDOWS = 5


@dataclass(frozen=True)
class Query:
    """A redacted query. ``vectors`` are float32 ``(d,)`` of length 1, by model ref.

    ``carried`` holds, likewise, what came over a bridge to models that do not take the query
    themselves. ``components`` are the modalities it is made of; ``parts`` holds, by model ref, a
    vector for each of them, None where a model has no such tower; ``canonical`` tells it apart.
    ``words`` are what it may match literally, where it is words alone.
    """

    components: tuple[str, ...]
    redactions: list[dict[str, Any]]
    canonical: bytes
    vectors: dict[str, Vector]
    carried: dict[str, Carried] = field(default_factory=dict)
    parts: dict[str, list[Vector | None]] = field(default_factory=dict)
    words: str | None = None

    @property
    def models(self) -> list[str]:
        """Refs of all models whose vectors it can be compared with."""
        return sorted({*self.vectors, *self.carried})

    @property
    def modality(self) -> str:
        """One modality, or two joined by ``+``."""
        return "+".join(self.components)


@dataclass(frozen=True)
class _Redacted:
    text: str | None
    media: QueryMedia | None
    redactions: list[dict[str, Any]]


def query_encode(*, asked: Checked, reach: Reach, user_id: UUID | None = None) -> Query:
    """The query, redacted and then embedded by every model that takes all its parts.

    What ``user_id`` asked a moment ago is redacted again, but not embedded again.

    Several parts (a text with a picture) are fused early: ``composed``. So are, all alike, the
    windows of a sound and the segments of a stored asset.

    Raises:
        Unavailable: a server does not answer; nothing was let through.
        Unprocessable: the file cannot be used, or no model takes such a query.
    """
    redacted = _redacted(asked, reach)
    kinds = [
        "text" if redacted.text is not None else None,
        redacted.media.modality if redacted.media is not None else None,
        reach.asset_modality,
    ]
    components = tuple(kind for kind in kinds if kind is not None)
    parts = {model.ref: _parts(model, redacted, reach, user_id) for model in reach.models}
    whole = {ref: [p for p in found if p is not None] for ref, found in parts.items()}
    vectors = {
        ref: _unit(composed(own, components))
        for ref, own in whole.items()
        if len(own) == len(components)
    }
    carried = {
        model.ref: over
        for model in reach.models
        if model.ref not in vectors
        and (
            over := carried_into(
                model,
                models=reach.models,
                bridges=reach.bridges,
                components=components,
                parts=parts,
            )
        )
    }
    words = redacted.text if components == ("text",) else None
    if not vectors and not carried and (reach.models or words is None):
        raise Unprocessable(f"No installed model takes a query of {' with '.join(components)}.")
    return Query(
        components=components,
        redactions=redacted.redactions,
        canonical=_canonical(asked, redacted),
        vectors=vectors,
        carried=carried,
        parts=parts,
        words=words,
    )


def _redacted(asked: Checked, reach: Reach) -> _Redacted:
    """The query's words and file as redaction leaves them."""
    profile, counts = reach.rules.profile, dict[str, int]()
    text, media = asked.text, None
    with _answered():
        if text is not None:
            cleaned = clients.redaction().redact_text(text, profile=profile)
            text, counts = cleaned.text, dict(cleaned.counts())
        if asked.request.file is not None:
            media = clients.redaction().query_file(
                asked.request.file,
                profile=profile,
                name=asked.request.file_name,
                **array_words(asked.request.file_modality, reach.models),
            )
            for found in media.redactions:
                counts[found.kind] = counts.get(found.kind, 0) + found.count
    if media is not None and media.modality == "text":  # a file of words asks as words do
        text = "\n".join(part for part in (text or "", media.text) if part.strip())
        media = None
        if not text:
            raise Unprocessable("The file holds no words to look for.")
    return _Redacted(text, media, [{"kind": k, "count": n} for k, n in sorted(counts.items())])


def _parts(
    model: ActiveModel, redacted: _Redacted, reach: Reach, user_id: UUID | None
) -> list[Vector | None]:
    """A vector for each component of the query: float32 ``(d,)``; None where it takes no such."""
    parts: list[Vector | None] = []
    if redacted.text is not None:
        takes = "text" in model.modalities
        parts.append(_text_vector(model, redacted.text, user_id) if takes else None)
    if redacted.media is not None:
        takes = redacted.media.modality in model.modalities
        parts.append(_media_vector(model, redacted.media, user_id) if takes else None)
    if reach.asset_modality is not None:
        stored = reach.stored.get(model.ref)
        parts.append(None if stored is None else _mean(stored))
    if any(part is not None and part.shape != (model.dimension,) for part in parts):
        raise Unavailable("A model answered with vectors of another size than it declares.")
    return parts


def _text_vector(model: ActiveModel, text: str, user_id: UUID | None) -> Vector:
    def make() -> Vector:
        with _answered():
            return _mean(clients.models().encode_text(model.ref, [text], priority="query"))

    return query_vectors.get(
        user=user_id, model=model, modality="text", asked=text.encode(), make=make
    )


def _media_vector(model: ActiveModel, media: QueryMedia, user_id: UUID | None) -> Vector:
    windows = audio_windows(media.duration_ms or 0)  # none for what has no duration
    spec = tensor_spec(
        model.manifest, media.modality, windows_ms=tuple(windows[:MAX_QUERY_WINDOWS])
    )

    def make() -> Vector:
        with _answered():
            arrays = clients.redaction().tensors(
                media.rendition, media_type=media.media_type, spec=spec, priority="query"
            )
            return _mean(
                clients.models().encode_arrays(model.ref, media.modality, arrays, priority="query")
            )

    # The windows follow from the rendition, the rest of ``spec`` from the model version.
    return query_vectors.get(
        user=user_id, model=model, modality=media.modality, asked=media.rendition, make=make
    )


def _mean(vectors: Vector) -> Vector:
    """The normalised mean of the rows: float32 ``(d,)``."""
    return _unit(np.sum(vectors, axis=0, dtype=np.float32))


def _unit(total: Vector) -> Vector:
    try:
        return unit_checked(total / np.linalg.norm(total))
    except ValueError:
        raise Unavailable("A model answered with vectors that cannot be compared.") from None


def _canonical(asked: Checked, redacted: _Redacted) -> bytes:
    """What is kept: the redacted words, the asset's id, and of a file only what tells it apart."""
    kept: dict[str, str] = {}
    if redacted.text is not None:
        kept["text"] = redacted.text
    if asked.request.asset is not None:
        kept["asset"] = str(asked.request.asset)
    if redacted.media is not None:
        kept["file_sha256"] = hashlib.sha256(redacted.media.rendition).hexdigest()
    return json.dumps(kept, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


@contextmanager
def _answered() -> Iterator[None]:
    """Errors of the two servers in this room's words; they carry reasons, never content."""
    try:
        yield
    except (RedactionUnavailable, ModelUnavailable):
        raise Unavailable("Search is busy or starting; nothing was searched.") from None
    except RedactionRefused as error:
        raise Unprocessable(error.reason) from None
    except ModelRefused as error:
        raise Unprocessable(error.reason) from None
