"""Strict readers of environment variables: a wrong value refuses to start and says which one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit


class ConfigurationError(ValueError):
    """A setting is missing or malformed; the message names the variable, never its value."""


def env_str(name: str, default: str | None = None) -> str | None:
    """The variable ``name``, the content of the file ``name_FILE`` points to, or ``default``."""
    file = os.environ.get(f"{name}_FILE")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"{name}_FILE cannot be read ({error.strerror})") from None
    return os.environ.get(name) or default


def env_path(name: str) -> Path | None:
    """The path that the variable names, absolute, or None."""
    value = os.environ.get(name, "").strip()
    return Path(value).expanduser().resolve() if value else None


def env_bool(name: str, *, default: bool) -> bool:
    """``1/true/yes/on`` or ``0/false/no/off``; anything else is refused."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ConfigurationError(f"{name} must be 1 or 0")


def env_int(name: str, default: int, *, at_least: int = 0) -> int:
    """A whole number not below ``at_least``."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ConfigurationError(f"{name} must be a whole number") from None
    if number < at_least:
        raise ConfigurationError(f"{name} must be at least {at_least}")
    return number


def env_list(name: str, default: list[str]) -> list[str]:
    """Comma-separated values, blanks dropped."""
    value = os.environ.get(name, "")
    return [part.strip() for part in value.split(",") if part.strip()] or default


def env_choices(
    name: str, choices: tuple[str, ...], *, default: tuple[str, ...] | None = None
) -> frozenset[str]:
    """Some of ``choices``, comma-separated, or the word ``none``; by default all of them."""
    chosen = env_list(name, list(choices if default is None else default))
    if chosen == ["none"]:
        return frozenset()
    if not set(chosen) <= set(choices):
        raise ConfigurationError(f"{name} must be some of {', '.join(choices)}, or none")
    return frozenset(chosen)


@dataclass(frozen=True)
class DatabaseLogin:
    """One login to Postgres. ``host`` may be a folder that holds the server's socket."""

    name: str
    user: str
    password: str
    host: str
    port: str

    def with_user(self, *, user: str, password: str) -> DatabaseLogin:
        """The same database under another role."""
        return DatabaseLogin(self.name, user, password, self.host, self.port)


def parse_database_url(url: str, *, name: str = "DATABASE_URL") -> DatabaseLogin:
    """The login in ``postgresql://user:password@host:port/db`` or ``…@/db?host=/socket/folder``.

    Raises:
        ConfigurationError: another scheme, no database name or no user.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ConfigurationError(f"{name} must begin with postgresql://")
    query = dict(parse_qsl(parts.query))
    database = unquote(parts.path.lstrip("/"))
    user = unquote(parts.username or query.get("user", ""))
    if not database or not user:
        raise ConfigurationError(f"{name} must name a user and a database")
    return DatabaseLogin(
        name=database,
        user=user,
        password=unquote(parts.password or query.get("password", "")),
        host=unquote(parts.hostname or query.get("host", "")),
        port=str(parts.port or query.get("port", "")),
    )


def celery_broker_url(redis_url: str) -> str:
    """``redis_url`` in Kombu's spelling: a socket is ``redis+socket://:password@/path?virtual_host=0``."""
    if not redis_url.startswith("unix://"):
        return redis_url
    return redis_url.replace("unix://", "redis+socket://", 1).replace("db=", "virtual_host=")
