"""The arithmetic of the hash chain: canonical form, hash, verification. Pure; imports no Django.

An entry's hash is SHA-256 over the RFC 8785 canonical JSON of all its other fields:
``{"actor", "at", "event", "payload", "prev", "refs", "seq"}``, ``at`` RFC 3339 UTC with six
decimals, ``prev`` in hexadecimal (64 zeros in entry 1), ``refs`` strings or lists of them by name,
and ``payload`` a string: empty, canonical JSON text, or base64 ciphertext.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring as _quoted
from typing import NamedTuple
from uuid import UUID

GENESIS = bytes(32)
Refs = Mapping[str, str | list[str]]


class Entry(NamedTuple):
    """One link as stored. A tuple, because verification reads millions."""

    seq: int
    at: datetime  # aware
    actor: UUID | str | None
    event: str
    refs: Refs
    payload: str
    prev: bytes
    hash: bytes


@dataclass(frozen=True)
class Fault:
    """The first place where the chain does not hold, and why."""

    seq: int
    reason: str


@dataclass(frozen=True)
class ChainCheck:
    """How far a chain was followed: ``entries`` hold, up to ``head_seq``; then comes ``fault``."""

    entries: int
    head_seq: int
    head_hash: bytes
    fault: Fault | None


def canonical_time(at: datetime) -> str:
    """``2026-11-21T02:05:00.000000Z``.

    Raises:
        ValueError: a time without a zone.
    """
    text = at.isoformat(timespec="microseconds")
    if not text.endswith("+00:00"):
        if at.tzinfo is None:
            raise ValueError("a time in the ledger has a zone")
        text = at.astimezone(UTC).isoformat(timespec="microseconds")
    return text[:26] + "Z"


def canonical(entry: Entry) -> bytes:
    """The bytes that are hashed. ``entry.hash`` is not among them.

    Raises:
        TypeError, ValueError, AttributeError: something in it is not of the stated type.
    """
    actor = "null" if entry.actor is None else f'"{entry.actor}"'
    return (
        f'{{"actor":{actor},"at":"{canonical_time(entry.at)}","event":{_quoted(entry.event)},'
        f'"payload":{_quoted(entry.payload)},"prev":"{entry.prev.hex()}",'
        f'"refs":{_canonical_refs(entry.refs)},"seq":{entry.seq}}}'
    ).encode()


def _canonical_refs(refs: Refs) -> str:
    # For strings and lists of strings under ASCII keys this is RFC 8785, several times as fast as
    # the rfc8785 package; a test compares the two.
    members = [
        f"{_quoted(key)}:{_quoted(value)}"
        if isinstance(value, str)
        else f"{_quoted(key)}:[{','.join(map(_quoted, value))}]"
        for key, value in sorted(refs.items())
    ]
    return "{" + ",".join(members) + "}"


def entry_hash(entry: Entry) -> bytes:
    """SHA-256, 32 bytes, over the canonical form."""
    return hashlib.sha256(canonical(entry)).digest()


def verify_chain(
    entries: Iterable[Entry],
    *,
    after_seq: int = 0,
    after_hash: bytes = GENESIS,
    checkpoints: Mapping[int, bytes] | None = None,
) -> ChainCheck:
    """Follows the chain from the entry after ``after_seq`` and stops at the first fault.

    ``checkpoints`` are hashes by number that were kept elsewhere. Without one, a cut tail and a
    chain replaced as a whole look sound: nothing inside a chain can show them.
    """
    known = {seq: digest for seq, digest in (checkpoints or {}).items() if seq > after_seq}
    seq, head = after_seq, after_hash
    for entry in entries:
        reason = _fault(entry, seq + 1, head, known)
        if reason is not None:
            bad = min(entry.seq, seq + 1)
            return ChainCheck(seq - after_seq, seq, head, Fault(bad, reason))
        seq, head = entry.seq, entry.hash
    beyond = [number for number in known if number > seq]
    fault = (
        Fault(seq + 1, f"missing: a checkpoint knows entry {max(beyond)}, the ledger ends at {seq}")
        if beyond
        else None
    )
    return ChainCheck(seq - after_seq, seq, head, fault)


def _fault(entry: Entry, expected: int, head: bytes, known: Mapping[int, bytes]) -> str | None:
    if entry.seq > expected:
        return "missing"
    if entry.seq < expected:
        return "out of order"
    if entry.prev != head:
        return "it does not follow from the entry before it"
    try:
        sound = entry_hash(entry) == entry.hash
    except (TypeError, ValueError, AttributeError):  # e.g. a number among the refs: no function of
        sound = False  # ours wrote that
    if not sound:
        return "its fields do not match its hash"
    if known and known.get(entry.seq, entry.hash) != entry.hash:
        return "it is not the entry that a checkpoint knows"
    return None
