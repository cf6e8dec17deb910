"""Ways to compute a tower, one a file: each says whether it may be tried here, and makes it."""

from __future__ import annotations

from retrieval.encoders.runtime.candidates import (
    as_loaded,
    bfloat16,
    compiled,
    cuda,
    half,
    int8,
    leaner,
    mixed,
)
from retrieval.encoders.runtime.candidates.candidate import Candidate
from retrieval.encoders.runtime.choice import Choice

__all__ = ["Candidate", "candidate_of", "candidates"]


def candidates() -> tuple[Candidate, ...]:
    """All of them, the tower as loaded first, then those that promise most."""
    return (
        as_loaded.CANDIDATE,
        cuda.FLOAT16,
        cuda.BFLOAT16,
        bfloat16.CANDIDATE,
        int8.CANDIDATE,
        half.CANDIDATE,
        mixed.CANDIDATE,
        leaner.CANDIDATE,
        compiled.FLOAT32,
        compiled.BFLOAT16,
    )


def candidate_of(choice: Choice) -> Candidate | None:
    """The candidate that makes ``choice``; None for one that is not known here."""
    wanted = (choice.device, choice.dtype, choice.engine)
    for candidate in candidates():
        if (candidate.choice.device, candidate.choice.dtype, candidate.choice.engine) == wanted:
            return candidate
    return None
