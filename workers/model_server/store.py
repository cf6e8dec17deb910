"""Loaded models: each bundle once, verified before its weights are read."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


class ModelRefusal(Exception):
    """The request cannot be served; ``reason`` is a plain sentence, ``status`` the HTTP status."""

    def __init__(self, code: str, reason: str, status: int = 422) -> None:
        """``code`` is stable and for programs."""
        super().__init__(code)
        self.code = code
        self.reason = reason
        self.status = status


class Encoder(Protocol):
    """The part of an encoder that is used here."""

    def encode(self, items: Sequence[Any]) -> npt.NDArray[np.float32]:
        """float32 (n, d), rows L2-normalised, row i for item i."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A bundle as ``GET /models`` shows it."""

    ref: str
    space: str
    dimension: int
    modalities: tuple[str, ...]
    input: dict[str, dict[str, Any]]
    loaded: bool = False

    def as_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Opened:
    """A bundle whose weights are in memory."""

    description: Description
    towers: dict[str, Encoder]


class Library(Protocol):
    """Where bundles come from."""

    def found(self) -> list[Description]:
        """Every bundle that is there, sorted by ref; nothing is loaded."""

    def open(self, ref: str) -> Opened:
        """The bundle verified and loaded.

        Raises:
            ModelRefusal: unknown, or not what its manifest says.
        """

    def probe(self, description: Description, modality: str) -> Any | None:
        """One harmless input of that modality for a warm-up, None where none can be made."""


@dataclass(frozen=True, slots=True)
class Tower:
    """One modality of a loaded bundle."""

    encoder: Encoder
    dimension: int

    def encode(self, items: list[Any]) -> npt.NDArray[np.float32]:
        """float32 (n, d).

        Raises:
            ModelRefusal: the encoder does not take these items.
        """
        try:
            return self.encoder.encode(items)
        except (ValueError, TypeError) as error:
            # Encoders check shape, dtype and length themselves; their words could quote an input.
            raise ModelRefusal(
                "bad-input", "The model does not take input of this form."
            ) from error

    def nothing(self) -> npt.NDArray[np.float32]:
        """The answer to no items: float32 (0, d)."""
        return np.zeros((0, self.dimension), dtype=np.float32)


class ModelStore:
    """Bundles by ref, loaded at first use and kept; safe to call from several threads."""

    def __init__(self, library: Library, *, threads: int) -> None:
        """``threads`` is only told to whoever asks for health."""
        self.threads = threads
        self._library = library
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._opened: dict[str, Opened] = {}
        self._refused: dict[str, str] = {}

    def loaded(self) -> list[str]:
        """Refs in memory, sorted."""
        return sorted(self._opened)

    def refused(self) -> dict[str, str]:
        """Why a ref could not be loaded the last time somebody asked for it."""
        return dict(self._refused)

    def found(self) -> list[Description]:
        """Every bundle, with whether it is in memory."""
        from dataclasses import replace

        return [replace(item, loaded=item.ref in self._opened) for item in self._library.found()]

    def tower(self, ref: str, modality: str) -> Tower:
        """A modality of a bundle, which is loaded if it was not; blocks meanwhile.

        Raises:
            ModelRefusal: unknown or unverifiable bundle, or a modality it has no tower for.
        """
        opened = self._opened.get(ref) or self.load(ref)
        encoder = opened.towers.get(modality)
        if encoder is None:
            raise ModelRefusal(
                "no-such-modality", f"The model {ref} has no tower for that modality."
            )
        return Tower(encoder, opened.description.dimension)

    def probes(self, ref: str) -> list[tuple[str, Any]]:
        """Modality and one harmless input of it, for a warm-up of the bundle, which is loaded.

        Raises:
            ModelRefusal: as ``tower``.
        """
        description = (self._opened.get(ref) or self.load(ref)).description
        made = [(word, self._library.probe(description, word)) for word in description.modalities]
        return [(modality, probe) for modality, probe in made if probe is not None]

    def load(self, ref: str) -> Opened:
        """The bundle, in memory from now on; one thread loads, others wait for it.

        Raises:
            ModelRefusal: unknown or unverifiable.
        """
        with self._lock:
            lock = self._locks.setdefault(ref, threading.Lock())
        with lock:
            if ref not in self._opened:
                try:
                    self._opened[ref] = self._library.open(ref)
                except ModelRefusal as refusal:
                    self._refused[ref] = refusal.code
                    raise
                self._refused.pop(ref, None)
            return self._opened[ref]
