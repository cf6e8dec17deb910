"""Verify: a second look at what redaction left, before anything of it is shown or embedded."""

from __future__ import annotations

from audit import ledger
from retrieval import clients, media, scope
from retrieval.models import Asset
from retrieval.queue import enqueue_after_commit
from retrieval.redaction.types import Verdict
from retrieval.services.claims import Claimed, asset_advance, asset_rest
from retrieval.services.provenance import step_add
from retrieval.states import State

TEXT_TYPE = "text/plain; charset=utf-8"
# One sentence for a person, by the verdict's code.
_DETAIL = {
    "redaction-incomplete": "A second look at the redacted rendition still found: {kinds}.",
    "language-unsupported": "The text is in a language in which names are not found reliably.",
    "unreadable-text": "There is more writing in the picture than could be read.",
}


def verify(claimed: Claimed) -> None:
    """Looks at rendition, title and source again: on to ``embedding``, or into quarantine.

    Raises:
        RedactionRefused, RedactionUnavailable, BlobMissing, BlobDamaged, ClaimLost.
    """
    words = _found_in_words(claimed)
    rendition = media.read_blob(media.Blob.RENDITION, claimed.asset_id)
    verdict = clients.redaction().verify(
        rendition, media_type=claimed.media_type, profile=claimed.profile
    )
    if words.reason or verdict.reason:
        _quarantine(claimed, verdict, words)
        return
    with scope.system():
        asset_advance(claimed=claimed, state=State.EMBEDDING)
        step_add(asset_id=claimed.asset_id, step="verify", component="redaction", version="1")
        ledger.record(
            event="ingest:asset:verify",
            actor=None,
            refs={"asset": str(claimed.asset_id), "collection": str(claimed.collection_id)},
        )
        enqueue_after_commit("embed", claimed.asset_id)


def _found_in_words(claimed: Claimed) -> Verdict:
    words = "\n".join(text for text in (claimed.title, claimed.source) if text)
    if not words:
        return Verdict()
    return clients.redaction().verify(words.encode(), media_type=TEXT_TYPE, profile=claimed.profile)


def _quarantine(claimed: Claimed, verdict: Verdict, words: Verdict) -> None:
    kinds = sorted({*verdict.kinds, *words.kinds})
    reason = verdict.reason or words.reason
    detail = _DETAIL.get(reason, "A second look at the redacted rendition did not let it pass.")
    with scope.system():
        if words.reason:  # a title that still holds something personal is shown to nobody
            Asset.objects.filter(id=claimed.asset_id, claim=claimed.token).update(
                title="", source="", metadata={}
            )
        asset_rest(
            claimed=claimed,
            state=State.QUARANTINED,
            reason=reason,
            detail=detail.format(kinds=", ".join(kinds)),
        )
