"""One stretch of redacting a collection anew; short, and begun again until nothing is left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from audit import ledger
from retrieval import media, scope
from retrieval.errors import Unavailable
from retrieval.models import Asset, ProvenanceStep, Segment
from retrieval.profile_models import Reredaction
from retrieval.queue import enqueue_after_commit
from retrieval.selectors.profiles import profile_of
from retrieval.selectors.reredaction import OUTDATED, Judge, behind_rows, returning_rows
from retrieval.services.indexing import assets_unindex
from retrieval.services.labelled import labelled_redact_anew
from retrieval.services.provenance import step_add
from retrieval.services.review_queue import reviews_close
from retrieval.states import IN_PROGRESS, RawState, State, may_move

logger = structlog.get_logger("vitrine.reredact")

# On their way at once, so that an upload never waits behind a whole collection.
MOST_AT_ONCE = 20
HIDE_AT_ONCE = 1_000
PAUSE_SECONDS = 1.0
_DETAIL = "It was redacted by {old}; the collection's profile {new} takes out more."


@dataclass(frozen=True)
class Again:
    """The run goes on after ``seconds``."""

    seconds: float


def reredact_run(*, job_id: UUID) -> Again | None:
    """One stretch: hide what shows too much, let back what no longer does, send some to redaction.

    None: it has ended, or somebody else is at it. Idempotent.
    """
    with scope.system():
        job = (
            Reredaction.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("collection")
            .filter(pk=job_id, state=Reredaction.State.RUNNING)
            .first()
        )
        if job is None:
            return None
        stretch = _Stretch(job)
        if stretch.hide():
            return Again(0.0)
        let_back, sent = stretch.let_back(), stretch.send()
        if sent or let_back or stretch.more():
            return Again(PAUSE_SECONDS)
    try:  # no transaction waits for the redaction server
        labelled_redact_anew(collection_id=job.collection_id)
    except Unavailable:
        return Again(PAUSE_SECONDS)
    with scope.system():
        ended = Reredaction.objects.filter(pk=job_id, state=Reredaction.State.RUNNING).update(
            state=Reredaction.State.DONE, finished_at=timezone.now()
        )
        if not ended:
            return None
        ledger.record(
            event="policy:profile:reredacted",
            actor=None,
            refs={"collection": job.collection_id, "profile": stretch.profile.ref, "job": job_id},
            payload={"begun": job.begun, "withheld": job.withheld},
        )
    logger.info("reredacted", job_id=str(job_id), begun=job.begun, withheld=job.withheld)
    return None


class _Stretch:
    """The work of one stretch, inside one transaction that holds the job's row."""

    def __init__(self, job: Reredaction) -> None:
        self._job = job
        self.profile = profile_of(job.collection)
        self._judge = Judge(self.profile)
        self._behind = behind_rows(collection=job.collection, profile=self.profile)

    def hide(self) -> int:
        """How many that show more than the profile allows were withheld, a batch at most."""
        laxer = self._judge.laxer_in(self._job.collection)
        shown = self._behind.filter(state=State.SEARCHABLE, profile_version__in=laxer)
        if not self._job.withhold_rest:
            shown = shown.filter(raw_state=RawState.KEPT)
        assets = list(_free(shown)[:HIDE_AT_ONCE])
        if not assets:
            return 0
        ids = [asset.pk for asset in assets]
        for old in {asset.profile_version for asset in assets}:
            detail = _DETAIL.format(old=old, new=self.profile.ref)[:300]
            # Their rows are locked: nobody has moved them since.
            Asset.objects.filter(pk__in=ids, profile_version=old).update(
                state=State.WITHHELD,
                state_changed_at=timezone.now(),
                reason=OUTDATED,
                reason_detail=detail,
            )
        assets_unindex(asset_ids=ids)
        for asset_id in ids:
            reviews_close(asset_id=asset_id)
        ProvenanceStep.objects.bulk_create(
            ProvenanceStep(asset_id=asset_id, step="withhold", **self._by()) for asset_id in ids
        )
        ledger.record(
            event="ingest:asset:withhold",
            actor=None,
            refs={"asset": ids, **self._refs()},
            payload={"reason": OUTDATED},
        )
        gone = sum(asset.raw_state != RawState.KEPT for asset in assets)
        Reredaction.objects.filter(pk=self._job.pk).update(withheld=F("withheld") + gone)
        return len(assets)

    def let_back(self) -> int:
        """How many that were withheld for it and no longer need be are on their way back."""
        rows = returning_rows(collection=self._job.collection, judge=self._judge)
        back = list(_free(rows)[: self._slots()])
        for asset in back:
            if self._moved(asset, State.EMBEDDING, "return", reason="", reason_detail=""):
                enqueue_after_commit("embed", asset.pk)
        return len(back)

    def send(self) -> int:
        """How many were sent back to the beginning; no more than fit beside those on their way."""
        rows = _free(self._behind.filter(raw_state=RawState.KEPT))
        assets = list(rows.order_by("created_at", "id")[: self._slots()])
        sent = sum(self._begin(asset) for asset in assets)
        Reredaction.objects.filter(pk=self._job.pk).update(begun=F("begun") + sent)
        self._job.begun += sent
        return len(assets)

    def more(self) -> bool:
        """Whether anything is on its way, or waits because somebody else holds its row."""
        waits = self._behind.filter(raw_state=RawState.KEPT)
        return self._in_progress().exists() or waits.exists()

    def _begin(self, asset: Asset) -> int:
        blank = {"title": "", "source": "", "metadata": {}, "redactions": []}
        if not self._moved(
            asset,
            State.RECEIVED,
            "reredact",
            **{**blank, "profile_version": "", "reason": "", "reason_detail": "", "attempts": 0},
        ):
            return 0
        assets_unindex(asset_ids=[asset.pk])
        Segment.objects.filter(asset=asset).delete()
        reviews_close(asset_id=asset.pk)
        # After the commit: until then the asset is shown. Should the process die in between, the
        # new rendition takes the old one's place.
        transaction.on_commit(partial(media.remove_redacted, asset.pk), robust=True)
        enqueue_after_commit("redact", asset.pk)
        return 1

    def _moved(self, asset: Asset, state: State, verb: str, **fields: Any) -> bool:
        """Whether the asset was moved; somebody else may have moved it first."""
        old = State(asset.state)
        if not may_move(old=old, new=state):
            raise ValueError(f"no way from {old} to {state}")
        rows = Asset.objects.filter(pk=asset.pk, state=old, claim=None)
        if not rows.update(state=state, state_changed_at=timezone.now(), **fields):
            return False
        step_add(asset_id=asset.pk, step=verb, **self._by())
        ledger.record(
            event=f"ingest:asset:{verb}",
            actor=None,
            refs={"asset": asset.pk, **self._refs()},
            payload={"reason": OUTDATED},
        )
        return True

    def _by(self) -> dict[str, Any]:
        return {"component": f"profile:{self.profile.ref}", "actor": self._job.started_by}

    def _refs(self) -> dict[str, Any]:
        return {
            "collection": self._job.collection_id,
            "job": self._job.pk,
            "profile": self.profile.ref,
        }

    def _slots(self) -> int:
        return max(0, MOST_AT_ONCE - self._in_progress().count())

    def _in_progress(self) -> QuerySet[Asset]:
        return Asset.objects.filter(collection_id=self._job.collection_id, state__in=IN_PROGRESS)


def _free(rows: QuerySet[Asset]) -> QuerySet[Asset]:
    return rows.filter(claim=None).select_for_update(of=("self",), skip_locked=True)
