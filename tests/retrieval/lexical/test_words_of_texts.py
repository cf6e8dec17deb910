"""What of a text and of a query is matched, and how sure a match is: tables, no database."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canary.forms import patterns
from retrieval.lexical import curve
from retrieval.lexical.store import LexicalMatch, _gate, _weight
from retrieval.lexical.words import MAX_UNITS, Question, Unit, lexemes_of, question_of

NAMES = st.text("abcdefgh", min_size=3, max_size=9)


def asked(text: str) -> list[str]:
    return [unit.word or unit.code for unit in question_of(text).units]


def stored(text: str) -> set[str]:
    found = lexemes_of(text)
    return {*found.words, *found.codes}


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("A brown bear in the grass", ["brown", "bear", "grass"]),
        ("bear BEAR Bear", ["bear"]),
        ("AB-1234", ["ab1234"]),
        ("1,234.50 euros", ["123450", "euros"]),
        ("12.05.2024", ["12052024"]),
        ("U.S.A. e-mail", ["usa", "email"]),
        ("picnic-table", ["picnic", "table"]),
        ("the dog's bowl", ["dog", "bowl"]),
        ("der Hund auf dem Sofa", ["hund", "sofa"]),
        ("die Katze und der Hund", ["katze", "hund"]),
        ("der die das", []),
        ("man", ["man"]),
        ("dog", ["dog"]),
        ("the of and", []),
        ("🐻🎉 ?! …", []),
        ("<PERSON_1> <EMAIL_ADDRESS:0a1b2c3d> met", ["met"]),
        ("棕色的熊", ["棕色", "色的", "的熊"]),
        ("熊", ["熊"]),
        ("ＡＢ－１２", ["ab12"]),
        ("x" * 65, []),
        ("", []),
    ],
)
def test_what_is_asked_for(text, units):
    assert asked(text) == units


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Pump AB-1234 leaks", "ab1234"),
        ("Pump AB 1234 leaks", "AB-1234"),
        ("Pump AB1234 leaks", "ab 1234"),
        ("after 10 km", "10km"),
        ("call +49 30 901820 today", "4930901820"),
        ("by e-mail", "email"),
        ("École", "École"),
        ("東京タワー", "タワー"),
        ("see https://example.org/a", "example"),
    ],
)
def test_the_same_thing_written_otherwise(text, query):
    held = stored(text)
    assert all(unit in held for unit in asked(query)), (held, asked(query))


def test_parts_of_a_code_that_are_far_apart_are_not_the_code():
    assert "ab1234" not in stored("AB is a blood group. Room 1234 is closed.")


def test_of_a_long_query_the_words_that_tell_most_are_asked():
    common = "man woman dog house city water people school music family"
    text = common + " " + " ".join(f"zyx{chr(97 + n % 26)}{chr(97 + n // 26)}q" for n in range(60))
    units = question_of(text).units
    assert len(units) == MAX_UNITS
    assert not {unit.word for unit in units} & set(common.split())


@given(st.text(max_size=300))
def test_nothing_is_too_strange(text):
    question = question_of(text)
    held = stored(text)
    assert all("\0" not in one and "'" not in one and one for one in held)
    assert all(unit.code in held for unit in question.units if unit.code)
    assert all(unit.tells > 0 for unit in question.units)


@given(st.lists(st.floats(3, 10), min_size=1, max_size=12), st.floats(0.05, 1), st.data())
def test_whatever_matches_enough_passes_the_gate(tells, least, data):
    """The few units looked up in the index miss no row that would have matched enough."""
    units = [Unit(f"w{n}", "", tell) for n, tell in enumerate(tells)]
    needed = int(least * sum(map(_weight, units))) or 1
    gate = {number - 1 for number in _gate(units, needed)}
    matched = data.draw(st.sets(st.integers(0, len(units) - 1)))
    if sum(_weight(units[n]) for n in matched) >= needed:
        assert matched & gate


def match(question: Question, matched: tuple[int, ...], *, size: int = 40) -> LexicalMatch:
    return LexicalMatch(
        segment_id=1,
        asset_id=uuid.UUID(int=1),
        collection_id=uuid.UUID(int=2),
        modality="text",
        matched=matched,
        share=sum(question.units[n].tells for n in matched) / question.tells,
        size=size,
    )


def sure(text: str, *matched: int, size: int = 40) -> float:
    question = question_of(text)
    return curve.probability(question, match(question, matched, size=size))


def test_more_of_the_query_is_never_less_sure():
    steps = [sure("rooster crows school roof", *range(n)) for n in range(1, 5)]
    assert steps == sorted(steps)
    assert steps[0] < 0.1 < curve.THRESHOLD < steps[-1]


def test_a_rare_code_alone_is_a_match_and_a_missing_one_is_none():
    assert sure("leaking pump AB-1234", 2) > curve.THRESHOLD
    assert sure("leaking pump AB-1234", 0, 1) < curve.THRESHOLD
    assert sure("pump 7", 1) < curve.THRESHOLD


def test_several_common_words_in_a_long_text_are_less_sure_than_in_a_title():
    assert sure("dog house", 0, 1, size=200) < curve.THRESHOLD < sure("dog house", 0, 1, size=4)


@pytest.mark.parametrize(
    "token",
    ["anna.lind@example.org", "+49 30 901820 102", "DE89 3704 0044", "Straße-4711", "lindqvist"],
)
def test_what_was_missed_by_redaction_would_be_found_among_the_words(token):
    """The search for tokens knows how words are kept: see ``manage.py canary``."""
    held = b" ".join(one.encode() for one in stored(f"Please tell {token} about it."))
    assert any(one.form == "plain" and one.data.lower() in held for one in patterns(token))
