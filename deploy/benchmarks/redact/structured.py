"""Structured kinds: how many of thousands of made-up values the profiles leave in a text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.redact.parts import Miss, Options, Part
from deploy.benchmarks.redact.structured_sentences import (
    HARMLESS,
    grouped,
    letters_missed,
    sentence,
)
from deploy.benchmarks.redact.structured_values import VALUES
from retrieval.redaction.engine import Engine
from retrieval.redaction.profiles import STANDARD, STRICT
from retrieval.redaction.text import StructuredTextRedactor

if TYPE_CHECKING:
    from retrieval.redaction.base import Profile, TextRedactor

EACH: Final = 3_000
SEED: Final = 20_261_121
# Examples are looked at some hundred at a time, a filler line between: as one text, since a start
# for each would take longer than all the rest. A finding cannot reach over the filler.
_TOGETHER: Final = 40
_BETWEEN: Final = "\n\n\u25a0\n\n"


@dataclass(frozen=True, slots=True)
class Example:
    """One made-up value in a text of its own."""

    kind: str
    text: str
    start: int
    value: str


def examples(kind: str, count: int, *, seed: int = SEED) -> Iterator[Example]:
    """``count`` examples of ``kind``, the same for the same seed."""
    rng = Random(f"{seed}:{kind}")  # noqa: S311 - made-up data, not a secret
    for _ in range(count):
        value = grouped(kind, VALUES[kind](rng), rng)
        text, start = sentence(kind, value, rng)
        yield Example(kind, text, start, value)


def missed(redactor: TextRedactor, profile: Profile, wanted: list[Example]) -> list[Example]:
    """Those of ``wanted`` of which a letter or digit stays in under ``profile``."""
    left: list[Example] = []
    for at in range(0, len(wanted), _TOGETHER):
        batch = wanted[at : at + _TOGETHER]
        text = ""
        starts = []
        for one in batch:
            starts.append(len(text) + one.start)
            text += one.text + _BETWEEN
        spans = [(f.start, f.end) for f in redactor.analyse(text, profile=profile)]
        left += [
            one
            for one, start in zip(batch, starts, strict=True)
            if letters_missed(text, start, one.value, _near(spans, start, len(one.value)))
        ]
    return left


def _near(spans: list[tuple[int, int]], start: int, length: int) -> list[tuple[int, int]]:
    return [span for span in spans if span[0] < start + length and span[1] > start]


def run(options: Options) -> Part:
    """Values missed of every kind under ``standard`` and ``strict``, words lost, and the speed."""
    count = EACH // 10 if options.quick else EACH
    part = Part()
    # Without models: what rules find is to hold on its own.
    redactor = StructuredTextRedactor(Engine())
    source = f"{count} made-up values of each kind, seed {SEED}"
    for profile in (STANDARD, STRICT):
        lost = {
            kind: len(missed(redactor, profile, list(examples(kind, count)))) for kind in VALUES
        }
        part.figures.append(
            Figure(
                name=f"structured missed, {profile.name}",
                value=float(sum(lost.values())),
                unit="values",
                target=0.0,
                divided_by=f"{count} of each of {len(VALUES)} kinds",
            )
        )
        part.notes += [f"{profile.name} misses {n} of {count} {k}" for k, n in lost.items() if n]
        part.misses.append(
            Miss(
                profile.ref,
                f"numbers, addresses and secrets of {len(VALUES)} kinds in made-up sentences",
                sum(lost.values()),
                count * len(VALUES),
                source,
            )
        )
        part.misses += [
            Miss(profile.ref, f"{kind} in made-up sentences", n, count, source)
            for kind, n in lost.items()
            if n
        ]
    part.figures += [*harmless(redactor), *throughput(redactor)]
    return part


def harmless(redactor: TextRedactor) -> list[Figure]:
    """Share of ordinary sentences full of figures from which ``standard`` takes something."""
    touched = sum(bool(redactor.analyse(text, profile=STANDARD)) for text in HARMLESS)
    return [
        Figure(
            name="harmless sentences touched, standard",
            value=100 * touched / len(HARMLESS),
            unit="%",
            target=5.0,
            divided_by=f"{len(HARMLESS)} sentences with prices, years, quantities, codes",
        )
    ]


def throughput(redactor: TextRedactor, repeat: int = 3) -> list[Figure]:
    """Kilobytes of text a second on one core, the structured pipeline without models."""
    text = mixed_text()
    redactor.redact(text[:2_000], profile=STANDARD)
    best = 0.0
    for _ in range(repeat):
        started = time.thread_time()
        redactor.redact(text, profile=STANDARD)
        best = max(best, len(text.encode()) / 1_000 / (time.thread_time() - started))
    return [
        Figure(
            name="text without names, one core",
            value=best,
            unit="kB/s",
            target=80.0,
            divided_by="processor seconds of one core",
            at_least=True,
        )
    ]


def mixed_text(characters: int = 60_000) -> str:
    """Prose in five languages with a value in every third sentence."""
    rng = Random(SEED)  # noqa: S311 - made-up data, not a secret
    kinds = list(VALUES)
    pieces: list[str] = []
    size = 0
    while size < characters:
        piece = rng.choice(_PROSE) + " "
        if rng.random() < 0.33:  # noqa: PLR2004 - a share
            kind = rng.choice(kinds)
            piece += sentence(kind, grouped(kind, VALUES[kind](rng), rng), rng)[0] + "\n"
        pieces.append(piece)
        size += len(piece)
    return "".join(pieces)


_PROSE: Final = (
    (
        "The committee met twice in the spring and agreed that the bridge should be repaired"
        " before winter, whatever the cost."
    ),
    (
        "Our new catalogue lists 214 chairs, of which 38 are made of oak; prices start at"
        " 59.90 EUR and rise to 1,250 EUR."
    ),
    (
        "Nach dem Regen stieg der Fluss um zwei Meter, und die Feuerwehr rückte gegen 6:30"
        " Uhr mit vier Wagen aus."
    ),
    (
        "Die Ausstellung zeigt Bilder aus drei Jahrhunderten, darunter einige, die seit 1912"
        " niemand mehr gesehen hat."
    ),
    (
        "Le musée ouvre ses portes à dix heures, sauf le mardi, et l'entrée est gratuite pour"
        " les enfants de moins de douze ans."
    ),
    (
        "La recette demande 250 g de farine, trois œufs et un peu de patience, car la pâte"
        " doit reposer une heure."
    ),
    (
        "El tren llegó con veinte minutos de retraso porque había nieve en las vías cerca de"
        " la frontera."
    ),
    (
        "La biblioteca ha comprado cuatro mil libros nuevos y los ha ordenado por temas en la"
        " segunda planta."
    ),
    (
        "Il vecchio mulino è stato restaurato con cura e oggi ospita un piccolo museo della"
        " carta e della stampa."
    ),
    (
        "Version 3.10.2 fixes a rare crash when two windows are closed at once; see chapter"
        " 4.1.2 of the handbook."
    ),
)
