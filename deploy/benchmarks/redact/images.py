"""Cards, forms and screenshots: what two readers still read once they are redacted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.redact import judge
from deploy.benchmarks.redact.documents import documents, typefaces
from deploy.benchmarks.redact.parts import Miss, Options, Part
from retrieval.redaction.image.find import PictureRedactor, filled
from retrieval.redaction.profiles import STANDARD
from retrieval.redaction.text import StructuredTextRedactor

if TYPE_CHECKING:
    from deploy.benchmarks.redact.documents import Document

COUNT: Final = 200
DEVELOPMENT_SEED: Final = 1
"""Rules and thresholds were tuned on documents of this seed."""
SEED: Final = 20_261_121
_LOST: Final = 0.3
_TYPEFACES_ENOUGH: Final = 5


@dataclass
class Tally:
    """What came of a number of documents."""

    documents: int = 0
    quarantined: int = 0
    secrets: int = 0
    legible: int = 0
    read_back: list[str] = field(default_factory=list)
    words: int = 0
    words_lost: int = 0


def run(options: Options) -> Part:
    """``COUNT`` documents of a seed that nothing was tuned on, under ``standard``."""
    count = COUNT // 10 if options.quick else COUNT
    tally = tallied(documents(count, SEED))
    second = judge.has_tesseract()
    shown = max(1, tally.legible)
    figures = [
        Figure("documents: canaries read back", len(tally.read_back), "", target=0),
        Figure(
            "documents: legible ones redacted",
            100 * (1 - len(tally.read_back) / shown),
            "%",
            target=99,
            at_least=True,
            divided_by=f"{tally.legible} read before of {tally.secrets} written",
        ),
        Figure("documents: other words lost", 100 * tally.words_lost / max(1, tally.words), "%", 5),
        Figure("documents: quarantined", 100 * tally.quarantined / max(1, tally.documents), "%"),
    ]
    notes = [
        f"{tally.documents} documents in {len(typefaces())} typefaces, turned, faint and small",
        "read back by our OCR and Tesseract"
        if second
        else "Tesseract is not installed: read back by our OCR alone",
    ]
    if len(typefaces()) < _TYPEFACES_ENOUGH:
        notes.append("few typefaces on this machine: figures are of Pillow's own for the most part")
    miss = Miss(
        profile=STANDARD.ref,
        what="legible personal data on made-up cards, forms and screenshots",
        missed=len(tally.read_back),
        of=tally.legible,
        source="generated, read back by two OCR engines" if second else "generated, our own OCR",
    )
    return Part(figures=figures, misses=[miss], notes=notes)


def tallied(made: list[Document]) -> Tally:
    """Every document redacted, looked at again and read."""
    redactor = PictureRedactor(StructuredTextRedactor())
    tally = Tally()
    for document in made:
        _judge(document, redactor, tally)
    return tally


def _judge(document: Document, redactor: PictureRedactor, tally: Tally) -> None:
    pixels = np.asarray(document.image, np.uint8)
    before = judge.read_secrets(document.secrets, _readings(pixels, document.turn))
    found = redactor.find(pixels, profile=STANDARD)
    redacted = filled(pixels, (np.array(polygon) for polygon in found.polygons))
    tally.documents += 1
    tally.secrets += len(document.secrets)
    tally.legible += len(before)
    again = redactor.find(redacted, profile=STANDARD, again=True)
    if found.unreadable or again.unreadable or again.findings:
        # Nobody sees it before a steward has.
        tally.quarantined += 1
        return
    after = _readings(redacted, document.turn)
    tally.read_back += sorted(judge.read_secrets(document.secrets, after))
    size = (pixels.shape[0], pixels.shape[1])
    shares = judge.filled(document.words, found.polygons, size)
    plain = [s for word, s in zip(document.words, shares, strict=True) if not word.secret]
    tally.words += len(plain)
    tally.words_lost += sum(share > _LOST for share in plain)


def _readings(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], turn: float) -> list[str]:
    readings = [judge.read_by_us(pixels)]
    if judge.has_tesseract():
        readings.append(judge.read_by_tesseract(pixels, turn))
    return readings
