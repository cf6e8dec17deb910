"""What a vector table should hold, what it holds, and how far its filling is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from retrieval.models import Asset, ReembedJob, Segment
from retrieval.selectors.models import ActiveModel, maintained_models, model_by_ref
from retrieval.states import State
from retrieval.vectors import StoredRow, backend, tables

# A searchable asset has a vector for each segment. A withheld one has hidden ones where it was
# embedded before, so that it can return in every table alike; where it never was, it waits.
HELD_STATES = (State.SEARCHABLE, State.WITHHELD)
# Of these nothing may be left. In the others a stage is at work, or a person decides.
_GONE = (State.ERASED, State.PURGED, State.REJECTED)
_COUNTED_AT_ONCE = 10_000


@dataclass(frozen=True)
class Wanted:
    """A segment that should have a vector, as it was when it was read."""

    segment_id: int
    asset_id: UUID
    collection_id: UUID
    modality: str
    searchable: bool


@dataclass(frozen=True)
class Page:
    """Segments with ``after < id <= to``; ``to`` None: to the end.

    ``missing`` have no vector yet, or another asset's; ``unlike`` are shown or hidden wrongly;
    ``strays`` are stored, but not wanted.
    """

    after: int
    to: int | None
    wanted: list[Wanted]
    missing: list[Wanted]
    unlike: list[Wanted]
    strays: list[StoredRow]


@dataclass(frozen=True)
class Coverage:
    """How complete a table is: segments that should have a vector, and those that have none."""

    wanted: int
    missing: int


@dataclass(frozen=True, kw_only=True)
class ReembedStatus:
    """How far one version's re-embedding is.

    ``complete``: every segment has its vector now, and what comes in gets one as well; counted when
    this was read. None where nothing was counted.
    """

    ref: str
    state: str
    reason: str = ""
    round: int = 1
    total: int = 0
    done: int = 0
    rate: float = 0.0
    duty: float = 1.0
    problems: tuple[dict[str, Any], ...] = ()
    started_at: datetime | None = None
    finished_at: datetime | None = None
    complete: bool | None = None

    @property
    def phase(self) -> str:
        """``embedding`` in the first round; ``checking`` in the rounds that prove it complete."""
        return "embedding" if self.round == 1 else "checking"

    @property
    def eta_seconds(self) -> float | None:
        """Seconds that the round still takes at the present rate; None where that is unknown."""
        if self.state != ReembedJob.State.RUNNING or self.rate <= 0:
            return None
        return max(self.total - self.done, 0) / self.rate


def page_of(*, model: ActiveModel, after: int, size: int) -> Page:
    """The next ``size`` segments that should have a vector, held against the table.

    Inside ``scope.system``. Two queries; more where assets are withheld.
    """
    rows = list(
        Segment.objects.filter(
            id__gt=after,
            modality__in=model.modalities,
            asset__state__in=HELD_STATES,
            asset__vectors_kept=True,
        )
        .order_by("id")
        .values_list("id", "asset_id", "collection_id", "modality", "asset__state")[:size]
    )
    to = rows[-1][0] if len(rows) == size else None
    # Read after the segments: what is stored in between is taken for a stray, and looked at again.
    stored = {
        row.segment_id: row for row in backend().listed(table=model.table, after=after, to=to)
    }
    withheld = {row[0] for row in rows if row[4] == State.WITHHELD}
    waiting = withheld - _stored_elsewhere(withheld, after, to)
    wanted = [
        Wanted(pk, asset, collection, modality, state == State.SEARCHABLE)
        for pk, asset, collection, modality, state in rows
        if pk not in waiting
    ]
    known = {one.segment_id for one in wanted} | waiting
    return Page(
        after=after,
        to=to,
        wanted=wanted,
        missing=[one for one in wanted if not _matches(one, stored.get(one.segment_id))],
        unlike=[
            one
            for one in wanted
            if (row := stored.get(one.segment_id)) is not None and row.searchable != one.searchable
        ],
        strays=[row for pk, row in stored.items() if pk not in known],
    )


def truly_stray(rows: Sequence[StoredRow], *, modalities: Sequence[str]) -> list[int]:
    """Ids of those rows whose segment is gone, or whose asset is. Two queries at most.

    Decides for good only where the caller has locked the assets.
    """
    if not rows:
        return []
    segments = dict(
        Segment.objects.filter(
            id__in=[row.segment_id for row in rows], modality__in=modalities
        ).values_list("id", "asset_id")
    )
    living = set(
        Asset.objects.filter(id__in={row.asset_id for row in rows})
        .exclude(Q(state__in=_GONE) | Q(vectors_kept=False))
        .values_list("id", flat=True)
    )
    return [
        row.segment_id
        for row in rows
        if segments.get(row.segment_id) != row.asset_id or row.asset_id not in living
    ]


def coverage_of(*, model: ActiveModel) -> Coverage:
    """Every segment held against the table. Inside ``scope.system``; reads all ids, no vectors."""
    wanted = missing = 0
    after: int | None = 0
    while after is not None:
        page = page_of(model=model, after=after, size=_COUNTED_AT_ONCE)
        wanted += len(page.wanted)
        missing += len(page.missing)
        after = page.to
    return Coverage(wanted=wanted, missing=missing)


def segments_to_embed(*, model: ActiveModel) -> int:
    """Segments of searchable assets of the model's modalities. Inside ``scope.system``."""
    return Segment.objects.filter(
        modality__in=model.modalities, asset__state=State.SEARCHABLE, asset__vectors_kept=True
    ).count()


def reembed_status(*, ref: str) -> ReembedStatus | None:
    """How far ``ref`` is, and whether its table is complete now. Inside ``scope.system``.

    A version without a job whose table is complete is ``done``: uploads have filled it. None: there
    is no such version, or it has no job and is not complete.
    """
    model = model_by_ref(ref)
    if model is None:
        return None
    covered = coverage_of(model=model)
    maintained = any(one.id == model.id for one in maintained_models())
    complete = not covered.missing and (maintained or not covered.wanted)
    job = ReembedJob.objects.filter(model_version_id=model.id).first()
    if job is not None:
        return status_of(job, ref=ref, complete=complete)
    if not complete:
        return None
    return ReembedStatus(
        ref=ref,
        state=ReembedJob.State.DONE.value,
        total=covered.wanted,
        done=covered.wanted,
        complete=True,
    )


def reembed_list() -> list[ReembedStatus]:
    """Every job, latest first; nothing is counted. One query."""
    jobs = ReembedJob.objects.select_related("model_version")
    return [status_of(job, ref=job.model_version.ref) for job in jobs]


def status_of(job: ReembedJob, *, ref: str, complete: bool | None = None) -> ReembedStatus:
    """A job's row in words."""
    return ReembedStatus(
        ref=ref,
        state=job.state,
        reason=job.reason,
        round=job.round,
        total=job.total,
        done=min(job.done, job.total),
        rate=job.rate,
        duty=job.duty,
        problems=tuple(job.problems),
        started_at=job.started_at,
        finished_at=job.finished_at,
        complete=complete,
    )


def _matches(wanted: Wanted, row: StoredRow | None) -> bool:
    return row is not None and (
        (row.asset_id, row.collection_id, row.modality)
        == (wanted.asset_id, wanted.collection_id, wanted.modality)
    )


def _stored_elsewhere(segments: set[int], after: int, to: int | None) -> set[int]:
    """Those of ``segments`` that have a vector in any table."""
    if not segments:
        return set()
    return {
        row.segment_id
        for table in tables()
        for row in backend().listed(table=table, after=after, to=to)
        if row.segment_id in segments
    }
