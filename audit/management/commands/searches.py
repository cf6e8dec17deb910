from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from audit.search_audit.export import FORMATS, export_lines, export_noted


class Command(BaseCommand):
    """``searches export`` writes search records as JSON lines, for a SIEM."""

    help = "Export who searched what, without the queries and with people as random ids."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One subcommand."""
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help="one OCSF event a line, oldest first; recorded")
        export.add_argument("--since", type=_moment, help="not before this time (ISO 8601)")
        export.add_argument("--until", type=_moment, help="before this time")
        export.add_argument("--format", choices=FORMATS, default=FORMATS[0])
        export.add_argument("--out", type=Path, metavar="FILE", help="by default standard output")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Streams: memory does not grow with the number of records."""
        with transaction.atomic():
            until = export_noted(
                by=None, since=options["since"], until=options["until"], to="command"
            )
        lines = export_lines(since=options["since"], until=until)
        try:
            with _written(options["out"]) as out:
                for some in lines:
                    out.write(some)
        except BrokenPipeError:
            sys.exit(1)  # whoever read it has gone
        except OSError as error:
            raise CommandError(f"it cannot be written: {error.strerror}") from None
        self.stderr.write(f"searches before {until.isoformat()} exported")


def _moment(text: str) -> datetime:
    """The moment; without a zone it is UTC, and a day begins at midnight."""
    try:
        moment = parse_datetime(text)
        day = parse_date(text) if moment is None else None
    except ValueError:
        moment = day = None
    if day is not None:
        moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001 (made aware below)
    if moment is None:
        raise ArgumentTypeError("a time such as 2026-01-31 or 2026-01-31T08:00:00Z")
    return moment if moment.tzinfo else timezone.make_aware(moment)


@contextmanager
def _written(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that nobody else reads and that appears once it is whole."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(path.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        yield out
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
