"""Where an appliance keeps its state.

Standard library only: set-up runs it before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# sockaddr_un.sun_path holds 108 bytes (unix(7)); the longest name we add is ".s.PGSQL.5432.lock".
_LONGEST_SOCKET_DIR_BYTES = 85


@dataclass(frozen=True)
class Paths:
    """Every file and folder of one appliance, below its data directory."""

    data: Path

    @property
    def run(self) -> Path:
        """Folder (0700) of sockets and process ids.

        A short one in /tmp where the path would be too long.
        """
        run = self.data / "run"
        if len(os.fsencode(run)) <= _LONGEST_SOCKET_DIR_BYTES:
            return run
        tag = hashlib.sha256(os.fsencode(self.data.resolve())).hexdigest()[:12]
        return Path(f"/tmp/vitrine-{os.getuid()}-{tag}")  # noqa: S108 - made 0700 and checked by set-up

    @property
    def model_socket(self) -> Path:
        """The model server."""
        return self.run / "model.sock"

    @property
    def redaction_socket(self) -> Path:
        """The redaction server."""
        return self.run / "redaction.sock"

    @property
    def redis_socket(self) -> Path:
        """The embedded Redis."""
        return self.run / "redis.sock"

    @property
    def postgres_socket_dir(self) -> Path:
        """Folder of the embedded Postgres's socket."""
        return self.run / "postgres"

    @property
    def temporary(self) -> Path:
        """Folder (0700) for temporary files of the appliance's processes; a start empties it."""
        return self.run / "tmp"

    @property
    def postgres(self) -> Path:
        """Files of the embedded Postgres."""
        return self.data / "postgres"

    @property
    def redis(self) -> Path:
        """Files of the embedded Redis."""
        return self.data / "redis"

    @property
    def media(self) -> Path:
        """Encrypted originals, renditions and thumbnails."""
        return self.data / "media"

    @property
    def keys(self) -> Path:
        """The key store."""
        return self.data / "keys"

    @property
    def secrets(self) -> Path:
        """Passwords and keys that set-up draws."""
        return self.data / "secrets"

    @property
    def models(self) -> Path:
        """Installed bundles."""
        return self.data / "models"

    @property
    def tombstones(self) -> Path:
        """What was erased, withdrawn or held, beside the database so that it outlives a restore."""
        return self.data / "tombstones"

    @property
    def backups(self) -> Path:
        """Which backups were made and until when they live, one JSON object a line."""
        return self.data / "backups.jsonl"

    @property
    def restoring(self) -> Path:
        """There while a restore is under way or was cut short; nothing is served meanwhile."""
        return self.data / "restoring.json"

    @property
    def checkpoints(self) -> Path:
        """Signed checkpoints of the ledger, where no other sink is configured."""
        return self.data / "checkpoints"

    @property
    def log(self) -> Path:
        """What each process wrote."""
        return self.data / "log"

    @property
    def credentials(self) -> Path:
        """The first log-ins, for whoever installs."""
        return self.data / "credentials.json"


def data_paths() -> Paths:
    """Paths of the directory that VITRINE_DATA names, by default ``var`` beside ``manage.py``."""
    return Paths(Path(os.environ.get("VITRINE_DATA") or ROOT / "var").resolve())
