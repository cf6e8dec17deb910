"""Weights in float16, sums in float32: half the memory, and exact as far as it can be seen."""

from __future__ import annotations

from torch import nn

from retrieval.encoders.runtime.candidates.candidate import EXACT, Candidate
from retrieval.encoders.runtime.choice import Choice
from retrieval.encoders.runtime.lean import lean
from retrieval.encoders.runtime.linears import HalfWeights, linear_exchange, quantised_refusal
from retrieval.encoders.runtime.trees import exchanged


def half(module: nn.Module) -> nn.Module:
    """A lean twin whose linear layers hold float16."""
    return exchanged(lean(module), linear_exchange(HalfWeights))


CANDIDATE = Candidate(
    choice=Choice(engine="half"),
    cosine=EXACT,
    make=lambda module, *_: half(module),
    refusal=quantised_refusal,
)
