"""What all encoders on torch share: items checked, turned into tensors, one module run on them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from retrieval.encoders.base import Vectors, unit_rows

_UNEVEN = 1e-3


class TorchEncoder(ABC):
    """An ``Encoder`` whose work is one ``module``, which a runtime may move, cast or replace.

    ``module`` takes what ``groups`` gives and answers (n, dimension), L2-normalised. Checkpoints
    are loaded as float32 on the CPU; ``device`` and ``dtype`` say where and in what the module
    computes now, and floating point inputs follow them. Preprocessing always happens in float32
    on the CPU.
    """

    def __init__(self, module: nn.Module, *, modality: str, dimension: int) -> None:
        """``module`` is put into evaluation mode."""
        self.module: Any = module.eval()
        self.modality = modality
        self.dimension = dimension
        self.device = torch.device("cpu")
        self.dtype = torch.float32

    @abstractmethod
    def groups(self, items: Sequence[Any]) -> Iterator[tuple[list[int], tuple[Tensor, ...]]]:
        """Indices of items that can share a forward pass, and its inputs on the CPU.

        Raises:
            ValueError: an item is not of this encoder's form; see ``Encoder.encode``.
        """

    def encode(self, items: Sequence[Any]) -> Vectors:
        """See ``Encoder.encode``."""
        vectors = np.zeros((len(items), self.dimension), dtype=np.float32)
        for rows, inputs in list(self.groups(items)):
            with torch.inference_mode():
                answer = self.module(*(self._placed(value) for value in inputs))
            vectors[rows] = answer.float().cpu().numpy()
        # A row is not of length one if it has no direction, or was cast too coarsely.
        uneven = ~(np.abs(np.linalg.norm(vectors, axis=1) - 1) < _UNEVEN)
        if uneven.any():
            vectors[uneven] = unit_rows(vectors[uneven])
        return vectors

    def _placed(self, value: Tensor) -> Tensor:
        if self.device.type == "cuda":
            # Only from pinned memory does a copy go on beside the kernels; the cast follows on
            # the GPU.
            value = value.pin_memory()
        if value.is_floating_point():
            return value.to(self.device, self.dtype, non_blocking=True)
        return value.to(self.device, non_blocking=True)
