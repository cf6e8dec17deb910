"""A POST that is sent twice with the same ``Idempotency-Key`` is done once.

The key is claimed in a transaction of its own before the work, so that a second request in flight
is told so; the
answer is kept for a day and given again. Only what succeeded is kept: a refused request may be
mended and sent again under its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.utils import timezone

from accounts.errors import Conflict, Invalid

KEPT = timedelta(hours=24)
# Longer than any request may take: whoever holds a claim for longer has died.
IN_FLIGHT_AT_MOST = timedelta(minutes=15)
MAX_KEY_LENGTH = 200


@dataclass(frozen=True)
class StoredAnswer:
    """What was answered the first time."""

    status: int
    body: Any


@dataclass(frozen=True)
class Claim:
    """A key that this request now holds; ``row`` is the id of its record."""

    row: int


def _records() -> Any:
    return apps.get_model(settings.VITRINE_IDEMPOTENCY_MODEL).objects


def claim(*, user_id: UUID, route: str, key: str) -> Claim | None:
    """A claim on ``key`` for this user and route, or None if it was claimed before.

    Raises:
        Invalid: the key is empty, too long or not printable ASCII.
    """
    if not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        raise Invalid(f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable ASCII characters.")
    now = timezone.now()
    held = _records().filter(user_id=user_id, route=route, key=key)
    held.filter(created_at__lt=now - KEPT).delete()
    held.filter(status=None, created_at__lt=now - IN_FLIGHT_AT_MOST).delete()
    row, made = _records().get_or_create(
        user_id=user_id, route=route, key=key, defaults={"fingerprint": b""}
    )
    return Claim(row=row.pk) if made else None


def replay(*, user_id: UUID, route: str, key: str, fingerprint: bytes) -> StoredAnswer:
    """The answer once given under ``key``.

    Raises:
        Conflict: the first request is still in flight, or it asked for something else.
    """
    row = _records().filter(user_id=user_id, route=route, key=key).first()
    if row is None or row.status is None:
        raise Conflict("A request with this Idempotency-Key is still being worked on.")
    if bytes(row.fingerprint) != fingerprint:
        raise Conflict("This Idempotency-Key was used for another request.")
    return StoredAnswer(status=row.status, body=row.body)


def keep(held: Claim, *, fingerprint: bytes, status: int, body: Any) -> None:
    """Keep the answer of a request that succeeded. ``body`` holds no secret."""
    _records().filter(pk=held.row).update(fingerprint=fingerprint, status=status, body=body)


def release(held: Claim) -> None:
    """Give the key back after a request that did not succeed."""
    _records().filter(pk=held.row).delete()


def forget_old() -> int:
    """How many answers past their day were deleted."""
    count: int = _records().filter(created_at__lt=timezone.now() - KEPT).delete()[0]
    return count
