"""``manage.py redact``: the redaction pipeline on files and folders, without storing anything."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from retrieval.redaction.base import Finding, Profile, finding_to
from retrieval.redaction.client import RedactionClient
from retrieval.redaction.errors import (
    ProfileError,
    RedactionRefusedError,
    RedactionUnavailableError,
    UnknownProfileError,
)
from retrieval.redaction.local_server import redaction_client
from retrieval.redaction.profile_schema import profile_from
from retrieval.redaction.registry import profile_names, shipped
from retrieval.redaction.through import through
from retrieval.selectors.profiles import profile_named

_PIECE_BYTES: Final = 1024 * 1024
_EXTENSIONS: Final = {"text": ".txt", "image": ".webp", "audio": ".ogg"}


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    relative: Path


class Command(BaseCommand):
    """Redacts files and folders with one start of the redaction server.

    Or with the one that runs.
    """

    help = "Show what redaction takes out of files, and write the redacted renditions."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Paths, profile, and where results go."""
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder")
        parser.add_argument(
            "--profile",
            default="standard",
            help="strict, standard, open, one of the appliance's own, or a JSON file of rules",
        )
        parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the renditions")
        parser.add_argument(
            "--report", type=Path, metavar="FILE", help="JSON lines (default: standard output)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """One report line a file.

        Raises:
            CommandError: a path is not there, or no redaction server answers.
        """
        del args
        missing = [str(path) for path in options["paths"] if not path.exists()]
        if missing:
            raise CommandError(f"not found: {', '.join(missing)}")
        profile = _profile(options["profile"])
        try:
            with ExitStack() as stack:
                report = _report(options["report"], stack)
                paths = settings.PATHS
                client = stack.enter_context(
                    redaction_client(paths.redaction_socket, models=paths.models)
                )
                for file in _files(options["paths"]):
                    line = _redact(client, file, profile=profile, out=options["out"])
                    report.write(json.dumps(line, ensure_ascii=False) + "\n")
                    report.flush()
        except RedactionUnavailableError as error:
            raise CommandError(f"the redaction server is not available ({error.code})") from error


def _profile(named: str) -> Profile:
    """A shipped profile, one from a file, or one of the appliance's own (which asks its database).

    Raises:
        CommandError: there is none, or the file's rules cannot be meant so.
    """
    found = shipped(named)
    if found is not None:
        return found
    try:
        if named.endswith(".json"):
            rules = json.loads(Path(named).read_text(encoding="utf-8"))
            return profile_from({"name": "file", "version": 1, **rules})
        return profile_named(named)
    except ProfileError as error:
        raise CommandError(f"{named}: {error}") from None
    except (UnknownProfileError, DatabaseError, OSError, ValueError, TypeError):
        known = ", ".join(profile_names())
        raise CommandError(f"there is no profile {named}; {known} ship.") from None


def _report(path: Path | None, stack: ExitStack) -> TextIO:
    return stack.enter_context(path.open("w", encoding="utf-8")) if path else sys.stdout


def _files(paths: list[Path]) -> Iterator[_File]:
    """Files in order of their names; of folders all within, without links and hidden ones."""
    for path in paths:
        if not path.is_dir():
            yield _File(path, Path(path.name))
            continue
        for found in sorted(path.rglob("*")):
            relative = found.relative_to(path)
            hidden = any(part.startswith(".") for part in relative.parts)
            if found.is_file() and not found.is_symlink() and not hidden:
                yield _File(found, relative)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE_BYTES):
            yield piece


def _redact(
    client: RedactionClient, file: _File, *, profile: Profile, out: Path | None
) -> dict[str, Any]:
    """The report line; the rendition is written only if the second look found nothing in it."""
    try:
        made = through(client, _pieces(file.path), name=file.path.name, profile=profile)
    except RedactionRefusedError as error:
        return _line(file, None, error.disposition, f"{error.code}: {error.reason}", (), profile)
    state = "quarantined" if made.reason else "redacted"
    if out is not None and not made.reason:
        suffix = _EXTENSIONS[made.modality]
        name = file.relative.name
        target = out / file.relative.with_name(name if name.endswith(suffix) else name + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(made.rendition)
    return _line(file, made.modality, state, made.reason, made.findings, profile)


def _line(
    file: _File,
    modality: str | None,
    state: str,
    reason: str,
    findings: tuple[Finding, ...],
    profile: Profile,
) -> dict[str, Any]:
    return {
        "file": str(file.path),
        "modality": modality,
        "state": state,
        "reason": reason,
        "findings": [finding_to(finding) for finding in findings],
        "profile": profile.ref,
        "covers": list(profile.covers),
    }
