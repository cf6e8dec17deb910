"""What a candidate is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torch import Tensor, nn

from retrieval.encoders.runtime.choice import Choice

# Least cosine to the tower as loaded, for every input tried: the project's own bounds.
EXACT: Final = 0.99999
CLOSE: Final = 0.999


class Unavailable(Exception):
    """A candidate cannot be made here; ``args[0]`` is the reason, one sentence."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """``make(module, inputs, place)`` gives a module that takes the same tensors.

    ``inputs`` are examples of a batch, ``place`` a file that the candidate may write and will be
    given again when it is applied. The module given stays as it was. ``refusal`` says, without
    much work, why the candidate cannot be tried on this machine, or "". ``cosine`` is the least
    that its answers may have to those of the tower as loaded.
    """

    choice: Choice
    cosine: float
    make: Callable[[nn.Module, tuple[Tensor, ...], Path], Any]
    refusal: Callable[[], str]
    reuse: Callable[[nn.Module, Path], Any] | None = None
    slow: bool = False  # making it takes a minute, not a second


def anywhere() -> str:
    """No refusal."""
    return ""
