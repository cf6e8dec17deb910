"""Exact tricks: the same function of the same weights, with dead work left out.

Every network that is not known here stays as it is, its text inputs cut where the tower says that
they may be. Whoever uses this compares the answers before it serves them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from retrieval.encoders import open_clip_towers
from retrieval.encoders.runtime import blocks, htsat
from retrieval.encoders.runtime.trees import exchanged


def lean(module: nn.Module) -> nn.Module:
    """A twin of a tower that leaves dead work out and shares its weights."""
    return exchanged(module, _exchange)


def _exchange(part: nn.Module) -> nn.Module | None:
    if isinstance(part, open_clip_towers.TextTower) and blocks.leanable_text(part):
        return blocks.LeanText(part)
    if getattr(part, "cuttable", False):
        return CutText(exchanged(part, lambda inner: None if inner is part else _exchange(inner)))
    if type(part).__name__ == "VisionTransformer" and blocks.leanable_vision(part):
        return blocks.LeanVision(part)
    if htsat.leanable_htsat(part):
        return htsat.LeanHtsat(part)
    return None


class CutText(nn.Module):
    """A text tower that is shown no padding behind the batch's longest text."""

    def __init__(self, tower: Any) -> None:
        """``tower`` is ``cuttable``: padding is masked in it, or lies behind what it reads."""
        super().__init__()
        self.tower = tower
        self.pad_id = getattr(tower, "pad_id", None)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Embeddings (n, d) of token ids and, where the tower takes one, their mask."""
        read = ids != self.pad_id if mask is None else mask != 0
        places = torch.arange(1, ids.shape[1] + 1, device=ids.device)
        length = max(1, int((read * places).max()))
        rest = () if mask is None else (mask[:, :length],)
        answer: Tensor = self.tower(ids[:, :length], *rest)
        return answer


class OneByOne(nn.Module):
    """A module asked for each item alone.

    Where one scale is taken over a whole input, an item's numbers would depend on what else is in
    its batch: on other people's queries. Alone it is also as short as it can be.
    """

    def __init__(self, module: nn.Module) -> None:
        """Takes what ``module`` takes."""
        super().__init__()
        self.module = module

    def forward(self, *inputs: Tensor) -> Tensor:
        """(n, d), row i for item i."""
        count = len(inputs[0])
        return torch.cat(
            [self.module(*(value[row : row + 1] for value in inputs)) for row in range(count)]
        )
