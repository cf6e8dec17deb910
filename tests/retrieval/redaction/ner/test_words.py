"""Cutting text into words, and probabilities into spans."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.redaction.ner import decode, words
from retrieval.redaction.ner.tagger import LABELS


@given(st.text(alphabet=st.sampled_from("ab Zé.\n\t 1-@_\u2588\u0301\u4e2d'/:"), max_size=60))
def test_words_and_spaces_are_the_text(text):
    parts, starts, spaces = words.split(text)
    joined = "".join(part + " " * space for part, space in zip(parts, spaces, strict=True))
    assert joined == text
    assert all(parts)
    assert all(text.startswith(*one) for one in zip(parts, starts, strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("John's O'Brien", ["John", "'", "s", "O", "'", "Brien"]),
        ("a.b@c.de, x", ["a.b@c.de", ",", "x"]),
        ("2001-02-03 04:05", ["2001-02-03", "04:05"]),
        ("J\u00fcrgen_Schmidt.pdf", ["J\u00fcrgen", "_", "Schmidt", ".", "pdf"]),
        ("one  two\n\nthree", ["one", " ", "two", "\n\n", "three"]),
        ("\u2588\u2588\u2588 x", ["\u2588\u2588\u2588", "x"]),
        ("see https://x.org/a?b=c ok", ["see", "https://x.org/a?b=c", "ok"]),
    ],
)
def test_split(text, expected):
    assert words.split(text)[0] == expected


def test_a_very_long_word_is_cut():
    assert max(map(len, words.split("x" * 5_000)[0])) <= 64


def rows(*given):
    table = np.zeros((len(given), len(LABELS)), dtype=np.float32)
    for row, shares in zip(table, given, strict=True):
        for kind, share in shares.items():
            row[LABELS.index(kind)] = share
        row[0] = 1 - row.sum()
    return table


def spans(text, *given):
    parts, starts, _ = words.split(text)
    found = decode.spans(parts, starts, rows(*given))
    return sorted((one.kind, text[one.start : one.end], one.score) for one in found)


def test_a_surer_part_is_a_span_of_its_own():
    assert spans("Ann Lee ran", {"PERSON": 0.92}, {"PERSON": 0.45}, {}) == [
        ("PERSON", "Ann", 0.9),
        ("PERSON", "Ann Lee", 0.4),
    ]


def test_kinds_beside_each_other_are_apart_and_marks_are_cut_off():
    found = spans(
        "( Ann ) Oslo", {"PERSON": 0.9}, {"PERSON": 0.9}, {"PERSON": 0.9}, {"LOCATION": 1}
    )
    assert found == [("LOCATION", "Oslo", 0.95), ("PERSON", "Ann", 0.9)]


def test_a_person_who_might_be_a_place_is_both():
    found = spans("Paris", {"LOCATION": 0.5, "PERSON": 0.42})
    assert found == [("LOCATION", "Paris", 0.9), ("PERSON", "Paris", 0.4)]


@pytest.mark.parametrize("text", ["42", "the", "!", "?!"])
def test_what_no_name_can_be(text):
    assert spans(text, *[{"PERSON": 0.99}] * len(words.split(text)[0])) == []


def test_nothing():
    assert decode.spans([], [], rows()) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("qVi", "PERSON"),
        ("x", "PERSON"),
        ("MRb", "LOCATION"),
        ("1", "ADDRESS"),
        ("HD 8", "ADDRESS"),
    ],
)
def test_what_is_misread_in_pictures_is_no_name(text, kind):
    assert spans(text, *[{kind: 0.99}] * len(words.split(text)[0])) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("McLeod", "PERSON"),
        ("LeAnn", "PERSON"),
        ("\u9686 \u9234\u6728", "PERSON"),
        ("Bo", "PERSON"),
        ("12 Elm", "ADDRESS"),
        ("7", "AGE"),
    ],
)
def test_what_a_name_may_be(text, kind):
    found = spans(text, *[{kind: 0.99}] * len(words.split(text)[0]))
    assert found == [(kind, text, 0.95)]


def test_an_address_without_a_capital_is_doubted_if_short():
    assert spans("page 312", *[{"ADDRESS": 0.99}] * 2)[0] == ("ADDRESS", "page 312", 0.35)
    assert spans("3520", {"ADDRESS": 0.99})[0] == ("ADDRESS", "3520", 0.35)
    assert spans("12 elm road", *[{"ADDRESS": 0.99}] * 3)[0] == ("ADDRESS", "12 elm road", 0.95)


def test_a_colour_written_small_is_no_name():
    assert spans("brown", {"PERSON": 0.99}) == []
    assert spans("Brown", {"PERSON": 0.99}) == [("PERSON", "Brown", 0.95)]
    assert spans("chris brown", *[{"PERSON": 0.99}] * 2) == [("PERSON", "chris brown", 0.95)]
