"""Writing to the ledger, and reading back what was written in confidence.

``record`` commits with its cause: if the caller's transaction rolls back there is no event, and
if it commits the event is there. ``audit.chaining`` gives it its place in the chain within a
second.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import rfc8785
from django.db import connection

from audit.crypto import decrypt_small, encrypt_small
from audit.keystore import KeyDestroyed, default_keystore

Ref = str | int | UUID
_CONFIDENTIAL = b"VLP\x01"  # name and version of the form in which a confidential payload is kept
_KINDS: tuple[Literal["subject", "actor"], ...] = ("subject", "actor")


@dataclass(frozen=True)
class PersonalTo:
    """Whom a payload is about: it is encrypted under this person's key and goes with it."""

    kind: Literal["subject", "actor"]
    id: UUID


def record(
    *,
    event: str,
    actor: UUID | None,
    refs: Mapping[str, Ref | Iterable[Ref]],
    payload: Mapping[str, Any] | None = None,
    personal_to: PersonalTo | None = None,
) -> None:
    """Adds an event to the caller's transaction: one SQL statement.

    ``event`` is ``area:object:action``; ``refs`` are ids, never names or content, and one of them
    is ``collection`` wherever a steward should find the event; ``actor`` is from ``audit.actors``.
    A payload that could be personal needs ``personal_to``.

    Raises:
        django.db.IntegrityError: the event's name or a ref is malformed.
        KeyDestroyed: the person that the payload is about has been forgotten.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT audit_record(%s, %s, %s::jsonb, %s)",
            [actor, event, refs_json(refs), _payload(event, payload, personal_to)],
        )


def is_confidential(payload: str) -> bool:
    """Whether a payload is encrypted under a person's key."""
    return bool(payload) and not payload.startswith("{")


def payload_read(*, event: str, payload: str) -> dict[str, Any] | None:
    """What a payload says: ``{}`` if empty, None once the key of whom it was about is destroyed.

    Raises:
        audit.crypto.DecryptionError: damaged, or moved from another event.
    """
    if not is_confidential(payload):
        content: dict[str, Any] = json.loads(payload or "{}")
        return content
    blob = base64.b64decode(payload)
    head = len(_CONFIDENTIAL)
    person = PersonalTo(_KINDS[blob[head]], UUID(bytes=blob[head + 1 : head + 17]))
    try:
        key = default_keystore().get(person.kind, str(person.id))
    except KeyDestroyed:
        return None
    plain = decrypt_small(
        key, blob[head + 17 :], purpose="ledger", object_id=f"{person.id}/{event}"
    )
    said: dict[str, Any] = json.loads(plain)
    return said


def refs_json(refs: Mapping[str, Ref | Iterable[Ref]]) -> str:
    """``refs`` as ``audit_record`` takes them."""
    return json.dumps(
        {
            name: str(value) if isinstance(value, str | int | UUID) else [str(one) for one in value]
            for name, value in refs.items()
        }
    )


def payload_text(payload: Mapping[str, Any] | None) -> str:
    """A payload that is about nobody as ``audit_record`` takes it: canonical JSON, or nothing."""
    return rfc8785.dumps(dict(payload)).decode() if payload else ""


def _payload(event: str, payload: Mapping[str, Any] | None, personal_to: PersonalTo | None) -> str:
    if not payload or personal_to is None:
        return payload_text(payload)
    text: bytes = rfc8785.dumps(dict(payload))
    key = default_keystore().get_or_create(personal_to.kind, str(personal_to.id))
    sealed = encrypt_small(key, text, purpose="ledger", object_id=f"{personal_to.id}/{event}")
    head = _CONFIDENTIAL + bytes([_KINDS.index(personal_to.kind)]) + personal_to.id.bytes
    return base64.b64encode(head + sealed).decode()


def person_of(payload: str) -> PersonalTo | None:
    """Whom a payload is about, without reading it; None where it is about nobody."""
    if not is_confidential(payload):
        return None
    blob = base64.b64decode(payload)
    head = len(_CONFIDENTIAL)
    return PersonalTo(_KINDS[blob[head]], UUID(bytes=blob[head + 1 : head + 17]))
