"""The receipt: what there was, what there is, what remains and why; signed, and in the ledger."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import rfc8785
from django.utils import timezone

from audit import ledger, signing
from audit.erasure_models import ErasureCandidate, ErasureItem, ErasureReceipt, ErasureRequest
from retrieval.erasure_stores import Note, notes_for, stores
from retrieval.services.erasing import stores_count
from retrieval.services.erasure_run import erased_of
from retrieval.services.erasures import request_refs

PURPOSE = "erasure-receipt"
EVENT = "erasure:receipt:issue"
_ITEMS = ErasureItem.State
_DECISIONS = ErasureCandidate.Decision


def receipt_make(request: ErasureRequest) -> ErasureReceipt:
    """The next receipt of a request that has run, with its entry in the ledger.

    What a stage may have written since the erasure goes first. In the caller's transaction, inside
    ``scope.system``.
    """
    erased, subjects = erased_of(request)
    after = stores_count(asset_ids=erased, subject_ids=subjects)
    if any(after.values()):
        for store in stores():
            store.erase(asset_ids=erased, subject_ids=subjects)
        after = stores_count(asset_ids=erased, subject_ids=subjects)
    items = list(ErasureItem.objects.filter(request=request).order_by("asset"))
    named = [item.asset for item in items]
    people = [request.subject] if request.subject is not None else []
    if len(named) + len(people) > len(erased) + len(subjects):
        after = stores_count(asset_ids=named, subject_ids=people)
    receipt = ErasureReceipt(
        id=uuid4(), request=request, seq=request.receipts.count() + 1, issued_at=timezone.now()
    )
    receipt.partial = any(item.state in (_ITEMS.HELD, _ITEMS.DUE) for item in items) or (
        bool(people) and not subjects
    )
    notes = [
        *notes_for(asset_ids=named, subject_ids=people),
        *(Note(**one) for one in request.scrubbing.get("not_reached", [])),
    ]
    receipt.body = _body(request, receipt, items, after, notes)
    receipt.save(force_insert=True)
    collections = sorted({str(item.collection) for item in items})
    ledger.record(
        event=EVENT,
        actor=None,
        refs=request_refs(request) | {"receipt": receipt.id, "collection": collections},
        payload={"sha256": body_digest(receipt.body), "partial": receipt.partial},
    )
    return receipt


def receipt_sign(receipt: ErasureReceipt, *, proof: Mapping[str, Any] | None) -> None:
    """Adds the ledger's proof of the receipt, and signs both together."""
    receipt.body = {**receipt.body, "ledger": proof}
    receipt.signature = dict(signing.sign(PURPOSE, receipt.body))
    receipt.save(update_fields=["body", "signature"])


def body_digest(body: Mapping[str, Any]) -> str:
    """What the ledger's entry names a receipt by, in hex.

    SHA-256 over the RFC 8785 form of the document without ``ledger`` and ``signature``.
    """
    stated = {name: value for name, value in body.items() if name not in ("ledger", "signature")}
    return hashlib.sha256(rfc8785.dumps(stated)).hexdigest()


def _body(
    request: ErasureRequest,
    receipt: ErasureReceipt,
    items: Sequence[ErasureItem],
    after: dict[str, int],
    notes: Sequence[Note],
) -> dict[str, Any]:
    states = Counter(item.state for item in items)
    via = Counter(item.via for item in items)
    before = request.before or {}
    return {
        "document": "vitrine-erasure-receipt",
        "version": 1,
        "receipt": str(receipt.id),
        "number": receipt.seq,
        "partial": receipt.partial,
        "request": str(request.id),
        "of": {"subject": str(request.subject)}
        if request.subject is not None
        else {"asset": str(request.asset)},
        "requested": _moment(request.requested_at, request.requested_by),
        "approved": _moment(request.decided_at, request.decided_by),
        "erased_at": _iso(request.erased_at),
        "scrubbed_at": _iso(request.scrubbed_at),
        "issued_at": _iso(receipt.issued_at),
        "assets": {
            **{name: via[name] for name in ("named", "linked", "reviewed")},
            "erased": states[_ITEMS.ERASED],
            "already_gone": states[_ITEMS.GONE],
            "held": states[_ITEMS.HELD],
            "of_several_people": sum(bool(item.others) for item in items),
            "linked_after_approval": sum(not item.approved for item in items),
        },
        "erased": [str(item.asset) for item in items if item.state == _ITEMS.ERASED],
        "held": [
            {"asset": str(item.asset), "holds": [str(one) for one in item.holds]}
            for item in items
            if item.state == _ITEMS.HELD
        ],
        "candidates": _candidates(request),
        "stores": [
            {"name": name, "before": before.get(name, 0), "after": count}
            for name, count in after.items()
        ],
        "scrubbed": {
            "tables": request.scrubbing.get("tables", []),
            "log": request.scrubbing.get("log", ""),
        },
        "remains": [_said(one) for one in notes if one.kind == "remains"],
        "not_reached": [_said(one) for one in notes if one.kind == "not_reached"],
    }


def _candidates(request: ErasureRequest) -> dict[str, Any]:
    rows = ErasureCandidate.objects.filter(request=request).order_by("asset")
    by_decision: dict[str, list[UUID]] = {}
    for asset, decision in rows.values_list("asset", "decision"):
        by_decision.setdefault(decision, []).append(asset)
    return {
        "found": sum(map(len, by_decision.values())),
        "included": len(by_decision.get(_DECISIONS.INCLUDE, [])),
        "excluded": len(by_decision.get(_DECISIONS.EXCLUDE, [])),
        "open": len(by_decision.get(_DECISIONS.OPEN, [])),
        "open_assets": [str(one) for one in by_decision.get(_DECISIONS.OPEN, [])],
    }


def _said(note: Note) -> dict[str, Any]:
    said = {name: value for name, value in asdict(note).items() if name != "kind"}
    return said | {"ids": list(note.ids)}


def _moment(at: datetime | None, by: UUID | None) -> dict[str, str] | None:
    return None if at is None else {"at": _iso(at) or "", "by": str(by) if by else ""}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds")
