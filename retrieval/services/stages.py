"""Runs one stage on one asset: claims it, does the work, and decides what a failure means.

Unavailable servers mean "again later"; content that is refused means ``quarantined`` or
``rejected``; whatever else goes wrong is tried a few times and then quarantined. Nothing is ever
let through.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from retrieval import clients, media, queue
from retrieval.encoders.client import ModelRefused, ModelUnavailable
from retrieval.errors import Unavailable
from retrieval.redaction.errors import RedactionRefused, RedactionUnavailable
from retrieval.services.claims import (
    Claimed,
    ClaimLost,
    asset_claim,
    asset_rest,
    claim_release,
)
from retrieval.services.stage_embed import BadVectors, embed
from retrieval.services.stage_redact import redact
from retrieval.services.stage_verify import verify
from retrieval.states import State

logger = structlog.get_logger("vitrine.ingest")

_RUN: dict[str, Callable[[Claimed], None]] = {"redact": redact, "verify": verify, "embed": embed}
# Seconds before each further try. While a server is down the last one repeats: an outage is not the
# asset's fault.
_BACKOFF_SECONDS = (2.0, 8.0, 30.0, 120.0)


@dataclass(frozen=True)
class Again:
    """The stage could not be done now; it is due again after ``seconds``."""

    seconds: float


class StageCrashed(Exception):
    """A stage failed unforeseen. Only its kind and place are told: a message may hold content."""


def stage_run(*, stage: str, asset_id: UUID) -> Again | None:
    """Does ``stage`` on the asset if it is due and free; ``Again`` if it must be tried later.

    Idempotent: a second call, a vanished asset or one that moved on is a clean end.

    Raises:
        StageCrashed: an unforeseen failure; the claim is given back, the attempt counted.
    """
    queue.started(asset_id)
    claimed = asset_claim(stage=stage, asset_id=asset_id)
    if claimed is None:
        return None
    ready = False
    try:
        _ask_servers(stage)
        ready = True
        _RUN[stage](claimed)
    except ClaimLost:
        logger.info("claim_lost", stage=stage, asset_id=str(asset_id))
        return None
    except (RedactionUnavailable, ModelUnavailable, Unavailable) as error:
        return _later(claimed, stage, error, ready=ready)
    except RedactionRefused as error:
        _aside(claimed, State(error.disposition), error.code, error.reason)
    except (media.BlobMissing, media.BlobDamaged):
        detail = "The stored bytes are missing or damaged; please upload the file again."
        _aside(claimed, State.QUARANTINED, "stored-bytes-damaged", detail)
    except SoftTimeLimitExceeded:
        _aside(
            claimed, State.QUARANTINED, "took-too-long", "Processing took too long and was stopped."
        )
    except (ModelRefused, BadVectors) as error:
        code = error.code if isinstance(error, ModelRefused) else "bad-vectors"
        logger.warning("embedding_refused", asset_id=str(asset_id), code=code)
        _aside(
            claimed, State.QUARANTINED, "embedding-failed", "A model could not embed the rendition."
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, the claim goes back
        claim_release(claimed=claimed, counted=True)
        raise StageCrashed(_what_and_where(error)) from None
    return None


def _what_and_where(error: Exception) -> str:
    """The error's type and the line that raised it, without its message."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {frame.filename}:{frame.lineno}"


def _ask_servers(stage: str) -> None:
    """Makes sure that the servers answer before the asset is theirs.

    What breaks off after this speaks against the asset; a server that was down before does not.
    """
    clients.redaction().health()
    if stage == "embed":
        clients.models().health()


def _later(claimed: Claimed, stage: str, error: Exception, *, ready: bool) -> Again:
    code = getattr(error, "code", "unavailable")
    counted = ready and code not in {"busy", "no-active-model", "unavailable"}
    claim_release(claimed=claimed, counted=counted)
    asked = getattr(error, "retry_after_seconds", None) or 0.0
    step = min(claimed.attempts, len(_BACKOFF_SECONDS)) - 1
    seconds = max(asked, _BACKOFF_SECONDS[step])
    logger.warning(
        "stage_postponed", stage=stage, asset_id=str(claimed.asset_id), code=code, seconds=seconds
    )
    return Again(seconds)


def _aside(claimed: Claimed, state: State, code: str, detail: str) -> None:
    try:
        asset_rest(claimed=claimed, state=state, reason=code, detail=detail)
    except ClaimLost:
        logger.info("claim_lost", asset_id=str(claimed.asset_id))
