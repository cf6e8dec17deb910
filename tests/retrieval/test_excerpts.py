from __future__ import annotations

import pytest

from retrieval.excerpts import excerpt

LONG = "Nothing of note. " * 40 + "At noon two brown Bears crossed the river. " + "Rain. " * 60


@pytest.mark.parametrize(
    ("text", "asked", "marked"),
    [
        ("A bear in the grass", "bears in grass", ["bear", "grass"]),
        ("Invoice 4711 of Müller", "MÜLLER 4711", ["4711", "Müller"]),
        ("<b>bear</b>", "bear", ["bear"]),
        ("the and of", "the and of", []),
        ("A bear", "", []),
        ("", "bear", []),
        (LONG, "brown bear", ["brown", "Bears"]),
    ],
)
def test_words_asked_for_are_told_apart_and_nothing_is_lost(text, asked, marked):
    pieces = list(excerpt(text, asked))
    assert [piece for piece, hit in pieces if hit] == marked
    shown = "".join(piece for piece, _ in pieces)
    assert shown.strip("…") in text
    assert len(shown) <= 262
