from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.redaction.amending import (
    Extent,
    RegionError,
    covered,
    findings_moved,
    moved,
    regions_from,
    still_seen,
    text_amend,
    unaccepted,
)
from retrieval.redaction.base import Finding

TEXT = Extent("text", text=40)
PICTURE = Extent("image", width=100, height=50)
SOUND = Extent("audio", duration_ms=12_000)


def found(kind: str = "PERSON", **place) -> Finding:
    return Finding(kind=kind, score=0.9, recognizer="x", **place)


def drawn(start: int, end: int) -> Finding:
    return Finding(kind="DRAWN", score=1.0, recognizer="steward", start=start, end=end)


def test_regions_are_cut_to_what_there_is():
    (span,) = regions_from([{"start": -3, "end": 99}], extent=TEXT)
    assert (span.start, span.end, span.kind) == (0, 40, "DRAWN")
    (box,) = regions_from([{"box": [90, -5, 30, 20]}], extent=PICTURE)
    assert box.box == (90, 0, 10, 15)
    (time,) = regions_from([{"start_ms": 11_000, "end_ms": 20_000}], extent=SOUND)
    assert (time.start_ms, time.end_ms) == (11_000, 12_000)


@pytest.mark.parametrize(
    ("given_", "extent"),
    [
        ([], TEXT),
        ([{"start": 5, "end": 5}], TEXT),
        ([{"start": 50, "end": 60}], TEXT),
        ([{"start": 1}], TEXT),
        ([{"start": 1, "end": 2, "note": "x"}], TEXT),
        ([{"start": 1.5, "end": 3}], TEXT),
        ([{"start": True, "end": 3}], TEXT),
        ([{"start": "1", "end": 3}], TEXT),
        ([{"box": [1, 2, 3, 4]}], TEXT),
        ([{"box": [1, 2, 3]}], PICTURE),
        ([{"box": [200, 2, 3, 4]}], PICTURE),
        ([{"box": [1, 2, 0, 4]}], PICTURE),
        ([{"start_ms": 13_000, "end_ms": 14_000}], SOUND),
        ([{"start": 1, "end": 2}], Extent("depth")),
        ([{"start": 1, "end": 2}] * 501, TEXT),
    ],
)
def test_what_cannot_be_meant_is_refused(given_, extent):
    with pytest.raises(RegionError):
        regions_from(given_, extent=extent)


def test_same_words_same_number_and_placeholders_go_whole():
    text = "Ann met <PERSON_1> and Bob; then ann left. <DRAWN_4>"
    at = text.index
    made = text_amend(
        text,
        [drawn(at("Bob"), at("Bob") + 3), drawn(0, 3), drawn(at("ann"), at("ann") + 3)],
    )
    assert made.text == "<DRAWN_5> met <PERSON_1> and <DRAWN_6>; then <DRAWN_5> left. <DRAWN_4>"
    half = text_amend(text, [drawn(at("PERSON"), at("and") + 3)])
    assert half.text == "Ann met <DRAWN_5> Bob; then ann left. <DRAWN_4>"


spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 12)).map(lambda s: drawn(s[0], s[0] + s[1])),
    min_size=1,
    max_size=5,
)


@given(text=st.text(alphabet="ab\n<>_1\U0001f600", min_size=80, max_size=80), regions=spans)
def test_every_untouched_character_is_where_it_is_said_to_be(text, regions):
    made = text_amend(text, regions)
    for place, character in enumerate(text):
        if not any(edit.start <= place < edit.end for edit in made.edits):
            assert made.text[moved(place, made.edits)] == character
    for region in regions:
        assert any(e.start <= region.start and region.end <= e.end for e in made.edits)
    grown = sum(edit.length - (edit.end - edit.start) for edit in made.edits)
    assert len(made.text) == len(text) + grown
    assert moved(len(text), made.edits) == len(made.text)


def test_findings_move_with_the_text_and_go_with_what_is_taken_out():
    text = "Ann and Bob and Cy"
    made = text_amend(text, [drawn(0, 3)])
    findings = [found(start=0, end=3), found(start=8, end=11), found("METADATA:exif")]
    bob, metadata = findings_moved(findings, made.edits)
    assert made.text[bob.start : bob.end] == "Bob"
    assert metadata == findings[2]


def test_a_cover_keeps_length_and_lines():
    text = "Ann\nand Bob"
    assert covered(text, [found(start=1, end=6)]) == "A\u2588\u2588\n\u2588\u2588d Bob"
    assert covered(text, [found(start=9, end=99)]) == "Ann\nand B\u2588\u2588"


@pytest.mark.parametrize(
    ("again", "accepted", "passes"),
    [
        (found(start=5, end=15), found(start=5, end=15), True),
        (found(start=5, end=15), found(start=8, end=30), True),
        (found(start=5, end=15), found(start=9, end=30), False),
        (found("EMAIL", start=5, end=15), found(start=5, end=15), False),
        (found(box=(10, 10, 20, 20)), found(box=(11, 9, 20, 20)), True),
        (found(box=(10, 10, 40, 40)), found(box=(11, 9, 20, 20)), False),
        (found(box=(0, 0, 5, 5), page=2), found(box=(0, 0, 5, 5), page=1), False),
        (found(start_ms=0, end_ms=900), found(start_ms=0, end_ms=1000), True),
        (found(start_ms=0, end_ms=9000), found(start_ms=0, end_ms=1000), False),
        (found(start_ms=0, end_ms=900), found(start=0, end=900), False),
        (found("METADATA:exif"), found("METADATA:exif"), True),
        (found("PERSON"), found(start=0, end=5), False),
    ],
)
def test_what_a_steward_accepted_is_passed_over_there_and_nowhere_else(again, accepted, passes):
    assert (unaccepted([again], [accepted]) == ()) is passes


@pytest.mark.parametrize(
    ("low", "taken", "seen"),
    [
        (
            found(box=(10, 10, 40, 20)),
            [found(box=(0, 0, 35, 60)), found(box=(30, 0, 60, 60))],
            False,
        ),
        (found(box=(10, 10, 40, 20)), [found(box=(0, 0, 35, 60))], True),
        (found(box=(10, 10, 40, 20)), [], True),
        (found(start_ms=0, end_ms=1000), [found(start_ms=0, end_ms=2000)], False),
        (found(start_ms=0, end_ms=1000), [found(start_ms=500, end_ms=2000)], True),
        (found(start=0, end=5), [found(start=0, end=9)], True),
        (found("METADATA:exif"), [found(box=(0, 0, 9, 9))], True),
    ],
)
def test_doubts_under_what_was_taken_out_are_none(low, taken, seen):
    assert still_seen([low], taken) == ((low,) if seen else ())
