"""What the end of a period does to assets, part by part.

Each function takes assets that the caller has locked and looked at again, inside
``scope.system`` and one transaction: first it destroys, then it writes that it did. A crash in
between leaves rows that still say otherwise; the next run destroys nothing more and writes it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import structlog
from django.utils import timezone

from audit import ledger
from audit.blind import blind_forget
from retrieval import media
from retrieval.models import Asset, ProvenanceStep, Segment
from retrieval.services.evaluation_cases import cases_forget
from retrieval.services.feedback_retention import feedback_forget
from retrieval.services.indexing import (
    assets_unindex,
    segments_unindex,
    vectors_unindex,
    words_index,
)
from retrieval.services.review_queue import forget
from retrieval.states import RawState, State

logger = structlog.get_logger("vitrine.retention")

PURGED_REASON = "period-over"
_DETAIL = "Its period was over, and it was destroyed."

Assets = Mapping[UUID, UUID]  # asset to collection


class Done(NamedTuple):
    """Assets that lost the part, and those whose files would not go: the next run tries again."""

    purged: list[UUID]
    failed: list[UUID]


def raw_purge(assets: Assets) -> Done:
    """Originals; what was redacted stays."""
    done, failed = _destroyed(assets, media.destroy_raw)
    Asset.objects.filter(id__in=done).update(raw_state=RawState.PURGED)
    for asset_id in done:
        ledger.record(
            event="retention:raw:purge",
            actor=None,
            refs={"asset": asset_id, "collection": assets[asset_id]},
        )
    return Done(done, failed)


def rendition_purge(assets: Assets) -> Done:
    """All of the asset, its original too; a row stays that says that it was here."""
    done, failed = _destroyed(assets, media.destroy_all)
    assets_unindex(asset_ids=done)
    Segment.objects.filter(asset_id__in=done).delete()
    blind_forget(asset_ids=done)
    for asset_id in done:
        forget(asset_id=asset_id)
        feedback_forget(asset_id=asset_id)
        cases_forget(asset_id=asset_id)
        # With a digest of its own, so that the same content can come anew.
        Asset.objects.filter(id=asset_id).update(digest=os.urandom(32))
        ledger.record(
            event="retention:rendition:purge",
            actor=None,
            refs={"asset": asset_id, "collection": assets[asset_id]},
        )
    Asset.objects.filter(id__in=done).update(
        state=State.PURGED,
        state_changed_at=timezone.now(),
        reason=PURGED_REASON,
        reason_detail=_DETAIL,
        raw_state=RawState.PURGED,
        raw_kept_until=None,
        title="",
        source="",
        metadata={},
        redactions=[],
        vectors_kept=False,
        transcript_kept=False,
        thumbnail_kept=False,
    )
    _step(done, "rendition")
    return Done(done, failed)


def vectors_purge(assets: Assets) -> Done:
    """Every vector; the asset stays, and is found by its words alone."""
    done = list(assets)
    vectors_unindex(asset_ids=done)
    Asset.objects.filter(id__in=done).update(vectors_kept=False)
    _note(assets, done, "vectors")
    return Done(done, [])


def transcript_purge(assets: Assets) -> Done:
    """Words heard in a sound or read in a picture, with their vectors; those that had some."""
    rows = Segment.objects.filter(asset_id__in=list(assets), modality="text").exclude(
        asset__modality="text"
    )
    segments = dict(rows.values_list("id", "asset_id"))
    had = sorted(set(segments.values()))
    segments_unindex(segment_ids=list(segments))
    Segment.objects.filter(id__in=list(segments)).delete()
    searchable = Asset.objects.filter(id__in=had, state=State.SEARCHABLE)
    for asset_id in searchable.values_list("id", flat=True):
        words_index(asset_id=asset_id)  # its title's are left
    Asset.objects.filter(id__in=list(assets)).update(transcript_kept=False)
    _note(assets, had, "transcript")
    return Done(had, [])


def thumbnail_purge(assets: Assets) -> Done:
    """Small pictures. Their key is the rendition's, so the files are overwritten."""
    done, failed = _destroyed(assets, media.remove_thumbnail)
    Asset.objects.filter(id__in=done).update(thumbnail_kept=False)
    _note(assets, done, "thumbnail")
    return Done(done, failed)


# In this order, so that each part is counted as a dry run counts it before the whole goes.
PURGES: Mapping[str, Callable[[Assets], Done]] = {
    "raw": raw_purge,
    "vectors": vectors_purge,
    "transcript": transcript_purge,
    "thumbnail": thumbnail_purge,
    "rendition": rendition_purge,
}


def _destroyed(assets: Iterable[UUID], destroy: Callable[[UUID], None]) -> Done:
    done, failed = [], []
    for asset_id in assets:
        try:
            destroy(asset_id)
        except OSError as error:  # tried again by the next run; the others do not wait for it
            logger.error("purge_failed", asset_id=str(asset_id), errno=error.errno)  # noqa: TRY400 - no file names
            failed.append(asset_id)
        else:
            done.append(asset_id)
    return Done(done, failed)


def _note(assets: Assets, done: Sequence[UUID], what: str) -> None:
    """One entry for each collection, and a step in each asset's provenance."""
    by_collection: dict[UUID, list[UUID]] = defaultdict(list)
    for asset_id in done:
        by_collection[assets[asset_id]].append(asset_id)
    for collection_id, ids in by_collection.items():
        ledger.record(
            event=f"retention:{what}:purge",
            actor=None,
            refs={"asset": ids, "collection": collection_id},
        )
    _step(done, what)


def _step(done: Sequence[UUID], what: str) -> None:
    ProvenanceStep.objects.bulk_create(
        ProvenanceStep(asset_id=asset_id, step=f"purge-{what}", component="retention", version="1")
        for asset_id in done
    )
