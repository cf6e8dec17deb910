"""Forms of address before a name."""

from __future__ import annotations

from typing import Final

from retrieval.redaction.recognizers.frame import Pattern, PatternsRecognizer

_TITLES: Final = (
    r"Mr|Mrs|Ms|Miss|Mx|Messrs|Dr|Prof|Professor|Sir|Madam|Dame|Lord|Lady|Rev|Reverend|Hon"
    r"|Capt|Captain|Sgt|Lt|Col|Gen|"
    r"Herrn?|Frau|Doktor|M|Mme|Mlle|Monsieur|Madame|Mademoiselle|Sr|Sra|Srta|Señora?"
    r"|Señorita|Don|Doña|"
    r"Sig|Sig\.ra|Signora?|Signorina|Dott|Dott\.ssa|Ing|Avv|Dhr|Mevr|Mevrouw|Meneer"
)
_BEFORE_NAME: Final = rf"(?<![\w.])(?:{_TITLES})(?:\.|\b)(?=\s+[\p{{Lu}}\u2588<])"
_DOTTED: Final = r"(?<![\w.])(?:Mr|Mrs|Ms|Mx|Dr|Prof)\.(?!\w)"
_LOOSE: Final = r"(?i)(?<![\w.])(?:mr|mrs|ms|dr|prof)\.(?= \w)"


def titles() -> PatternsRecognizer:
    """Titles directly before a capital letter, or with their dot."""
    return PatternsRecognizer(
        "TitleRecognizer",
        (
            Pattern(
                "TITLE", _BEFORE_NAME, 0.7, lambda v: v not in {"M", "Don", "Gen", "Col", "Sr"}
            ),
            Pattern("TITLE", _DOTTED, 0.8),
            Pattern("TITLE", _LOOSE, 0.6),
        ),
        needs="",
    )
