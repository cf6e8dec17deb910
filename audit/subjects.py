"""People whom assets are about: made, found again by their identifier, restricted, objecting.

The identifier lies encrypted under the subject's own key. It is found by HMAC-SHA-256 under one key
of the appliance, so that the same identifier gives the same subject. Whoever holds that key could
test a guess; whoever holds only the table learns that two rows are two people, and nothing else.
The caller is inside ``retrieval.scope.system``: row-level security shows the rows to nobody else.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import ledger
from audit.crypto import decrypt_small, encrypt_small
from audit.errors import AuditError
from audit.keystore import KeyDestroyed, KeyMissing, default_keystore
from audit.ledger import PersonalTo
from audit.subject_models import DataSubject

MOST_IDENTIFIER: Final = 300
MOST_REASON: Final = 300
Hold = Literal["restricted", "objected"]
_PURPOSE: Final = "subject-identifier"
_SET_EVENT: Final = {"restricted": "subject:subject:restrict", "objected": "subject:subject:object"}
_LIFT_EVENT: Final = "subject:subject:release"


class SubjectMissing(AuditError):
    """No subject has this id."""

    status = 404


class SubjectInvalid(AuditError):
    """What was given about a subject cannot be meant so."""

    status = 400


class SubjectErased(AuditError):
    """What there was about the person has been erased; the id is never used again."""

    status = 409


@dataclass(frozen=True)
class Made:
    """A subject, and whether it is new: a known identifier gives the subject there is."""

    subject: DataSubject
    new: bool


def subject_create(*, by: UUID | None, identifier: str = "") -> Made:
    """The subject of ``identifier``, made if there was none; without one always a new subject.

    Raises:
        SubjectInvalid: an identifier of nothing but spaces, or too long a one.
    """
    blind = blind_of(identifier) if identifier else None
    found = DataSubject.objects.filter(identifier_blind=blind).first() if blind else None
    if found is not None:
        return Made(found, new=False)
    subject = DataSubject(id=uuid4(), identifier_blind=blind)
    keys = default_keystore()
    if identifier:
        subject.identifier = encrypt_small(
            keys.get_or_create("subject", str(subject.id)),
            identifier.strip().encode(),
            purpose=_PURPOSE,
            object_id=str(subject.id),
        )
    try:
        with transaction.atomic():
            subject.save(force_insert=True)
    except IntegrityError:  # somebody made the same one at the same moment
        keys.destroy("subject", str(subject.id))
        return Made(DataSubject.objects.get(identifier_blind=blind), new=False)
    ledger.record(event="subject:subject:create", actor=by, refs={"subject": subject.id})
    return Made(subject, new=True)


def subject_find(*, identifier: str) -> DataSubject | None:
    """The subject of this identifier, if there is one.

    Raises:
        SubjectInvalid: as ``subject_create``.
    """
    return DataSubject.objects.filter(identifier_blind=blind_of(identifier)).first()


def subjects_locked(subject_ids: Iterable[UUID]) -> dict[UUID, DataSubject]:
    """The subjects, by id, locked in order of id until the transaction ends.

    Whatever is said for or against processing waits for this lock, and whoever relies on what was
    said takes it first.

    Raises:
        SubjectMissing: one of them is not there; none is told apart from the others.
        SubjectErased: one of them has been erased.
    """
    wanted = sorted(set(subject_ids))
    rows = DataSubject.objects.select_for_update().filter(id__in=wanted).order_by("id")
    found = {row.id: row for row in rows}
    if len(found) != len(wanted):
        raise SubjectMissing("There is no such subject.")
    if any(row.state == DataSubject.State.ERASED for row in found.values()):
        raise SubjectErased("The person has been erased.")
    return found


def subject_locked(subject_id: UUID) -> DataSubject:
    """As ``subjects_locked``, of one."""
    return subjects_locked([subject_id])[subject_id]


def subject_hold(*, subject: DataSubject, hold: Hold, by: UUID | None, reason: str = "") -> bool:
    """Restricts the processing of a locked subject, or notes an objection; False if it was so.

    ``reason`` is kept in the ledger alone, under the subject's own key.

    Raises:
        SubjectInvalid: too long a reason.
    """
    if getattr(subject, f"{hold}_at") is not None:
        return False
    setattr(subject, f"{hold}_at", timezone.now())
    _save_state(subject)
    _record(_SET_EVENT[hold], subject, by, {"reason": _stated(reason)} if reason else {})
    return True


def subject_release(
    *, subject: DataSubject, holds: Sequence[Hold], by: UUID | None, reason: str = ""
) -> bool:
    """Lifts what a locked subject had asked for; False if nothing of it held.

    Raises:
        SubjectInvalid: too long a reason.
    """
    lifted = [hold for hold in holds if getattr(subject, f"{hold}_at") is not None]
    if not lifted:
        return False
    for hold in lifted:
        setattr(subject, f"{hold}_at", None)
    _save_state(subject)
    _record(
        _LIFT_EVENT,
        subject,
        by,
        {"lifted": lifted} | ({"reason": _stated(reason)} if reason else {}),
    )
    return True


def identifier_reveal(*, subject: DataSubject, by: UUID, reason: str) -> str | None:
    """The identifier; None where none was given or its key is destroyed. Recorded, with the reason.

    The reason lies in the ledger under the asker's own key.

    Raises:
        SubjectInvalid: no reason, or too long a one.
    """
    if not reason.strip():
        message = "Say why."
        raise SubjectInvalid(message, fields={"reason": [message]})
    ledger.record(
        event="subject:identifier:reveal",
        actor=by,
        refs={"subject": subject.id},
        payload={"reason": _stated(reason)},
        personal_to=PersonalTo("actor", by),
    )
    return identifier_of(subject)


def identifier_of(subject: DataSubject) -> str | None:
    """The identifier, for services that act for the subject. Recorded by whoever calls it."""
    if subject.identifier is None:
        return None
    try:
        key = default_keystore().get("subject", str(subject.id))
    except (KeyDestroyed, KeyMissing):
        return None
    sealed = subject.identifier
    return decrypt_small(key, sealed, purpose=_PURPOSE, object_id=str(subject.id)).decode()


def blind_of(identifier: str) -> bytes:
    """Under which value a subject is found: 32 bytes, HMAC-SHA-256 of the normalised identifier.

    Letters' case, width and composition and repeated spaces make no difference.

    Raises:
        SubjectInvalid: nothing but spaces, or more than ``MOST_IDENTIFIER`` characters.
    """
    plain = " ".join(unicodedata.normalize("NFKC", identifier).split()).casefold()
    if not plain or len(identifier) > MOST_IDENTIFIER or "\0" in identifier:
        message = f"An identifier has 1 to {MOST_IDENTIFIER} characters."
        raise SubjectInvalid(message, fields={"identifier": [message]})
    key = default_keystore().get_or_create("system", "subject-index")
    return hmac.digest(key, plain.encode(), hashlib.sha256)


def _stated(reason: str) -> str:
    reason = reason.strip()
    if len(reason) > MOST_REASON:
        message = f"At most {MOST_REASON} characters."
        raise SubjectInvalid(message, fields={"reason": [message]})
    return reason


def _save_state(subject: DataSubject) -> None:
    state = DataSubject.State.ACTIVE
    if subject.objected_at is not None:
        state = DataSubject.State.OBJECTED
    if subject.restricted_at is not None:
        state = DataSubject.State.RESTRICTED
    subject.state = state
    subject.tick += 1
    subject.save(update_fields=["state", "restricted_at", "objected_at", "tick"])


def _record(event: str, subject: DataSubject, by: UUID | None, payload: dict[str, object]) -> None:
    ledger.record(
        event=event,
        actor=by,
        refs={"subject": subject.id},
        payload=payload,
        personal_to=PersonalTo("subject", subject.id),
    )
