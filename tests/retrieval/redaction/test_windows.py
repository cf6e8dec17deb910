import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.redaction.windows import windows


@given(st.text(alphabet="ab \n", max_size=500), st.integers(8, 64), st.integers(0, 20))
def test_cores_cover_the_text_once_and_windows_reach_beyond(text, core, margin):
    found = list(windows(text, core_chars=core, margin_chars=margin))
    assert "".join(text[w.core_start : w.core_end] for w in found) == text
    for window in found:
        assert window.core_end - window.core_start <= core
        assert window.start == max(0, window.core_start - margin)
        assert window.end == min(len(text), window.core_end + margin)


@pytest.mark.parametrize("text", ["x" * 10_000, "x" * 9_999 + " "])
def test_text_without_spaces_is_cut_all_the_same(text):
    assert len(list(windows(text))) == 3


def test_words_are_not_cut():
    text = "word " * 3000
    assert all(text[w.core_end - 1] == " " for w in windows(text))
