"""The tower as its library loads it, in float32: what everything is compared with."""

from __future__ import annotations

from retrieval.encoders.runtime.candidates.candidate import EXACT, Candidate, anywhere
from retrieval.encoders.runtime.choice import SAFE

CANDIDATE = Candidate(choice=SAFE, cosine=EXACT, make=lambda module, *_: module, refusal=anywhere)
