"""Redact: from the original to what may be stored, shown and embedded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from audit import blind, ledger
from retrieval import clients, media, scope
from retrieval.models import Asset
from retrieval.queue import enqueue_after_commit
from retrieval.redaction.base import RedactionKeys
from retrieval.redaction.types import Prepared
from retrieval.selectors.modalities import array_words
from retrieval.services.claims import Claimed, asset_advance
from retrieval.services.description import (
    MAX_TITLE,
    RedactedWords,
    clean,
    description_read,
    words_redact,
)
from retrieval.services.profiles import hash_key
from retrieval.services.provenance import step_add
from retrieval.services.retention import raw_deadline_set, thumbnail_wanted
from retrieval.services.review_apply import redrawn
from retrieval.services.review_queue import report_add
from retrieval.services.segments import segments_write
from retrieval.states import State


@dataclass(frozen=True)
class _Made:
    prepared: Prepared
    words: RedactedWords

    @property
    def redactions(self) -> list[dict[str, object]]:
        """Findings of content, title, source and metadata together, by kind."""
        counts = Counter({r.kind: r.count for r in self.prepared.redactions})
        counts.update(self.words.counts)
        return [{"kind": kind, "count": count} for kind, count in sorted(counts.items())]


def redact(claimed: Claimed) -> None:
    """Stores rendition, thumbnail and segments of the redacted original; moves to ``verifying``.

    No transaction is open while the redaction server works.

    Raises:
        RedactionRefused, RedactionUnavailable, BlobMissing, BlobDamaged, ClaimLost.
    """
    made = _made(claimed)
    blobs = []
    try:
        blobs.append(
            media.write_blob(media.Blob.RENDITION, claimed.asset_id, made.prepared.rendition)
        )
        if made.prepared.thumbnail and thumbnail_wanted(asset_id=claimed.asset_id):
            blobs.append(
                media.write_blob(media.Blob.THUMBNAIL, claimed.asset_id, made.prepared.thumbnail)
            )
        with scope.system():
            _store(claimed, made)
            # Published last, while the row is locked and known to be still ours: a stage that lost
            # its claim never overwrites the rendition of the one that took over.
            for blob in blobs:
                blob.publish()
    finally:
        for blob in blobs:
            blob.discard()


def _made(claimed: Claimed) -> _Made:
    description = description_read(asset_id=claimed.asset_id)
    with scope.system():
        words = array_words(description.modality)
    keys = RedactionKeys(
        hash_key=hash_key(collection_id=claimed.collection_id, profile=claimed.profile),
        blind_key=blind.blind_key(asset_id=claimed.asset_id, received_at=claimed.received_at),
    )
    prepared = clients.redaction().prepare(
        media.iter_blob(media.Blob.RAW, claimed.asset_id),
        name=description.name,
        title=description.title,
        profile=claimed.profile,
        keys=keys,
        **words,
    )
    redacted = words_redact(description=description, profile=claimed.profile, keys=keys)
    return _Made(prepared, redacted)


def _store(claimed: Claimed, made: _Made) -> None:
    prepared = made.prepared
    drawn_before = redrawn(asset_id=claimed.asset_id, prepared=prepared)
    asset_advance(
        claimed=claimed,
        state=State.VERIFYING,
        reason="",
        reason_detail="",
        modality=prepared.modality,
        source_type=prepared.source_type[:100],
        media_type=prepared.media_type[:100],
        title=clean(prepared.title)[:MAX_TITLE],
        source=made.words.source,
        metadata=made.words.metadata,
        width=prepared.width,
        height=prepared.height,
        duration_ms=prepared.duration_ms,
        redactions=made.redactions,
        profile_version=prepared.profile_version[:64],
        language=prepared.language[:16],
    )
    if prepared.captured_at is not None:
        Asset.objects.filter(id=claimed.asset_id, captured_at=None).update(
            captured_at=_aware(prepared.captured_at)
        )
    raw_deadline_set(asset_id=claimed.asset_id)
    segments_write(
        asset_id=claimed.asset_id,
        collection_id=claimed.collection_id,
        modality=prepared.modality,
        plans=prepared.segments,
    )
    report_add(
        asset_id=claimed.asset_id,
        collection_id=claimed.collection_id,
        profile_version=prepared.profile_version,
        language=prepared.language,
        findings=prepared.findings,
        low=[*prepared.low, *drawn_before],
    )
    blind.blind_replace(
        asset_id=claimed.asset_id,
        received_at=claimed.received_at,
        entries=[(e.kind, bytes.fromhex(e.digest)) for e in (*prepared.blind, *made.words.blind)],
    )
    for step in prepared.steps:
        step_add(
            asset_id=claimed.asset_id,
            step=step.step,
            component=step.component,
            version=step.version,
        )
    ledger.record(
        event="ingest:asset:redact",
        actor=None,
        refs={"asset": str(claimed.asset_id), "collection": str(claimed.collection_id)},
        payload={"profile": prepared.profile_version, "redactions": made.redactions},
    )
    enqueue_after_commit("verify", claimed.asset_id)


def _aware(moment: datetime) -> datetime:
    """``moment`` with a time zone; cameras mostly write none, and UTC is then as good as any."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
