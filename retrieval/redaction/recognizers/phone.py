"""Telephone numbers: shapes found by pattern, judged by libphonenumber's own metadata."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import phonenumbers

from retrieval.redaction.recognizers import phone_shapes as shapes
from retrieval.redaction.recognizers.frame import Recognizer
from retrieval.redaction.wordlist import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrieval.redaction.recognizers.frame import Span

_KIND: Final = "PHONE_NUMBER"
_Span = tuple[int, int]
_Scored = tuple[int, int, float]

# libphonenumber calls the United Kingdom GB. In the first group national numbers begin with a 0
# that is no part of them.
TRUNK_REGIONS: Final = words("GB DE FR NL BE AT CH IE SE FI AU IN RO BG SK HR SI")
BARE_REGIONS: Final = words("US ES IT PL DK PT NO CZ GR EE LV MT CY")

_INTERNATIONAL_SCORE: Final = 0.75
# Presidio's score for any number that is valid somewhere.
_NATIONAL_SCORE: Final = 0.4
# Without prefix or grouping, numbers look like any other: a context word must help.
_BARE_SCORE: Final = 0.2
# Valid nowhere, but grouped or long like one: people mistype, and exchanges are renumbered.
_SHAPE_SCORE: Final = 0.1
# Those that begin with 0, in nine digits or more, are surer than groups that happen to fit.
_TRUNK_SCORE: Final = 0.45
# With a plus sign before it, but valid nowhere.
_PLUS_SCORE: Final = 0.5
_LEVELS: Final = (
    _INTERNATIONAL_SCORE,
    _PLUS_SCORE,
    _TRUNK_SCORE,
    _NATIONAL_SCORE,
    _BARE_SCORE,
    _SHAPE_SCORE,
)
_SHAPE_DIGITS: Final = 9
_SHAPE_GROUPS: Final = 3

# ITU-T E.164: at most 15 digits, and two for an international prefix; fewer than seven are dates,
# prices and rooms.
_MIN_DIGITS: Final = 7
_MAX_DIGITS: Final = 17
# So many digits without blanks are seldom a quantity.
_SURE_DIGITS: Final = 9
# Groups of national numbers of eight digits: Denmark, Norway, Estonia, Latvia, Malta, Cyprus.
_EIGHT: Final = frozenset({(2, 2, 2, 2), (3, 2, 3), (4, 4), (2, 3, 3), (2, 6), (3, 5), (1, 3, 4)})


def _national(regions: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for every kind of number that is valid in one of ``regions``."""
    kinds = "fixed_line mobile toll_free premium_rate shared_cost personal_number voip uan pager"
    patterns: dict[str, None] = {}
    for region in regions:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
        for kind in kinds.split():
            description = getattr(metadata, kind, None)
            if description is not None and description.national_number_pattern:
                patterns[description.national_number_pattern] = None
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


_TRUNK: Final = _national(TRUNK_REGIONS)
_BARE: Final = _national(BARE_REGIONS)


_CONTEXT: Final = (
    "phone",
    "phone number",
    "telephone",
    "tel",
    "cell",
    "cellphone",
    "mobile",
    "call",
    "ring",
    "fax",
    "whatsapp",
    "sms",
    "telefon",
    "telefonnummer",
    "telefono",
    "teléfono",
    "téléphone",
    "portable",
    "handy",
    "mobil",
    "móvil",
    "rufnummer",
    "contact number",
    "desk",
    "dial",
    "hotline",
    "voicemail",
    "pager",
    "answering",
    "receiving messages",
    "numéro",
    "appeler",
    "llamar",
    "llame",
    "chiamare",
    "cellulare",
    "anrufen",
    "erreichbar",
    "telefoon",
    "telemóvel",
    "puhelin",
    "puh",
    "tlf",
    "ph",
    "komórka",
    "signal",
    "viber",
    "text me",
    "reach me",
    "number is",
)


class LocalPhoneRecognizer(Recognizer):
    """Numbers valid somewhere; the surer, the more they are written as numbers to call.

    Presidio's own recogniser runs libphonenumber's matcher over the whole text once a region: three
    kilobytes of figures a second.
    """

    needs = "digit"
    deniable = True

    def __init__(self) -> None:
        """Take our context words."""
        super().__init__(_KIND, words={_KIND: _CONTEXT})

    def spans(self, text: str) -> Iterator[Span]:
        """One span for every number."""
        for start, end, score in _numbers(text):
            yield _KIND, start, end, score


def _numbers(text: str) -> Iterator[_Scored]:
    for candidate in shapes.CANDIDATE.finditer(text):
        groups = [match.span() for match in shapes.GROUP.finditer(candidate[0])]
        if shapes.THOUSANDS.search(text, max(0, candidate.start() - 4), candidate.start() + 4):
            continue
        scored = [_scores(candidate[0], groups[first:]) for first in range(len(groups))]
        free = [True] * len(groups)
        # Sure numbers first, so that a house number before one does not swallow half of it.
        for least in _LEVELS:
            for first in range(len(groups)):
                count, score = _longest(scored[first], free[first:], least)
                if count:
                    free[first : first + count] = [False] * count
                    end = candidate.start() + groups[first + count - 1][1]
                    extension = shapes.EXTENSION.match(text, end)
                    end = extension.end() if extension else end
                    yield candidate.start() + groups[first][0], end, score


def _scores(text: str, groups: list[_Span]) -> list[float]:
    """Scores of the numbers that begin with the first group and have one, two, three... groups."""
    start = groups[0][0]
    if shapes.DATE.match(text, start):
        return []
    scores = []
    for count, (_, end) in enumerate(groups[:8], start=1):
        number = text[start:end]
        digits = re.sub(r"\D", "", number)
        possible = _MIN_DIGITS <= len(digits) <= _MAX_DIGITS
        scores.append(_score(number, digits, count) if possible else 0.0)
    return scores


def _longest(scores: list[float], free: list[bool], least: float) -> tuple[int, float]:
    """Groups and score of the longest number of free groups that scores ``least``.

    (0, 0.0) for none.
    """
    room = free.index(False) if False in free else len(free)
    for count in range(min(room, len(scores)), 0, -1):
        if scores[count - 1] >= least:
            return count, scores[count - 1]
    return 0, 0.0


def _score(number: str, digits: str, groups: int) -> float:
    """0 for what is no number anywhere and does not look like one."""
    if number.startswith(("+", "(+")):
        return _INTERNATIONAL_SCORE if _valid_abroad("+" + digits, number) else _PLUS_SCORE
    if digits.startswith("00") and _valid_abroad("+" + digits[2:], number):
        return _INTERNATIONAL_SCORE
    # How North America and some others dial abroad.
    if digits.startswith("011") and _valid_abroad("+" + digits[3:], number):
        return _INTERNATIONAL_SCORE
    shaped = groups >= _SHAPE_GROUPS or len(digits) >= _SHAPE_DIGITS
    shape = _SHAPE_SCORE if shaped and len(digits) <= _MAX_DIGITS - 2 else 0.0
    return max(_valid_at_home(number, digits, groups), shape)


def _valid_at_home(number: str, digits: str, groups: int) -> float:
    """The score of a number without country code."""
    if digits.startswith("0"):
        if shapes.YEARS.match(number) or shapes.DAY_FIRST.fullmatch(number):
            return 0.0
        return max(_trunk(digits, groups), _dialled(number))
    if shapes.NANP.fullmatch(number):
        return _NATIONAL_SCORE
    known = _BARE.fullmatch(digits) or _BARE.fullmatch(digits.removeprefix("1"))
    if known or shapes.HUNGARIAN.fullmatch(number):
        return max(_bare(number, digits, groups), _dialled(number))
    return _dialled(number)


def _dialled(number: str) -> float:
    return _NATIONAL_SCORE if shapes.dialled(number) else 0.0


def _trunk(digits: str, groups: int) -> float:
    """A national number that begins with 0: short ones only in groups."""
    if not (
        _TRUNK.fullmatch(digits[1:])
        or _BARE.fullmatch(digits)
        or shapes.HUNGARIAN.fullmatch(digits)
    ):
        return 0.0
    if len(digits) >= _SURE_DIGITS:
        return _TRUNK_SCORE
    return _NATIONAL_SCORE if groups > 1 and len(digits) >= shapes.FEW_DIGITS else _BARE_SCORE


def _bare(number: str, digits: str, groups: int) -> float:
    """A national number without a leading 0: nine digits, or eight as telephones group them."""
    if len(digits) >= _SURE_DIGITS:
        return _NATIONAL_SCORE
    sizes = tuple(len(group) for group in re.findall(r"\d+", number))
    usual = sizes in _EIGHT and not shapes.YEARS.match(number)
    return _NATIONAL_SCORE if usual and groups > 1 else _BARE_SCORE


def _valid_abroad(digits: str, number: str) -> bool:
    # "+44 (0)20 …": the 0 in brackets is dialled at home only; libphonenumber knows it in the
    # original spelling.
    spelled = number.replace(" ", "") if number.startswith("+") else digits
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(spelled, None))
    except phonenumbers.NumberParseException:
        return False
