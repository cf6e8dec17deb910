"""Backups whose period is over go, and with a backup's key whatever copies of it there may be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.db import transaction

from audit import ledger
from audit.backups import backup_forget
from audit.keystore import default_keystore
from deploy.backup.errors import BackupError
from deploy.backup.layout import ids_in, removed
from deploy.backup.manifest import key_name, manifest_read


def prune(folder: Path, keys: Path, *, now: datetime | None = None) -> tuple[int, int]:
    """How many backups and how many copies of keys were removed. The newest whole one stays.

    Their keys are destroyed: a copy of a pruned backup elsewhere cannot be opened once the copies
    of keys that were made before are gone too.
    """
    moment = now or datetime.now(UTC)
    data = _over(folder, "until", moment)
    for backup_id in data:
        removed(folder, backup_id)
        default_keystore().destroy("system", key_name(backup_id))
        backup_forget(backup_id)
        with transaction.atomic():
            ledger.record(event="backup:backup:prune", actor=None, refs={"backup": backup_id})
    copies = _over(keys, "keys_until", moment)
    for backup_id in copies:
        removed(keys, backup_id)
    return len(data), len(copies)


def _over(folder: Path, member: str, moment: datetime) -> list[str]:
    return [
        backup_id
        for backup_id in ids_in(folder)[:-1]
        if _moment(folder / backup_id, member) <= moment
    ]


def _moment(folder: Path, member: str) -> datetime:
    try:
        return datetime.fromisoformat(manifest_read(folder).body[member])
    except (BackupError, KeyError, ValueError):
        return datetime.max.replace(tzinfo=UTC)  # what cannot be read is left for a person


def said(data: int, copies: int, say: Callable[[str], None]) -> None:
    """Tell the operator, where anything went."""
    if data or copies:
        say(f"pruned {data} backups and {copies} copies of keys whose period was over")
