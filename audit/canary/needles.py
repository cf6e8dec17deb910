"""Thousands of patterns found in one pass over the bytes.

Each pattern is known by one window of eight bytes of its own, lower-cased. A window at every offset
of the data is looked up in a table (Rabin and Karp's idea, by numpy): some 200 MB/s on one core for
60,000 patterns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audit.canary.forms import LEAST_BYTES, Pattern, patterns

_WINDOW = 8
_SHORT = LEAST_BYTES
_TABLE_BITS = 22
_KNUTH = np.uint32(2654435761)  # Knuth, The Art of Computer Programming 3, 6.4: golden ratio
_BLOCK = 1 << 18  # offsets looked at together: their intermediate arrays stay in the cache
_SPOTS = 6
_MONOTONOUS = 2  # different bytes in a window such as zeros in hex
_TAIL = b"\0" * _WINDOW


@dataclass(frozen=True)
class Match:
    """One token found: ``token`` is its index among those given, ``form`` how it was written."""

    token: int
    form: str


class Needles:
    """The patterns of ``tokens``, ready to be found."""

    def __init__(self, tokens: Sequence[str]) -> None:
        made = [(number, one) for number, token in enumerate(tokens) for one in patterns(token)]
        self.longest = max((len(pattern.data) for _, pattern in made), default=1)
        self.count = len(made)
        self._long = _Index([one for one in made if len(one[1].data) >= _WINDOW], _WINDOW)
        self._short = _Index([one for one in made if len(one[1].data) < _WINDOW], _SHORT)

    def find(self, data: bytes) -> Iterator[Match]:
        """Every pattern that occurs in ``data``, perhaps more than once."""
        lowered = data.lower()
        padded = lowered + _TAIL
        yield from self._long.find(data, lowered, padded)
        yield from self._short.find(data, lowered, padded)


_Entry = tuple[int, Pattern, bytes, int]  # token, pattern, lower-cased bytes, offset of the window


class _Index:
    def __init__(self, made: list[tuple[int, Pattern]], window: int) -> None:
        self._window = window
        self._entries: dict[int, list[_Entry]] = {}
        for number, pattern in made:
            text = pattern.data.lower()
            at, key = self._rarest(text)
            self._entries.setdefault(key, []).append((number, pattern, text, at))
        self._keys = np.array(sorted(self._entries), dtype=np.uint64)
        self._table = np.zeros(1 << _TABLE_BITS, dtype=bool)
        self._table[_hash((self._keys & np.uint64(0xFFFFFFFF)).astype(np.uint32))] = True

    def _rarest(self, text: bytes) -> tuple[int, int]:
        """Where the window begins that fewest patterns have yet, of several; and the window.

        A window that many tokens share, as ``@example``, would be met often and decide little.
        """
        last = len(text) - self._window
        spots = sorted({last * part // _SPOTS for part in range(_SPOTS + 1)})
        keys = {at: int.from_bytes(text[at : at + self._window], "little") for at in spots}
        best = min(
            spots,
            key=lambda at: (
                len(set(text[at : at + self._window])) <= _MONOTONOUS,
                len(self._entries.get(keys[at], ())),
            ),
        )
        return best, keys[best]

    def find(self, data: bytes, lowered: bytes, padded: bytes) -> Iterator[Match]:
        if not len(self._keys):
            return
        for begin in range(0, len(lowered), _BLOCK):
            count = min(_BLOCK, len(lowered) - begin)
            for offset, key in self._windows(padded, begin, count):
                for number, pattern, text, at in self._entries[key]:
                    start = offset - at
                    stop = start + len(text)
                    if start >= 0 and lowered[start:stop] == text:
                        if pattern.exact and data[start:stop] != pattern.data:
                            continue
                        yield Match(number, pattern.form)

    def _windows(self, padded: bytes, begin: int, count: int) -> list[tuple[int, int]]:
        """(offset, window) wherever a window of some pattern stands."""
        low = _words(padded, begin, count)
        maybe = np.flatnonzero(self._table[_hash(low)])
        if not len(maybe):
            return []
        keys = low[maybe].astype(np.uint64)
        if self._window == _WINDOW:
            high = _words(padded, begin + 4, count)[maybe].astype(np.uint64)
            keys |= high << np.uint64(32)
        places = np.searchsorted(self._keys, keys)
        places[places == len(self._keys)] = 0
        right = self._keys[places] == keys
        offsets = (maybe[right] + begin).tolist()
        return list(zip(offsets, keys[right].tolist(), strict=True))


def _words(data: bytes, begin: int, count: int) -> npt.NDArray[np.uint32]:
    """The four bytes at each of ``count`` offsets from ``begin``, as little-endian uint32."""
    return np.ndarray((count,), dtype="<u4", buffer=data, offset=begin, strides=(1,))


def _hash(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    return (words * _KNUTH) >> np.uint32(32 - _TABLE_BITS)
