"""A library that inductor makes of the lean tower, ahead of time: a compiler is needed once.

It lies beside the record of choices, in the appliance's own data, with its hash in the record; a
bundle can bring none. Nothing is compiled while serving.
"""

from __future__ import annotations

import contextlib
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from retrieval.encoders.runtime.candidates import bfloat16
from retrieval.encoders.runtime.candidates.candidate import CLOSE, EXACT, Candidate, Unavailable
from retrieval.encoders.runtime.choice import Choice
from retrieval.encoders.runtime.lean import lean

_LARGEST_BATCH = 512


class Packaged(nn.Module):
    """A compiled tower; its weights are part of the library, which is mapped, not copied."""

    def __init__(self, package: Path) -> None:
        """``package`` was made on this machine: see ``Record``."""
        super().__init__()
        self.call: Any = torch._inductor.aoti_load_package(str(package))  # noqa: SLF001 its place
        self.packed_bytes = package.stat().st_size

    def forward(self, *inputs: Tensor) -> Tensor:
        """What the tower answers."""
        answer: Tensor = self.call(*inputs)
        return answer


def packaged(module: nn.Module, inputs: tuple[Tensor, ...], place: Path) -> nn.Module:
    """``module`` compiled to ``place``, for any number of items of the inputs' shape.

    Raises:
        Unavailable: it cannot be compiled: it branches on what it sees, or the compiler fails.
    """
    items = torch.export.Dim("items", min=1, max=_LARGEST_BATCH)
    batch = tuple(
        value if len(value) > 1 else value.repeat(2, *(1,) * (value.dim() - 1)) for value in inputs
    )
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of torch's own deprecations
            program = torch.export.export(
                module, batch, dynamic_shapes=tuple({0: items} for _ in batch)
            )
            torch._inductor.aoti_compile_and_package(  # noqa: SLF001 its place
                program,
                package_path=str(place),
                inductor_configs={"freezing": True, "max_autotune": False},
            )
        place.chmod(0o600)
    except Exception as error:
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
        raise Unavailable(f"It cannot be compiled: {type(error).__name__}.") from error
    return Packaged(place)


def _refusal() -> str:
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        return "No C++ compiler is installed."
    return ""


def _refusal_bfloat16() -> str:
    return _refusal() or bfloat16.CANDIDATE.refusal()


def _narrow(module: nn.Module) -> nn.Module:
    return bfloat16.narrowed(module, torch.bfloat16, torch.device("cpu"))


FLOAT32 = Candidate(
    choice=Choice(engine="compiled"),
    cosine=EXACT,
    make=lambda module, inputs, place: packaged(lean(module), inputs, place),
    refusal=_refusal,
    reuse=lambda _, place: Packaged(place),
    slow=True,
)
BFLOAT16 = Candidate(
    choice=Choice(dtype="bfloat16", engine="compiled"),
    cosine=CLOSE,
    make=lambda module, inputs, place: packaged(_narrow(module), inputs, place),
    refusal=_refusal_bfloat16,
    reuse=lambda _, place: Packaged(place),
    slow=True,
)
