from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from retrieval.encoders.torch_encoder import TorchEncoder


class Plain(TorchEncoder):
    def groups(self, items: Any) -> Iterator[Any]:
        yield [0], (torch.ones(1, 2),)


class Value:
    """Notes what is done with it, in place of a tensor and a GPU."""

    def __init__(self, *, floating: bool) -> None:
        self.floating = floating
        self.steps: list[Any] = []

    def is_floating_point(self) -> bool:
        return self.floating

    def pin_memory(self) -> Value:
        self.steps.append("pinned")
        return self

    def to(self, *where: Any, non_blocking: bool) -> Value:
        self.steps.append((*map(str, where), non_blocking))
        return self


def test_inputs_go_to_a_gpu_from_pinned_memory_and_numbers_take_its_dtype():
    encoder = Plain(nn.Identity(), modality="text", dimension=2)
    encoder.device, encoder.dtype = torch.device("cuda:0"), torch.bfloat16
    for floating, wanted in (
        (True, ("cuda:0", "torch.bfloat16", True)),
        (False, ("cuda:0", True)),
    ):
        value = Value(floating=floating)
        encoder._placed(value)  # type: ignore[arg-type]
        assert value.steps == ["pinned", wanted]


def test_nothing_is_pinned_on_a_cpu():
    encoder = Plain(nn.Identity(), modality="text", dimension=2)
    value = Value(floating=True)
    encoder._placed(value)  # type: ignore[arg-type]
    assert value.steps == [("cpu", "torch.float32", True)]
