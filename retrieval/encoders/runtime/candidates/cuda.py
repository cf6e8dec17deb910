"""A GPU, if torch sees one: float16 or bf16, the lean twin of the tower."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from retrieval.encoders.runtime.candidates.bfloat16 import narrowed
from retrieval.encoders.runtime.candidates.candidate import CLOSE, Candidate
from retrieval.encoders.runtime.choice import Choice


class OnGpu(nn.Module):
    """A module on the GPU that takes and gives tensors of the CPU."""

    def __init__(self, module: Any, device: torch.device) -> None:
        """``module`` is there already."""
        super().__init__()
        self.module, self.device = module, device

    def forward(self, *inputs: Tensor) -> Tensor:
        """What the module answers, on the CPU once it is complete."""
        placed = [value.pin_memory().to(self.device, non_blocking=True) for value in inputs]
        answer: Tensor = self.module(*placed)
        return answer.cpu()


def on_gpu(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A lean twin in ``dtype`` on the first GPU."""
    device = torch.device("cuda")
    return OnGpu(narrowed(module, dtype, device), device)


def _refusal() -> str:
    return "" if torch.cuda.is_available() else "torch sees no GPU."


def _refusal_bfloat16() -> str:
    if _refusal() or torch.cuda.is_bf16_supported():
        return _refusal()
    return "The GPU has no bf16 arithmetic."


FLOAT16 = Candidate(
    choice=Choice(device="cuda", dtype="float16", engine="lean"),
    cosine=CLOSE,
    make=lambda module, *_: on_gpu(module, torch.float16),
    refusal=_refusal,
)
BFLOAT16 = Candidate(
    choice=Choice(device="cuda", dtype="bfloat16", engine="lean"),
    cosine=CLOSE,
    make=lambda module, *_: on_gpu(module, torch.bfloat16),
    refusal=_refusal_bfloat16,
)
