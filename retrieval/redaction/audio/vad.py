"""Where somebody speaks: silero forwards and backwards in time, over a sound that streams by.

Silero's score rises within 32 ms of a word's beginning and falls some 130 ms after its end. Run
over the reversed sound it is late at the other side. Both together find more speech in noise than
either, and place both edges sharply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from retrieval.redaction.audio.silero import FRAME, RATE, Samples, Silero, State

CELL: Final = 256
"""Samples a score stands for: 16 ms."""
CELL_MS: Final = CELL * 1000 / RATE

_CORE: Final = 20 * RATE // FRAME * FRAME
"""Samples scored at a time."""
_AHEAD: Final = 3 * RATE // FRAME * FRAME
"""Samples behind them that the backward pass begins with, so that its memory has filled."""

_LEVEL: Final = 0.1
"""Root mean square of speech at about -20 dBFS, a usual level of speech recordings."""
_MOST_GAIN: Final = 30.0
_LEVELLED: Final = RATE // 4

_Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scores:
    """P(speech) for every 16 ms of a sound, in 0..1, shape (n,), by both directions of time."""

    forward: _Scores
    backward: _Scores


class Detector(Protocol):
    """Says how likely somebody speaks. ``again`` asks for the second, different look."""

    @property
    def version(self) -> str:
        """What scores depend on, for provenance."""

    def scores(self, pieces: Iterable[Samples], *, again: bool = False) -> Scores:
        """Scores of a sound given as consecutive mono samples at 16 kHz; constant memory."""


class SileroDetector:
    """Silero in both directions; safe to call from several threads."""

    def __init__(self, network: Silero | None = None) -> None:
        """Loads the network, where none is given.

        Raises:
            DetectorMissingError: it is not installed.
        """
        self._network = network or Silero()

    @property
    def version(self) -> str:
        """Ours and silero's."""
        return f"1+silero-{self._network.version}"

    def scores(self, pieces: Iterable[Samples], *, again: bool = False) -> Scores:
        """Scores of a sound.

        The second look cuts it elsewhere and hears the telephone band only, with what is quiet made
        louder. In the first, frames begin at two places 16 ms apart, so that a word's edge is near
        some frame's.
        """
        lanes = [_Lane(shift) for shift in ((384,) if again else (0, 256))]
        total = 0
        for core, ahead, last in _blocks(pieces):
            total += len(core)
            prepared = _prepared(core, ahead, _levelled_telephone if again else None)
            for lane in lanes:
                lane.add(self._network, *prepared, last=last)
        return Scores(
            *(
                np.mean([lane.cells(which, -(-total // CELL)) for lane in lanes], axis=0)
                for which in ("forward", "backward")
            )
        )


@dataclass(slots=True)
class _Lane:
    """One grid of frames, which begins ``shift`` samples before the sound."""

    shift: int
    state: State = field(default_factory=State)
    left: Samples = field(init=False)
    forward: list[_Scores] = field(default_factory=list)
    backward: list[_Scores] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.left = np.zeros(self.shift, np.float32)

    def add(self, network: Silero, core: Samples, ahead: Samples, *, last: bool) -> None:
        here = np.concatenate((self.left, core))
        if not last:
            whole = len(here) // FRAME * FRAME
            here, self.left = here[:whole], here[whole:]
        frames = -(-len(here) // FRAME)
        self.forward.append(network.speech(here, self.state))
        further = ahead if last else np.concatenate((self.left, ahead))
        both = np.concatenate((here, further))
        both = np.pad(both, (0, -len(both) % FRAME))
        reversed_scores = network.speech(np.ascontiguousarray(both[::-1]), State())
        self.backward.append(reversed_scores[::-1][:frames])

    def cells(self, which: str, count: int) -> _Scores:
        """The score of the frame in which each cell's middle lies."""
        frames = np.concatenate([np.zeros(0, np.float32), *getattr(self, which)])
        middles = np.arange(count) * CELL + CELL // 2 + self.shift
        scores: _Scores = frames[np.minimum(middles // FRAME, len(frames) - 1)]
        return scores


def _blocks(pieces: Iterable[Samples]) -> Iterator[tuple[Samples, Samples, bool]]:
    """(what is scored, what follows it, whether it is the last), of bounded length."""
    held = np.zeros(0, np.float32)
    for piece in pieces:
        held = np.concatenate((held, piece))
        while len(held) > _CORE + _AHEAD:
            yield held[:_CORE], held[_CORE : _CORE + _AHEAD], False
            held = held[_CORE:]
    yield held, held[:0], True


def _prepared(
    core: Samples, ahead: Samples, change: Callable[[Samples], Samples] | None
) -> tuple[Samples, Samples]:
    if change is None:
        return core, ahead
    changed = change(np.concatenate((core, ahead)))
    return changed[: len(core)], changed[len(core) :]


def _levelled_telephone(samples: Samples) -> Samples:
    """What a telephone lets through, 300 to 3,400 Hz (ITU-T G.712), quiet passages made louder."""
    count = len(samples) + RATE // 4
    spectrum = np.fft.rfft(samples, n=count)
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum *= np.clip((hertz - 200) / 200, 0, 1) * np.clip((3800 - hertz) / 400, 0, 1)
    return _levelled(np.fft.irfft(spectrum)[: len(samples)].astype(np.float32))


def _levelled(samples: Samples) -> Samples:
    """Passages below ``_LEVEL`` (root mean square) brought up to it, by ``_MOST_GAIN`` at most.

    A voice far from the microphone is as loud as a near one then.
    """
    if not len(samples):
        return samples
    edges = np.arange(0, len(samples), _LEVELLED)
    power = np.add.reduceat(samples.astype(np.float64) ** 2, edges) / _LEVELLED
    near = np.convolve(np.pad(power, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    gains = np.clip(_LEVEL / np.sqrt(near + 1e-12), 1.0, _MOST_GAIN)
    return (samples * np.interp(np.arange(len(samples)), edges + _LEVELLED // 2, gains)).astype(
        np.float32
    )
