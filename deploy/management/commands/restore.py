"""``manage.py restore DIR``: an appliance out of a backup, with what happened since applied."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.masterkey import MasterKeySource
from deploy.backup.errors import BackupError
from deploy.backup.layout import keys_beside


class Command(BaseCommand):
    """Exit code 1 with one sentence where it is refused or failed."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The data folder is VITRINE_DATA's, as everywhere."""
        parser.add_argument("folder", type=Path, help="folder of backups")
        parser.add_argument(
            "--keys", type=Path, metavar="FOLDER",
            help="folder of the copies of the keys (default: DIR-keys)",
        )  # fmt: skip
        parser.add_argument("--backup", metavar="ID", help="which one (default: the newest)")
        parser.add_argument(
            "--tombstones", type=Path, action="append", default=[], metavar="FILE",
            help="a newer tombstones.jsonl or journal.jsonl; may be given again",
        )  # fmt: skip
        parser.add_argument(
            "--replace", action="store_true", help="remove what the data folder holds"
        )
        parser.add_argument("--finish", metavar="ID", help=SUPPRESS)

    def handle(self, *_: Any, **options: Any) -> None:
        """Both stages; the second in a process that knows the restored settings."""
        folder: Path = options["folder"].expanduser().resolve()
        keys: Path = (options["keys"] or keys_beside(folder)).expanduser().resolve()
        try:
            if options["finish"]:
                from deploy.backup.apply import apply

                apply(folder, keys, backup_id=options["finish"], say=self.stdout.write)
                return
            from deploy.backup.restore import Wanted, restore

            done = restore(
                settings.PATHS,
                Wanted(
                    folder=folder,
                    keys=keys,
                    source=MasterKeySource(
                        key_file=settings.VITRINE_MASTER_KEY_FILE,
                        passphrase_file=settings.VITRINE_MASTER_PASSPHRASE_FILE,
                    ),
                    say=self._say,
                    backup_id=options["backup"],
                    tombstones=tuple(options["tombstones"]),
                    replace=options["replace"],
                ),
            )
        except BackupError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{done} is restored to {settings.PATHS.data}: start it with deploy/up.")

    def _say(self, line: str) -> None:
        self.stderr.write(line)
        self.stderr.flush()
