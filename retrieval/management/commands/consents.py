"""``manage.py consents …``: records of consent from a CSV file, and receipts of them."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from audit.consent_receipts import receipt_issue
from audit.consents import consent_get
from audit.errors import AuditError
from retrieval import scope
from retrieval.errors import RetrievalError
from retrieval.services.consent_import import COLUMNS, consents_import


class Command(BaseCommand):
    """Problems are told by line and column; what a line says is never repeated."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        read = verbs.add_parser("import", help=f"columns: {', '.join(COLUMNS)}")
        read.add_argument("file", type=Path, help="CSV in UTF-8, with a first line of names")
        read.add_argument("--dry-run", action="store_true", help="only say what would happen")
        receipt = verbs.add_parser("receipt", help="a signed receipt, as JSON")
        receipt.add_argument("consent", type=UUID)

    def handle(self, *_: Any, **options: Any) -> None:
        """Do it and say it."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except (RetrievalError, AuditError) as error:
            raise CommandError(error.detail) from None

    def _import(self, options: dict[str, Any]) -> None:
        try:
            data = options["file"].read_bytes()
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from None
        made = consents_import(by=None, data=data, dry_run=options["dry_run"])
        if made.problems:
            for problem in made.problems:
                self.stderr.write(str(problem))
            raise CommandError("Nothing was imported.")
        would = "would be " if options["dry_run"] else ""
        self.stdout.write(
            f"{made.records} records, {made.subjects} new subjects {would}imported; "
            f"{made.already} were there; {len(made.changed.returned)} assets come back, "
            f"{len(made.changed.withheld)} disappear"
        )
        for asset_id in made.changed.withheld:
            self.stdout.write(f"disappears  {asset_id}  {made.changed.reasons[asset_id]}")
        for asset_id in made.changed.returned:
            self.stdout.write(f"returns     {asset_id}")

    def _receipt(self, options: dict[str, Any]) -> None:
        with scope.system():
            document = receipt_issue(record=consent_get(options["consent"]), by=None)
        self.stdout.write(json.dumps(document, indent=2, ensure_ascii=False))
