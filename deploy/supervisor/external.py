"""Checks real servers that DATABASE_URL and REDIS_URL name, before anything is asked of them."""

from __future__ import annotations

import psycopg
import redis

from deploy.env import ConfigurationError, parse_database_url
from deploy.login import connected
from deploy.supervisor.errors import StartError

_OLDEST_PGVECTOR = (0, 8)
_OLDEST_POSTGRES = 150000


def check_database(url: str) -> None:
    """Raise StartError unless ``url`` leads to a Postgres that the appliance can use.

    It must be version 15 or newer, offer pgvector 0.8 or newer (installed here where it is not),
    and the login must own the database and be allowed to create roles.
    """
    try:
        login = parse_database_url(url)
    except ConfigurationError as error:
        raise StartError(f"{error}.") from None
    try:
        connection = connected(login)
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or ["no answer"])[-1]
        raise StartError(f"DATABASE_URL cannot be reached ({reason}).") from None
    with connection:
        _check_server(connection)


def _check_server(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    if connection.info.server_version < _OLDEST_POSTGRES:
        raise StartError("DATABASE_URL leads to a Postgres older than 15: upgrade it.")
    row = connection.execute(
        "SELECT rolsuper OR rolcreaterole, rolsuper OR pg_has_role(datdba, 'MEMBER') "
        "FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()"
    ).fetchone()
    if row is None or not all(row):
        raise StartError(
            "DATABASE_URL's user must own the database and have CREATEROLE "
            "(ALTER DATABASE … OWNER TO …; ALTER ROLE … CREATEROLE)."
        )
    available = connection.execute(
        "SELECT default_version, installed_version FROM pg_available_extensions "
        "WHERE name = 'vector'"
    ).fetchone()
    if available is None:
        raise StartError(
            "DATABASE_URL's server has no pgvector: install version 0.8 or newer on it."
        )
    _check_vector(connection, offered=str(available[0]), installed=available[1])


def _check_vector(
    connection: psycopg.Connection[tuple[object, ...]], *, offered: str, installed: object
) -> None:
    if _version(str(installed or offered)) < _OLDEST_PGVECTOR:
        raise StartError(
            f"DATABASE_URL's pgvector is {installed or offered} and 0.8 is needed: "
            "upgrade it (ALTER EXTENSION vector UPDATE)."
        )
    if installed is not None:
        return
    try:
        connection.execute("CREATE EXTENSION vector")
    except psycopg.Error:
        raise StartError(
            "DATABASE_URL's user may not install pgvector: "
            "run CREATE EXTENSION vector in that database as a superuser."
        ) from None


def _version(text: str) -> tuple[int, int]:
    major, minor = [*text.split("."), "0"][:2]
    return int(major), int(minor)


def check_redis(url: str) -> None:
    """Raise StartError unless a Redis answers at ``url``."""
    try:
        with redis.Redis.from_url(url, socket_timeout=10, socket_connect_timeout=10) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise StartError(f"REDIS_URL cannot be used ({type(error).__name__}).") from None
