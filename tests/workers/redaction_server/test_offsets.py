import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.redaction.base import Finding
from workers.redaction_server.offsets import in_original, original_text
from workers.sandbox.decoders.plain import tidy


def finding(start, end):
    return Finding(kind="X", start=start, end=end, score=1.0, recognizer="r")


@given(st.text(alphabet="ab \t\r\n\x00\u0301e\u2028\u00e9", max_size=80))
def test_every_character_of_the_tidied_text_is_found_again(original):
    tidied = tidy(original)
    places = [finding(n, n + 1) for n in range(len(tidied))]
    placed = in_original(places, tidied=tidied, original=original)
    assert placed is not None
    for before, after in zip(places, placed, strict=True):
        char = tidied[before.start]
        here = original[after.start : after.end]
        assert here == char or (char == "\n" and here in "\r\n\u2028") or not char.isascii()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_texts_are_read_as_the_decoder_reads_them(encoding):
    assert original_text("Zürich\n".encode(encoding)) == "Zürich\n"


def test_what_is_not_utf8_is_windows_1252():
    assert original_text(b"Z\xfcrich") == "Zürich"


def test_texts_that_do_not_belong_together_give_nothing():
    assert in_original([finding(0, 1)], tidied="abc", original="xyz") is None
