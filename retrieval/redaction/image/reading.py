"""What of the writing in a picture is personal: every order and spelling of it analysed as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from retrieval.redaction.base import Finding
from retrieval.redaction.image import geometry, labels, layout, noise, plates, shapes
from retrieval.redaction.image.script import Mark, Script, joined
from retrieval.redaction.placeholders import FILLER, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.redaction.base import PlaceholderBook, Profile, TextRedactor
    from retrieval.redaction.image.ocr import Line

# Read more poorly than this, a line in which anything was found goes as a whole.
_UNSURE: Final = 0.8
# Names and addresses may be broken anywhere.
_MAY_GO_ON: Final[frozenset[str]] = frozenset({"PERSON", "ADDRESS", "LOCATION", "ORGANIZATION"})
_PARTICLE: Final = 3
_TOUCHED: Final = 0.1
_SPACE: Final = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Marked:
    """A stretch of one line that is personal."""

    mark: Mark
    kind: str
    score: float
    recognizer: str


@dataclass(frozen=True, slots=True)
class Page:
    """A picture's writing by rows, and what in it is to go or awaits a steward."""

    lines: tuple[Line, ...]
    script: Script
    marked: tuple[Marked, ...]
    low: tuple[Marked, ...]

    def redacted(
        self,
        profile: Profile,
        book: PlaceholderBook,
        *,
        also: Sequence[NDArray[np.float32]] = (),
    ) -> str:
        """The writing with what is personal replaced, and without lines that ``also`` touches."""
        places = {place: at for at, place in enumerate(self.script.places) if place is not None}
        findings = [
            Finding(
                kind=item.kind,
                score=item.score,
                recognizer=item.recognizer,
                start=places[item.mark.line, item.mark.start],
                end=places[item.mark.line, item.mark.end - 1] + 1,
            )
            for item in self.marked
            if item.mark.end > item.mark.start and (item.mark.line, item.mark.start) in places
        ]
        findings.sort(key=lambda finding: finding.start)
        return render(self._without(also), findings, profile=profile, book=book)

    def _without(self, polygons: Sequence[NDArray[np.float32]]) -> str:
        """The text with blocks for the lines of which a tenth or more lies under polygons."""
        gone = {
            index
            for index, line in enumerate(self.lines)
            if sum(geometry.overlap(line.quad, polygon) for polygon in polygons)
            > _TOUCHED * geometry.area(line.quad)
        }
        return "".join(
            FILLER if place is not None and place[0] in gone and not char.isspace() else char
            for char, place in zip(self.script.text, self.script.places, strict=True)
        )


def analyse(lines: Sequence[Line], *, redactor: TextRedactor, profile: Profile) -> Page:
    """What of ``lines`` the profile takes out.

    Raises:
        RedactionTimeoutError: from the redactor of text.
    """
    texts = [line.reading.text for line in lines]
    sheets = layout.sheets([line.quad for line in lines])
    rows = [[place.index for place in row] for sheet in sheets for row in sheet.rows]
    blocks = [block for sheet in sheets for block in sheet.blocks()]
    by_rows = joined(rows, texts, line="   ", block="\n")
    found: list[Marked] = []
    found += _textual(by_rows, redactor, profile)
    found += _textual(joined(blocks, texts, line="\n", block="\n\n"), redactor, profile)
    by_lines = list(found)
    for between in (" ", ""):
        broken = joined(blocks, texts, line=between, block="\n\n")
        # Words run together are new words to a recogniser of names.
        kinds: frozenset[str] = frozenset() if between else _MAY_GO_ON
        found += [
            item
            for item in _crossing(broken, redactor, profile, by_lines)
            if item.kind not in kinds
        ]
    bent = noise.digits(noise.closed(by_rows))
    found += _textual(bent, redactor, profile)
    found += _shaped(bent, profile)
    found += _shaped(by_rows, profile)
    found += _western(lines, redactor, profile)
    for sheet in sheets:
        found += [
            Marked(field.mark, field.kind, labels.SCORE, labels.RECOGNIZER)
            for field in labels.fields(sheet, texts, profile)
        ]
    if "PLATE" in profile.kinds:
        found += [
            Marked(Mark(index, 0, len(texts[index])), "PLATE", shapes.SCORE, "plate")
            for index in plates.plates(texts)
        ]
    low = [
        Marked(mark, item.kind, item.score, item.recognizer)
        for item in redactor.redact(by_rows.text, profile=profile).low
        for mark in by_rows.marks(item.start, item.end)
    ]
    return Page(tuple(lines), by_rows, tuple(_merged(found, lines)), tuple(_merged(low, lines)))


def _textual(script: Script, redactor: TextRedactor, profile: Profile) -> list[Marked]:
    return [
        Marked(mark, finding.kind, finding.score, finding.recognizer)
        for finding in redactor.analyse(script.text, profile=profile)
        for mark in script.marks(finding.start, finding.end)
    ]


def _crossing(
    script: Script, redactor: TextRedactor, profile: Profile, known: Sequence[Marked]
) -> list[Marked]:
    """Only what begins on one line and ends on another: the rest has been found line by line.

    A number or address that is complete on its line does not go on below.
    """
    complete = {(item.mark.line, item.mark.end) for item in known if item.kind not in _MAY_GO_ON}
    found: list[Marked] = []
    for finding in redactor.analyse(script.text, profile=profile):
        marks = script.marks(finding.start, finding.end)
        one_line = len({mark.line for mark in marks}) <= 1
        if one_line or (marks[0].line, marks[0].end) in complete:
            continue
        if finding.kind not in _MAY_GO_ON or _capitalised(script.text[finding.start : finding.end]):
            found += [Marked(m, finding.kind, finding.score, finding.recognizer) for m in marks]
    return found


def _capitalised(text: str) -> bool:
    """Whether a name that runs over lines has a capital or digit at the beginning of each word."""
    words = [word for word in text.split() if len(word) > _PARTICLE]
    return all(not word[0].islower() for word in words)


def _shaped(script: Script, profile: Profile) -> list[Marked]:
    return [
        Marked(mark, shape.kind, shapes.SCORE, shapes.RECOGNIZER)
        for shape in shapes.shapes(script.text, profile)
        for mark in script.marks(shape.start, shape.end)
    ]


def _western(lines: Sequence[Line], redactor: TextRedactor, profile: Profile) -> list[Marked]:
    """What shows in a line only when it is read in Latin letters: the line goes as a whole."""
    found: list[Marked] = []
    for index, line in enumerate(lines):
        text = line.western.text
        if text and text != line.reading.text:
            whole = Mark(index, 0, len(line.reading.text))
            found += [
                Marked(whole, item.kind, item.score, item.recognizer)
                for item in redactor.analyse(text, profile=profile)
            ]
            found += [
                Marked(whole, shape.kind, shapes.SCORE, shapes.RECOGNIZER)
                for shape in shapes.shapes(text, profile)
            ]
    return found


def _merged(found: Iterable[Marked], lines: Sequence[Line]) -> list[Marked]:
    """Marks widened to whole words, or to a poorly read line; overlapping ones made one."""
    merged: list[Marked] = []
    widened = [_widened(item, lines[item.mark.line]) for item in found]
    for item in sorted(widened, key=lambda m: (m.mark.line, m.mark.start, -m.mark.end)):
        last = merged[-1] if merged else None
        if last and last.mark.line == item.mark.line and item.mark.start < last.mark.end:
            best = max(last, item, key=lambda m: m.score)
            span = Mark(item.mark.line, last.mark.start, max(last.mark.end, item.mark.end))
            merged[-1] = Marked(span, best.kind, best.score, best.recognizer)
        elif item.mark.end > item.mark.start:
            merged.append(item)
    return merged


def _widened(item: Marked, line: Line) -> Marked:
    text = line.reading.text
    if line.reading.score < _UNSURE:
        return Marked(Mark(item.mark.line, 0, len(text)), item.kind, item.score, item.recognizer)
    start, end = item.mark.start, item.mark.end
    while start > 0 and not _SPACE.match(text[start - 1]):
        start -= 1
    while end < len(text) and not _SPACE.match(text[end]):
        end += 1
    # A label's colon is no part of what stands behind it.
    colon = max(text.rfind(":", start, item.mark.start), text.rfind("=", start, item.mark.start))
    start = colon + 1 if colon >= start else start
    return Marked(Mark(item.mark.line, start, end), item.kind, item.score, item.recognizer)
