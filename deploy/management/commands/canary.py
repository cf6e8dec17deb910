"""``manage.py canary``: reads tokens from standard input, one a line, and searches every store."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit.canary.base import Hit
from audit.canary.forms import LEAST_ENCODED_BYTES
from audit.canary.search import Report, Searched, search
from deploy.canary.places import OUT_OF_REACH, stores

MOST_TOKENS = 20_000
MOST_CHARS = 512
_LINES_SHOWN = 8
_PLACES_SHOWN = 40
_MEGA = 1_000_000


class Command(BaseCommand):
    """Exit code 1 where a token was found, or where a store could not be searched."""

    help = __doc__
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """For people by default."""
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.add_argument(
            "--also", type=Path, action="append", default=[], metavar="FOLDER",
            help="search this folder too, e.g. one for exports; may be given again",
        )  # fmt: skip
        parser.add_argument(
            "--originals", action="store_true",
            help="finds in originals, and in renditions held back, count too: for when the period "
            "of originals is over",
        )  # fmt: skip

    def handle(self, *_: Any, **options: Any) -> None:
        """Searches, and says where; tokens are named by the line they came on."""
        tokens, lines = _tokens(sys.stdin.buffer.read())
        began = time.monotonic()
        with ExitStack() as stack:
            every = stores(
                settings.PATHS, redis_url=settings.REDIS_URL, also=options["also"], stack=stack
            )
            report = search(tokens, every, progress=self._progress(quiet=options["json"]))
        seconds = time.monotonic() - began
        bad = not report.clean or (options["originals"] and any(s.hits for s in report.stores))
        if options["json"]:
            self.stdout.write(json.dumps(_json(report, lines, seconds=seconds, clean=not bad)))
        else:
            self._tell(report, lines, tokens=len(tokens), seconds=seconds)
        if bad:
            sys.exit(1)

    def _progress(self, *, quiet: bool) -> Any:
        return (lambda _: None) if quiet else (lambda name: self.stderr.write(f"searching {name}"))

    def _tell(self, report: Report, lines: list[int], *, tokens: int, seconds: float) -> None:
        for store in report.stores:
            self._store(store, lines)
        for name, reason in report.absent:
            self.stdout.write(f"--    {name}: not searched, {reason}")
        self.stdout.write(f"--    Out of reach: {OUT_OF_REACH}.")
        read = sum(store.bytes_read for store in report.stores)
        self.stdout.write(
            f"{tokens} tokens in {report.patterns} forms, {read / _MEGA:.1f} MB in {seconds:.1f} s "
            f"({read / _MEGA / max(seconds, 1e-9):.0f} MB/s), {len(report.stores)} stores."
        )
        leaks = [store for store in report.stores if store.leaks]
        blind = [store for store in report.stores if not store.looked]
        if not leaks and not blind:
            some = "; some stores were not searched" if report.absent else ""
            self.stdout.write(f"None was found where it must not be{some}.")
        if leaks:
            names = ", ".join(store.name for store in leaks)
            self.stderr.write(f"FOUND in {len(leaks)} stores: {names}.")
        if blind:
            names = ", ".join(store.name for store in blind)
            self.stderr.write(f"NOT PROVEN in {len(blind)} stores: {names}.")

    def _store(self, store: Searched, lines: list[int]) -> None:
        mark = self.style.ERROR("FOUND") if store.leaks else self.style.SUCCESS("ok   ")
        if not store.looked:
            mark = self.style.ERROR("BLIND")
        found = store.controls - len(store.missed)
        self.stdout.write(
            f"{mark} {store.name}: {store.places} places, {store.bytes_read / _MEGA:.1f} MB, "
            f"{store.seconds:.1f} s; {found} of {store.controls} controls found"
        )
        for control in store.missed:
            self.stdout.write(f"      control not found: {control.form} {control.where}".rstrip())
        for text in (*store.failures, *store.notes):
            self.stdout.write(f"      {text}")
        if store.permitted and store.hits:
            count = len({hit.token for hit in store.hits})
            self.stdout.write(f"      {count} tokens, which may be here")
            return
        for text in _places(store.hits, lines)[:_PLACES_SHOWN]:
            self.stdout.write(f"      {text}")
        left = len(_places(store.hits, lines)) - _PLACES_SHOWN
        if left > 0:
            self.stdout.write(f"      and {left} more places")


def _tokens(given: bytes) -> tuple[list[str], list[int]]:
    """The different tokens, and the line each first came on."""
    first: dict[str, int] = {}
    try:
        text = given.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError("Standard input must be UTF-8, one token a line.") from None
    for number, line in enumerate(text.splitlines(), 1):
        token = line.strip()
        if not token:
            continue
        if not LEAST_ENCODED_BYTES <= len(token.encode()) <= MOST_CHARS:
            raise CommandError(
                f"Line {number}: a token has {LEAST_ENCODED_BYTES} to {MOST_CHARS} bytes; "
                "a shorter one would be met by chance."
            )
        first.setdefault(token, number)
    if not first or len(first) > MOST_TOKENS:
        raise CommandError(f"Give 1 to {MOST_TOKENS} tokens on standard input, one a line.")
    return list(first), list(first.values())


def _places(hits: tuple[Hit, ...], lines: list[int]) -> list[str]:
    """A line for each place and form: where, how, and which tokens by their lines."""
    grouped: dict[tuple[str, str], set[int]] = defaultdict(set)
    for hit in hits:
        grouped[hit.where, " > ".join(hit.way)].add(lines[hit.token])
    said = []
    for (where, way), numbers in sorted(grouped.items()):
        some = ", ".join(str(number) for number in sorted(numbers)[:_LINES_SHOWN])
        more = f" and {len(numbers) - _LINES_SHOWN} more" if len(numbers) > _LINES_SHOWN else ""
        said.append(f"{where}: {way}; tokens of lines {some}{more}")
    return said


def _json(report: Report, lines: list[int], *, seconds: float, clean: bool) -> dict[str, Any]:
    return {
        "clean": clean,
        "seconds": round(seconds, 1),
        "patterns": report.patterns,
        "stores": [
            {
                "name": store.name,
                "permitted": store.permitted,
                "looked": store.looked,
                "controls": store.controls,
                "controls_missed": [f"{c.form} {c.where}".strip() for c in store.missed],
                "places": store.places,
                "bytes": store.bytes_read,
                "seconds": round(store.seconds, 2),
                "failures": list(store.failures),
                "notes": list(store.notes),
                "hits": [
                    {"line": lines[hit.token], "where": hit.where, "form": " > ".join(hit.way)}
                    for hit in store.hits
                ],
            }
            for store in report.stores
        ],
        "not_searched": [{"name": name, "reason": reason} for name, reason in report.absent],
        "out_of_reach": OUT_OF_REACH,
    }
