"""What is left of an erased person: a random id, and that there were records, without their words.

Article 5(2) of the GDPR asks to show that there was a ground; whose it was nobody can tell any
more, since the identifier and the person's key are destroyed.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from audit.subject_models import ConsentRecord, DataSubject

GONE = {"how": "erased"}


def consents_blank(subject_ids: Sequence[UUID]) -> None:
    """Empties every record of what is not a moment, a purpose or a ground, and ends it."""
    rows = ConsentRecord.objects.filter(subject__in=list(subject_ids))
    rows.filter(withdrawn_at=None).update(withdrawn_at=timezone.now())
    rows.update(
        data_categories=[],
        recipients=[],
        jurisdictions=[],
        controller="",
        controller_contact="",
        storage_location="",
        collection_method="",
        withdrawal_method="",
        notice_ref="",
        language="",
        withdrawal=GONE,
        next_change_at=None,
    )


def subject_blank(subject_ids: Sequence[UUID]) -> None:
    """Leaves the random id, and that it is erased."""
    rows = DataSubject.objects.filter(id__in=list(subject_ids)).exclude(
        state=DataSubject.State.ERASED
    )
    rows.update(
        identifier=None,
        identifier_blind=None,
        state=DataSubject.State.ERASED,
        restricted_at=None,
        objected_at=None,
        erased_at=timezone.now(),
    )
