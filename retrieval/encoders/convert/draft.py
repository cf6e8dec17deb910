"""What a conversion asks for, and what it makes before it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from retrieval.encoders.torch_encoder import TorchEncoder


@dataclass(frozen=True, kw_only=True)
class Request:
    """``manage.py models convert``, parsed. ``text`` is a folder with the text branch's files."""

    source: Path
    out: Path
    name: str
    version: str
    space: str
    licence: str = ""
    card: Path | None = None
    library: str | None = None
    architecture: str | None = None
    tag: str | None = None
    config: Path | None = None
    text: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A bundle to be: ``towers`` as the manifest has them, ``tensors`` of ``model.safetensors``.

    ``files`` maps names in the bundle to files that are copied. ``checkpoint`` is the file the
    weights came from. ``original`` answers what an encoder's module answers, by the library the
    weights are from; absent where the two are the same code.
    """

    dimension: int
    towers: dict[str, dict[str, Any]]
    tensors: Mapping[str, Tensor]
    checkpoint: Path
    files: dict[str, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    original: Callable[[TorchEncoder, tuple[Tensor, ...]], Tensor] | None = None
