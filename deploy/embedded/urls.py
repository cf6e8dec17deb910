"""Where the embedded servers are, for whoever did not start them. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from deploy.paths import Paths, data_paths

OWNER = "vitrine_owner"
DATABASE = "vitrine"
# Nobody listens there: what asks the database all the same is told that it does not answer.
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


class _Url(Protocol):
    def __call__(self, paths: Paths, *, password: str) -> str: ...


def database_url(
    paths: Paths, *, password: str, user: str = OWNER, database: str = DATABASE
) -> str:
    """A login over the private socket, as DATABASE_URL has it."""
    host = quote(str(paths.postgres_socket_dir), safe="")
    return f"postgresql://{user}:{password}@/{database}?host={host}"


def redis_url(paths: Paths, *, password: str) -> str:
    """The REDIS_URL: ``unix://:password@/path?db=0``, path percent-encoded."""
    return f"unix://:{password}@{quote(str(paths.redis_socket))}?db=0"


def use_embedded() -> None:
    """Set what deploy/up tells its children, where the data folder has servers of its own.

    So ``manage.py`` works from any shell. Variables that are set already are left alone, and
    nothing is made: without a data folder nothing changes.
    """
    paths = data_paths()
    if (paths.postgres / "PG_VERSION").exists():
        _set("DATABASE_URL", paths.secrets / "db_owner_password", paths, database_url)
    if (paths.redis / "redis.conf").exists():
        _set("REDIS_URL", paths.secrets / "redis_password", paths, redis_url)
    if (paths.data / "demo.json").exists():
        os.environ.setdefault("VITRINE_DEMO", "1")


def _set(name: str, secret: Path, paths: Paths, url: _Url) -> None:
    if not os.environ.get(name) and secret.exists():
        os.environ[name] = url(paths, password=secret.read_text(encoding="ascii").strip())
