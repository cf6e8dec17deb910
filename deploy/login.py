"""A connection to Postgres beside Django's: for what is done as the owner or a superuser."""

from __future__ import annotations

import psycopg

from deploy.env import DatabaseLogin

_SECONDS = 10


def connected(
    login: DatabaseLogin, *, application_name: str = ""
) -> psycopg.Connection[tuple[object, ...]]:
    """A connection on which each statement commits.

    Raises:
        psycopg.OperationalError: the database does not answer, or refuses the login.
    """
    return psycopg.connect(
        dbname=login.name,
        user=login.user,
        password=login.password or None,
        host=login.host or None,
        port=login.port or None,
        connect_timeout=_SECONDS,
        autocommit=True,
        application_name=application_name,
    )
