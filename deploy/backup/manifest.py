"""What a backup says of itself, and how one knows that it says so.

``manifest.json`` names the list of files by its hash and is signed twice: by the appliance's
Ed25519 key, which anybody with the public key can check, and by HMAC-SHA-256 under the backup's own
key, which also encrypts its dump. A restore goes by the second: whoever has no key store cannot
make a backup that is taken for one of ours.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785

from audit.crypto import derive_key
from audit.durable import write_once
from deploy.backup.errors import BackupError
from deploy.backup.layout import INDEX, MANIFEST

FORMAT = 1
DATA, KEYS = "backup", "backup-keys"  # what is signed: a backup, or a copy of the keys
_MAC = b"vitrine backup manifest"


def key_name(backup_id: str) -> str:
    """The key of a backup in the key store, of kind ``system``."""
    return f"backup-{backup_id}"


def mac(key: bytes, body: dict[str, Any]) -> str:
    """HMAC-SHA-256, in hexadecimal, over the RFC 8785 form of ``body``."""
    form: bytes = rfc8785.dumps(body)
    return hmac.new(derive_key(key, info=_MAC), form, hashlib.sha256).hexdigest()


def manifest_write(folder: Path, body: dict[str, Any], *, key: bytes, purpose: str) -> None:
    """Signs ``body`` both ways and puts it into ``folder``."""
    from audit import signing

    stated = {**body, "mac": mac(key, body)}
    document = signing.signed(purpose, stated)
    write_once(folder / MANIFEST, json.dumps(document, indent=1).encode() + b"\n")


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read: ``body`` is what both signatures are about."""

    body: dict[str, Any]
    mac: str
    signature: dict[str, Any]

    def require(self, key: bytes) -> None:
        """Raise BackupError unless it was made with ``key``."""
        if not hmac.compare_digest(mac(key, self.body), self.mac):
            raise BackupError(
                f"The backup {self.body.get('id')} was altered: its manifest is not ours."
            )


def manifest_read(folder: Path) -> Manifest:
    """The manifest in ``folder``, not checked yet.

    Raises:
        BackupError: unreadable, or of a format this version does not know.
    """
    try:
        document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        signature, seal = document.pop("signature"), document.pop("mac")
        form = document["format"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise BackupError(
            f"The backup in {folder} is damaged: its manifest cannot be read."
        ) from None
    if form != FORMAT:
        raise BackupError(
            f"The backup in {folder} has format {form} and this version knows {FORMAT}."
        )
    return Manifest(document, str(seal), signature)


@dataclass(frozen=True)
class Stored:
    """One file of a backup: SHA-256 of its bytes, its size, and when the original was written."""

    path: str
    sha256: str
    size: int
    mtime_ns: int


def index_write(folder: Path, files: list[Stored]) -> str:
    """SHA-256 of the list of files that was written into ``folder``."""
    lines = sorted(f"{f.sha256}\t{f.size}\t{f.mtime_ns}\t{f.path}\n" for f in files)
    text = "".join(lines).encode()
    write_once(folder / INDEX, text)
    return hashlib.sha256(text).hexdigest()


def index_read(folder: Path, *, sha256: str | None = None) -> list[Stored]:
    """The files of the backup in ``folder``.

    Raises:
        BackupError: unreadable, or not the list with that hash.
    """
    try:
        text = (folder / INDEX).read_bytes()
        rows = [line.split("\t", 3) for line in text.decode().splitlines()]
        files = [Stored(path, digest, int(size), int(at)) for digest, size, at, path in rows]
    except (OSError, ValueError):
        raise BackupError(f"The backup in {folder} is damaged: {INDEX} cannot be read.") from None
    if sha256 is not None and hashlib.sha256(text).hexdigest() != sha256:
        raise BackupError(f"The backup in {folder} is damaged: {INDEX} is not as it was written.")
    return files
