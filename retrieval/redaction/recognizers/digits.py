"""Official numbers that consist of digits only: one scan for all of them.

Digits are taken in runs, groups parted by single blanks, hyphens, dots or slashes, or by a line
break. Each stretch of groups is looked up by its sizes ("3-2-4") among the known forms, then its
check digit is computed: the cost does not grow with the number of countries.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from retrieval.redaction.recognizers.frame import Recognizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from retrieval.redaction.recognizers.frame import Span

# Score as one run of digits, in a form in use, in other groups. Above 0.65 no word speaks against a
# number; profiles take from 0.4 (standard) or 0.3 (strict).
STRONG: Final = (0.85, 0.95, 0.6)
"""The check lets one number in fifty pass, or less: a modulus of 97, a date and a check digit."""
FAIR: Final = (0.45, 0.5, 0.25)
"""One in ten: a single check digit."""
WEAK: Final = (0.1, 0.15, 0.0)
"""None, or too short for the check to mean much: only beside a context word."""

_GAP: Final = r"(?:[ ./\-\u00b7]|  | [-/] |[ \t]{0,4}-?\r?\n[ \t]{0,4})"
_RUN: Final = re.compile(rf"\d+(?:{_GAP}\d+)*")
_GROUP: Final = re.compile(r"\d+")
_DATE: Final = re.compile(r"(?:19|20)\d\d([-/.])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)")
# With a strong check even what could be a date or a decimal fraction is a number.
_SURE: Final = 0.8
_MARKED_GROUPS: Final = 3
_MAX_GROUPS: Final = 8
_MAX_DIGITS: Final = 20
_MIN_DIGITS: Final = 8
# Labels that are often written right against a number.
_LABELS: Final = re.compile(
    r"(?:ssn|sin|tin|itin|nhs|bsn|nif|nie|dni|cpf|egn|cnp|oib|emso|jmbg|pesel|nip|cpr|nir"
    r"|ahv|avs|svnr|svnummer|idnr|"
    r"taj|amka|afm|tfn|tel|phone|fax|mob|cell|card|no|nr|id|mrn|npi|aadhaar|pin|rc|rodne"
    r"|isikukood|pnr)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitId:
    """One kind of number. ``forms`` are sizes of groups in use, such as ``3-2-4``.

    ``check`` gets the digits alone. ``scores`` are for digits in one run, in a form, in other
    groups; 0 is not found.
    """

    kind: str
    forms: tuple[str, ...]
    check: Callable[[str], bool]
    scores: tuple[float, float, float]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Groups of digits as (start, end) in the text; ``open_left``: no letter stands before."""

    groups: list[tuple[int, int]]
    open_left: bool
    open_right: bool


def runs(text: str, least: int = _MIN_DIGITS) -> Iterator[Run]:
    """Every run of ``least`` digits or more."""
    for match in _RUN.finditer(text):
        if match.end() - match.start() < least:
            continue
        groups = [g.span() for g in _GROUP.finditer(text, match.start(), match.end())]
        if sum(end - start for start, end in groups) >= least:
            yield Run(
                groups,
                _starts(text, match.start()),
                not text[match.end() : match.end() + 1].isalpha(),
            )


def _starts(text: str, start: int) -> bool:
    if not text[max(0, start - 1) : start].isalpha():
        return True
    return _LABELS.search(text, max(0, start - 12), start) is not None


class DigitIdRecognizer(Recognizer):
    """All numbers of a table of ``DigitId``."""

    needs = "digit"
    deniable = True

    def __init__(self, table: Sequence[DigitId]) -> None:
        """Sort the table by form and by length."""
        super().__init__(
            *dict.fromkeys(one.kind for one in table), words={one.kind: one.words for one in table}
        )
        self._by_form: dict[tuple[int, ...], list[tuple[DigitId, float]]] = defaultdict(list)
        self._by_length: dict[int, list[DigitId]] = defaultdict(list)
        for one in table:
            compact, grouped, other = one.scores
            for form in one.forms:
                sizes = tuple(map(int, form.split("-")))
                if len(sizes) > 1:
                    self._by_form[sizes].append((one, grouped))
            for length in {sum(map(int, form.split("-"))) for form in one.forms}:
                self._by_form[(length,)].append((one, compact))
                if other:
                    self._by_length[length].append(one)

    def spans(self, text: str) -> Iterator[Span]:
        """Every stretch of groups that is a number of the table."""
        for run in runs(text):
            whole = self._whole(text, run)
            if whole is not None:
                yield from whole
            yield from self._parts(text, run)

    def _parts(self, text: str, run: Run) -> Iterator[Span]:
        groups = run.groups
        for first in range(len(groups)):
            if first and text[groups[first][0] - 1] == ".":
                continue
            sizes: tuple[int, ...] = ()
            for last in range(first, min(len(groups), first + _MAX_GROUPS)):
                begin, end = groups[last]
                sizes = (*sizes, end - begin)
                if sum(sizes) > _MAX_DIGITS:
                    break
                known = self._by_form.get(sizes)
                inside = last + 1 < len(groups)
                if known and not (inside and text[end] == "."):
                    yield from self._part(text, run, (first, last), known)

    def _part(
        self, text: str, run: Run, which: tuple[int, int], known: list[tuple[DigitId, float]]
    ) -> Iterator[Span]:
        """The numbers among ``known`` that the groups from one to another are."""
        first, last = which
        groups = run.groups[first : last + 1]
        # Letters right before or behind: only what is written as nothing else is.
        glued = (first == 0 and not run.open_left) or (
            last == len(run.groups) - 1 and not run.open_right
        )
        if (glued and len(groups) < _MARKED_GROUPS) or _goes_on(text, run.groups, first, last):
            return
        usual = _proper(text, groups) and not glued
        digits = "".join(text[a:b] for a, b in groups)
        for one, score in known:
            if (usual or score >= _SURE) and one.check(digits):
                yield one.kind, groups[0][0], groups[-1][1], score

    def _whole(self, text: str, run: Run) -> list[Span] | None:
        """Numbers in groups that nobody uses, where nothing else is in the run."""
        groups = run.groups
        if not 1 < len(groups) <= 2 * _MAX_GROUPS or not (run.open_left and run.open_right):
            return None
        digits = "".join(text[a:b] for a, b in groups)
        known = self._by_length.get(len(digits))
        gaps = {text[a:b] for (_, a), (b, _) in pairwise(groups)}
        if not known or len(gaps) > 1 or not _proper(text, groups):
            return None
        start, end = groups[0][0], groups[-1][1]
        return [(one.kind, start, end, one.scores[2]) for one in known if one.check(digits)]


def _goes_on(text: str, groups: list[tuple[int, int]], first: int, last: int) -> bool:
    """Whether the groups beside are joined on as those within are: 4-4-4 is no part of 4-4-4-4."""
    if first == last:
        return False
    inner = text[groups[first][1] : groups[first + 1][0]]
    if inner not in {"-", "/", "."}:
        return False
    before = first and text[groups[first - 1][1] : groups[first][0]] == inner
    after = last + 1 < len(groups) and text[groups[last][1] : groups[last + 1][0]] == inner
    return bool(before or after)


def _proper(text: str, groups: list[tuple[int, int]]) -> bool:
    """Whether the groups may be one number: no decimal fraction, no date, few line breaks."""
    if len(groups) == 1:
        return True
    gaps = [text[a:b] for (_, a), (b, _) in pairwise(groups)]
    if gaps == ["."] or sum("\n" in gap for gap in gaps) > 1:
        return False
    return _DATE.match(text, groups[0][0]) is None


def number(check: Callable[[str], bool]) -> Callable[[str], bool]:
    """``check`` for digits of which not all are alike."""
    return lambda digits: digits.count(digits[0]) < len(digits) and check(digits)


def dated(digits: str) -> bool:
    """Whether six digits may be a date without century, in either order: YYMMDD or DDMMYY."""
    return _month_day(digits[2:4], digits[4:6]) or _month_day(digits[2:4], digits[:2])


def _month_day(month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31  # noqa: PLR2004 - months, days


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + doubled) % 10 == 0


_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def weighted(digits: str, weights: Sequence[int], modulus: int) -> int:
    """The weighted sum of digits, modulo ``modulus``."""
    return sum(int(d) * w for d, w in zip(digits, weights, strict=False)) % modulus
