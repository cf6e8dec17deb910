"""Weights to go on from."""

from __future__ import annotations

from pathlib import Path

from torch import nn


def start_from(tower: nn.Module, path: Path) -> bool:
    """Fill ``tower`` from the safetensors file at ``path``; False where there is none.

    Raises:
        RuntimeError: the weights are another network's.
    """
    from safetensors.torch import load_file

    if not path.is_file():
        return False
    state = load_file(path)
    tower.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    return True
