"""Queries that no photo or everyday sound answers, to see whether the answer is "nothing".

None of these was used to fit a calibration.
"""

from __future__ import annotations

import numpy as np

SENTENCES = (
    "amendment to the articles of association",
    "the standard deviation of a sample mean",
    "renewal of the liability insurance",
    "a proof by contradiction",
    "transfer pricing between subsidiaries",
    "enzyme kinetics at low temperature",
    "the index was rebuilt after the upgrade",
    "grammar of ancient Sumerian verbs",
    "a black hole's event horizon",
    "agenda item four was postponed",
    "certificate signing request has expired",
    "the treaty's ratification in parliament",
    "floor plan of the data centre",
    "a chess opening with a bishop sacrifice",
    "pension entitlements of part-time staff",
)


def nonsense(count: int, *, seed: int) -> list[str]:
    """``count`` strings of random letters, one to four words each."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    return [
        " ".join(
            "".join(rng.choice(letters, rng.integers(3, 10))) for _ in range(rng.integers(1, 5))
        )
        for _ in range(count)
    ]
