"""Random ids under which the ledger knows people, and the way back for those who may take it.

The way from a user to the id is a blind index (HMAC under a key of the key store); the way back is
the identity, encrypted under the actor's own key. ``actor_forget`` closes both for good, and
``audit.actor_periods`` does so by itself: a user acts under one id for a twelfth of the period and
then under another, and the name of the one before lasts a period more. Two ids may therefore be one
person: ``same_person`` tells, ``actors_of`` lists them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from audit import ledger
from audit.crypto import decrypt_small, encrypt_small
from audit.keystore import KeyDestroyed, KeyMissing, default_keystore
from audit.models import Actor, SearchRecord

_CACHE_SECONDS = 60.0
_CACHE_ACTORS = 1024
_known: dict[UUID, tuple[float, UUID]] = {}


@dataclass(frozen=True)
class Identity:
    """Who an actor is: the user's id, and the name he or she had when first recorded."""

    user_id: UUID
    label: str


def actor_for(user_id: UUID, label: str) -> UUID:
    """The random ledger id of a user, made on first use within the caller's transaction.

    No query where this process has met the user within a minute, else one, or three to make it.
    """
    until, actor = _known.get(user_id, (0.0, user_id))
    if until > time.monotonic():
        return actor
    blind = blind_of(user_id)
    found = _find(blind) or _create(user_id, label, blind)
    # Only what is committed may be remembered: a transaction that rolls back takes its actor along.
    transaction.on_commit(partial(remember, user_id, found))
    return found


def identity_of(actor: UUID) -> Identity | None:
    """Who an actor is; None where nobody is known by this id or the person was forgotten.

    For governors, and for people asking about themselves; the caller checks that.
    """
    row = Actor.objects.filter(id=actor).first()
    if row is None or not row.identity:
        return None
    try:
        key = default_keystore().get("actor", str(actor))
    except (KeyDestroyed, KeyMissing):
        return None
    plain = decrypt_small(key, row.identity, purpose="identity", object_id=str(actor))
    fields = json.loads(plain)
    return Identity(user_id=UUID(fields["user"]), label=fields["label"])


def actors_of(user_id: UUID) -> list[UUID]:
    """Every id under which a user acted whose name is not gone yet, the oldest first. One query."""
    blind = blind_of(user_id)
    found = Actor.objects.filter(Q(blind=blind) | Q(retired_blind=blind))
    return list(found.order_by("created_at").values_list("id", flat=True))


def same_person(first: UUID | None, second: UUID | None) -> bool:
    """Whether two of the ledger's ids are one person, as far as that can still be known.

    Once the name of one of them is gone nobody can tell, and they count as two. None, nobody known,
    is the same as None only.
    """
    if first == second or first is None or second is None:
        return first == second
    rows = Actor.objects.filter(id__in=[first, second]).values_list("blind", "retired_blind")
    known = [bytes(one) for now, before in rows if (one := now or before) is not None]
    return len(known) == 2 and known[0] == known[1]  # noqa: PLR2004 - both of the two


@transaction.atomic
def actor_forget(*, actor: UUID, by: UUID | None) -> None:
    """Destroys what leads from the ledger's id to the person; entries stay, pseudonymous for good.

    The key goes first: should the transaction fail after that, doing it again finishes it. Other
    processes may still take the old way from user to id for up to a minute.
    """
    Actor.objects.filter(id=actor).update(blind=None, retired_blind=None, identity=b"")
    SearchRecord.objects.filter(actor=actor).update(user_id=None)
    ledger.record(event="audit:actor:forget", actor=by, refs={"actor": actor})
    default_keystore().destroy("actor", str(actor))
    unremember(actor)


def unremember(actor: UUID) -> None:
    """Has this process ask again who acts under an id that is not to be used any more."""
    for user_id in [user for user, (_, known) in _known.items() if known == actor]:
        _known.pop(user_id, None)


def cache_clear() -> None:
    """Forgets which users this process has met: needed where the database was emptied."""
    _known.clear()


def blind_of(user_id: UUID) -> bytes:
    """Under which value an actor's row is found by the user, 32 bytes (HMAC-SHA-256)."""
    key = default_keystore().get_or_create("system", "actor-index")
    return hmac.digest(key, user_id.bytes, hashlib.sha256)


def _find(blind: bytes) -> UUID | None:
    return Actor.objects.filter(blind=blind).values_list("id", flat=True).first()


def _create(user_id: UUID, label: str, blind: bytes) -> UUID:
    actor = uuid.uuid4()
    keys = default_keystore()
    identity = encrypt_small(
        keys.get_or_create("actor", str(actor)),
        json.dumps({"user": str(user_id), "label": label}).encode(),
        purpose="identity",
        object_id=str(actor),
    )
    # Of two transactions that meet the same new user the second waits here, then adds nothing.
    Actor.objects.bulk_create(
        [Actor(id=actor, blind=blind, identity=identity)], ignore_conflicts=True
    )
    stored = Actor.objects.values_list("id", flat=True).get(blind=blind)
    if stored != actor:
        keys.destroy("actor", str(actor))
    return stored


def remember(user_id: UUID, actor: UUID) -> None:
    """Saves this process a look for a minute: the actor of that user was read from the database."""
    if len(_known) >= _CACHE_ACTORS:
        _known.clear()
    _known[user_id] = (time.monotonic() + _CACHE_SECONDS, actor)
