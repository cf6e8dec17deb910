"""Records of consent and of other grounds: made, replaced by a new version, withdrawn, expired.

Each of these is in the ledger with ids alone. What must happen to assets is decided above this room
(``retrieval.services.consents``), in the same transaction. The caller is inside
``retrieval.scope.system`` and has locked the subject (``audit.subjects.subject_locked``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from django.db.models import Q, QuerySet
from django.utils import timezone

from audit import ledger
from audit.errors import AuditError
from audit.subject_models import ConsentRecord, DataSubject

PURPOSES: Final = ("search", "training", "raw_access")
# GDPR Art. 6(1), letters a to f, in the words of the Data Privacy Vocabulary (dpv:hasLegalBasis).
LEGAL_BASES: Final = (
    "consent",
    "contract",
    "legal_obligation",
    "vital_interests",
    "public_task",
    "legitimate_interests",
)
CONDITIONS: Final = "abcdefghij"  # GDPR Art. 9(2)
WITHDRAWAL_WAYS: Final = ("in person", "letter", "e-mail", "telephone", "form", "other")
_MOST_WORDS: Final = 50
_CONSENT: Final = "consent"


class ConsentMissing(AuditError):
    """No record of consent has this id."""

    status = 404


class ConsentInvalid(AuditError):
    """A record that cannot be meant so; ``fields`` says where."""

    status = 400


class ConsentConflict(AuditError):
    """The record is not in a state for that."""

    status = 409


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a record says, besides whom it is about; see ``ConsentRecord`` for the fields."""

    purposes: Sequence[str]
    legal_basis: str = _CONSENT
    special_condition: str = ""
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    data_categories: Sequence[str] = field(default_factory=tuple)
    recipients: Sequence[str] = field(default_factory=tuple)
    jurisdictions: Sequence[str] = field(default_factory=tuple)
    controller: str = ""
    controller_contact: str = ""
    storage_location: str = ""
    collection_method: str = ""
    withdrawal_method: str = ""
    notice_ref: str = ""
    language: str = ""


def consent_create(
    *, subject: DataSubject, terms: Terms, by: UUID | None, supersedes: UUID | None = None
) -> ConsentRecord:
    """A new record of a locked subject, or the next version of one it ``supersedes``.

    The version before stops counting when the new one begins. One that was withdrawn stays so.

    Raises:
        ConsentInvalid: unknown words, a period that ends before it begins or is over, a special
            condition that does not go with the basis.
        ConsentMissing: ``supersedes`` is no record of this subject.
        ConsentConflict: it has been superseded already.
    """
    now = timezone.now()
    starts_at = terms.starts_at or now
    terms_check(terms, starts_at=starts_at, now=now)
    before = None if supersedes is None else _newest_of(subject, supersedes)
    subject.tick += 1
    subject.save(update_fields=["tick"])
    new_id = uuid4()
    given = {
        name: list(value) if isinstance(value, list | tuple) else value
        for name, value in vars(terms).items()
    }
    record = ConsentRecord(
        **(given | {"starts_at": starts_at, "purposes": _in_order(terms.purposes)}),
        id=new_id,
        subject=subject.id,
        series=before.series if before else new_id,
        version=before.version + 1 if before else 1,
        supersedes=before.id if before else None,
        collected_by=by,
        recorded_at=now,
        given_tick=subject.tick,
        next_change_at=starts_at if starts_at > now else terms.expires_at,
    )
    record.save(force_insert=True)
    refs: dict[str, ledger.Ref] = {"consent": record.id, "subject": subject.id}
    if before is not None:
        before.superseded_at = max(now, starts_at)
        before.save(update_fields=["superseded_at"])
        ledger.record(
            event="consent:record:supersede", actor=by, refs=refs | {"superseded": before.id}
        )
    ledger.record(
        event="consent:record:create",
        actor=by,
        refs=refs,
        payload={"purposes": list(record.purposes), "legal_basis": record.legal_basis},
    )
    return record


def consent_withdraw(
    *, record: ConsentRecord, subject: DataSubject, by: UUID | None, how: str = "other"
) -> ConsentRecord:
    """The newest version of the record, withdrawn with all before it, for good.

    Raises:
        ConsentInvalid: no such way of withdrawing.
        ConsentConflict: it has been withdrawn already.
    """
    if how not in WITHDRAWAL_WAYS:
        choice = f"One of: {', '.join(WITHDRAWAL_WAYS)}."
        raise ConsentInvalid("There is no such way.", fields={"how": [choice]})
    series = ConsentRecord.objects.filter(series=record.series, subject=subject.id)
    versions = list(series.select_for_update().order_by("version"))
    newest = versions[-1]
    if newest.withdrawn_at is not None:
        raise ConsentConflict("The consent has been withdrawn already.")
    subject.tick += 1
    subject.save(update_fields=["tick"])
    now = timezone.now()
    for one in versions:
        if one.withdrawn_at is None:
            one.withdrawn_at = now
            one.withdrawn_tick = subject.tick
            one.withdrawal = {"how": how, "by": str(by) if by else None}
            one.next_change_at = None
            one.save(
                update_fields=["withdrawn_at", "withdrawn_tick", "withdrawal", "next_change_at"]
            )
    ledger.record(
        event="consent:record:withdraw",
        actor=by,
        refs={"consent": newest.id, "subject": subject.id},
        payload={"how": how},
    )
    return newest


def consents_turn(*, subject: DataSubject, now: datetime | None = None) -> int:
    """How many records of a locked subject began or ended since this was last asked; recorded."""
    moment = now or timezone.now()
    due = ConsentRecord.objects.select_for_update().filter(
        subject=subject.id, next_change_at__lte=moment
    )
    turned = 0
    for record in due.order_by("id"):
        turned += 1
        if record.expires_at is not None and record.expires_at <= moment:
            record.expired_at = moment
            record.next_change_at = None
            ledger.record(
                event="consent:record:expire",
                actor=None,
                refs={"consent": record.id, "subject": subject.id},
            )
        else:
            record.next_change_at = record.expires_at
        record.save(update_fields=["expired_at", "next_change_at"])
    return turned


def subjects_due(*, limit: int, now: datetime | None = None) -> list[UUID]:
    """Subjects of whom a record begins or ends by now, the longest overdue first."""
    rows = ConsentRecord.objects.filter(next_change_at__lte=now or timezone.now())
    found = rows.order_by("next_change_at").values_list("subject", flat=True)[: 10 * limit]
    return list(dict.fromkeys(found))[:limit]


def consent_get(consent_id: UUID) -> ConsentRecord:
    """The record.

    Raises:
        ConsentMissing: there is none.
    """
    record = ConsentRecord.objects.filter(id=consent_id).first()
    if record is None:
        raise ConsentMissing("There is no such consent.")
    return record


def versions_of(record: ConsentRecord) -> list[ConsentRecord]:
    """Every version of a record, the newest first."""
    return list(ConsentRecord.objects.filter(series=record.series).order_by("-version"))


def consents_in(
    state: str, rows: QuerySet[ConsentRecord], *, now: datetime | None = None
) -> QuerySet[ConsentRecord]:
    """Those of ``rows`` that ``state_of`` would say to be in ``state``."""
    moment = now or timezone.now()
    superseded = Q(superseded_at__lte=moment)
    expired = Q(expired_at__isnull=False) | Q(expires_at__lte=moment)
    tests = {
        "withdrawn": Q(withdrawn_at__isnull=False),
        "superseded": Q(withdrawn_at=None) & superseded,
        "expired": Q(withdrawn_at=None) & ~superseded & expired,
        "future": Q(withdrawn_at=None, starts_at__gt=moment) & ~superseded & ~expired,
    }
    if state in tests:
        return rows.filter(tests[state])
    return (
        rows.filter(withdrawn_at=None, starts_at__lte=moment).exclude(superseded).exclude(expired)
    )


STATES: Final = ("valid", "future", "expired", "superseded", "withdrawn")


def state_of(record: ConsentRecord, *, now: datetime | None = None) -> str:
    """``valid``, ``future``, ``expired``, ``superseded`` or ``withdrawn``."""
    moment = now or timezone.now()
    if record.withdrawn_at is not None:
        return "withdrawn"
    if record.superseded_at is not None and record.superseded_at <= moment:
        return "superseded"
    ended = record.expires_at is not None and record.expires_at <= moment
    if ended or record.expired_at is not None:
        return "expired"
    return "future" if record.starts_at > moment else "valid"


def terms_check(terms: Terms, *, starts_at: datetime, now: datetime) -> None:
    """Nothing, where the terms can be meant so.

    Raises:
        ConsentInvalid: as ``consent_create``.
    """
    wrong: dict[str, list[str]] = {}
    if not terms.purposes or not set(terms.purposes) <= set(PURPOSES):
        wrong["purposes"] = [f"One or more of: {', '.join(PURPOSES)}."]
    if terms.legal_basis not in LEGAL_BASES:
        wrong["legal_basis"] = [f"One of: {', '.join(LEGAL_BASES)}."]
    if terms.special_condition and terms.special_condition not in tuple(CONDITIONS):
        wrong["special_condition"] = ["A letter from a to j, of GDPR Art. 9(2)."]
    elif terms.special_condition == "a" and terms.legal_basis != _CONSENT:
        wrong["special_condition"] = ["Condition (a) is an explicit consent: the basis is consent."]
    if terms.expires_at is not None and terms.expires_at <= starts_at:
        wrong["expires_at"] = ["This is not after the beginning."]
    elif terms.expires_at is not None and terms.expires_at <= now:
        wrong["expires_at"] = ["This is in the past."]
    for name in ("data_categories", "recipients", "jurisdictions"):
        if len(getattr(terms, name)) > _MOST_WORDS:
            wrong[name] = [f"At most {_MOST_WORDS}."]
    if wrong:
        raise ConsentInvalid("Some fields are not valid.", fields=wrong)


def _newest_of(subject: DataSubject, consent_id: UUID) -> ConsentRecord:
    record = ConsentRecord.objects.filter(id=consent_id, subject=subject.id).first()
    if record is None:
        message = "There is no such consent of this subject."
        raise ConsentInvalid(message, fields={"supersedes": [message]})
    newest = ConsentRecord.objects.filter(series=record.series).order_by("-version")[:1].get()
    if newest.id != record.id:
        raise ConsentConflict("A later version has taken its place; name that one.")
    return newest


def _in_order(purposes: Sequence[str]) -> list[str]:
    return [name for name in PURPOSES if name in purposes]
