"""After erasing: the stores are scrubbed for all requests at once, then each gets its receipt."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from audit import ledger
from audit.chaining import chain_pending
from audit.checkpoints import checkpoint_now, proof_of
from audit.erasure_models import ErasureItem, ErasureReceipt, ErasureRequest, ScrubRun
from audit.errors import AuditError
from audit.models import LedgerEntry
from retrieval import scope
from retrieval.selectors.scrubbing import deletions_due, tables_to_scrub
from retrieval.services.erasure_receipts import EVENT, receipt_make, receipt_sign
from retrieval.services.erasures import request_refs
from retrieval.services.scrubbing import scrub

logger = structlog.get_logger("vitrine.erasure")

_STATES = ErasureRequest.State
_MOST = 500
# How long the first of several erasures waits for the others before the stores are scrubbed.
TOGETHER = timedelta(seconds=15)


def erasures_prove() -> int:
    """How many requests got their receipt. One process at a time; idempotent.

    Outside any transaction.
    """
    _scrub_for_all()
    with scope.system():
        head = LedgerEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
        ready = list(_erased().exclude(scrubbed_at=None).values_list("id", flat=True)[:_MOST])
    receipts = [one for request_id in ready if (one := _receipt(request_id)) is not None]
    if receipts:
        _into_ledger()
        for receipt in receipts:
            _finish(receipt, after_seq=head)
    return len(receipts)


def _erased() -> QuerySet[ErasureRequest]:
    """Requests that have run and wait for their receipt, those that began first at the front."""
    rows = ErasureRequest.objects.filter(state=_STATES.RUNNING, erased_at__isnull=False)
    return rows.order_by("erased_at")


def _scrub_for_all() -> None:
    """One scrubbing for every request that was erased before it began.

    While others are still being erased it waits for them a little, so that they share it.
    """
    began = timezone.now()
    with scope.system():
        due = list(_erased().filter(scrubbed_at=None))
        if due and _others_come() and (due[0].erased_at or began) > began - TOGETHER:
            return
        deleted = deletions_due(at_least=timedelta(0)) if due else deletions_due()
        if not (due or deleted):
            return
        tables = tables_to_scrub(due, deleted=deleted)
    done = scrub(tables)
    told: dict[str, Any] = {
        "tables": [{"table": one.table, "how": one.how} for one in done.tables],
        "log": done.log,
        "locked_ms": done.locked_ms,
        "not_reached": [asdict(one) for one in done.not_reached],
    }
    with scope.system():
        ScrubRun.objects.create(began_at=began, done_at=timezone.now(), **told)
        ErasureRequest.objects.filter(
            id__in=[one.id for one in due], state=_STATES.RUNNING, erased_at__isnull=False
        ).update(scrubbing=told, scrubbed_at=timezone.now())
    logger.info(
        "scrubbed", requests=len(due), tables=len(done.tables), seconds=round(done.seconds, 2)
    )


def _others_come() -> bool:
    soon = Q(state=_STATES.QUEUED) | Q(state=_STATES.RUNNING, erased_at=None)
    return ErasureRequest.objects.filter(soon).exists()


def _receipt(request_id: UUID) -> ErasureReceipt | None:
    """The receipt of this run of the request: made now, or by a process that died since."""
    with scope.system():
        request = _erased().select_for_update().filter(id=request_id).first()
        if request is None:
            return None
        made = request.receipts.filter(issued_at__gte=F("request__scrubbed_at")).last()
        return made or receipt_make(request)


def _into_ledger() -> None:
    """The entries of the receipts are chained, and covered by a signed checkpoint."""
    while chain_pending():
        pass
    try:
        checkpoint_now()
    except AuditError as error:  # the ledger's own alarm tells of it
        logger.warning("receipt_without_checkpoint", error=type(error).__name__)


def _finish(receipt: ErasureReceipt, *, after_seq: int) -> None:
    """Adds the ledger's proof, and lets the request rest."""
    with scope.system():
        request = _erased().select_for_update().filter(id=receipt.request_id).first()
        if request is None:
            return
        receipt_sign(receipt, proof=_proof(receipt.id, after_seq=after_seq))
        verb = "held" if receipt.partial else "done"
        ErasureRequest.objects.filter(id=request.id).update(
            state=_STATES.HELD if receipt.partial else _STATES.DONE,
            reason="held" if receipt.partial else "",
            done_at=None if receipt.partial else timezone.now(),
        )
        ledger.record(
            event=f"erasure:request:{verb}",
            actor=None,
            refs=request_refs(request) | {"receipt": receipt.id},
        )
        _excluded_forget(request)


def _excluded_forget(request: ErasureRequest) -> None:
    """What was found not to be about the person is no longer linked with the request."""
    if ErasureItem.objects.filter(request=request, state=ErasureItem.State.HELD).exists():
        return
    request.candidates.filter(Q(decision="exclude")).delete()


def _proof(receipt_id: UUID, *, after_seq: int) -> dict[str, Any] | None:
    entries = LedgerEntry.objects.filter(event=EVENT, refs__receipt=str(receipt_id))
    seq = entries.filter(seq__gt=after_seq).values_list("seq", flat=True).first()
    seq = seq or entries.values_list("seq", flat=True).first()
    if seq is None:
        return None
    try:
        return dict(proof_of(seq))
    except AuditError:
        return None
