from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from retrieval.errors import RetrievalError
from retrieval.services.access_request import archive_begin, archive_stream


class Command(BaseCommand):
    """``subject export`` writes everything held on a person as an archive."""

    help = "Answer a request for access: what is held on one person, as a zip with an index page."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand."""
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help="write the archive; recorded in the ledger")
        export.add_argument("subject", type=UUID, metavar="ID")
        export.add_argument("--out", type=Path, required=True, metavar="FILE")
        export.add_argument(
            "--originals", action="store_true", help="also originals that are kept; needs --reason"
        )
        export.add_argument("--reason", default="", help="why originals are handed out")

    def handle(self, *_args: Any, **options: Any) -> None:
        """A file that nobody else reads, and that appears once it is whole."""
        out: Path = options["out"]
        part = out.with_name(out.name + ".part")
        try:
            archive = archive_begin(
                by=None,
                subject_id=options["subject"],
                originals=options["originals"],
                reason=options["reason"],
            )
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as to:
                to.writelines(archive_stream(archive))
                to.flush()
                os.fsync(to.fileno())
            part.replace(out)
        except RetrievalError as error:
            part.unlink(missing_ok=True)
            raise CommandError(error.detail) from None
        except OSError as error:
            part.unlink(missing_ok=True)
            raise CommandError(f"it cannot be written: {error.strerror}") from None
        assets = archive.index["assets"]
        files = sum(len(one["files"]) for one in assets)
        self.stdout.write(f"{out} written: {len(assets)} assets, {files} files")
