"""Chunks and windows cover everything once, at the offsets they name."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.segmentation import (
    CHUNK_CHARACTERS,
    HOP_MS,
    WINDOW_MS,
    Chunk,
    Page,
    audio_windows,
    chunk_text,
    join_pages,
)


def assert_covers(pages: list[Page], chunks: list[Chunk]) -> None:
    whole = join_pages(pages)
    at = 0
    for ordinal, chunk in enumerate(chunks):
        assert chunk.ordinal == ordinal
        assert whole[chunk.start : chunk.end] == chunk.text
        assert chunk.start >= at
        assert not whole[at : chunk.start].strip()
        assert 0 < len(chunk.text) <= CHUNK_CHARACTERS
        at = chunk.end
    assert not whole[at:].strip()


words = st.text(st.sampled_from("ab.#! \n\u00e9\u4e2d\U0001f600e\u0301"), max_size=3000)


@given(st.lists(words, max_size=4))
def test_every_character_lies_in_exactly_one_chunk(texts):
    pages = [Page(number, text) for number, text in enumerate(texts, start=1)]
    assert_covers(pages, chunk_text(pages))


@pytest.mark.parametrize("texts", [[], [""], ["   \n\t "], ["", "\n"]])
def test_nothing_gives_no_chunks(texts):
    assert chunk_text([Page(None, text) for text in texts]) == []


def test_chunks_carry_their_page_and_do_not_cross_it():
    pages = [Page(1, "First page."), Page(2, ""), Page(3, "Third page.")]
    chunks = chunk_text(pages)
    assert [(chunk.page, chunk.text) for chunk in chunks] == [
        (1, "First page."),
        (3, "Third page."),
    ]


def test_a_heading_begins_a_chunk():
    text = "Preface.\n\n# One\n\nAlpha.\n\n## One and a half\n\nBeta.\n\n# Two\nGamma."
    chunks = chunk_text([Page(None, text)])
    assert [chunk.text for chunk in chunks] == [
        "Preface.",
        "# One\n\nAlpha.",
        "## One and a half\n\nBeta.",
        "# Two\nGamma.",
    ]


def test_a_heading_without_a_body_stays_with_what_follows():
    chunks = chunk_text([Page(None, "# Title\n\n## Part\n\nBody.\n\n# Last")])
    assert [chunk.text for chunk in chunks] == ["# Title\n\n## Part\n\nBody.", "# Last"]


def test_a_hash_inside_a_line_is_no_heading():
    chunks = chunk_text([Page(None, "Ticket # 5 is open.\n#tag is none either.")])
    assert len(chunks) == 1


def test_chunks_end_at_sentences():
    sentence = "The quick brown fox jumps over the lazy dog near the river bank. "
    chunks = chunk_text([Page(None, sentence * 100)])
    assert len(chunks) > 5
    assert all(chunk.text.endswith(".") for chunk in chunks)


@pytest.mark.parametrize("unit", ["word " * 20, "x" * 100, "A sentence stands here. "])
@pytest.mark.timeout(60)
def test_five_megabytes_on_one_line_are_cut(unit):
    # The timeout stands for "not quadratic": that would take hours, this takes seconds.
    pages = [Page(None, unit * (5_000_000 // len(unit)))]
    assert_covers(pages, chunk_text(pages))


def test_a_short_sound_is_one_window():
    assert audio_windows(1) == [(0, 1)]
    assert audio_windows(WINDOW_MS) == [(0, WINDOW_MS)]


@pytest.mark.parametrize("duration", [0, -5])
def test_a_sound_without_length_has_no_window(duration):
    assert audio_windows(duration) == []


def test_the_last_window_ends_with_the_sound():
    assert audio_windows(12_345) == [(0, 10_000), (2_345, 12_345)]
    assert audio_windows(15_000) == [(0, 10_000), (5_000, 15_000)]


@given(st.integers(WINDOW_MS, 4 * 3600 * 1000))
def test_windows_overlap_and_reach_both_ends(duration):
    windows = audio_windows(duration)
    assert windows[0][0] == 0
    assert windows[-1][1] == duration
    assert all(end - start == WINDOW_MS for start, end in windows)
    starts = [start for start, _ in windows]
    assert all(0 < after - before <= HOP_MS for before, after in pairwise(starts))
