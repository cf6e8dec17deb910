import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.redaction.normalise import normalise


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("4111\u200b1111", "41111111"),
        ("\uff14\uff11", "41"),
        ("\u0664\u0661", "41"),
        ("\U0001d7d2", "4"),
        ("\u0430\u0435 1", "\u0430\u0435 1"),
        ("\u0430nn@ex\u0430mple.org", "ann@example.org"),
        ("ann\uff20example\u3002org", "ann@example.org"),
        ("jose\u0301 nu\u0303ez", "jos\u00e9 n\u0169ez"),
        ("x\u0323\u0300", "x\u0323\u0300"),
        ("a\u2028b", "a\nb"),
        ("1\u20112\u22123", "1-2-3"),
        ("1\u00a02\u202f3", "1 2 3"),
        ("caf\u00e9 \u65e5\u672c", "caf\u00e9 \u65e5\u672c"),
    ],
)
def test_tricks_are_undone(written, seen):
    assert normalise(written).text == seen


TRICKY = st.text(alphabet="ab1 \u200b\u2060\ufeff\u00ad\u0430\uff11\u00e9", max_size=60)


@given(TRICKY)
def test_offsets_lead_back_to_the_same_characters(text):
    view = normalise(text)
    invisible = "\u200b\u2060\ufeff\u00ad"
    assert len(view.text) == sum(char not in invisible for char in text)
    for index, char in enumerate(view.text):
        start, end = view.original(index, index + 1)
        assert end == start + 1
        assert text[start] not in invisible
        # A letter that looks like a Latin one is made so only in words of mixed script.
        assert char in {normalise(text[start]).text, normalise("1" + text[start]).text[-1]}


def test_a_span_takes_in_what_is_hidden_within_it_and_nothing_beside():
    text = "x\u200b41\u200b11\u200by"
    view = normalise(text)
    start, end = view.original(1, 5)
    assert text[start:end] == "41\u200b11"
