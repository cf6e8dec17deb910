"""``manage.py prepare``: from an empty or older database to one that can be served.

One process for what deploy/up needs at every start, because loading Django costs more than the
steps themselves once nothing is left to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from deploy.env import parse_database_url


class Command(BaseCommand):
    """Migrations and roles as the owner, then models and the administrator as the application."""

    help = "Brings the database up to date and makes what the first start needs. Idempotent."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The same choice as first_admin's."""
        parser.add_argument("--demo", action="store_true", help="the first password may stay")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do each step, saying it on standard output; details go to standard error."""
        with as_owner():
            pending = _pending_migrations()
            if pending:
                self.stdout.write(f"applying {pending} migrations")
                self.stdout.flush()
                call_command("migrate", interactive=False, stdout=self.stderr)
            call_command("setup_roles", stdout=self.stderr)
        call_command("models", "install", "--builtin", stdout=self.stdout)
        call_command("models", "rescue", stdout=self.stdout)
        call_command("vectors", "calibrate", if_missing=True, stdout=self.stdout)
        arguments = ["--demo"] if options["demo"] else []
        call_command("first_admin", *arguments, stdout=self.stdout)


@contextmanager
def as_owner() -> Iterator[None]:
    """While this lasts, the default connection is logged in as DATABASE_URL itself says."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise CommandError("DATABASE_URL is not set: it names the login that owns the database.")
    owner = parse_database_url(url)
    app = {key: connection.settings_dict[key] for key in ("USER", "PASSWORD")}
    connection.close()
    connection.settings_dict.update(USER=owner.user, PASSWORD=owner.password)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(app)


def _pending_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
