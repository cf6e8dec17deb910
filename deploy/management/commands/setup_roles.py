"""``manage.py setup_roles``: the application's database role can log in with our password."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection
from psycopg import sql

from deploy.embedded.files import secret_file
from deploy.env import env_str
from deploy.paths import data_paths

ROLE = "vitrine_app"


class Command(BaseCommand):
    """Runs as the database's owner, which made the role in the first migration."""

    help = "Sets the password of vitrine_app, the role that web and workers log in as."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Set the password; nothing to do where DATABASE_APP_URL names a login of its own."""
        if env_str("DATABASE_APP_URL"):
            return
        password = env_str("VITRINE_DB_APP_PASSWORD") or secret_file(
            data_paths().secrets / "db_app_password"
        )
        statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
            sql.Identifier(ROLE), sql.Literal(password)
        )
        connection.ensure_connection()
        with connection.connection.cursor() as cursor:
            # The password reaches no log: the embedded server keeps none, and a real one that logs
            # statements is told not to for this one where it allows it.
            cursor.execute(statement)
        self.stdout.write(f"{ROLE} can log in.")
