"""The Merkle tree over the ledger's entries, as RFC 6962 has it. Pure; imports no Django.

Leaf ``i`` (from 0) is the hash of entry ``i + 1``, 32 bytes. Leaf and node hashes begin with the
bytes 0 and 1 (RFC 6962, section 2.1); proofs are made as there (2.1.1, 2.1.2) and checked as in
RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

BLOCK_LEVEL = 10  # leaves are folded 1,024 at a time, which is several times as fast as one by one
BLOCK = 1 << BLOCK_LEVEL
EMPTY_ROOT = hashlib.sha256(b"").digest()

Full = Callable[[int, int], bytes]
"""``(level, place)`` → hash of the place-th full subtree of ``2**level`` leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf, 32 bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Tree hash over leaf hashes (or over roots of full subtrees of one size), at least one."""
    sha256 = hashlib.sha256
    level = list(hashes)
    while len(level) > 1:
        paired = iter(level)
        folded = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(paired, paired, strict=False)
        ]
        if len(level) % 2:
            folded.append(level[-1])
        level = folded
    return level[0]


def leaves_of(entry_hashes: Iterable[bytes]) -> list[bytes]:
    """Leaf hashes of entries' hashes."""
    sha256 = hashlib.sha256
    return [sha256(b"\x00" + one).digest() for one in entry_hashes]


class GrowingTree:
    """A tree to which leaves are added at its end; keeps a block of them and one hash a level."""

    def __init__(self) -> None:
        self._block: list[bytes] = []  # leaves' data not folded yet
        self._blocks = 0
        self._peaks: list[tuple[int, bytes]] = []  # (level above a block, hash), the largest first

    @property
    def size(self) -> int:
        """How many leaves."""
        return self._blocks * BLOCK + len(self._block)

    def add(self, data: bytes) -> None:
        """One more leaf."""
        self._block.append(data)
        if len(self._block) == BLOCK:
            self._push(fold(leaves_of(self._block)))
            self._block.clear()

    def root(self) -> bytes:
        """The tree's hash as it is now, 32 bytes."""
        right = fold(leaves_of(self._block)) if self._block else None
        for _, peak in reversed(self._peaks):
            right = peak if right is None else node_hash(peak, right)
        return EMPTY_ROOT if right is None else right

    def _push(self, digest: bytes) -> None:
        self._blocks += 1
        level = 0
        while self._peaks and self._peaks[-1][0] == level:
            digest = node_hash(self._peaks.pop()[1], digest)
            level += 1
        self._peaks.append((level, digest))


def root_of(full: Full, size: int) -> bytes:
    """Hash of the tree of the first ``size`` leaves, from full subtrees."""
    return _range(full, 0, size) if size else EMPTY_ROOT


def inclusion_path(full: Full, index: int, size: int) -> list[bytes]:
    """Proof that leaf ``index`` (from 0) is in the tree of ``size`` leaves, the lowest first.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        split = low + _split(high - low)
        if index < split:
            path.append(_range(full, split, high))
            high = split
        else:
            path.append(_range(full, low, split))
            low = split
    return path[::-1]


def consistency_path(full: Full, first: int, second: int) -> list[bytes]:
    """Proof that the tree of ``first`` leaves is the beginning of that of ``second``.

    Raises:
        ValueError: not ``0 < first <= second``.
    """
    if not 0 < first <= second:
        raise ValueError(f"a tree of {first} leaves is no beginning of one of {second}")
    path: list[bytes] = []
    low, high, whole = 0, second, True  # whole: the old tree is exactly what lies here
    while first != high:
        split = low + _split(high - low)
        if first <= split:
            path.append(_range(full, split, high))
            high = split
        else:
            path.append(_range(full, low, split))
            low, whole = split, False
    if not whole:
        path.append(_range(full, low, high))
    return path[::-1]


def inclusion_holds(
    *, data: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Whether ``path`` proves that leaf ``index`` of the tree with this root is ``data``."""
    if not 0 <= index < size:
        return False
    number, last, digest = index, size - 1, leaf_hash(data)
    for one in path:
        if last == 0:
            return False
        if number & 1 or number == last:
            digest = node_hash(one, digest)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            digest = node_hash(digest, one)
        number, last = number >> 1, last >> 1
    return last == 0 and digest == root


def consistency_holds(
    *, first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether ``path`` proves that the first tree is the beginning of the second."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    hashes = [first_root, *path] if first & (first - 1) == 0 else list(path)
    if not hashes:
        return False
    number, last = first - 1, second - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old = new = hashes[0]
    for one in hashes[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old, new = node_hash(one, old), node_hash(one, new)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new = node_hash(new, one)
        number, last = number >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _range(full: Full, low: int, high: int) -> bytes:
    """Hash of the leaves from ``low`` up to ``high``; as RFC 6962 cuts, ``low`` is aligned."""
    size = high - low
    level = size.bit_length() - 1
    if size == 1 << level:
        return full(level, low >> level)
    split = low + _split(size)
    return node_hash(_range(full, low, split), _range(full, split, high))
