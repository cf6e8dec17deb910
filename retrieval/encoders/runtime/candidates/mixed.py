"""Products that begin a block in int8, those that end it with float16 weights.

What ends a block of a transformer is added to all that came before it, and its input, behind a
GELU or a softmax, has few large numbers among many small ones: there int8 loses most.
"""

from __future__ import annotations

from torch import nn

from retrieval.encoders.runtime.candidates.candidate import CLOSE, Candidate
from retrieval.encoders.runtime.choice import Choice
from retrieval.encoders.runtime.lean import OneByOne, lean
from retrieval.encoders.runtime.linears import (
    HalfWeights,
    Int8Linear,
    linear_exchange,
    quantised_refusal,
)
from retrieval.encoders.runtime.trees import exchanged

# Attributes that name the last layer of a block: ours, open_clip's, BERT's and timm's.
_LAST = ("outward", "narrow", "c_proj", "out_proj", "output.dense", "proj", "fc2")


def mixed(module: nn.Module) -> nn.Module:
    """A lean twin whose linear layers compute in int8, but for those that end a block."""
    twin = lean(module)
    last = {id(part) for name, part in twin.named_modules() if name.endswith(_LAST)}
    to_half, to_int8 = linear_exchange(HalfWeights), linear_exchange(Int8Linear)

    def exchange(part: nn.Module) -> nn.Module | None:
        return to_half(part) if id(part) in last else to_int8(part)

    return OneByOne(exchanged(twin, exchange))


CANDIDATE = Candidate(
    choice=Choice(engine="mixed"),
    cosine=CLOSE,
    make=lambda module, *_: mixed(module),
    refusal=quantised_refusal,
)
