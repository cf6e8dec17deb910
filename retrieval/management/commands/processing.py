from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.processing import readable_json
from retrieval.services.processing import KINDS, as_html, processing_document


class Command(BaseCommand):
    """``processing record`` and ``processing dpia`` write documents from what is configured."""

    help = "Write the record of processing (GDPR Art. 30) or inputs to a DPIA (Art. 35)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which, and where to."""
        parser.add_argument("kind", choices=KINDS)
        parser.add_argument(
            "--out",
            type=Path,
            required=True,
            metavar="FILE",
            help="FILE.html or FILE.json; without such an ending both are written",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Writes, and says what is missing."""
        kind, out = options["kind"], options["out"]
        document = processing_document(by=None, kind=kind)
        forms = {".html": as_html(document, kind=kind), ".json": readable_json(document)}
        wanted = [out.suffix] if out.suffix in forms else list(forms)
        try:
            for suffix in wanted:
                path = out if out.suffix in forms else out.with_name(out.name + suffix)
                path.write_text(forms[suffix], encoding="utf-8")
                self.stdout.write(f"{path} written")
        except OSError as error:
            raise CommandError(f"it cannot be written: {error.strerror}") from None
        for one in document["missing"]:
            self.stdout.write(f"missing: {one['what']} (Art. {one['article']})")
        self.stdout.write(f"{len(document['open_findings'])} open findings")
