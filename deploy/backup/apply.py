"""What happened since the backup, applied to the restored database before anything is served."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from audit import ledger
from audit.backups import BackupEntry, backup_note, backups_living
from audit.chaining import chain_pending
from deploy.backup.errors import BackupError
from deploy.backup.layout import ids_in
from deploy.backup.manifest import manifest_read
from deploy.doctor import database, models, servers
from deploy.doctor.finding import looked
from deploy.management.commands.prepare import as_owner


def apply(folder: Path, keys: Path, *, backup_id: str, say: Callable[[str], object]) -> None:
    """Erases, withdraws, holds and purges what was since, or fell due since.

    Raises:
        BackupError: the restored appliance is not well.
    """
    from retrieval.services.restoring import restored_apply

    with as_owner():
        call_command("migrate", interactive=False, verbosity=0)
        call_command("setup_roles")
    _register(folder)
    applied = restored_apply()
    say(
        f"since the backup: {applied.erased} erased again, {applied.replayed} withdrawals, "
        f"restrictions and holds applied again, {applied.withheld} assets withheld, "
        f"{applied.purged} things purged, {applied.scrubbed} tables scrubbed"
    )
    if applied.refused:
        say(f"nothing was purged: {applied.refused}")
    with transaction.atomic():
        ledger.record(
            event="backup:backup:restore",
            actor=None,
            refs={"backup": backup_id},
            payload={"erased": applied.erased, "replayed": applied.replayed},
        )
    while chain_pending():
        pass
    _examine(say)


def _register(folder: Path) -> None:
    """Backups that the list does not know come onto it: the data folder may have been lost."""
    known = {entry.id for entry in backups_living()}
    for backup_id in ids_in(folder):
        if backup_id in known:
            continue
        body = manifest_read(folder / backup_id).body
        made, until, keys_until = (
            datetime.fromisoformat(body[name]) for name in ("made_at", "until", "keys_until")
        )
        backup_note(
            BackupEntry(
                id=backup_id, made_at=made, until=until, keys_until=keys_until, place=str(folder)
            )
        )


def _examine(say: Callable[[str], object]) -> None:
    """What the doctor can look at before the servers run."""
    mend = f"See {settings.PATHS.log}."
    sick = []
    for what, look in (
        ("key store", servers.key_store),
        ("database", database.look),
        ("vector tables", models.tables),
    ):
        for finding in looked(what, look, mend=mend):
            say(f"{'ok  ' if finding.well else 'MEND'}  {finding.what}  {finding.detail}")
            if not finding.well:
                sick.append(finding.what)
    if sick:
        raise BackupError(f"The restored appliance is not well: {', '.join(sick)}.")
