"""Whether there are backups, how old the newest is, and whether any should have been pruned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from audit.backups import backups_living
from deploy.doctor.finding import Finding

_OLD = timedelta(days=2)


def look() -> Iterator[Finding]:
    """Never having made one is no fault of an appliance that is tried out; stopping to is."""
    entries = backups_living()
    if not entries:
        yield Finding("backups", "none was made yet")
        return
    now = timezone.now()
    age = now - entries[-1].made_at
    mend = ""
    if age > _OLD:
        mend = f"Run manage.py backup {entries[-1].place} every day."
    over = [entry for entry in entries[:-1] if entry.until < now]
    if over:
        places = ", ".join(sorted({entry.place for entry in over}))
        mend = f"{len(over)} are kept past their period: manage.py backup {places} --prune."
    hours = int(age.total_seconds() // 3600)
    yield Finding("backups", f"{len(entries)}, the newest {hours} h old", mend)
