"""What is said in a sound, word by word; and whoever can tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from retrieval.redaction.audio.silero import RATE, Samples


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word with its punctuation; ``probability`` is the transcriber's own, 0..1."""

    text: str
    start_ms: int
    end_ms: int
    probability: float = 1.0


class Transcriber(Protocol):
    """Writes down what is said.

    Implementations are safe to call from several threads, keep nothing, use no network, write
    nothing into logs, and raise ``RedactionError`` rather than leave out what they could not
    finish.
    """

    @property
    def name(self) -> str:
        """Component name for provenance."""

    @property
    def version(self) -> str:
        """What the words depend on, for provenance."""

    def words(self, pieces: Iterable[Samples], *, again: bool = False) -> list[Word]:
        """Words in order of time, of consecutive mono samples at 16 kHz.

        Times are milliseconds from the first sample, ``start_ms < end_ms``. ``again`` asks for a
        second look that does not make the first one's mistakes at the same places.
        """


_SEARCH: Final = 10 * RATE
_QUIET: Final = RATE // 5


def stretches(pieces: Iterable[Samples], *, seconds: int = 60) -> Iterator[tuple[int, Samples]]:
    """(its first sample's number, samples) of stretches of at most ``seconds``, without gaps.

    Each ends at the quietest fifth of a second of its last ten, so that no word is cut in two.
    """
    held, begin, most = np.zeros(0, np.float32), 0, seconds * RATE
    for piece in pieces:
        held = np.concatenate((held, piece))
        while len(held) > most:
            cut = _quietest(held[:most])
            yield begin, held[:cut]
            held, begin = held[cut:], begin + cut
    if len(held):
        yield begin, held


def _quietest(samples: Samples) -> int:
    """Where ``samples`` is best cut: the middle of the quietest fifth of a second near its end."""
    first = max(0, len(samples) - _SEARCH)
    energy = np.cumsum(np.concatenate(([0.0], samples[first:].astype(np.float64) ** 2)))
    if len(energy) <= _QUIET:
        return len(samples)
    return first + int(np.argmin(energy[_QUIET:] - energy[:-_QUIET])) + _QUIET // 2


def joined(words: Sequence[Word]) -> tuple[str, list[tuple[int, int]]]:
    """The words as one text, a space between two, and each word's (start, end) in it."""
    spans: list[tuple[int, int]] = []
    parts: list[str] = []
    at = 0
    for word in words:
        text = " ".join(word.text.split())
        spans.append((at, at + len(text)))
        parts.append(text)
        at += len(text) + 1
    return " ".join(parts), spans
