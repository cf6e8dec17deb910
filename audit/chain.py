"""The arithmetic of the hash chain: canonical form, hash, verification. Pure; imports no Django.

An entry's hash is SHA-256 over the RFC 8785 canonical JSON of all its other fields:
``{"actor", "at", "event", "payload", "prev", "refs", "seq"}``, ``at`` RFC 3339 UTC with six
decimals, ``prev`` in hexadecimal (64 zeros in entry 1), ``refs`` strings or lists of them by name,
and ``payload`` a string: empty, canonical JSON text, or base64 ciphertext.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from json.encoder import encode_basestring as _quoted
from typing import NamedTuple
from uuid import UUID

from audit.merkle import GrowingTree

GENESIS = bytes(32)
Refs = Mapping[str, str | list[str]]


class Entry(NamedTuple):
    """One link as stored. A tuple, because verification reads millions."""

    seq: int
    at: datetime | str  # aware, or its canonical form
    actor: UUID | str | None
    event: str
    refs: Refs
    payload: str
    prev: bytes
    hash: bytes


@dataclass(frozen=True)
class Fault:
    """The first place where the chain does not hold, and why.

    ``since`` is lower than ``seq`` where only a checkpoint shows it: the first change lies in
    between, and entry ``seq`` is the first that is known to be another one.
    """

    seq: int
    reason: str
    since: int

    @classmethod
    def at(cls, seq: int, reason: str) -> Fault:
        """A fault of which it is known where it begins."""
        return cls(seq, reason, seq)


@dataclass(frozen=True)
class Known:
    """What a checkpoint says about the first ``size`` entries; a part of it may be missing."""

    size: int
    head_hash: bytes | None = None
    root: bytes | None = None
    mentioned: bool = False  # by a later checkpoint, as the one before it


@dataclass(frozen=True)
class Backwards:
    """Entries whose time is before that of one before them. Not a fault, but worth knowing.

    Writers at work side by side overtake each other by parts of a second, and a long transaction
    commits events of its beginning; a clock that was moved back shows as more.
    """

    entries: int = 0
    most_seconds: float = 0.0
    at_seq: int | None = None  # where it was most


@dataclass(frozen=True)
class ChainCheck:
    """How far a chain was followed: ``entries`` hold, up to ``head_seq``; then comes ``fault``."""

    entries: int
    head_seq: int
    head_hash: bytes
    latest_at: str | None  # canonical; of the entries that were looked at
    backwards: Backwards
    fault: Fault | None


def canonical_time(at: datetime | str) -> str:
    """``2026-11-21T02:05:00.000000Z``; text is taken to be that already.

    Raises:
        ValueError: a time without a zone.
    """
    if isinstance(at, str):
        return at
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
    seq, at, actor, event, refs, payload, prev, _ = entry
    who = "null" if actor is None else f'"{actor}"'
    when = at if isinstance(at, str) else canonical_time(at)
    return (
        f'{{"actor":{who},"at":"{when}","event":{_quoted(event)},"payload":{_quoted(payload)},'
        f'"prev":"{prev.hex()}","refs":{_canonical_refs(refs)},"seq":{seq}}}'
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
    return f"{{{','.join(members)}}}"


def entry_hash(entry: Entry) -> bytes:
    """SHA-256, 32 bytes, over the canonical form."""
    return sha256(canonical(entry)).digest()


def entry_fields(entry: Entry) -> dict[str, str | int | Refs | None]:
    """An entry as exports and proofs show it: what is hashed, and ``hash`` in hexadecimal.

    Raises:
        ValueError: a time without a zone.
    """
    return {
        "seq": entry.seq,
        "at": canonical_time(entry.at),
        "actor": None if entry.actor is None else str(entry.actor),
        "event": entry.event,
        "refs": entry.refs,
        "payload": entry.payload,
        "prev": entry.prev.hex(),
        "hash": entry.hash.hex(),
    }


def verify_chain(
    entries: Iterable[Entry],
    *,
    after_seq: int = 0,
    after_hash: bytes = GENESIS,
    known: Iterable[Known] = (),
) -> ChainCheck:
    """Follows the chain from the entry after ``after_seq`` and stops at the first fault.

    ``known`` is what checkpoints kept elsewhere say. Without one, a cut tail and a chain replaced
    as a whole look sound: nothing inside a chain can show them. Their tree hashes are looked at
    where the chain is followed from its beginning.
    """
    witness = _Witness(known, after_seq)
    clock = _Clock()
    seq, head, fault = after_seq, after_hash, None
    for entry in entries:
        expected = seq + 1
        reason = _fault(entry, expected, head)
        if reason is not None:
            fault = Fault.at(min(entry.seq, expected), reason)
            break
        if witness.waits:
            fault = witness.sees(expected, entry.hash)
            if fault is not None:
                break
        seq, head = expected, entry.hash
        at = entry.at if isinstance(entry.at, str) else canonical_time(entry.at)
        if at > clock.latest:  # of one length, so that they sort as times do
            clock.latest = at
        elif at < clock.latest:
            clock.late(seq, at)
    if fault is None and witness.last > seq:
        fault = witness.other(
            seq + 1, f"missing: a checkpoint knows entry {witness.last}, the ledger ends at {seq}"
        )
    return ChainCheck(seq - after_seq, seq, head, clock.latest or None, clock.told(), fault)


class _Witness:
    """What checkpoints know, asked as the chain goes by."""

    def __init__(self, known: Iterable[Known], after: int) -> None:
        self._tree = GrowingTree() if after == 0 else None
        self._known: dict[int, list[Known]] = {}
        for one in known:
            if one.size > after:
                self._known.setdefault(one.size, []).append(one)
        self.last = max(self._known, default=0)
        self.waits = bool(self._known)
        self._agreed = after

    def sees(self, seq: int, digest: bytes) -> Fault | None:
        """The next entry; a fault if it is not the one that was witnessed."""
        if self._tree is not None:
            self._tree.add(digest)
        said = self._known.get(seq, ())
        if any(one.head_hash not in {None, digest} for one in said):
            return self.other(seq, "it is not the entry that a checkpoint knows")
        if self._tree is not None and any(one.root is not None for one in said):
            root = self._tree.root()
            if any(one.root not in {None, root} for one in said):
                return self.other(seq, "its tree is not the one that a checkpoint knows")
        if seq in self._known:
            self._agreed = seq
            self.waits = seq < self.last
        return None

    def other(self, seq: int, reason: str) -> Fault:
        """A fault that lies somewhere after the last checkpoint that agrees, up to ``seq``."""
        since = self._agreed + 1
        if since < seq:
            reason = f"{reason}; the first change lies in entries {since} to {seq}"
        return Fault(seq, reason, since)


class _Clock:
    """The latest time so far, canonical, and how far entries fell behind it."""

    def __init__(self) -> None:
        self.latest = ""
        self._entries = 0
        self._most = timedelta(0)
        self._seq: int | None = None

    def late(self, seq: int, at: str) -> None:
        """An entry with an earlier time than one before it."""
        self._entries += 1
        behind = datetime.fromisoformat(self.latest) - datetime.fromisoformat(at)
        if behind > self._most:
            self._most, self._seq = behind, seq

    def told(self) -> Backwards:
        """What came of it."""
        return Backwards(self._entries, self._most.total_seconds(), self._seq)


def _fault(entry: Entry, expected: int, head: bytes) -> str | None:
    if entry.seq > expected:
        return "missing"
    if entry.seq < expected:
        return "out of order"
    if entry.prev != head:
        return "it does not follow from the entry before it"
    try:
        sound = sha256(canonical(entry)).digest() == entry.hash
    except (TypeError, ValueError, AttributeError):  # e.g. a number among the refs: no function of
        sound = False  # ours wrote that
    return None if sound else "its fields do not match its hash"
