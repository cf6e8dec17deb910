"""Linear layers with weights packed for one processor: in int8, in float16, or as oneDNN likes.

They take what ``nn.Linear`` takes and stand where one stood. Packed weights are opaque to torch:
such modules are made when a bundle is loaded and never saved.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.encoders.runtime.fingerprint import instructions

Activation = Literal["none", "gelu"]
Maker = Callable[[Tensor, Tensor | None], "FastLinear"]
_LEAST_WEIGHTS = 64 * 64  # smaller products cost more to quantise than they save
_HIGHEST = 127.0
_READ_BY_HAND = frozenset({"AttentionPool2d"})  # takes its layers' weights itself


class FastLinear(nn.Module):
    """A linear layer (…, inputs) -> (…, outputs); ``activated`` may do it in the same pass."""

    packed_bytes = 0
    #: open_clip asks the first layer's weight for the dtype to compute in, or this where it is.
    int8_original_dtype = torch.float32

    def activated(self, x: Tensor, activation: nn.Module) -> Tensor:
        """``activation`` of the layer's answer."""
        answer: Tensor = activation(self(x))
        return answer


class PlainLinear(FastLinear):
    """As ``nn.Linear``, for weights that are part of something else."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Shares both tensors."""
        super().__init__()
        self.weight = nn.Parameter(weight.detach(), requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(…, outputs)."""
        return functional.linear(x, self.weight, self.bias)


class HalfWeights(FastLinear):
    """Weights in float16, sums in float32: half the memory to read (FBGEMM)."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Raises RuntimeError where this torch has no FBGEMM."""
        super().__init__()
        plain = None if bias is None else bias.detach().float().contiguous()
        self.packed: Any = torch.ops.quantized.linear_prepack_fp16(
            weight.detach().float().contiguous(), plain
        )
        self.packed_bytes = 2 * weight.numel()

    def forward(self, x: Tensor) -> Tensor:
        """(…, outputs), float32."""
        answer: Tensor = torch.ops.quantized.linear_dynamic_fp16(x, self.packed)
        return answer


class Int8Linear(FastLinear):
    """Weights in int8, a scale an output; inputs in int8, a scale a call (FBGEMM or oneDNN).

    Inputs have seven bits where the processor has no VNNI: AVX2 adds pairs of products in 16 bits,
    which eight would overflow. torch's own dynamic quantisation does the same.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Raises RuntimeError where this torch has no such kernels."""
        super().__init__()
        rows = weight.detach().float().contiguous()
        scales = (rows.abs().amax(1) / _HIGHEST).clamp(min=1e-12)
        zeros = torch.zeros(len(rows), dtype=torch.int64)
        plain = None if bias is None else bias.detach().float().contiguous()
        with warnings.catch_warnings():
            # torch 2.13 means to remove quantised tensors; a torch without them refuses here, and
            # the candidate with it.
            warnings.simplefilter("ignore")
            eighth = torch.quantize_per_channel(rows, scales, zeros, 0, torch.qint8)
            self.packed: Any = torch.ops.quantized.linear_prepack(eighth, plain)
        self.packed_bytes = weight.numel()
        self.reduce_range = not instructions() & {"avx512_vnni", "avx_vnni"}

    def forward(self, x: Tensor) -> Tensor:
        """(…, outputs), float32."""
        answer: Tensor = torch.ops.quantized.linear_dynamic(x, self.packed, self.reduce_range)
        return answer


class Packed(FastLinear):
    """Weights reordered once for oneDNN, a GELU done with the product: what AMX needs to be fed."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Raises RuntimeError where oneDNN does not take this dtype on this processor."""
        super().__init__()
        self.packed: Any = torch.ops.mkldnn._reorder_linear_weight(  # noqa: SLF001 as inductor does
            weight.detach().contiguous(), None
        )
        self.bias = None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)
        self.packed_bytes = weight.numel() * weight.element_size()

    def forward(self, x: Tensor) -> Tensor:
        """(…, outputs), of the weights' dtype."""
        return self._product(x, "none")

    def activated(self, x: Tensor, activation: nn.Module) -> Tensor:
        """See ``FastLinear``."""
        if type(activation) is nn.GELU and activation.approximate == "none":
            return self._product(x, "gelu")
        return super().activated(x, activation)

    def _product(self, x: Tensor, activation: Activation) -> Tensor:
        answer: Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001 as inductor does
            x, self.packed, self.bias, activation, [], "none"
        )
        return answer


def quantised_refusal() -> str:
    """Why float16 weights and int8 products cannot be had here, or nothing."""
    if torch.backends.quantized.engine in {"x86", "fbgemm"}:
        return ""
    return "This torch has no FBGEMM."


def linear_exchange(make: Maker) -> Callable[[nn.Module], nn.Module | None]:
    """An ``Exchange`` for every ``nn.Linear`` that is large enough to gain."""

    def exchange(part: nn.Module) -> nn.Module | None:
        if type(part).__name__ in _READ_BY_HAND:
            return part
        if type(part) not in {nn.Linear, PlainLinear}:
            return None
        weight: Any = part.weight
        if weight.numel() < _LEAST_WEIGHTS:
            return None
        bias: Any = part.bias
        return make(weight, bias)

    return exchange
