"""``manage.py backup DIR``: the whole appliance, while it runs; keys apart."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.keystore import default_keystore
from deploy.backup.check import data_check, keys_check
from deploy.backup.errors import BackupError
from deploy.backup.keys import MASTER_KEY
from deploy.backup.layout import chosen, ids_in, keys_beside, locked
from deploy.backup.make import Plan, Told, backup_make
from deploy.backup.prune import prune, said

_MEGA = 1_000_000


class Command(BaseCommand):
    """Exit code 1 with one sentence where it cannot be done or a backup is not whole."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Making one is the default."""
        parser.add_argument("folder", type=Path, help="folder of backups, made if it is not there")
        parser.add_argument(
            "--keys", type=Path, metavar="FOLDER",
            help="folder for the copies of the keys, best on another medium (default: DIR-keys)",
        )  # fmt: skip
        parser.add_argument(
            "--keep-days", type=int, default=30, help="how long the data is kept, in days"
        )
        parser.add_argument(
            "--keep-keys-days", type=int, default=7, help="how long this copy of the keys is kept"
        )
        parser.add_argument(
            "--verify", action="store_true", help="make none; read those there and check them"
        )
        parser.add_argument("--prune", action="store_true", help="make none; remove what is over")
        parser.add_argument("--list", action="store_true", help="make none; show those there")

    def handle(self, *_: Any, **options: Any) -> None:
        """One of the four."""
        folder: Path = options["folder"].expanduser().resolve()
        keys: Path = (options["keys"] or keys_beside(folder)).expanduser().resolve()
        try:
            if options["list"]:
                self._list(folder)
            elif options["verify"]:
                self._verify(folder, keys)
            elif options["prune"]:
                with locked(folder), locked(keys):
                    said(*prune(folder, keys), self.stdout.write)
            else:
                self._make(folder, keys, options)
        except BackupError as error:
            raise CommandError(str(error)) from None

    def _make(self, folder: Path, keys: Path, options: dict[str, Any]) -> None:
        keep, keep_keys = options["keep_days"], options["keep_keys_days"]
        if not 1 <= keep_keys <= keep:
            raise BackupError("--keep-days is at least --keep-keys-days, and that at least 1.")
        data: Path = settings.PATHS.data
        for place in (folder, keys):
            if place.is_relative_to(data) or data.is_relative_to(place):
                raise BackupError(f"{place} and the data folder {data} must not lie in each other.")
        if folder.is_relative_to(keys) or keys.is_relative_to(folder):
            raise BackupError("The copies of the keys lie outside the folder of the backups.")
        made = backup_make(Plan(folder, keys, keep, keep_keys, self._say))
        with locked(folder), locked(keys):
            said(*prune(folder, keys), self._say)
        seconds = ", ".join(f"{what} {took:.1f} s" for what, took in made.seconds.items())
        self.stdout.write(
            f"{made.entry.id}: {made.files} files ({made.linked} shared with the one before), "
            f"dump {made.dump_bytes / _MEGA:.1f} MB, {made.written_bytes / _MEGA:.1f} MB written; "
            f"{seconds}. Kept until {made.entry.until:%Y-%m-%d}, "
            f"its copy of the keys until {made.entry.keys_until:%Y-%m-%d}."
        )
        self._warn(folder, keys)

    def _warn(self, folder: Path, keys: Path) -> None:
        if folder.stat().st_dev == keys.stat().st_dev:
            self.stderr.write(
                f"The copy of the keys in {keys} lies on the same medium as the backup: carry it "
                "elsewhere, or whoever has the medium has both."
            )
        if (settings.PATHS.keys / MASTER_KEY).exists() and _demo_key():
            self.stderr.write(
                f"The demo's master key is in {keys} too, beside the keys it wraps: whoever has "
                "both folders can read everything. Name a master key of your own in production."
            )

    def _verify(self, folder: Path, keys: Path) -> None:
        chosen(folder, None, what="backup")
        seen: dict[tuple[int, int], str] = {}
        for backup_id in ids_in(folder):
            told = Told(self._say, "MB read")
            whole = data_check(folder / backup_id, default_keystore(), told=told, seen=seen)
            self.stdout.write(
                f"{backup_id}: whole, {whole.files} files, {whole.bytes / _MEGA:.1f} MB"
            )
        for backup_id in ids_in(keys):
            keys_check(keys / backup_id, default_keystore())
            self.stdout.write(f"{backup_id}: its copy of the keys is whole")
        if not ids_in(keys):
            raise BackupError(f"There is no copy of the keys in {keys}.")

    def _list(self, folder: Path) -> None:
        from deploy.backup.manifest import manifest_read

        for backup_id in ids_in(folder):
            body = manifest_read(folder / backup_id).body
            self.stdout.write(
                f"{backup_id}  until {body['until'][:10]}  {body['files']['count']} files"
            )

    def _say(self, line: str) -> None:
        self.stderr.write(line)
        self.stderr.flush()


def _demo_key() -> bool:
    return not (settings.VITRINE_MASTER_KEY_FILE or settings.VITRINE_MASTER_PASSPHRASE_FILE)
