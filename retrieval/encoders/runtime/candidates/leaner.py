"""The same function in float32 with dead work left out: exact."""

from __future__ import annotations

from retrieval.encoders.runtime.candidates.candidate import EXACT, Candidate, anywhere
from retrieval.encoders.runtime.choice import Choice
from retrieval.encoders.runtime.lean import lean

CANDIDATE = Candidate(
    choice=Choice(engine="lean"),
    cosine=EXACT,
    make=lambda module, *_: lean(module),
    refusal=anywhere,
)
