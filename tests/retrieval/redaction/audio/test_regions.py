"""From scores to stretches of time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.redaction.audio.regions import MARGIN_MS, at_most, covered, merged, regions
from retrieval.redaction.audio.vad import Scores


def scores(forward, backward=None):
    first = np.array(forward, np.float32)
    return Scores(first, first if backward is None else np.array(backward, np.float32))


def spans(found):
    return [(one.start_ms, one.end_ms) for one in found]


def cells(*parts):
    """``(count, score)`` pairs as one row of cells of 16 ms."""
    return np.concatenate([np.full(count, value, np.float32) for count, value in parts])


def test_speech_goes_on_while_the_score_stays_above_the_release():
    row = cells((50, 0.0), (10, 0.9), (10, 0.45), (10, 0.9), (50, 0.0))
    (one,) = regions(scores(row), threshold=0.5)
    assert (one.start_ms, one.end_ms) == (800 - MARGIN_MS, 1280 + MARGIN_MS)
    assert one.score == pytest.approx(0.9)


def test_what_never_reaches_the_threshold_or_only_for_a_moment_is_no_speech():
    assert regions(scores(cells((20, 0.0), (30, 0.45), (20, 0.0))), threshold=0.5) == []
    assert regions(scores(cells((20, 0.0), (2, 0.95), (20, 0.0))), threshold=0.5) == []
    assert regions(scores(cells((20, 0.0), (30, 0.45), (20, 0.0))), threshold=0.4)


def test_each_direction_places_its_edge_and_a_missed_word_stays():
    forward = cells((50, 0.0), (40, 0.9), (10, 0.6), (50, 0.0))
    backward = cells((40, 0.0), (10, 0.6), (40, 0.9), (60, 0.0))
    (one,) = regions(scores(forward, backward), threshold=0.5)
    assert (one.start_ms, one.end_ms) == (800 - MARGIN_MS, 1440 + MARGIN_MS)
    late = cells((100, 0.0), (30, 0.9), (20, 0.0))  # forwards, the first second is missed
    early = cells((30, 0.0), (100, 0.9), (20, 0.0))
    (one,) = regions(scores(late, early), threshold=0.4)
    assert one.start_ms <= 30 * 16 + 300


def test_a_short_pause_is_part_of_speech_and_a_long_one_is_not():
    near = cells((30, 0.0), (20, 0.9), (20, 0.0), (20, 0.9), (30, 0.0))
    apart = cells((30, 0.0), (20, 0.9), (60, 0.0), (20, 0.9), (30, 0.0))
    assert len(regions(scores(near), threshold=0.5)) == 1
    assert len(regions(scores(apart), threshold=0.5)) == 2


def test_margins_do_not_begin_before_the_sound():
    (one,) = regions(scores(cells((20, 0.9), (40, 0.0))), threshold=0.5)
    assert one.start_ms == 0
    assert regions(scores([]), threshold=0.5) == []


INTERVALS = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(1, 500)).map(lambda p: (p[0], p[0] + p[1])),
    max_size=40,
)


@given(INTERVALS, st.integers(1, 10))
def test_fewer_intervals_cover_all_that_more_did(intervals, count):
    fewer = at_most(intervals, count)
    assert len(fewer) <= count
    for start, end in intervals:
        assert covered(start, end, fewer) == end - start
    if len(merged(intervals)) <= count:
        assert fewer == merged(intervals)


def test_the_narrowest_gaps_close_first():
    assert at_most([(0, 10), (500, 510), (515, 520)], 2) == [(0, 10), (500, 520)]
