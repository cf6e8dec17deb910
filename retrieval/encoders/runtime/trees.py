"""Modules that share their weights with another one, with parts exchanged or cast."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Exchange = Callable[[nn.Module], nn.Module | None]


def exchanged(module: nn.Module, exchange: Exchange) -> nn.Module:
    """``module`` with every part for which ``exchange`` gives another one replaced by that.

    Outermost first; what was given is not looked into. ``module`` itself stays as it was, and
    both share all tensors that were not exchanged.
    """
    seen: dict[int, nn.Module] = {}

    def walk(part: nn.Module) -> nn.Module:
        if id(part) not in seen:
            other = exchange(part)
            if other is None:
                other = copied(part)
                other._modules = {  # noqa: SLF001 the one way to share tensors but not structure
                    name: None if child is None else walk(child)
                    for name, child in part._modules.items()  # noqa: SLF001
                }
            seen[id(part)] = other.eval()
        return seen[id(part)]

    return walk(module)


def copied(module: nn.Module) -> nn.Module:
    """A module of its own that shares tensors and parts with ``module``."""
    twin = module.__new__(type(module))
    state: dict[str, Any] = dict(module.__dict__)
    for name, value in state.items():
        if name in {"_parameters", "_buffers", "_modules"} or name.endswith("_hooks"):
            state[name] = copy.copy(value)
    twin.__dict__ = state
    return twin


def without_tensors(module: nn.Module) -> nn.Module:
    """A twin that has settings and methods, but neither parameters nor buffers."""
    twin = exchanged(module, lambda _: None)
    for part in twin.modules():
        part._parameters, part._buffers = {}, {}  # noqa: SLF001 as above
    return twin


def cast(module: nn.Module, dtype: torch.dtype, device: torch.device) -> nn.Module:
    """A twin of ``module`` whose floating point tensors are of ``dtype``, on ``device``."""
    done: dict[int, Tensor] = {}

    def placed(value: Tensor) -> Tensor:
        if id(value) not in done:
            target = dtype if value.is_floating_point() else value.dtype
            moved = value.detach().to(device, target)
            done[id(value)] = (
                nn.Parameter(moved, requires_grad=False)
                if isinstance(value, nn.Parameter)
                else moved
            )
        return done[id(value)]

    twin = exchanged(module, lambda _: None)
    for part in twin.modules():
        for held in (part._parameters, part._buffers):  # noqa: SLF001 as above
            for name, value in held.items():
                if value is not None:
                    held[name] = placed(value)  # type: ignore[assignment]  # same kind as before
        cast_own = getattr(part, "cast_own", None)
        if cast_own is not None:
            cast_own(dtype, device)
    return twin


def weight_bytes(module: nn.Module) -> int:
    """Memory of all tensors that ``module`` holds, packed ones included, each counted once."""
    found = {
        value.data_ptr(): value.numel() * value.element_size()
        for value in [*module.parameters(), *module.buffers()]
    }
    packed = sum(int(getattr(part, "packed_bytes", 0)) for part in module.modules())
    return sum(found.values()) + packed
