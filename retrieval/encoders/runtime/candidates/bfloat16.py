"""Weights and activations in bf16: with AMX a product runs at many times the rate of float32.

Autocast is the slow way: it casts weights again at every call. On a processor without bf16
arithmetic this is slower than float32, and the measurement says so.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from retrieval.encoders.runtime.candidates.candidate import CLOSE, Candidate
from retrieval.encoders.runtime.choice import Choice
from retrieval.encoders.runtime.fingerprint import instructions
from retrieval.encoders.runtime.lean import lean
from retrieval.encoders.runtime.linears import Packed, linear_exchange
from retrieval.encoders.runtime.trees import cast, exchanged

_CPU = torch.device("cpu")


class Narrow(nn.Module):
    """A module that computes in a narrow dtype and takes and gives float32."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        """``module`` is cast already."""
        super().__init__()
        self.module, self.dtype = module, dtype

    def forward(self, *inputs: Tensor) -> Tensor:
        """What the module answers, in float32."""
        answer: Tensor = self.module(*(self._narrowed(value) for value in inputs))
        return answer.float()

    def _narrowed(self, value: Tensor) -> Tensor:
        return value.to(self.dtype) if value.is_floating_point() else value


class KeepsRange(nn.Module):
    """A narrow module that casts its own input, because that has no room in the narrow dtype."""

    def __init__(self, module: Any) -> None:
        """``module`` is cast already."""
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor) -> Tensor:
        """What the module answers, in float32."""
        answer: Tensor = self.module(*inputs)
        return answer.float()


def narrowed(module: nn.Module, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """A lean twin in ``dtype`` on ``device``, convolutions in channels-last."""
    twin = cast(lean(module), dtype, device)
    for part in twin.modules():
        if isinstance(part, nn.Conv2d):
            part.weight = nn.Parameter(
                part.weight.contiguous(memory_format=torch.channels_last), requires_grad=False
            )
    if any(hasattr(part, "cast_own") for part in twin.modules()):
        return KeepsRange(twin)
    return Narrow(twin, dtype)


def bfloat16(module: nn.Module) -> nn.Module:
    """A lean twin in bf16, its products packed for oneDNN where that has bf16 kernels."""
    twin = narrowed(module, torch.bfloat16, _CPU)
    try:
        return exchanged(twin, linear_exchange(Packed))
    except RuntimeError:  # oneDNN refuses to pack for this processor
        return twin


def _refusal() -> str:
    # Emulated it takes ten times as long as float32; measuring that would take the whole budget.
    if instructions() & {"avx512_bf16", "amx_bf16", "avx_ne_convert"}:
        return ""
    return "This processor has no bf16 arithmetic."


CANDIDATE = Candidate(
    choice=Choice(dtype="bfloat16", engine="lean"),
    cosine=CLOSE,
    make=lambda module, *_: bfloat16(module),
    refusal=_refusal,
)
