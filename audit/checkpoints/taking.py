"""Taking checkpoints: when one is due, and that nothing is signed which does not hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from audit import ledger, signing
from audit.chain import Known, canonical_time
from audit.chaining import BATCH, chain_pending
from audit.checkpoint_models import Checkpoint, CheckpointDelivery
from audit.checkpoints.tree import LedgerTree
from audit.errors import AuditError
from audit.merkle import consistency_holds
from audit.models import LedgerEntry
from audit.verification import ledger_verify

logger = structlog.get_logger("vitrine.ledger")

PURPOSE = "checkpoint"
OWN_EVENTS = "audit:checkpoint:"
_LOCK = 7305797  # beside audit_chain's, an arbitrary number that names this lock


class LedgerBroken(AuditError):
    """The ledger does not hold, so nothing is signed; the message names the first bad number."""

    status = 409


def checkpoint_now(*, by: UUID | None = None) -> Checkpoint | None:
    """A signed checkpoint of everything committed so far; None while the ledger is empty.

    The newest one where nothing has happened since. Reads and checks the entries that came since
    that one: some 15 microseconds each. To be called outside a transaction, or it covers nothing
    that the caller has not committed. Sinks get it from ``delivery``, not here.

    Raises:
        LedgerBroken: an entry since the last checkpoint does not hold, or the ledger is no
            continuation of that checkpoint.
    """
    while chain_pending() >= BATCH:
        pass
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = Checkpoint.objects.first()
        head = LedgerEntry.objects.order_by("-seq").values_list("seq", "hash").first()
        size, digest = (head[0], bytes(head[1])) if head else (0, b"")
        if last is None and not size:
            return None
        if last is not None and size < last.tree_size:
            _refuse(size + 1, "missing: a checkpoint knows more entries")
        if last is not None and (size, digest.hex()) == (last.tree_size, last.head_hash):
            return last
        return _take(last, size=size, head=digest, by=by)


def checkpoint_due(*, now: datetime | None = None) -> bool:
    """Whether it is time: enough entries, or enough time in which anything happened.

    The first one is taken at once. Signing a checkpoint is an entry too, and does not count.
    """
    last = Checkpoint.objects.first()
    head = LedgerEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    if last is None or head < last.tree_size:  # the second is a cut tail, which taking one finds
        return head > 0 or last is not None
    if head - last.tree_size >= settings.VITRINE_CHECKPOINT_ENTRIES:
        return True
    waited = (now or timezone.now()) - last.signed_at
    if timedelta(0) <= waited < timedelta(minutes=settings.VITRINE_CHECKPOINT_MINUTES):
        return False
    news = LedgerEntry.objects.filter(seq__gt=last.tree_size)
    return news.exclude(event__startswith=OWN_EVENTS).exists()


def checkpoint_if_due() -> Checkpoint | None:
    """A checkpoint if one is due. For beat.

    Raises:
        LedgerBroken: as ``checkpoint_now``.
    """
    return checkpoint_now() if checkpoint_due() else None


def _take(last: Checkpoint | None, *, size: int, head: bytes, by: UUID | None) -> Checkpoint:
    before = last.tree_size if last else 0
    known = [Known(before, bytes.fromhex(last.head_hash))] if last else []
    # From the entry of the last checkpoint on, so that this one is looked at again.
    found = ledger_verify(
        after_seq=max(before - 1, 0), limit=size - max(before - 1, 0), known=known
    )
    if found.fault is not None:
        _refuse(found.fault.seq, found.fault.reason)
    tree = LedgerTree()
    tree.extend(size)
    root = tree.root(size)
    if last is not None and not consistency_holds(
        first=before,
        first_root=bytes.fromhex(last.root),
        second=size,
        second_root=root,
        path=tree.consistency(before, size),
    ):
        _refuse(before, "the ledger is no continuation of the last checkpoint")
    latest = max(found.latest_at or "", canonical_time(last.latest_at) if last else "")
    made = _signed(last, size=size, root=root, head=head, latest=latest)
    CheckpointDelivery.objects.bulk_create(
        CheckpointDelivery(checkpoint=made, sink=sink.name)
        for sink in settings.VITRINE_CHECKPOINT_SINKS
    )
    ledger.record(event=f"{OWN_EVENTS}sign", actor=by, refs={"entries": size, "root": root.hex()})
    logger.info("checkpoint_signed", entries=size, key=made.key_id)
    return made


def _signed(
    last: Checkpoint | None, *, size: int, root: bytes, head: bytes, latest: str
) -> Checkpoint:
    now = timezone.now()
    body: dict[str, Any] = {
        "type": "vitrine-checkpoint",
        "tree_size": size,
        "root": root.hex(),
        "head_hash": head.hex(),
        "latest_at": latest,
        "signed_at": canonical_time(now),
        "previous": {"tree_size": last.tree_size, "root": last.root} if last else None,
    }
    document = signing.signed(PURPOSE, body)
    return Checkpoint.objects.create(
        tree_size=size,
        root=body["root"],
        head_hash=body["head_hash"],
        latest_at=datetime.fromisoformat(latest),
        signed_at=now,
        key_id=document["signature"]["key_id"],
        document=document,
    )


def _refuse(seq: int, reason: str) -> None:
    logger.error("ledger_broken", seq=seq, reason=reason)
    raise LedgerBroken(f"The ledger does not hold at entry {seq}: {reason}. Nothing was signed.")
