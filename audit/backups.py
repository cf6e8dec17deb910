"""Which backups exist, and until when: a receipt of erasure names them.

The list is a file beside the database, not in it, so that restoring an older database does not
forget the newer backups. What was deleted by hand is not known here: a backup counts as there until
it is pruned.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.conf import settings

from audit.lines import lines_append, lines_read


@dataclass(frozen=True, kw_only=True)
class BackupEntry:
    """One backup: ``until`` when its data is kept, ``keys_until`` when its copy of the keys is.

    ``place`` is the folder as the operator named it. Once ``keys_until`` is past, nothing that has
    been erased since can be read in it any more where it lay in files of its own (originals,
    renditions); what lay in the database can be until ``until``.
    """

    id: str
    made_at: datetime
    until: datetime
    keys_until: datetime
    place: str


def backups_living() -> list[BackupEntry]:
    """Backups that were made and not pruned, the oldest first. Reads a file.

    One whose period is over and that nobody pruned is still in the list.
    """
    living: dict[str, BackupEntry] = {}
    for line in lines_read(settings.PATHS.backups):
        if "pruned" in line:
            living.pop(line["pruned"], None)
        else:
            living[line["id"]] = _entry(line)
    return sorted(living.values(), key=lambda entry: entry.made_at)


def backups_until() -> datetime | None:
    """When the last of the living backups goes; None where there is none."""
    return max((entry.until for entry in backups_living()), default=None)


def backup_note(entry: BackupEntry) -> None:
    """Adds a backup to the list; again with another period replaces what was said."""
    stated = asdict(entry)
    for name in ("made_at", "until", "keys_until"):
        stated[name] = stated[name].isoformat()
    lines_append(settings.PATHS.backups, [stated])


def backup_forget(backup_id: str) -> None:
    """Takes a backup that was pruned off the list."""
    lines_append(settings.PATHS.backups, [{"pruned": backup_id}])


def _entry(line: dict[str, str]) -> BackupEntry:
    return BackupEntry(
        id=line["id"],
        made_at=datetime.fromisoformat(line["made_at"]),
        until=datetime.fromisoformat(line["until"]),
        keys_until=datetime.fromisoformat(line["keys_until"]),
        place=line["place"],
    )
