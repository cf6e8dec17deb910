"""Warnings before something is purged: once for each day, collection and kind.

Given in the ledger and in the console, and by mail to the collection's stewards where a mail server
is named and they have addresses. A warning whose mail could not be sent is sent by the next run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from audit import ledger
from audit.hold_models import RetentionWarning
from audit.pauses import everything_paused, paused_collections
from audit.retention_rules import ASSET_PARTS
from retrieval import scope
from retrieval.models import Collection, Role
from retrieval.selectors.due import DueOnDay, due_days

logger = structlog.get_logger("vitrine.retention")

NAMES = {
    "raw": "originals",
    "rendition": "whole assets",
    "vectors": "vectors (found by words only afterwards)",
    "transcript": "transcripts",
    "thumbnail": "thumbnails",
}


def warnings_give() -> int:
    """How many warnings were new: for what falls due within VITRINE_PURGE_WARNING_DAYS."""
    if settings.VITRINE_PURGE_WARNING_DAYS == 0:
        return 0
    with scope.system():
        new = _record(_coming())
    _send()
    return new


def _coming() -> list[DueOnDay]:
    if everything_paused():
        return []
    now = timezone.now()
    until = now + timedelta(days=settings.VITRINE_PURGE_WARNING_DAYS)
    paused = paused_collections()
    return [
        one
        for what in ASSET_PARTS
        for one in due_days(what, after=now, until=until)
        if one.collection not in paused and one.count > one.held
    ]


def _record(coming: Iterable[DueOnDay]) -> int:
    rows = [
        RetentionWarning(
            collection=one.collection, what=one.what, day=one.day, due=one.count - one.held
        )
        for one in coming
        if one.collection is not None
    ]
    days = {row.day for row in rows}
    given = set(
        RetentionWarning.objects.filter(day__in=days).values_list("collection", "what", "day")
    )
    new = [row for row in rows if (row.collection, row.what, row.day) not in given]
    RetentionWarning.objects.bulk_create(new, ignore_conflicts=True, batch_size=1000)
    by_collection: dict[UUID, list[RetentionWarning]] = defaultdict(list)
    for row in new:
        by_collection[row.collection].append(row)
    for collection, some in by_collection.items():
        ledger.record(
            event="retention:warning:give",
            actor=None,
            refs={"collection": collection},
            payload={"due": [[row.day.isoformat(), row.what, row.due] for row in some]},
        )
    return len(new)


def _send() -> None:
    """One message to each steward with all that is new in the collections governed."""
    if not settings.EMAIL_HOST and "smtp" in settings.EMAIL_BACKEND:
        return
    with scope.system():
        waiting = list(
            RetentionWarning.objects.filter(
                mailed=0, day__gte=timezone.now().astimezone(UTC).date()
            )
        )
        letters = _letters(waiting)
    if not letters:
        return
    sent: dict[int, int] = defaultdict(int)
    try:
        with get_connection() as server:
            for address, rows, names in letters:
                message = EmailMessage(_subject(rows), _body(rows, names), to=[address])
                message.connection = server
                if message.send():
                    for row in rows:
                        sent[row.pk] += 1
    except OSError as error:  # smtplib's own errors are among these
        logger.error("warning_not_mailed", error=type(error).__name__)  # noqa: TRY400 - no addresses
    with scope.system():
        for pk, number in sent.items():
            RetentionWarning.objects.filter(pk=pk).update(mailed=number)


def _letters(
    waiting: Sequence[RetentionWarning],
) -> list[tuple[str, list[RetentionWarning], dict[UUID, str]]]:
    collections = {row.collection for row in waiting}
    names = dict(Collection.objects.filter(id__in=collections).values_list("id", "name"))
    to: dict[str, list[RetentionWarning]] = defaultdict(list)
    for collection in collections & names.keys():
        for address in _stewards(collection):
            to[address] += [row for row in waiting if row.collection == collection]
    return [(address, rows, names) for address, rows in sorted(to.items())]


def _stewards(collection: UUID) -> list[str]:
    now = timezone.now()
    lasting = {"collection_id": collection, "role": Role.STEWARD}
    in_force = Q(grants__expires_at=None) | Q(grants__expires_at__gt=now)
    own = Q(**{f"grants__{name}": value for name, value in lasting.items()}) & in_force
    through = Q(**{f"teams__grants__{name}": value for name, value in lasting.items()}) & (
        Q(teams__grants__expires_at=None) | Q(teams__grants__expires_at__gt=now)
    )
    found = User.objects.filter(own | through, is_active=True).exclude(email="")
    return sorted(set(found.values_list("email", flat=True)))


def _subject(rows: Sequence[RetentionWarning]) -> str:
    return f"Vitrine: retention falls due from {min(row.day for row in rows):%Y-%m-%d} on"


def _body(rows: Sequence[RetentionWarning], names: dict[UUID, str]) -> str:
    ordered = sorted(rows, key=lambda row: (row.day, names[row.collection], row.what))
    lines = [
        f"{row.day:%Y-%m-%d}  {names[row.collection]}: {row.due} {NAMES[row.what]}"
        for row in ordered
    ]
    return "\n".join(
        [
            "By the retention policies this will be destroyed (days in UTC):",
            "",
            *lines,
            "",
            "What must be kept can be put under a legal hold, or retention can be paused, in the",
            "console. This warning is given once.",
        ]
    )
