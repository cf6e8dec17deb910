"""Verify: a second look at what redaction left, before anything of it is shown or embedded.

What a steward drew is taken out first; what a steward has called a false alarm is passed over.
What is still found in a picture or sound is taken out and looked for again before anybody is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit import ledger
from retrieval import clients, media, scope
from retrieval.models import Asset
from retrieval.queue import enqueue_after_commit
from retrieval.redaction.amending import ROUNDS, unaccepted
from retrieval.redaction.base import Finding
from retrieval.redaction.language import UNSUPPORTED, language_supported
from retrieval.redaction.types import Verdict
from retrieval.services.claims import Claimed, asset_advance, asset_rest
from retrieval.services.provenance import step_add
from retrieval.services.review_apply import LOST, found_apply, pending_apply
from retrieval.services.review_cover import preview_written
from retrieval.services.review_queue import findings_of, report_latest, report_verified
from retrieval.states import State

TEXT_TYPE = "text/plain; charset=utf-8"
INCOMPLETE = "redaction-incomplete"
DRAWN_BEFORE = "drawn-before"
# One sentence for a person, by the verdict's code.
_DETAIL = {
    INCOMPLETE: "A second look at the redacted rendition still found: {kinds}.",
    UNSUPPORTED: "The text is in a language in which names are not found reliably.",
    "picture-unreadable": "There is more writing in the picture than could be read.",
    DRAWN_BEFORE: "Redacted anew, so what a steward had taken out by hand may be in it again.",
}


@dataclass(frozen=True)
class _Judged:
    """What keeps a rendition back, and what else a steward should see in it."""

    verdict: Verdict
    low: tuple[Finding, ...]

    @property
    def doubts(self) -> tuple[Finding, ...]:
        """Everything in it that is not for everybody's eyes yet."""
        return (*self.verdict.findings, *self.low)


def verify(claimed: Claimed) -> None:
    """Looks at rendition, title and source again: on to ``embedding``, or into quarantine.

    Raises:
        RedactionRefused, RedactionUnavailable, BlobMissing, BlobDamaged, ClaimLost.
    """
    pending_apply(claimed)
    words = _found_in_words(claimed)
    rendition, judged = _looked_at(claimed)
    for _ in range(ROUNDS):
        if not found_apply(claimed, rendition=rendition, found=judged.verdict.findings):
            break
        rendition, judged = _looked_at(claimed)
    with (
        preview_written(claimed=claimed, rendition=rendition, doubts=judged.doubts) as previews,
        scope.system(),
    ):
        if words.reason or judged.verdict.reason:
            _quarantine(claimed, judged.verdict, words)
        else:
            _pass_on(claimed, judged.verdict)
        _previews_publish(claimed, previews)


def _looked_at(claimed: Claimed) -> tuple[bytes, _Judged]:
    rendition = media.read_blob(media.Blob.RENDITION, claimed.asset_id)
    found = clients.redaction().verify(
        rendition, media_type=claimed.media_type, profile=claimed.profile
    )
    return rendition, _judged(claimed, found)


def _found_in_words(claimed: Claimed) -> Verdict:
    words = "\n".join(text for text in (claimed.title, claimed.source) if text)
    if not words:
        return Verdict()
    return clients.redaction().verify(words.encode(), media_type=TEXT_TYPE, profile=claimed.profile)


def _judged(claimed: Claimed, found: Verdict) -> _Judged:
    """The verdict without what a steward has accepted in this very place, or as a reason."""
    with scope.system():
        report = report_latest(asset_id=claimed.asset_id)
    if report is None:
        return _Judged(found, ())
    accepted = findings_of(report.accepted)
    left = unaccepted(found.findings, accepted)
    low = unaccepted(findings_of(report.low), accepted)
    if LOST in low:
        return _Judged(Verdict(findings=left, reason=DRAWN_BEFORE), low)
    if left:
        return _Judged(Verdict(findings=left, reason=found.reason or INCOMPLETE), low)
    reason = "" if found.findings and found.reason == INCOMPLETE else found.reason
    if not reason and not language_supported(report.language, claimed.profile):
        reason = UNSUPPORTED
    if reason in report.accepted_reasons:
        reason = ""
    return _Judged(Verdict(findings=left, reason=reason), low)


def _pass_on(claimed: Claimed, verdict: Verdict) -> None:
    asset_advance(claimed=claimed, state=State.EMBEDDING)
    report_verified(asset_id=claimed.asset_id, remaining=verdict.findings)
    step_add(asset_id=claimed.asset_id, step="verify", component="redaction", version="1")
    ledger.record(
        event="ingest:asset:verify",
        actor=None,
        refs={"asset": str(claimed.asset_id), "collection": str(claimed.collection_id)},
    )
    enqueue_after_commit("embed", claimed.asset_id)


def _quarantine(claimed: Claimed, verdict: Verdict, words: Verdict) -> None:
    kinds = sorted({*verdict.kinds, *words.kinds})
    reason = verdict.reason or words.reason
    detail = _DETAIL.get(reason, "A second look at the redacted rendition did not let it pass.")
    if words.reason:  # a title that still holds something personal is shown to nobody
        Asset.objects.filter(id=claimed.asset_id, claim=claimed.token).update(
            title="", source="", metadata={}
        )
    report_verified(asset_id=claimed.asset_id, remaining=verdict.findings)
    asset_rest(
        claimed=claimed,
        state=State.QUARANTINED,
        reason=reason,
        detail=detail.format(kinds=", ".join(kinds)),
    )


def _previews_publish(claimed: Claimed, previews: Sequence[media.BlobWriter]) -> None:
    """Last, while the asset is known to be ours: as the rendition is published."""
    if not previews:
        media.remove_previews(claimed.asset_id)
    for blob in previews:
        blob.publish()
