"""``manage.py doctor``: what is installed, reachable, permitted; the mend for what is not."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from deploy.doctor import backups, database, machine, models, names, servers, vectors
from deploy.doctor.finding import Finding, looked

_UP = "Start the appliance with deploy/up."


def examine() -> Iterator[Finding]:
    """Every finding, in the order in which things depend on each other."""
    data = settings.PATHS.data
    readable = f"Make {data} readable for this user."
    yield from looked("machine", lambda: machine.look(settings.PATHS), mend=readable)
    yield from looked("key store", servers.key_store, mend=readable)
    yield from looked("database", database.look, mend=f"It does not answer. {_UP}")
    yield from looked("ledger", servers.ledger, mend=_UP)
    yield from looked("queue", servers.queue, mend=f"Redis does not answer. {_UP}")
    yield from looked("redaction server", servers.redaction_server, mend=_UP)
    yield from looked("name model", names.look, mend=readable)
    yield from looked("model server", servers.model_server, mend=_UP)
    yield from looked("models", models.bundles, mend=_UP)
    yield from looked("models in use", models.in_use, mend=_UP)
    yield from looked("vector tables", models.tables, mend=_UP)
    yield from looked("vector indexes", vectors.look, mend=_UP)
    yield from looked("backups", backups.look, mend=readable)


class Command(BaseCommand):
    """Exit code 1 where anything needs a mend."""

    help = __doc__
    requires_system_checks = "__all__"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """For people by default."""
        parser.add_argument("--json", action="store_true", help="one JSON list")

    def handle(self, *_: Any, **options: Any) -> None:
        """Looks at everything, whatever fails on the way."""
        if options["json"]:
            import json

            findings = list(examine())
            self.stdout.write(json.dumps([asdict(f) | {"well": f.well} for f in findings]))
        else:
            findings = [self._told(finding) for finding in examine()]
        sick = sum(not finding.well for finding in findings)
        if sick:
            self.stderr.write(f"{sick} of {len(findings)} need a mend.")
            sys.exit(1)
        if not options["json"]:
            self.stdout.write(f"All {len(findings)} are well.")

    def _told(self, finding: Finding) -> Finding:
        mark = self.style.SUCCESS("ok  ") if finding.well else self.style.ERROR("MEND")
        self.stdout.write(f"{mark}  {finding.what:<24}  {finding.detail}")
        if not finding.well:
            self.stdout.write(f"      -> {finding.mend}")
        return finding
