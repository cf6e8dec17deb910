"""Matrix products in int8, weights quantised once, inputs as they come, an item at a time."""

from __future__ import annotations

from torch import nn

from retrieval.encoders.runtime.candidates.candidate import CLOSE, Candidate
from retrieval.encoders.runtime.choice import Choice
from retrieval.encoders.runtime.lean import OneByOne, lean
from retrieval.encoders.runtime.linears import Int8Linear, linear_exchange, quantised_refusal
from retrieval.encoders.runtime.trees import exchanged


def int8(module: nn.Module) -> nn.Module:
    """A lean twin whose linear layers compute in int8."""
    return OneByOne(exchanged(lean(module), linear_exchange(Int8Linear)))


CANDIDATE = Candidate(
    choice=Choice(engine="int8"),
    cosine=CLOSE,
    make=lambda module, *_: int8(module),
    refusal=quantised_refusal,
)
