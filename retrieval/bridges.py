"""Carrying a vector of one space into another. Pure numpy.

Two spaces that both encode texts can be joined without a single pair of a picture and a sound:
what maps the texts of one onto the same texts of the other maps the pictures of one near the
sounds of the other, once the gap between the modalities of a space is taken out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from retrieval.encoders.base import unit_rows

Vectors = npt.NDArray[np.float32]
Method = Literal["procrustes", "ridge", "enhanced", "mlp", "cmcr"]
CLOSED: tuple[Method, ...] = ("procrustes", "ridge", "enhanced")  # the others are trained
METHODS: tuple[Method, ...] = (*CLOSED, "mlp", "cmcr")

_FORMAT = "1"
_MEAN = "mean."
_HIDDEN = ("hidden.in", "hidden.bias", "hidden.out")


class BridgeError(ValueError):
    """A bridge that cannot be read, or a vector that it cannot carry."""


@dataclass(frozen=True)
class Hidden:
    """One hidden layer beside the linear map: ``maximum(x @ inner + bias, 0) @ outer``."""

    inner: Vectors
    bias: Vectors
    outer: Vectors


@dataclass(frozen=True)
class Bridge:
    """A map from one space (d1) to another (d2).

    ``linear`` is float32 (d1, d2), ``offset`` (d2,). ``means`` holds the centroid (d1,) of each
    source modality, taken off before anything else; without any, vectors are carried as they are.
    """

    method: Method
    linear: Vectors
    offset: Vectors
    hidden: Hidden | None = None
    means: Mapping[str, Vectors] = field(default_factory=dict)

    @property
    def centred(self) -> bool:
        """Whether the source's modality gap is taken out."""
        return bool(self.means)

    def carries(self, modality: str) -> bool:
        """Whether vectors of this modality can be carried: their centroid is known, or unused."""
        return not self.centred or modality in self.means

    def apply(self, vectors: npt.NDArray[np.floating[Any]], *, modality: str) -> Vectors:
        """Vectors of the target space, L2-normalised: float32 (d2,) for (d1,), (n, d2) for (n, d1).

        The answer is to be compared by inner product with the target's own vectors.

        Raises:
            BridgeError: another dimension than the source's, or the modality's centroid is unknown.
        """
        rows = np.atleast_2d(np.asarray(vectors, dtype=np.float32))
        if rows.shape[1] != self.linear.shape[0]:
            raise BridgeError(f"expected vectors of {self.linear.shape[0]}, got {rows.shape[1]}")
        if not self.carries(modality):
            raise BridgeError("the centroid of that modality is not known")
        if self.centred:
            rows = unit_rows(rows - self.means[modality])
        carried = rows @ self.linear + self.offset
        if self.hidden is not None:
            inner = np.maximum(rows @ self.hidden.inner + self.hidden.bias, 0)
            carried = carried + inner @ self.hidden.outer
        unit = unit_rows(carried)
        return unit[0] if np.ndim(vectors) == 1 else unit

    def to_bytes(self) -> bytes:
        """The bridge as a safetensors file, which ``from_bytes`` reads."""
        from safetensors.numpy import save

        tensors = {"linear": self.linear, "offset": self.offset}
        tensors |= {_MEAN + name: mean for name, mean in self.means.items()}
        if self.hidden is not None:
            parts = (self.hidden.inner, self.hidden.bias, self.hidden.outer)
            tensors |= dict(zip(_HIDDEN, parts, strict=True))
        plain = {name: np.ascontiguousarray(part, np.float32) for name, part in tensors.items()}
        return bytes(save(plain, metadata={"format": _FORMAT, "method": self.method}))

    @classmethod
    def from_bytes(cls, data: bytes) -> Bridge:
        """The bridge that ``to_bytes`` wrote.

        Raises:
            BridgeError: it is no such file, or its parts do not fit together.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            tensors = load(data)
            size = int.from_bytes(data[:8], "little")
            said = json.loads(data[8 : 8 + size])["__metadata__"]
            bridge = _bridge(tensors, str(said["method"]), str(said["format"]))
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise BridgeError("the file is not a bridge") from error
        _check(bridge)
        return bridge


def _bridge(tensors: dict[str, Any], method: str, form: str) -> Bridge:
    if form != _FORMAT:
        raise ValueError(form)
    hidden = [tensors[name] for name in _HIDDEN if name in tensors]
    return Bridge(
        method=METHODS[METHODS.index(method)],  # ValueError if it is none
        linear=tensors["linear"],
        offset=tensors["offset"],
        hidden=Hidden(*hidden) if hidden else None,
        means={
            name.removeprefix(_MEAN): mean
            for name, mean in tensors.items()
            if name.startswith(_MEAN)
        },
    )


def _check(bridge: Bridge) -> None:
    matrix = 2
    fits = bridge.linear.ndim == matrix and bridge.offset.shape == bridge.linear.shape[1:]
    fits = fits and all(mean.shape == bridge.linear.shape[:1] for mean in bridge.means.values())
    parts = [bridge.linear, bridge.offset, *bridge.means.values()]
    if bridge.hidden is not None:
        inner, bias, outer = bridge.hidden.inner, bridge.hidden.bias, bridge.hidden.outer
        fits = fits and inner.shape == (bridge.linear.shape[0], *bias.shape)
        fits = fits and outer.shape == (*bias.shape, bridge.linear.shape[1])
        parts += [inner, bias, outer]
    if not fits or not all(np.isfinite(part).all() for part in parts):
        raise BridgeError("the parts of the bridge do not fit together")
