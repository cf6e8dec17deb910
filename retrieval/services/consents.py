"""What governors record about people, and what follows from it for assets, in one transaction.

Everything here can be tried first: ``dry_run`` does it, reads what became of the assets, and undoes
it, so that what is shown is what would happen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import structlog

from accounts.models import User
from accounts.trail import actor_id
from audit import consents, subjects
from audit.clock import ClockImplausible, clock_check
from audit.consent_receipts import receipt_issue
from audit.consents import Terms
from audit.subject_models import ConsentRecord, DataSubject
from audit.subjects import Hold
from retrieval import access, scope
from retrieval.services.withholding import (
    Reconsidered,
    reconsider,
    run_out_rows,
    would_change,
)
from retrieval.subject_models import AssetSubject

logger = structlog.get_logger("vitrine.consents")

SUBJECTS_AT_ONCE: Final = 200
ASSETS_AT_ONCE: Final = 1_000


@dataclass
class Outcome:
    """What was done, or would be: ``record`` is None where nothing was kept of a trial."""

    changed: Reconsidered = field(default_factory=Reconsidered)
    record: ConsentRecord | None = None
    subject: DataSubject | None = None
    dry_run: bool = False


def subject_register(*, by: User, identifier: str = "") -> subjects.Made:
    """The subject of this identifier, made if there was none.

    Raises:
        NotAllowed, NotVisible: ``by`` is no governor. SubjectInvalid: no identifier.
    """
    access.require_governor(user=by)
    with scope.system():
        return subjects.subject_create(by=actor_id(by), identifier=identifier)


def consent_record(
    *,
    by: User | None,
    subject_id: UUID,
    terms: Terms,
    supersedes: UUID | None = None,
    dry_run: bool = False,
) -> Outcome:
    """A new record, and the assets that come back or disappear by it. ``by`` None: set-up.

    Raises:
        NotAllowed, NotVisible: ``by`` is no governor. SubjectMissing, SubjectErased.
        ConsentInvalid, ConsentConflict: as ``audit.consents.consent_create``.
    """
    actor = _actor(by)

    def change(outcome: Outcome) -> None:
        subject = subjects.subject_locked(subject_id)
        outcome.record = consents.consent_create(
            subject=subject, terms=terms, by=actor, supersedes=supersedes
        )
        if supersedes is not None:
            _links_follow(outcome.record)
        outcome.changed = reconsider(subject_id=subject_id, by=actor, dry_run=dry_run)

    return _done(change, dry_run=dry_run)


def consent_end(
    *, by: User | None, consent_id: UUID, how: str = "other", dry_run: bool = False
) -> Outcome:
    """The consent withdrawn in its newest version, and the assets that disappear by it at once.

    Raises:
        NotAllowed, NotVisible: ``by`` is no governor. ConsentMissing, ConsentInvalid.
        ConsentConflict: withdrawn already.
    """
    actor = _actor(by)

    def change(outcome: Outcome) -> None:
        record = consents.consent_get(consent_id)
        subject = subjects.subject_locked(record.subject)
        outcome.record = consents.consent_withdraw(
            record=record, subject=subject, by=actor, how=how
        )
        outcome.changed = reconsider(subject_id=subject.id, by=actor, dry_run=dry_run)

    return _done(change, dry_run=dry_run)


def subject_hold(
    *, by: User | None, subject_id: UUID, hold: Hold, reason: str = "", dry_run: bool = False
) -> Outcome:
    """Processing restricted (GDPR Art. 18), or an objection noted (Art. 21); with what disappears.

    Raises:
        NotAllowed, NotVisible: ``by`` is no governor.
        SubjectMissing, SubjectErased, SubjectInvalid.
    """
    actor = _actor(by)

    def change(outcome: Outcome) -> None:
        outcome.subject = subjects.subject_locked(subject_id)
        subjects.subject_hold(subject=outcome.subject, hold=hold, by=actor, reason=reason)
        outcome.changed = reconsider(subject_id=subject_id, by=actor, dry_run=dry_run)

    return _done(change, dry_run=dry_run)


def subject_release(
    *,
    by: User | None,
    subject_id: UUID,
    holds: Sequence[Hold] = ("restricted", "objected"),
    reason: str = "",
    dry_run: bool = False,
) -> Outcome:
    """A restriction or an objection lifted; with what comes back.

    Raises:
        NotAllowed, NotVisible: ``by`` is no governor.
        SubjectMissing, SubjectErased, SubjectInvalid.
    """
    actor = _actor(by)

    def change(outcome: Outcome) -> None:
        outcome.subject = subjects.subject_locked(subject_id)
        subjects.subject_release(subject=outcome.subject, holds=holds, by=actor, reason=reason)
        outcome.changed = reconsider(subject_id=subject_id, by=actor, dry_run=dry_run)

    return _done(change, dry_run=dry_run)


def consent_receipt(*, by: User, consent_id: UUID) -> dict[str, Any]:
    """A signed receipt of a record as it stands; recorded.

    Raises:
        NotAllowed, NotVisible: ``by`` is no governor. ConsentMissing.
    """
    access.require_governor(user=by)
    with scope.system():
        return receipt_issue(record=consents.consent_get(consent_id), by=actor_id(by))


def identifier_reveal(*, by: User, subject_id: UUID, reason: str) -> str | None:
    """The subject's identifier, recorded with the reason; None where none is kept.

    Raises:
        NotAllowed, NotVisible: ``by`` is no governor. SubjectMissing, SubjectErased.
        SubjectInvalid: no reason.
    """
    access.require_governor(user=by)
    with scope.system():
        subject = subjects.subject_locked(subject_id)
        return subjects.identifier_reveal(subject=subject, by=actor_id(by), reason=reason)


def consents_due() -> int:
    """Every minute: how many records began or ended, or assets ran out; their assets moved.

    Search does not wait for this: what has run out is left out by its own time. By a clock that
    cannot be trusted nothing expires for good: where it was set right again, all is as it was.
    """
    turned = 0
    with scope.system():
        try:
            clock_check()
        except ClockImplausible:
            return 0
    with scope.system():
        due = consents.subjects_due(limit=SUBJECTS_AT_ONCE)
    for subject_id in due:  # each in a transaction of its own: one that fails stops no other
        with scope.system():
            try:
                subject = subjects.subject_locked(subject_id)
            except (subjects.SubjectMissing, subjects.SubjectErased):
                ConsentRecord.objects.filter(subject=subject_id).update(next_change_at=None)
                continue
            turned += consents.consents_turn(subject=subject)
            reconsider(subject_id=subject_id)
    with scope.system():
        over = list(run_out_rows().values_list("id", flat=True)[:ASSETS_AT_ONCE])
        turned += len(reconsider(asset_ids=over).withheld)
    if turned:
        logger.info("consents_turned", turned=turned)
    return turned


def _actor(by: User | None) -> UUID | None:
    if by is None:
        return None
    access.require_governor(user=by)
    return actor_id(by)


def _done(change: Callable[[Outcome], None], *, dry_run: bool) -> Outcome:
    outcome = Outcome(dry_run=dry_run)

    def run() -> Reconsidered:
        change(outcome)
        return outcome.changed

    if dry_run:
        would_change(run)
        return outcome
    with scope.system():
        run()
    return outcome


def _links_follow(record: ConsentRecord) -> None:
    """Assets that were taken in under an earlier version are from now on under this one."""
    earlier = ConsentRecord.objects.filter(series=record.series).values_list("id", flat=True)
    AssetSubject.objects.filter(subject=record.subject, consent__in=list(earlier)).update(
        consent=record.id
    )
