"""Which stretches of speech hold what a profile names, and what may be kept of the words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from retrieval.redaction.audio.digits import in_figures
from retrieval.redaction.audio.regions import covered
from retrieval.redaction.audio.words import Word, joined
from retrieval.redaction.base import Finding, PlaceholderBook, Profile, SpokenText
from retrieval.redaction.placeholders import render

if TYPE_CHECKING:
    from retrieval.redaction.audio.regions import Interval, Region

PAD_MS: Final = 200
"""Whisper's word times are not exact; 200 ms is the tolerance they are judged by (Bain et al.,
"WhisperX", 2023, section 3)."""
_PAUSE_MS: Final = 1_200
_MOST_CHARS: Final = 700
_UNHEARD_MS: Final = 400
"""Speech of at least this length without a word written down cannot be judged."""
_UNSURE: Final = 0.25
"""A word written down with less probability than this may have been another."""

Analyse = Callable[[str], Sequence[Finding]]
"""Findings of a text, ordered by start, not overlapping."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What is said, where it is personal (characters of ``text``), and when each word is said."""

    text: str
    words: tuple[Word, ...]
    spans: tuple[tuple[int, int], ...]
    findings: tuple[Finding, ...]


def spoken(words: Sequence[Word], analyse: Analyse) -> Spoken:
    """The words as a text, analysed; numbers spelled digit by digit are analysed as figures too."""
    text, spans = joined(words)
    found = list(analyse(text)) if text else []
    figures = in_figures([word.text for word in words])
    if figures is not None:
        found += _spelled(words, figures, spans, analyse)
    return Spoken(text, tuple(words), tuple(spans), tuple(_apart(found)))


def _spelled(
    words: Sequence[Word],
    figures: Sequence[str],
    spans: Sequence[tuple[int, int]],
    analyse: Analyse,
) -> Iterator[Finding]:
    shown = [replace(word, text=text) for word, text in zip(words, figures, strict=True) if text]
    places = [at for at, text in enumerate(figures) if text]
    text, shown_spans = joined(shown)
    for finding in analyse(text):
        hit = [n for n, span in enumerate(shown_spans) if _overlap(span, finding)]
        if not hit:
            continue
        last = hit[-1] + 1
        end = places[last] if last < len(places) else len(words)
        yield replace(finding, start=spans[places[hit[0]]][0], end=spans[end - 1][1])


def _overlap(span: tuple[int, int], finding: Finding) -> bool:
    return span[0] < finding.end and finding.start < span[1]


def _apart(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Overlapping findings as one, named after the surest."""
    held: Finding | None = None
    for finding in sorted(findings, key=lambda f: (f.start, -f.end)):
        if held is not None and finding.start < held.end:
            best = max(held, finding, key=lambda f: f.score)
            held = replace(best, start=held.start, end=max(held.end, finding.end))
            continue
        if held is not None:
            yield held
        held = finding
    if held is not None:
        yield held


def timed(said: Spoken) -> list[Finding]:
    """The findings with the times of their words, padded, instead of characters."""
    out = []
    for finding in said.findings:
        hit = [
            word
            for word, span in zip(said.words, said.spans, strict=True)
            if _overlap(span, finding)
        ]
        if hit:
            out.append(
                Finding(
                    kind=finding.kind,
                    score=finding.score,
                    recognizer=finding.recognizer,
                    start_ms=max(0, min(word.start_ms for word in hit) - PAD_MS),
                    end_ms=max(word.end_ms for word in hit) + PAD_MS,
                )
            )
    return out


def heard(words: Sequence[Word], audible: Sequence[Region]) -> list[Word]:
    """The words that lie where there is any sign of a voice.

    Whisper writes sentences into silence that nobody said (Koenecke et al., "Careless Whisper",
    FAccT 2024); what was muted would never be found clean.
    """
    times = [(region.start_ms, region.end_ms) for region in audible]
    return [word for word in words if covered(word.start_ms - PAD_MS, word.end_ms + PAD_MS, times)]


def unheard(speech: Sequence[Region], words: Sequence[Word]) -> list[Interval]:
    """Speech of which no word was written down, or only with doubt: nobody knows what it says."""
    surely = sorted(
        (word.start_ms - PAD_MS, word.end_ms + PAD_MS)
        for word in words
        if word.probability >= _UNSURE
    )
    left: list[Interval] = []
    for region in speech:
        at = region.start_ms
        for start, end in surely:
            if end <= at or start >= region.end_ms:
                continue
            if start - at >= _UNHEARD_MS:
                left.append((at, start))
            at = max(at, end)
        if region.end_ms - at >= _UNHEARD_MS:
            left.append((at, region.end_ms))
    return left


def transcript(
    said: Spoken, *, profile: Profile, book: PlaceholderBook, without: Sequence[Interval] = ()
) -> tuple[SpokenText, ...]:
    """The redacted words in stretches that end at pauses; words within ``without`` left out."""
    kept: list[SpokenText] = []
    for first, end in _cuts(said):
        low, high = said.spans[first][0], said.spans[end - 1][1]
        inside = [
            replace(finding, start=finding.start - low, end=min(finding.end, high) - low)
            for finding in said.findings
            if low <= finding.start < high
        ]
        gone = [
            (span[0] - low, span[1] - low)
            for word, span in zip(said.words[first:end], said.spans[first:end], strict=True)
            if any(word.start_ms < stop and start < word.end_ms for start, stop in without)
        ]
        text = _rendered(said.text[low:high], inside, gone, profile, book)
        if text:
            kept.append(
                SpokenText(
                    text=text,
                    start_ms=said.words[first].start_ms,
                    end_ms=max(word.end_ms for word in said.words[first:end]),
                )
            )
    return tuple(kept)


def _rendered(
    text: str,
    findings: Sequence[Finding],
    gone: Sequence[tuple[int, int]],
    profile: Profile,
    book: PlaceholderBook,
) -> str:
    """``text`` with findings replaced; words of ``gone`` that are in no finding become blanks."""
    chars = list(text)
    for start, end in gone:
        if not any(start < finding.end and finding.start < end for finding in findings):
            chars[start:end] = " " * (end - start)
    return " ".join(render("".join(chars), findings, profile=profile, book=book).split())


def _cuts(said: Spoken) -> Iterator[tuple[int, int]]:
    """(first, end) of runs of words; none ends within a finding."""
    first = 0
    for at in range(1, len(said.words) + 1):
        if at < len(said.words):
            pause = said.words[at].start_ms - said.words[at - 1].end_ms
            long = said.spans[at][1] - said.spans[first][0] > _MOST_CHARS
            edge = said.spans[at][0]
            within = any(f.start < edge < f.end for f in said.findings)
            if within or not (long or pause >= _PAUSE_MS):
                continue
        yield first, at
        first = at
