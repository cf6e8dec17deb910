"""Queries that nothing answers: nonsense, and sentences about things no photo or sound holds."""

from __future__ import annotations

import json
import re
from pathlib import Path

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


# How people put a few words into a search field.
ASKED = (
    "{}",
    "{}",
    "{}",
    "where is {}",
    "what do we have about {}?",
    "find {}",
    "anything with {}?",
)
_EMPTY = frozenset(
    (  # noqa: SIM905 a list of words reads better as text
        "a an the of in on at to with and or is are be by for from his her its their it as that "
        "this there two three one some while into over through near next up down out has have "
        "being who another other very photo picture people person man woman standing looking "
        "wearing was were not but had they you our your"
    ).split()
)
_FEWEST_LETTERS = 3
NOTE_LENGTH = 400  # characters


def content_words(text: str) -> list[str]:
    """The words of a sentence that say what it is about, in order, without repeats."""
    words = re.findall(r"[a-z]+", text.lower())
    return list(dict.fromkeys(w for w in words if len(w) >= _FEWEST_LETTERS and w not in _EMPTY))


def short_query(caption: str, rng: np.random.Generator) -> tuple[str, frozenset[str]]:
    """One to four content words of a text as somebody would ask, and those words."""
    words = content_words(caption)
    count = min(len(words), int(rng.integers(1, 5)))
    picked = [words[i] for i in sorted(rng.permutation(len(words))[:count])]
    asked = ASKED[int(rng.integers(len(ASKED)))].format(" ".join(picked))
    return asked, frozenset(picked)


def notes_read(paths: list[Path], *, each: int, rng: np.random.Generator) -> list[str]:
    """The beginnings of ``each`` English texts of every JSON-lines file (field ``text``)."""
    found: list[str] = []
    for path in paths:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        texts = [row["text"] for row in rows if row.get("language", "en") == "en"]
        picked = rng.permutation(len(texts))[:each]
        found.extend(" ".join(texts[i].split())[:NOTE_LENGTH] for i in picked)
    return found
