"""``manage.py import COLLECTION DIR``: everything in a folder, as often as you like."""  # noqa: N999 - the command's name

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.models import User
from retrieval import scope
from retrieval.errors import RetrievalError
from retrieval.models import Asset, Collection
from retrieval.services.bulk import Imported, files_below, import_folder
from retrieval.states import RESTING

_LOOK_SECONDS = 0.5
_WATCH_SECONDS = 2.0
# A file in a watched folder is taken once it has not been written to for so long.
_SETTLED_SECONDS = 2.0


class Command(BaseCommand):
    """Uploads the files of a folder into a collection; a second run takes only what is new."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, where from, and how."""
        parser.add_argument("collection", help="name or id of the collection")
        parser.add_argument("dir", type=Path)
        parser.add_argument("--watch", action="store_true", help="go on until interrupted")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be taken")
        parser.add_argument("--no-wait", action="store_true", help="do not wait for processing")
        parser.add_argument("--user", help="upload as this user, with this user's rights")
        parser.add_argument("--source", default="", help="where the files come from")

    def handle(self, *_: Any, **options: Any) -> None:
        """Import once, or until interrupted."""
        folder: Path = options["dir"]
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder.")
        collection_id = _collection(options["collection"])
        if options["dry_run"]:
            files = files_below(folder)
            size = sum(path.stat().st_size for path in files)
            self.stdout.write(f"{len(files)} files, {size / 1e6:.1f} MB; nothing was taken.")
            return
        try:
            self._run(collection_id, folder, options)
        except RetrievalError as error:
            raise CommandError(error.detail) from None
        except KeyboardInterrupt:
            self.stdout.write("\nStopped. Run it again to go on where it left off.")

    def _run(self, collection_id: UUID, folder: Path, options: dict[str, Any]) -> None:
        user = _user(options["user"])
        while True:
            files = files_below(folder)
            if options["watch"]:
                limit = time.time() - _SETTLED_SECONDS
                files = [path for path in files if path.stat().st_mtime <= limit]
            done = self._import(collection_id, folder, files, user, options)
            if done.created or done.refused or not options["watch"]:
                self._report(done, waited=not options["no_wait"])
            if not options["watch"]:
                return
            time.sleep(_WATCH_SECONDS)

    def _import(
        self,
        collection_id: UUID,
        folder: Path,
        files: list[Path],
        user: User | None,
        options: dict[str, Any],
    ) -> Imported:
        quiet = bool(options["watch"]) or None  # None: only where nobody looks at it
        with tqdm(total=len(files), desc="taken in ", unit="file", disable=quiet) as bar:
            done = import_folder(
                collection_id=collection_id,
                folder=folder,
                files=files,
                user=user,
                source=options["source"],
                on_file=bar.update,
            )
        if not options["no_wait"] and done.assets:
            with tqdm(total=len(done.assets), desc="processed", unit="file", disable=quiet) as bar:
                wait_until_resting(list(done.assets.values()), bar)
        return done

    def _report(self, done: Imported, *, waited: bool) -> None:
        self.stdout.write(
            f"{done.created} taken in, {done.known} known already, {len(done.refused)} refused."
        )
        for relative, why in done.refused.items():
            self.stdout.write(f"  {relative}: {why}")
        if waited:
            self._report_states(done)

    def _report_states(self, done: Imported) -> None:
        files = {asset_id: relative for relative, asset_id in done.assets.items()}
        with scope.system():
            rows = list(
                Asset.objects.filter(id__in=files).values_list("id", "state", "reason_detail")
            )
        states: dict[str, int] = {}
        for asset_id, state, why in rows:
            states[state] = states.get(state, 0) + 1
            if why:
                self.stdout.write(f"  {files[asset_id]}: {state}. {why}")
        counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        self.stdout.write(f"Now: {counted or 'nothing'}.")


def wait_until_resting(asset_ids: list[UUID], bar: Any) -> None:
    """Returns when every asset has come to rest, moving ``bar`` (a tqdm) meanwhile."""
    shown = 0
    while True:
        with scope.system():
            resting = Asset.objects.filter(id__in=asset_ids, state__in=RESTING).count()
            there = Asset.objects.filter(id__in=asset_ids).count()
        bar.update(resting - shown)
        shown = resting
        if resting >= there:
            return
        time.sleep(_LOOK_SECONDS)


def _collection(named: str) -> UUID:
    with scope.system():
        try:
            found = list(Collection.objects.filter(id=UUID(named)).values_list("id", flat=True))
        except ValueError:
            found = list(Collection.objects.filter(name=named).values_list("id", flat=True))
    if not found:
        raise CommandError(f"There is no collection '{named}'.")
    if len(found) > 1:
        raise CommandError(f"Several collections are called '{named}'; give the id instead.")
    return found[0]


def _user(name: str | None) -> User | None:
    if name is None:
        return None
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user '{name}'.")
    return user
