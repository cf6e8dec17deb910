"""What the model server's parts hand each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
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
    """A bundle whose weights are in memory, and how many bytes those are."""

    description: Description
    towers: Mapping[str, Encoder]
    weight_bytes: int = 0


class Library(Protocol):
    """Where bundles come from."""

    def found(self) -> list[Description]:
        """Every bundle that is there, sorted by ref; nothing is loaded."""

    def open(self, ref: str) -> Opened:
        """The bundle verified and loaded.

        Raises:
            ModelRefusal: unknown, or not what its manifest says.
        """

    def stamp(self, ref: str) -> str | None:
        """Changes when the bundle's files are replaced; None where it is not there."""

    def active(self) -> frozenset[str]:
        """Refs that are to be in memory all the time."""

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
