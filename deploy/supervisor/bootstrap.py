"""What must be true of secrets, keys and the database before anything is served."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audit.keystore import KeyStore
from audit.masterkey import MasterKeyError, MasterKeySource
from deploy.embedded.files import make_data_folders, secret_file
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.redis import EmbeddedRedis
from deploy.paths import ROOT, Paths
from deploy.supervisor.errors import StartError
from deploy.supervisor.external import check_database, check_redis
from deploy.supervisor.watch import Watch

SECRET_KEY_BYTES = 64


@dataclass(frozen=True)
class Servers:
    """Where database and queue are, and whether they are ours to run."""

    database_url: str
    redis_url: str
    own_database: bool
    own_redis: bool


def choose_servers(paths: Paths) -> Servers:
    """Real servers where DATABASE_URL or REDIS_URL name some, checked; else the embedded ones.

    Raises:
        StartError: a named server cannot be used.
    """
    database, queue = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    if database:
        check_database(database)
    if queue:
        check_redis(queue)
    return Servers(
        database_url=database or EmbeddedPostgres(paths).url(),
        redis_url=queue or EmbeddedRedis(paths).url(),
        own_database=not database,
        own_redis=not queue,
    )


def make_secrets(paths: Paths) -> None:
    """Folders, secret key, database password and key store exist, and the master key opens it.

    Raises:
        StartError: the master key cannot be read or is another one.
    """
    make_data_folders(paths)
    secret_file(paths.secrets / "secret_key", nbytes=SECRET_KEY_BYTES)
    secret_file(paths.secrets / "db_app_password")
    source = MasterKeySource(
        key_file=_path_from("VITRINE_MASTER_KEY_FILE"),
        passphrase_file=_path_from("VITRINE_MASTER_PASSPHRASE_FILE"),
    )
    try:
        KeyStore.initialise(paths.keys, source)
    except MasterKeyError as error:
        raise StartError(f"The master key cannot be used: {error}.") from None


def _path_from(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value) if value else None


@dataclass(frozen=True)
class Manage:
    """Runs ``manage.py`` commands under the watch, so that a signal ends them too."""

    watch: Watch
    env: Mapping[str, str]
    log: Path

    def run(self, *arguments: str) -> int:
        """The command's exit status. What it says is shown, its errors go to the log."""
        argv = [sys.executable, str(ROOT / "manage.py"), *arguments]
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return self.watch.run_command(
                argv,
                cwd=ROOT,
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stderr=descriptor,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    def must(self, *arguments: str) -> None:
        """Run it and raise StartError where it fails."""
        if self.run(*arguments) != 0:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            said = lines[-1].removeprefix("CommandError: ") if lines else "it said nothing"
            raise StartError(f"`manage.py {' '.join(arguments)}` failed ({said}): see {self.log}.")
