"""Checkpoints that somebody kept: read from files, their signatures checked, ready to compare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import signing
from audit.chain import Known
from audit.errors import AuditError

PURPOSE = "checkpoint"
_HASH_BYTES = 32


class CheckpointFileError(AuditError):
    """A checkpoint file that cannot be used."""

    status = 400


@dataclass(frozen=True)
class BadCheckpoint:
    """A checkpoint that says nothing, and why."""

    size: int
    reason: str


@dataclass
class Held:
    """What may be compared with the ledger: ``known``; and what may not: ``bad``."""

    known: list[Known] = field(default_factory=list)
    bad: list[BadCheckpoint] = field(default_factory=list)
    signed: int = 0
    bare: int = 0  # hashes without a signature: believed because of where they were kept

    def add(self, other: Held) -> None:
        """Takes in another's."""
        self.known += other.known
        self.bad += other.bad
        self.signed += other.signed
        self.bare += other.bare


def held_read(path: Path, keys: Mapping[str, Ed25519PublicKey]) -> Held:
    """The checkpoints in a file, or in all ``*.json`` and ``*.jsonl`` below a folder.

    A file holds one document, or one a line. Lines ``{"seq": …, "hash": "…"}`` are hashes without a
    signature; a proof or an export is looked into.

    Raises:
        CheckpointFileError: unreadable, a malformed line, or two bare lines that contradict.
    """
    files = sorted(path.rglob("*.json*")) if path.is_dir() else [path]
    found = Held()
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise CheckpointFileError(f"{file} cannot be read as text") from None
        found.add(held_in(text, keys))
    if not found.known and not found.bad:
        raise CheckpointFileError(f"{path} holds no checkpoint")
    bare: dict[int, bytes | None] = {}
    for one in found.known:
        if one.root is None and bare.setdefault(one.size, one.head_hash) != one.head_hash:
            raise CheckpointFileError(f"two lines contradict each other about entry {one.size}")
    return found


def held_in(text: str, keys: Mapping[str, Ed25519PublicKey]) -> Held:
    """The checkpoints in a text; see ``held_read``.

    Raises:
        CheckpointFileError: a malformed line.
    """
    try:
        whole = json.loads(text)
    except ValueError:
        rows = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        parsed = [(number, _json(line)) for number, line in rows]
    else:
        parsed = [(1, one) for one in _rows(whole)]
    found = Held()
    for number, one in parsed:
        documents = _documents(one)
        if documents is None:
            raise CheckpointFileError(f"line {number} is no checkpoint")
        for document in documents:
            found.add(held_of([document], keys) if "tree_size" in document else _bare(document))
    return found


def held_of(documents: Iterable[Mapping[str, Any]], keys: Mapping[str, Ed25519PublicKey]) -> Held:
    """The same of documents as ``Checkpoint.document`` has them."""
    found = Held()
    for document in documents:
        size = document.get("tree_size")
        body = {key: value for key, value in document.items() if key != "signature"}
        mark = document.get("signature")
        if type(size) is not int or size < 1 or not isinstance(mark, dict):
            found.bad.append(BadCheckpoint(size if type(size) is int else 0, "malformed"))
            continue
        if mark.get("key_id") not in keys:
            found.bad.append(BadCheckpoint(size, "signed with a key that is not known"))
        elif not signing.verify(PURPOSE, body, mark, keys=keys):
            found.bad.append(BadCheckpoint(size, "its signature does not hold"))
        else:
            try:
                found.known += _said(body)
                found.signed += 1
            except (KeyError, TypeError, ValueError):
                found.bad.append(BadCheckpoint(size, "malformed"))
    return found


def _said(body: Mapping[str, Any]) -> list[Known]:
    before = body.get("previous")
    said = [Known(body["tree_size"], bytes.fromhex(body["head_hash"]), bytes.fromhex(body["root"]))]
    if before:
        root = bytes.fromhex(before["root"])
        said.append(Known(before["tree_size"], root=root, mentioned=True))
    return said


def _rows(whole: Any) -> list[Any]:
    """One document, a list of them, or a page of the API's list of checkpoints."""
    page = whole.get("results") if isinstance(whole, dict) else whole
    rows = page if isinstance(page, list) else [whole]
    return [one.get("document", one) if isinstance(one, dict) else one for one in rows]


def _documents(said: Any) -> list[dict[str, Any]] | None:
    """The checkpoints in a line: itself, or those in a proof or in a line of an export."""
    if not isinstance(said, dict):
        return None
    if "tree_size" in said:
        return [said]
    parts = [said.get(name) for name in ("checkpoint", "first", "second")]
    inside = [one for one in parts if isinstance(one, dict) and "tree_size" in one]
    if inside:
        return inside
    if said.get("type") == "vitrine-ledger-export" or {"prev", "refs", "event"} <= said.keys():
        return []
    digest, seq = said.get("hash"), said.get("seq")
    sound = type(seq) is int and seq > 0 and _is_hash(digest)
    return [said] if sound else None


def _bare(said: Mapping[str, Any]) -> Held:
    return Held(known=[Known(said["seq"], bytes.fromhex(said["hash"]))], bare=1)


def _is_hash(text: Any) -> bool:
    try:
        return len(bytes.fromhex(text)) == _HASH_BYTES
    except (TypeError, ValueError):
        return False


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
