"""Checkpoints as files: a mounted share, a stick, a disk that can be written once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audit.checkpoints.sinks.base import SinkError, line_of
from audit.durable import sync_directory


class DirectorySink:
    """``<year>/checkpoint-<entries>.json`` each, and the public keys beside them.

    Files are made whole under a name of their own and then linked to theirs, so none is ever half
    there or overwritten. Readable by all: there is nothing in them that needs hiding.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, document: Mapping[str, Any], keys: Mapping[str, str]) -> None:
        """As ``Sink.send``."""
        year = str(document["signed_at"])[:4]
        try:
            for name, pem in keys.items():
                _write(self._folder / f"signing-{name}.pem", pem)
            size = document["tree_size"]
            _write(self._folder / year / f"checkpoint-{size:012d}.json", line_of(document) + "\n")
        except OSError as error:
            raise SinkError(type(error).__name__) from None

    def probe(self) -> None:
        """As ``Sink.probe``."""
        folder = self._folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise SinkError("NotWritable")


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path
    if path.exists():  # of a ledger that was here before, e.g. before a restore: both stay
        target = path.with_stem(f"{path.stem}-{secrets.token_hex(4)}")
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
