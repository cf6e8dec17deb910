"""From lines in a picture to what of them is personal: orders, spellings, labels, shapes."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.redaction.image import labels, layout, noise, plates, shapes, tiles
from retrieval.redaction.image.script import Mark, joined
from retrieval.redaction.profiles import OPEN, STANDARD


def quad(x: float, y: float, width: float, height: float = 20.0) -> np.ndarray:
    corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
    return np.array(corners, np.float32)


def turned(quads: list[np.ndarray], degrees: float) -> list[np.ndarray]:
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return [(one @ matrix.T).astype(np.float32) for one in quads]


FORM = [quad(0, 0, 60), quad(200, 2, 120), quad(0, 36, 60), quad(200, 37, 120)]


@pytest.mark.parametrize("degrees", [0, 12, 90, 180, -35])
def test_a_form_is_read_by_rows_and_by_columns(degrees):
    (sheet,) = layout.sheets(turned(FORM, degrees))
    rows = [[place.index for place in row] for row in sheet.rows]
    assert rows == [[0, 1], [2, 3]]
    assert sorted(map(tuple, sheet.blocks())) == [(0, 2), (1, 3)]


def test_writing_that_runs_another_way_is_a_sheet_of_its_own():
    upright = turned([quad(0, 0, 80)], 90)[0]
    assert len(layout.sheets([*FORM, upright])) == 2


def test_a_script_knows_where_its_characters_stand():
    script = joined([[0, 1], [2]], ["ab", "cd", "ef"], line=" ", block="\n")
    assert script.text == "ab cd\nef"
    assert script.marks(1, 4) == [Mark(0, 1, 2), Mark(1, 0, 1)]
    shorter = script.without([(2, 3)])
    assert shorter.text == "abcd\nef"
    assert shorter.marks(1, 3) == [Mark(0, 1, 2), Mark(1, 0, 1)]
    with pytest.raises(ValueError, match="characters"):
        script.changed("x")


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("Card 41ll 1lll 1lll 11l1", "Card 4111 1111 1111 1111"),
        ("O2O 7946 O958", "020 7946 0958"),
        ("Oil and Soil", "Oil and Soil"),
        ("Bill paid 5 times", "Bill paid 5 times"),
    ],
)
def test_letters_among_digits_become_digits(read, meant):
    assert noise.digits(joined([[0]], [read], line="", block="")).text == meant


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("john.smith @example.corn", "john.smith@example.corn"),
        ("to john . smith@ example .com now", "to john.smith@example.com now"),
        ("john©example.com", "john@example.com"),
        ("we meet @ noon. Then", "we meet@noon.Then"),
    ],
)
def test_blanks_in_addresses_vanish(read, meant):
    assert noise.closed(joined([[0]], [read], line="", block="")).text == meant


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("4211 1111 1111 1121", ["CREDIT_CARD"]),  # Luhn's sum does not hold
        ("write john@example,corn", ["EMAIL_ADDRESS"]),
        ("+44 20 7946 0958", ["PHONE_NUMBER"]),
        ("DE44 5001 0517 5407 3249 32", ["CREDIT_CARD", "IBAN_CODE"]),
        ("123-45-6789", ["US_SSN"]),
        ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<", ["AT_PASSPORT"]),
        ("on 01.02.2024 - 03.04.2025", []),
        ("about 12,000 people in 1999", []),
        ("total 1234567", []),
    ],
)
def test_shapes_need_no_checksum(text, kinds):
    found = sorted({shape.kind for shape in shapes.shapes(text, STANDARD)})
    assert found == kinds


def test_shapes_that_a_profile_keeps_are_no_findings():
    assert not list(shapes.shapes("write john@example.com", OPEN))


@pytest.mark.parametrize("text", ["AB12 CDE", "AB-123-CD", "B-MW 1234", "1234 BCD", "ABC 1234"])
def test_a_plate_alone_in_a_photograph_is_found(text):
    assert plates.plates([text]) == [0]


def test_what_looks_like_a_plate_on_a_page_of_text_is_not_one():
    page = ["ABC 1234", *(f"line of text {n}" for n in range(9))]
    assert plates.plates(page) == []
    assert plates.plates([*page, "Vehicle"]) == [0]
    assert plates.plates(["AB12 CDE", *page]) == [0]


def found(quads, texts, profile=STANDARD):
    (sheet,) = layout.sheets(quads)
    return [
        (field.kind, texts[field.mark.line][field.mark.start : field.mark.end].strip())
        for field in labels.fields(sheet, texts, profile)
    ]


def test_values_stand_behind_their_label_beside_it_or_below():
    texts = ["Name", "Zq Xyzzy", "Date of birth: 03/04/1999", "hello"]
    assert found(FORM, texts) == [("PERSON", "Zq Xyzzy"), ("DATE_OF_BIRTH", "03/04/1999")]
    card = [quad(0, 0, 80), quad(0, 28, 120), quad(0, 80, 90), quad(0, 108, 110)]
    texts = ["Nachname", "MUSTER", "Ausweisnummer", "L01X00T47"]
    assert found(card, texts) == [("PERSON", "MUSTER"), ("ID_NUMBER", "L01X00T47")]


def test_a_label_is_no_value_and_a_filled_value_stays_filled():
    texts = ["Name", "\u2588", "E-mail:", "hello there"]
    assert found(FORM, texts) == [("EMAIL_ADDRESS", "hello there")]
    assert found(FORM, ["Name", "Phone", "x", "y"]) == []
    assert found(FORM, ["Name", "Zq Xyzzy", "x", "y"], OPEN) == []


def test_an_address_goes_on_below():
    lines = [quad(0, 0, 200), quad(90, 26, 110), quad(0, 60, 150)]
    texts = ["Address: 1 Mill Lane", "Leeds LS1 4AP", "Open from nine"]
    assert [value for _, value in found(lines, texts)] == ["1 Mill Lane", "Leeds LS1 4AP"]


@given(st.integers(1, 200).map(lambda n: n * tiles.MULTIPLE))
def test_tiles_cover_a_side_once(length):
    pieces = list(tiles.tiles(length))
    assert pieces[0].first == 0
    assert pieces[-1].last == length
    assert all(one.last == other.first for one, other in itertools.pairwise(pieces))
    for piece in pieces:
        assert piece.start <= piece.first < piece.last <= piece.end
        assert (piece.end - piece.start) % tiles.MULTIPLE == 0
