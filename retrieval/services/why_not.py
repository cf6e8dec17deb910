"""Why a readable asset is not among the hits of a search: the stage that left it out.

Only what the asker may read is compared with, so nothing here tells of anything hidden; ranks are
told in ranges, similarities with two decimals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.utils import timezone

from accounts.models import User
from audit.models import SearchRecord
from retrieval import scope
from retrieval.errors import Gone, NotAllowed, NotVisible
from retrieval.fusion import Fused, Signal, fuse
from retrieval.models import Asset, Collection, Segment
from retrieval.purposes import permits_search
from retrieval.selectors.assets import asset_get
from retrieval.selectors.searches import search_record
from retrieval.services.search.again import Again, search_again
from retrieval.services.search.answer import CONFIDENCE_DECIMALS, what_of
from retrieval.services.search.certainty import beside_best, certainty
from retrieval.services.search.checks import MAX_TOP_K
from retrieval.services.search.finding import hits_find
from retrieval.services.search.kept import Kept, kept_query_of
from retrieval.services.search.literal import literal_signals
from retrieval.services.search.types import (
    SIMILARITY_DECIMALS,
    AssetAnswer,
    Hit,
    SearchFilters,
    plain,
)
from retrieval.states import State
from retrieval.vectors import Neighbour, backend

_RANGES: Final = ((1, 10), (11, 20), (21, 50), (51, 100))


@dataclass(frozen=True, kw_only=True)
class Compared:
    """How like query and asset are, in the space that is surest of it; see ``SignalRecorded``.

    ``confidence`` is that of all spaces together, ``last`` that of the last hit, and ``behind`` how
    far the asset lies below it; ``rank`` is the range of ranks that it would have: ``11-20``, or
    ``beyond 100``.
    """

    space: str
    model: str | None
    similarity: float
    calibrated: float
    threshold: float
    confidence: float
    last: float | None
    behind: float | None
    rank: str | None


@dataclass(frozen=True, kw_only=True)
class WhyNot:
    """``stage`` and ``code`` for programs, ``detail`` and ``notes`` for people."""

    search_id: UUID
    asset: AssetAnswer
    stage: str
    code: str
    detail: str
    query_kept: bool
    compared: Compared | None = None
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The body, of JSON types only."""
        return plain(asdict(self))


@dataclass(frozen=True)
class _Verdict:
    stage: str
    code: str
    detail: str
    compared: Compared | None = None


def why_not(*, user: User, search_id: UUID, asset_id: UUID) -> WhyNot:
    """Which stage, filter or threshold left the asset out of the search's hits.

    Raises:
        NotVisible: no such search for ``user``, or no such asset that ``user`` may read.
        NotAllowed: it can be told only with somebody else's query.
        Gone: it could be told only with the query, which is no longer kept.
    """
    record, own = search_record(user=user, search_id=search_id)
    view = asset_get(user=user, asset_id=asset_id)
    if not view.readable:
        raise NotVisible("There is no such asset.")
    asset = view.asset
    kept = kept_query_of(record)
    with scope.user(user.pk):
        verdict = next(_without_query(record, asset), None)
        if verdict is None:
            if kept is None or not kept.complete:
                raise Gone(
                    "The query is no longer kept. Without it only this can be said: the asset is "
                    "searchable, and its collection and kind were searched."
                )
            if not own:
                raise NotAllowed("What somebody else asked is disclosed by two persons only.")
            verdict = _with_query(user, record, asset, kept)
    return WhyNot(
        search_id=record.id,
        asset=what_of(asset),
        stage=verdict.stage,
        code=verdict.code,
        detail=verdict.detail,
        query_kept=kept is not None,
        compared=verdict.compared,
        notes=list(_notes(record, asset)),
    )


def _without_query(record: SearchRecord, asset: Asset) -> Iterator[_Verdict]:
    """What can be said from the record alone; the first one decides."""
    hit = record.influences.filter(asset_id=asset.pk).values_list("rank", flat=True).first()
    if hit is not None:
        yield _Verdict("hit", "was-a-hit", f"It is hit {hit} of this search.")
    if asset.state != State.SEARCHABLE:
        why = f": {asset.reason_detail}" if asset.reason_detail else "."
        yield _Verdict("state", "not-searchable", f"It is {asset.state}, not searchable{why}")
    if asset.permitted_until is not None and asset.permitted_until <= timezone.now():
        why = f"A consent that it needs ended at {asset.permitted_until:%Y-%m-%d %H:%M} UTC."
        yield _Verdict("state", "not-searchable", f"It is withheld: {why}")
    if asset.collection_id not in record.searched_in:
        yield _unsearched(record, asset)
    if asset.state_changed_at > record.at:
        yield _Verdict(
            "state", "searchable-later", "It became what it is after the search had been answered."
        )
    kinds = set(
        Segment.objects.filter(asset_id=asset.pk).values_list("modality", flat=True).distinct()
    )
    if not kinds.intersection(record.modalities):
        yield _Verdict(
            "modality",
            "modality-not-searched",
            f"The search looked for {_listed(record.modalities)}; this is {_listed(sorted(kinds))}."
            if kinds
            else "There is nothing in it that could be found.",
        )


def _unsearched(record: SearchRecord, asset: Asset) -> _Verdict:
    rules = Collection.objects.values_list("purposes", flat=True).get(pk=asset.collection_id)
    purpose = str(record.parameters.get("purpose", ""))
    if not permits_search(rules, purpose):
        named = f"“{purpose}”" if purpose else "a search that names no purpose"
        return _Verdict(
            "purpose", "purpose", f"Its collection may not be searched for {named}: consent is due."
        )
    return _Verdict(
        "collection",
        "collection-not-searched",
        "Its collection was not searched: it was not asked for, or could not be read then.",
    )


def _listed(words: list[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def _with_query(user: User, record: SearchRecord, asset: Asset, kept: Kept) -> _Verdict:
    if kept.asset == asset.pk:
        return _Verdict("query", "is-the-query", "It is what the search asked with.")
    filtered = _filtered(asset, kept.filters)
    if filtered is not None:
        return filtered
    again = search_again(user=user, record=record, kept=kept, top_k=MAX_TOP_K)
    fused = fuse(_signals_of(again, asset))
    if not fused and not asset.vectors_kept:
        return _Verdict(
            "vectors",
            "vectors-period-over",
            "The period of its vectors is over: it is found by its words alone, and the query's "
            "are not among them.",
        )
    if not fused:
        return _Verdict(
            "vectors",
            "no-vector",
            "No model that was searched with has a vector of it, and the query's words are not in "
            "it.",
        )
    return _judged(user, record, asset, again, fused[0])


def _filtered(asset: Asset, filters: SearchFilters) -> _Verdict | None:
    """The first filter that the asset does not pass, by the rules of the vector query."""
    at = asset.captured_at
    tests = (
        ("captured_after", filters.captured_after, lambda v: at is not None and at >= v),
        ("captured_before", filters.captured_before, lambda v: at is not None and at < v),
        ("source", filters.source, lambda v: asset.source == v),
        (
            "metadata",
            filters.metadata,
            lambda v: Asset.objects.filter(pk=asset.pk, metadata__contains=v).exists(),
        ),
    )
    for name, wanted, passes in tests:
        if wanted and not passes(wanted):
            return _Verdict("filter", f"filter-{name}", f"The filter “{name}” left it out.")
    return None


def _signals_of(again: Again, asset: Asset) -> Iterator[Signal]:
    """What every space says of the asset itself, wherever it lies among the others."""
    reach, query, request = again.reach, again.query, again.asked.request
    for model in reach.models:
        carried = query.carried.get(model.ref)
        vector = carried.vector if carried else query.vectors.get(model.ref)
        if vector is None or asset.collection_id not in reach.held[model.ref]:
            continue
        kinds = carried.modalities if carried else model.modalities
        for modality in (kind for kind in reach.modalities if kind in kinds):
            stored = backend().fetch(table=model.table, asset_id=asset.pk, modality=modality)
            near = [
                Neighbour(
                    segment_id=0,
                    asset_id=asset.pk,
                    collection_id=asset.collection_id,
                    modality=modality,
                    similarity=float(row @ vector),
                )
                for row in stored
            ]
            if not near:
                continue
            sure = certainty(model, reach, query, modality, near)
            for row, one in enumerate(near):
                yield Signal(
                    space=model.space,
                    model=model.ref,
                    query_modality=query.modality,
                    target_modality=modality,
                    asset_id=asset.pk,
                    segment_id=0,
                    similarity=one.similarity,
                    calibrated=float(sure.probabilities[row]),
                    threshold=float(sure.thresholds[row]),
                    weight=float(request.weights.get(model.space, 1.0)),
                )
    for signal in literal_signals(asked=again.asked, reach=reach, query=query, also=[asset.pk]):
        if signal.asset_id == asset.pk:
            yield signal


def _judged(user: User, record: SearchRecord, asset: Asset, again: Again, one: Fused) -> _Verdict:
    """Below the threshold, or behind the last hit."""
    hits = hits_find(user=user, asked=again.asked, reach=again.reach, query=again.query).hits
    place = next((hit.rank for hit in hits if hit.asset.id == asset.pk), None)
    last = record.influences.order_by("-rank").values_list("confidence", flat=True).first()
    best, confidence = one.best, round(one.confidence, CONFIDENCE_DECIMALS)
    least = _least(best, hits)
    compared = Compared(
        space=best.space,
        model=best.model,
        similarity=round(best.similarity, SIMILARITY_DECIMALS),
        calibrated=round(best.calibrated, CONFIDENCE_DECIMALS),
        threshold=round(least, CONFIDENCE_DECIMALS),
        confidence=confidence,
        last=last,
        behind=None if last is None else round(max(0.0, last - confidence), CONFIDENCE_DECIMALS),
        rank=_range(place),
    )
    said = f"Its confidence is {confidence:.2f} (similarity {compared.similarity:.2f})"
    missed = one.verdict != "match" or best.calibrated < least
    if missed and not record.parameters.get("include_uncertain"):
        return _Verdict(
            "threshold",
            "below-threshold",
            f"{said}; from {compared.threshold:.2f} on it would have been a match.",
            compared,
        )
    top_k = int(record.parameters["top_k"])
    if place is not None and place <= top_k:
        return _Verdict(
            "index",
            "found-now",
            f"{said}; the same search would find it now. Replay says what has changed.",
            compared,
        )
    behind = "" if compared.behind is None else f", {compared.behind:.2f} below the last hit"
    where = "behind the first 100" if place is None else f"among ranks {compared.rank}"
    return _Verdict(
        "rank",
        "ranked-lower",
        f"{said}{behind}: it comes {where}, and {top_k} were asked for.",
        compared,
    )


def _least(signal: Signal, hits: Sequence[Hit]) -> float:
    """From which probability on the signal would have matched, beside what its kind found."""
    found = (
        other.calibrated
        for hit in hits
        for other in hit.influence.signals
        if (other.model, other.target_modality) == (signal.model, signal.target_modality)
    )
    if signal.model is None:
        return signal.threshold
    return float(beside_best(np.array([signal.threshold]), best=max(found, default=0.0))[0])


def _range(place: int | None) -> str:
    for low, high in _RANGES:
        if place is not None and low <= place <= high:
            return f"{low}-{high}"
    return f"beyond {_RANGES[-1][1]}"


def _notes(record: SearchRecord, asset: Asset) -> Iterator[str]:
    """What redaction took away, and so could not match; and on what ground it may be found."""
    if asset.ground:
        yield f"It may be searched under: {asset.ground}."
    asked = sorted({str(one["kind"]) for one in record.query_redactions})
    if asked:
        yield f"Taken out of the query before searching: {', '.join(asked)}."
    held = sorted({str(one["kind"]) for one in asset.redactions})
    if held:
        yield f"Taken out of the asset before it was made searchable: {', '.join(held)}."
