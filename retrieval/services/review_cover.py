"""What stewards are shown: the rendition with everything covered that is still in doubt.

Looking at a finding that redaction missed is looking at an original, which needs the right to
originals. So what a second look still found is taken out of the preview, not only framed in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from retrieval import clients, media
from retrieval.redaction.amending import covered
from retrieval.redaction.base import Finding
from retrieval.redaction.errors import RedactionRefused
from retrieval.services.claims import Claimed

logger = structlog.get_logger("vitrine.review")


@contextmanager
def preview_written(
    *, claimed: Claimed, rendition: bytes, doubts: Sequence[Finding]
) -> Iterator[list[media.BlobWriter]]:
    """The covered preview and its thumbnail, to be published with the asset's move; else discarded.

    Empty where nothing is in doubt, or where it cannot be covered: then nothing is shown.

    Raises:
        RedactionUnavailable: transient.
    """
    blobs: list[media.BlobWriter] = []
    try:
        if doubts:
            for kind, data in _covered(claimed, rendition, doubts):
                blobs.append(media.write_blob(kind, claimed.asset_id, data))
        yield blobs
    finally:
        for blob in blobs:
            blob.discard()


def _covered(
    claimed: Claimed, rendition: bytes, doubts: Sequence[Finding]
) -> list[tuple[media.Blob, bytes]]:
    try:
        amended = clients.redaction().amend(
            rendition,
            media_type=claimed.media_type,
            regions=doubts,
            profile=claimed.profile,
            segments=False,
        )
    except RedactionRefused as error:
        logger.warning("preview_not_covered", asset_id=str(claimed.asset_id), code=error.code)
        return []
    shown = amended.rendition
    if claimed.media_type.startswith("text/"):
        # Of the same length, so that what is selected in the preview is a place in the rendition.
        shown = covered(rendition.decode("utf-8", errors="replace"), doubts).encode()
    return [(media.Blob.REVIEW, shown), (media.Blob.REVIEW_THUMBNAIL, amended.thumbnail)]
