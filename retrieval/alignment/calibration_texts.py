"""Queries that nothing answers: nonsense, and sentences about things no photo or sound holds."""

from __future__ import annotations

import numpy as np

OUTSIDE = (
    "quarterly revenue forecast for the northern region",
    "how do I reset my password",
    "the mitochondria is the powerhouse of the cell",
    "integer overflow in the parser's length check",
    "minutes of the works council meeting",
    "interest rate swap with a floating leg",
    "supreme court ruling on antitrust",
    "the derivative of a composite function",
    "invoice number and payment terms",
    "negotiations about the trade agreement",
    "quantum chromodynamics lattice calculation",
    "error 404 page not found",
    "philosophical scepticism about induction",
    "a hexagonal lattice of graphene under strain",
    "submarine volcano on the sea floor",
    "an astronaut repairing a telescope in orbit",
    "ballot papers being counted by hand",
    "surgeons operating on a heart",
    "an x-ray of a broken wrist",
    "the annual leave policy for contractors",
    "privacy impact assessment of the new system",
    "a map of medieval trade routes",
    "wiring diagram of a three-phase motor",
    "the nucleus of a comet",
    "molecular structure of caffeine",
    "handwritten letter from the eighteenth century",
    "stock exchange closing prices",
    "a printed circuit board under a microscope",
    "subject access request received by post",
    "poem about autumn in translation",
)
_SYLLABLES = [
    "ka",
    "zu",
    "fli",
    "mor",
    "ent",
    "brax",
    "qui",
    "ploo",
    "stre",
    "vod",
    "nax",
    "jir",
    "wub",
    "eth",
    "gral",
    "tso",
    "umph",
    "lirk",
    "dve",
    "oon",
]


def nonsense_texts(count: int, *, seed: int) -> list[str]:
    """``count`` strings that mean nothing: invented words, key mashing, digits."""
    rng = np.random.default_rng(seed)
    letters = list("abcdefghijklmnopqrstuvwxyz")
    found = []
    for turn in range(count):
        if turn % 3 == 0:
            words = [
                "".join(rng.choice(_SYLLABLES, rng.integers(2, 4)))
                for _ in range(rng.integers(1, 5))
            ]
        elif turn % 3 == 1:
            words = [
                "".join(rng.choice(letters, rng.integers(3, 10))) for _ in range(rng.integers(1, 5))
            ]
        else:
            words = ["".join(str(d) for d in rng.integers(0, 10, rng.integers(3, 12)))]
        found.append(" ".join(words))
    return found
