"""The files of bridges: written once under a name of their own, held to their hash when read."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from uuid import uuid4

from retrieval.bridge_models import Bridge
from retrieval.bridges import Bridge as BridgeMap
from retrieval.errors import Conflict
from retrieval.selectors.bridges import bridges_folder

_ORPHAN_SECONDS = 86_400.0


def bridge_read(row: Bridge) -> BridgeMap:
    """The map of a bridge, from its file.

    Raises:
        Conflict: the file is missing, or not the one that was learnt.
    """
    try:
        data = (bridges_folder() / row.file).read_bytes()
    except OSError:
        raise Conflict("The file of the bridge is missing; learn it again.") from None
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise Conflict("The file of the bridge is not the one that was learnt; learn it again.")
    return BridgeMap.from_bytes(data)


def bridge_write(name: str, data: bytes) -> None:
    """The file is there whole, or not at all."""
    path = bridges_folder() / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def files_remove(names: Sequence[str]) -> None:
    """These files are gone, and old ones that no bridge names: those of removed models."""
    known = set(Bridge.objects.values_list("file", flat=True))
    before = time.time() - _ORPHAN_SECONDS  # a younger one may be about to get its row
    for path in bridges_folder().glob("*.safetensors"):
        orphan = path.name not in known and path.stat().st_mtime < before
        if path.name in names or orphan:
            path.unlink(missing_ok=True)
